//! Handing credentials to a command in its environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::task::Poll;

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use rustix::termios::tcgetpgrp;
use tokio::signal::unix::{SignalKind, signal};

use crate::rolesanywhere::Region;
use crate::secret::Secret;

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

/// Variables that SDKs prefer to a container endpoint, or that say something
/// else about it.
const BEFORE_AN_ENDPOINT: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// A command that is to be run.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Its name and its arguments.
    pub command: Vec<OsString>,
    /// Variables that are for this program alone: a passphrase, a key.
    pub withheld: Vec<String>,
    /// Those that name a region and are not set.
    pub region: Vec<(&'static str, Region)>,
}

/// Replaces this process by a command that has the session in its environment.
/// It returns only when that is not possible.
///
/// # Errors
///
/// [`Unwritable`] when the credentials cannot be variables.
pub fn execute(launch: &Launch, session: &Session) -> Result<NotStarted, Unwritable> {
    let (program, mut command) = prepared(launch);
    for (name, value) in &variables(session)? {
        command.env(name, std::ffi::OsStr::from_bytes(value.expose()));
    }
    Ok(NotStarted {
        program,
        source: command.exec(),
    })
}

/// A command that runs beside this process.
#[derive(Debug)]
pub struct Running {
    child: tokio::process::Child,
}

/// Starts a command that gets its credentials from a container endpoint, for as
/// long as it runs. It needs a runtime.
///
/// # Errors
///
/// [`NotStarted`].
pub fn start(launch: &Launch, uri: &str, token: &Secret) -> Result<Running, NotStarted> {
    let (program, mut command) = prepared(launch);
    for name in BEFORE_AN_ENDPOINT {
        command.env_remove(name);
    }
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", uri).env(
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        std::ffi::OsStr::from_bytes(token.expose()),
    );
    let child = tokio::process::Command::from(command).spawn();
    child
        .map(|child| Running { child })
        .map_err(|source| NotStarted { program, source })
}

/// The signals that are meant for the command.
#[derive(Debug)]
pub struct Signals(Vec<(Signal, tokio::signal::unix::Signal)>);

impl Signals {
    /// Takes them from here on. It needs a runtime.
    ///
    /// # Errors
    ///
    /// When the operating system takes no handler.
    pub fn take() -> std::io::Result<Self> {
        let kinds = [
            Signal::HUP,
            Signal::INT,
            Signal::QUIT,
            Signal::TERM,
            Signal::USR1,
            Signal::USR2,
        ];
        let taken = kinds.into_iter().map(|kind| {
            let stream = signal(SignalKind::from_raw(kind.as_raw()))?;
            Ok((kind, stream))
        });
        taken.collect::<std::io::Result<_>>().map(Self)
    }

    async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| {
            for (kind, stream) in &mut self.0 {
                if stream.poll_recv(context).is_ready() {
                    return Poll::Ready(*kind);
                }
            }
            Poll::Pending
        })
        .await
    }
}

impl Running {
    /// Hands signals on until the command has ended, and gives its exit status;
    /// 128 and the signal's number where one has ended it, as shells do.
    ///
    /// What is typed on a terminal (^C, ^\) reaches the command without help.
    ///
    /// # Errors
    ///
    /// When the operating system cannot say how it ended.
    pub async fn end(mut self, mut signals: Signals) -> std::io::Result<u8> {
        loop {
            let kind = tokio::select! {
                status = self.child.wait() => return status.map(exit_code),
                kind = signals.next() => kind,
            };
            let is_typed = matches!(kind, Signal::INT | Signal::QUIT) && is_in_foreground();
            let id = self.child.id().and_then(|id| i32::try_from(id).ok());
            if let Some(id) = id.and_then(Pid::from_raw)
                && !is_typed
            {
                // It may have ended in this moment.
                let _ = kill_process(id, kind);
            }
        }
    }
}

/// Whether a terminal sends its signals to this process and to the command.
fn is_in_foreground() -> bool {
    tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == getpgrp())
}

fn exit_code(status: ExitStatus) -> u8 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}

/// The command with its name, without what stands against our credentials.
fn prepared(launch: &Launch) -> (String, Command) {
    let (program, arguments) = launch.command.split_first().map_or_else(
        || (OsString::new(), &[][..]),
        |(program, arguments)| (program.clone(), arguments),
    );
    let mut command = Command::new(&program);
    command.args(arguments);
    let withheld = launch.withheld.iter().map(String::as_str);
    for name in CONTRARY.into_iter().chain(withheld) {
        command.env_remove(name);
    }
    for (name, region) in &launch.region {
        command.env(name, region.as_str());
    }
    (program.display().to_string(), command)
}
