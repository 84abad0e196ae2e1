//! Replacing a file by a new one that nobody can tell from it but by its
//! content.

use std::fs::{File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr};
use rustix::io::Errno;

use super::super::{Action, Error};
use super::Old;
use super::beside::{Beside, give_to_owner};

/// Access control lists: without theirs, the mode's group bits would let more
/// people in than before.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// What came of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// Somebody else has written the file since it was read.
    Changed,
    /// Nothing can be renamed onto it: a mount point, as of a container.
    CannotRename,
}

/// Writes the new content beside the file and renames it onto it.
pub(super) fn write(beside: &Beside, old: &Old, content: &[u8]) -> Result<Outcome, Error> {
    let prepare = |new: &File| match (&old.metadata, &old.file) {
        (Some(metadata), Some(file)) => {
            let own = new
                .metadata()
                .map_err(|source| beside.failed(Action::Write, source))?;
            if (own.uid(), own.gid()) != (metadata.uid(), metadata.gid()) {
                fchown(new, Some(metadata.uid()), Some(metadata.gid())).map_err(|source| {
                    Error::Owner {
                        path: beside.place.path.clone(),
                        source,
                    }
                })?;
            }
            copy_attributes(file, new).map_err(|source| beside.failed(Action::Write, source))
        }
        _ => {
            give_to_owner(new, &beside.place).map_err(|source| beside.failed(Action::Write, source))
        }
    };
    // A changed owner takes bits away, and an access list changes them.
    let mode = Permissions::from_mode(old.mode());
    beside.write_new(content, prepare, |new| new.set_permissions(mode))?;
    if !old.is_still_at(&beside.place) {
        beside.discard_new();
        return Ok(Outcome::Changed);
    }
    if let Err(source) = beside.place.rename(&beside.new, &beside.place.name) {
        beside.discard_new();
        let is_mount = matches!(
            source.kind(),
            ErrorKind::ResourceBusy | ErrorKind::CrossesDevices
        );
        if is_mount && old.metadata.is_some() {
            return Ok(Outcome::CannotRename);
        }
        return Err(beside.failed(Action::Write, source));
    }
    beside.place.sync()?;
    Ok(Outcome::Done)
}

/// Gives the new file the old one's extended attributes: access control lists,
/// the security context of SELinux, and what users have set. What this process
/// may not set or the file system does not have is left out, but for access
/// control lists.
pub(in crate::store) fn copy_attributes(old: &File, new: &File) -> std::io::Result<()> {
    let mut names = vec![0; 64 * 1024];
    let length = match flistxattr(old, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP | Errno::NOSYS | Errno::PERM) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let mut value = vec![0; 64 * 1024];
    let names = names.get(..length).unwrap_or_default();
    let names = names.split(|octet| *octet == 0);
    if !names.clone().any(|name| name == ACCESS_LIST.as_bytes()) {
        // The directory's default list would let in whom the old file did not.
        match fremovexattr(new, ACCESS_LIST) {
            Ok(()) | Err(Errno::NODATA | Errno::NOTSUP | Errno::NOSYS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    for name in names {
        let Ok(name) = std::str::from_utf8(name) else {
            continue;
        };
        if name.is_empty() {
            continue;
        }
        let copied = fgetxattr(old, name, &mut value[..]).and_then(|length| {
            let value = value.get(..length).unwrap_or_default();
            fsetxattr(new, name, value, XattrFlags::empty())
        });
        match copied {
            Err(error) if name == ACCESS_LIST => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}
