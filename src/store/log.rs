//! Where a run leaves word of what happened, for callers that swallow stderr.

use std::io::Write;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

use crate::clock::rfc3339;
use chrono::{DateTime, Local, Utc};

use super::append::open_to_append;
use super::{Action, Error};

/// The name in the log.
const PROGRAM: &str = "windlass";

/// How much a line of the log matters, with syslog's numbers (RFC 5424 section
/// 6.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The command failed.
    Error,
    /// Somebody should look, although it went on.
    Warning,
    /// What was done.
    Info,
}

impl Severity {
    /// The severity as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }

    /// The PRI value with the facility `daemon`.
    const fn priority(self) -> u8 {
        const DAEMON: u8 = 3 * 8;
        DAEMON
            + match self {
                Self::Error => 3,
                Self::Warning => 4,
                Self::Info => 6,
            }
    }
}

/// A log in a file, in the system's log, or in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// A file that is appended to; made for its owner alone when there is none. No link
    /// is followed that another user than root and this one can have put there.
    pub file: Option<PathBuf>,
    /// The socket of the system's log, usually `/dev/log`.
    pub syslog: Option<PathBuf>,
}

impl Log {
    /// Adds a line, which must not have an end of line in it. The file is opened
    /// for each, so that it can be rotated away at any time, and the line is
    /// written at once, so that those of several processes do not mix.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the first place that could not be written; the other
    /// one is.
    pub fn line(&self, severity: Severity, text: &str, at: DateTime<Utc>) -> Result<(), Error> {
        let process = std::process::id();
        let to_file = self.file.as_deref().map_or(Ok(()), |path| {
            let line = format!(
                "{} {PROGRAM}[{process}] {}: {text}\n",
                rfc3339(at),
                severity.as_str()
            );
            append(path, line.as_bytes()).map_err(|source| failed(path, source))
        });
        let to_syslog = self.syslog.as_deref().map_or(Ok(()), |path| {
            // RFC 3164 section 4.1, with local time as libc's syslog(3) sends it.
            let message = format!(
                "<{}>{} {PROGRAM}[{process}]: {}: {text}",
                severity.priority(),
                at.with_timezone(&Local).format("%b %e %H:%M:%S"),
                severity.as_str()
            );
            send(path, message.as_bytes()).map_err(|source| failed(path, source))
        });
        to_file.and(to_syslog)
    }
}

/// Appends a line to a file, as [`Log::line`] does.
///
/// # Errors
///
/// [`Error::Io`].
pub fn append_line(path: &Path, line: &str) -> Result<(), Error> {
    append(path, format!("{line}\n").as_bytes()).map_err(|source| failed(path, source))
}

fn failed(path: &Path, source: std::io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        action: Action::Write,
        source,
    }
}

fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    open_to_append(path)?.write_all(line)
}

fn send(path: &Path, message: &[u8]) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // A log daemon that is stuck must not hold up credentials.
    socket.set_nonblocking(true)?;
    socket.send_to(message, path).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_line_goes_to_the_file_and_to_the_socket() {
        let home = tempfile::tempdir().unwrap();
        let (file, socket) = (home.path().join("log"), home.path().join("socket"));
        let daemon = UnixDatagram::bind(&socket).unwrap();
        let log = Log {
            file: Some(file.clone()),
            syslog: Some(socket),
        };
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        log.line(Severity::Error, "no", at).unwrap();
        log.line(Severity::Info, "yes", at).unwrap();
        let id = std::process::id();
        assert_eq!(
            fs::read_to_string(&file).unwrap(),
            format!(
                "2027-01-15T08:00:00Z windlass[{id}] error: no\n2027-01-15T08:00:00Z windlass[{id}] info: yes\n"
            )
        );
        let mut message = [0; 200];
        let length = daemon.recv(&mut message).unwrap();
        let message = std::str::from_utf8(&message[..length]).unwrap();
        assert!(message.starts_with("<27>Jan 15 "), "{message}");
        assert!(
            message.ends_with(&format!(" windlass[{id}]: error: no")),
            "{message}"
        );
    }

    #[test]
    fn one_place_that_fails_does_not_silence_the_other() {
        let home = tempfile::tempdir().unwrap();
        let socket = home.path().join("socket");
        let daemon = UnixDatagram::bind(&socket).unwrap();
        let log = Log {
            file: Some(home.path().join("missing/log")),
            syslog: Some(socket),
        };
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert!(matches!(
            log.line(Severity::Warning, "x", at),
            Err(Error::Io { path, .. }) if path.ends_with("missing/log")
        ));
        assert!(daemon.recv(&mut [0; 200]).unwrap() > 0);
    }
}
