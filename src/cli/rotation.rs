//! What an identity is to be, as options and profiles say it.

use std::path::PathBuf;
use std::time::Duration;

use chrono::TimeDelta;
use clap::{Arg, Args};

use crate::authority::CommonName;
use crate::host::ChangeWindow;
use crate::key::KeyType;
use crate::limits;
use crate::process::CommandLine;

use super::{NameArgs, value};

/// What an identity is to be, who certifies it, and when. A profile of the config
/// file may say all of it.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(
    next_help_heading = "Rotation",
    mut_arg("san", |san| of_variable(san, "WINDLASS_SAN")),
    mut_arg("organization", |name| of_variable(name, "WINDLASS_ORGANIZATION")),
    mut_arg("ou", |unit| of_variable(unit, "WINDLASS_OU"))
)]
pub struct RotationArgs {
    /// The common name of its certificates
    ///
    /// It becomes the source identity CN=NAME and the session tag
    /// x509Subject/CN: at most 61 letters, digits, spaces and _ . : / = + - @
    #[arg(long, value_name = "NAME", env = "WINDLASS_CN", hide_env_values = true)]
    pub cn: Option<CommonName>,

    /// Its other names
    #[command(flatten)]
    pub names: NameArgs,

    /// Type of its keys: p256, p384, rsa2048, rsa3072 or rsa4096
    #[arg(
        long,
        value_name = "TYPE",
        default_value_t = KeyType::P256,
        env = "WINDLASS_KEY_TYPE",
        hide_env_values = true
    )]
    pub key_type: KeyType,

    /// Keep the key when the certificate is renewed
    #[arg(long, env = "WINDLASS_REUSE_KEY", hide_env_values = true)]
    pub reuse_key: bool,

    /// Longest that a key is kept, as in 365d
    #[arg(
        long,
        value_name = "TIME",
        value_parser = value::period,
        env = "WINDLASS_MAX_KEY_AGE",
        hide_env_values = true
    )]
    pub max_key_age: Option<TimeDelta>,

    /// CA on this machine that certifies: its directory
    ///
    /// What it has revoked is renewed at once; what it has on hold is not renewed.
    /// --passphrase-from and its like open its key. $WINDLASS_CA_DIR names it for
    /// 'windlass ca' too
    #[arg(
        long,
        value_name = "DIR",
        conflicts_with = "issuer_command",
        env = "WINDLASS_CA_DIR",
        hide_env_values = true
    )]
    pub ca_dir: Option<PathBuf>,

    /// The profile of that CA's policy
    #[arg(
        long,
        value_name = "NAME",
        env = "WINDLASS_CA_PROFILE",
        hide_env_values = true
    )]
    pub ca_profile: Option<String>,

    /// Life of the certificates of that CA in days
    #[arg(
        long,
        value_name = "DAYS",
        value_parser = value::number("a life in days", 1..=3650_u32, "30"),
        env = "WINDLASS_DAYS",
        hide_env_values = true
    )]
    pub days: Option<u32>,

    /// Program that certifies, as in 'ssh ca.example.com windlass-sign'
    ///
    /// It is run without a shell, gets the request (PKCS#10, PEM) on its stdin and
    /// prints the certificate and those above it in PEM. What it prints has to be for
    /// the key and the names of the request and lead to --trust-anchor. It ends with 5
    /// or 75 where another try is worth it soon; the run then ends with 5, with 2 where
    /// there is no such program, and else with 1. The same holds for hooks
    #[arg(
        long,
        value_name = "COMMAND",
        env = "WINDLASS_ISSUER_COMMAND",
        hide_env_values = true
    )]
    pub issuer_command: Option<CommandLine>,

    /// Longest that it may take, as in 60s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        value_parser = deadline,
        env = "WINDLASS_ISSUER_TIMEOUT",
        hide_env_values = true
    )]
    pub issuer_timeout: Duration,

    /// Root certificates to which a new certificate has to lead
    ///
    /// With --ca-dir the root of that CA, if nothing is said
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_TRUST_ANCHOR",
        hide_env_values = true
    )]
    pub trust_anchor: Option<PathBuf>,

    /// Renew when less than this is left, as in 7d
    ///
    /// Not before a tenth of a certificate's life is over, or each run would renew what
    /// the one before has just obtained; --check says where that is so
    #[arg(
        long,
        value_name = "TIME",
        value_parser = value::period,
        env = "WINDLASS_WITHIN",
        hide_env_values = true
    )]
    pub within: Option<TimeDelta>,

    /// When it may be changed, as in '0 2 * * SUN 3h Europe/Berlin'
    ///
    /// A cron expression, how long from then on, and the time zone; may be repeated.
    /// With less than a sixth of its life left a certificate is renewed at any time
    #[arg(
        long,
        value_name = "WINDOW",
        env = "WINDLASS_WINDOW",
        hide_env_values = true
    )]
    pub window: Vec<ChangeWindow>,

    /// Program that is run before the change, and stops it by failing
    ///
    /// It is run without a shell; may be repeated. It is told by variables:
    /// $WINDLASS_HOOK (before or after), $WINDLASS_HOOK_IDENTITY (the directory),
    /// $WINDLASS_HOOK_VERSION, $WINDLASS_HOOK_SERIAL, $WINDLASS_HOOK_OLD_SERIAL,
    /// $WINDLASS_HOOK_NOT_AFTER, and the paths $WINDLASS_HOOK_CERTIFICATE,
    /// $WINDLASS_HOOK_PRIVATE_KEY, $WINDLASS_HOOK_CHAIN and $WINDLASS_HOOK_FULLCHAIN,
    /// which lead through DIR/current: before the change to what is in force still
    #[arg(
        long,
        value_name = "COMMAND",
        env = "WINDLASS_BEFORE_HOOK",
        hide_env_values = true
    )]
    pub before_hook: Vec<CommandLine>,

    /// Program that is run after the change, as in 'systemctl reload nginx'
    ///
    /// One that fails is run again by the next run, without another renewal, and the run
    /// ends with 1, or with 5 or 2 as below --issuer-command. One that is corrected
    /// meanwhile takes the place of the one that failed. See --before-hook
    #[arg(
        long,
        value_name = "COMMAND",
        env = "WINDLASS_AFTER_HOOK",
        hide_env_values = true
    )]
    pub after_hook: Vec<CommandLine>,

    /// Longest that each of them may take, as in 60s
    #[arg(
        long,
        value_name = "TIME",
        default_value = "60s",
        value_parser = deadline,
        env = "WINDLASS_HOOK_TIMEOUT",
        hide_env_values = true
    )]
    pub hook_timeout: Duration,

    /// Do not try a new certificate out with Roles Anywhere
    #[arg(long, env = "WINDLASS_NO_PROBE", hide_env_values = true)]
    pub no_probe: bool,

    /// Group that may read the key: its name or number
    ///
    /// Key files of the next versions have mode 0640, directories 0750; versions that
    /// are there stay as they are. Without it everything is its owner's alone, or as
    /// it was
    #[arg(
        long,
        value_name = "GROUP",
        env = "WINDLASS_GROUP",
        hide_env_values = true
    )]
    pub group: Option<String>,

    /// File at a fixed path for the private key, beside the identity's directory
    ///
    /// For programs that cannot be given a path below DIR/current. Owner, mode and
    /// SELinux context of a file that is there stay, unless --file-owner and its like
    /// say others; a symbolic link is followed.
    /// The files change one after the other: a program that reads them at that
    /// moment may get a key and a certificate that do not belong together. What a
    /// crash cuts short is completed by the next run
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_KEY_FILE",
        hide_env_values = true
    )]
    pub key_file: Option<PathBuf>,

    /// The same for the certificate
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_CERT_FILE",
        hide_env_values = true
    )]
    pub cert_file: Option<PathBuf>,

    /// The same for the certificates above it
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_CHAIN_FILE",
        hide_env_values = true
    )]
    pub chain_file: Option<PathBuf>,

    /// The same for the certificate and those above it
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_FULLCHAIN_FILE",
        hide_env_values = true
    )]
    pub fullchain_file: Option<PathBuf>,

    /// User to whom the files at fixed paths belong: the name or number
    ///
    /// Without it a file that is there keeps its owner, and a new one has this user,
    /// or where that is root the owner of its directory. Only root can give files away
    #[arg(
        long,
        value_name = "USER",
        env = "WINDLASS_FILE_OWNER",
        hide_env_values = true
    )]
    pub file_owner: Option<String>,

    /// Their group: its name or number
    #[arg(
        long,
        value_name = "GROUP",
        env = "WINDLASS_FILE_GROUP",
        hide_env_values = true
    )]
    pub file_group: Option<String>,

    /// Mode of --key-file, as in 0640: from 0400 to 0640
    ///
    /// Without it a file that is there keeps its mode, and a new one has 0600
    #[arg(
        long,
        value_name = "MODE",
        value_parser = value::mode,
        env = "WINDLASS_KEY_FILE_MODE",
        hide_env_values = true
    )]
    pub key_file_mode: Option<u32>,

    /// Mode of the other files at fixed paths: from 0400 to 0644
    ///
    /// Without it a file that is there keeps its mode, and a new one has 0644
    #[arg(
        long,
        value_name = "MODE",
        value_parser = value::mode,
        env = "WINDLASS_CERT_FILE_MODE",
        hide_env_values = true
    )]
    pub cert_file_mode: Option<u32>,

    /// SELinux context of the files at fixed paths, as in system_u:object_r:cert_t:s0
    ///
    /// Without it a file that is there keeps its own, and a new one has what the
    /// system's rules give it
    #[arg(
        long,
        value_name = "CONTEXT",
        value_parser = value::context,
        env = "WINDLASS_FILE_CONTEXT",
        hide_env_values = true
    )]
    pub file_context: Option<String>,

    /// How many versions are kept, the one in force included
    #[arg(
        long,
        value_name = "NUMBER",
        default_value = "3",
        value_parser = value::number("a number of versions", 2..=100_usize, "3"),
        env = "WINDLASS_KEEP",
        hide_env_values = true
    )]
    pub keep: usize,
}

impl RotationArgs {
    /// The options that a profile may have, by the names of their keys there.
    pub const PROFILE_KEYS: [&'static str; 30] = [
        "after_hook",
        "before_hook",
        "ca_dir",
        "ca_profile",
        "cert_file",
        "cert_file_mode",
        "chain_file",
        "cn",
        "days",
        "file_context",
        "file_group",
        "file_owner",
        "fullchain_file",
        "group",
        "hook_timeout",
        "issuer_command",
        "issuer_timeout",
        "keep",
        "key_file",
        "key_file_mode",
        "key_type",
        "max_key_age",
        "no_probe",
        "organization",
        "ou",
        "reuse_key",
        "san",
        "trust_anchor",
        "window",
        "within",
    ];
}

/// Gives an option its variable here: 'windlass ca' has the same options, and none of
/// their variables.
fn of_variable(option: Arg, name: &'static str) -> Arg {
    option.env(name).hide_env_values(true)
}

/// A time that something may take: from a second to an hour.
fn deadline(text: &str) -> Result<Duration, String> {
    let period = value::period(text)?;
    let seconds = u64::try_from(period.num_seconds()).unwrap_or(0);
    let deadline = Duration::from_secs(seconds);
    if deadline.is_zero() || deadline > limits::LONGEST_DEADLINE {
        return Err(format!(
            "it must be from 1s to {}s",
            limits::LONGEST_DEADLINE.as_secs()
        ));
    }
    Ok(deadline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_option_is_a_key_of_profiles() {
        let options = crate::cli::option_ids::<RotationArgs>();
        let known: BTreeSet<String> = RotationArgs::PROFILE_KEYS
            .into_iter()
            .map(str::to_owned)
            .collect();
        assert_eq!(options, known);
        assert!(RotationArgs::PROFILE_KEYS.is_sorted());
    }

    #[test]
    fn deadlines_are_from_a_second_to_an_hour() {
        assert_eq!(deadline("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(deadline("1h"), Ok(limits::LONGEST_DEADLINE));
        for wrong in ["0s", "61m", "60", "-1s", "", "1d"] {
            assert!(deadline(wrong).is_err(), "{wrong}");
        }
    }
}
