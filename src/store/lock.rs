//! Locks that have a name: the kernel locks what a name led to, and drops the
//! lock with its holder.

use std::fs::{File, Metadata, TryLockError};
use std::time::Instant;

use crate::limits;

use super::files::identity;

/// How often the file is opened anew because somebody has removed it. That is
/// rare, and twice in a row is somebody's intent.
const MAX_REMOVALS: usize = 20;

/// The lock of a file that nobody has replaced. It is held until it is dropped,
/// or its process ends in whatever way.
#[derive(Debug)]
pub(super) struct NamedLock {
    _file: File,
}

impl NamedLock {
    /// Locks what `open` gives; `None` when another holds the lock until then.
    /// `look` says what has the name now: somebody may have removed the file
    /// between the two steps, and a third process would lock a new one, so that
    /// the old one's lock says nothing, and it is opened anew.
    ///
    /// # Errors
    ///
    /// Those of `open`, what `failed` makes of a name that never stays with what
    /// was opened, as on file systems without lasting inode numbers, and what `failed` makes of the operating system's.
    pub(super) fn take<E>(
        until: Instant,
        open: impl Fn() -> Result<File, E>,
        look: impl Fn() -> std::io::Result<Option<Metadata>>,
        failed: impl Fn(std::io::Error) -> E,
    ) -> Result<Option<Self>, E> {
        for _ in 0..MAX_REMOVALS {
            let file = open()?;
            if !waited(&file, until).map_err(&failed)? {
                return Ok(None);
            }
            let held = file.metadata().map_err(&failed)?;
            let named = look().map_err(&failed)?;
            if named.is_some_and(|named| identity(&named) == identity(&held)) {
                return Ok(Some(Self { _file: file }));
            }
        }
        Err(failed(std::io::Error::other(
            "what has the name is another file than the one that is opened by it, each time",
        )))
    }
}

/// Whether the lock was to be had by then.
fn waited(file: &File, until: Instant) -> std::io::Result<bool> {
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(source)) => return Err(source),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => return Ok(false),
            Err(TryLockError::WouldBlock) => std::thread::sleep(limits::EDIT_LOCK_POLL),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::fs;

    use super::super::files::{Readers, write_atomic};
    use super::*;

    /// Another process has removed the file after it was opened, and a third one
    /// may have a lock on a new file of the name.
    #[test]
    fn a_lock_without_its_name_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let opened = Cell::new(0);
        let open = || {
            if !path.exists() {
                write_atomic(&path, b"", Readers::Owner).unwrap();
            }
            let file = File::open(&path)?;
            opened.set(opened.get() + 1);
            if opened.get() == 1 {
                fs::remove_file(&path)?;
            }
            Ok::<_, std::io::Error>(file)
        };
        let look = || Ok(fs::symlink_metadata(&path).ok());
        let take = || NamedLock::take(Instant::now(), open, look, |error| error).unwrap();
        let lock = take().unwrap();
        assert_eq!(opened.get(), 2);
        assert!(take().is_none(), "it is held");
        drop(lock);
        assert!(take().is_some());
    }

    /// Some network file systems make up inode numbers at each look.
    #[test]
    fn a_name_that_never_stays_is_an_error_and_no_loop() {
        let directory = tempfile::tempdir().unwrap();
        let (path, other) = (
            directory.path().join("lock"),
            directory.path().join("other"),
        );
        for path in [&path, &other] {
            write_atomic(path, b"", Readers::Owner).unwrap();
        }
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let look = || fs::symlink_metadata(&other).map(Some);
            tell.send(NamedLock::take(
                Instant::now(),
                || File::open(&path),
                look,
                |error| error,
            ))
        });
        let outcome = told.recv_timeout(std::time::Duration::from_secs(10));
        assert!(outcome.unwrap().is_err());
    }
}
