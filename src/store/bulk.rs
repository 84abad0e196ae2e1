//! Many small directories at once: each appears whole or not at all, and all of
//! them are made durable together, which takes as long as for one.

use std::fs::{self, File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::files::{check_private, create_directory, new_file, sync_directory};
use super::{Action, Error, Staging, ensure_directory};

/// A place where directories are made that will become children of one.
#[derive(Debug)]
pub struct Bulk {
    directory: PathBuf,
    staging: Staging,
}

impl Bulk {
    /// Begins to make children of `directory`, which is created, owner-only,
    /// when it is not there. What a process that died has left there is removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn begin(directory: &Path) -> Result<Self, Error> {
        ensure_directory(directory)?;
        Ok(Self {
            directory: directory.to_owned(),
            staging: Staging::begin(&directory.join("batch"))?,
        })
    }

    /// Makes a child with its files. It is not there before [`Bulk::publish`].
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] when there is something of its name,
    /// [`Error::Io`] otherwise.
    pub fn make(&self, name: &str, files: &[(&str, &[u8])]) -> Result<(), Error> {
        let target = self.directory.join(name);
        if fs::symlink_metadata(&target).is_ok() {
            return Err(Error::Exists { path: target });
        }
        self.make_beside(name, files)
    }

    /// Makes a directory with its files that will take the place of a child. It
    /// is not seen before [`Bulk::exchange`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn make_beside(&self, name: &str, files: &[(&str, &[u8])]) -> Result<(), Error> {
        let target = self.directory.join(name);
        let failed = |source| Error::Io {
            path: target.clone(),
            action: Action::Create,
            source,
        };
        let hidden = self.staging.path().join(name);
        create_directory(&hidden).map_err(failed)?;
        for (name, content) in files {
            new_file(&hidden.join(name))
                .and_then(|mut file| file.write_all(content))
                .map_err(failed)?;
        }
        Ok(())
    }

    /// Makes the children durable and lets them appear.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] when somebody else has made one of the name meanwhile,
    /// [`Error::Io`] otherwise; those that had appeared before stay.
    pub fn publish<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        self.sync()?;
        for name in names {
            let target = self.directory.join(name);
            fs::rename(self.staging.path().join(name), &target).map_err(|source| {
                match source.kind() {
                    std::io::ErrorKind::DirectoryNotEmpty
                    | std::io::ErrorKind::AlreadyExists
                    | std::io::ErrorKind::NotADirectory => Error::Exists {
                        path: target.clone(),
                    },
                    _ => Error::Io {
                        path: target.clone(),
                        action: Action::Create,
                        source,
                    },
                }
            })?;
        }
        sync_directory(&self.directory)
    }

    /// Makes directories durable and lets each take the place of the child of its
    /// name, in one step: whoever opens a file by its path finds all of the old
    /// ones or all of the new ones. The old ones are removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also where the file system cannot exchange two names; those
    /// that were exchanged before stay so.
    pub fn exchange<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        self.sync()?;
        for name in names {
            let (new, old) = (self.staging.path().join(name), self.directory.join(name));
            let failed = |source| Error::Io {
                path: old.clone(),
                action: Action::Write,
                source,
            };
            renameat_with(CWD, &new, CWD, &old, RenameFlags::EXCHANGE)
                .map_err(|error| failed(error.into()))?;
            fs::remove_dir_all(&new).map_err(failed)?;
        }
        sync_directory(&self.directory)
    }

    /// Writes files, owner-only, into a directory of `directory`, all durable
    /// when this returns. They replace what is there.
    ///
    /// # Errors
    ///
    /// [`Error::NotPrivate`] when others have access to that directory,
    /// [`Error::Io`].
    pub fn keep(&self, below: &str, files: &[(String, &[u8])]) -> Result<(), Error> {
        let place = self.directory.join(below);
        ensure_directory(&place)?;
        check_private(&place)?;
        for (name, content) in files {
            let path = place.join(name);
            let failed = |source| Error::Io {
                path: path.clone(),
                action: Action::Write,
                source,
            };
            let hidden = self.staging.path().join(name);
            new_file(&hidden)
                .and_then(|mut file| file.write_all(content))
                .map_err(failed)?;
        }
        self.sync()?;
        for (name, _) in files {
            let path = place.join(name);
            fs::rename(self.staging.path().join(name), &path).map_err(|source| Error::Io {
                path,
                action: Action::Write,
                source,
            })?;
        }
        sync_directory(&place)
    }

    /// One call for everything of the file system, instead of one for each file.
    fn sync(&self) -> Result<(), Error> {
        File::open(self.staging.path())
            .and_then(|directory| Ok(rustix::fs::syncfs(&directory)?))
            .map_err(|source| Error::Io {
                path: self.directory.clone(),
                action: Action::Sync,
                source,
            })
    }
}

/// The kernel's lock of a directory, held until it is dropped or the process
/// ends.
#[derive(Debug)]
pub struct DirectoryLock(#[expect(dead_code, reason = "open as long as the lock is held")] File);

impl DirectoryLock {
    /// Takes the lock, or gives `None` when another process holds it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn take(path: &Path) -> Result<Option<Self>, Error> {
        let failed = |source| Error::Io {
            path: path.to_owned(),
            action: Action::Lock,
            source,
        };
        // A pipe of that name would be waited for.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty());
        let directory = File::from(directory.map_err(|error| failed(error.into()))?);
        match directory.try_lock() {
            Ok(()) => Ok(Some(Self(directory))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn children_appear_whole_and_those_that_are_there_stay() {
        let home = tempfile::tempdir().unwrap();
        let out = home.path().join("out");
        let bulk = Bulk::begin(&out).unwrap();
        bulk.make("a", &[("x", b"1"), ("y", b"2")]).unwrap();
        bulk.make("b", &[("x", b"3")]).unwrap();
        assert!(!out.join("a").exists());
        create_directory(&out.join("b")).unwrap();
        new_file(&out.join("b/theirs")).unwrap();
        assert!(matches!(bulk.make("b", &[]), Err(Error::Exists { .. })));
        assert!(matches!(
            bulk.publish(["a", "b"]),
            Err(Error::Exists { .. })
        ));
        assert_eq!(fs::read(out.join("a/y")).unwrap(), b"2");
        assert!(out.join("b/theirs").exists() && !out.join("b/x").exists());
        bulk.keep("keys", &[("k".to_owned(), b"4")]).unwrap();
        bulk.keep("keys", &[("k".to_owned(), b"5")]).unwrap();
        assert_eq!(fs::read(out.join("keys/k")).unwrap(), b"5");
        for (path, mode) in [
            ("a", 0o700),
            ("a/x", 0o600),
            ("keys", 0o700),
            ("keys/k", 0o600),
        ] {
            let metadata = fs::metadata(out.join(path)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o777, mode, "{path}");
        }
        bulk.make_beside("a", &[("x", b"6")]).unwrap();
        assert_eq!(fs::read(out.join("a/x")).unwrap(), b"1");
        bulk.exchange(["a"]).unwrap();
        assert_eq!(fs::read(out.join("a/x")).unwrap(), b"6");
        assert!(!out.join("a/y").exists());
        // Others could take the keys away, or put theirs in their place.
        fs::set_permissions(out.join("keys"), fs::Permissions::from_mode(0o770)).unwrap();
        let refused = bulk.keep("keys", &[("k".to_owned(), b"7")]);
        assert!(
            matches!(refused, Err(Error::NotPrivate { .. })),
            "{refused:?}"
        );
        assert_eq!(fs::read(out.join("keys/k")).unwrap(), b"5");
        drop(bulk);
        // Nothing hidden is left.
        assert_eq!(fs::read_dir(&out).unwrap().count(), 3);
    }

    #[test]
    fn a_directory_has_one_holder() {
        let home = tempfile::tempdir().unwrap();
        let held = DirectoryLock::take(home.path()).unwrap();
        assert!(held.is_some());
        assert!(DirectoryLock::take(home.path()).unwrap().is_none());
        drop(held);
        assert!(DirectoryLock::take(home.path()).unwrap().is_some());
    }
}
