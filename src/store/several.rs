//! Several files that are to change together, as far as a file system lets them.

use std::fs;
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::files::{durable_beside, open_regular, parent, sync_directory};
use super::{Action, Error, Readers};

/// What stands in a place.
#[derive(Debug, PartialEq, Eq)]
pub enum Standing {
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

impl Standing {
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
        let mut content = Vec::new();
        open_regular(path)?
            .take(max.saturating_add(1))
            .read_to_end(&mut content)
            .map_err(failed)?;
        if u64::try_from(content.len()).unwrap_or(u64::MAX) > max {
            return Err(Error::TooLarge {
                path: path.to_owned(),
                max,
            });
        }
        Ok(Self::File {
            content,
            mode: metadata.mode() & 0o7777,
        })
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
    /// [`Error::Io`] with the first file that could not be changed.
    pub fn commit(self) -> Result<(), Error> {
        let mut done: Vec<(PathBuf, Before)> = Vec::new();
        let mut directories = Vec::new();
        for (path, change) in self.changes {
            match make(&path, change) {
                Ok(before) => {
                    directories.push(parent(&path));
                    done.push((path, before));
                }
                Err(error) => {
                    put_back(done);
                    return Err(error);
                }
            }
        }
        directories.sort();
        directories.dedup();
        directories
            .iter()
            .try_for_each(|directory| sync_directory(directory))
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

fn put_back(done: Vec<(PathBuf, Before)>) {
    for (path, before) in done.into_iter().rev() {
        let _ = match before {
            Before::Nothing => fs::remove_file(&path),
            Before::Gone => Ok(()),
            Before::Aside(file) => file.persist(&path).map(|_| ()).map_err(|error| error.error),
        };
    }
}
