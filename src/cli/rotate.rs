//! `windlass rotate`

use clap::Args;

use super::{ProfileChoice, RotationArgs, SessionArgs};

/// Renew an identity's certificate when it is due, and get its first one
///
/// Made for cron and timers: run it often, it does nothing until two thirds of the
/// certificate's life are over (half, if it lives less than 10 days), a little
/// earlier by an amount that is each host's own. Then it makes a new key, has it
/// certified by a CA on this machine (--ca-dir) or by a command that takes the
/// request on its stdin and prints the chain (--issuer-command), looks at the answer,
/// tries it out with Roles Anywhere where the options name a role, and puts key and
/// certificate in force together, by one rename. Until then the old ones are in
/// force, whatever happens, and a run that dies is gone on with by the next one.
///
/// An identity is a directory (--identity): DIR/current leads to the version in
/// force, with key.pem, cert.pem, chain.pem and fullchain.pem. Programs that read
/// certificates are given DIR/current/fullchain.pem and DIR/current/key.pem. It belongs
/// on a local disk: on NFS the lock keeps the runs of one host apart, and not those of
/// several.
///
/// After a failure the next runs wait, longer after each: up to an hour after what may
/// pass by itself, up to 6 hours after what somebody has to mend, never longer than a
/// tenth of what the certificate has left, and once it has ended up to 10 minutes.
/// Hooks that fail are run again by the next run, without another renewal.
///
/// So that mail of cron is worth reading, not each run tells what is known already. A
/// failure that may pass by itself is told when it is new, again when the certificate
/// is overdue (a quarter of the time between being due and its end is gone) and then
/// once a day, and with little time left or none once an hour; also when there are 28,
/// 7, 3, 2 and 1 days and 12, 6, 2 and 1 hours left. What somebody has to mend, a
/// refusal or a hook, is told once a day at least. On a terminal, and with --force,
/// --exit-code, --json or --verbose, each run tells it, and each leaves a line in
/// --log-file and --syslog.
///
/// The exit code does not depend on that: a run that says nothing may end with another
/// code than 0, for a timer to be shown as failed until it is mended. A run that waits
/// ends as the one did that failed, and with 7 once the certificate has expired. The
/// code is that of what stopped it, wherever that was: 2 for options, programs that are
/// not there and a passphrase that is given nowhere, 3 for a refusal by Roles Anywhere
/// or by the policy of the CA, also while nobody answers afterwards, 4 for keys and
/// certificates that cannot be used and a wrong passphrase, 5 for what may pass by
/// itself, and 1 for the rest, as an issuer or a hook that fails.
///
/// A profile of the config file may say all of this (identity, cn, ca_dir and so on);
/// --all looks after every profile that does. Options go before variables, and those
/// before the profile. Of what may be repeated a variable gives one.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass rotate --identity web --cn web-1 --ca-dir ca --passphrase-file passphrase
  windlass rotate --identity web --cn web-1 --ca-dir ca --passphrase-file passphrase --check
  windlass rotate --identity db --cn db-1 --san db-1.example.com \\
      --trust-anchor ca/trust-anchor.pem --issuer-command \\
      'windlass ca sign --dir ca --csr - --out - --passphrase-file passphrase'")]
pub struct Rotate {
    /// Profile of the config file whose options are used
    #[arg(
        long,
        value_name = "NAME",
        env = "WINDLASS_PROFILE",
        hide_env_values = true
    )]
    pub profile: Option<String>,

    /// Every profile of the config file that names an identity and who certifies it
    #[arg(long, conflicts_with_all = ["profile", "identity", "cn"])]
    pub all: bool,

    /// Renew now, whenever it is due, in a change window or not
    #[arg(long)]
    pub force: bool,

    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "force")]
    pub check: bool,

    /// End with 10 when something was renewed or put right, or with --check would be
    #[arg(long)]
    pub exit_code: bool,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,

    /// What the identity is to be
    #[command(flatten)]
    pub rotation: RotationArgs,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}

impl Rotate {
    /// Which profile of the config file is meant.
    #[must_use]
    pub fn choice(&self) -> ProfileChoice<'_> {
        match &self.profile {
            _ if self.all => ProfileChoice::Several,
            Some(name) => ProfileChoice::Named(name),
            None => ProfileChoice::Usual,
        }
    }

    /// Whether there is an identity, and somebody who certifies it.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.session.identity.identity.is_some()
            && (self.rotation.ca_dir.is_some() || self.rotation.issuer_command.is_some())
    }
}
