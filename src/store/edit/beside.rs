//! The files that stand beside the one that is edited.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::time::Instant;

use rustix::fs::OFlags;

use crate::limits;

use super::super::lock::NamedLock;
use super::super::{Action, Error};
use super::place::Place;

/// What the journal's name ends with.
const JOURNAL: &str = ".windlass-journal";

/// The names beside a file, and its lock, which is held until the value is
/// dropped, and by nobody any more when the process ends.
pub(super) struct Beside {
    /// The file that is edited.
    pub(super) place: Place,
    /// A new file that is being written.
    pub(super) new: OsString,
    /// The journal of a write into the file.
    pub(super) journal: OsString,
    _lock: NamedLock,
}

impl Beside {
    /// Waits for the lock, for [`limits::EDIT_LOCK_WAIT`] at most.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], [`Error::NotAFile`] for another thing of the lock's
    /// name, [`Error::Io`].
    pub(super) fn lock(place: Place) -> Result<Self, Error> {
        let lock = wait_for(&beside(&place, ".windlass-lock"), &place)?;
        Ok(Self {
            new: beside(&place, ".windlass-new"),
            journal: beside(&place, JOURNAL),
            place,
            _lock: lock,
        })
    }

    /// Removes what a process that died has left of a new file.
    pub(super) fn clear(&self) -> Result<(), Error> {
        self.place.remove(&self.new)
    }

    /// Makes the file [`Beside::new`] with this content, and removes it when
    /// something fails. `prepare` is given the empty file.
    pub(super) fn write_new(
        &self,
        content: &[u8],
        prepare: impl FnOnce(&File) -> Result<(), Error>,
        finish: impl FnOnce(&File) -> std::io::Result<()>,
    ) -> Result<(), Error> {
        let failed = |source| self.failed(Action::Write, source);
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        let mut file = self.place.open(&self.new, flags).map_err(failed)?;
        let written = prepare(&file).and_then(|()| {
            file.write_all(content)
                .and_then(|()| finish(&file))
                .and_then(|()| file.sync_all())
                .map_err(failed)
        });
        if written.is_err() {
            self.discard_new();
        }
        written
    }

    /// Removes a new file that is not wanted any more. If that fails the next
    /// edit removes it.
    pub(super) fn discard_new(&self) {
        let _ = self.place.remove(&self.new);
    }

    /// The user knows the file, and not what stands beside it.
    pub(super) fn failed(&self, action: Action, source: std::io::Error) -> Error {
        failed(&self.place, action, source)
    }
}

/// Whether a write into the file was begun and is not known to be complete.
pub(super) fn has_journal(place: &Place) -> Result<bool, Error> {
    let found = place.look(&beside(place, JOURNAL));
    let found = found.map_err(|source| failed(place, Action::Read, source))?;
    Ok(found.is_some())
}

fn failed(place: &Place, action: Action, source: std::io::Error) -> Error {
    Error::Io {
        path: place.path.clone(),
        action,
        source,
    }
}

/// The hidden file that goes with this one.
fn beside(place: &Place, suffix: &str) -> OsString {
    let mut name = OsString::from(".");
    name.push(&place.name);
    name.push(suffix);
    name
}

/// Waits for the lock.
fn wait_for(name: &OsStr, place: &Place) -> Result<NamedLock, Error> {
    let failed = |source| failed(place, Action::Lock, source);
    let open = || {
        let lock = open_lock(name, place).map_err(failed)?;
        let kind = lock.metadata().map_err(failed)?;
        if kind.is_file() {
            return Ok(lock);
        }
        Err(Error::NotAFile {
            path: place.beside(name),
            is_directory: kind.is_dir(),
        })
    };
    let until = Instant::now() + limits::EDIT_LOCK_WAIT;
    let lock = NamedLock::take(until, open, || place.look(name), failed)?;
    lock.ok_or_else(|| Error::Locked {
        path: place.path.clone(),
        lock: place.beside(name),
        seconds: limits::EDIT_LOCK_WAIT.as_secs(),
    })
}

fn open_lock(name: &OsStr, place: &Place) -> std::io::Result<File> {
    match place.open(name, OFlags::RDWR) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) if error.kind() == ErrorKind::PermissionDenied && is_stale(name, place)? => {
            place.remove(name).map_err(|_| error)?;
        }
        opened => return opened,
    }
    match place.open(name, OFlags::RDWR | OFlags::CREATE | OFlags::EXCL) {
        Ok(lock) => {
            give_to_owner(&lock, place)?;
            Ok(lock)
        }
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => place.open(name, OFlags::RDWR),
        Err(error) => Err(error),
    }
}

/// Whether a lock that cannot be opened is one that root made, and had no time
/// to give to this user, to whom it should belong: so nobody holds it. If root
/// is just about to, it sees that the name is another's, and waits for that.
fn is_stale(name: &OsStr, place: &Place) -> std::io::Result<bool> {
    let is_roots = place.look(name)?.is_some_and(|lock| lock.uid() == 0);
    let (owner, _) = place.owner()?;
    Ok(is_roots && owner == rustix::process::geteuid().as_raw())
}

/// What root makes beside another user's file belongs to that user, who could
/// not open it otherwise.
pub(super) fn give_to_owner(file: &File, place: &Place) -> std::io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    match place.owner()? {
        (0, _) => Ok(()),
        (user, group) => fchown(file, Some(user), Some(group)),
    }
}
