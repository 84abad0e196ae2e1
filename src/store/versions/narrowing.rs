//! Modes of versions that readers refuse, or by which others could change them: a
//! copy or a `chmod -R` leaves such.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::super::Error;
use super::super::step::step;
use super::ownership::{DIRECTORY_MODES, KEY_MODES};
use super::{KEY, Versions};

/// A version's directory or key with a mode that it must not have.
#[derive(Debug)]
pub struct TooOpen {
    /// What it is.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Those of them that it may have.
    pub narrowed: u32,
}

impl Versions {
    /// The directories and keys of versions that others could write, and the keys
    /// that everybody could read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn too_open(&self) -> Result<Vec<TooOpen>, Error> {
        let mut found = Vec::new();
        for number in self.all()? {
            let version = self.version(number);
            let key = version.join(KEY);
            // Links are followed by nobody here: they are no files of a version.
            let is_file = fs::symlink_metadata(&key).is_ok_and(|key| key.is_file());
            let directory = fs::symlink_metadata(&version);
            let directory = directory.map_or(0, |found| found.permissions().mode());
            let key = of_mode(key, KEY_MODES.2, of_key(directory));
            let most = DIRECTORY_MODES.2;
            found.extend(of_mode(version, most, most));
            found.extend(key.filter(|_| is_file));
        }
        Ok(found)
    }
}

/// What a key may have at most in a directory of this mode: where no group gets in,
/// none is meant to read it, and readers refuse one that another user's group can
/// read.
pub(super) const fn of_key(directory: u32) -> u32 {
    match directory & 0o070 {
        0 => KEY_MODES.2 & 0o700,
        _ => KEY_MODES.2,
    }
}

/// With which mode it is left, if it has one that is more than `most`.
fn of_mode(path: PathBuf, most: u32, narrowed: u32) -> Option<TooOpen> {
    let mode = fs::symlink_metadata(&path).ok()?.permissions().mode() & 0o7777;
    (mode & 0o777 & !most != 0).then_some(TooOpen {
        path,
        mode,
        narrowed: mode & narrowed,
    })
}

impl TooOpen {
    /// Takes the bits away.
    ///
    /// # Errors
    ///
    /// What the operating system says: it is another user's.
    pub fn narrow(&self) -> std::io::Result<()> {
        step()?;
        open(&self.path)?.set_permissions(Permissions::from_mode(self.narrowed))
    }
}

/// Itself, and not what a link leads to.
fn open(path: &Path) -> std::io::Result<fs::File> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, Mode::empty())?.into())
}
