//! Where a passphrase comes from. Never from an argument: every process of a
//! machine can read those.

use std::io::Read;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::limits;
use crate::secret::Secret;

use super::Error;

/// A place from which a passphrase can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PassphraseSource {
    /// A systemd credential (`LoadCredential=`), by its name.
    Credential(String),
    /// An environment variable, by its name.
    Environment(String),
    /// An open file descriptor, by its number.
    Fd(u32),
    /// A file; one trailing line ending is not part of the passphrase.
    File(PathBuf),
    /// The controlling terminal, with this prompt; asked twice when a new
    /// passphrase is chosen.
    Terminal {
        /// What is asked.
        prompt: String,
        /// Whether a new passphrase is being chosen.
        confirm: bool,
    },
}

impl PassphraseSource {
    /// Reads the passphrase.
    ///
    /// # Errors
    ///
    /// [`Error::Passphrase`] with the source's name when it is missing, empty,
    /// too long or unreadable, or when two entries on a terminal differ.
    pub fn read(&self, environment: &Environment) -> Result<Secret, Error> {
        let secret = match self {
            Self::Credential(name) => read_file(&self.credential_path(name, environment)?)
                .map_err(|reason| self.failed(reason))?,
            Self::Environment(name) => {
                let value = environment
                    .get(name)
                    .ok_or_else(|| self.failed("the variable is not set or empty"))?;
                let text = value
                    .to_str()
                    .ok_or_else(|| self.failed("the value is not UTF-8"))?;
                Secret::from(text.to_owned())
            }
            Self::Fd(number) => self.read_descriptor(*number)?,
            Self::File(path) => read_file(path).map_err(|reason| self.failed(reason))?,
            Self::Terminal { prompt, confirm } => self.ask(prompt, *confirm)?,
        };
        if secret.expose().is_empty() {
            return Err(self.failed("it is empty"));
        }
        Ok(secret)
    }

    /// Opens the descriptor anew through /proc, so it must be a pipe, a terminal
    /// or a file that this user may open; a file is read from its beginning.
    fn read_descriptor(&self, number: u32) -> Result<Secret, Error> {
        if matches!(number, 1 | 2) {
            return Err(self.failed("1 and 2 are for output"));
        }
        let path = format!("/proc/self/fd/{number}");
        let path = Path::new(&path);
        if std::fs::symlink_metadata(path).is_err() {
            return Err(self.failed("it is not open"));
        }
        read_file(path).map_err(|reason| self.failed(reason))
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

    fn ask(&self, prompt: &str, confirm: bool) -> Result<Secret, Error> {
        if std::fs::File::open("/dev/tty").is_err() {
            return Err(Error::NoTerminal);
        }
        let ask = |prompt: &str| {
            rpassword::prompt_password(prompt)
                .map(Secret::from)
                .map_err(|error| self.failed(error.to_string()))
        };
        let secret = ask(&format!("{prompt}: "))?;
        if confirm {
            let again = ask(&format!("{prompt}, once more: "))?;
            if again.expose() != secret.expose() {
                return Err(self.failed("the two entries differ"));
            }
        }
        Ok(secret)
    }

    fn failed(&self, reason: impl Into<String>) -> Error {
        Error::Passphrase {
            from: self.to_string(),
            reason: reason.into(),
        }
    }
}

impl std::fmt::Display for PassphraseSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "the systemd credential '{name}'"),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Fd(number) => write!(f, "file descriptor {number}"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Terminal { .. } => f.write_str("the terminal"),
        }
    }
}

/// Reads a whole small file without its final line ending.
fn read_file(path: &Path) -> Result<Secret, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut content = Zeroizing::new(Vec::with_capacity(256));
    file.take(limits::MAX_PASSPHRASE + 1)
        .read_to_end(&mut content)
        .map_err(|error| error.to_string())?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > limits::MAX_PASSPHRASE {
        return Err(format!(
            "it is longer than {} bytes",
            limits::MAX_PASSPHRASE
        ));
    }
    let mut end = content.len();
    if content.ends_with(b"\n") {
        end -= 1;
        if content[..end].ends_with(b"\r") {
            end -= 1;
        }
    }
    Ok(Secret::new(content[..end].to_vec()))
}
