//! The options that say which session is wanted and how it is obtained. Every
//! verb that needs credentials has them, and so has a profile of the config
//! file.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use crate::rolesanywhere::{ProfileArn, RoleArn, RoleSessionName, SessionDuration, TrustAnchorArn};

use super::{CacheDirectory, IdentityArgs, Origin, ProfileBehind, ProxyArgs, RoleChainArgs};

/// Which session, from where, with whose certificate. What is required is
/// checked when the options, the environment and the profile are together.
#[derive(Args, Clone, Debug, Default)]
pub struct SessionArgs {
    /// Certificate and private key
    #[command(flatten)]
    pub identity: IdentityArgs,

    /// ARN of the trust anchor
    #[arg(
        long,
        value_name = "ARN",
        env = "WINDLASS_TRUST_ANCHOR_ARN",
        hide_env_values = true
    )]
    pub trust_anchor_arn: Option<TrustAnchorArn>,

    /// ARN of the profile
    #[arg(
        long,
        value_name = "ARN",
        env = "WINDLASS_PROFILE_ARN",
        hide_env_values = true
    )]
    pub profile_arn: Option<ProfileArn>,

    /// ARN of the role to assume
    #[arg(
        long,
        value_name = "ARN",
        env = "WINDLASS_ROLE_ARN",
        hide_env_values = true
    )]
    pub role_arn: Option<RoleArn>,

    /// Life of the session in seconds, 900 to 43200
    ///
    /// The profile may shorten it. Below 1200 the AWS CLI and boto3 ask again
    /// at every use
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "3600",
        env = "WINDLASS_SESSION_DURATION",
        hide_env_values = true,
        allow_negative_numbers = true
    )]
    pub session_duration: SessionDuration,

    /// Session name, if the profile accepts one
    #[arg(
        long,
        value_name = "NAME",
        env = "WINDLASS_ROLE_SESSION_NAME",
        hide_env_values = true
    )]
    pub role_session_name: Option<RoleSessionName>,

    /// Signing region; by default that of the trust anchor
    #[arg(
        long,
        value_name = "REGION",
        env = "WINDLASS_REGION",
        hide_env_values = true
    )]
    pub region: Option<String>,

    /// Endpoint to call instead of the region's own
    ///
    /// Without the option, $AWS_ENDPOINT_URL_ROLESANYWHERE or $AWS_ENDPOINT_URL
    /// names it. http:// is allowed on loopback only
    #[arg(
        long,
        value_name = "URL",
        env = "WINDLASS_ENDPOINT",
        hide_env_values = true
    )]
    pub endpoint: Option<String>,

    /// Call the region's FIPS endpoint
    #[arg(long)]
    pub fips: bool,

    /// Call the region's dual-stack endpoint
    #[arg(long)]
    pub dual_stack: bool,

    /// File with further CA certificates to trust for TLS
    ///
    /// They are trusted besides those that are built in. Without the option,
    /// $AWS_CA_BUNDLE or $SSL_CERT_FILE names the file
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_CA_BUNDLE",
        hide_env_values = true
    )]
    pub ca_bundle: Option<PathBuf>,

    /// DANGEROUS: accept any TLS certificate
    ///
    /// Whoever sits in between can take the credentials
    #[arg(long)]
    pub no_verify_ssl: bool,

    /// The way to AWS
    #[command(flatten)]
    pub proxy: ProxyArgs,

    /// Accepted for compatibility: $HTTPS_PROXY is always honoured
    #[arg(long)]
    pub with_proxy: bool,

    /// Obtain a new session, and do not keep it for others
    #[arg(long)]
    pub no_cache: bool,

    /// Where the cache is
    #[command(flatten)]
    pub cache: CacheDirectory,

    /// File with profiles
    ///
    /// By default ~/.config/windlass/config.toml, and for profiles that it does
    /// not have /etc/windlass/config.toml
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,

    /// Same as --verbose
    #[arg(long)]
    pub debug: bool,

    /// Roles to assume with the session
    #[command(flatten)]
    pub chain: RoleChainArgs,

    /// The profile that some of the values come from
    #[arg(skip)]
    pub profile_behind: Option<Arc<ProfileBehind>>,
}

/// The profile of a verb that takes one.
#[derive(Args, Clone, Debug, Default)]
pub struct ProfileArgs {
    /// Profile of the config file whose options are used
    ///
    /// Options and $WINDLASS_ variables go before those of the profile. Where
    /// none is named and no ARN is given, it is the one called default
    #[arg(
        long,
        value_name = "NAME",
        env = "WINDLASS_PROFILE",
        hide_env_values = true
    )]
    pub profile: Option<String>,
}

impl ProfileArgs {
    /// What is meant.
    #[must_use]
    pub fn choice(&self) -> ProfileChoice<'_> {
        self.profile
            .as_deref()
            .map_or(ProfileChoice::Usual, ProfileChoice::Named)
    }
}

/// Which profile of the config file a verb uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProfileChoice<'a> {
    /// This one, which must exist.
    Named(&'a str),
    /// This one, which has to exist where it is named and no ARN is given.
    Perhaps(&'a str),
    /// The verb itself sees to it, since it may use several.
    Several,
    /// The one called `default`, if it exists and no ARN is given.
    Usual,
    /// This one, if it exists: it is about to be written.
    Written(&'a str),
}

impl ProfileChoice<'_> {
    /// The name of the profile where none is named.
    pub const USUAL: &'static str = "default";
}

impl SessionArgs {
    /// Where the value of an option stands, which is named with underscores.
    #[must_use]
    pub fn origin(&self, key: &str) -> Origin {
        let of_profile = self.profile_behind.as_ref();
        of_profile
            .and_then(|profile| profile.origin(key))
            .unwrap_or_else(|| Origin::Option {
                key: key.to_owned(),
            })
    }

    /// Options that a profile cannot have: they say where profiles are, or they
    /// hold a secret, which belongs into no such file.
    pub const NOT_IN_PROFILES: [&'static str; 5] = [
        "config",
        "debug",
        "pkcs8_password",
        "tpm_key_password",
        "with_proxy",
    ];

    /// The options that a profile may have, by the names of their keys there.
    /// Written down, since building the definition to ask it takes longer than
    /// everything else that a profile costs; a test compares the two.
    pub const PROFILE_KEYS: [&'static str; 41] = [
        "allow_insecure_key_permissions",
        "assume_role",
        "assume_role_session_name",
        "ca_bundle",
        "cache_dir",
        "cert_selector",
        "certificate",
        "dual_stack",
        "endpoint",
        "external_id",
        "fips",
        "identity",
        "intermediates",
        "no_cache",
        "no_proxy",
        "no_tpm_key_password",
        "no_verify_ssl",
        "passphrase_credential",
        "passphrase_env",
        "passphrase_fd",
        "passphrase_file",
        "passphrase_from",
        "pkcs11_lib",
        "private_key",
        "profile_arn",
        "proxy",
        "region",
        "reuse_pin",
        "role_arn",
        "role_session_name",
        "session_duration",
        "session_policy",
        "session_policy_arn",
        "session_tag",
        "signer_command",
        "signer_input",
        "sts_endpoint",
        "tpm_device",
        "transitive_tag_key",
        "trust_anchor_arn",
        "use_latest_expiring_certificate",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_option_is_a_key_of_profiles_or_is_not_for_a_reason() {
        let options = crate::cli::option_ids::<SessionArgs>();
        let known: BTreeSet<String> = SessionArgs::PROFILE_KEYS
            .into_iter()
            .chain(SessionArgs::NOT_IN_PROFILES)
            .map(str::to_owned)
            .collect();
        assert_eq!(options, known);
        assert!(SessionArgs::PROFILE_KEYS.is_sorted());
    }
}
