//! The only way out: data to stdout, everything else to stderr.

mod queue;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value, json};

use crate::cli::ErrorFormat;
use crate::clock::{Clock, SystemClock, rfc3339};
use crate::delivery::Cause;
use crate::limits;
use crate::store::{Log, Severity};
use crate::text::printable;

use self::queue::Queue;
use super::typeable::typeable;
use super::usage::Mistake;
use super::{Error, Outcome};

/// How a run speaks of what is no data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Let notes through.
    pub verbose: bool,
    /// The form of what goes to stderr.
    pub format: ErrorFormat,
    /// Where errors and warnings go besides.
    pub log: Log,
    /// What was typed, for the commands that are named: they say which CA it is.
    pub arguments: Vec<OsString>,
}

/// Prints. stdout carries data or nothing; a failure to write it is an error,
/// since somebody is waiting for it.
#[derive(Clone, Debug)]
pub struct Printer {
    inner: Arc<Inner>,
    /// Of whose session it speaks, for programs.
    profile: Option<Arc<str>>,
}

#[derive(Debug)]
struct Inner {
    style: Style,
    /// What was warned of for good.
    warned: Mutex<BTreeSet<String>>,
    /// Whether it was said already that the log cannot be written.
    is_log_broken: AtomicBool,
    /// What stands between a daemon and stderr.
    queue: OnceLock<Queue>,
    /// The same for the lines of data that a daemon writes.
    data: OnceLock<Queue>,
}

/// Something that happened in a daemon, told in one piece: a line for people,
/// with a hint on the next one, and one object for programs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incident<'a> {
    pub(super) level: Level,
    /// What kind of thing it is, as a word for programs.
    pub(super) kind: &'static str,
    pub(super) message: &'a str,
    /// What kind of failure it is, where it is one.
    pub(super) cause: Option<Cause>,
    pub(super) hint: Option<&'a str>,
}

/// Whom an incident concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// Somebody who asked for more.
    Note,
    /// The same, and the log.
    Done,
    /// Everybody, and it is good.
    News,
    /// Everybody.
    Warning,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Note | Self::Done | Self::News => "note",
            Self::Warning => "warning",
        }
    }
}

impl Printer {
    /// A printer of this style.
    #[must_use]
    pub fn new(style: Style) -> Self {
        Self {
            inner: Arc::new(Inner {
                style,
                warned: Mutex::default(),
                is_log_broken: AtomicBool::new(false),
                queue: OnceLock::new(),
                data: OnceLock::new(),
            }),
            profile: None,
        }
    }

    /// The same printer, for what concerns one profile.
    pub(super) fn of_profile(&self, name: &str) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            profile: Some(name.into()),
        }
    }

    /// From now on nobody waits for whoever reads stderr, or the lines of
    /// [`Printer::stream`]: they go through bounded queues, and those that do not
    /// fit are counted. For daemons, where
    /// a pipe that nobody reads would stop everything. It holds for every copy
    /// of this printer.
    pub(super) fn queue(&self) {
        if self.inner.queue.get().is_some() {
            return;
        }
        let format = self.inner.style.format;
        let tell = move |count| {
            write(&line_of(format, "note", &format!("{count} lines dropped")));
        };
        // Where there is no thread for it, it goes on as before.
        if let Ok(queue) = Queue::start("stderr", write, tell) {
            let _ = self.inner.queue.set(queue);
        }
        let printer = self.clone();
        let tell = move |count| {
            printer.warning(&format!("{count} lines of data dropped: nobody reads them"));
        };
        if let Ok(queue) = Queue::start("stdout", write_data, tell) {
            let _ = self.inner.data.set(queue);
        }
    }

    /// Waits until what was said has been written, but not for ever.
    pub(super) fn flush(&self) {
        for queue in [&self.inner.data, &self.inner.queue] {
            if let Some(queue) = queue.get() {
                queue.flush(limits::STDERR_PATIENCE);
            }
        }
    }

    /// Writes a line of data to stdout that a daemon has for whoever watches it.
    /// That nobody does is nobody's fault.
    pub(super) fn stream(&self, line: &Value) {
        let line = format!("{line}\n");
        match self.inner.data.get() {
            Some(queue) => queue.put(line),
            None => write_data(&line),
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
    pub fn json(&self, value: &Value) -> Result<(), Error> {
        self.data(&format!("{value:#}\n"))
    }

    /// Writes rows below their headings to stdout, without trailing blanks. Each
    /// row is one line, whatever the names in it are.
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
        let shown = |row: Vec<String>| row.into_iter().map(|cell| printable(&cell, usize::MAX));
        table.add_rows(rows.into_iter().map(shown));
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        self.data(&format!("{}\n", lines.join("\n")))
    }

    /// A text whose commands of `windlass ca` can be typed as they stand there.
    #[must_use]
    pub(super) fn typeable(&self, text: &str) -> String {
        typeable(text, &self.inner.style.arguments)
    }

    /// Says something that only matters to somebody who asked for more.
    pub fn note(&self, text: &str) {
        self.plain(Level::Note, text);
    }

    /// How it speaks.
    pub(super) fn style(&self) -> &Style {
        &self.inner.style
    }

    /// Whether more is said than usual.
    #[must_use]
    pub fn is_verbose(&self) -> bool {
        self.inner.style.verbose
    }

    /// Says something that should be known, and that is good.
    pub fn news(&self, text: &str) {
        self.plain(Level::News, text);
    }

    /// Says something that should be known although the command goes on.
    pub fn warning(&self, text: &str) {
        self.plain(Level::Warning, text);
    }

    /// The same, where it would be met again at each refresh: it is said when it
    /// is news.
    pub fn warning_once(&self, text: &str) {
        let warned = self.inner.warned.lock();
        let mut warned = warned.unwrap_or_else(PoisonError::into_inner);
        if warned.insert(text.to_owned()) {
            drop(warned);
            self.warning(text);
        }
    }

    /// Says what was done, to the log alone and to somebody who asked for more.
    pub fn done(&self, text: &str) {
        self.plain(Level::Done, text);
    }

    fn plain(&self, level: Level, message: &str) {
        self.tell(&Incident {
            level,
            kind: "message",
            message: &self.typeable(message),
            cause: None,
            hint: None,
        });
    }

    /// Tells of something that happened.
    pub(super) fn tell(&self, incident: &Incident<'_>) {
        let is_shown = match incident.level {
            Level::Note | Level::Done => self.is_verbose(),
            Level::News | Level::Warning => true,
        };
        if is_shown {
            match self.inner.style.format {
                ErrorFormat::Text => {
                    self.line(incident.level.name(), incident.message);
                    if let Some(hint) = incident.hint {
                        self.line("hint", hint);
                    }
                }
                ErrorFormat::Json => self.object(incident.level.name(), incident.kind, |object| {
                    object.insert("message".to_owned(), incident.message.into());
                    object.insert("hint".to_owned(), incident.hint.into());
                    if let Some(cause) = incident.cause {
                        let outcome = Outcome::from(cause);
                        object.insert("code".to_owned(), outcome.code().into());
                        object.insert("outcome".to_owned(), outcome.name().into());
                    }
                }),
            }
        }
        let severity = match incident.level {
            Level::Note => return,
            Level::Done | Level::News => Severity::Info,
            Level::Warning => Severity::Warning,
        };
        match incident.hint {
            Some(hint) => self.log(severity, &format!("{} ({hint})", incident.message)),
            None => self.log(severity, incident.message),
        }
    }

    /// Writes a record that has a form of its own for people; for programs it is
    /// an object with these fields.
    pub(super) fn record(&self, kind: &'static str, text: &str, fields: Value) {
        match self.inner.style.format {
            ErrorFormat::Text => self.raw(text),
            ErrorFormat::Json => self.object("note", kind, |object| {
                if let Value::Object(fields) = fields {
                    object.extend(fields);
                }
            }),
        }
    }

    /// Writes an object with what all of them have, and what `fill` adds.
    fn object(&self, level: &str, kind: &str, fill: impl FnOnce(&mut Map<String, Value>)) {
        let mut object = Map::new();
        fill(&mut object);
        object.insert("time".to_owned(), rfc3339(SystemClock.now()).into());
        object.insert("level".to_owned(), level.into());
        object.insert("event".to_owned(), kind.into());
        if let Some(profile) = &self.profile {
            object.insert("profile".to_owned(), (**profile).into());
        }
        self.raw(&format!("{}\n", Value::Object(object)));
    }

    /// Says why the command failed, with its causes and what to try.
    pub fn error(&self, error: &Error) {
        let causes = error.causes();
        let (message, hint) = (error.to_string(), error.hint());
        let hint = hint.map(|hint| self.typeable(&hint));
        let mut logged = std::iter::once(message.clone())
            .chain(causes.clone())
            .collect::<Vec<_>>()
            .join(": ");
        if let Some(hint) = &hint {
            logged.push_str(" (");
            logged.push_str(hint);
            logged.push(')');
        }
        match self.inner.style.format {
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
                let end = End {
                    message: &message,
                    because: &causes,
                    hint: hint.as_deref(),
                    outcome: error.outcome(),
                    request_id: error.request_id(),
                };
                self.end(&end);
            }
        }
        self.log(Severity::Error, &logged);
    }

    /// Says what is wrong with the arguments, as the parser has it, and what to
    /// try.
    pub(super) fn usage(&self, mistake: &Mistake<'_>) {
        let said = mistake.tips.iter().copied().chain(mistake.hint.as_deref());
        let said = said.collect::<Vec<_>>().join("; ");
        let hint = Some(said.as_str()).filter(|said| !said.is_empty());
        match self.inner.style.format {
            ErrorFormat::Text => {
                self.raw(mistake.text);
                if let Some(hint) = &mistake.hint {
                    self.line("hint", hint);
                }
            }
            ErrorFormat::Json => {
                let end = End {
                    message: &mistake.message,
                    because: &[],
                    hint,
                    outcome: Outcome::Usage,
                    request_id: None,
                };
                self.end(&end);
            }
        }
        let message = &mistake.message;
        match hint {
            Some(hint) => self.log(Severity::Error, &format!("{message} ({hint})")),
            None => self.log(Severity::Error, message),
        }
    }

    /// The object with which a command ends that failed.
    fn end(&self, end: &End<'_>) {
        let fields = json!({
            "message": end.message,
            "because": end.because,
            "hint": end.hint,
            "code": end.outcome.code(),
            "outcome": end.outcome.name(),
            "requestId": end.request_id,
        });
        self.object("error", "failed", |object| {
            if let Value::Object(fields) = fields {
                object.extend(fields);
            }
        });
    }

    /// One line, whatever names of files, tokens and certificates are in it.
    fn line(&self, kind: &str, text: &str) {
        self.raw(&line_of(self.inner.style.format, kind, text));
    }

    /// One line for the log. That there is none to write to stops nothing.
    fn log(&self, severity: Severity, text: &str) {
        let text = printable(text, usize::MAX);
        let written = self
            .inner
            .style
            .log
            .line(severity, &text, SystemClock.now());
        if let Err(error) = written
            && !self.inner.is_log_broken.swap(true, Ordering::Relaxed)
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
        match self.inner.queue.get() {
            Some(queue) => queue.put(text.to_owned()),
            None => write(text),
        }
    }
}

/// Why a command failed, as programs are told.
struct End<'a> {
    message: &'a str,
    because: &'a [String],
    hint: Option<&'a str>,
    outcome: Outcome,
    request_id: Option<&'a str>,
}

/// A line of this kind as it goes to stderr.
fn line_of(format: ErrorFormat, kind: &str, text: &str) -> String {
    match format {
        ErrorFormat::Text => format!("{kind}: {}\n", printable(text, usize::MAX)),
        ErrorFormat::Json => format!(
            "{}\n",
            json!({
                "time": rfc3339(SystemClock.now()),
                "level": kind,
                "event": "message",
                "message": text,
            })
        ),
    }
}

fn write_data(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}

fn write(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
