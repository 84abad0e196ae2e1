//! `windlass cache`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Show or empty the cache of sessions
///
/// Processes of one user share the sessions that they obtain, so that AWS is
/// asked once. The cache is in $XDG_RUNTIME_DIR/windlass, else in windlass below
/// $XDG_CACHE_HOME or ~/.cache.
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cache {
    /// What to do
    #[command(subcommand)]
    pub command: CacheCommand,
}

/// What can be done with the cache.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum CacheCommand {
    Clear(CacheClear),
    List(CacheList),
}

/// Which cache is meant.
#[derive(Args, Clone, Debug, Default)]
pub struct CacheDirectory {
    /// Directory of the session cache
    ///
    /// Only its owner may have access to it. By default windlass below
    /// $XDG_RUNTIME_DIR, else below $XDG_CACHE_HOME or ~/.cache
    #[arg(
        long,
        value_name = "DIR",
        env = "WINDLASS_CACHE_DIR",
        hide_env_values = true
    )]
    pub cache_dir: Option<PathBuf>,
}

/// Forget all sessions of this user
///
/// AWS knows nothing of it: a session that somebody has copied stays valid until
/// its end.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass cache clear")]
pub struct CacheClear {
    /// Cache
    #[command(flatten)]
    pub directory: CacheDirectory,
}

/// List the sessions of this user, without their secrets
///
/// Each with the profiles of the config files ($WINDLASS_CONFIG) that lead to it;
/// one that options led to has none.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass cache list
  windlass cache list --json")]
pub struct CacheList {
    /// Cache
    #[command(flatten)]
    pub directory: CacheDirectory,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
