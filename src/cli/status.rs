//! `windlass status`

use clap::Args;

use super::SessionArgs;

/// Show the session of each profile: its last refresh, its last failure, its next one
///
/// It is what the cache knows; AWS is not asked.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass status
  windlass status --profile backup --json")]
pub struct Status {
    /// Profile to show; may be repeated; by default all
    #[arg(
        long,
        value_name = "NAME",
        env = "WINDLASS_PROFILE",
        hide_env_values = true,
        conflicts_with = "all"
    )]
    pub profile: Vec<String>,

    /// Every profile of the config file, also where $WINDLASS_PROFILE names one
    #[arg(long)]
    pub all: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}
