//! `windlass generate`

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// Write man pages and shell completions
#[derive(Args, Debug)]
pub struct Generate {
    /// What to write
    #[command(subcommand)]
    pub command: GenerateCommand,
}

/// The verbs of `windlass generate`.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// Print the completions of a shell
    #[command(after_long_help = "\
Example:
  windlass generate completions bash > windlass.bash")]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Write one man page for each command, and one of the rules for sessions
    #[command(after_long_help = "\
Example:
  windlass generate man man1")]
    Man {
        /// The directory; it is made when it does not exist
        directory: PathBuf,
    },
}
