//! `windlass credential-process`

use std::path::PathBuf;

use clap::Args;

use crate::rolesanywhere::{ProfileArn, RoleArn, RoleSessionName, SessionDuration, TrustAnchorArn};

use super::IdentityArgs;

/// Print temporary credentials for an AWS SDK's credential_process
///
/// Signs CreateSession with the certificate's key and prints the credentials as
/// the one JSON document that AWS SDKs expect. A line for aws_signing_helper on
/// Linux keeps working.
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("place").args(["certificate", "cert_selector"]).required(true).multiple(true)),
    after_long_help = "\
In ~/.aws/config, on one line, with absolute paths:
  [profile backup]
  credential_process = /usr/bin/windlass credential-process --certificate ...

Example:
  windlass credential-process \\
      --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --trust-anchor-arn \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup \\
      --endpoint http://127.0.0.1:9910"
)]
pub struct CredentialProcess {
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
    pub trust_anchor_arn: TrustAnchorArn,

    /// ARN of the profile
    #[arg(
        long,
        value_name = "ARN",
        env = "WINDLASS_PROFILE_ARN",
        hide_env_values = true
    )]
    pub profile_arn: ProfileArn,

    /// ARN of the role to assume
    #[arg(
        long,
        value_name = "ARN",
        env = "WINDLASS_ROLE_ARN",
        hide_env_values = true
    )]
    pub role_arn: RoleArn,

    /// Life of the session in seconds, 900 to 43200
    ///
    /// The profile may shorten it. Below 1200 the AWS CLI and boto3 ask again
    /// at every use
    #[arg(
        long,
        value_name = "SECONDS",
        default_value = "3600",
        env = "WINDLASS_SESSION_DURATION",
        hide_env_values = true
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

    /// Accepted for compatibility: $HTTPS_PROXY is always honoured
    #[arg(long)]
    pub with_proxy: bool,

    /// Same as --verbose
    #[arg(long)]
    pub debug: bool,
}
