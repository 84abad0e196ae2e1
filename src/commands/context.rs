//! What every command is handed: time, environment, and the way to print.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use crate::clock::Clock;
use crate::environment::Environment;
use crate::key::Source;

use super::network::ToldSkew;
use super::{Invocation, Printer};

/// The world as a command sees it.
pub struct Context {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What was typed.
    pub invocation: Invocation,
    /// When the command began.
    pub started: Instant,
    /// The environment as it stood at the start.
    pub environment: Environment,
    /// The only way to stdout and stderr.
    pub printer: Printer,
    /// What was last said of this host's clock.
    pub(super) skew: Arc<ToldSkew>,
}

impl Context {
    /// Another copy, for what goes on beside a command and is not waited for when
    /// it ends, as a keeper that waits for AWS: what such a thread uses has to
    /// stay, and is never freed.
    #[must_use]
    pub fn lasting(&self) -> &'static Self {
        self.speaking_by(self.printer.clone())
    }

    /// The same, for what concerns one profile.
    pub(super) fn lasting_of(&self, profile: &str) -> &'static Self {
        self.speaking_by(self.printer.of_profile(profile))
    }

    /// The same with another command line, which is only looked at.
    pub(super) fn of_invocation(&self, invocation: Invocation) -> Self {
        Self {
            clock: Arc::clone(&self.clock),
            invocation,
            started: self.started,
            environment: self.environment.clone(),
            printer: self.printer.clone(),
            skew: Arc::clone(&self.skew),
        }
    }

    fn speaking_by(&self, printer: Printer) -> &'static Self {
        Box::leak(Box::new(Self {
            printer,
            ..self.of_invocation(self.invocation.clone())
        }))
    }

    /// As [`Environment::path`].
    #[must_use]
    pub fn path(&self, typed: &Path) -> PathBuf {
        self.environment.path(typed)
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::super::printer::Style;
    use super::*;
    use crate::clock::FixedClock;

    /// A keeper judges by the clock that its command was handed.
    #[test]
    fn what_lasts_keeps_the_clock() {
        let then = DateTime::UNIX_EPOCH;
        let context = Context {
            clock: Arc::new(FixedClock(then)),
            invocation: Invocation::new([]),
            started: Instant::now(),
            environment: Environment::default(),
            printer: Printer::new(Style::default()),
            skew: Arc::default(),
        };
        assert_eq!(context.lasting().clock.now(), then);
    }
}
