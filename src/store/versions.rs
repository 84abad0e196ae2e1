//! The directory of a managed identity: key and certificate change together, by
//! one rename.
//!
//! ```text
//! DIR/v0007/key.pem, cert.pem, chain.pem, fullchain.pem   a version, never changed again
//! DIR/current -> v0007                                    the one that is in force
//! DIR/state.json                                          what rotation knows of itself
//! DIR/.v0008.next/                                        the next one, while it is made
//! ```
//!
//! Whoever rotates holds [`Versions::lock`]; the methods that change something rely
//! on it. Readers take no lock: they resolve `current` once, by
//! [`Versions::current`], and read everything below the path that they got. When a
//! file is not there any more, two rotations have gone by since; then they resolve
//! `current` again. When the pair cannot be used, [`Versions::previous`] is the one
//! that was in force before. Programs that open `DIR/current/key.pem` and
//! `DIR/current/cert.pem` one after the other can have them of two versions, when a
//! rotation comes in between; a hook reloads them afterwards.
//!
//! What is hidden is never read as a version: `.NAME.next` is not whole yet,
//! `.v0006.old` is being removed, `.lock` is the lock, which only its owner can
//! open, so that nobody who may read the key can keep it from being renewed.

mod building;
mod narrowing;
mod number;
mod ownership;
mod strangers;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::limits;

use super::bulk::DirectoryLock;
use super::edit::read_regular;
use super::files::{create_directory, ensure_directory, parent, remove_if_present, sync_directory};
use super::step::step;
use super::{Action, Error, Staging, check_trusted};

pub use self::building::Building;
pub(super) use self::building::put;
use self::building::{NEXT, OLD, failed, hidden, missing, remove_directory, vanish};
pub use self::narrowing::{Kept, TooOpen};
pub use self::number::{NoVersionNumber, VersionNumber};
pub(super) use self::ownership::{CERTIFICATE_MODES, KEY_MODES, check_mode};
pub use self::ownership::{Modes, Ownership, UnsafeMode};
pub use self::strangers::Stranger;

/// The private key's file in a version.
pub const KEY: &str = "key.pem";
/// The certificate's file in a version.
pub const CERTIFICATE: &str = "cert.pem";
/// The file of the certificates above it, without the root, in a version.
pub const CHAIN: &str = "chain.pem";
/// The file of the certificate and those above it in a version.
pub const FULLCHAIN: &str = "fullchain.pem";

/// The link to the version in force.
pub const CURRENT: &str = "current";
/// What rotation knows of itself.
const STATE: &str = "state.json";
/// The directory whose lock is that of the identity.
const LOCK: &str = ".lock";

/// How often `current` is followed again because the version that it led to went
/// away meanwhile: each time is two rotations.
const MAX_LOOKS: usize = 20;

/// The directory of a managed identity.
#[derive(Clone, Debug)]
pub struct Versions {
    path: PathBuf,
    ownership: Ownership,
}

impl Versions {
    /// Opens a directory that is there. New versions will have owners and modes
    /// like the one in force, or else like the directory.
    ///
    /// # Errors
    ///
    /// [`Error::Strangers`] and [`Error::Writable`] where others decide what is in
    /// it, [`Error::Io`], also where it is no directory.
    pub fn open(path: &Path) -> Result<Self, Error> {
        check_trusted(path)?;
        let unread = |source| failed(path, Action::Open, source);
        let metadata = fs::metadata(path).map_err(unread)?;
        if !metadata.is_dir() {
            return Err(unread(std::io::ErrorKind::NotADirectory.into()));
        }
        let mut versions = Self {
            path: path.to_owned(),
            ownership: Ownership::PRIVATE,
        };
        let in_force = versions.current().ok().flatten();
        let files = in_force.and_then(|(_, version)| {
            let find = |name| fs::symlink_metadata(version.join(name)).ok();
            find(KEY).zip(find(CERTIFICATE))
        });
        let files = files.as_ref().map(|(key, certificate)| (key, certificate));
        versions.ownership = Ownership::found(&metadata, files);
        Ok(versions)
    }

    /// The same for those who only read: nothing is looked at. Who may write the
    /// directory does not matter to them, as it does not where a key is named by its
    /// file; whoever changes something uses [`Self::open`].
    #[must_use]
    pub fn for_readers(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            ownership: Ownership::PRIVATE,
        }
    }

    /// Opens a directory, and makes it where there is none, with those above it.
    /// Where `ownership` is given, the directory and new versions have it;
    /// versions that are there stay as they are. Without one, what is made is its
    /// maker's alone, and the rest is as [`Self::open`] has it.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] where there is something else, and nothing is changed
    /// then; [`Error::Strangers`], [`Error::Writable`], [`Error::Io`].
    pub fn create(path: &Path, ownership: Option<Ownership>) -> Result<Self, Error> {
        if fs::symlink_metadata(path).is_err() {
            make(path, &ownership.unwrap_or(Ownership::PRIVATE))?;
        }
        let mut versions = match Self::open(path) {
            Err(Error::Io { source, path, .. })
                if source.kind() == std::io::ErrorKind::NotADirectory =>
            {
                return Err(Error::Exists { path });
            }
            opened => opened?,
        };
        versions.refuse_foreign()?;
        if let Some(ownership) = ownership {
            versions.ownership = ownership;
            File::open(path)
                .and_then(|directory| ownership.give_directory(&directory))
                .map_err(|source| failed(path, Action::Give, source))?;
        }
        Ok(versions)
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whose new versions will be.
    #[must_use]
    pub const fn ownership(&self) -> Ownership {
        self.ownership
    }

    /// Takes the lock under which one process at a time rotates; `None` when
    /// another has it. It ends with its holder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn lock(&self) -> Result<Option<DirectoryLock>, Error> {
        let lock = self.path.join(LOCK);
        match create_directory(&lock) {
            Err(source) if source.kind() != std::io::ErrorKind::AlreadyExists => {
                Err(failed(&self.path, Action::Lock, source))
            }
            _ => DirectoryLock::take(&lock),
        }
    }

    /// The version in force and its directory, resolved once; `None` before the
    /// first one is.
    ///
    /// # Errors
    ///
    /// [`Error::Misled`] for a link that leads to no version beside it,
    /// [`Error::Io`].
    pub fn current(&self) -> Result<Option<(VersionNumber, PathBuf)>, Error> {
        let link = self.path.join(CURRENT);
        let misled = |target: &Path| Error::Misled {
            path: link.clone(),
            target: target.to_owned(),
        };
        for _ in 0..MAX_LOOKS {
            let target = match fs::read_link(&link) {
                Ok(target) => target,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                // No link (readlink(2), EINVAL).
                Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
                    return Err(misled(&link));
                }
                Err(source) => return Err(failed(&link, Action::Follow, source)),
            };
            let number = target.to_str().and_then(|name| name.parse().ok());
            let number: VersionNumber = number.ok_or_else(|| misled(&target))?;
            let version = self.version(number);
            if is_directory(&version) {
                return Ok(Some((number, version)));
            }
            // Unless it was retired since the link was read.
            if fs::read_link(&link).is_ok_and(|again| again == target) {
                return Err(misled(&target));
            }
        }
        Err(Error::Changing { path: link })
    }

    /// The newest complete version below the one in force: the one that was in
    /// force before it.
    ///
    /// # Errors
    ///
    /// As [`Self::current`].
    pub fn previous(&self) -> Result<Option<(VersionNumber, PathBuf)>, Error> {
        let Some((current, _)) = self.current()? else {
            return Ok(None);
        };
        Ok(self
            .below(current)?
            .map(|number| (number, self.version(number))))
    }

    /// All versions, the oldest first, whether they are complete or not.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn all(&self) -> Result<Vec<VersionNumber>, Error> {
        let mut numbers: Vec<VersionNumber> = self
            .directories()?
            .iter()
            .filter_map(|name| name.parse().ok())
            .collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The directory of a version, whether it is there or not.
    #[must_use]
    pub fn version(&self, number: VersionNumber) -> PathBuf {
        self.path.join(number.to_string())
    }

    /// Begins to make a version, or goes on with it.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`] where it is published already, or another number is being
    /// made; [`Error::Io`].
    pub fn begin(&self, number: VersionNumber) -> Result<Building, Error> {
        let version = self.version(number);
        if fs::symlink_metadata(&version).is_ok() {
            return Err(Error::Exists { path: version });
        }
        match self.building()? {
            Some(building) if building.number() == number => return Ok(building),
            Some(other) => {
                return Err(Error::Exists {
                    path: other.path().to_owned(),
                });
            }
            None => {}
        }
        let building = Building::new(&self.path, number, self.ownership);
        step()
            .and_then(|()| create_directory(building.path()))
            .map_err(|source| failed(&version, Action::Create, source))?;
        sync_directory(&self.path)?;
        Ok(building)
    }

    /// The version that is being made, or was when a process died.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn building(&self) -> Result<Option<Building>, Error> {
        let names = self.directories()?;
        let newest = names.iter().filter_map(|name| unhidden(name, NEXT)).max();
        Ok(newest.map(|number| Building::new(&self.path, number, self.ownership)))
    }

    /// Puts a version in force, in one step. That it is already is no error.
    ///
    /// # Errors
    ///
    /// [`Error::Incomplete`] where the version lacks its key, its certificate or
    /// their chain; [`Error::Misled`] where `current` is not ours to change,
    /// [`Error::Io`]. The old version is then still in force, but with
    /// [`Action::Sync`], where it may be after a power cut.
    pub fn switch(&self, number: VersionNumber) -> Result<(), Error> {
        let version = self.version(number);
        if let Some(missing) = missing(&version) {
            return Err(Error::Incomplete {
                path: version,
                missing,
            });
        }
        let link = self.path.join(CURRENT);
        if self.current()?.is_none_or(|(current, _)| current != number) {
            let next = self.path.join(hidden(CURRENT, NEXT));
            remove_if_present(&next)?;
            step()
                .and_then(|()| std::os::unix::fs::symlink(number.to_string(), &next))
                .and_then(|()| step())
                .and_then(|()| fs::rename(&next, &link))
                .map_err(|source| failed(&link, Action::Write, source))?;
        }
        // Also of one who died just before.
        sync_directory(&self.path)
    }

    /// Removes a version that was never put in force, so that nobody takes it for
    /// the one that was before. That there is none is no error.
    ///
    /// # Errors
    ///
    /// [`Error::InForce`], [`Error::Misled`], [`Error::Io`].
    pub fn withdraw(&self, number: VersionNumber) -> Result<(), Error> {
        let version = self.version(number);
        if self
            .current()?
            .is_some_and(|(current, _)| current == number)
        {
            return Err(Error::InForce { path: version });
        }
        if !is_directory(&version) {
            return Ok(());
        }
        vanish(&self.path, &version, number)
    }

    /// Removes old versions, so that at most `keep` are left with the one in force,
    /// and tells which. Never removed are the one in force, the one before it, newer
    /// ones, and what is no version. What a process that died has left of such a
    /// removal goes too.
    ///
    /// # Errors
    ///
    /// [`Error::Misled`], [`Error::Io`].
    pub fn retire(&self, keep: usize) -> Result<Vec<VersionNumber>, Error> {
        for name in self.directories()? {
            if unhidden(&name, OLD).is_some() {
                remove_directory(&self.path.join(name))?;
            }
        }
        let Some((current, _)) = self.current()? else {
            return Ok(Vec::new());
        };
        let before = self.below(current)?;
        let mut old = self.all()?;
        old.retain(|number| *number < current);
        old.truncate(old.len().saturating_sub(keep.saturating_sub(1)));
        old.retain(|number| Some(*number) != before);
        for number in &old {
            vanish(&self.path, &self.version(*number), *number)?;
        }
        Ok(old)
    }

    /// The file of [`Self::write_state`].
    #[must_use]
    pub fn state_path(&self) -> PathBuf {
        self.path.join(STATE)
    }

    /// What was written last by [`Self::write_state`]; `None` where nothing was.
    ///
    /// # Errors
    ///
    /// [`Error::NotAFile`], [`Error::TooLarge`], [`Error::Io`].
    pub fn read_state(&self) -> Result<Option<Vec<u8>>, Error> {
        let found = read_regular(&self.state_path(), limits::MAX_ROTATION_STATE)?;
        Ok(found.map(|content| content.expose().to_vec()))
    }

    /// Keeps what rotation knows of itself, at most
    /// [`limits::MAX_ROTATION_STATE`] bytes of it: the old content or the new one
    /// is there at every moment. Who may read the key may read it; it is no secret.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`], [`Error::Io`].
    pub fn write_state(&self, content: &[u8]) -> Result<(), Error> {
        let max = limits::MAX_ROTATION_STATE;
        if u64::try_from(content.len()).unwrap_or(u64::MAX) > max {
            return Err(Error::TooLarge {
                path: self.state_path(),
                max,
            });
        }
        let give = |file: &File| self.ownership.give_record(file);
        put(&self.path, STATE, content, give)
    }

    /// The newest complete version below this one.
    fn below(&self, number: VersionNumber) -> Result<Option<VersionNumber>, Error> {
        let numbers = self.all()?;
        let mut complete = numbers
            .into_iter()
            .rev()
            .filter(|one| *one < number && missing(&self.version(*one)).is_none());
        Ok(complete.next())
    }

    /// The names of directories that could be ours.
    fn directories(&self) -> Result<Vec<String>, Error> {
        let unread = |source| failed(&self.path, Action::Read, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(unread)? {
            let entry = entry.map_err(unread)?;
            // One that is gone since is none.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    }

    /// Refuses a directory that holds something, and no version.
    fn refuse_foreign(&self) -> Result<(), Error> {
        let is_version =
            |name: &String| name.parse::<VersionNumber>().is_ok() || unhidden(name, NEXT).is_some();
        if self.directories()?.iter().any(is_version) {
            return Ok(());
        }
        let unread = |source| failed(&self.path, Action::Read, source);
        for entry in fs::read_dir(&self.path).map_err(unread)? {
            let name = entry.map_err(unread)?.file_name();
            let name = name.to_string_lossy();
            let is_unfinished = name.starts_with('.') && name.ends_with(NEXT);
            // A file system's own directory, where it is mounted here.
            if !(is_unfinished || [LOCK, STATE, "lost+found"].contains(&&*name)) {
                return Err(Error::Exists {
                    path: self.path.clone(),
                });
            }
        }
        Ok(())
    }
}

/// Makes the directory, under its name only when it has its owner and mode; those
/// above it that are missing have the same.
fn make(path: &Path, ownership: &Ownership) -> Result<(), Error> {
    let give = |path: &Path| {
        File::open(path)
            .and_then(|directory| ownership.give_directory(&directory))
            .map_err(|source| failed(path, Action::Give, source))
    };
    let above = parent(path);
    let missing: Vec<&Path> = above
        .ancestors()
        .take_while(|directory| !directory.as_os_str().is_empty() && !directory.exists())
        .collect();
    ensure_directory(&above)?;
    missing.into_iter().try_for_each(give)?;
    let staging = Staging::begin(path)?;
    give(staging.path())?;
    match staging.publish() {
        // Somebody else was faster.
        Err(Error::Exists { .. }) => Ok(()),
        published => published,
    }
}

/// The number in a hidden name.
fn unhidden(name: &str, ending: &str) -> Option<VersionNumber> {
    name.strip_prefix('.')?.strip_suffix(ending)?.parse().ok()
}

/// Itself, and no link to one.
fn is_directory(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

#[cfg(test)]
mod tests;
