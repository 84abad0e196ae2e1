//! What every command is handed: time, environment, and the way to print.

use crate::clock::Clock;
use crate::environment::Environment;

use super::Printer;

/// The world as a command sees it.
pub struct Context {
    /// The time.
    pub clock: Box<dyn Clock>,
    /// The environment as it stood at the start.
    pub environment: Environment,
    /// The only way to stdout and stderr.
    pub printer: Printer,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({:?})", self.environment)
    }
}
