//! Opening a file to append to it, where others may have a hand in the way there:
//! who can exchange a directory or an entry would otherwise have root write anywhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::trust::is_own;

/// How many links are followed (path_resolution(7): the kernel's own limit).
const MAX_LINKS: usize = 40;

/// Opens a file to append to it; one that is not there is made for its owner alone. A
/// symbolic link is followed where nobody but root and this user can have put it, and a
/// file with several names is taken there alone.
///
/// # Errors
///
/// The operating system's: `ELOOP` for a link that somebody else could have put there,
/// `EMLINK` for a file that may have its other name anywhere.
pub(super) fn open_to_append(path: &Path) -> Result<File> {
    // Each name is looked up in the very directory that was judged.
    let mut open: Vec<OsString> = parts(&std::path::absolute(path)?);
    let mut held = openat(CWD, "/", directory(), Mode::empty())?;
    let mut links = 0;
    while let Some(name) = open.pop() {
        let above = fstat(&held)?;
        let found = statat(&held, &name, AtFlags::SYMLINK_NOFOLLOW);
        let link = found.as_ref().ok().filter(|found| is_link(found));
        if let Some(link) = link {
            links += 1;
            if links > MAX_LINKS || !is_own(link.st_uid) || !is_kept(&above) {
                return Err(Errno::LOOP.into());
            }
            // What an open file of a process is called says nothing of where it is.
            if open.is_empty() && is_process(&held) {
                let mode = Mode::RUSR | Mode::WUSR;
                return Ok(openat(&held, &name, append(), mode)?.into());
            }
            let target = readlinkat(&held, &name, Vec::new())?;
            let target = Path::new(OsStr::from_bytes(target.as_bytes()));
            if target.is_absolute() {
                held = openat(CWD, "/", directory(), Mode::empty())?;
            }
            open.extend(parts(target));
        } else if open.is_empty() {
            return last(&held, &name, &above);
        } else {
            held = openat(&held, &name, directory() | OFlags::NOFOLLOW, Mode::empty())?;
        }
    }
    Err(Error::from(std::io::ErrorKind::IsADirectory))
}

/// Opens the file itself.
fn last(above: &OwnedFd, name: &OsStr, stat: &Stat) -> Result<File> {
    let mode = Mode::RUSR | Mode::WUSR;
    let file = File::from(openat(above, name, append() | OFlags::NOFOLLOW, mode)?);
    let found = file.metadata()?;
    if found.is_file() && found.nlink() > 1 && !is_kept(stat) {
        return Err(Errno::MLINK.into());
    }
    Ok(file)
}

/// The names of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let names = path.components().rev();
    let names = names.filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}

fn directory() -> OFlags {
    OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC
}

fn append() -> OFlags {
    // A pipe without a reader must not hold up credentials.
    OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK | OFlags::CLOEXEC
}

fn is_link(found: &Stat) -> bool {
    FileType::from_raw_mode(found.st_mode) == FileType::Symlink
}

/// Whether entries of root and of this user stay what they are in it: nobody else can
/// write there, or what is sticky keeps them (`S_ISVTX`, inode(7)).
fn is_kept(directory: &Stat) -> bool {
    let mode = directory.st_mode;
    is_own(directory.st_uid) && (mode & 0o022 == 0 || mode & 0o1000 != 0)
}

/// Whether it is a directory of procfs, where links are no paths (proc(5)).
fn is_process(directory: &OwnedFd) -> bool {
    const PROC_SUPER_MAGIC: u64 = 0x9fa0;
    let system = rustix::fs::fstatfs(directory);
    system
        .is_ok_and(|system| u64::try_from(system.f_type).is_ok_and(|kind| kind == PROC_SUPER_MAGIC))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::{Read, Write};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::super::files::create_directory;
    use super::*;

    fn open_directory(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// The directory is everybody's, as far as this can be had without other users.
    #[test]
    fn a_link_is_followed_where_nobody_else_can_put_one() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        create_directory(&at("d")).unwrap();
        create_directory(&at("real")).unwrap();
        symlink("../real/log", at("d/link")).unwrap();
        symlink(at("real"), at("d/directory")).unwrap();
        symlink("d/link", at("twice")).unwrap();
        symlink("loop", at("d/loop")).unwrap();
        for path in ["d/link", "d/directory/log", "twice", "d/../real/log"] {
            writeln!(open_to_append(&at(path)).unwrap(), "{path}").unwrap();
        }
        let log = fs::read_to_string(at("real/log")).unwrap();
        assert_eq!(log, "d/link\nd/directory/log\ntwice\nd/../real/log\n");
        let error = |path: &str| open_to_append(&at(path)).unwrap_err().raw_os_error();
        assert_eq!(error("d/loop"), Some(Errno::LOOP.raw_os_error()));
        fs::hard_link(at("real/log"), at("d/second")).unwrap();
        assert!(open_to_append(&at("d/second")).is_ok());
        // A sticky one keeps entries for their owners.
        open_directory(&at("d"), 0o1777);
        assert!(open_to_append(&at("d/link")).is_ok());
        open_directory(&at("d"), 0o777);
        for path in ["d/link", "d/directory/log", "twice"] {
            assert_eq!(error(path), Some(Errno::LOOP.raw_os_error()), "{path}");
        }
        assert_eq!(error("d/second"), Some(Errno::MLINK.raw_os_error()));
        assert!(open_to_append(&at("d/own")).is_ok());
        let own = fs::metadata(at("d/own")).unwrap();
        assert_eq!(own.permissions().mode() & 0o777, 0o600);
    }

    /// As `/dev/stderr` leads there.
    #[test]
    fn an_open_file_of_this_process_is_one() {
        let home = tempfile::tempdir().unwrap();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&writer);
        let link = home.path().join("link");
        symlink(format!("/proc/self/fd/{number}"), &link).unwrap();
        writeln!(open_to_append(&link).unwrap(), "said").unwrap();
        drop(writer);
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        assert_eq!(said, "said\n");
    }
}
