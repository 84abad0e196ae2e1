//! The only way out: data to stdout, everything else to stderr.

use std::io::Write;

use crate::text::printable;

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

    /// Writes rows below their headings to stdout, without trailing blanks.
    ///
    /// # Errors
    ///
    /// [`Error::Stdout`].
    pub fn table(
        &self,
        headings: &[&str],
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<(), Error> {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_header(headings.to_vec());
        table.add_rows(rows);
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        self.data(&format!("{}\n", lines.join("\n")))
    }

    /// Says something that only matters to somebody who asked for more.
    pub fn note(&self, text: &str) {
        if self.verbose {
            self.line("note", text);
        }
    }

    /// Whether more is said than usual.
    #[must_use]
    pub const fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Says something that is good to know, to everybody.
    pub fn news(&self, text: &str) {
        self.line("note", text);
    }

    /// Says something that should be known although the command goes on.
    pub fn warning(&self, text: &str) {
        self.line("warning", text);
    }

    /// Says why the command failed, with its causes and what to try.
    pub fn error(&self, error: &Error) {
        self.line("error", &error.to_string());
        let mut cause = std::error::Error::source(error);
        while let Some(source) = cause {
            self.line("because", &source.to_string());
            cause = source.source();
        }
        if let Some(hint) = error.hint() {
            self.line("hint", &hint);
        }
    }

    /// One line, whatever names of files, tokens and certificates are in it.
    fn line(&self, kind: &str, text: &str) {
        self.raw(&format!("{kind}: {}\n", printable(text, usize::MAX)));
    }

    /// Writes to stderr as it is. That stderr is closed is nobody's fault.
    pub(super) fn raw(&self, text: &str) {
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
