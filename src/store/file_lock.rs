//! The lock of a file that is replaced as a whole: it is held on another file
//! beside it, which stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::files::{parent, present};
use super::lock::NamedLock;
use super::{Action, Error};

/// The lock of a file, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct NamedFileLock(
    #[expect(dead_code, reason = "open as long as the lock is held")] NamedLock,
);

impl NamedFileLock {
    /// Takes the lock of a file, which need not exist, or gives `None` when
    /// another process holds it. The lock is on `.NAME.lock` beside it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn take(path: &Path) -> Result<Option<Self>, Error> {
        let lock = lock_path(path);
        let failed = |source| Error::Io {
            path: lock.clone(),
            action: Action::Lock,
            source,
        };
        let open = || open(&lock).map_err(failed);
        let look = || present(fs::symlink_metadata(&lock));
        Ok(NamedLock::take(Instant::now(), open, look, failed)?.map(Self))
    }
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".lock");
    parent(path).join(name)
}

#[expect(clippy::disallowed_types, reason = "the room that opens files")]
fn open(path: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    let no_follow = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(i32::try_from(no_follow.bits()).unwrap_or(0))
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_the_file_itself_may_be_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.json");
        let lock = NamedFileLock::take(&path).unwrap().unwrap();
        assert!(!path.exists());
        super::super::write_atomic(&path, b"1", super::super::Readers::Owner).unwrap();
        assert!(NamedFileLock::take(&path).unwrap().is_none());
        let other = directory.path().join("other.json");
        assert!(NamedFileLock::take(&other).unwrap().is_some());
        drop(lock);
        assert!(NamedFileLock::take(&path).unwrap().is_some());
        // Somebody's link is not followed.
        let third = directory.path().join("third");
        std::os::unix::fs::symlink(&path, lock_path(&third)).unwrap();
        assert!(NamedFileLock::take(&third).is_err());
    }
}
