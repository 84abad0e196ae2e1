//! Running a program that gives a secret, a certificate or a signature: without
//! a shell, with a deadline, and with a bound on what it may print.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use crate::limits;
use crate::text;

use super::source::read_wiping;

/// A program with its arguments, as one line that is split at spaces; quotes
/// and backslashes keep spaces together as in a POSIX shell, and nothing else
/// of a shell is understood.
#[derive(Clone, PartialEq, Eq)]
pub struct CommandLine {
    program: String,
    arguments: Vec<String>,
}

impl CommandLine {
    /// The program's name, for messages: arguments may be sensitive.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Runs the program with this on its stdin and these variables set, and
    /// gives what it printed on stdout. When the time is over it is killed,
    /// without a terminal also with all that it has started; what it leaves
    /// behind when it ends by itself goes on.
    ///
    /// # Errors
    ///
    /// Why it failed, with the beginning of what it said on stderr.
    pub fn run(
        &self,
        input: &[u8],
        variables: &[(&str, &str)],
        deadline: Duration,
        max: u64,
    ) -> Result<Zeroizing<Vec<u8>>, CommandFailure> {
        let end = Instant::now() + deadline;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // On a terminal it stays in the foreground, where it may ask for
        // something and is reached by ^C; elsewhere a group of its own can be
        // ended as a whole.
        if std::fs::File::open("/dev/tty").is_err() {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(CommandFailure::Start)?;
        let (output, complaint) = converse(&mut child, input, max);
        let ended =
            receive(&output, end, max).and_then(|output| Ok((output, wait(&mut child, end)?)));
        let (output, status) = match ended {
            Ok(ended) => ended,
            Err(failure) => {
                end_now(&mut child);
                return Err(failure);
            }
        };
        if status.success() {
            return Ok(output);
        }
        // A child of it may still hold stderr open.
        let complaint = complaint.recv_timeout(LAST_WORDS);
        let complaint = complaint.ok().and_then(Result::ok).unwrap_or_default();
        Err(CommandFailure::Status {
            status,
            complaint: text::printable(String::from_utf8_lossy(&complaint).trim(), 300),
        })
    }
}

/// How long a failed program's words, and the end of one that was killed, are
/// waited for.
const LAST_WORDS: Duration = Duration::from_millis(200);

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
        let words = shlex::split(typed).ok_or("a quote in the command is not closed")?;
        match words.split_first() {
            Some((program, arguments)) if !program.is_empty() => Ok(Self {
                program: program.clone(),
                arguments: arguments.to_vec(),
            }),
            _ => Err("the command is empty".to_owned()),
        }
    }
}

impl std::fmt::Debug for CommandLine {
    /// Arguments may be sensitive.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CommandLine({} …)", self.program)
    }
}

type Heard = mpsc::Receiver<std::io::Result<Zeroizing<Vec<u8>>>>;

/// Writes the input and reads both outputs, side by side, on threads that end
/// when the program's pipes close.
fn converse(child: &mut Child, input: &[u8], max: u64) -> (Heard, Heard) {
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

fn receive(from: &Heard, end: Instant, max: u64) -> Result<Zeroizing<Vec<u8>>, CommandFailure> {
    let output = from
        .recv_timeout(end.saturating_duration_since(Instant::now()))
        .map_err(|_| CommandFailure::TimedOut)?
        .map_err(CommandFailure::Output)?;
    if u64::try_from(output.len()).unwrap_or(u64::MAX) > max {
        return Err(CommandFailure::TooMuch { max });
    }
    Ok(output)
}

/// Reads at most one byte more than `max` on a thread of its own.
fn collect(from: Option<impl Read + Send + 'static>, max: u64) -> Heard {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let Some(mut from) = from else {
            return;
        };
        let read = read_wiping(from.by_ref().take(max.saturating_add(1)), 0);
        // Nobody listens any more after the deadline.
        let _ = sender.send(read);
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

/// Kills the program, and its process group if it has one of its own. One that
/// cannot be killed, since it runs as another user, is left to itself.
fn end_now(child: &mut Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    // Both may have ended by themselves in the meantime.
    let _ = child.kill();
    if let Some(group) = group {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = wait(child, Instant::now() + LAST_WORDS);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str, input: &[u8]) -> Result<Vec<u8>, String> {
        let line: CommandLine = line.parse().unwrap();
        line.run(
            input,
            &[("WINDLASS_TEST", "variable")],
            Duration::from_secs(5),
            1000,
        )
        .map(|output| output.to_vec())
        .map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_program_gets_input_and_variables_and_its_words_are_kept_together() {
        assert_eq!(run("cat", b"in").unwrap(), b"in");
        assert_eq!(run("printf %s 'a  b'", b"").unwrap(), b"a  b");
        assert_eq!(
            run("sh -c 'printf $WINDLASS_TEST'", b"").unwrap(),
            b"variable"
        );
        assert_eq!(run("true", &[7; 200_000]).unwrap(), b"");
    }

    #[test]
    fn failures_are_told_apart() {
        let failed = |line| run(line, b"").unwrap_err();
        assert!(failed("/nonexistent/program").contains("cannot be started"));
        assert!(failed("sh -c 'echo no card >&2; exit 3'").ends_with("said: no card"));
        assert!(failed("false").contains("exit status: 1"));
        assert!(failed("head -c 1001 /dev/zero").contains("more than 1000 bytes"));
        assert!("'open".parse::<CommandLine>().is_err());
        assert!(" ".parse::<CommandLine>().is_err());
    }

    #[test]
    fn what_a_program_leaves_behind_is_not_waited_for() {
        let started = Instant::now();
        // As an ssh client that keeps its connection open does.
        let line = "sh -c 'sleep 60 >/dev/null & printf out'";
        assert_eq!(run(line, b"").unwrap(), b"out");
        assert!(started.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let started = Instant::now();
        // The inner one keeps the pipe open.
        let line: CommandLine = "sh -c 'sleep 60 & sleep 60'".parse().unwrap();
        let failed = line
            .run(b"", &[], Duration::from_millis(200), 1000)
            .unwrap_err();
        assert!(matches!(failed, CommandFailure::TimedOut));
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
