//! `windlass check`

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::Args;

use crate::host::{ChangeWindow, Margin};

use super::{AnswerArgs, value};

/// Tell a monitor how the identities of this host are
///
/// Looks at an identity as 'windlass rotate' keeps it: what is left of its
/// certificate, whether key, certificate and chain belong together, its issuer's end,
/// what failed last and when it is tried again, whether runs take place at all, hooks
/// that are owed, the files at fixed paths, owners and modes, and the clock. Nothing is
/// changed, no lock is taken and nobody is asked. Without any option it looks at the
/// identities of all profiles, and of profiles without one at the file of their
/// certificate.
///
/// Of a profile its schedule, change windows, names, roots and fixed files count; a
/// directory alone (--identity) is judged by the usual schedule. Certificates that
/// something else renews are named by --certificate.
///
/// The exit codes are those of a Nagios plugin, and not of the table of windlass:
/// 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. The first line says what is worst, with
/// the numbers behind a |; a line for each thing follows. Each begins with OK,
/// WARNING, CRITICAL or UNKNOWN, the name of the profile or the path, and what was
/// looked at: certificate, key, parts, chain, issuer, names, state, renewal, runs,
/// begun, hooks, files, modes, clock.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass check --identity web
  windlass check --identity web --warn 20% --critical 3d --json
  windlass check --certificate web-1/fullchain.pem --textfile windlass.prom --quiet")]
pub struct Check {
    /// Directory of an identity that 'windlass rotate' keeps
    ///
    /// With one --profile instead of the one that the profile names
    #[arg(
        long,
        value_name = "DIR",
        env = "WINDLASS_IDENTITY",
        hide_env_values = true
    )]
    pub identity: Option<PathBuf>,

    /// Profile of the config file; may be repeated; by default all
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

    /// Certificate that something else renews; may be repeated
    ///
    /// A file in PEM, with those above it or without, or in DER; its key is not needed
    #[arg(long, value_name = "FILE")]
    pub certificate: Vec<PathBuf>,

    /// How much is left when there is a warning, as in 7d or 20%
    ///
    /// A share is one of the life. By default when it is overdue: a quarter of the
    /// time between being due for renewal and the end is gone
    #[arg(long, value_name = "LEFT")]
    pub warn: Option<Margin>,

    /// How much is left when it is critical, as in 3d or 10%
    ///
    /// By default half of that time and less than a sixth of the life
    #[arg(long, value_name = "LEFT")]
    pub critical: Option<Margin>,

    /// When an identity is renewed, if rotate is told so: see 'windlass rotate'
    #[arg(long, value_name = "TIME", value_parser = value::period)]
    pub within: Option<TimeDelta>,

    /// When it may be changed, if rotate is told so: see 'windlass rotate'
    #[arg(long, value_name = "WINDOW")]
    pub window: Vec<ChangeWindow>,

    /// File with profiles
    ///
    /// By default ~/.config/windlass/config.toml, and for profiles that it does
    /// not have /etc/windlass/config.toml
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,

    /// Answer
    #[command(flatten)]
    pub answer: AnswerArgs,
}
