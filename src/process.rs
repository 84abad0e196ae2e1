//! Running a program that gives something, a secret, a certificate or a signature,
//! or that is told of something: without a shell, with a deadline, and with a bound
//! on what is kept of its output.

mod tail;

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use zeroize::Zeroizing;

use crate::limits;
use crate::text;

use tail::Tail;

/// A program with its arguments. As one line it is split at spaces; quotes and
/// backslashes keep spaces together as in a POSIX shell, and nothing else of a
/// shell is understood.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    program: String,
    arguments: Vec<String>,
}

impl CommandLine {
    /// Takes words that are split already, as an array of a config file has them.
    ///
    /// # Errors
    ///
    /// When there is no program among them, in words.
    pub fn from_words(words: Vec<String>) -> Result<Self, String> {
        let mut words = words.into_iter();
        match words.next() {
            Some(program) if !program.is_empty() => Ok(Self {
                program,
                arguments: words.collect(),
            }),
            _ => Err("the command is empty".to_owned()),
        }
    }

    /// The program's name, for messages: arguments may be sensitive.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The program and its arguments, which may be sensitive.
    pub(crate) fn words(&self) -> impl Iterator<Item = &str> {
        let arguments = self.arguments.iter().map(String::as_str);
        std::iter::once(self.program.as_str()).chain(arguments)
    }

    /// Runs the program as [`CommandLine::ask`] does, and gives what it printed on
    /// stdout, all of it: of a secret or a signature a part is of no use, and nobody
    /// sees that it is one.
    ///
    /// # Errors
    ///
    /// Why it failed, with the beginning of what it said on stderr;
    /// [`CommandFailure::LeftOpen`] where something that it has left behind could
    /// still print more when the time is over.
    pub fn run(
        &self,
        input: &[u8],
        variables: &[(&str, &str)],
        deadline: Duration,
        max: u64,
    ) -> Result<Zeroizing<Vec<u8>>, CommandFailure> {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, Some(*value)))
            .collect();
        let (output, _) = self.converse(input, &variables, deadline, max)?;
        match output {
            Output::Whole(output) => Ok(output),
            Output::SoFar(_) => Err(CommandFailure::LeftOpen),
        }
    }

    /// Runs the program with this on its stdin and without these variables, and
    /// gives what it printed on stdout, `max` octets at most, with the beginning of
    /// what it said on stderr. When the time is over it is told to end and
    /// then killed, without a terminal with all that it has started. What it leaves
    /// behind when it ends by itself goes on; as long as that could print more it is
    /// waited for, and when the time is over the answer is what there is: who asks
    /// has to see for himself that it is all.
    ///
    /// # Errors
    ///
    /// Why it failed, with the beginning of what it said on stderr.
    pub fn ask(
        &self,
        input: &[u8],
        withheld: &[String],
        deadline: Duration,
        max: u64,
    ) -> Result<Answer, CommandFailure> {
        let withheld: Vec<_> = withheld.iter().map(|name| (name.as_str(), None)).collect();
        let (output, complaint) = self.converse(input, &withheld, deadline, max)?;
        let (Output::Whole(output) | Output::SoFar(output)) = output;
        Ok(Answer {
            output,
            complaint: heard(&complaint),
        })
    }

    fn converse(
        &self,
        input: &[u8],
        variables: &[(&str, Option<&str>)],
        deadline: Duration,
        max: u64,
    ) -> Result<(Output, Heard), CommandFailure> {
        let end = Instant::now() + deadline;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        // On a terminal it stays in the foreground, where it may ask for
        // something and is reached by ^C; elsewhere a group of its own can be
        // ended as a whole.
        if std::fs::File::open("/dev/tty").is_err() {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(CommandFailure::Start)?;
        let (output, complaint) = begin(&mut child, input, max);
        let ended = receive(&output, &child, end, max)
            .and_then(|output| Ok((output, wait(&mut child, end)?)));
        let (output, status) = match ended {
            Ok(ended) => ended,
            Err(failure) => {
                end_now(&mut child);
                return Err(failure);
            }
        };
        if status.success() {
            return Ok((output, complaint));
        }
        Err(CommandFailure::Status {
            status,
            complaint: heard(&complaint),
        })
    }

    /// Runs the program with these variables set and nothing on its stdin, and
    /// gives how it ended with the end of what it said on stdout and stderr, `keep`
    /// octets at most. A variable without a value is withheld from it.
    ///
    /// It has a process group of its own, on a terminal too: ^C does not cut it
    /// short, and when the time is over all that it has started is told to end and
    /// then killed. What it leaves behind when it ends by itself goes on and is not
    /// waited for.
    #[must_use]
    pub fn tell(&self, variables: &[Variable<'_>], deadline: Duration, keep: usize) -> Told {
        let end = Instant::now() + deadline;
        match self.start_telling(variables) {
            Ok((mut child, output)) => {
                let tail = Tail::of(output, keep);
                let ended = wait(&mut child, end);
                if ended.is_err() {
                    end_now(&mut child);
                }
                Told {
                    ended: ended.and_then(|status| match status.success() {
                        true => Ok(()),
                        false => Err(CommandFailure::Status {
                            status,
                            complaint: String::new(),
                        }),
                    }),
                    // What it leaves behind may hold the pipe open.
                    output: tail.after(LAST_WORDS),
                }
            }
            Err(error) => Told {
                ended: Err(CommandFailure::Start(error)),
                output: String::new(),
            },
        }
    }

    /// One pipe for both, so that what it says stays in order.
    fn start_telling(
        &self,
        variables: &[Variable<'_>],
    ) -> std::io::Result<(Child, std::io::PipeReader)> {
        let (output, stdout) = std::io::pipe()?;
        let stderr = stdout.try_clone()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0);
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Ok((command.spawn()?, output))
    }
}

/// A variable of a program with its value, or one that is withheld from it.
pub type Variable<'a> = (&'a str, Option<&'a OsStr>);

/// What a program gave.
pub struct Answer {
    /// What it printed on stdout.
    pub output: Zeroizing<Vec<u8>>,
    /// The beginning of what it said on stderr all the same, without control
    /// characters.
    pub complaint: String,
}

/// How a program ended that was told of something.
#[derive(Debug)]
pub struct Told {
    /// Whether with success.
    pub ended: Result<(), CommandFailure>,
    /// The end of what it said, without control characters.
    pub output: String,
}

/// How long a failed program's words, and the end of one that was killed, are
/// waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How often it is looked whether a program has ended that prints nothing.
const BREATH: Duration = Duration::from_millis(20);

/// What is read at once.
const PIECE: usize = 8192;

/// What a program has to end by itself when its time is over: to remove a lock or
/// to close a connection.
const GRACE: Duration = Duration::from_millis(500);

/// Why a program gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandFailure {
    /// Its output cannot be read.
    #[error("its output cannot be read: {0}")]
    Output(std::io::Error),
    /// It cannot be started.
    #[error("it cannot be started: {0}")]
    Start(std::io::Error),
    /// It ended with a failure.
    #[error("it ended with {status}{}", said(complaint))]
    Status {
        /// How it ended.
        status: ExitStatus,
        /// The beginning of what it said on stderr.
        complaint: String,
    },
    /// It has ended well, and something that it has left behind could still print more.
    #[error(
        "it has ended, and something that it has left behind keeps its stdout open: nobody knows whether what it printed is all"
    )]
    LeftOpen,
    /// It did not end in time.
    #[error("it did not end in time")]
    TimedOut,
    /// It printed too much.
    #[error("it printed more than {max} bytes")]
    TooMuch {
        /// The bound.
        max: u64,
    },
}

fn said(complaint: &str) -> String {
    match complaint {
        "" => String::new(),
        complaint => format!(" and said: {complaint}"),
    }
}

impl std::str::FromStr for CommandLine {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        Self::from_words(shlex::split(typed).ok_or("a quote in the command is not closed")?)
    }
}

impl std::fmt::Debug for CommandLine {
    /// Arguments may be sensitive.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommandLine({} …)", self.program)
    }
}

/// What is read piece by piece; nobody sends any more when the pipe is closed.
type Heard = mpsc::Receiver<std::io::Result<Zeroizing<Vec<u8>>>>;

/// Writes the input and reads both outputs, side by side, on threads that end
/// when the program's pipes close.
fn begin(child: &mut Child, input: &[u8], max: u64) -> (Heard, Heard) {
    if let Some(mut stdin) = child.stdin.take() {
        let input = Zeroizing::new(input.to_vec());
        std::thread::spawn(move || {
            // A program that does not read its input may have no need of it.
            let _ = stdin.write_all(&input);
        });
    }
    let complaint = collect(child.stderr.take(), limits::MAX_COMMAND_COMPLAINT);
    (collect(child.stdout.take(), max), complaint)
}

/// The beginning of what it said. A child of it may still hold stderr open.
fn heard(complaint: &Heard) -> String {
    let end = Instant::now() + LAST_WORDS;
    let mut pieces = Vec::new();
    while let Ok(Ok(piece)) = complaint.recv_timeout(end.saturating_duration_since(Instant::now()))
    {
        pieces.push(piece);
    }
    let complaint = joined(&pieces);
    text::printable(String::from_utf8_lossy(&complaint).trim(), 300)
}

/// What a program printed.
enum Output {
    /// All of it: nobody holds the pipe any more.
    Whole(Zeroizing<Vec<u8>>),
    /// What came while there was time. The program has ended well, and something that
    /// it has left behind holds the pipe open.
    SoFar(Zeroizing<Vec<u8>>),
}

/// What a program prints until its pipe is closed. One that has ended well may have
/// left behind what answers, or what never closes the pipe: no pause tells the one
/// from the other, so that both are waited for. One that has failed gives no answer,
/// and what it leaves is not waited for.
fn receive(from: &Heard, child: &Child, end: Instant, max: u64) -> Result<Output, CommandFailure> {
    let (mut pieces, mut length) = (Vec::new(), 0_u64);
    let mut quiet_since = Instant::now();
    let mut ended = None;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        match from.recv_timeout(left.min(BREATH)) {
            Ok(piece) => {
                let piece = piece.map_err(CommandFailure::Output)?;
                length = length.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
                if length > max {
                    return Err(CommandFailure::TooMuch { max });
                }
                pieces.push(piece);
                quiet_since = Instant::now();
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => return Ok(Output::Whole(joined(&pieces))),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                if ended.is_none() {
                    ended = has_ended(child);
                    quiet_since = Instant::now();
                }
                let has_failed = ended == Some(false);
                if has_failed && quiet_since.elapsed() >= LAST_WORDS {
                    return Ok(Output::SoFar(joined(&pieces)));
                }
                if left.is_zero() {
                    return match ended {
                        Some(_) if length > 0 => Ok(Output::SoFar(joined(&pieces))),
                        _ => Err(CommandFailure::TimedOut),
                    };
                }
            }
        }
    }
}

/// Whether it has ended, and well. It is not reaped, so that its number is nobody
/// else's while it may still be told to end with what it has started.
fn has_ended(child: &Child) -> Option<bool> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(id), options).ok()??;
    Some(status.exit_status() == Some(0))
}

/// One piece of all, in memory that is made once: a secret leaves no copies.
fn joined(pieces: &[Zeroizing<Vec<u8>>]) -> Zeroizing<Vec<u8>> {
    let length = pieces.iter().map(|piece| piece.len()).sum();
    let mut whole = Zeroizing::new(Vec::with_capacity(length));
    for piece in pieces {
        whole.extend_from_slice(piece);
    }
    whole
}

/// Reads at most one byte more than `max` on a thread of its own.
fn collect(from: Option<impl Read + Send + 'static>, max: u64) -> Heard {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut from) = from else {
            return;
        };
        let mut bounded = from.by_ref().take(max.saturating_add(1));
        loop {
            let mut piece = Zeroizing::new(vec![0; PIECE]);
            let read = match bounded.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => {
                    piece.truncate(count);
                    Ok(piece)
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => Err(error),
            };
            // Nobody listens any more after the deadline.
            if read.is_err() | sender.send(read).is_err() {
                break;
            }
        }
        drop(sender);
        // A program that says too much is not stopped by a closed pipe.
        let _ = std::io::copy(&mut from, &mut std::io::sink());
    });
    receiver
}

fn wait(child: &mut Child, end: Instant) -> Result<ExitStatus, CommandFailure> {
    let mut pause = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() >= end => {
                return Err(CommandFailure::TimedOut);
            }
            Ok(None) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(error) => return Err(CommandFailure::Output(error)),
        }
    }
}

/// Tells the program to end, and its process group if it has one of its own, and
/// kills what does not. One that cannot be killed, since it runs as another user,
/// is left to itself.
fn end_now(child: &mut Child) {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(id) = id {
        send(id, Signal::TERM);
        let end = Instant::now() + GRACE;
        // It is not reaped yet, so that its number is nobody else's while what it
        // has started is killed.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while Instant::now() < end && matches!(waitid(WaitId::Pid(id), options), Ok(None)) {
            std::thread::sleep(Duration::from_millis(5));
        }
        send(id, Signal::KILL);
    }
    let _ = wait(child, Instant::now() + LAST_WORDS);
}

/// Both may have ended by themselves in the meantime.
fn send(id: Pid, signal: Signal) {
    let _ = kill_process(id, signal);
    let _ = kill_process_group(id, signal);
}

#[cfg(test)]
mod tests;
