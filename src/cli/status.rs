//! `windlass status`

use clap::Args;

use super::SessionArgs;

/// Show how each profile stands: its session, and the identity that is renewed for it
///
/// Of a session its last refresh, its last failure and its next one, as the cache
/// knows them: AWS is not asked. Of an identity the version in force, its life, when
/// it is renewed, what failed last, when it is tried again, hooks that are owed, and
/// below the table what is not in order, with what has to be typed. --identity alone
/// shows that identity, without any profile.
///
/// What is not in order is what 'windlass check' finds, by the schedule alone. The
/// exit code is 0 whatever is shown; a monitor or a script asks 'windlass check',
/// whose codes are those of a Nagios plugin.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass status
  windlass status --identity web
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
