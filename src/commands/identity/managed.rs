//! A managed identity, which rotation changes under its readers: everything is
//! taken from one version, and from the one before it where the one in force
//! cannot be used.

mod absent;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::commands::{Context, Error, IdentityError};
use crate::key::{self, Loader, Signer};
use crate::limits;
use crate::pki::{Identity, Sourced};
use crate::store::{self, VersionNumber, Versions};

use self::absent::why_none;
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
        let (error, done): (Error, Option<T>) = loop {
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
        look.version = Some(version.clone());
        // Whoever asks for a session says it of one that is not valid.
        done.ok_or_else(|| self.of_no_use(&version, error))
    }

    /// Says which version it is that cannot be used.
    fn of_no_use(&self, version: &Version, error: Error) -> Error {
        if !is_of_version(&error) {
            return error;
        }
        IdentityError::Unusable {
            path: self.path().to_owned(),
            version: version.number,
            source: Box::new(error),
        }
        .into()
    }

    /// Checks that what was taken is valid at this time.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Unusable`].
    pub(super) fn check_validity(
        &self,
        identity: &Identity,
        version: Option<&Version>,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let checked = identity.check_validity(at);
        checked.map_err(|error| match version {
            Some(version) => self.of_no_use(version, error.into()),
            None => error.into(),
        })
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
            Ok(None) => Err(why_none(&self.versions)),
            Err(store::Error::Io { source, .. })
                if source.kind() == std::io::ErrorKind::NotADirectory =>
            {
                Err(why_none(&self.versions))
            }
            Err(error) => Err(error.into()),
        }
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
mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use std::time::Instant;

    use chrono::DateTime;

    use super::*;
    use crate::cli::IdentityArgs;
    use crate::clock::FixedClock;
    use crate::commands::identity::Said;
    use crate::commands::{Invocation, Printer, Style};
    use crate::environment::Environment;
    use crate::store::{CERTIFICATE, CHAIN, FULLCHAIN, KEY, write_new};

    /// An identity whose files say which version they are of.
    struct Site {
        _home: tempfile::TempDir,
        versions: Versions,
        arguments: IdentityArgs,
        context: Context,
    }

    impl Site {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
            let path = home.path().join("web");
            let versions = Versions::create(&path, None).unwrap();
            let site = Self {
                _home: home,
                versions,
                arguments: IdentityArgs {
                    identity: Some(path),
                    ..IdentityArgs::default()
                },
                context: Context {
                    clock: Arc::new(FixedClock(DateTime::UNIX_EPOCH)),
                    invocation: Invocation::new([]),
                    started: Instant::now(),
                    environment: Environment::default(),
                    printer: Printer::new(Style::default()),
                    skew: Arc::default(),
                },
            };
            site.rotate();
            site
        }

        fn rotate(&self) {
            let current = self.versions.current().unwrap();
            let number = current.map_or(VersionNumber::FIRST, |(number, _)| number.next());
            let building = self.versions.begin(number).unwrap();
            for name in [KEY, CERTIFICATE, CHAIN, FULLCHAIN] {
                building.write(name, number.to_string().as_bytes()).unwrap();
            }
            building.publish().unwrap();
            self.versions.switch(number).unwrap();
            self.versions.retire(2).unwrap();
        }

        fn plan(&self) -> Plan<'_> {
            Plan::new(Said::identity(&self.arguments), &self.context).unwrap()
        }
    }

    /// Reads both files; the version's name, in which they agree. `between` is called
    /// when one was read.
    fn read(
        attempt: &Attempt<'_>,
        loader: &mut Loader<'_>,
        between: impl Fn(),
    ) -> Result<Option<[u8; 32]>, Error> {
        let certificate = loader.digest(&attempt.places.place)?;
        between();
        let key = loader.digest(attempt.key_source())?;
        assert_eq!(certificate, key, "two versions were mixed");
        Ok(key)
    }

    fn digest_of(version: &str) -> Option<[u8; 32]> {
        use sha2::Digest;
        Some(sha2::Sha256::digest(version).into())
    }

    #[test]
    fn a_version_that_is_retired_while_it_is_read_is_left_for_the_one_in_force() {
        let site = Site::new();
        let plan = site.plan();
        let attempts = Cell::new(0);
        let found = plan.retrying(|attempt, loader| {
            attempts.set(attempts.get() + 1);
            read(attempt, loader, || {
                // Two rotations go by, and then two more.
                if attempts.get() < 3 {
                    site.rotate();
                    site.rotate();
                }
            })
        });
        assert_eq!(found.unwrap(), digest_of("v0005"));
        assert_eq!(attempts.get(), 3);
    }

    /// Key and certificate of a session are those by which the cache knows it.
    #[test]
    fn what_was_looked_at_is_what_is_used() {
        let site = Site::new();
        let plan = site.plan();
        let mut look = Look::new(plan.loader());
        let mut take =
            || plan.retrying_with(&mut look, |attempt, loader| read(attempt, loader, || ()));
        assert_eq!(take().unwrap(), digest_of("v0001"));
        site.rotate();
        assert_eq!(take().unwrap(), digest_of("v0001"));
        look.start_anew();
        let mut take =
            || plan.retrying_with(&mut look, |attempt, loader| read(attempt, loader, || ()));
        assert_eq!(take().unwrap(), digest_of("v0002"));
    }

    /// As while a backup is being put back.
    #[test]
    fn a_file_that_comes_in_a_moment_is_waited_for() {
        let site = Site::new();
        site.rotate();
        let plan = site.plan();
        let key = site.versions.current().unwrap().unwrap().1.join(KEY);
        fs::remove_file(&key).unwrap();
        let attempts = Cell::new(0);
        let found = plan.retrying(|attempt, loader| {
            attempts.set(attempts.get() + 1);
            if attempts.get() == 3 {
                write_new(&key, b"v0002").unwrap();
            }
            read(attempt, loader, || ())
        });
        assert_eq!(found.unwrap(), digest_of("v0002"));
        // When it does not come, the version before it does.
        fs::remove_file(&key).unwrap();
        let found = plan.retrying(|attempt, loader| read(attempt, loader, || ()));
        assert_eq!(found.unwrap(), digest_of("v0001"));
    }
}
