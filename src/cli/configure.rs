//! `windlass configure`

use clap::Args;

use crate::delivery::ini::ProfileName;

use super::{ProfileChoice, SessionArgs};

/// Write a profile, and name it in ~/.aws/config
///
/// The options that are given (also by $WINDLASS_ variables) become a profile of
/// the config file, beside what it says already, and ~/.aws/config
/// ($AWS_CONFIG_FILE) gets the line credential_process in the section of that
/// name, and the region of the trust anchor where it has none. Comments and everything else in both files stay as they are; a second
/// run changes nothing.
///
/// When the section, or that of ~/.aws/credentials, has other credentials that
/// SDKs would take first, nothing is written without --force.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass configure --profile backup \\
      --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --trust-anchor-arn \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup")]
pub struct Configure {
    /// Profile to write, in both files
    #[arg(
        long,
        value_name = "NAME",
        default_value = ProfileChoice::USUAL,
        env = "WINDLASS_PROFILE",
        hide_env_values = true
    )]
    pub profile: ProfileName,

    /// Print what would be written, and write nothing
    #[arg(long)]
    pub print: bool,

    /// Do not look whether the files that are named exist
    ///
    /// For those that are made later
    #[arg(long)]
    pub no_check: bool,

    /// Write although other credentials are configured there
    ///
    /// The credential_process of another program is replaced; everything else
    /// stays, and SDKs go on to prefer it
    #[arg(long)]
    pub force: bool,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}

impl Configure {
    /// Which profile of the config file the options are put beside.
    #[must_use]
    pub fn choice(&self) -> ProfileChoice<'_> {
        ProfileChoice::Written(self.profile.as_str())
    }
}
