//! The only way out: data to stdout, everything else to stderr.

use std::io::Write;

use super::Error;

/// Prints. stdout carries data or nothing; a failure to write it is an error,
/// since somebody is waiting for it.
#[derive(Clone, Copy, Debug)]
pub struct Printer {
    verbose: bool,
}

impl Printer {
    /// A printer; `verbose` lets notes through.
    #[must_use]
    pub const fn new(verbose: bool) -> Self {
        Self { verbose }
    }

    /// Writes data to stdout and flushes it.
    ///
    /// # Errors
    ///
    /// [`Error::Stdout`].
    pub fn data(&self, text: &str) -> Result<(), Error> {
        self.bytes(text.as_bytes())
    }

    /// Writes data that may be secret to stdout and flushes it.
    ///
    /// # Errors
    ///
    /// [`Error::Stdout`].
    pub fn bytes(&self, data: &[u8]) -> Result<(), Error> {
        let mut stdout = std::io::stdout().lock();
        stdout
            .write_all(data)
            .and_then(|()| stdout.flush())
            .map_err(Error::Stdout)
    }

    /// Writes a value as indented JSON to stdout.
    ///
    /// # Errors
    ///
    /// [`Error::Stdout`].
    pub fn json(&self, value: &serde_json::Value) -> Result<(), Error> {
        self.data(&format!("{value:#}\n"))
    }

    /// Says something that only matters to somebody who asked for more.
    pub fn note(&self, text: &str) {
        if self.verbose {
            self.raw(&format!("note: {text}\n"));
        }
    }

    /// Says something that should be known although the command goes on.
    pub fn warning(&self, text: &str) {
        self.raw(&format!("warning: {text}\n"));
    }

    /// Says why the command failed, with its causes and what to try.
    pub fn error(&self, error: &Error) {
        let mut text = format!("error: {error}\n");
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause {
            text.push_str(&format!("because: {source}\n"));
            cause = source.source();
        }
        if let Some(hint) = error.hint() {
            text.push_str(&format!("hint: {hint}\n"));
        }
        self.raw(&text);
    }

    /// Writes to stderr as it is. That stderr is closed is nobody's fault.
    pub(super) fn raw(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
