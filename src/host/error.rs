//! What stops a run: the host's own disk and keys. What an issuer, a probe or a hook
//! does is a [`super::Failure`], which is remembered.

use std::path::PathBuf;

use crate::key;
use crate::pki;
use crate::store::{self, VersionNumber};

use super::backoff::Prospect;
use super::shelf::Part;
use super::state::StateError;

/// Why a run stops.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key cannot be made or read.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// A part of the version that is being made is gone.
    #[error("{} of the version in the making, {number}, is not there any more", part.file())]
    Lost {
        /// The version.
        number: VersionNumber,
        /// What is gone.
        part: Part,
    },
    /// A request cannot be made.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// What was kept between runs cannot be used.
    #[error("the state in {} cannot be used: {source}", path.display())]
    State {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: StateError,
    },
    /// There are versions, and nothing says which one is in force.
    #[error(
        "there are versions, but no link 'current' to the one in force; {}the newest is {newest}",
        last.map_or_else(String::new, |last| format!("{last} was it last, "))
    )]
    NoCurrent {
        /// The newest of them.
        newest: VersionNumber,
        /// The one that was in force last, where that is known and it is still there.
        last: Option<VersionNumber>,
    },
    /// The disk.
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl Error {
    /// Whether it may pass by itself.
    #[must_use]
    pub const fn prospect(&self) -> Prospect {
        match self {
            Self::Store(_) => Prospect::Passing,
            Self::Key(_)
            | Self::Lost { .. }
            | Self::NoCurrent { .. }
            | Self::Pki(_)
            | Self::State { .. } => Prospect::Lasting,
        }
    }
}
