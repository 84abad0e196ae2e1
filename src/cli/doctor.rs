//! `windlass doctor`

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::Args;

use crate::delivery::ini::ProfileName;

use super::{ProfileArgs, ProfileChoice, SessionArgs, value};

/// Say why no credentials come, and what to do about it
///
/// Looks at everything that a session takes: the options and where each comes
/// from, files and their modes, key and certificate, the way to AWS, this host's
/// clock, and AWS's own two files with what goes before windlass there. Then it
/// asks Roles Anywhere for a session, as a program would, and forgets it. AWS
/// refuses with one flat sentence for many causes; which one it is follows from
/// everything together. The likeliest cause stands first, each with where it shows
/// and with the next step.
///
/// With what 'aws ... get-*' prints of the trust anchor, the profile and the role
/// in files, the rules of Roles Anywhere and the role's trust policy are judged
/// here, also without AWS. What cannot be judged is named with the command that
/// gets what is missing, and is never taken for good.
///
/// The exit codes: 0 a session is granted, or would be; 1 something is wrong; 2 the
/// options cannot be used; 6 it cannot be told.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass doctor --profile backup
  windlass doctor --profile backup --verbose --json
  windlass doctor --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --trust-anchor-arn \\
      arn:aws:rolesanywhere:us-east-1:123456789012:alias/trust-anchor/main \\
      --profile-arn arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/backup \\
      --role-arn arn:aws:iam::123456789012:role/backup \\
      --trust-anchor-file ca/trust-anchor.pem \\
      --endpoint http://127.0.0.1:9910")]
pub struct Doctor {
    /// Do not ask AWS: judge what is here
    #[arg(long, visible_alias = "no-live")]
    pub offline: bool,

    /// The time for which it is judged, as in 2026-11-20T08:00:00Z, with a right clock
    ///
    /// AWS is not asked, as with --offline
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub at: Option<DateTime<Utc>>,

    /// Profile of AWS's own files, whose credential_process is looked at
    ///
    /// Its command line says which session is meant, as an SDK runs it. Without the
    /// option, the profiles that lead to the same session are looked at
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with_all = ["profile", "certificate", "identity", "private_key", "trust_anchor_arn", "profile_arn", "role_arn"]
    )]
    pub aws_profile: Option<ProfileName>,

    /// The trust anchor: PEM, or what 'aws rolesanywhere get-trust-anchor' prints
    #[arg(long, value_name = "FILE")]
    pub trust_anchor_file: Option<PathBuf>,

    /// What 'aws rolesanywhere get-profile' prints
    #[arg(long, value_name = "FILE")]
    pub profile_file: Option<PathBuf>,

    /// What 'aws iam get-role' prints
    #[arg(long, value_name = "FILE")]
    pub role_file: Option<PathBuf>,

    /// The role's trust policy alone, as JSON
    #[arg(long, value_name = "FILE", conflicts_with = "role_file")]
    pub trust_policy_file: Option<PathBuf>,

    /// The trust anchor's revocation lists; may be repeated
    ///
    /// PEM or DER, or what 'aws rolesanywhere list-crls' or get-crl prints
    #[arg(long, value_name = "FILE")]
    pub crl_file: Vec<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Profile
    #[command(flatten)]
    pub profile: ProfileArgs,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}

impl Doctor {
    /// Whether AWS is asked.
    #[must_use]
    pub const fn is_offline(&self) -> bool {
        self.offline || self.at.is_some()
    }

    /// What is meant: with a profile of AWS's files none of this program's, which
    /// the command line there names by itself.
    #[must_use]
    pub fn choice(&self) -> ProfileChoice<'_> {
        match self.aws_profile {
            Some(_) => ProfileChoice::Several,
            None => self.profile.choice(),
        }
    }
}
