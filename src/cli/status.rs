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
    #[arg(long, value_name = "NAME")]
    pub profile: Vec<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Session
    #[command(flatten)]
    pub session: SessionArgs,
}
