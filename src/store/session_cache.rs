//! The directory in which processes of one user share sessions: who may enter
//! it, one file a session, and a kernel lock a session that dies with its
//! holder.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::secret::Secret;

use super::files::{
    Readers, TEMPORARY, ensure_directory, present, read_open, remove_if_present, write_atomic,
};
use super::lock::NamedLock;
use super::{Action, Error};

/// Largest file of the cache that is read, in bytes: that of an answer with a
/// session, and something besides.
const MAX_ENTRY: u64 = 1024 * 1024 + 4096;

/// Files that are not written for so long are removed: no session lives longer
/// than twelve hours.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);

/// The ending of a session's file.
const SESSION: &str = "session";
/// The ending of the file that says how the last refresh failed.
const FAILURE: &str = "failure";
/// The ending of the lock.
const LOCK: &str = "lock";

/// A directory of sessions. Nothing in it is trusted unless the directory and
/// the file belong to this user and nobody else has access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionCache {
    directory: PathBuf,
}

impl SessionCache {
    /// A cache in a directory, which is made when something is kept first.
    #[must_use]
    pub const fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// One session's place.
    #[must_use]
    pub fn entry(&self, name: &str) -> CacheEntry {
        CacheEntry {
            cache: self.clone(),
            name: name.to_owned(),
        }
    }

    /// The sessions that are kept or could not be obtained, by name.
    ///
    /// # Errors
    ///
    /// [`Error::NotPrivate`] and [`Error::Io`]; that there is no directory is
    /// none.
    pub fn entries(&self) -> Result<Vec<CacheEntry>, Error> {
        if !self.check()? {
            return Ok(Vec::new());
        }
        let mut names: Vec<String> = self
            .files()?
            .into_iter()
            .filter_map(|path| {
                let (name, kind) = parts_of(&path)?;
                (kind != LOCK).then(|| name.to_owned())
            })
            .collect();
        names.sort();
        names.dedup();
        Ok(names.iter().map(|name| self.entry(name)).collect())
    }

    /// Removes every session. A process that is obtaining one at this moment
    /// still keeps it.
    ///
    /// # Errors
    ///
    /// As [`SessionCache::entries`].
    pub fn clear(&self) -> Result<usize, Error> {
        let entries = self.entries()?;
        for entry in &entries {
            remove_if_present(&entry.path(SESSION))?;
            remove_if_present(&entry.path(FAILURE))?;
        }
        Ok(entries.len())
    }

    /// Whether the directory is there and this user's alone.
    fn check(&self) -> Result<bool, Error> {
        let path = &self.directory;
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(self.failed(Action::Open, source)),
        };
        if metadata.is_file() {
            let source = std::io::ErrorKind::NotADirectory.into();
            return Err(self.failed(Action::Open, source));
        }
        let is_private = metadata.is_dir()
            && metadata.uid() == rustix::process::geteuid().as_raw()
            && metadata.mode() & 0o077 == 0;
        if is_private {
            Ok(true)
        } else {
            Err(Error::NotPrivate { path: path.clone() })
        }
    }

    fn files(&self) -> Result<Vec<PathBuf>, Error> {
        let failed = |source| self.failed(Action::Read, source);
        fs::read_dir(&self.directory)
            .map_err(failed)?
            .map(|entry| entry.map(|entry| entry.path()).map_err(failed))
            .collect()
    }

    fn failed(&self, action: Action, source: std::io::Error) -> Error {
        Error::Io {
            path: self.directory.clone(),
            action,
            source,
        }
    }

    /// Removes what nobody has used for a day. What cannot be removed stays.
    fn tidy(&self) {
        for path in self.files().unwrap_or_default() {
            let age = fs::symlink_metadata(&path)
                .and_then(|metadata| metadata.modified())
                .ok()
                .and_then(|modified| modified.elapsed().ok());
            let is_temporary = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()));
            let is_ours = parts_of(&path).is_some() || is_temporary;
            if is_ours && age.is_some_and(|age| age > LEFT_BEHIND) {
                let _ = fs::remove_file(&path);
            }
        }
    }
}

/// The place of one session.
#[derive(Clone, Debug)]
pub struct CacheEntry {
    cache: SessionCache,
    name: String,
}

impl CacheEntry {
    /// The session's name in the cache.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The entries whose names have the same beginning, up to the last `-`: the
    /// same session by another certificate.
    ///
    /// # Errors
    ///
    /// As [`SessionCache::entries`].
    pub fn siblings(&self) -> Result<Vec<Self>, Error> {
        let family = |name: &str| name.rsplit_once('-').map(|(family, _)| family.to_owned());
        let own = family(&self.name);
        let mut entries = self.cache.entries()?;
        entries
            .retain(|other| own.is_some() && family(&other.name) == own && other.name != self.name);
        Ok(entries)
    }

    /// What is kept of the session; `None` when there is nothing.
    ///
    /// # Errors
    ///
    /// [`Error::NotPrivate`] when somebody else has access to the directory or
    /// the file, [`Error::Io`], [`Error::TooLarge`].
    pub fn session(&self) -> Result<Option<Secret>, Error> {
        self.read(SESSION)
    }

    /// How the last refresh failed; `None` when it did not.
    ///
    /// # Errors
    ///
    /// As [`CacheEntry::session`].
    pub fn failure(&self) -> Result<Option<Secret>, Error> {
        self.read(FAILURE)
    }

    /// Takes the session's lock, if nobody has it. It is held until it is
    /// dropped, or its process ends in whatever way.
    ///
    /// # Errors
    ///
    /// [`Error::NotPrivate`] and [`Error::Io`] when there cannot be one here.
    pub fn try_lock(&self) -> Result<Option<CacheLock<'_>>, Error> {
        if !self.cache.check()? {
            ensure_directory(&self.cache.directory)?;
            self.cache.check()?;
        }
        let path = self.path(LOCK);
        let failed = |source| Error::Io {
            path: path.clone(),
            action: Action::Lock,
            source,
        };
        let lock = NamedLock::take(
            Instant::now(),
            || open_lock(&path).map_err(failed),
            || present(fs::symlink_metadata(&path)),
            failed,
        )?;
        Ok(lock.map(|lock| CacheLock {
            entry: self,
            _lock: lock,
        }))
    }

    fn path(&self, kind: &str) -> PathBuf {
        self.cache.directory.join(format!("{}.{kind}", self.name))
    }

    fn read(&self, kind: &str) -> Result<Option<Secret>, Error> {
        if !self.cache.check()? {
            return Ok(None);
        }
        let path = self.path(kind);
        let failed = |source| Error::Io {
            path: path.clone(),
            action: Action::Read,
            source,
        };
        let file = match open_own(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(source)),
        };
        let metadata = file.metadata().map_err(failed)?;
        let is_private = metadata.is_file()
            && metadata.uid() == rustix::process::geteuid().as_raw()
            && metadata.mode() & 0o077 == 0;
        if !is_private {
            return Err(Error::NotPrivate { path });
        }
        let content = read_open(file, &path, MAX_ENTRY)?;
        Ok(Some(Secret::new(content)))
    }
}

/// The right to replace one session, held by one process at a time.
#[derive(Debug)]
pub struct CacheLock<'a> {
    entry: &'a CacheEntry,
    _lock: NamedLock,
}

impl CacheLock<'_> {
    /// Keeps a session, and forgets failures.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; what was kept before is then still there.
    pub fn keep(&self, session: &Secret) -> Result<(), Error> {
        let path = self.entry.path(SESSION);
        write_atomic(&path, session.expose(), Readers::Owner)?;
        self.entry.cache.tidy();
        remove_if_present(&self.entry.path(FAILURE))
    }

    /// Keeps how a refresh failed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn keep_failure(&self, failure: &[u8]) -> Result<(), Error> {
        write_atomic(&self.entry.path(FAILURE), failure, Readers::Owner)
    }
}

/// The name and the ending of a file of a cache: two halves of SHA-256, in hex.
/// The directory may be one in which others keep theirs.
fn parts_of(path: &Path) -> Option<(&str, &'static str)> {
    let ending = path.extension()?;
    let kind = [SESSION, FAILURE, LOCK]
        .into_iter()
        .find(|kind| ending == *kind)?;
    let name = path.file_stem()?.to_str()?;
    let is_half = |half: &str| {
        half.len() == 32
            && half
                .bytes()
                .all(|octet| octet.is_ascii_digit() || (b'a'..=b'f').contains(&octet))
    };
    let (first, second) = name.split_once('-')?;
    (is_half(first) && is_half(second)).then_some((name, kind))
}

/// Whether the path is a directory that belongs to this user.
#[must_use]
pub fn is_own_directory(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw()
    })
}

/// Opens a file for reading that is no symbolic link, and no pipe to wait for.
#[expect(clippy::disallowed_types, reason = "the room that opens files")]
fn open_own(path: &Path) -> std::io::Result<File> {
    fs::OpenOptions::new()
        .read(true)
        .custom_flags(no_follow())
        .open(path)
}

#[expect(clippy::disallowed_types, reason = "the room that writes files")]
fn open_lock(path: &Path) -> std::io::Result<File> {
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(path)?;
    // In use, as the tidying sees it.
    let _ = rustix::fs::futimens(
        &file,
        &rustix::fs::Timestamps {
            last_access: NOW,
            last_modification: NOW,
        },
    );
    Ok(file)
}

/// The kernel's present time.
const NOW: rustix::fs::Timespec = rustix::fs::Timespec {
    tv_sec: 0,
    tv_nsec: rustix::fs::UTIME_NOW,
};

fn no_follow() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    i32::try_from(flags.bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
