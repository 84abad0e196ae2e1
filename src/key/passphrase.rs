//! Where a passphrase comes from. An argument is the last resort: every process
//! of a machine can read those.

use std::sync::{Arc, Mutex, PoisonError};

use crate::environment::Environment;
use crate::limits;
use crate::secret::Secret;

use super::{Error, Source};

/// The passphrase, PIN or TPM password of a key: it is read when it is first
/// needed, and once, since a descriptor or a terminal cannot be read twice.
#[derive(Clone, Debug, Default)]
pub struct Passphrase(Option<Arc<Lazy>>);

#[derive(Debug)]
struct Lazy {
    source: PassphraseSource,
    environment: Environment,
    known: Mutex<Option<Secret>>,
}

impl Passphrase {
    /// A passphrase from a source; `None` when nothing was said about one.
    #[must_use]
    pub fn new(source: Option<PassphraseSource>, environment: &Environment) -> Self {
        Self(source.map(|source| {
            Arc::new(Lazy {
                source,
                environment: environment.clone(),
                known: Mutex::default(),
            })
        }))
    }

    /// Reads it, or gives what was read before; `None` without a source.
    ///
    /// # Errors
    ///
    /// As [`PassphraseSource::read`].
    pub fn get(&self) -> Result<Option<Secret>, Error> {
        let Some(lazy) = &self.0 else {
            return Ok(None);
        };
        let mut known = lazy.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = known.as_ref() {
            return Ok(Some(secret.copy()));
        }
        let secret = lazy.source.read(&lazy.environment)?;
        let result = secret.copy();
        *known = Some(secret);
        Ok(Some(result))
    }

    /// Reads it now if it comes from a descriptor: before files are opened, one of
    /// which would get the number of a descriptor that is not open.
    ///
    /// # Errors
    ///
    /// As [`PassphraseSource::read`].
    pub fn read_descriptor(&self) -> Result<(), Error> {
        let source = self.0.as_ref().map(|lazy| &lazy.source);
        match source {
            Some(PassphraseSource::Source(Source::Fd(_))) => self.get().map(drop),
            _ => Ok(()),
        }
    }

    /// Whether it can be had without a person, a program or a pipe; also where
    /// there is none.
    #[must_use]
    pub fn is_at_hand(&self) -> bool {
        self.0.as_ref().is_none_or(|lazy| match &lazy.source {
            PassphraseSource::Given(_) | PassphraseSource::Source(Source::Environment(_)) => true,
            PassphraseSource::Source(Source::File(path)) => path.is_file(),
            PassphraseSource::Source(_) | PassphraseSource::Terminal { .. } => false,
        })
    }

    /// Whether there is a source that was not read, because nothing needed it.
    #[must_use]
    pub fn is_unused(&self) -> bool {
        self.0.as_ref().is_some_and(|lazy| {
            let known = lazy.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.is_none()
        })
    }
}

/// A place from which a passphrase can be read.
#[derive(Clone, Debug)]
pub enum PassphraseSource {
    /// It was given outright, in an argument or a URI.
    Given(Arc<Secret>),
    /// A place that holds bytes. One trailing line ending is not part of the
    /// passphrase, unless it is an environment variable's.
    Source(Source),
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
            Self::Given(secret) => return Ok(secret.copy()),
            Self::Source(source) => self.read_source(source, environment)?,
            Self::Terminal { prompt, confirm } => self.ask(prompt, *confirm)?,
        };
        if secret.expose().is_empty() {
            return Err(self.failed("it is empty"));
        }
        Ok(secret)
    }

    fn read_source(&self, source: &Source, environment: &Environment) -> Result<Secret, Error> {
        let content = source
            .read(environment, limits::MAX_PASSPHRASE)
            .map_err(|error| match error {
                Error::Read { source, .. } => self.failed(source.to_string()),
                Error::Source { reason, .. } => self.failed(reason),
                Error::TooLarge { max, .. } => {
                    self.failed(format!("it is longer than {max} bytes"))
                }
                other => other,
            })?
            .bytes;
        let mut end = content.len();
        if !matches!(source, Source::Environment(_)) && content.ends_with(b"\n") {
            end -= 1;
            if content[..end].ends_with(b"\r") {
                end -= 1;
            }
        }
        Ok(Secret::new(content[..end].to_vec()))
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
            Self::Given(_) => f.write_str("the argument"),
            Self::Source(source) => source.fmt(f),
            Self::Terminal { .. } => f.write_str("the terminal"),
        }
    }
}
