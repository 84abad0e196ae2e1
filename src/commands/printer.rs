//! The only way out: data to stdout, everything else to stderr.

mod queue;

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use serde_json::json;

use crate::cli::ErrorFormat;
use crate::clock::{Clock, SystemClock};
use crate::limits;
use crate::store::{Log, Severity};
use crate::text::printable;

use self::queue::Queue;
use super::Error;

/// How a run speaks of what is no data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Let notes through.
    pub verbose: bool,
    /// The form of what goes to stderr.
    pub format: ErrorFormat,
    /// Where errors and warnings go besides.
    pub log: Log,
}

/// Prints. stdout carries data or nothing; a failure to write it is an error,
/// since somebody is waiting for it.
#[derive(Clone, Debug)]
pub struct Printer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    style: Style,
    /// Whether it was said already that the log cannot be written.
    is_log_broken: AtomicBool,
    /// What stands between a daemon and stderr.
    queue: OnceLock<Queue>,
}

impl Printer {
    /// A printer of this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self(Arc::new(Inner {
            style,
            is_log_broken: AtomicBool::new(false),
            queue: OnceLock::new(),
        }))
    }

    /// From now on nobody waits for whoever reads stderr: lines go through a
    /// bounded queue, and those that do not fit are counted. For daemons, where
    /// a pipe that nobody reads would stop everything. It holds for every copy
    /// of this printer.
    pub(super) fn queue(&self) {
        if self.0.queue.get().is_some() {
            return;
        }
        let format = self.0.style.format;
        let tell = move |count| line_of(format, "note", &format!("{count} lines dropped"));
        // Where there is no thread for it, it goes on as before.
        if let Ok(queue) = Queue::start(tell) {
            let _ = self.0.queue.set(queue);
        }
    }

    /// Waits until what was said has been written, but not for ever.
    pub(super) fn flush(&self) {
        if let Some(queue) = self.0.queue.get() {
            queue.flush(limits::STDERR_PATIENCE);
        }
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
        if self.0.style.verbose {
            self.line("note", text);
        }
    }

    /// Whether more is said than usual.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.0.style.verbose
    }

    /// Says something that should be known, and that is good.
    pub fn news(&self, text: &str) {
        self.line("note", text);
        self.log(Severity::Info, text);
    }

    /// Says what to try, after a warning.
    pub fn hint(&self, text: &str) {
        self.line("hint", text);
    }

    /// Says something that should be known although the command goes on.
    pub fn warning(&self, text: &str) {
        self.line("warning", text);
        self.log(Severity::Warning, text);
    }

    /// Says what was done, to the log alone and to somebody who asked for more.
    pub fn done(&self, text: &str) {
        self.note(text);
        self.log(Severity::Info, text);
    }

    /// Says why the command failed, with its causes and what to try.
    pub fn error(&self, error: &Error) {
        let causes = error.causes();
        let (message, hint) = (error.to_string(), error.hint());
        let mut logged = std::iter::once(message.clone())
            .chain(causes.clone())
            .collect::<Vec<_>>()
            .join(": ");
        if let Some(hint) = &hint {
            logged.push_str(" (");
            logged.push_str(hint);
            logged.push(')');
        }
        match self.0.style.format {
            ErrorFormat::Text => {
                self.line("error", &message);
                for cause in &causes {
                    self.line("because", cause);
                }
                if let Some(hint) = &hint {
                    self.line("hint", hint);
                }
            }
            ErrorFormat::Json => {
                let outcome = error.outcome();
                let object = json!({
                    "level": "error",
                    "message": message,
                    "because": causes,
                    "hint": hint,
                    "code": outcome.code(),
                    "outcome": outcome.name(),
                    "requestId": error.request_id(),
                });
                self.raw(&format!("{object}\n"));
            }
        }
        self.log(Severity::Error, &logged);
    }

    /// Says what is wrong with the arguments, as the parser has it, and what to
    /// try.
    pub(super) fn usage(&self, text: &str, hint: Option<&str>) {
        let message = text.lines().next().unwrap_or_default();
        let message = message.trim_start_matches("error: ");
        match self.0.style.format {
            ErrorFormat::Text => {
                self.raw(text);
                if let Some(hint) = hint {
                    self.raw(&format!("hint: {hint}\n"));
                }
            }
            ErrorFormat::Json => {
                let outcome = super::Outcome::Usage;
                let object = json!({
                    "level": "error",
                    "message": message,
                    "because": [],
                    "hint": hint,
                    "code": outcome.code(),
                    "outcome": outcome.name(),
                    "requestId": null,
                });
                self.raw(&format!("{object}\n"));
            }
        }
        self.log(Severity::Error, message);
    }

    /// One line, whatever names of files, tokens and certificates are in it.
    fn line(&self, kind: &str, text: &str) {
        self.raw(&line_of(self.0.style.format, kind, text));
    }

    /// One line for the log. That there is none to write to stops nothing.
    fn log(&self, severity: Severity, text: &str) {
        let text = printable(text, usize::MAX);
        let written = self.0.style.log.line(severity, &text, SystemClock.now());
        if let Err(error) = written
            && !self.0.is_log_broken.swap(true, Ordering::Relaxed)
        {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            self.line(
                "warning",
                &format!("no log: {error}: {}", cause.unwrap_or_default()),
            );
        }
    }

    /// Writes to stderr as it is. That stderr is closed is nobody's fault.
    pub(super) fn raw(&self, text: &str) {
        match self.0.queue.get() {
            Some(queue) => queue.put(text.to_owned()),
            None => write(text),
        }
    }
}

/// A line of this kind as it goes to stderr.
fn line_of(format: ErrorFormat, kind: &str, text: &str) -> String {
    match format {
        ErrorFormat::Text => format!("{kind}: {}\n", printable(text, usize::MAX)),
        ErrorFormat::Json => format!("{}\n", json!({ "level": kind, "message": text })),
    }
}

fn write(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
