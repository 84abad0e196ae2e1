//! What of an identity belongs to somebody who has nothing to do with it: a `chown`
//! of a version, or a copy by another user, leaves such.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::super::{Action, Error};
use super::building::failed;
use super::{CERTIFICATE, CHAIN, FULLCHAIN, KEY, LOCK, Versions};

/// Something of an identity with an owner that it must not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranger {
    /// What it is.
    pub path: PathBuf,
    /// The number of the user to whom it belongs.
    pub owner: u32,
}

impl Versions {
    /// The user to whom the identity belongs, as a number.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn owner(&self) -> Result<u32, Error> {
        let found = fs::metadata(self.path());
        let found = found.map_err(|source| failed(self.path(), Action::Open, source))?;
        Ok(found.uid())
    }

    /// The versions, their files and the lock that belong neither to the owner of the
    /// identity nor to root. Root may have given all files of a version to one user,
    /// whose the next ones will be (see [`super::Ownership`]); never its directory.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn strangers(&self) -> Result<Vec<Stranger>, Error> {
        let own = self.owner()?;
        let mut found = Vec::new();
        let mut look = |path: PathBuf, given: Option<u32>| {
            let owner = owner_of(&path)
                .filter(|owner| ![Some(0), Some(own), given].contains(&Some(*owner)));
            found.extend(owner.map(|owner| Stranger { path, owner }));
        };
        for number in self.all()? {
            let version = self.version(number);
            let files = [KEY, CERTIFICATE, CHAIN, FULLCHAIN].map(|name| version.join(name));
            let mut owners: Vec<u32> = files.iter().filter_map(|file| owner_of(file)).collect();
            owners.dedup();
            let given = match owners.as_slice() {
                [one] if own == 0 => Some(*one),
                _ => None,
            };
            look(version, None);
            for file in files {
                look(file, given);
            }
        }
        look(self.path().join(LOCK), None);
        Ok(found)
    }
}

/// Of itself, and not of what a link leads to.
fn owner_of(path: &Path) -> Option<u32> {
    Some(fs::symlink_metadata(path).ok()?.uid())
}
