//! Whether somebody else could have written a file, or put another in its place:
//! what decides which library is loaded with a key in reach, or what the CA
//! believes of itself, must be this user's and root's alone.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{Action, Error};

/// Checks that nobody but root and this user can write what is at a path, or
/// exchange it anywhere on the way there.
///
/// # Errors
///
/// [`Error::Writable`] or [`Error::Strangers`] with the first path that others
/// can write, [`Error::Io`].
pub fn check_trusted(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        action: Action::Find,
        source,
    };
    let real = fs::canonicalize(path).map_err(failed)?;
    let typed = std::path::absolute(path).map_err(failed)?;
    judge(&real, &fs::metadata(&real).map_err(failed)?, false)?;
    // A link on the way can be exchanged where it stands.
    for above in typed.ancestors().chain(real.ancestors()).skip(1) {
        if above != real {
            let metadata = fs::metadata(above).map_err(failed)?;
            judge(above, &metadata, true)?;
        }
    }
    Ok(())
}

/// The same of one entry of a directory that has been checked. That there is none
/// is no error.
///
/// # Errors
///
/// As [`check_trusted`].
pub fn check_entry(path: &Path) -> Result<(), Error> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    match metadata.is_symlink() {
        true if !path.exists() => Ok(()),
        true => check_trusted(path),
        false => judge(path, &metadata, false),
    }
}

/// Of a directory above, what is sticky keeps entries for their owners
/// (`S_ISVTX`, inode(7)).
fn judge(path: &Path, metadata: &Metadata, is_above: bool) -> Result<(), Error> {
    let owner = metadata.uid();
    if !(is_roots_or_own(owner) || is_above && is_unmapped(owner)) {
        return Err(Error::Strangers {
            path: path.to_owned(),
            owner,
        });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o022 != 0 && !(is_above && mode & 0o1000 != 0) {
        return Err(Error::Writable {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

fn is_roots_or_own(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

/// Whether it is root's or this user's, or of one whom this user namespace does not
/// have.
pub(super) fn is_own(owner: u32) -> bool {
    is_roots_or_own(owner) || is_unmapped(owner)
}

/// Whether the user is one of those that this user namespace does not have, as
/// the root of the machine in a container: the directories above are theirs.
#[must_use]
pub fn is_unmapped(owner: u32) -> bool {
    let number = |text: &str| text.trim().parse::<u32>().ok();
    let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid");
    let is_overflow = overflow.is_ok_and(|text| number(&text) == Some(owner));
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_whole = map.split_whitespace().eq(["0", "0", "4294967295"]);
    is_overflow && !map.is_empty() && !is_whole
}
