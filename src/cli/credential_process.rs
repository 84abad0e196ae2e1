//! `windlass credential-process`

use clap::Args;

use super::{ProfileArgs, SessionArgs};

/// Print temporary credentials for an AWS SDK's credential_process
///
/// Signs CreateSession with the certificate's key and prints the credentials as
/// the one JSON document that AWS SDKs expect. They are kept in a cache that
/// only this user can read, and asked for anew when half of their life is over.
/// A line for aws_signing_helper on Linux keeps working.
#[derive(Args, Debug)]
#[command(after_long_help = "\
In ~/.aws/config, on one line, with absolute paths:
  [profile backup]
  credential_process = /usr/bin/windlass credential-process --profile backup

Examples:
  windlass credential-process \\
      --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --trust-anchor-arn \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup \\
      --endpoint http://127.0.0.1:9910
  windlass credential-process \\
      --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --trust-anchor-arn \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup \\
      --assume-role arn:aws:iam::210987654321:role/restore --external-id on-prem \\
      --endpoint http://127.0.0.1:9910 --sts-endpoint http://127.0.0.1:9910")]
pub struct CredentialProcess {
    /// Profile
    #[command(flatten)]
    pub profile: ProfileArgs,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}
