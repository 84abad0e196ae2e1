//! Editing a file that others read and write too: at every moment it has the old
//! content or the new one, and whoever else edits it with this program waits.
//!
//! Beside the file `NAME` stand, in the same directory and for the owner alone,
//! `.NAME.windlass-lock`, which is kept, `.NAME.windlass-new` while a new file is
//! written, and `.NAME.windlass-journal` while the file itself is written into.

mod beside;
mod in_place;
mod place;
mod replace;

use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::secret::Secret;

use self::beside::Beside;
pub use self::in_place::Recovery;
pub(super) use self::place::{Missing, Place};
pub(super) use self::replace::copy_attributes;
use super::files::identity;
use super::{Action, Error};

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
pub struct EditReport {
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
/// so is a directory that has to be made, and what root makes below a user's
/// directory is that user's. Symbolic links are followed and kept, but those of
/// strangers.
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
) -> Result<EditReport, E> {
    let beside = lock(path)?;
    let recovery = in_place::recover(&beside, max)?;
    for _ in 0..MAX_CHANGES {
        let old = Old::read(&beside.place, max)?;
        let new = change(old.content.expose())?;
        let mut report = EditReport {
            path: beside.place.path.clone(),
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
            if !old.is_still_at(&beside.place) {
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
    Err(E::from(Error::Changing {
        path: beside.place.path,
    }))
}

/// Completes a write into a file that a crash has cut short, where there is one:
/// before the file is read for anything else than an edit, which does so itself.
///
/// # Errors
///
/// [`Error`].
pub fn recover(path: &Path, max: u64) -> Result<Option<Recovery>, Error> {
    match Place::find(path, Missing::Leave)? {
        Some(place) if beside::has_journal(&place)? => in_place::recover(&lock(path)?, max),
        _ => Ok(None),
    }
}

/// Waits for the lock of the file. Where the path leads elsewhere by then, the
/// lock says nothing, and is taken anew.
fn lock(path: &Path) -> Result<Beside, Error> {
    for _ in 0..MAX_CHANGES {
        let place = Place::find(path, Missing::Make)?;
        let found = place.map(|place| check_kind(&place).map(|()| place));
        let Some(place) = found.transpose()? else {
            continue;
        };
        let beside = Beside::lock(place)?;
        let again = Place::find(path, Missing::Leave)?;
        let is_same = again.map_or(Ok(false), |again| again.is_same(&beside.place));
        if is_same.map_err(|source| beside.failed(Action::Lock, source))? {
            beside.clear()?;
            return Ok(beside);
        }
    }
    Err(Error::Changing {
        path: path.to_owned(),
    })
}

/// Reads a file of at most `max` bytes as [`edit`] does; `None` where there is
/// none. Unlike [`super::read_bounded`] it does not wait for the other end of a
/// FIFO.
///
/// # Errors
///
/// [`Error::NotAFile`], [`Error::TooLarge`], [`Error::Io`].
pub fn read_regular(path: &Path, max: u64) -> Result<Option<Secret>, Error> {
    let found = Old::read_from(place::open(path, OFlags::RDONLY), path, max)?;
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
    fn read(place: &Place, max: u64) -> Result<Self, Error> {
        let opened = place.open(&place.name, OFlags::RDONLY);
        Self::read_from(opened, &place.path, max)
    }

    fn read_from(opened: std::io::Result<fs::File>, path: &Path, max: u64) -> Result<Self, Error> {
        let failed = |source| Error::Io {
            path: path.to_owned(),
            action: Action::Read,
            source,
        };
        let file = match opened {
            Err(error) if error.kind() == ErrorKind::NotFound => {
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

    /// Opens the very file that was read for writing.
    fn open_for_writing(&self, beside: &Beside) -> Result<fs::File, Error> {
        let place = &beside.place;
        let failed = |source| beside.failed(Action::Write, source);
        let file = place.open(&place.name, OFlags::WRONLY).map_err(failed)?;
        let now = file.metadata().map_err(failed)?;
        if self.metadata.as_ref().map(identity) != Some(identity(&now)) {
            return Err(Error::Changing {
                path: place.path.clone(),
            });
        }
        // Where links need no right to what they lead to, one may have been put
        // into a directory by its owner.
        let above = place.directory().map_err(failed)?.uid();
        let own = [0, rustix::process::geteuid().as_raw()];
        if now.nlink() > 1 && now.uid() != above && !own.contains(&above) {
            return Err(Error::Link {
                path: place.path.clone(),
                owner: above,
            });
        }
        Ok(file)
    }

    fn mode(&self) -> u32 {
        let mode = self.metadata.as_ref().map(Metadata::mode);
        mode.map_or(0o600, |mode| mode & 0o777)
    }

    /// Whether the file there is still the one that was read.
    fn is_still_at(&self, place: &Place) -> bool {
        match (&self.metadata, place.look(&place.name)) {
            (Some(old), Ok(Some(now))) => {
                let stamp = |metadata: &Metadata| {
                    (
                        identity(metadata),
                        metadata.len(),
                        metadata.mtime(),
                        metadata.mtime_nsec(),
                    )
                };
                stamp(old) == stamp(&now)
            }
            (None, Ok(None)) => true,
            _ => false,
        }
    }
}

fn check_kind(place: &Place) -> Result<(), Error> {
    match place.look(&place.name) {
        Ok(Some(metadata)) => refuse_other_kinds(&place.path, &metadata),
        // That it does not exist is right, and everything else shows later.
        _ => Ok(()),
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
