//! Handing credentials to a command in its environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use super::Session;
use super::variables::{CONTRARY, Unwritable, variables};

/// Why a command did not start.
#[derive(Debug, thiserror::Error)]
#[error("{program} cannot be run")]
pub struct NotStarted {
    /// The command's name.
    pub program: String,
    /// The operating system's reason.
    #[source]
    pub source: std::io::Error,
}

impl NotStarted {
    /// The exit status that shells and env(1) have for it (POSIX "env").
    #[must_use]
    pub fn status(&self) -> u8 {
        match self.source.kind() {
            std::io::ErrorKind::NotFound => 127,
            _ => 126,
        }
    }
}

/// Replaces this process by a command that has the session in its environment.
/// It returns only when that is not possible.
///
/// # Errors
///
/// [`Unwritable`] when the credentials cannot be variables.
pub fn execute(command: &[OsString], session: &Session) -> Result<NotStarted, Unwritable> {
    let (program, arguments) = command.split_first().map_or_else(
        || (OsString::new(), &[][..]),
        |(program, arguments)| (program.clone(), arguments),
    );
    let mut command = Command::new(&program);
    command.args(arguments);
    for name in CONTRARY {
        command.env_remove(name);
    }
    for (name, value) in &variables(session)? {
        command.env(name, std::ffi::OsStr::from_bytes(value.expose()));
    }
    Ok(NotStarted {
        program: program.display().to_string(),
        source: command.exec(),
    })
}
