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

/// A program with its arguments, as one line that is split at spaces; quotes
/// and backslashes keep spaces together as in a POSIX shell, and nothing else
/// of a shell is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    typed: String,
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
    /// gives what it printed on stdout. When the time is over it is killed with
    /// all that it has started in its process group.
    ///
    /// # Errors
    ///
    /// Why it failed, in words, with the beginning of what it said on stderr.
    pub fn run(
        &self,
        input: &[u8],
        variables: &[(&str, &str)],
        deadline: Duration,
        max: u64,
    ) -> Result<Zeroizing<Vec<u8>>, String> {
        let end = Instant::now() + deadline;
        let mut child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        let ended = converse(&mut child, input, end, max)
            .and_then(|spoken| Ok((spoken, wait(&mut child, end)?)));
        let ((output, complaint), status) = match ended {
            Ok(ended) => ended,
            Err(reason) => {
                kill_group(&child);
                // It is dead, so this does not hang.
                let _ = child.wait();
                return Err(reason);
            }
        };
        if status.success() {
            return Ok(output);
        }
        let complaint = text::printable(String::from_utf8_lossy(&complaint).trim(), 300);
        Err(match complaint.as_str() {
            "" => format!("it ended with {status}"),
            complaint => format!("it ended with {status} and said: {complaint}"),
        })
    }
}

impl std::str::FromStr for CommandLine {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let words = shlex::split(typed).ok_or("a quote in the command is not closed")?;
        match words.split_first() {
            Some((program, arguments)) if !program.is_empty() => Ok(Self {
                typed: typed.to_owned(),
                program: program.clone(),
                arguments: arguments.to_vec(),
            }),
            _ => Err("the command is empty".to_owned()),
        }
    }
}

impl std::fmt::Display for CommandLine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.typed)
    }
}

type Spoken = (Zeroizing<Vec<u8>>, Vec<u8>);

/// Writes the input and reads both outputs to their ends, side by side.
fn converse(child: &mut Child, input: &[u8], end: Instant, max: u64) -> Result<Spoken, String> {
    let (Some(mut stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("it has no pipes".to_owned());
    };
    let input = Zeroizing::new(input.to_vec());
    // Threads that outlive the deadline end when the killed program's pipes
    // close.
    std::thread::spawn(move || {
        // A program that does not read its input may have no need of it.
        let _ = stdin.write_all(&input);
    });
    let output = collect(stdout, max);
    let complaint = collect(stderr, limits::MAX_COMMAND_COMPLAINT);
    let receive = |channel: &mpsc::Receiver<std::io::Result<Zeroizing<Vec<u8>>>>| {
        channel
            .recv_timeout(end.saturating_duration_since(Instant::now()))
            .map_err(|_| "it did not end in time".to_owned())?
            .map_err(|error| format!("its output cannot be read: {error}"))
    };
    let output = receive(&output)?;
    if u64::try_from(output.len()).unwrap_or(u64::MAX) > max {
        return Err(format!("it printed more than {max} bytes"));
    }
    let complaint = receive(&complaint)?;
    Ok((output, complaint.to_vec()))
}

/// Reads at most one byte more than `max` on a thread of its own.
fn collect(
    from: impl Read + Send + 'static,
    max: u64,
) -> mpsc::Receiver<std::io::Result<Zeroizing<Vec<u8>>>> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut content = Zeroizing::new(Vec::with_capacity(4096));
        let mut from = from.take(max.saturating_add(1));
        let read = from.read_to_end(&mut content);
        // Nobody listens any more after the deadline.
        let _ = sender.send(read.map(|_| content));
        // A program that says too much is not stopped by a closed pipe.
        let _ = std::io::copy(&mut from.into_inner(), &mut std::io::sink());
    });
    receiver
}

fn wait(child: &mut Child, end: Instant) -> Result<ExitStatus, String> {
    let mut pause = Duration::from_micros(200);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() >= end => {
                return Err("it did not end in time".to_owned());
            }
            Ok(None) => {
                std::thread::sleep(pause);
                pause = (pause * 2).min(Duration::from_millis(20));
            }
            Err(error) => return Err(format!("its end cannot be awaited: {error}")),
        }
    }
}

fn kill_group(child: &Child) {
    let group = i32::try_from(child.id())
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself in the meantime.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
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
    fn a_program_that_does_not_end_is_killed_with_its_children() {
        let started = Instant::now();
        // The inner one keeps the pipe open.
        let line: CommandLine = "sh -c 'sleep 60 & sleep 60'".parse().unwrap();
        let failed = line
            .run(b"", &[], Duration::from_millis(200), 1000)
            .unwrap_err();
        assert_eq!(failed, "it did not end in time");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
}
