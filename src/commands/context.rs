//! What every command is handed: time, environment, and the way to print.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::key::Source;

use super::Printer;

/// The world as a command sees it.
pub struct Context {
    /// The time.
    pub clock: Box<dyn Clock>,
    /// When the command began.
    pub started: Instant,
    /// The environment as it stood at the start.
    pub environment: Environment,
    /// The only way to stdout and stderr.
    pub printer: Printer,
}

impl Context {
    /// The path that is meant: `~/` at its beginning is the home directory,
    /// since neither AWS SDKs nor `--option=~/…` in a shell expand it.
    #[must_use]
    pub fn path(&self, typed: &Path) -> PathBuf {
        match (typed.strip_prefix("~"), self.environment.get("HOME")) {
            (Ok(rest), Some(home)) => Path::new(home).join(rest),
            _ => typed.to_owned(),
        }
    }

    /// The source that is meant, with `~/` resolved in a file's name.
    #[must_use]
    pub fn source(&self, typed: &Source) -> Source {
        match typed {
            Source::File(path) => Source::File(self.path(path)),
            other => other.clone(),
        }
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({:?})", self.environment)
    }
}
