//! Where key material, certificates and passphrases are read: the forms that
//! every option of that kind takes.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rustix::fs::{Mode, OFlags};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::limits;

use super::{CommandLine, Error};

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

impl Source {
    /// Reads all of it, at most `max` bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] and [`Error::TooLarge`] for a file, [`Error::Source`]
    /// for everything else.
    pub fn read(&self, environment: &Environment, max: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
        match self {
            Self::Command(line) => line
                .run(b"", &[], limits::COMMAND_DEADLINE, max)
                .map_err(|reason| self.failed(reason)),
            Self::Credential(name) => {
                let path = self.credential_path(name, environment)?;
                read_path(&path, max).map_err(|error| self.failed(error.to_string()))
            }
            Self::Environment(name) => {
                use std::os::unix::ffi::OsStrExt;
                let value = environment
                    .get(name)
                    .ok_or_else(|| self.failed("the variable is not set or empty"))?;
                Ok(Zeroizing::new(value.as_bytes().to_vec()))
            }
            Self::Fd(number) => self.read_descriptor(*number, max),
            Self::File(path) => read_path(path, max).map_err(|failure| match failure {
                Failure::Io(source) => Error::Read {
                    path: path.clone(),
                    source,
                },
                Failure::TooLarge => Error::TooLarge {
                    path: path.clone(),
                    max,
                },
            }),
            Self::Stdin => {
                let stdin = std::io::stdin().lock();
                read_all(stdin, 0, max).map_err(|error| self.failed(error.to_string()))
            }
        }
    }

    /// Whether it can be read again and may have changed by then: a pipe that
    /// has a file's name cannot.
    #[must_use]
    pub fn is_regular_file(&self) -> bool {
        match self {
            Self::File(path) => std::fs::metadata(path).is_ok_and(|found| found.is_file()),
            _ => false,
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
            .and_then(|file| read_file(file, max))
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
            _ if text.is_empty() => return Err("the value is empty".to_owned()),
            _ if text == "-" => Self::Stdin,
            Some(("cmd", line)) => Self::Command(line.parse()?),
            Some(("credential", name)) => Self::Credential(some(name, "the credential's name")?),
            Some(("env", name)) => Self::Environment(some(name, "the variable's name")?),
            Some(("fd", number)) => Self::Fd(
                number
                    .parse()
                    .map_err(|_| "after fd: comes the descriptor's number".to_owned())?,
            ),
            Some(("file", path)) => Self::File(some(path, "the file's name")?.into()),
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
    TooLarge,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
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

fn read_path(path: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let file = std::fs::File::open(path).map_err(Failure::Io)?;
    read_file(file, max)
}

fn read_file(file: std::fs::File, max: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let size = file.metadata().map_or(0, |metadata| metadata.len());
    read_all(file, size, max)
}

/// With room for all of it from the start, nothing is left behind in memory by
/// a growing buffer.
fn read_all(from: impl Read, size: u64, max: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let capacity = usize::try_from(size.min(max)).unwrap_or(0).max(4096);
    let mut content = Zeroizing::new(Vec::with_capacity(capacity + 1));
    from.take(max.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(Failure::Io)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > max {
        return Err(Failure::TooLarge);
    }
    Ok(content)
}
