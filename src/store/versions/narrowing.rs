//! Modes of versions that readers refuse, or by which others could change them: a
//! copy or a `chmod -R` leaves such.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

use super::super::Error;
use super::super::step::step;
use super::ownership::{CERTIFICATE_MODES, DIRECTORY_MODES, KEY_MODES};
use super::{CERTIFICATE, CHAIN, FULLCHAIN, KEY, LOCK, Versions};

/// Something of an identity with a mode that it must not have.
#[derive(Debug)]
pub struct TooOpen {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub what: Kept,
    /// Its permission bits.
    pub mode: u32,
    /// Those of them that it may have.
    pub narrowed: u32,
}

/// What of an identity has a mode of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A file with certificates.
    Certificate,
    /// The directory of a version.
    Directory,
    /// A private key.
    Key,
    /// The lock: whoever can open it can keep the identity from being renewed.
    Lock,
}

impl Versions {
    /// The directories, keys and certificates of versions that others could write,
    /// the keys that everybody could read, and the lock where others could take it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn too_open(&self) -> Result<Vec<TooOpen>, Error> {
        let mut found = Vec::new();
        let mut look = |path: PathBuf, what: Kept, narrowed: u32| {
            let metadata = fs::symlink_metadata(&path).ok();
            // Links are followed by nobody here: they are no files of a version.
            let metadata = metadata.filter(|found| what.is(found));
            let mode = metadata.map_or(0, |found| found.permissions().mode() & 0o7777);
            if mode & 0o777 & !what.most() != 0 {
                found.push(TooOpen {
                    path,
                    what,
                    mode,
                    narrowed: mode & narrowed,
                });
            }
        };
        for number in self.all()? {
            let version = self.version(number);
            let directory = fs::symlink_metadata(&version);
            let directory = directory.map_or(0, |found| found.permissions().mode());
            look(version.join(KEY), Kept::Key, of_key(directory));
            for name in [CERTIFICATE, CHAIN, FULLCHAIN] {
                look(version.join(name), Kept::Certificate, CERTIFICATE_MODES.2);
            }
            look(version, Kept::Directory, DIRECTORY_MODES.2);
        }
        let most = Kept::Lock.most();
        look(self.path().join(LOCK), Kept::Lock, most);
        Ok(found)
    }
}

impl Kept {
    /// The bits that it may have. What a copy makes of a certificate, which is no
    /// program, does no harm.
    const fn most(self) -> u32 {
        match self {
            Self::Certificate | Self::Directory => DIRECTORY_MODES.2,
            Self::Key => KEY_MODES.2,
            Self::Lock => DIRECTORY_MODES.1,
        }
    }

    fn is(self, found: &fs::Metadata) -> bool {
        match self {
            Self::Certificate | Self::Key => found.is_file(),
            Self::Directory | Self::Lock => found.is_dir(),
        }
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
