//! Where the state is kept: in memory, or in a file that holds every change
//! before it is answered.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::State;
use crate::limits;
use crate::rolesanywhere::Region;
use crate::store::{self, Action, NamedFileLock, Readers, read_bounded, write_atomic};

/// The version of the file's form.
const VERSION: u32 = 1;

/// Why a state file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It holds something else, or not all of it.
    #[error("{path} is no state of windlass emulate, or damaged")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// It is of another account or region.
    #[error("{path} is of the account {account} in {region}")]
    Elsewhere {
        /// The file.
        path: PathBuf,
        /// Its region.
        region: Region,
        /// Its account.
        account: String,
    },
    /// Another emulator has it.
    #[error("{path} is in use by another windlass emulate")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A later version wrote it.
    #[error("{path} has version {version}, this program knows {VERSION}")]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// The state with its file.
#[derive(Debug)]
pub(in crate::emulator) struct Kept {
    state: Arc<State>,
    file: Option<StateFile>,
}

/// A file with the state of an account, which no other emulator may have as long
/// as this value lives.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// What it held when it was opened.
    state: Option<State>,
    _lock: NamedFileLock,
}

impl StateFile {
    /// Opens a file, which need not exist yet.
    ///
    /// # Errors
    ///
    /// [`StateError`]. A file that cannot be understood stays as it is.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let lock = NamedFileLock::take(path)?.ok_or_else(|| StateError::InUse {
            path: path.to_owned(),
        })?;
        let state = match read_bounded(path, limits::MAX_EMULATOR_STATE) {
            Ok(content) => Some(read(path, &content)?),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            path: path.to_owned(),
            state,
            _lock: lock,
        })
    }

    /// What it held when it was opened.
    pub(in crate::emulator) const fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }
}

#[derive(Serialize)]
struct Written<'a> {
    version: u32,
    account: &'a State,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

#[derive(Deserialize)]
struct Read {
    account: State,
}

impl Kept {
    /// In memory alone.
    pub(in crate::emulator) fn in_memory(state: State) -> Self {
        Self {
            state: Arc::new(state),
            file: None,
        }
    }

    /// In a file from now on: what it held, and what it did not hold of this.
    ///
    /// # Errors
    ///
    /// [`StateError::Elsewhere`], and [`store::Error`] when it cannot be written.
    pub(in crate::emulator) fn into_file(self, mut file: StateFile) -> Result<Self, StateError> {
        let given = Arc::unwrap_or_clone(self.state);
        let state = match file.state.take() {
            None => given,
            Some(state) if state.place != given.place => {
                return Err(StateError::Elsewhere {
                    path: file.path,
                    region: state.place.region,
                    account: state.place.account,
                });
            }
            Some(mut state) => {
                state.add(given);
                state
            }
        };
        let kept = Self {
            state: Arc::new(state),
            file: Some(file),
        };
        kept.write(&kept.state)?;
        Ok(kept)
    }

    /// Changes what is not in a file yet.
    pub(in crate::emulator) fn prepare(&mut self, how: impl FnOnce(&mut State)) {
        how(Arc::make_mut(&mut self.state));
    }

    /// The state as it is now.
    pub(in crate::emulator) fn snapshot(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Changes everything that `how` changes, or nothing when it fails or the
    /// file cannot be written.
    ///
    /// # Errors
    ///
    /// Those of `how`, and [`store::Error`].
    pub(in crate::emulator) fn change<T, E: From<store::Error>>(
        &mut self,
        how: impl FnOnce(&mut State) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut next = State::clone(&self.state);
        let given = how(&mut next)?;
        self.write(&next)?;
        self.state = Arc::new(next);
        Ok(given)
    }

    /// Writes down what has happened already.
    ///
    /// # Errors
    ///
    /// [`store::Error`] when the file does not hold it.
    pub(in crate::emulator) fn note(
        &mut self,
        what: impl FnOnce(&mut State),
    ) -> Result<(), store::Error> {
        what(Arc::make_mut(&mut self.state));
        self.write(&self.state)
    }

    fn write(&self, state: &State) -> Result<(), store::Error> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let written = Written {
            version: VERSION,
            account: state,
        };
        let mut content =
            serde_json::to_vec_pretty(&written).map_err(|error| store::Error::Io {
                path: file.path.clone(),
                action: Action::Write,
                source: error.into(),
            })?;
        content.push(b'\n');
        write_atomic(&file.path, &content, Readers::Owner)
    }
}

fn read(path: &Path, content: &[u8]) -> Result<State, StateError> {
    let damaged = |source| StateError::Damaged {
        path: path.to_owned(),
        source,
    };
    let Versioned { version } = serde_json::from_slice(content).map_err(damaged)?;
    if version != VERSION {
        return Err(StateError::Version {
            path: path.to_owned(),
            version,
        });
    }
    let Read { account } = serde_json::from_slice(content).map_err(damaged)?;
    Ok(account)
}
