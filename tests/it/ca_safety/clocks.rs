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

/// Whoever can write the inventory can write any number where a time is.
#[test]
fn no_number_where_a_time_is_ends_the_program() {
    let sandbox = crate::harness::Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &[]);
    sandbox.ok(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "web",
        "--reason",
        "superseded",
    ]);
    let columns = [
        ("certificate", "not_after"),
        ("certificate", "not_before"),
        ("certificate", "reserved_at"),
        ("certificate", "revoked_at"),
        ("certificate", "delivered_at"),
        ("time_mark", "at"),
        ("authority", "activated_at"),
    ];
    // The last is a time of chrono's, and no day can be added to it.
    let numbers = [i64::MIN, 253_402_300_800, 8_210_266_876_799];
    for (number, (table, column)) in numbers
        .iter()
        .flat_map(|number| columns.map(|column| (number, column)))
    {
        let name = format!("{table}-{column}-{number}");
        crate::ca_state::copy(&sandbox.path("ca"), &sandbox.path(&name));
        let database = sandbox.path(&name).join("inventory.db");
        super::tamper(
            &database,
            &format!("UPDATE {table} SET {column} = {number} WHERE {column} IS NOT NULL"),
        );
        for verb in [
            &["list"][..],
            &["check", "--deep"],
            &["rollover", "status"],
            &["audit", "verify"],
            &["issue", "--cn", "db", "--dry-run"],
            &["rollover", "retire"],
        ] {
            let run = sandbox.run(&[&["ca"][..], verb, &["--dir", &name]].concat());
            assert!(![101, -1].contains(&run.code), "{name}, {verb:?}: {run:#?}");
            assert!(
                !run.stderr.contains("panicked"),
                "{name}, {verb:?}: {run:#?}"
            );
        }
    }
}

/// A key that nobody is given would be lost with the certificate that was issued
/// for it.
#[test]
fn a_new_key_is_delivered_or_nothing_is_issued() {
    let sandbox = crate::harness::Sandbox::new();
    sandbox.ca(&[]);
    let environment = Environment::default();
    let authority =
        Authority::open(&sandbox.path("ca"), &unlock(PASSPHRASE, &environment)).unwrap();
    let request = IssueRequest {
        common_name: "web".parse().unwrap(),
        organization: None,
        organizational_units: Vec::new(),
        names: Vec::new(),
        key: RequestedKey::New(KeyType::P256),
        days: None,
        profile: None,
        request_id: None,
    };
    let now = std::time::SystemTime::now().into();
    for delivery in [
        Delivery::file(&sandbox.path("web.pem")).unwrap(),
        Delivery::Handed,
    ] {
        let refused = authority.issue(
            &request,
            delivery,
            &occasion(now, false),
            &SystemRandom::new(),
        );
        assert!(matches!(refused, Err(Error::NoPlaceForKey)), "{refused:?}");
    }
    assert!(!sandbox.path("web.pem").exists());
    let listed = sandbox.ok(&["ca", "list", "--dir", "ca", "--kind", "leaf", "--json"]);
    assert_eq!(listed.stdout, "[]\n");
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
