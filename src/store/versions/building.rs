//! A version that is being made.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::limits;
use crate::secret::Secret;

use super::super::edit::read_regular;
use super::super::files::{new_file, parent, remove_if_present, sync_directory};
use super::super::step::step;
use super::super::{Action, Error};
use super::{CERTIFICATE, CHAIN, FULLCHAIN, KEY, Ownership, VersionNumber};

/// What the name of something that is not whole yet ends with; it begins with a
/// full stop.
pub(super) const NEXT: &str = ".next";

/// What the name of a directory ends with that is being removed; it begins with a
/// full stop.
pub(super) const OLD: &str = ".old";

/// A version that is being made, in a hidden directory of its number: a later run
/// finds there what one that died has made, a key above all. It is closed to
/// everybody else until it is published. Each method is done as a whole, and
/// durably, or not at all.
#[derive(Debug)]
pub struct Building {
    number: VersionNumber,
    path: PathBuf,
    ownership: Ownership,
}

impl Building {
    pub(super) fn new(identity: &Path, number: VersionNumber, ownership: Ownership) -> Self {
        Self {
            number,
            path: identity.join(hidden(&number.to_string(), NEXT)),
            ownership,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> VersionNumber {
        self.number
    }

    /// Where its files are until it is published.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file, instead of one that is there. `name` has no slash and no full
    /// stop at its start. Everything but `cert.pem`, `chain.pem` and
    /// `fullchain.pem` has the key's mode.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; what was there is then there still.
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        let modes = self.ownership.modes();
        let mode = match name {
            CERTIFICATE | CHAIN | FULLCHAIN => modes.certificate,
            _ => modes.key,
        };
        let give = |file: &File| self.ownership.give_file(file, mode);
        put(&self.path, name, content, give)
    }

    /// Reads a file; `None` where there is none yet.
    ///
    /// # Errors
    ///
    /// [`Error::NotAFile`], [`Error::TooLarge`], [`Error::Io`].
    pub fn read(&self, name: &str) -> Result<Option<Secret>, Error> {
        read_regular(&self.path.join(name), limits::MAX_FILE)
    }

    /// Gives it up, with its key.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn discard(self) -> Result<(), Error> {
        let identity = parent(&self.path);
        vanish(&identity, &self.path, self.number)
    }

    /// Makes it a version, for those to see who may. It is in force only after
    /// [`super::Versions::switch`].
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`], [`Error::Exists`] where there is a version of its
    /// number, [`Error::Io`].
    pub fn publish(self) -> Result<VersionNumber, Error> {
        if let Some(missing) = missing(&self.path) {
            return Err(Error::Incomplete {
                path: self.path,
                missing,
            });
        }
        let identity = parent(&self.path);
        let target = identity.join(self.number.to_string());
        if fs::symlink_metadata(&target).is_ok() {
            return Err(Error::Exists { path: target });
        }
        remove_unfinished(&self.path)?;
        step()
            .and_then(|()| {
                let directory = File::open(&self.path)?;
                self.ownership.give_directory(&directory)?;
                directory.sync_all()?;
                step()?;
                fs::rename(&self.path, &target)
            })
            .map_err(|source| failed(&target, Action::Create, source))?;
        sync_directory(&identity)?;
        Ok(self.number)
    }
}

/// Which of the files is missing without which nothing works, if one is.
pub(super) fn missing(version: &Path) -> Option<&'static str> {
    let is_there = |name: &&str| {
        fs::symlink_metadata(version.join(name)).is_ok_and(|file| file.is_file() && file.len() > 0)
    };
    [KEY, CERTIFICATE, FULLCHAIN]
        .into_iter()
        .find(|name| !is_there(name))
}

/// The name under which something stands until it has its own, or before it is
/// gone.
pub(super) fn hidden(name: &str, ending: &str) -> String {
    format!(".{name}{ending}")
}

/// Writes a file under a hidden name, gives it to its owner, and renames it: under
/// its own name there is the old one or the new one, whole. `give` is called
/// before the content is written.
pub(in crate::store) fn put(
    directory: &Path,
    name: &str,
    content: &[u8],
    give: impl FnOnce(&File) -> std::io::Result<()>,
) -> Result<(), Error> {
    let target = directory.join(name);
    let next = directory.join(hidden(name, NEXT));
    // Of a process that died; nobody else writes here.
    remove_if_present(&next)?;
    let fill = |mut file: File| {
        step()?;
        file.write_all(content)?;
        file.sync_all()?;
        step()?;
        fs::rename(&next, &target)
    };
    let written = step()
        .and_then(|()| new_file(&next))
        .map_err(|source| failed(&target, Action::Write, source))
        .and_then(|file| match give(&file) {
            Ok(()) => fill(file).map_err(|source| failed(&target, Action::Write, source)),
            Err(source) => Err(failed(&target, Action::Give, source)),
        });
    if written.is_err() {
        // What is not removed now is removed by the next one.
        let _ = step().map(|()| remove_if_present(&next));
        return written;
    }
    sync_directory(directory)
}

/// Removes a directory of the identity, so that it is there whole or not at all.
pub(super) fn vanish(identity: &Path, path: &Path, number: VersionNumber) -> Result<(), Error> {
    let old = identity.join(hidden(&number.to_string(), OLD));
    remove_directory(&old)?;
    step()
        .and_then(|()| fs::rename(path, &old))
        .map_err(|source| failed(path, Action::Remove, source))?;
    sync_directory(identity)?;
    remove_directory(&old)
}

/// That there is none is no error.
pub(super) fn remove_directory(path: &Path) -> Result<(), Error> {
    let removed = step().and_then(|()| match fs::remove_dir_all(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    });
    removed.map_err(|source| failed(path, Action::Remove, source))
}

/// Removes what writes that were cut short have left.
fn remove_unfinished(directory: &Path) -> Result<(), Error> {
    let unread = |source| failed(directory, Action::Read, source);
    for entry in fs::read_dir(directory).map_err(unread)? {
        let entry = entry.map_err(unread)?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(NEXT) {
            remove_if_present(&entry.path())?;
        }
    }
    Ok(())
}

pub(super) fn failed(path: &Path, action: Action, source: std::io::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        action,
        source,
    }
}
