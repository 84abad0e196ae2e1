//! Numbers, times and the files that a list takes the place of.

use std::fs;

use chrono::{DateTime, TimeDelta, Utc};
use windlass::authority::{self, AuthorityName, Error, ListState, Selection};
use windlass::pki::{RevocationReason, SerialNumber};
use windlass::store::Inventory;

use super::{LIST, crl, number, occasion, publish, read_list, revoke, serial_of, status};
use crate::harness::Sandbox;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(Utc::now().timestamp(), 0).unwrap()
}

fn ca_with(name: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue(name, &[]);
    sandbox
}

#[test]
fn numbers_rise_within_a_second_and_when_the_clock_is_set_back() {
    let sandbox = ca_with("web-1");
    let start = now() + TimeDelta::seconds(10);
    let mut last = 0;
    // The same second, a little back, and forth again.
    for seconds in [0, 0, 0, -200, -200, 5, 100] {
        let made = publish(&sandbox, start + TimeDelta::seconds(seconds), false).unwrap();
        assert!(made.record.number > last, "{seconds}");
        last = made.record.number;
        let list = read_list(&sandbox, LIST);
        assert_eq!(i64::try_from(number(&list)).unwrap(), last);
        // The time does not go back with the clock either.
        assert!(list.head().this_update >= start);
        let life = list.head().next_update.unwrap() - list.head().this_update;
        assert_eq!(life, TimeDelta::days(10));
    }
    assert_eq!(last, start.timestamp() + 100);
    let far_back = publish(&sandbox, start - TimeDelta::days(1), false);
    assert!(
        matches!(far_back, Err(Error::ClockBehind { .. })),
        "{far_back:?}"
    );
    let far_ahead = publish(&sandbox, start + TimeDelta::days(800), false);
    assert!(
        matches!(far_ahead, Err(Error::ClockAhead { .. })),
        "{far_ahead:?}"
    );
    assert_eq!(
        i64::try_from(number(&read_list(&sandbox, LIST))).unwrap(),
        last
    );
}

/// The list that is made after the end still has it, the next one does not.
#[test]
fn an_entry_stays_until_one_list_after_the_end_of_its_certificate() {
    let sandbox = ca_with("web-1");
    assert_eq!(revoke(&sandbox, "web-1", "superseded", &[]).code, 0);
    let serial = SerialNumber::from_magnitude(&serial_of(&sandbox, "web-1")).unwrap();
    let end = now() + TimeDelta::days(30);
    for (days, listed) in [(-29, true), (-1, true), (1, true), (2, false), (3, false)] {
        publish(&sandbox, end + TimeDelta::days(days), false).unwrap();
        let list = read_list(&sandbox, LIST);
        assert_eq!(list.revokes(&serial), listed, "{days} days from its end");
    }
}

#[test]
fn a_list_is_due_at_half_its_life_and_expires_at_its_end() {
    let sandbox = ca_with("web-1");
    assert_eq!(revoke(&sandbox, "web-1", "superseded", &[]).code, 0);
    let start = now() + TimeDelta::seconds(5);
    publish(&sandbox, start, false).unwrap();
    let state = |at: DateTime<Utc>| {
        let ca = sandbox.path("ca");
        authority::assess(&ca, AuthorityName::ISSUING, at)
            .unwrap()
            .state
    };
    let (half, end) = (start + TimeDelta::days(5), start + TimeDelta::days(10));
    let second = TimeDelta::seconds(1);
    assert_eq!(state(start), ListState::Current);
    assert_eq!(state(half - second), ListState::Current);
    assert_eq!(state(half), ListState::Due);
    assert_eq!(state(end), ListState::Due);
    assert_eq!(state(end + second), ListState::Expired);
    let early = state(start - TimeDelta::days(1));
    assert!(matches!(early, ListState::Unusable { .. }), "{early:?}");
}

/// A CA that was restored from a backup does not know what the list says that
/// was made since.
#[test]
fn a_list_that_the_inventory_does_not_know_is_not_replaced() {
    let sandbox = ca_with("web-1");
    assert_eq!(crl(&sandbox, &[]).code, 0);
    let backup = fs::read(sandbox.path("ca/inventory.db")).unwrap();
    assert_eq!(revoke(&sandbox, "web-1", "keyCompromise", &[]).code, 0);
    assert_eq!(crl(&sandbox, &[]).code, 0);
    let newer = sandbox.read(LIST);
    for name in ["inventory.db", "inventory.db-wal", "inventory.db-shm"] {
        let _ = fs::remove_file(sandbox.path("ca").join(name));
    }
    sandbox.write("ca/inventory.db", backup);

    let refused = crl(&sandbox, &[]);
    assert_eq!(refused.code, 4, "{refused:#?}");
    assert!(
        refused
            .stderr
            .contains("but the newest that the inventory knows of is"),
        "{refused:#?}"
    );
    assert!(
        refused.stderr.contains("restored from an older backup"),
        "{refused:#?}"
    );
    assert_eq!(sandbox.read(LIST), newer);
    let (code, judged) = status(&sandbox);
    assert_eq!((code, judged["state"].as_str()), (1, Some("out-of-date")));
    assert_eq!(judged["released"], 1);
    // By force, and still not backwards.
    let before = number(&read_list(&sandbox, LIST));
    assert_eq!(crl(&sandbox, &["--force"]).code, 0);
    assert!(number(&read_list(&sandbox, LIST)) > before);
}

#[test]
fn other_files_are_replaced_by_force_only() {
    let sandbox = ca_with("web-1");
    let other = Sandbox::new();
    other.ca(&[]);
    assert_eq!(crl(&other, &[]).code, 0);
    let foreign = other.read(LIST);
    // The same name, another key: a CA that was made anew.
    for (content, words) in [
        (foreign.as_str(), "is a list of O=Example Corp"),
        (
            "some notes\n",
            "holds no usable certificate revocation list",
        ),
        ("", "holds no usable certificate revocation list"),
    ] {
        for file in [LIST, "copy.pem"] {
            fs::create_dir_all(sandbox.path("ca/crl")).unwrap();
            sandbox.write(file, content);
            let refused = crl(&sandbox, &["--out", "copy.pem"]);
            assert_eq!(refused.code, 4, "{file} {refused:#?}");
            assert!(refused.stderr.contains(words), "{file} {refused:#?}");
            assert!(refused.stderr.contains("--force"), "{file} {refused:#?}");
            assert_eq!(sandbox.read(file), content);
            fs::remove_file(sandbox.path(file)).unwrap();
        }
        sandbox.write(LIST, content);
        if content == foreign {
            let (code, judged) = status(&sandbox);
            assert_eq!((code, judged["state"].as_str()), (4, Some("unusable")));
        }
        let forced = crl(&sandbox, &["--force", "--out", "copy.pem"]);
        assert_eq!(forced.code, 0, "{forced:#?}");
        assert_eq!(read_list(&sandbox, LIST).entries(), 0);
        fs::remove_file(sandbox.path("copy.pem")).unwrap();
    }
    // Nothing but the forced lists cost a number.
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let mut lists = 0;
    inventory
        .read_log(1, |entry| {
            lists += u32::from(entry.action == "sign-crl");
            Ok::<bool, windlass::store::Error>(true)
        })
        .unwrap();
    assert_eq!(lists, 3);
}

/// Every change is in the log, with who and why, and the log holds together.
#[test]
fn the_log_has_every_change_and_nothing_that_changed_nothing() {
    let sandbox = ca_with("web-1");
    let because = ["--comment", "stolen laptop"];
    assert_eq!(
        revoke(&sandbox, "web-1", "certificateHold", &because).code,
        0
    );
    assert_eq!(revoke(&sandbox, "web-1", "certificateHold", &[]).code, 0);
    let release = ["ca", "release", "--dir", "ca", "--cn", "web-1"];
    sandbox.ok(&[&release[..], &["--comment", "found"]].concat());
    let idle = sandbox.ok(&release);
    assert!(
        idle.stdout.starts_with("not on hold: CN=web-1\n"),
        "{idle:#?}"
    );
    assert_eq!(revoke(&sandbox, "web-1", "keyCompromise", &[]).code, 0);
    assert_eq!(crl(&sandbox, &[]).code, 0);
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let mut entries = Vec::new();
    inventory
        .read_log(1, |entry| {
            entries.push((entry.action, entry.comment));
            Ok::<bool, windlass::store::Error>(true)
        })
        .unwrap();
    let words: Vec<(&str, Option<&str>)> = entries
        .iter()
        .map(|(action, comment)| (action.as_str(), comment.as_deref()))
        .skip_while(|(action, _)| matches!(*action, "init" | "issue"))
        .collect();
    assert_eq!(
        words,
        [
            ("revoke", Some("stolen laptop")),
            ("release", Some("found")),
            ("revoke", None),
            ("sign-crl", None),
        ]
    );
    assert_eq!(inventory.verify_log().unwrap().faults, []);
}

/// A crash may have come between the signature and the inventory.
#[test]
fn a_serial_number_that_is_only_reserved_can_be_revoked() {
    let sandbox = ca_with("web-1");
    let mut magnitude = serial_of(&sandbox, "web-1");
    {
        let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
        let record = inventory.get(&magnitude).unwrap().unwrap();
        magnitude[15] ^= 1;
        let writer = inventory.write().unwrap();
        writer
            .reserve(&windlass::store::Reservation {
                serial: &magnitude,
                kind: windlass::store::Kind::Leaf,
                issuer_key_id: &record.issuer_key_id,
                subject: "CN=lost",
                common_name: "lost",
                names: &[],
                key_fingerprint: "00",
                not_before: record.not_before,
                not_after: record.not_after,
                at: now(),
                profile: None,
                requester: None,
                request_id: None,
            })
            .unwrap();
        writer.commit().unwrap();
        let selection = Selection::Serial(SerialNumber::from_magnitude(&magnitude).unwrap());
        let reason = RevocationReason::Unspecified;
        let done = authority::revoke(&inventory, &selection, reason, None, &occasion(now()));
        assert!(done.unwrap()[0].changed);
        let late = now() + TimeDelta::hours(1);
        let since = authority::revoke(&inventory, &selection, reason, Some(late), &occasion(now()));
        assert!(matches!(since, Err(Error::InvalidSince { .. })));
    }
    assert_eq!(crl(&sandbox, &[]).code, 0);
    let list = read_list(&sandbox, LIST);
    assert_eq!(
        list.reason_of(&magnitude),
        Some(RevocationReason::Unspecified)
    );
}

/// By no means: what is not a list here is the CA itself.
#[test]
fn a_list_is_never_written_over_the_files_of_the_ca() {
    let sandbox = ca_with("web-1");
    let own = [
        "ca/issuing/key.pem",
        "ca/issuing/cert.pem",
        "ca/root/key.pem",
        "ca/trust-anchor.pem",
        "ca/inventory.db",
        "ca/ca.toml",
        "ca/crl/root.pem",
    ];
    for file in own {
        let before = fs::read(sandbox.path(file)).ok();
        let run = crl(&sandbox, &["--out", file, "--force"]);
        assert_eq!(run.code, 2, "{file}: {run:#?}");
        assert!(
            run.stderr.contains("is inside of the directory of the CA"),
            "{file}: {run:#?}"
        );
        assert_eq!(fs::read(sandbox.path(file)).ok(), before, "{file}");
    }
    assert_eq!(crl(&sandbox, &[]).code, 0);
    assert_eq!(crl(&sandbox, &["--out", LIST]).code, 0);
}
