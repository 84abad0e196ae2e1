//! Directories that appear whole or not at all.
//!
//! Everything is written into a hidden directory beside the target, made
//! durable, and then renamed onto the target in one step. A process that dies
//! before the rename leaves only the hidden directory, whose kernel lock died
//! with it; the next [`Staging::begin`] for the same target removes it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::files::{create_directory, create_new, ensure_directory, parent, sync_directory};
use super::{Action, Error};

/// What stands in the name of a hidden directory, behind that of its target.
const MARK: &str = ".windlass-";

/// A directory under construction.
#[derive(Debug)]
pub struct Staging {
    target: PathBuf,
    path: PathBuf,
    /// Holds the advisory lock that tells a live directory from a leftover.
    lock: Option<File>,
}

impl Staging {
    /// Starts a directory that will become `target`, which must not exist or be
    /// an empty directory. Missing parents are created, owner-only. Leftovers
    /// of processes that died are removed.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] when the target holds something, [`Error::Io`] when
    /// the parent cannot be written.
    pub fn begin(target: &Path) -> Result<Self, Error> {
        let target = resolve(target)?;
        refuse_occupied(&target)?;
        let directory = parent(&target);
        ensure_directory(&directory)?;
        let prefix = prefix_of(&target);
        remove_leftovers(&directory, &prefix)?;
        // The user knows the target, not the hidden directory.
        let failed = |source| Error::Io {
            path: target.clone(),
            action: Action::Create,
            source,
        };
        // A cleaner may take a new directory for a leftover in the moment
        // before it is locked; then the next name is tried.
        for attempt in 0..16 {
            let path = directory.join(format!("{prefix}{}-{attempt}", std::process::id()));
            match create_directory(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                Err(source) => return Err(failed(source)),
            }
            let locked = File::open(&path)
                .ok()
                .filter(|lock| lock.try_lock().is_ok());
            if locked.is_some() && path.is_dir() {
                return Ok(Self {
                    target,
                    path,
                    lock: locked,
                });
            }
        }
        Err(failed(std::io::Error::other(
            "no free name for a temporary directory",
        )))
    }

    /// Where the files are until they are published.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a sub-directory, owner-only.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn create_directory(&self, name: &str) -> Result<(), Error> {
        let path = self.path.join(name);
        create_directory(&path).map_err(|source| Error::Io {
            path,
            action: Action::Create,
            source,
        })
    }

    /// Adds a file, owner-only, durable.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, name: &str, content: &[u8]) -> Result<(), Error> {
        create_new(&self.path.join(name), content)
    }

    /// Makes one of the files durable and gives it the target's name, in one step.
    /// The others are removed.
    ///
    /// # Errors
    ///
    /// As [`Self::publish`]; whatever has the name by now stays.
    pub fn publish_file(self, name: &str) -> Result<(), Error> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        let path = self.path.join(name);
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AlreadyExists => Error::Exists {
                path: self.target.clone(),
            },
            _ => Error::Io {
                path: self.target.clone(),
                action: Action::Create,
                source,
            },
        };
        File::open(&path)
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        match renameat_with(CWD, &path, CWD, &self.target, RenameFlags::NOREPLACE) {
            // Not every file system can promise that nothing is replaced.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                refuse_occupied(&self.target)?;
                fs::rename(&path, &self.target).map_err(failed)?;
            }
            renamed => renamed.map_err(|error| failed(error.into()))?,
        }
        sync_directory(&parent(&self.target))
    }

    /// Makes everything durable and renames it onto the target in one step.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] when somebody else has filled the target meanwhile;
    /// then theirs stays and nothing of ours is left. [`Error::Io`] otherwise;
    /// with [`Action::Sync`] the target is there and whole, but may not survive
    /// a power cut.
    pub fn publish(mut self) -> Result<(), Error> {
        sync_tree(&self.path)?;
        fs::rename(&self.path, &self.target).map_err(|source| match source.kind() {
            std::io::ErrorKind::DirectoryNotEmpty | std::io::ErrorKind::AlreadyExists => {
                Error::Exists {
                    path: self.target.clone(),
                }
            }
            _ => Error::Io {
                path: self.target.clone(),
                action: Action::Create,
                source,
            },
        })?;
        self.lock = None;
        sync_directory(&parent(&self.target))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.lock.is_some() {
            // What cannot be removed now is removed by the next run.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Follows a symbolic link to a directory, so that the rename lands in it.
fn resolve(target: &Path) -> Result<PathBuf, Error> {
    if target.is_symlink() {
        return target.canonicalize().map_err(|source| Error::Io {
            path: target.to_owned(),
            action: Action::Follow,
            source,
        });
    }
    // A trailing slash or `.` has no name to build the hidden one from.
    if target.file_name().is_none() || target.as_os_str().as_encoded_bytes().ends_with(b"/.") {
        return target.canonicalize().map_err(|source| Error::Io {
            path: target.to_owned(),
            action: Action::Find,
            source,
        });
    }
    Ok(target.to_owned())
}

fn refuse_occupied(target: &Path) -> Result<(), Error> {
    let failed = |source| Error::Io {
        path: target.to_owned(),
        action: Action::Create,
        source,
    };
    match fs::read_dir(target) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Error::Exists {
                path: target.to_owned(),
            }),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error)
            if error.kind() == std::io::ErrorKind::NotADirectory
                && fs::symlink_metadata(target).is_ok() =>
        {
            Err(Error::Exists {
                path: target.to_owned(),
            })
        }
        Err(source) => Err(failed(source)),
    }
}

/// `.NAME.windlass-`, followed by the process id and a number.
fn prefix_of(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}{MARK}")
}

/// Removes hidden directories of the same target whose maker is gone.
fn remove_leftovers(directory: &Path, prefix: &str) -> Result<(), Error> {
    let entries = fs::read_dir(directory).map_err(|source| Error::Io {
        path: directory.to_owned(),
        action: Action::Read,
        source,
    })?;
    for entry in entries.flatten() {
        if is_leftover_name(&entry.file_name().to_string_lossy(), prefix) {
            remove_unheld(&entry);
        }
    }
    Ok(())
}

/// Removes what processes that were killed have left unfinished in a directory,
/// whatever it was to become, and gives the paths.
///
/// # Errors
///
/// [`Error::Io`] when the directory cannot be read.
pub fn remove_abandoned(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(directory).map_err(|source| Error::Io {
        path: directory.to_owned(),
        action: Action::Read,
        source,
    })?;
    let is_one = |name: &str| {
        let end = name.rfind(MARK).map(|start| start + MARK.len());
        name.starts_with('.')
            && end
                .and_then(|end| name.get(..end))
                .is_some_and(|prefix| is_leftover_name(name, prefix))
    };
    Ok(entries
        .flatten()
        .filter(|entry| is_one(&entry.file_name().to_string_lossy()) && remove_unheld(entry))
        .map(|entry| entry.path())
        .collect())
}

/// Removes a hidden directory whose maker is gone. A symbolic link of such a
/// name is not ours and is left alone, and so is what a person has called alike.
fn remove_unheld(entry: &fs::DirEntry) -> bool {
    let path = entry.path();
    if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
        return false;
    }
    let Ok(lock) = File::open(&path) else {
        return false;
    };
    match lock.try_lock() {
        Ok(()) => fs::remove_dir_all(&path).is_ok(),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Whether a name is the prefix with the process id and number of
/// [`Staging::begin`].
fn is_leftover_name(name: &str, prefix: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.strip_prefix(prefix)
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(process, attempt)| number(process) && number(attempt))
}

/// Makes a directory tree of files that are durable already durable as a whole.
fn sync_tree(directory: &Path) -> Result<(), Error> {
    let entries = fs::read_dir(directory).map_err(|source| Error::Io {
        path: directory.to_owned(),
        action: Action::Read,
        source,
    })?;
    for entry in entries {
        let is_directory = entry.and_then(|entry| Ok((entry.file_type()?.is_dir(), entry.path())));
        match is_directory {
            Ok((true, path)) => sync_tree(&path)?,
            Ok((false, _)) => {}
            Err(source) => {
                return Err(Error::Io {
                    path: directory.to_owned(),
                    action: Action::Read,
                    source,
                });
            }
        }
    }
    sync_directory(directory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn appears_whole_with_owner_only_modes() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("a/b");
        let staging = Staging::begin(&target).unwrap();
        staging.create_directory("sub").unwrap();
        staging.write("sub/key.pem", b"secret").unwrap();
        assert!(!target.exists());
        staging.publish().unwrap();
        let mode = |path: &str| {
            fs::metadata(home.path().join(path))
                .unwrap()
                .permissions()
                .mode()
                & 0o777
        };
        assert_eq!(mode("a/b"), 0o700);
        assert_eq!(mode("a/b/sub"), 0o700);
        assert_eq!(mode("a/b/sub/key.pem"), 0o600);
        assert_eq!(fs::read_dir(home.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn an_occupied_target_is_refused_and_untouched() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("ca");
        let first = Staging::begin(&target).unwrap();
        let second = Staging::begin(&target).unwrap();
        first.write("who", b"first").unwrap();
        second.write("who", b"second").unwrap();
        first.publish().unwrap();
        assert!(matches!(second.publish(), Err(Error::Exists { .. })));
        assert!(matches!(Staging::begin(&target), Err(Error::Exists { .. })));
        assert_eq!(fs::read(target.join("who")).unwrap(), b"first");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn leftovers_of_the_dead_are_removed_and_the_living_are_not() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("ca");
        let dead = home.path().join(".ca.windlass-1-0");
        create_directory(&dead).unwrap();
        for name in [
            ".ca.windlass-keep",
            ".ca.windlass-1-0-old",
            ".ca.windlass-1-",
        ] {
            create_directory(&home.path().join(name)).unwrap();
        }
        let living = Staging::begin(&target).unwrap();
        assert!(!dead.exists());
        let other = Staging::begin(&target).unwrap();
        assert!(living.path().exists() && other.path().exists());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 5);
    }
}
