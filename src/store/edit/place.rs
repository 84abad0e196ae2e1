//! Where a file is: its directory, held open, and its name in it. Whoever may
//! write one of the directories above could exchange it between two looks at the
//! same path; what is open stays what was looked at.

use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io::Error as IoError;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, RenameFlags};

use crate::limits;

use super::super::files::{identity, parent, present};
use super::super::{Action, Error};

/// What becomes of directories that do not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum Missing {
    /// They are made, for the owner alone, who is that of the directory above.
    Make,
    /// There is no such place then.
    Leave,
}

/// A file's place. The file itself need not exist.
pub(in crate::store) struct Place {
    /// Its path as people know it, with links to the file followed.
    pub(in crate::store) path: PathBuf,
    /// Its name in the directory.
    pub(in crate::store) name: OsString,
    /// Opened for its name alone (`O_PATH`).
    directory: File,
}

/// A symbolic link that neither root nor this user has made.
struct Link {
    path: PathBuf,
    owner: u32,
}

impl Place {
    /// Follows symbolic links to the file itself; `None` where a directory is
    /// missing that is not to be made.
    ///
    /// A link counts only if root, this user, or the owner of what it leads to
    /// has made it (as with Linux's `fs.protected_symlinks`): nobody else's may
    /// say which of root's files root writes.
    ///
    /// # Errors
    ///
    /// [`Error::Link`], [`Error::NotAFile`] where the path has no name at its
    /// end, [`Error::Io`].
    pub(in crate::store) fn find(path: &Path, missing: Missing) -> Result<Option<Self>, Error> {
        let mut path = path.to_owned();
        let mut links = Vec::new();
        for _ in 0..limits::MAX_LINKS {
            let failed = |source| unreadable(&path, source);
            let Some(directory) = enter(&path, missing)? else {
                return Ok(None);
            };
            let Some(name) = path.file_name().map(OsStr::to_owned) else {
                return Err(Error::NotAFile {
                    path,
                    is_directory: true,
                });
            };
            let entry = present(open_at(&directory, &name, OFlags::PATH)).map_err(failed)?;
            let found = entry.as_ref().unwrap_or(&directory);
            let metadata = found.metadata().map_err(failed)?;
            let Some(link) = entry.filter(|_| metadata.is_symlink()) else {
                check(&links, metadata.uid())?;
                return Ok(Some(Self {
                    path,
                    name,
                    directory,
                }));
            };
            let next = read_link(&link).map_err(failed)?;
            let next = parent(&path).join(next);
            links.extend(Link::of_stranger(&path, metadata.uid()));
            path = next;
        }
        Err(too_many_links(path))
    }

    /// Whether both are the same name in the same directory.
    pub(in crate::store) fn is_same(&self, other: &Self) -> std::io::Result<bool> {
        let (one, other_one) = (self.directory.metadata()?, other.directory.metadata()?);
        Ok(self.name == other.name && identity(&one) == identity(&other_one))
    }

    /// Opens a file in the directory: never through a symbolic link, and without
    /// waiting for the other end of a FIFO.
    pub(in crate::store) fn open(&self, name: &OsStr, flags: OFlags) -> std::io::Result<File> {
        open_at(&self.directory, name, flags)
    }

    /// What is there under this name, itself when it is a symbolic link, without
    /// opening it.
    pub(in crate::store) fn look(&self, name: &OsStr) -> std::io::Result<Option<Metadata>> {
        let found = present(self.open(name, OFlags::PATH))?;
        found.map(|found| found.metadata()).transpose()
    }

    /// Renames within the directory.
    pub(in crate::store) fn rename(&self, from: &OsStr, to: &OsStr) -> std::io::Result<()> {
        Ok(rustix::fs::renameat(
            &self.directory,
            from,
            &self.directory,
            to,
        )?)
    }

    /// Lets two files change their names, in one step (renameat2(2)).
    ///
    /// # Errors
    ///
    /// `InvalidInput` and `Unsupported` where the file
    /// system or the kernel does not know it.
    pub(in crate::store) fn exchange(&self, one: &OsStr, other: &OsStr) -> std::io::Result<()> {
        let here = &self.directory;
        Ok(rustix::fs::renameat_with(
            here,
            one,
            here,
            other,
            RenameFlags::EXCHANGE,
        )?)
    }

    /// Removes a file; that there is none is no error.
    pub(in crate::store) fn remove(&self, name: &OsStr) -> Result<(), Error> {
        let removed = rustix::fs::unlinkat(&self.directory, name, AtFlags::empty());
        present(removed.map_err(IoError::from))
            .map(|_| ())
            .map_err(|source| Error::Io {
                path: self.beside(name),
                action: Action::Remove,
                source,
            })
    }

    /// Makes the directory's entries durable.
    pub(in crate::store) fn sync(&self) -> Result<(), Error> {
        sync(&self.directory).map_err(|source| Error::Io {
            path: parent(&self.path),
            action: Action::Sync,
            source,
        })
    }

    /// The path of another file in the directory, for people.
    pub(in crate::store) fn beside(&self, name: &OsStr) -> PathBuf {
        self.path.with_file_name(name)
    }

    /// The directory's own metadata.
    pub(in crate::store) fn directory(&self) -> std::io::Result<Metadata> {
        self.directory.metadata()
    }

    /// User and group of the file, or of the directory where there is none.
    pub(in crate::store) fn owner(&self) -> std::io::Result<(u32, u32)> {
        let metadata = match self.look(&self.name)? {
            Some(metadata) => metadata,
            None => self.directory.metadata()?,
        };
        Ok((metadata.uid(), metadata.gid()))
    }
}

impl Link {
    fn of_stranger(path: &Path, owner: u32) -> Option<Self> {
        let is_trusted = owner == 0 || owner == rustix::process::geteuid().as_raw();
        (!is_trusted).then(|| Self {
            path: path.to_owned(),
            owner,
        })
    }
}

/// Whether these links may lead to what this user owns.
fn check<'a>(links: impl IntoIterator<Item = &'a Link>, owner: u32) -> Result<(), Error> {
    match links.into_iter().find(|link| link.owner != owner) {
        None => Ok(()),
        Some(link) => Err(Error::Link {
            path: link.path.clone(),
            owner: link.owner,
        }),
    }
}

/// Opens the directory of a file, one name after another.
fn enter(target: &Path, missing: Missing) -> Result<Option<File>, Error> {
    let failed = |source| unreadable(target, source);
    let above = parent(target);
    let start = |path: &Path| if path.is_absolute() { "/" } else { "." };
    let mut here = open(Path::new(start(&above)), OFlags::PATH).map_err(failed)?;
    // The next name stands last.
    let mut ahead = names(&above);
    // With how many names are ahead where each link has led.
    let mut links: Vec<(Link, usize)> = Vec::new();
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        let found = present(open_at(&here, &name, OFlags::PATH)).map_err(failed)?;
        if found.is_none() {
            // Before something is made where a stranger's link leads.
            let owner = here.metadata().map_err(failed)?.uid();
            check(links.iter().map(|(link, _)| link), owner)?;
        }
        let entry = match (found, missing) {
            (Some(entry), _) => entry,
            (None, Missing::Leave) => return Ok(None),
            (None, Missing::Make) => make_directory(&here, &name).map_err(|source| Error::Io {
                path: above.clone(),
                action: Action::Create,
                source,
            })?,
        };
        let metadata = entry.metadata().map_err(failed)?;
        if metadata.is_symlink() {
            followed += 1;
            if followed > limits::MAX_LINKS {
                return Err(too_many_links(above));
            }
            let next = read_link(&entry).map_err(failed)?;
            let link = Link::of_stranger(&above, metadata.uid());
            links.extend(link.map(|link| (link, ahead.len())));
            if next.is_absolute() {
                here = open(Path::new("/"), OFlags::PATH).map_err(failed)?;
            }
            ahead.extend(names(&next));
        } else if metadata.is_dir() {
            here = entry;
        } else {
            return Err(failed(rustix::io::Errno::NOTDIR.into()));
        }
        let owner = here.metadata().map_err(failed)?.uid();
        while let Some((link, _)) = links.pop_if(|(_, left)| *left >= ahead.len()) {
            check([&link], owner)?;
        }
    }
    Ok(Some(here))
}

/// The names of a path from its end.
fn names(path: &Path) -> Vec<OsString> {
    let is_name = |component: &Component<'_>| {
        matches!(component, Component::Normal(_) | Component::ParentDir)
    };
    let names = path.components().rev().filter(is_name);
    names
        .map(|component| component.as_os_str().to_owned())
        .collect()
}

/// Makes a directory for its owner alone, durable. What root makes below another
/// user's directory belongs to that user before anything stands in it.
fn make_directory(above: &File, name: &OsStr) -> std::io::Result<File> {
    match rustix::fs::mkdirat(above, name, Mode::RWXU) {
        // Somebody else was faster, and it is theirs.
        Err(rustix::io::Errno::EXIST) => return open_at(above, name, OFlags::PATH),
        made => made?,
    }
    let owner = above.metadata()?;
    if rustix::process::geteuid().is_root() && owner.uid() != 0 {
        let made = open_at(above, name, OFlags::RDONLY | OFlags::DIRECTORY)?;
        // Whoever may write above could have put another one of root's there,
        // but none that is empty says anything.
        if made.metadata()?.uid() == 0 && is_empty(&made)? {
            fchown(&made, Some(owner.uid()), Some(owner.gid()))?;
        }
    }
    sync(above)?;
    open_at(above, name, OFlags::PATH)
}

fn is_empty(directory: &File) -> std::io::Result<bool> {
    for entry in Dir::read_from(directory)? {
        if !matches!(entry?.file_name().to_bytes(), b"." | b"..") {
            return Ok(false);
        }
    }
    Ok(true)
}

fn sync(directory: &File) -> std::io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY;
    open_at(directory, OsStr::new("."), flags)?.sync_all()
}

fn read_link(link: &File) -> std::io::Result<PathBuf> {
    let text = rustix::fs::readlinkat(link, "", Vec::new())?;
    Ok(OsString::from_vec(text.into_bytes()).into())
}

/// Opens a file without waiting for the other end of a FIFO, and without making
/// a terminal this process's own.
pub(in crate::store) fn open(path: &Path, flags: OFlags) -> std::io::Result<File> {
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(path, flags, OWNER_ONLY)?.into())
}

fn open_at(directory: &File, name: &OsStr, flags: OFlags) -> std::io::Result<File> {
    let usual = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(rustix::fs::openat(directory, name, flags | usual, OWNER_ONLY)?.into())
}

/// How a file for the owner alone is made, whatever the umask takes away.
const OWNER_ONLY: Mode = Mode::from_raw_mode(0o600);

fn unreadable(path: &Path, source: IoError) -> Error {
    Error::Io {
        path: path.to_owned(),
        action: Action::Read,
        source,
    }
}

fn too_many_links(path: PathBuf) -> Error {
    Error::Io {
        path,
        action: Action::Follow,
        source: IoError::other("too many levels of symbolic links"),
    }
}
