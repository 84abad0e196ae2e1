//! Several files that are to change together, as far as a file system lets them.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::files::{
    create_directory, durable_beside, open_regular, parent, read_open, remove_of_form,
    sync_directory,
};
use super::{Action, DirectoryLock, Error, Readers};

/// How the names of unfinished files begin and end. A process that is killed leaves
/// them, and logrotate reads every file of its directory but those with some endings
/// (logrotate.conf(5), `tabooext`), of which every version knows `~`; not where a dot
/// stands first, which its patterns do not fit. cron and what starts init scripts leave
/// out such names too.
const FORM: (&str, &str) = ("windlass.unfinished-", "~");

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
            Err(source) if source.kind() == ErrorKind::NotFound => {
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
    /// Where files change; `None` where another process is at it.
    held: BTreeMap<PathBuf, Option<DirectoryLock>>,
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
            make_directories(&directory).map_err(failed)?;
        }
        self.hold(&directory);
        let mode = readers.mode();
        let file = durable_beside(&directory, FORM, content, mode).map_err(failed)?;
        self.changes.push((path.to_owned(), Change::Put(file)));
        Ok(())
    }

    /// Has a file removed.
    pub fn remove(&mut self, path: &Path) {
        self.hold(&parent(path));
        self.changes.push((path.to_owned(), Change::Remove));
    }

    /// Keeps others out of a directory, and removes what one that was killed has left
    /// there. That neither can be done is no reason not to go on.
    fn hold(&mut self, directory: &Path) {
        if self.held.contains_key(directory) {
            return;
        }
        let lock = DirectoryLock::take(directory).ok().flatten();
        if lock.is_some() {
            let _ = remove_of_form(directory, FORM);
        }
        self.held.insert(directory.to_owned(), lock);
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

/// Makes a directory and those above it, readable by everybody whatever the umask is:
/// the program of the system that reads the files is not the one that makes them.
fn make_directories(directory: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = directory
        .ancestors()
        .take_while(|above| !above.as_os_str().is_empty() && !above.exists())
        .collect();
    for made in missing.into_iter().rev() {
        match create_directory(made) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made_now => {
                made_now?;
                fs::set_permissions(made, fs::Permissions::from_mode(0o755))?;
            }
        }
    }
    Ok(())
}

/// Gives what stands in a place a second name, which goes when it is not needed.
fn aside(path: &Path) -> std::io::Result<Before> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Before::Nothing),
        Err(error) => return Err(error),
        Ok(found) if !found.is_file() => return Err(ErrorKind::InvalidInput.into()),
        Ok(_) => {}
    }
    let linked = tempfile::Builder::new()
        .prefix(FORM.0)
        .suffix(FORM.1)
        .make_in(parent(path), |name| {
            fs::hard_link(path, name)?;
            open_regular(name).map_err(|_| ErrorKind::InvalidInput.into())
        });
    // Not every file system knows second names.
    linked.or_else(|_| copied(path)).map(Before::Aside)
}

/// A file with the same content, owner and mode beside it.
fn copied(path: &Path) -> std::io::Result<NamedTempFile> {
    let metadata = fs::metadata(path)?;
    let copy = durable_beside(
        &parent(path),
        FORM,
        &fs::read(path)?,
        metadata.mode() & 0o7777,
    )?;
    let made = copy.as_file().metadata()?;
    if (made.uid(), made.gid()) != (metadata.uid(), metadata.gid()) {
        std::os::unix::fs::fchown(copy.as_file(), Some(metadata.uid()), Some(metadata.gid()))?;
    }
    Ok(copy)
}

/// Undoes what was done; gives the error that made it necessary, or which files could
/// not be put back.
fn put_back(done: Vec<(PathBuf, Before)>, error: Error) -> Error {
    let mut left = Vec::new();
    for (path, before) in done.into_iter().rev() {
        let undone = match before {
            Before::Nothing => fs::remove_file(&path),
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
    use super::super::files::write_new;
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
        let done = vec![(path.clone(), Before::Nothing)];
        let error = put_back(done, failed);
        let Error::HalfDone { paths, source } = error else {
            panic!("{error:?}");
        };
        assert_eq!(paths, [path]);
        assert!(matches!(*source, Error::Locked { .. }), "{source:?}");
    }

    /// logrotate and cron read what is in their directories, also what a process that
    /// was killed has left there.
    #[test]
    fn what_is_not_finished_yet_is_nobodys_to_read_and_is_cleared() {
        let home = tempfile::tempdir().unwrap();
        // An editor's copy is nothing of this program's.
        for left in ["windlass.unfinished-abc~", "windlass-rotate~"] {
            write_new(&home.path().join(left), b"left").unwrap();
        }
        let several = staged(home.path());
        let is_finished = |name: &String| !name.starts_with("windlass.unfinished-");
        let (finished, others): (Vec<_>, Vec<_>) =
            names(home.path()).into_iter().partition(is_finished);
        assert_eq!(
            finished,
            ["removed", "replaced", "taken", "windlass-rotate~"]
        );
        assert_eq!(others.len(), 3, "{others:?}");
        assert!(others.iter().all(|name| name.ends_with('~')), "{others:?}");
        // Another one that is at it at this moment takes nothing away.
        let mut other = Several::default();
        let put = other.put(&home.path().join("other"), b"", Readers::Everyone, false);
        put.unwrap();
        fs::remove_dir(home.path().join("taken")).unwrap();
        several.commit().unwrap();
        other.commit().unwrap();
        assert!(names(home.path()).iter().all(is_finished));
    }

    /// As on a file system that knows no second names.
    #[test]
    fn a_copy_is_what_it_stands_for() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("script");
        write_new(&path, b"#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let copy = copied(&path).unwrap();
        assert_eq!(copy.path().parent(), path.parent());
        assert_eq!(fs::read(copy.path()).unwrap(), b"#!/bin/sh\n");
        assert_eq!(fs::metadata(copy.path()).unwrap().mode() & 0o777, 0o755);
    }
}
