//! `windlass env` and `windlass exec`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use crate::delivery::Form;

use super::{ProfileArgs, SessionArgs};

/// Print credentials as environment variables
///
/// For programs that know nothing of profiles. The variables are not renewed:
/// 'windlass exec' or 'windlass serve' are for what runs longer than a session.
///
/// AWS_REGION and AWS_DEFAULT_REGION are among them: as they are set here, else
/// with the region of the trust anchor.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  eval \"$(windlass env --profile backup)\"
  windlass env --profile backup --format dotenv --out app.env")]
pub struct Env {
    /// Form: sh, fish, powershell, dotenv, systemd or json
    ///
    /// dotenv is what docker run --env-file reads, systemd what EnvironmentFile=
    /// of a unit does
    #[arg(
        long,
        value_name = "FORM",
        default_value = "sh",
        value_parser = forms(),
        hide_possible_values = true
    )]
    pub format: Form,

    /// Write them to this file, readable by its owner alone
    ///
    /// A file that is there is replaced only when it holds such variables
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Profile
    #[command(flatten)]
    pub profile: ProfileArgs,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}

/// The names of all forms, which completions offer too.
fn forms() -> impl TypedValueParser<Value = Form> {
    PossibleValuesParser::new(Form::ALL.map(Form::name)).try_map(|name| name.parse::<Form>())
}

/// Run a command with credentials in its environment
///
/// The command takes the place of windlass: signals and the exit status are its
/// own. AWS_PROFILE and AWS_DEFAULT_PROFILE are taken out of its environment,
/// since some SDKs prefer them; AWS_REGION and AWS_DEFAULT_REGION are set to the
/// region of the trust anchor where they are not set. Where the command does not start, the exit code
/// is 127 when there is none of that name, and else 126.
///
/// With --serve windlass stays beside the command, with an endpoint on loopback
/// that nobody else has the token of, and the SDK in the command gets new
/// credentials from it for as long as it runs. Signals are handed on, and the
/// exit status is the command's (128 and the signal's number where one ended it).
/// Credentials of the default profile in ~/.aws go before such an endpoint.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass exec --profile backup -- sh -c 'test -n \"$AWS_SESSION_TOKEN\"'
  windlass exec --profile backup --serve -- sh -c 'test -n \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\"'")]
pub struct Exec {
    /// Renew the credentials for as long as the command runs
    #[arg(long)]
    pub serve: bool,

    /// Profile
    #[command(flatten)]
    pub profile: ProfileArgs,

    /// The command with its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}
