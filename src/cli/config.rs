//! `windlass config`

use clap::{Args, Subcommand};

use super::{ProfileArgs, SessionArgs};

/// Show what is configured
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Config {
    /// What to do
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum ConfigCommand {
    Show(Box<ConfigShow>),
}

/// Show which options are in force, and where each comes from
///
/// Options go before $WINDLASS_ variables, and those before the profile. What
/// nothing was said about is not shown.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass config show --profile backup
  windlass config show --profile backup --json")]
pub struct ConfigShow {
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
