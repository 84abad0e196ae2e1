//! Where key material, certificates and passphrases are read: the forms that
//! every option of that kind takes.

use std::io::{IsTerminal, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::limits;
use crate::process::CommandLine;
use crate::secret::read_wiping;

use super::Error;

/// A place that holds bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `cmd:COMMAND`: what a program prints.
    Command(CommandLine),
    /// `credential:NAME`: a systemd credential (`LoadCredential=`).
    Credential(String),
    /// `env:NAME`: an environment variable.
    Environment(String),
    /// `fd:N`: an open file descriptor.
    Fd(u32),
    /// A file.
    File(PathBuf),
    /// `-`: the standard input.
    Stdin,
}

/// What was read from a source.
#[derive(Debug)]
pub struct Content {
    /// The bytes.
    pub bytes: Zeroizing<Vec<u8>>,
    /// The file from which they were read; `None` for all that cannot be read
    /// again, pipes with a file's name among it.
    pub regular: Option<RegularFile>,
}

/// A regular file as it was when it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegularFile {
    /// The owner's user id.
    pub owner: u32,
    /// The permission bits.
    pub mode: u32,
    /// Device, inode, size, and time of the last change in seconds and
    /// nanoseconds: another content has another stamp.
    pub stamp: [i64; 5],
}

impl RegularFile {
    /// What the file system says; `None` for what is no regular file.
    #[must_use]
    pub fn of(metadata: &std::fs::Metadata) -> Option<Self> {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        metadata.is_file().then(|| Self {
            owner: metadata.uid(),
            mode: metadata.mode() & 0o777,
            stamp: [
                signed(metadata.dev()),
                signed(metadata.ino()),
                signed(metadata.size()),
                metadata.ctime(),
                metadata.ctime_nsec(),
            ],
        })
    }
}

impl From<Zeroizing<Vec<u8>>> for Content {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self {
            bytes,
            regular: None,
        }
    }
}

impl Source {
    /// Reads all of it, at most `max` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and [`Error::TooLarge`] for a file, [`Error::Command`]
    /// for a program, [`Error::Source`] for everything else.
    pub fn read(&self, environment: &Environment, max: u64) -> Result<Content, Error> {
        let failed = |failure: Failure| self.failed(failure.to_string());
        match self {
            Self::Command(line) => line
                .run(b"", &[], limits::COMMAND_DEADLINE, max)
                .map(Content::from)
                .map_err(|failure| Error::Command {
                    program: line.program().to_owned(),
                    failure,
                }),
            Self::Credential(name) => {
                let path = self.credential_path(name, environment)?;
                read_path(&path, max)
                    .map(|content| content.bytes.into())
                    .map_err(failed)
            }
            Self::Environment(name) => {
                use std::os::unix::ffi::OsStrExt;
                let value = environment
                    .get(name)
                    .ok_or_else(|| self.failed("the variable is not set or empty"))?;
                read_all(value.as_bytes(), 0, max)
                    .map(Content::from)
                    .map_err(failed)
            }
            Self::Fd(number) => self.read_descriptor(*number, max).map(Content::from),
            Self::File(path) => read_path(path, max).map_err(|failure| match failure {
                Failure::Io(source) => Error::Read {
                    path: path.clone(),
                    source,
                },
                Failure::TimedOut => self.failed(failure.to_string()),
                Failure::TooLarge => Error::TooLarge {
                    path: path.clone(),
                    max,
                },
            }),
            // A person may take the time that they need.
            Self::Stdin if std::io::stdin().is_terminal() => {
                read_all(std::io::stdin().lock(), 0, max)
                    .map(Content::from)
                    .map_err(failed)
            }
            Self::Stdin => in_time(move || read_all(std::io::stdin().lock(), 0, max))
                .map(Content::from)
                .map_err(failed),
        }
    }

    /// Opens the descriptor anew through /proc, so it must be a pipe, a terminal
    /// or a file that this user may open; a file is read from its beginning.
    fn read_descriptor(&self, number: u32, max: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
        if matches!(number, 1 | 2) {
            return Err(self.failed("1 and 2 are for output"));
        }
        let path = format!("/proc/self/fd/{number}");
        let path = Path::new(&path);
        if std::fs::symlink_metadata(path).is_err() {
            return Err(self.failed("it is not open"));
        }
        open_at_once(path)
            .map_err(Failure::Io)
            .and_then(|file| in_time(move || read_file(file, max)))
            .map(|content| content.bytes)
            .map_err(|error| self.failed(error.to_string()))
    }

    fn credential_path(&self, name: &str, environment: &Environment) -> Result<PathBuf, Error> {
        let directory = environment.get("CREDENTIALS_DIRECTORY").ok_or_else(|| {
            self.failed("$CREDENTIALS_DIRECTORY is not set; is LoadCredential= in the unit?")
        })?;
        if name.contains('/') || name.starts_with('.') {
            return Err(self.failed("a credential's name has no slash and no leading dot"));
        }
        Ok(Path::new(directory).join(name))
    }

    fn failed(&self, reason: impl Into<String>) -> Error {
        Error::Source {
            from: self.to_string(),
            reason: reason.into(),
        }
    }
}

impl FromStr for Source {
    type Err = String;

    /// Tells the forms apart by their prefix; a file whose name begins with one
    /// is written `./env:NAME` or `file:env:NAME`.
    fn from_str(text: &str) -> Result<Self, String> {
        let some = |rest: &str, what: &str| {
            if rest.is_empty() {
                Err(format!("{what} is missing after the colon"))
            } else {
                Ok(rest.to_owned())
            }
        };
        Ok(match text.split_once(':') {
            _ if text.is_empty() => {
                return Err(
                    "it is empty; give FILE, -, env:NAME, fd:N, cmd:COMMAND or credential:NAME"
                        .to_owned(),
                );
            }
            _ if text.contains("-----BEGIN") => {
                return Err("it is key material itself, not the name of a place".to_owned());
            }
            _ if matches!(text, "-" | "fd:0") => Self::Stdin,
            Some(("cmd", line)) => Self::Command(line.parse()?),
            Some(("credential", name)) => Self::Credential(some(name, "the credential's name")?),
            Some(("env", name)) => Self::Environment(some(name, "the variable's name")?),
            Some(("fd", number)) => Self::Fd(
                number
                    .parse()
                    .map_err(|_| "after fd: comes the descriptor's number".to_owned())?,
            ),
            Some(("file", path)) => {
                let path = path.strip_prefix("//").unwrap_or(path);
                Self::File(some(path, "the file's name")?.into())
            }
            _ => Self::File(text.into()),
        })
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Its arguments may be sensitive.
            Self::Command(line) => write!(f, "the command {}", line.program()),
            Self::Credential(name) => write!(f, "the systemd credential '{name}'"),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Fd(number) => write!(f, "file descriptor {number}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Stdin => f.write_str("the standard input"),
        }
    }
}

/// Why a file was not read.
enum Failure {
    Io(std::io::Error),
    TimedOut,
    TooLarge,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::TimedOut => write!(
                f,
                "nothing came to its end within {} s",
                limits::COMMAND_DEADLINE.as_secs()
            ),
            Self::TooLarge => f.write_str("it is too long"),
        }
    }
}

/// Opens without waiting for another writer of a named pipe: the one that filled
/// it may have ended already. What is then read is waited for as usual.
fn open_at_once(path: &Path) -> std::io::Result<std::fs::File> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags | OFlags::NONBLOCK, Mode::empty())?;
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file.into())
}

fn read_path(path: &Path, max: u64) -> Result<Content, Failure> {
    let metadata = std::fs::metadata(path).map_err(Failure::Io)?;
    if metadata.is_file() || metadata.is_dir() {
        return read_file(std::fs::File::open(path).map_err(Failure::Io)?, max);
    }
    // A pipe without a writer, or a device, may have nothing to say for ever.
    let path = path.to_owned();
    in_time(move || read_file(std::fs::File::open(path).map_err(Failure::Io)?, max))
}

fn read_file(file: std::fs::File, max: u64) -> Result<Content, Failure> {
    let metadata = file.metadata().map_err(Failure::Io)?;
    let bytes = read_all(file, metadata.len(), max)?;
    let regular = RegularFile::of(&metadata);
    Ok(Content { bytes, regular })
}

/// Reads on a thread of its own, which is left behind when the time is over.
fn in_time<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // Nobody listens any more after the deadline.
        let _ = sender.send(read());
    });
    receiver
        .recv_timeout(limits::COMMAND_DEADLINE)
        .unwrap_or(Err(Failure::TimedOut))
}

fn read_all(from: impl Read, size: u64, max: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let expected = usize::try_from(size.min(max)).unwrap_or(0);
    let content = read_wiping(from.take(max.saturating_add(1)), expected).map_err(Failure::Io)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > max {
        return Err(Failure::TooLarge);
    }
    Ok(content)
}
