//! A managed identity, which rotation changes under its readers: everything is
//! taken from one version, and from the one before it where the one in force
//! cannot be used.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::commands::{Context, Error, IdentityError};
use crate::key::{self, Loader, Signer};
use crate::limits;
use crate::pki::{Identity, Sourced};
use crate::store::{self, CERTIFICATE, FULLCHAIN, KEY, VersionNumber, Versions};

use super::attempt::{Attempt, Places};
use super::{Exportable, Loaded, Plan, is_transient};

/// How often the version in force is looked up again, because it has changed,
/// before a failure is told: each time somebody has rotated meanwhile.
const MAX_LOOKS: usize = 100;

/// What was read so far.
pub(super) struct Look<'a> {
    pub(super) loader: Loader<'a>,
    /// The version of a managed identity that it was read from.
    pub(super) version: Option<Version>,
}

impl<'a> Look<'a> {
    pub(super) const fn new(loader: Loader<'a>) -> Self {
        Self {
            loader,
            version: None,
        }
    }

    /// Forgets everything that can be read again.
    pub(super) fn start_anew(&mut self) {
        self.loader.start_anew();
        self.version = None;
    }
}

/// What an attempt gives, with which it can be told whether a version is of use.
pub(super) trait Holds {
    /// The identity in it, where key and certificate were put together.
    fn identity(&self) -> Option<&Identity> {
        None
    }
}

impl Holds for Identity {
    fn identity(&self) -> Option<&Identity> {
        Some(self)
    }
}

impl Holds for Exportable {
    fn identity(&self) -> Option<&Identity> {
        Some(&self.identity)
    }
}

impl Holds for Loaded {
    fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Identity(identity) => Some(identity),
            Self::Certificate(..) | Self::Key(_) => None,
        }
    }
}

impl Holds for Box<dyn Signer> {}
impl Holds for Vec<Sourced> {}
/// The digest of a certificate's file.
impl Holds for Option<[u8; 32]> {}

/// A version of a managed identity.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Version {
    number: VersionNumber,
    path: PathBuf,
}

impl From<(VersionNumber, PathBuf)> for Version {
    fn from((number, path): (VersionNumber, PathBuf)) -> Self {
        Self { number, path }
    }
}

/// How an attempt with a version went.
enum Tried<T> {
    /// It can be used.
    Good(T),
    /// It is whole, but its certificate is not valid now.
    OutOfDate(T, Error),
    /// It cannot be used.
    Failed(Error),
}

/// The directory of a managed identity.
pub(super) struct Managed {
    versions: Versions,
}

impl Managed {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            versions: Versions::for_readers(path),
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.versions.path()
    }

    /// Runs an attempt with the version that was looked at before, or else with the
    /// one in force; with the new one when it changes meanwhile. Files that do not
    /// fit together get a moment, as they do under other names: somebody may be
    /// restoring a backup. Then the version before it is taken, if that is valid.
    ///
    /// # Errors
    ///
    /// [`IdentityError`] where there is no version; what is wrong with the one in
    /// force.
    pub(super) fn take<'a, T: Holds>(
        &self,
        plan: &Plan<'a>,
        look: &mut Look<'a>,
        attempt: &dyn Fn(&Attempt<'_>, &mut Loader<'a>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let now = plan.context.clock.now();
        let run = |version: &Version, loader: &mut Loader<'a>| {
            let places = &Places::of_version(&version.path);
            tried(attempt(&Attempt { plan, places }, loader), now)
        };
        let mut version = match look.version.take() {
            Some(version) => version,
            None => self.current()?,
        };
        let mut looks = 0..MAX_LOOKS;
        let mut pauses = limits::RELOAD_PAUSES.into_iter();
        let (error, done) = loop {
            let (error, done) = match run(&version, &mut look.loader) {
                Tried::Good(done) => {
                    look.version = Some(version);
                    return Ok(done);
                }
                Tried::OutOfDate(done, error) => (error, Some(done)),
                Tried::Failed(error) => (error, None),
            };
            look.loader.start_anew();
            let current = self.current()?;
            if current != version && looks.next().is_some() {
                version = current;
            } else if may_pass(&error)
                && let Some(pause) = pauses.next()
            {
                std::thread::sleep(pause);
                version = self.current()?;
            } else {
                break (error, done);
            }
        };
        if is_of_version(&error)
            && let Ok(Some(before)) = self.versions.previous()
        {
            let before = Version::from(before);
            if let Tried::Good(done) = run(&before, &mut look.loader) {
                self.tell(plan.context, (&version, &error), (&before, &done));
                look.version = Some(before);
                return Ok(done);
            }
            look.loader.start_anew();
        }
        // Whoever asks for a session says it of one that is not valid.
        done.ok_or(error)
    }

    /// Says that the version in force is of no use, once for each.
    fn tell<T: Holds>(
        &self,
        context: &Context,
        (version, error): (&Version, &Error),
        (before, held): (&Version, &T),
    ) {
        let causes: Vec<String> = std::iter::once(error.to_string())
            .chain(error.causes())
            .collect();
        let until = held.identity().map(|identity| {
            let until = rfc3339(identity.leaf().not_after());
            format!(", which is valid until {until}")
        });
        context.printer.warning_once(&format!(
            "version {} of {} cannot be used ({}); the one before it is, {}{}; 'windlass rotate --force' makes a new one",
            version.number,
            self.path().display(),
            causes.join(": "),
            before.number,
            until.unwrap_or_default(),
        ));
    }

    /// The version in force.
    fn current(&self) -> Result<Version, Error> {
        match self.versions.current() {
            Ok(Some(version)) => Ok(version.into()),
            Ok(None) => Err(self.why_none()),
            Err(store::Error::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotADirectory =>
            {
                Err(self.why_none())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Why no version is in force.
    fn why_none(&self) -> Error {
        let path = self.path();
        let owned = path.to_owned();
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(source) => {
                return IdentityError::Unread {
                    path: owned,
                    source,
                }
                .into();
            }
        };
        if !metadata.is_dir() {
            return IdentityError::NoDirectory { path: owned }.into();
        }
        if let Some(identity) = identity_of(path) {
            return IdentityError::Version {
                path: owned,
                identity,
            }
            .into();
        }
        let published = self.versions.all().unwrap_or_default();
        if let Some(newest) = published.last() {
            return IdentityError::NoCurrent {
                path: owned,
                newest: *newest,
            }
            .into();
        }
        let is_begun = matches!(self.versions.building(), Ok(Some(_)));
        let has_state = self
            .versions
            .read_state()
            .is_ok_and(|state| state.is_some());
        let is_empty = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
        if is_begun || has_state || is_empty {
            return IdentityError::NoVersion { path: owned }.into();
        }
        IdentityError::Foreign {
            files: files_of_others(path),
            identities: identities_below(path),
            path: owned,
        }
        .into()
    }
}

/// Whether there is an identity with a version in force.
///
/// # Errors
///
/// [`IdentityError`], [`store::Error`].
pub(in crate::commands) fn check_managed(path: &Path) -> Result<(), Error> {
    Managed::new(path).current().map(drop)
}

/// The identity whose version this is, also when `current` was named.
fn identity_of(path: &Path) -> Option<PathBuf> {
    let real = std::fs::canonicalize(path).ok()?;
    let name = real.file_name()?.to_str()?;
    name.parse::<VersionNumber>().ok()?;
    real.parent().map(Path::to_owned)
}

/// Certificate and key as other programs name them, where both are there.
fn files_of_others(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let find = |names: &[&str]| {
        let paths = names.iter().map(|name| path.join(name));
        paths.into_iter().find(|path| path.is_file())
    };
    let certificate = find(&[FULLCHAIN, CERTIFICATE, "tls.crt"])?;
    Some((certificate, find(&[KEY, "privkey.pem", "tls.key"])?))
}

/// The managed identities in a directory of such, sorted.
fn identities_below(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_managed = |path: &PathBuf| {
        let found = Versions::for_readers(path).current();
        found.is_ok_and(|version| version.is_some())
    };
    let mut found: Vec<PathBuf> = paths.filter(is_managed).collect();
    found.sort_unstable();
    found
}

fn tried<T: Holds>(outcome: Result<T, Error>, now: DateTime<Utc>) -> Tried<T> {
    let done = match outcome {
        Ok(done) => done,
        Err(error) => return Tried::Failed(error),
    };
    let validity = done.identity().map(|identity| identity.check_validity(now));
    match validity {
        Some(Err(error)) => Tried::OutOfDate(done, error.into()),
        Some(Ok(())) | None => Tried::Good(done),
    }
}

/// Whether the next moment may bring a better answer.
fn may_pass(error: &Error) -> bool {
    is_transient(error)
        || matches!(
            error,
            Error::Key(key::Error::Read { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound
        )
}

/// Whether it lies in the files of a version, so that another one may do. Wrong
/// passwords are not tried again with a TPM, which counts them.
fn is_of_version(error: &Error) -> bool {
    matches!(
        error,
        Error::Pki(_)
            | Error::Key(
                key::Error::BadPassphrase { .. }
                    | key::Error::Damaged { .. }
                    | key::Error::DamagedFile { .. }
                    | key::Error::Encrypted { .. }
                    | key::Error::EncryptionUnsupported { .. }
                    | key::Error::KdfTooExpensive { .. }
                    | key::Error::NotAKey { .. }
                    | key::Error::Read { .. }
                    | key::Error::SeveralKeys { .. }
                    | key::Error::TooLarge { .. }
                    | key::Error::TooOpen { .. }
                    | key::Error::Unsupported { .. }
            )
    )
}

#[cfg(test)]
mod tests;
