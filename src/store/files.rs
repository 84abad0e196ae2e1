//! Reading with a bound, and writing so that a reader sees the old file or the
//! new one and nobody else sees either.

use std::fs::{self, File, Metadata};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{Action, Error};

/// Mode of every file that is written.
const OWNER_ONLY: u32 = 0o600;

/// What the name of a file begins with until it is whole. A process that is
/// killed leaves one behind.
pub(super) const TEMPORARY: &str = ".windlass-";

/// Reads a whole file of at most `max` bytes.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be read (a directory included),
/// [`Error::TooLarge`] when it is larger.
pub fn read_bounded(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action: Action::Read,
        source,
    };
    read_open(File::open(path).map_err(failed)?, path, max)
}

/// Reads all of a file that is open, at most `max` bytes.
pub(super) fn read_open(file: File, path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action: Action::Read,
        source,
    };
    // With room for all of it, a key is read at once, and no growing buffer
    // leaves parts of it behind in memory.
    let size = file
        .metadata()
        .map_or(0, |metadata| metadata.len().min(max));
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(max.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(failed)?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > max {
        return Err(Error::TooLarge {
            path: path.to_owned(),
            max,
        });
    }
    Ok(content)
}

/// Reads the first bytes of a regular file, at most `most`. Another kind of file is
/// not waited for.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be read, and [`Error::NotAFile`].
pub fn read_start(path: &Path, most: u64) -> Result<Vec<u8>, Error> {
    let mut content = Vec::new();
    open_regular(path)?
        .take(most)
        .read_to_end(&mut content)
        .map_err(|source| Error::Io {
            path: path.to_owned(),
            action: Action::Read,
            source,
        })?;
    Ok(content)
}

/// Reads a whole regular file of at most `max` bytes, with what the system knows
/// of that very file. Another kind of file is not waited for.
///
/// # Errors
///
/// As [`read_bounded`], and [`Error::NotAFile`].
pub fn read_with_metadata(path: &Path, max: u64) -> Result<(Vec<u8>, Metadata), Error> {
    let file = open_regular(path)?;
    let metadata = file.metadata().map_err(|source| Error::Io {
        path: path.to_owned(),
        action: Action::Read,
        source,
    })?;
    let content = read_open(file, path, max)?;
    Ok((content, metadata))
}

/// Opens a regular file to read it. Another kind of file is not waited for.
#[expect(clippy::disallowed_types, reason = "the room that opens files")]
pub(super) fn open_regular(path: &Path) -> Result<File, Error> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action: Action::Read,
        source,
    };
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0))
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            is_directory: metadata.is_dir(),
        });
    }
    Ok(file)
}

/// Creates a file that must not exist, readable by the owner only from its
/// first moment, and makes its content durable.
pub(super) fn create_new(path: &Path, content: &[u8]) -> Result<(), Error> {
    let write = || -> std::io::Result<()> {
        let mut file = new_file(path)?;
        file.write_all(content)?;
        file.sync_all()
    };
    write().map_err(|source| Error::Io {
        path: path.to_owned(),
        action: Action::Write,
        source,
    })
}

/// Who may read a file that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Everybody: a manual page.
    Everyone,
    /// Everybody, who may also run it: a script.
    Runners,
    /// The owner alone: whatever is or may become sensitive.
    Owner,
}

impl Readers {
    /// The mode of a file that is written for them.
    #[must_use]
    pub const fn mode(self) -> u32 {
        match self {
            Self::Everyone => 0o644,
            Self::Runners => 0o755,
            Self::Owner => OWNER_ONLY,
        }
    }
}

/// Writes a file so that it has the old content or the new one at every moment,
/// also after a crash: a temporary file beside it, fsync, rename, fsync of the
/// directory. A device or a pipe is not replaced by a file.
///
/// # Errors
///
/// [`Error::NotAFile`], or [`Error::Io`]; the old file is then untouched and no
/// temporary one is left.
pub fn write_atomic(path: &Path, content: &[u8], readers: Readers) -> Result<(), Error> {
    if let Ok(there) = fs::metadata(path)
        && !there.is_file()
    {
        return Err(Error::NotAFile {
            path: path.to_owned(),
            is_directory: there.is_dir(),
        });
    }
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action: Action::Write,
        source,
    };
    let directory = parent(path);
    let file =
        durable_beside(&directory, (TEMPORARY, ""), content, readers.mode()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_directory(&directory)
}

/// A temporary file with a durable content, which is removed when it is dropped; its
/// name begins and ends with `form`.
pub(super) fn durable_beside(
    directory: &Path,
    form: (&str, &str),
    content: &[u8],
    mode: u32,
) -> std::io::Result<tempfile::NamedTempFile> {
    // It has mode 0600 from its first moment.
    let mut file = tempfile::Builder::new()
        .prefix(form.0)
        .suffix(form.1)
        .tempfile_in(directory)?;
    if mode != OWNER_ONLY {
        let mode = fs::Permissions::from_mode(mode);
        file.as_file().set_permissions(mode)?;
    }
    file.write_all(content)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Writes a file that must not exist, readable by the owner only, so that it is
/// there whole or not at all.
///
/// # Errors
///
/// [`Error::Io`]; a file that is there stays as it is.
pub fn write_new(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action: Action::Create,
        source,
    };
    let directory = parent(path);
    let file = durable_beside(&directory, (TEMPORARY, ""), content, OWNER_ONLY).map_err(failed)?;
    file.persist_noclobber(path)
        .map_err(|error| failed(error.error))?;
    sync_directory(&directory)
}

/// Checks that a file can be made: that it does not exist, and its directory
/// does.
///
/// # Errors
///
/// [`Error::Io`] with the file's name.
pub fn check_new(path: &Path) -> Result<(), Error> {
    check_parent(path)?;
    if fs::symlink_metadata(path).is_ok() {
        return Err(Error::Io {
            path: path.to_owned(),
            action: Action::Create,
            source: std::io::Error::from(std::io::ErrorKind::AlreadyExists),
        });
    }
    Ok(())
}

/// Checks that the directory in which a file is to be made exists.
///
/// # Errors
///
/// [`Error::Io`] with the file's name.
pub fn check_parent(path: &Path) -> Result<(), Error> {
    match fs::metadata(parent(path)) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(std::io::Error::from(std::io::ErrorKind::NotADirectory)),
        Err(error) => Err(error),
    }
    .map_err(|source| Error::Io {
        path: path.to_owned(),
        action: Action::Create,
        source,
    })
}

/// Who may change what is in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DirectoryAccess {
    /// Its mode, sticky bit included, without the bits of its kind.
    pub mode: u32,
    /// The number of the user whose it is.
    pub owner: u32,
}

impl DirectoryAccess {
    /// Whether everybody may make entries in it.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.mode & 0o002 != 0
    }

    /// Whether entries are their owners' in it (`S_ISVTX`, inode(7)).
    #[must_use]
    pub const fn is_sticky(&self) -> bool {
        self.mode & 0o1000 != 0
    }

    /// Whether it belongs to another user than root and this one.
    #[must_use]
    pub fn is_strangers(&self) -> bool {
        self.owner != 0 && self.owner != rustix::process::geteuid().as_raw()
    }
}

/// Looks who may change what is in a directory.
///
/// # Errors
///
/// [`Error::Io`].
pub fn directory_access(directory: &Path) -> Result<DirectoryAccess, Error> {
    match fs::metadata(directory) {
        Ok(metadata) => Ok(DirectoryAccess {
            mode: metadata.mode() & 0o7777,
            owner: metadata.uid(),
        }),
        Err(source) => Err(Error::Io {
            path: directory.to_owned(),
            action: Action::Find,
            source,
        }),
    }
}

/// A directory that only its owner can enter, removed with everything in it
/// when the value is dropped.
///
/// # Errors
///
/// [`Error::Io`].
pub fn temporary_directory(base: &Path, prefix: &str) -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(base)
        .map_err(|source| Error::Io {
            path: base.to_owned(),
            action: Action::Write,
            source,
        })
}

/// Removes a file; that there is none is no error.
///
/// # Errors
///
/// [`Error::Io`].
pub fn remove_if_present(path: &Path) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::Io {
            path: path.to_owned(),
            action: Action::Remove,
            source,
        }),
        _ => Ok(()),
    }
}

/// Checks that a directory, or a file, is this user's alone: whoever else may
/// write into it decides what is found there.
///
/// # Errors
///
/// [`Error::NotPrivate`], also for a symbolic link; [`Error::Io`] when there is
/// nothing.
pub fn check_private(path: &Path) -> Result<(), Error> {
    let metadata = fs::symlink_metadata(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        action: Action::Read,
        source,
    })?;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    if is_own && !metadata.is_symlink() && metadata.mode() & 0o077 == 0 {
        return Ok(());
    }
    Err(Error::NotPrivate {
        path: path.to_owned(),
    })
}

/// Removes a directory that has nothing in it; another one stays.
pub fn remove_if_empty(path: &Path) {
    let _ = fs::remove_dir(path);
}

/// Removes a directory with everything below it, durably.
///
/// # Errors
///
/// [`Error::Io`].
pub fn remove_tree(path: &Path) -> Result<(), Error> {
    fs::remove_dir_all(path).map_err(|source| Error::Io {
        path: path.to_owned(),
        action: Action::Remove,
        source,
    })?;
    sync_directory(&parent(path))
}

/// Removes what writers that were killed have left unfinished in a directory.
/// The caller sees to it that nobody is writing there.
///
/// # Errors
///
/// [`Error::Io`].
pub fn remove_unfinished(directory: &Path) -> Result<(), Error> {
    remove_of_form(directory, (TEMPORARY, ""))
}

/// The same of those whose names begin and end with `form`.
pub(super) fn remove_of_form(directory: &Path, form: (&str, &str)) -> Result<(), Error> {
    let entries = fs::read_dir(directory).map_err(|source| Error::Io {
        path: directory.to_owned(),
        action: Action::Read,
        source,
    })?;
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.as_encoded_bytes();
            name.starts_with(form.0.as_bytes()) && name.ends_with(form.1.as_bytes())
        })
        .try_for_each(|entry| remove_if_present(&entry.path()))
}

/// Makes a directory with its parents, owner-only and durable; one that exists
/// is kept.
///
/// # Errors
///
/// [`Error::Io`].
pub fn ensure_directory(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|directory| !directory.as_os_str().is_empty() && !directory.exists())
        .collect();
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|source| Error::Io {
            path: path.to_owned(),
            action: Action::Create,
            source,
        })?;
    // Each new directory is an entry of the one above it.
    missing
        .iter()
        .try_for_each(|directory| sync_directory(&parent(directory)))
}

/// Opens a new file with the mode of every file that is written here.
#[expect(clippy::disallowed_types, reason = "the room that writes files")]
pub(super) fn new_file(path: &Path) -> std::io::Result<File> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWNER_ONLY)
        .open(path)
}

/// Makes the entries of a directory durable.
pub(super) fn sync_directory(path: &Path) -> Result<(), Error> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(|source| Error::Io {
            path: path.to_owned(),
            action: Action::Sync,
            source,
        })
}

/// Creates a directory that only its owner can enter.
pub(super) fn create_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// The directory that holds `path`; `.` for a bare name.
pub(super) fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}
/// Device and inode.
pub(super) fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// `None` for what does not exist.
pub(super) fn present<T>(found: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match found {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        found => found.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The usual umask would let everybody in.
    #[test]
    fn a_temporary_directory_is_its_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let made = temporary_directory(home.path(), "made-").unwrap();
        assert_eq!(directory_access(made.path()).unwrap().mode, 0o700);
    }
}
