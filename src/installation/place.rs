//! Files at their places: what would change, and changing it.

use std::path::{Component, Path, PathBuf};

use crate::limits;
use crate::store::{self, Occupant, Readers, Several};

use super::Planned;
use super::seal::{Author, author};

/// What becomes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not there.
    Created,
    /// It held something else, or had another mode.
    Replaced,
    /// It is taken away.
    Removed,
    /// It is as it is to be.
    Unchanged,
}

impl Change {
    /// The change as a word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Replaced => "replaced",
            Self::Removed => "removed",
            Self::Unchanged => "unchanged",
        }
    }
}

/// A file with what becomes of it.
#[derive(Debug)]
pub struct Entry {
    /// Where it is, below the root that was given.
    pub path: PathBuf,
    /// What becomes of it.
    pub change: Change,
    text: Option<String>,
    readers: Readers,
    job: String,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Somebody has changed it since it was written here.
    #[error("{} was changed by somebody since windlass wrote it", path.display())]
    Edited {
        /// The file.
        path: PathBuf,
    },
    /// A directory on the way leads out of the root that was given.
    #[error("{} is not below {}: a link leads out of it", path.display(), root.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// The root.
        root: PathBuf,
    },
    /// It was written here, for another verb, user or profile.
    #[error("{} is of another job: '{job}'", path.display())]
    OtherJob {
        /// The file.
        path: PathBuf,
        /// The job.
        job: String,
    },
    /// Somebody else has written it.
    #[error("{} is not a file that windlass has written", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// It is a link, as that of a masked unit, or a directory.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// What stands there.
        path: PathBuf,
    },
    /// The disk.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// What would change.
#[derive(Debug)]
pub struct Plan {
    entries: Vec<Entry>,
    /// Whether directories are made: below a root of a package.
    is_package: bool,
}

impl Plan {
    /// Compares the files with what stands in their places below `root`. Nothing is
    /// written. What somebody else has written or changed is taken for an obstacle,
    /// unless `force` is given; where no file is wanted it stays as it is.
    ///
    /// # Errors
    ///
    /// [`Fault`], with the first file that is in the way.
    pub fn new(files: Vec<Planned>, root: Option<&Path>, force: bool) -> Result<Self, Fault> {
        let mut entries = Vec::new();
        for file in files {
            let below = file.path.strip_prefix("/").unwrap_or(&file.path);
            let path = root.map_or_else(|| file.path.clone(), |root| root.join(below));
            if let Some(root) = root {
                check_below(&path, root)?;
            }
            let change = judge(&path, &file, force)?;
            entries.extend(change.map(|change| Entry {
                path,
                change,
                text: file.text,
                readers: file.readers,
                job: file.job,
            }));
        }
        Ok(Self {
            entries,
            is_package: root.is_some(),
        })
    }

    /// The same, to take the files away again.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn removal(files: Vec<Planned>, root: Option<&Path>, force: bool) -> Result<Self, Fault> {
        let mut plan = Self::new(files, root, true)?;
        for entry in &mut plan.entries {
            // What was never asked for is none of this installation's.
            let is_wanted = entry.text.take().is_some();
            entry.change = match Occupant::of(&entry.path, limits::MAX_FILE)? {
                Occupant::Nothing => Change::Unchanged,
                Occupant::File { content, .. } => match author(&content) {
                    Author::Own(job) if job == entry.job => Change::Removed,
                    _ if !is_wanted => Change::Unchanged,
                    _ if force => Change::Removed,
                    other => return Err(in_the_way(&entry.path, other)),
                },
                Occupant::Other if is_wanted => {
                    return Err(Fault::NotAFile {
                        path: entry.path.clone(),
                    });
                }
                Occupant::Other => Change::Unchanged,
            };
        }
        Ok(plan)
    }

    /// The files that there are, or are to be.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether anything changes.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.change != Change::Unchanged)
    }

    /// Makes the changes: all, or as good as none.
    ///
    /// # Errors
    ///
    /// [`store::Error`] with the file that could not be changed.
    pub fn apply(&self) -> Result<(), store::Error> {
        let mut several = Several::default();
        for entry in &self.entries {
            match (entry.change, &entry.text) {
                (Change::Created | Change::Replaced, Some(text)) => {
                    let content = text.as_bytes();
                    several.put(&entry.path, content, entry.readers, self.is_package)?;
                }
                (Change::Removed, _) => several.remove(&entry.path),
                _ => {}
            }
        }
        several.commit()
    }
}

/// What becomes of a file; `None` where there is none and is to be none.
fn judge(path: &Path, file: &Planned, force: bool) -> Result<Option<Change>, Fault> {
    let wanted_mode = file.readers.mode();
    let own = Author::Own(file.job.clone());
    let Some(text) = &file.text else {
        return Ok(match Occupant::of(path, limits::MAX_FILE)? {
            Occupant::File { content, .. } if author(&content) == own => Some(Change::Removed),
            _ => None,
        });
    };
    Ok(Some(match Occupant::of(path, limits::MAX_FILE)? {
        Occupant::Nothing => Change::Created,
        Occupant::File { content, mode } if content == text.as_bytes() && mode == wanted_mode => {
            Change::Unchanged
        }
        Occupant::File { content, .. } => match author(&content) {
            _ if force => Change::Replaced,
            author if author == own => Change::Replaced,
            other => return Err(in_the_way(path, other)),
        },
        // The link of a masked unit would be replaced by the unit, and a link to a file
        // elsewhere is somebody's arrangement.
        Occupant::Other => {
            return Err(Fault::NotAFile {
                path: path.to_owned(),
            });
        }
    }))
}

fn in_the_way(path: &Path, author: Author) -> Fault {
    let path = path.to_owned();
    match author {
        Author::Edited => Fault::Edited { path },
        Author::Own(job) => Fault::OtherJob { path, job },
        Author::Other => Fault::Foreign { path },
    }
}

/// Refuses a place that links lead out of the root: an absolute one means the root of
/// the machine where the files are made.
fn check_below(path: &Path, root: &Path) -> Result<(), Fault> {
    let there = |path: &Path| std::fs::symlink_metadata(path).is_ok();
    let mut above = path.ancestors().skip(1);
    let Some(nearest) = above.find(|above| there(above)) else {
        return Ok(());
    };
    if !nearest.starts_with(root) {
        return Ok(());
    }
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    match (real(nearest), real(root)) {
        (Some(found), Some(root)) if found.starts_with(&root) => Ok(()),
        _ => Err(Fault::Outside {
            path: path.to_owned(),
            root: root.to_owned(),
        }),
    }
}

/// Where the program is, and what there is to be said of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Where programs are.
    Usual,
    /// In a home directory, which a service may not see.
    Home,
    /// In a directory that is emptied at times, and in which everybody can write.
    Temporary,
}

impl Program {
    /// Of which kind the place is.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        if is_home(path) {
            Self::Home
        } else if ["/tmp", "/var/tmp", "/dev/shm", "/run"]
            .iter()
            .any(|place| path.starts_with(place))
        {
            Self::Temporary
        } else {
            Self::Usual
        }
    }
}

/// The path without `..`, as far as words tell: links are not looked at.
#[must_use]
pub fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// Whether it is where `ProtectHome=` puts something else (systemd.exec(5)), or may be:
/// `~` stands for a directory that is not known yet.
#[must_use]
pub fn is_home(path: &Path) -> bool {
    let plain = plain(path);
    ["~", "/home", "/root", "/run/user"]
        .iter()
        .any(|place| plain.starts_with(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_are_told_by_the_whole_path() {
        for home in ["~/c", "/home", "/root/c", "/run/user/0/c", "/etc/../home/x"] {
            assert!(is_home(Path::new(home)), "{home}");
        }
        for other in [
            "/srv/home/x",
            "/homes",
            "/srv/~/x",
            "/home/../srv",
            "/run/users",
        ] {
            assert!(!is_home(Path::new(other)), "{other}");
        }
    }
}
