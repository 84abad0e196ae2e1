//! Several files that are to change together, as far as a file system lets them.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::files::{durable_beside, open_regular, parent, read_open, sync_directory};
use super::{Action, Error, Readers};

/// What stands in a place.
#[derive(Debug, PartialEq, Eq)]
pub enum Occupant {
    /// Nothing.
    Nothing,
    /// A file.
    File {
        /// What it holds.
        content: Vec<u8>,
        /// The bits of its mode.
        mode: u32,
    },
    /// Something else: a link, a directory.
    Other,
}

impl Occupant {
    /// What stands there; a link is not followed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::TooLarge`] above `max` bytes.
    pub fn of(path: &Path, max: u64) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            path: path.to_owned(),
            action: Action::Read,
            source,
        };
        let metadata = match fs::symlink_metadata(path) {
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::Nothing);
            }
            metadata => metadata.map_err(failed)?,
        };
        if !metadata.is_file() {
            return Ok(Self::Other);
        }
        let file = open_regular(path)?;
        // Of the very file that is read: another one may stand there by now.
        let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
        let content = read_open(file, path, max)?;
        Ok(Self::File { content, mode })
    }
}

/// Files that are to change together. All new ones are durable on disk before the
/// first takes its place; where one cannot, those before it are put back.
#[derive(Debug, Default)]
pub struct Several {
    changes: Vec<(PathBuf, Change)>,
}

#[derive(Debug)]
enum Change {
    Put(NamedTempFile),
    Remove,
}

/// What stood in a place before, to be put back.
enum Before {
    Nothing,
    /// Under another name beside it.
    Aside(NamedTempFile),
    /// Something that has no other name: it is changed without a way back.
    Gone,
}

impl Several {
    /// Makes a new file beside its place; `makes_directories` says whether those above
    /// it are made too (0755), as a package's are.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]. What was staged is removed with this value.
    pub fn put(
        &mut self,
        path: &Path,
        content: &[u8],
        readers: Readers,
        makes_directories: bool,
    ) -> Result<(), Error> {
        let failed = |source| Error::Io {
            path: path.to_owned(),
            action: Action::Write,
            source,
        };
        let directory = parent(path);
        if makes_directories {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o755)
                .create(&directory)
                .map_err(failed)?;
        }
        let file = durable_beside(&directory, content, readers).map_err(failed)?;
        self.changes.push((path.to_owned(), Change::Put(file)));
        Ok(())
    }

    /// Has a file removed.
    pub fn remove(&mut self, path: &Path) {
        self.changes.push((path.to_owned(), Change::Remove));
    }

    /// Makes all changes, or as good as none: what was done is undone where the rest
    /// cannot be.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] with the first file that could not be changed; nothing is changed
    /// then, but for [`Action::Sync`] with a directory: everything is changed, and a
    /// crash may undo it. [`Error::HalfDone`] where a file that had been changed before that one could
    /// not be put back.
    pub fn commit(self) -> Result<(), Error> {
        let mut done: Vec<(PathBuf, Before)> = Vec::new();
        for (path, change) in self.changes {
            match make(&path, change) {
                Ok(before) => done.push((path, before)),
                Err(error) => return Err(put_back(done, error)),
            }
        }
        let mut directories: Vec<PathBuf> = done.iter().map(|(path, _)| parent(path)).collect();
        directories.sort();
        directories.dedup();
        // The others too, where one fails.
        let synced = directories.iter().map(|path| sync_directory(path));
        synced.fold(Ok(()), Result::and)
    }
}

/// Makes one change.
fn make(path: &Path, change: Change) -> Result<Before, Error> {
    let action = match change {
        Change::Put(_) => Action::Write,
        Change::Remove => Action::Remove,
    };
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action,
        source,
    };
    let before = aside(path).map_err(failed)?;
    let made = match change {
        Change::Put(file) => file.persist(path).map(|_| ()).map_err(|error| error.error),
        Change::Remove => fs::remove_file(path),
    };
    made.map_err(failed)?;
    Ok(before)
}

/// Gives what stands in a place a second name, which goes when it is not needed.
fn aside(path: &Path) -> std::io::Result<Before> {
    if fs::symlink_metadata(path).is_err() {
        return Ok(Before::Nothing);
    }
    tempfile::Builder::new()
        .prefix(super::files::TEMPORARY)
        .make_in(parent(path), |name| {
            fs::hard_link(path, name)?;
            open_regular(name).map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))
        })
        .map(Before::Aside)
        .or(Ok(Before::Gone))
}

/// Undoes what was done; gives the error that made it necessary, or which files could
/// not be put back.
fn put_back(done: Vec<(PathBuf, Before)>, error: Error) -> Error {
    let mut left = Vec::new();
    for (path, before) in done.into_iter().rev() {
        let undone = match before {
            Before::Nothing => fs::remove_file(&path),
            Before::Gone => Err(std::io::ErrorKind::Unsupported.into()),
            Before::Aside(file) => file.persist(&path).map(|_| ()).map_err(|error| error.error),
        };
        if undone.is_err() {
            left.push(path);
        }
    }
    if left.is_empty() {
        return error;
    }
    Error::HalfDone {
        paths: left,
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::{create_directory, write_new};
    use super::*;

    /// Three changes, and a fourth to a place that no file can take.
    fn staged(home: &Path) -> Several {
        let path = |name: &str| home.join(name);
        write_new(&path("replaced"), b"old").unwrap();
        write_new(&path("removed"), b"old too").unwrap();
        let mut several = Several::default();
        for name in ["new", "replaced"] {
            let put = several.put(&path(name), b"new", Readers::Everyone, false);
            put.unwrap();
        }
        several.remove(&path("removed"));
        let put = several.put(&path("taken"), b"new", Readers::Everyone, false);
        put.unwrap();
        create_directory(&path("taken")).unwrap();
        several
    }

    fn names(home: &Path) -> Vec<String> {
        let entries = fs::read_dir(home).unwrap();
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    #[test]
    fn all_changes_are_made() {
        let home = tempfile::tempdir().unwrap();
        let several = staged(home.path());
        fs::remove_dir(home.path().join("taken")).unwrap();
        several.commit().unwrap();
        assert_eq!(names(home.path()), ["new", "replaced", "taken"]);
        for name in ["new", "replaced", "taken"] {
            assert_eq!(fs::read(home.path().join(name)).unwrap(), b"new");
        }
    }

    #[test]
    fn what_was_changed_before_a_failure_is_put_back() {
        let home = tempfile::tempdir().unwrap();
        let error = staged(home.path()).commit().unwrap_err();
        let taken = home.path().join("taken");
        assert!(
            matches!(&error, Error::Io { path, action: Action::Write, .. } if *path == taken),
            "{error:?}"
        );
        assert_eq!(names(home.path()), ["removed", "replaced", "taken"]);
        let read = |name: &str| fs::read(home.path().join(name)).unwrap();
        assert_eq!(
            (&read("replaced")[..], &read("removed")[..]),
            (&b"old"[..], &b"old too"[..])
        );
    }

    /// Something has taken the place of a file since, so that it cannot be put back.
    #[test]
    fn what_cannot_be_put_back_is_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("new");
        create_directory(&path).unwrap();
        let failed = Error::Locked {
            path: home.path().join("x"),
            lock: home.path().join("y"),
            seconds: 1,
        };
        let gone = home.path().join("gone");
        let done = vec![
            (gone.clone(), Before::Gone),
            (path.clone(), Before::Nothing),
        ];
        let error = put_back(done, failed);
        let Error::HalfDone { paths, source } = error else {
            panic!("{error:?}");
        };
        assert_eq!(paths, [path, gone]);
        assert!(matches!(*source, Error::Locked { .. }), "{source:?}");
    }
}
