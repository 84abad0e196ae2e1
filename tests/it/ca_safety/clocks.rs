//! The CA under clocks that are wrong, and at the turn of 2049, where X.509 writes
//! its dates otherwise (RFC 5280 section 4.1.2.5).

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use ring::rand::SystemRandom;
use windlass::authority::{
    self, Authority, Bootstrap, Delivery, Error, IssueRequest, LogWitness, Occasion, OwnKey,
    RequestedKey,
};
use windlass::environment::Environment;
use windlass::key::{Cost, KeyType};
use windlass::secret::Secret;
use windlass::store::{Inventory, Staging};

use crate::ca_state::unlock;

const PASSPHRASE: &str = "correct horse battery staple";

fn occasion(at: DateTime<Utc>, accept_clock: bool) -> Occasion<'static> {
    Occasion {
        actor: "alice@ca",
        comment: None,
        at,
        accept_clock,
    }
}

#[test]
fn wrong_clocks_are_refused_and_2050_is_a_year_like_others() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("ca");
    let start: DateTime<Utc> = "2049-12-20T12:00:00Z".parse().unwrap();
    authority::create(
        Staging::begin(&directory).unwrap(),
        &Bootstrap {
            name: &"Example Corp".parse().unwrap(),
            root_key: &OwnKey::New(KeyType::P256),
            issuing_key: &OwnKey::New(KeyType::P256),
            root_years: 10,
            issuing_years: 3,
            passphrase: Some(&Secret::new(PASSPHRASE.as_bytes().to_vec())),
            cost: Cost::Normal,
            occasion: &occasion(start, false),
        },
        &SystemRandom::new(),
    )
    .unwrap();
    let environment = Environment::default();
    let authority = Authority::open(&directory, &unlock(PASSPHRASE, &environment)).unwrap();
    let request = IssueRequest {
        common_name: "web".parse().unwrap(),
        organization: None,
        organizational_units: Vec::new(),
        names: Vec::new(),
        key: RequestedKey::New(KeyType::P256),
        days: Some(7),
        profile: None,
        request_id: None,
    };
    let mut count = 0;
    let mut issue = |at: DateTime<Utc>, accept: bool| {
        count += 1;
        let delivery = Delivery::directory(&home.path().join(format!("web-{count}"))).unwrap();
        authority.issue(
            &request,
            delivery,
            &occasion(at, accept),
            &SystemRandom::new(),
        )
    };
    for day in 0..14 {
        let at = start + TimeDelta::days(day);
        let issued = issue(at, false).unwrap();
        assert_eq!(issued.certificate.not_after(), at + TimeDelta::days(7));
        // UTCTime through 2049, GeneralizedTime from 2050 on.
        let der = issued.certificate.der();
        let ends_later = (at + TimeDelta::days(7)).year() >= 2050;
        let generalized = der.windows(6).any(|octets| octets == b"\x18\x0f2050");
        assert_eq!(generalized, ends_later, "{at}");
    }
    let last = start + TimeDelta::days(13);
    // A few minutes are forgiven, and change nothing.
    assert!(issue(last - TimeDelta::minutes(4), false).is_ok());
    let behind = issue(last - TimeDelta::hours(1), false);
    assert!(
        matches!(behind, Err(Error::ClockBehind { .. })),
        "{behind:?}"
    );
    let ahead = issue(last + TimeDelta::days(400), false);
    assert!(matches!(ahead, Err(Error::ClockAhead { .. })), "{ahead:?}");
    // Somebody looked at the clock: the time counts from then on, also back.
    assert!(issue(last + TimeDelta::days(400), true).is_ok());
    assert!(issue(last + TimeDelta::days(401), false).is_ok());
    let back = issue(last + TimeDelta::days(1), false);
    assert!(matches!(back, Err(Error::ClockBehind { .. })), "{back:?}");
    assert!(issue(last + TimeDelta::days(1), true).is_ok());
    assert!(issue(last + TimeDelta::days(1), false).is_ok());
    drop(authority);
    let inventory = Inventory::open(&directory.join("inventory.db")).unwrap();
    let report = authority::verify_log(&directory, &inventory, LogWitness::default()).unwrap();
    assert_eq!(report.faults, []);
    // A day apart each, and one for what the accepted clocks did.
    assert!(report.checkpoints >= 14, "{}", report.checkpoints);
    let mut accepted = 0;
    inventory
        .read_log(1, |entry| -> Result<bool, windlass::store::Error> {
            accepted += usize::from(entry.action == "accept-clock");
            Ok(true)
        })
        .unwrap();
    assert_eq!(accepted, 2);
    // Backups and restores of such a CA.
    let at = occasion(last + TimeDelta::days(2), false);
    let archive = home.path().join("backup.tar");
    let made = authority::backup(&directory, &archive, &at).unwrap();
    assert!(made.unrecorded.is_none());
    let restored = |at: &Occasion<'_>| {
        authority::restore(&authority::RestorePlan {
            archive: &archive,
            directory: &home.path().join("again"),
            lists: &[],
            also: &[],
            accept_older: false,
            occasion: at,
        })
    };
    let behind = restored(&occasion(start, false));
    assert!(
        matches!(behind, Err(Error::ClockBehind { .. })),
        "{behind:?}"
    );
    assert!(restored(&at).is_ok());
}
