//! The files that stand beside the one that is edited.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::{Mode, OFlags};

use crate::limits;

use super::super::files::{parent, sync_directory};
use super::super::{Action, Error, remove_if_present};

/// How a file for the owner alone is made, whatever the umask takes away.
const OWNER_ONLY: Mode = Mode::from_raw_mode(0o600);

/// What the journal's name ends with.
const JOURNAL: &str = ".windlass-journal";

/// The names beside a file, and its lock, which is held until the value is
/// dropped, and by nobody any more when the process ends.
pub(super) struct Beside {
    /// The file that is edited.
    pub(super) target: PathBuf,
    /// Its directory.
    pub(super) directory: PathBuf,
    /// A new file that is being written.
    pub(super) new: PathBuf,
    /// The journal of a write into the file.
    pub(super) journal: PathBuf,
    _lock: File,
}

impl Beside {
    /// Waits for the lock, for [`limits::EDIT_LOCK_WAIT`] at most, and removes
    /// what a process that died has left of a new file.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`], [`Error::Io`].
    pub(super) fn lock(target: &Path) -> Result<Self, Error> {
        let path = beside(target, ".windlass-lock");
        let lock = wait_for(&path, target)?;
        let files = Self {
            target: target.to_owned(),
            directory: parent(target),
            new: beside(target, ".windlass-new"),
            journal: beside(target, JOURNAL),
            _lock: lock,
        };
        remove_if_present(&files.new)?;
        Ok(files)
    }

    /// Whether a write into the file was begun and is not known to be complete.
    pub(super) fn has_journal(target: &Path) -> bool {
        beside(target, JOURNAL).exists()
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
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let made = rustix::fs::open(&self.new, flags, OWNER_ONLY);
        let mut file = File::from(made.map_err(|error| failed(error.into()))?);
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
        let _ = fs::remove_file(&self.new);
    }

    /// Makes the directory's entries durable.
    pub(super) fn sync(&self) -> Result<(), Error> {
        sync_directory(&self.directory)
    }

    /// The user knows the file, and not what stands beside it.
    pub(super) fn failed(&self, action: Action, source: std::io::Error) -> Error {
        Error::Io {
            path: self.target.clone(),
            action,
            source,
        }
    }
}

/// The hidden file that goes with this one.
fn beside(target: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(suffix);
    target.with_file_name(name)
}

/// Opens the lock file and takes the lock. Somebody may have removed the file
/// meanwhile: then its lock says nothing, and it is made anew.
fn wait_for(path: &Path, target: &Path) -> Result<File, Error> {
    let failed = |source| Error::Io {
        path: target.to_owned(),
        action: Action::Lock,
        source,
    };
    let until = Instant::now() + limits::EDIT_LOCK_WAIT;
    loop {
        let lock = open_lock(path, target).map_err(failed)?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) if Instant::now() > until => {
                    return Err(Error::Locked {
                        path: target.to_owned(),
                        lock: path.to_owned(),
                        seconds: limits::EDIT_LOCK_WAIT.as_secs(),
                    });
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(limits::EDIT_LOCK_POLL),
            }
        }
        let held = lock.metadata().map_err(failed)?;
        let named = fs::symlink_metadata(path);
        if named.is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino())) {
            return Ok(lock);
        }
    }
}

fn open_lock(path: &Path, target: &Path) -> std::io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    match rustix::fs::open(path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => {}
        opened => return Ok(opened?.into()),
    }
    let made = rustix::fs::open(path, flags | OFlags::CREATE | OFlags::EXCL, OWNER_ONLY);
    match made {
        Ok(made) => {
            let lock = File::from(made);
            give_to_owner(&lock, target)?;
            Ok(lock)
        }
        // Somebody else was faster.
        Err(rustix::io::Errno::EXIST) => Ok(rustix::fs::open(path, flags, Mode::empty())?.into()),
        Err(error) => Err(error.into()),
    }
}

/// What root makes beside another user's file belongs to that user, who could
/// not open it otherwise.
pub(super) fn give_to_owner(file: &File, target: &Path) -> std::io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(target).or_else(|_| fs::metadata(parent(target)))?;
    if owner.uid() == 0 {
        return Ok(());
    }
    fchown(file, Some(owner.uid()), Some(owner.gid()))
}
