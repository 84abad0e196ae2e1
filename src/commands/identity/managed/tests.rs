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
use crate::store::CHAIN;

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
    let mut take = || plan.retrying_with(&mut look, |attempt, loader| read(attempt, loader, || ()));
    assert_eq!(take().unwrap(), digest_of("v0001"));
    site.rotate();
    assert_eq!(take().unwrap(), digest_of("v0001"));
    look.start_anew();
    let mut take = || plan.retrying_with(&mut look, |attempt, loader| read(attempt, loader, || ()));
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
            fs::write(&key, "v0002").unwrap();
        }
        read(attempt, loader, || ())
    });
    assert_eq!(found.unwrap(), digest_of("v0002"));
    // When it does not come, the version before it does.
    fs::remove_file(&key).unwrap();
    let found = plan.retrying(|attempt, loader| read(attempt, loader, || ()));
    assert_eq!(found.unwrap(), digest_of("v0001"));
}
