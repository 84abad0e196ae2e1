//! Editing a file that others read and write too: at every moment it has the old
//! content or the new one, and whoever else edits it with this program waits.
//!
//! Beside the file `NAME` stand, in the same directory and for the owner alone,
//! `.NAME.windlass-lock`, which is kept, `.NAME.windlass-new` while a new file is
//! written, and `.NAME.windlass-journal` while the file itself is written into.

mod beside;
mod in_place;
mod replace;

use std::fs::{self, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use crate::secret::Secret;

use self::beside::Beside;
pub use self::in_place::Recovery;
use super::files::parent;
use super::{Action, Error};

/// Most symbolic links that are followed to a file, as many as Linux follows.
const MAX_LINKS: usize = 40;

/// How often the file is read again because somebody without the lock has just
/// written it.
const MAX_CHANGES: usize = 20;

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// Into the file itself, which keeps its inode: a reader may see it half
    /// written. A journal beside it lets the next edit complete what a crash
    /// has cut short.
    InPlace,
    /// By a new file that is renamed onto it: a reader sees the old one or the
    /// new one.
    Replace,
}

/// What an edit has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The file, with symbolic links followed.
    pub path: PathBuf,
    /// Whether it was written, and how; `None` when it said already what it
    /// should, and was not touched.
    pub written: Option<Manner>,
    /// The rename was not possible, as onto a bind mount, so the file was
    /// written into.
    pub could_not_rename: bool,
    /// Its mode, permission bits only.
    pub mode: u32,
    /// How many names the old file had: the others keep the old content when it
    /// was replaced.
    pub names: u64,
    /// What became of a write that a crash had cut short.
    pub recovery: Option<Recovery>,
}

/// Edits a file of at most `max` bytes. `change` is given its content, nothing
/// when it does not exist, and gives the new one; it is called again when
/// somebody who does not know the lock writes meanwhile. The file keeps mode,
/// owner, group and extended attributes; a new one is for its owner alone, and
/// so is a directory that has to be made. Symbolic links are followed and kept.
///
/// # Errors
///
/// Those of `change`, and [`Error`]: the content is then what it was. Only when
/// writing in place fails, and writing back does too, is it torn
/// ([`Error::Torn`]), until the next edit completes it.
pub fn edit<E: From<Error>>(
    path: &Path,
    max: u64,
    manner: Manner,
    mut change: impl FnMut(&[u8]) -> Result<Secret, E>,
) -> Result<Report, E> {
    let target = follow(path)?;
    check_kind(&target)?;
    super::ensure_directory(&parent(&target))?;
    let beside = Beside::lock(&target)?;
    let recovery = in_place::recover(&beside, max)?;
    for _ in 0..MAX_CHANGES {
        let old = Old::read(&target, max)?;
        let new = change(old.content.expose())?;
        let mut report = Report {
            path: target.clone(),
            written: None,
            could_not_rename: false,
            mode: old.mode(),
            names: old.metadata.as_ref().map_or(1, Metadata::nlink),
            recovery,
        };
        if new.expose() == old.content.expose() {
            return Ok(report);
        }
        if manner == Manner::InPlace && old.metadata.is_some() {
            if !old.is_still_at(&target) {
                continue;
            }
            in_place::write(&beside, &old, new.expose())?;
            report.written = Some(Manner::InPlace);
            return Ok(report);
        }
        match replace::write(&beside, &old, new.expose())? {
            replace::Outcome::Done => report.written = Some(Manner::Replace),
            replace::Outcome::Changed => continue,
            replace::Outcome::CannotRename => {
                in_place::write(&beside, &old, new.expose())?;
                report.written = Some(Manner::InPlace);
                report.could_not_rename = true;
            }
        }
        return Ok(report);
    }
    Err(E::from(Error::Changing { path: target }))
}

/// Completes a write into a file that a crash has cut short, where there is one:
/// before the file is read for anything else than an edit, which does so itself.
///
/// # Errors
///
/// [`Error`].
pub fn recover(path: &Path, max: u64) -> Result<Option<Recovery>, Error> {
    let target = follow(path)?;
    if !Beside::has_journal(&target) {
        return Ok(None);
    }
    in_place::recover(&Beside::lock(&target)?, max)
}

/// Reads a file of at most `max` bytes as [`edit`] does; `None` where there is
/// none. Unlike [`super::read_bounded`] it does not wait for the other end of a
/// FIFO.
///
/// # Errors
///
/// [`Error::NotAFile`], [`Error::TooLarge`], [`Error::Io`].
pub fn read_regular(path: &Path, max: u64) -> Result<Option<Secret>, Error> {
    let found = Old::read(path, max)?;
    Ok(found.metadata.map(|_| found.content))
}

/// The file as it was found.
struct Old {
    content: Secret,
    /// `None` when there was no file.
    metadata: Option<Metadata>,
    file: Option<fs::File>,
}

impl Old {
    fn read(path: &Path, max: u64) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            path: path.to_owned(),
            action: Action::Read,
            source,
        };
        let file = match open(path, OFlags::RDONLY) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self {
                    content: Secret::new(Vec::new()),
                    metadata: None,
                    file: None,
                });
            }
            opened => opened.map_err(failed)?,
        };
        let metadata = file.metadata().map_err(failed)?;
        refuse_other_kinds(path, &metadata)?;
        let size = usize::try_from(metadata.len().min(max)).unwrap_or(0);
        let mut content = Vec::with_capacity(size + 1);
        let limit = max.saturating_add(1);
        let read = (&file).take(limit).read_to_end(&mut content);
        let content = Secret::new(content);
        if u64::try_from(read.map_err(failed)?).unwrap_or(u64::MAX) > max {
            return Err(Error::TooLarge {
                path: path.to_owned(),
                max,
            });
        }
        Ok(Self {
            content,
            metadata: Some(metadata),
            file: Some(file),
        })
    }

    fn mode(&self) -> u32 {
        let mode = self.metadata.as_ref().map(Metadata::mode);
        mode.map_or(0o600, |mode| mode & 0o777)
    }

    /// Whether the file at `path` is still the one that was read.
    fn is_still_at(&self, path: &Path) -> bool {
        match (&self.metadata, fs::symlink_metadata(path)) {
            (Some(old), Ok(now)) => {
                let stamp = |metadata: &Metadata| {
                    (
                        metadata.dev(),
                        metadata.ino(),
                        metadata.len(),
                        metadata.mtime(),
                        metadata.mtime_nsec(),
                    )
                };
                stamp(old) == stamp(&now)
            }
            (None, Err(error)) => error.kind() == std::io::ErrorKind::NotFound,
            _ => false,
        }
    }
}

/// Opens a file without waiting for the other end of a FIFO.
fn open(path: &Path, access: OFlags) -> std::io::Result<fs::File> {
    let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}

/// Follows symbolic links to the name of the file itself, which need not exist.
fn follow(path: &Path) -> Result<PathBuf, Error> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(next) => path = parent(&path).join(next),
            // What is no link, and what does not exist.
            Err(_) => return Ok(path),
        }
    }
    Err(Error::Io {
        path,
        action: Action::Follow,
        source: std::io::Error::other("too many levels of symbolic links"),
    })
}

fn check_kind(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(metadata) => refuse_other_kinds(path, &metadata),
        // That it does not exist is right, and everything else shows later.
        Err(_) => Ok(()),
    }
}

fn refuse_other_kinds(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::NotAFile {
        path: path.to_owned(),
        is_directory: metadata.is_dir(),
    })
}
