//! Where the versions of an identity are kept: on disk, or for tests in memory.
//!
//! Each call is whole or not at all, and durable when it returns. What a process
//! that dies between two calls leaves is what [`super::Rotation`] goes on from.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::key::{Signer, open_software};
use crate::limits;
use crate::pki::{Certificate, PathQuery, Policy, Revocation, read_certificates, validate_path};
use crate::secret::Secret;
use crate::store::{
    self, FixedContents, FixedFiles, TooOpen, VersionNumber, Versions, is_pending, read_regular,
    recover_fixed,
};

use super::Error;
use super::state::State;

/// A part of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// What the issuer answered, as it came.
    Answer,
    /// The certificate.
    Certificate,
    /// Those above it, without the root.
    Chain,
    /// The certificate and those above it.
    Fullchain,
    /// The private key.
    Key,
    /// The request that was sent.
    Request,
}

impl Part {
    /// The name of its file.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Answer => "answer.pem",
            Self::Certificate => store::CERTIFICATE,
            Self::Chain => store::CHAIN,
            Self::Fullchain => store::FULLCHAIN,
            Self::Key => store::KEY,
            Self::Request => "request.pem",
        }
    }
}

/// The version in force.
#[derive(Debug)]
pub struct Pair {
    /// Its number.
    pub number: VersionNumber,
    /// Its private key, PEM.
    pub key: Secret,
    /// Its certificate and those above it, PEM.
    pub fullchain: Vec<u8>,
}

impl Pair {
    /// Its certificate; `None` where there is none to be read.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        let found = read_certificates(&self.fullchain, Part::Fullchain.file());
        found.ok()?.into_iter().next()
    }

    /// Whether its certificate leads to one of these roots, whether it has ended or
    /// not.
    #[must_use]
    pub fn leads_to(&self, roots: &[Certificate], at: DateTime<Utc>) -> bool {
        let found = read_certificates(&self.fullchain, Part::Fullchain.file());
        let found = found.unwrap_or_default();
        let Some((leaf, others)) = found.split_first() else {
            return false;
        };
        let query = PathQuery {
            leaf,
            intermediates: others,
            anchors: roots,
            revocation: Revocation::Unchecked,
            at: at.min(leaf.not_after()).max(leaf.not_before()),
            policy: Policy::RolesAnywhere,
        };
        validate_path(&query).is_ok()
    }

    /// Whether the key can be read and is that of the certificate.
    pub(super) fn is_whole(&self) -> bool {
        let key = open_software(self.key.expose(), Part::Key.file(), || Ok(None));
        let certificate = self.certificate();
        key.is_ok_and(|key| certificate.is_some_and(|one| one.public_key() == key.public_key()))
    }
}

/// Where the versions of an identity are kept.
pub trait Shelf {
    /// What is kept of the runs before.
    ///
    /// # Errors
    ///
    /// [`Error::State`], [`Error::Store`].
    fn state(&self) -> Result<State, Error>;

    /// Keeps what the next run has to know.
    ///
    /// # Errors
    ///
    /// [`Error::Store`]; what was kept before is then kept still.
    fn keep(&self, state: &State) -> Result<(), Error>;

    /// The version in force, if there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn in_force(&self) -> Result<Option<Pair>, Error>;

    /// A part of the version that is being made, or was published already.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn get(&self, number: VersionNumber, part: Part) -> Result<Option<Secret>, Error>;

    /// Puts a part into the version that is being made.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn put(&self, number: VersionNumber, part: Part, content: &[u8]) -> Result<(), Error>;

    /// Gives up what is being made, and the version of this number, if it was
    /// published and is not in force.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn discard(&self, begun: Option<VersionNumber>) -> Result<(), Error>;

    /// The newest version that there is, whether it is in force or not.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn newest(&self) -> Result<Option<VersionNumber>, Error>;

    /// Puts a version that is made in force, in one step for whoever reads the
    /// directory. That it is already is no error.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn switch(&self, number: VersionNumber) -> Result<(), Error>;

    /// Makes the fixed files those of the version in force, and gives what is worth
    /// telling. That they are already is no error.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn install(&self) -> Result<Option<String>, Error>;

    /// Removes versions that nobody needs any more.
    ///
    /// # Errors
    ///
    /// [`Error::Store`].
    fn retire(&self) -> Result<(), Error>;
}

/// The directory of an identity.
#[derive(Debug)]
pub struct Disk {
    versions: Versions,
    fixed: Option<FixedFiles>,
    keep: usize,
}

impl Disk {
    /// A directory whose lock is held, with the fixed files that follow it, and how
    /// many versions are kept, the one in force included.
    #[must_use]
    pub const fn new(versions: Versions, fixed: Option<FixedFiles>, keep: usize) -> Self {
        Self {
            versions,
            fixed,
            keep,
        }
    }
}

/// What a run would put right besides the certificate.
#[derive(Debug, Default)]
pub struct Amiss {
    /// Files at fixed paths that are missing or are not those of the version in
    /// force, or have another owner or mode than is asked for.
    pub fixed: Vec<PathBuf>,
    /// Whether a crash has cut their replacement short.
    pub is_cut_short: bool,
    /// Directories and keys of versions with modes that they must not have.
    pub too_open: Vec<TooOpen>,
}

impl Amiss {
    /// Whether there is nothing.
    #[must_use]
    pub const fn is_nothing(&self) -> bool {
        self.fixed.is_empty() && !self.is_cut_short && self.too_open.is_empty()
    }
}

impl Disk {
    /// What a run would put right. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`], [`Error::Lost`]: a run would meet it too.
    pub fn amiss(&self) -> Result<Amiss, Error> {
        let fixed = match &self.fixed {
            Some(fixed) => self.with_contents(|contents| Ok(fixed.stale(contents)?))?,
            None => None,
        };
        Ok(Amiss {
            fixed: fixed.unwrap_or_default(),
            is_cut_short: is_pending(self.versions.path()),
            too_open: self.versions.too_open()?,
        })
    }

    /// Does something with the files of the version in force, if there is one.
    fn with_contents<T>(
        &self,
        work: impl FnOnce(&FixedContents<'_>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let Some((version, path)) = self.versions.current()? else {
            return Ok(None);
        };
        let read = |part: Part| {
            let found = read_regular(&path.join(part.file()), limits::MAX_FILE)?;
            found.ok_or(Error::Lost {
                number: version,
                part,
            })
        };
        work(&FixedContents {
            version,
            key: &read(Part::Key)?,
            certificate: read(Part::Certificate)?.expose(),
            chain: read(Part::Chain)?.expose(),
            fullchain: read(Part::Fullchain)?.expose(),
        })
        .map(Some)
    }

    /// Narrows modes that versions must not have, and tells of it.
    fn narrow(&self) -> Result<Vec<String>, Error> {
        let notes = self.versions.too_open()?.into_iter().map(|one| {
            let (path, mode) = (one.path.display(), one.mode);
            let done = match one.narrow() {
                Ok(()) => format!("it is {:04o} now", one.narrowed),
                Err(error) => format!("it cannot be changed: {error}"),
            };
            format!("others could use or change {path}, which had the mode {mode:04o}: {done}")
        });
        Ok(notes.collect())
    }
}

impl Shelf for Disk {
    fn state(&self) -> Result<State, Error> {
        let Some(content) = self.versions.read_state()? else {
            return Ok(State::default());
        };
        State::from_json(&content).map_err(|source| Error::State {
            path: self.versions.state_path(),
            source,
        })
    }

    fn keep(&self, state: &State) -> Result<(), Error> {
        Ok(self.versions.write_state(&state.to_json())?)
    }

    fn in_force(&self) -> Result<Option<Pair>, Error> {
        let Some((number, path)) = self.versions.current()? else {
            return Ok(None);
        };
        // One without its files is one that cannot be read, and is replaced.
        let read = |part: Part| match read_regular(&path.join(part.file()), limits::MAX_FILE) {
            Err(store::Error::NotAFile { .. } | store::Error::TooLarge { .. }) => Ok(None),
            read => read,
        };
        let key = read(Part::Key)?.unwrap_or_else(|| Secret::new(Vec::new()));
        let fullchain = read(Part::Fullchain)?;
        Ok(Some(Pair {
            number,
            key,
            fullchain: fullchain.map_or_else(Vec::new, |content| content.expose().to_vec()),
        }))
    }

    fn get(&self, number: VersionNumber, part: Part) -> Result<Option<Secret>, Error> {
        let building = self.versions.building()?;
        match building.filter(|building| building.number() == number) {
            Some(building) => Ok(building.read(part.file())?),
            None => {
                let path = self.versions.version(number).join(part.file());
                Ok(read_regular(&path, limits::MAX_FILE)?)
            }
        }
    }

    fn put(&self, number: VersionNumber, part: Part, content: &[u8]) -> Result<(), Error> {
        let building = self.versions.begin(number)?;
        Ok(building.write(part.file(), content)?)
    }

    fn discard(&self, begun: Option<VersionNumber>) -> Result<(), Error> {
        while let Some(building) = self.versions.building()? {
            building.discard()?;
        }
        let in_force = self.versions.current()?.map(|(number, _)| number);
        if let Some(begun) = begun
            && in_force.is_none_or(|in_force| begun > in_force)
        {
            self.versions.withdraw(begun)?;
        }
        Ok(())
    }

    fn newest(&self) -> Result<Option<VersionNumber>, Error> {
        Ok(self.versions.all()?.pop())
    }

    fn switch(&self, number: VersionNumber) -> Result<(), Error> {
        let building = self.versions.building()?;
        if let Some(building) = building.filter(|building| building.number() == number) {
            building.publish()?;
        }
        Ok(self.versions.switch(number)?)
    }

    fn install(&self) -> Result<Option<String>, Error> {
        let mut notes = self.narrow()?;
        match &self.fixed {
            // Those of an earlier configuration may have been cut short.
            None => {
                recover_fixed(self.versions.path())?;
            }
            Some(fixed) => {
                let path = self.versions.path();
                let report = self.with_contents(|contents| Ok(fixed.install(path, contents)?))?;
                let exposed = report.and_then(|report| report.exposed);
                notes.extend(exposed.map(|path| {
                    let path = path.display();
                    format!("everybody can read the private key in {path}: chmod o= {path}")
                }));
            }
        }
        Ok(Some(notes.join("; ")).filter(|notes| !notes.is_empty()))
    }

    fn retire(&self) -> Result<(), Error> {
        self.versions.retire(self.keep)?;
        Ok(())
    }
}
