//! `windlass update`

use std::path::PathBuf;

use clap::Args;

use crate::delivery::ini::ProfileName;

use super::{ProfileChoice, SessionArgs};

/// Keep temporary credentials in ~/.aws/credentials
///
/// Writes a session into one section of AWS's shared credentials file, and a new
/// one at half of its life, until it is told to stop (SIGTERM, SIGINT). Failures
/// are reported and tried again. It works for programs that read the file anew:
/// SDKs read it once, when they start, and serve long-running ones better by
/// credential_process.
///
/// Only aws_access_key_id, aws_secret_access_key and aws_session_token of that
/// section are set, and aws_security_token is removed, which boto3 would prefer;
/// everything else stays byte for byte. A file that boto3 would refuse is not
/// touched. Mode and owner stay; a new file is for its owner alone. Symbolic
/// links are followed; of a file with several names (hard links) the others keep
/// the old content.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass update --once --profile backup --credentials-file aws-credentials \\
      --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --trust-anchor-arn \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup \\
      --endpoint http://127.0.0.1:9910

With profiles in ~/.config/windlass/config.toml, each into the section of its name:
  windlass update --all")]
pub struct Update {
    /// Section to write, and the profile of the config file whose options are used
    ///
    /// There need not be such a profile in the config file where an ARN is given
    #[arg(
        long,
        value_name = "NAME",
        default_value = ProfileChoice::USUAL,
        env = "WINDLASS_PROFILE",
        hide_env_values = true
    )]
    pub profile: ProfileName,

    /// Every profile of the config file, each into the section of its name
    #[arg(long, conflicts_with = "profile")]
    pub all: bool,

    /// Write once and end
    #[arg(long)]
    pub once: bool,

    /// File to write instead of ~/.aws/credentials
    ///
    /// Without the option, $AWS_SHARED_CREDENTIALS_FILE names it
    #[arg(long, value_name = "FILE")]
    pub credentials_file: Option<PathBuf>,

    /// Replace an access key that is not temporary (AKIA...)
    #[arg(long)]
    pub force: bool,

    /// Write into the file itself, as for a bind mount
    ///
    /// By default a new file takes the old one's place, and a reader sees one or
    /// the other. With this option a reader may for a moment see a part of the
    /// new one. What a crash cuts short is completed by the next run, from a
    /// journal that is made durable before (.NAME.windlass-journal beside the
    /// file, gone when all went well)
    #[arg(long)]
    pub in_place: bool,

    /// Print what was written as JSON, without secrets
    ///
    /// With --once one document, else one line for each session
    #[arg(long)]
    pub json: bool,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}

impl Update {
    /// Which profile of the config file is meant.
    #[must_use]
    pub fn choice(&self) -> ProfileChoice<'_> {
        if self.all {
            ProfileChoice::Several
        } else {
            ProfileChoice::Perhaps(self.profile.as_str())
        }
    }
}
