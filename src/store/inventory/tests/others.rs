//! The inventory while others write into it.

use super::*;

/// What was settled cannot be stored any more, however slow its process was.
#[test]
fn a_late_process_cannot_store_what_was_settled() {
    let (_home, path, slow) = fresh();
    written(&slow, |writer| writer.reserve(&reservation(&[1, 2], &[]))).unwrap();
    let other = Inventory::open(&path).unwrap();
    written(&other, |writer| writer.abandon(&[1, 2], at(900))).unwrap();
    let late = written(&slow, |writer| writer.store(&[1, 2], b"der", "ab", at(901)));
    assert!(matches!(late, Err(Error::Settled { serial }) if serial == "0102"));
    assert_eq!(slow.get(&[1, 2]).unwrap().unwrap().state, State::Abandoned);
    // And the other way round.
    written(&slow, |writer| {
        writer.reserve(&reservation(&[3], &[]))?;
        writer.store(&[3], b"der", "ac", at(0))
    })
    .unwrap();
    let settled = written(&other, |writer| writer.abandon(&[3], at(900)));
    assert!(matches!(settled, Err(Error::Settled { .. })));
}

#[test]
fn a_lock_that_is_not_let_go_is_told_from_a_broken_database() {
    let (_home, path, inventory) = fresh();
    let other = Inventory::open(&path).unwrap();
    other.connection.busy_timeout(Duration::ZERO).unwrap();
    let _held = inventory.write().unwrap();
    let refused = other.write().map(drop);
    assert!(
        matches!(refused, Err(Error::InventoryBusy { .. })),
        "{refused:?}"
    );
}

#[test]
fn what_is_read_at_one_moment_does_not_change() {
    let (_home, path, inventory) = logged();
    let other = Inventory::open(&path).unwrap();
    let (before, after) = inventory
        .at_one_moment(|inventory| -> Result<_, Error> {
            let before = inventory.verify_log()?.entries;
            written(&other, |writer| writer.record(&entry(&[], "init", "{}")))?;
            Ok((before, inventory.verify_log()?.entries))
        })
        .unwrap();
    assert_eq!((before, after), (3, 3));
    assert_eq!(inventory.verify_log().unwrap().entries, 4);
}

#[test]
fn a_copy_is_the_inventory_of_one_moment() {
    let (home, _, inventory) = logged();
    let copy = home.path().join("copy.db");
    inventory.copy_to(&copy).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&copy.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let copied = Inventory::open(&copy).unwrap();
    copied.check_integrity().unwrap();
    assert_eq!(
        copied.verify_log().unwrap(),
        inventory.verify_log().unwrap()
    );
    assert!(inventory.copy_to(&copy).is_err(), "nothing is replaced");
}

/// An earlier certificate does not matter once there is a later one of its name.
#[test]
fn what_ends_unreplaced_is_told() {
    let (_home, _, inventory) = fresh();
    let issue = |serial: u8, name: &'static str, end: i64| {
        let number = [serial];
        let reservation = Reservation {
            common_name: name,
            not_after: at(end),
            ..reservation(&number, &[])
        };
        written(&inventory, |writer| {
            writer.reserve(&reservation)?;
            writer.store(&number, &number, &hex::encode(number), at(0))
        })
        .unwrap();
    };
    issue(1, "replaced", 100);
    issue(2, "replaced", 5000);
    issue(3, "forgotten", 200);
    issue(4, "later", 3000);
    issue(5, "over", -1);
    let ending = inventory.ending_unreplaced(at(0), at(1000)).unwrap();
    let names: Vec<&str> = ending.iter().map(|one| one.common_name.as_str()).collect();
    assert_eq!(names, ["forgotten"]);
    // Its life is 200 s, from at(0) on.
    assert!(ending[0].has_less_than(50, at(101)));
    assert!(!ending[0].has_less_than(50, at(100)));
    // A successor that was revoked is none.
    let revocation = Revocation {
        at: at(0),
        reason: 1,
        invalid_since: None,
    };
    written(&inventory, |writer| {
        writer.revoke(&[2], Some(&revocation), at(0))
    })
    .unwrap();
    let ending = inventory.ending_unreplaced(at(0), at(1000)).unwrap();
    assert_eq!(ending.len(), 2);
}

/// A CA that was made by the first version goes on: what it has is its first
/// generation.
#[test]
fn the_ca_of_the_first_version_is_a_generation() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("inventory.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../schema/0001.sql"))
        .unwrap();
    old.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA user_version = 1; \
         INSERT INTO certificate (serial, kind, issuer_key_id, subject, common_name, names, \
         key_fingerprint, not_before, not_after, reserved_at, issued_at, fingerprint, der) VALUES \
         (x'01', 'root', x'01', 'CN=r', 'r', '[]', 'aa', 1, 2, 1790000000, 1790000001, 'aa', x'3000'), \
         (x'02', 'issuing', x'01', 'CN=i', 'i', '[]', 'bb', 1, 2, 1790000000, 1790000002, 'bb', x'3000'), \
         (x'03', 'leaf', x'02', 'CN=l', 'l', '[]', 'cc', 1, 2, 1790000003, 1790000003, 'cc', x'3000')",
    )
    .unwrap();
    drop(old);
    let inventory = Inventory::open(&path).unwrap();
    let at = DateTime::from_timestamp(1_790_000_002, 0);
    let first = GenerationRow {
        number: 1,
        state: GenerationState::Active,
        root: "root".to_owned(),
        issuing: "issuing".to_owned(),
        root_serial: Some(vec![1]),
        issuing_serial: Some(vec![2]),
        prepared_at: at,
        activated_at: at,
        retired_at: None,
    };
    assert_eq!(inventory.generations().unwrap(), [first]);
    assert_eq!(inventory.verify_log().unwrap().faults, []);
    let leaves = inventory.live_leaves(&[2], DateTime::UNIX_EPOCH).unwrap();
    assert_eq!(leaves.count, 1);
}
