//! One of the files at fixed paths, and the hidden one beside it: the new content
//! before it is in place, the old one afterwards.

use std::ffi::OsString;
use std::fs::{File, Metadata, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

use rustix::fs::{OFlags, XattrFlags, fgetxattr, fsetxattr};
use sha2::{Digest, Sha256};

use crate::limits;
use crate::secret::Secret;

use super::super::edit::{Missing, Place, copy_attributes};
use super::super::files::read_open;
use super::super::step::{exchange, step};
use super::super::{Action, Error};
use super::FixedFile;

/// What the hidden name ends with.
const NEXT: &str = ".windlass-next";

/// Where SELinux keeps a file's context.
const CONTEXT: &str = "security.selinux";

/// A file's place, with links to it followed.
pub(super) struct Target {
    place: Place,
    next: OsString,
}

/// The file as it was found.
pub(super) struct Old {
    pub(super) content: Secret,
    metadata: Metadata,
    file: File,
}

impl Target {
    /// `None` where its directory is missing.
    pub(super) fn find(path: &Path) -> Result<Option<Self>, Error> {
        let found = Place::find(path, Missing::Leave)?;
        Ok(found.map(|place| {
            let mut next = OsString::from(".");
            next.push(&place.name);
            next.push(NEXT);
            Self { place, next }
        }))
    }

    /// Where the links have led.
    pub(super) fn path(&self) -> &Path {
        &self.place.path
    }

    pub(super) fn is_same(&self, other: &Self) -> Result<bool, Error> {
        let same = self.place.is_same(&other.place);
        same.map_err(|source| self.failed(Action::Read, source))
    }

    /// The file that is there; `None` where there is none.
    pub(super) fn old(&self) -> Result<Option<Old>, Error> {
        self.read(&self.place.name)
    }

    /// The permission bits of the file that is there, without reading it.
    pub(super) fn mode(&self) -> Option<u32> {
        let found = self.place.look(&self.place.name).ok().flatten()?;
        found.is_file().then(|| found.mode() & 0o777)
    }

    /// SHA-256 of what is there, and of what is hidden beside it.
    pub(super) fn digests(&self) -> Result<(Option<String>, Option<String>), Error> {
        let digest = |old: Option<Old>| old.map(|old| digest(old.content.expose()));
        Ok((digest(self.old()?), digest(self.read(&self.next)?)))
    }

    fn read(&self, name: &std::ffi::OsStr) -> Result<Option<Old>, Error> {
        let failed = |source| self.failed(Action::Read, source);
        // Not opened before it is known what it is: that may wake a device.
        let Some(found) = self.place.look(name).map_err(failed)? else {
            return Ok(None);
        };
        self.refuse_other_kinds(&found)?;
        let file = self.place.open(name, OFlags::RDONLY).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        self.refuse_other_kinds(&metadata)?;
        let again = file.try_clone().map_err(failed)?;
        Ok(Some(Old {
            content: Secret::new(read_open(again, self.path(), limits::MAX_FILE)?),
            metadata,
            file,
        }))
    }

    fn refuse_other_kinds(&self, found: &Metadata) -> Result<(), Error> {
        if found.is_file() {
            return Ok(());
        }
        Err(Error::NotAFile {
            path: self.path().to_owned(),
            is_directory: found.is_dir(),
        })
    }

    /// Writes the new content under the hidden name, durably, with the old file's
    /// owner, mode and attributes where nothing else is set. A new file is its
    /// directory's owner's.
    pub(super) fn stage(
        &self,
        wanted: &FixedFile,
        usual_mode: u32,
        old: Option<&Old>,
        content: &[u8],
    ) -> Result<(), Error> {
        let failed = |source| self.failed(Action::Write, source);
        // Of an installation that nothing can complete.
        self.clear()?;
        step().map_err(failed)?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY;
        let mut file = self.place.open(&self.next, flags).map_err(failed)?;
        self.give(&file, wanted, old)?;
        if let Some(old) = old {
            copy_attributes(&old.file, &file).map_err(failed)?;
        }
        if let Some(context) = &wanted.context {
            set_context(&file, context).map_err(|source| Error::Context {
                path: self.path().to_owned(),
                context: context.clone(),
                source,
            })?;
        }
        let kept = old.map_or(usual_mode, |old| old.metadata.mode() & 0o777);
        let mode = Permissions::from_mode(wanted.mode.unwrap_or(kept));
        step()
            .and_then(|()| file.write_all(content))
            // A changed owner takes bits away, and an access list changes them.
            .and_then(|()| file.set_permissions(mode))
            .and_then(|()| file.sync_all())
            .map_err(failed)
    }

    fn give(&self, file: &File, wanted: &FixedFile, old: Option<&Old>) -> Result<(), Error> {
        let give = || {
            let made = file.metadata()?;
            let usual = match old {
                Some(old) => (old.metadata.uid(), old.metadata.gid()),
                None if rustix::process::geteuid().is_root() => self.place.owner()?,
                None => (made.uid(), made.gid()),
            };
            let uid = wanted.uid.unwrap_or(usual.0);
            let gid = wanted.gid.unwrap_or(usual.1);
            if (uid, gid) == (made.uid(), made.gid()) {
                return Ok(());
            }
            fchown(file, Some(uid), Some(gid))
        };
        give().map_err(|source| self.failed(Action::Give, source))
    }

    /// Lets what is hidden and what is there change places, or moves it there,
    /// where there is nothing.
    pub(super) fn put_in_place(&self) -> Result<(), Error> {
        let (name, next) = (&self.place.name, &self.next);
        let failed = |source| self.failed(Action::Write, source);
        let there = self.place.look(name).map_err(failed)?;
        if let Some(there) = &there {
            self.refuse_other_kinds(there)?;
        }
        step().map_err(failed)?;
        let changed = match there {
            Some(_) => exchange().and_then(|()| self.place.exchange(next, name)),
            None => self.place.rename(next, name),
        };
        match changed {
            // Then the old one is gone, and there is no way back.
            Err(error) if is_unknown(&error) => self.place.rename(next, name),
            changed => changed,
        }
        .map_err(failed)
    }

    /// Undoes [`Self::put_in_place`], where there was an old file, or none.
    pub(super) fn take_back(&self, was_there: bool) -> Result<(), Error> {
        let (name, next) = (&self.place.name, &self.next);
        let back = step().and_then(|()| match was_there {
            true => self.place.exchange(next, name),
            false => self.place.rename(name, next),
        });
        back.map_err(|source| self.failed(Action::Write, source))
    }

    /// Removes what is hidden, durably, where there is something: on a file system
    /// that is mounted read-only the attempt alone is an error.
    pub(super) fn clear(&self) -> Result<(), Error> {
        let failed = |source| self.failed(Action::Remove, source);
        if self.place.look(&self.next).map_err(failed)?.is_none() {
            return Ok(());
        }
        step().map_err(failed)?;
        self.place.remove(&self.next)?;
        self.sync()
    }

    /// Makes its directory durable, where the file system knows what that is
    /// (fsync(2), EINVAL).
    pub(super) fn sync(&self) -> Result<(), Error> {
        match self.place.sync() {
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        }
    }

    fn failed(&self, action: Action, source: std::io::Error) -> Error {
        Error::Io {
            path: self.path().to_owned(),
            action,
            source,
        }
    }
}

impl Old {
    /// Whether it has all that is set.
    pub(super) fn fits(&self, wanted: &FixedFile) -> bool {
        let is = |wanted: Option<u32>, found| wanted.is_none_or(|wanted| wanted == found);
        is(wanted.uid, self.metadata.uid())
            && is(wanted.gid, self.metadata.gid())
            && is(wanted.mode, self.metadata.mode() & 0o7777)
            && wanted
                .context
                .as_ref()
                .is_none_or(|wanted| context(&self.file).as_ref() == Some(wanted))
    }

    /// Its permission bits.
    pub(super) fn mode(&self) -> u32 {
        self.metadata.mode() & 0o777
    }
}

/// Whether the file system or the kernel does not exchange names.
fn is_unknown(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidInput | ErrorKind::Unsupported
    )
}

/// The kernel keeps it with a zero at its end, as those who read it expect.
fn set_context(file: &File, context: &str) -> std::io::Result<()> {
    let value = [context.as_bytes(), &[0]].concat();
    Ok(fsetxattr(file, CONTEXT, &value, XattrFlags::empty())?)
}

fn context(file: &File) -> Option<String> {
    let mut value = vec![0; 4096];
    let length = fgetxattr(file, CONTEXT, &mut value[..]).ok()?;
    value.truncate(length);
    let text = String::from_utf8(value).ok()?;
    Some(text.trim_end_matches('\0').to_owned())
}

pub(super) fn digest(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}
