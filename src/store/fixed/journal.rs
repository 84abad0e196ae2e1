//! What says, durably, that files at fixed paths are being replaced.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::edit::read_regular;
use super::super::files::{remove_if_present, sync_directory};
use super::super::step::step;
use super::super::versions::put;
use super::super::{Action, Error};

/// Its name in the identity's directory.
pub(super) const JOURNAL: &str = "fixed.journal";

/// Four paths of the longest kind have a tenth of it.
const MAX_JOURNAL: u64 = 256 * 1024;

/// The layout of this file.
const FORMAT: u32 = 1;

/// What goes where.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    format: u32,
    /// The version whose files they are, for people.
    version: String,
    pub(super) files: Vec<Entry>,
}

/// One file. A path need not be text.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    path: OsString,
    /// SHA-256 of the new content, in hex.
    pub(super) new: String,
    /// The same of the old one; none where there was no file.
    pub(super) old: Option<String>,
}

impl Entry {
    /// The path is kept as an absolute one: who completes it stands elsewhere.
    pub(super) fn new(path: &Path, new: String, old: Option<String>) -> Result<Self, Error> {
        let path = std::path::absolute(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            action: Action::Find,
            source,
        })?;
        Ok(Self {
            path: path.into(),
            new,
            old,
        })
    }

    pub(super) fn path(&self) -> &Path {
        Path::new(&self.path)
    }
}

impl Journal {
    pub(super) fn new(version: String, files: Vec<Entry>) -> Self {
        Self {
            format: FORMAT,
            version,
            files,
        }
    }

    pub(super) fn place(identity: &Path) -> PathBuf {
        identity.join(JOURNAL)
    }

    pub(super) fn read(identity: &Path) -> Result<Option<Self>, Error> {
        let path = Self::place(identity);
        let Some(text) = read_regular(&path, MAX_JOURNAL)? else {
            return Ok(None);
        };
        let read: Option<Self> = serde_json::from_slice(text.expose()).ok();
        match read.filter(|journal| journal.format == FORMAT) {
            Some(journal) => Ok(Some(journal)),
            None => Err(Error::Journal { path }),
        }
    }

    pub(super) fn write(&self, identity: &Path) -> Result<(), Error> {
        let text = serde_json::to_vec(self).map_err(|error| Error::Io {
            path: Self::place(identity),
            action: Action::Write,
            source: error.into(),
        })?;
        let private = |file: &File| file.set_permissions(Permissions::from_mode(0o600));
        put(identity, JOURNAL, &text, private)
    }

    pub(super) fn forget(identity: &Path) -> Result<(), Error> {
        let path = Self::place(identity);
        step().map_err(|source| Error::Io {
            path: path.clone(),
            action: Action::Remove,
            source,
        })?;
        remove_if_present(&path)?;
        sync_directory(identity)
    }
}
