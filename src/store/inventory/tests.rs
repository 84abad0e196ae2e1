use super::*;

mod others;
mod pointers;

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn reservation<'a>(serial: &'a [u8], names: &'a [String]) -> Reservation<'a> {
    Reservation {
        serial,
        kind: Kind::Leaf,
        issuer_key_id: &[1; 20],
        subject: "CN=web-1",
        common_name: "web-1",
        names,
        key_fingerprint: "00",
        not_before: at(0),
        not_after: at(86_400),
        at: at(0),
        profile: None,
        requester: None,
        request_id: None,
    }
}

fn entry<'a>(serial: &'a [u8], action: &'a str, detail: &'a str) -> AuditEntry<'a> {
    AuditEntry {
        at: at(0),
        actor: "alice",
        action,
        serial: Some(serial),
        detail,
        comment: None,
    }
}

/// Does something in one transaction.
fn written<T>(inventory: &Inventory, act: impl FnOnce(&mut Writer<'_>) -> T) -> T {
    let mut writer = inventory.write().unwrap();
    let done = act(&mut writer);
    writer.commit().unwrap();
    done
}

fn fresh() -> (tempfile::TempDir, PathBuf, Inventory) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("inventory.db");
    let inventory = Inventory::create(&path).unwrap();
    (home, path, inventory)
}

#[test]
fn no_statement_is_compiled_anew_for_another_value() {
    let (_home, _, inventory) = fresh();
    let sql = "SELECT id FROM certificate WHERE id = \
               (SELECT max(id) FROM certificate WHERE request_id = ?1)";
    let statement = || inventory.connection.prepare_cached(sql).unwrap();
    for value in ["one", "two", "three"] {
        assert!(!statement().exists([value]).unwrap());
    }
    let compiled = rusqlite::StatementStatus::RePrepare;
    assert_eq!(statement().get_status(compiled), 0);
}

#[test]
fn a_serial_number_is_reserved_once_and_stored_once() {
    let (_home, path, inventory) = fresh();
    written(&inventory, |writer| {
        writer.reserve(&reservation(&[1, 2], &[]))
    })
    .unwrap();
    let again = Inventory::open(&path).unwrap();
    let taken = again.write().unwrap().reserve(&reservation(&[1, 2], &[]));
    assert!(matches!(taken, Err(Error::SerialTaken { .. })));
    assert_eq!(again.get(&[1, 2]).unwrap().unwrap().state, State::Reserved);
    assert_eq!(again.unsettled().unwrap().len(), 1);
    written(&inventory, |writer| {
        writer.store(&[1, 2], b"der", "ab", at(0))
    })
    .unwrap();
    let writer = inventory.write().unwrap();
    assert!(writer.store(&[1, 2], b"other", "cd", at(0)).is_err());
    assert!(writer.store(&[9], b"der", "ef", at(0)).is_err());
    assert!(writer.abandon(&[1, 2], at(0)).is_err());
    drop(writer);
    assert_eq!(again.get(&[1, 2]).unwrap().unwrap().der.unwrap(), b"der");
    assert_eq!(again.unsettled().unwrap().len(), 0);
    let found = again.by_fingerprint("ab").unwrap().unwrap();
    assert_eq!(found.serial, [1, 2]);
}

#[test]
fn what_is_not_committed_has_not_happened() {
    let (_home, _, inventory) = fresh();
    let mut writer = inventory.write().unwrap();
    writer.reserve(&reservation(&[1], &[])).unwrap();
    writer.record(&entry(&[1], "reserve", "{}")).unwrap();
    drop(writer);
    assert!(inventory.get(&[1]).unwrap().is_none());
    assert_eq!(inventory.time_mark().unwrap(), None);
    assert_eq!(inventory.verify_log().unwrap().entries, 0);
}

#[test]
fn a_request_is_taken_once_under_its_name() {
    let (_home, _, inventory) = fresh();
    let named = |serial: &'static [u8]| Reservation {
        request_id: Some("job-7"),
        ..reservation(serial, &[])
    };
    written(&inventory, |writer| writer.reserve(&named(&[1]))).unwrap();
    let again = inventory.write().unwrap().reserve(&named(&[2]));
    assert!(matches!(again, Err(Error::RequestTaken { request_id }) if request_id == "job-7"));
    let found = inventory.newest_of_request("job-7").unwrap().unwrap();
    assert_eq!(found.serial, [1]);
}

#[test]
fn names_are_found_however_they_stand_in_the_certificate() {
    let (_home, _, inventory) = fresh();
    let names = ["DNS:web-1.example.com", "URI:spiffe://a/b", "IP:10.0.0.7"].map(str::to_owned);
    written(&inventory, |writer| {
        writer.reserve(&reservation(&[1], &names))
    })
    .unwrap();
    let mut statement = inventory
        .connection
        .prepare("SELECT kind || '=' || value FROM name ORDER BY kind")
        .unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0));
    let found: Vec<String> = rows.unwrap().map(Result::unwrap).collect();
    assert_eq!(
        found,
        [
            "cn=web-1",
            "dns=web-1.example.com",
            "ip=10.0.0.7",
            "uri=spiffe://a/b"
        ]
    );
    let newest = inventory.newest_named("web-1").unwrap().unwrap();
    assert_eq!(newest.names, names);
}

#[test]
fn a_revocation_is_kept_and_a_compromised_key_remembered() {
    let (_home, _, inventory) = fresh();
    let revocation = Revocation {
        at: at(5),
        reason: 1,
        invalid_since: Some(at(1)),
    };
    written(&inventory, |writer| {
        writer.reserve(&reservation(&[1], &[]))?;
        writer.store(&[1], b"der", "ab", at(0))?;
        writer.revoke(&[1], Some(&revocation), at(5))
    })
    .unwrap();
    let record = inventory.get(&[1]).unwrap().unwrap();
    assert_eq!(record.revocation, Some(revocation));
    assert_eq!(record.state, State::Issued);
    assert!(inventory.is_compromised("00").unwrap());
    assert!(!inventory.is_compromised("01").unwrap());
    written(&inventory, |writer| writer.revoke(&[1], None, at(6))).unwrap();
    assert_eq!(inventory.get(&[1]).unwrap().unwrap().revocation, None);
    let unknown = inventory.write().unwrap().revoke(&[7], None, at(6));
    assert!(unknown.is_err());
}

#[test]
fn the_time_mark_goes_forward_only_unless_it_is_set() {
    let (_home, _, inventory) = fresh();
    written(&inventory, |writer| {
        writer.record(&entry(&[], "test", "{}"))?;
        writer.record(&AuditEntry {
            at: at(100),
            ..entry(&[], "test", "{}")
        })?;
        writer.record(&AuditEntry {
            at: at(50),
            ..entry(&[], "test", "{}")
        })
    })
    .unwrap();
    assert_eq!(inventory.time_mark().unwrap(), Some(at(100)));
    written(&inventory, |writer| writer.set_time_mark(at(10))).unwrap();
    assert_eq!(inventory.time_mark().unwrap(), Some(at(10)));
}

/// Three certificates with their entries.
fn logged() -> (tempfile::TempDir, PathBuf, Inventory) {
    let (home, path, inventory) = fresh();
    for serial in 1..=3_u8 {
        written(&inventory, |writer| {
            let detail = format!("{{\"fingerprintSha256\":\"0{serial}\"}}");
            let number = [serial];
            writer.reserve(&reservation(&number, &[]))?;
            writer.store(&number, &[serial], &format!("0{serial}"), at(0))?;
            writer.record(&entry(&number, "issue", &detail))
        })
        .unwrap();
    }
    (home, path, inventory)
}

/// What the check of the log says after somebody with the database in hand did
/// this to it.
fn faults_after(sql: &str) -> Vec<AuditFault> {
    let (_home, _, inventory) = logged();
    assert_eq!(inventory.verify_log().unwrap().faults, []);
    inventory
        .connection
        .execute_batch(&format!(
            "DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_cut; {sql}"
        ))
        .unwrap();
    inventory.verify_log().unwrap().faults
}

#[test]
fn the_log_tells_what_was_changed_cut_or_reordered() {
    let changed = |sequence| AuditFault::Changed { sequence };
    let unlogged = |serial: u8| AuditFault::Unlogged {
        serial: vec![serial],
    };
    for column in ["at = at + 1", "actor = 'mallory'", "comment = ''"] {
        let sql = format!("UPDATE audit SET {column} WHERE sequence = 2");
        assert_eq!(faults_after(&sql), [changed(2)], "{column}");
    }
    assert_eq!(
        faults_after("UPDATE audit SET action = 'revoke' WHERE sequence = 2"),
        [
            changed(2),
            unlogged(2),
            AuditFault::Revocation { serial: vec![2] },
            AuditFault::Pointer { sequence: 2 }
        ]
    );
    assert_eq!(
        faults_after("DELETE FROM audit WHERE sequence = 2"),
        [
            AuditFault::Gap {
                expected: 2,
                found: 3
            },
            unlogged(2)
        ]
    );
    // The end is in nobody's hash, but the certificate is there.
    assert_eq!(
        faults_after("DELETE FROM audit WHERE sequence = 3"),
        [unlogged(3)]
    );
    // Two entries change their places.
    let faults = faults_after(
        "UPDATE audit SET sequence = 9 WHERE sequence = 2; \
         UPDATE audit SET sequence = 2 WHERE sequence = 3; \
         UPDATE audit SET sequence = 3 WHERE sequence = 9",
    );
    let pointer = |sequence| AuditFault::Pointer { sequence };
    assert_eq!(faults, [changed(2), changed(3), pointer(2), pointer(3)]);
    // What the log speaks of is not there, or is not what it says.
    assert_eq!(
        faults_after(
            "PRAGMA foreign_keys = OFF; DELETE FROM name WHERE certificate = 2; \
             UPDATE audit SET certificate = NULL WHERE certificate = 2; \
             DELETE FROM certificate WHERE serial = x'02'"
        ),
        [AuditFault::Missing {
            sequence: 2,
            serial: vec![2]
        }]
    );
    assert_eq!(
        faults_after("UPDATE certificate SET revoked_at = 1, revocation = 1 WHERE serial = x'02'"),
        [AuditFault::Revocation { serial: vec![2] }]
    );
    assert_eq!(
        faults_after("INSERT INTO crl VALUES (x'01', 7, 1, 2, 0, 0, 'aa')"),
        [AuditFault::UnloggedList { number: 7 }]
    );
    // Another certificate under a number that was logged.
    assert_eq!(
        faults_after("UPDATE certificate SET fingerprint = x'ff' WHERE serial = x'02'"),
        [unlogged(2)]
    );
}

#[test]
fn the_log_tells_what_became_of_a_revocation_and_a_list() {
    let (_home, _, inventory) = logged();
    let revocation = Revocation {
        at: at(0),
        reason: 1,
        invalid_since: None,
    };
    let list = CrlRecord {
        issuer_key_id: vec![1],
        number: 7,
        this_update: at(0),
        next_update: at(1),
        entries: 1,
        size: 1,
        fingerprint: "aa".to_owned(),
    };
    written(&inventory, |writer| {
        writer.revoke(&[2], Some(&revocation), at(0))?;
        writer.record(&entry(&[2], AuditEntry::REVOKE, "{}"))?;
        writer.add_crl(&list)?;
        let detail = "{\"fingerprintSha256\":\"aa\"}";
        writer.record(&entry(&[], AuditEntry::SIGN_LIST, detail))
    })
    .unwrap();
    assert_eq!(inventory.verify_log().unwrap().faults, []);
    let tampered = "UPDATE certificate SET revoked_at = NULL, revocation = NULL; DELETE FROM crl";
    inventory.connection.execute_batch(tampered).unwrap();
    assert_eq!(
        inventory.verify_log().unwrap().faults,
        [
            AuditFault::Revocation { serial: vec![2] },
            AuditFault::MissingList { sequence: 5 }
        ]
    );
}

#[test]
fn the_log_can_neither_be_changed_nor_cut_by_accident() {
    let (_home, _, inventory) = logged();
    for sql in [
        "UPDATE audit SET actor = 'x' WHERE sequence = 1",
        "DELETE FROM audit WHERE sequence = 3",
    ] {
        let refused = inventory.connection.execute_batch(sql).unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}

#[test]
fn a_damaged_end_of_the_log_is_noticed_when_it_is_opened() {
    let (_home, path, inventory) = logged();
    inventory
        .connection
        .execute_batch(
            "DROP TRIGGER audit_is_not_changed; UPDATE audit SET actor = 'x' WHERE sequence = 3; \
             CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit\n\
             BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;",
        )
        .unwrap();
    assert!(matches!(
        Inventory::open(&path),
        Err(Error::InventoryDamaged { reason, .. }) if reason.contains("entry 3")
    ));
}

/// Overwrites octets of the closed database.
fn overwrite(path: &Path, position: u64, octets: &[u8]) {
    use std::os::unix::fs::FileExt;
    #[expect(clippy::disallowed_types, reason = "a test damages what it has made")]
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(octets, position).unwrap();
}

#[test]
fn a_damaged_page_is_noticed_when_it_is_opened() {
    let (home, path, inventory) = logged();
    let sql = "PRAGMA wal_checkpoint(TRUNCATE)";
    inventory.connection.execute_batch(sql).unwrap();
    drop(inventory);
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(Inventory::open(&path).is_ok());
    for page in 0..size / 4096 {
        let copy = home.path().join(format!("{page}.db"));
        std::fs::copy(&path, &copy).unwrap();
        overwrite(&copy, page * 4096, &[0xaa; 16]);
        let opened = Inventory::open(&copy);
        assert!(opened.is_err(), "page {page}: {opened:?}");
    }
}

#[test]
fn a_newer_schema_is_refused() {
    let (_home, path, inventory) = fresh();
    inventory
        .connection
        .pragma_update(None, "user_version", 99)
        .unwrap();
    drop(inventory);
    assert!(matches!(
        Inventory::open(&path),
        Err(Error::InventoryVersion { found: 99, .. })
    ));
}

#[test]
fn an_inventory_of_the_first_version_is_brought_up_to_date() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("inventory.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../schema/0001.sql"))
        .unwrap();
    old.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA user_version = 1; \
         INSERT INTO certificate (serial, kind, issuer_key_id, subject, common_name, names, \
         key_fingerprint, not_before, not_after, reserved_at, issued_at, fingerprint, der) VALUES \
         (x'0102', 'leaf', x'01', 'CN=a', 'a', '[\"DNS:a.example.com\",\"DNS:a.example.com\"]', \
         'ff', 1, 2, 1790000000, 1790000000, 'ab', x'3000'), \
         (x'03', 'leaf', x'01', 'CN=a', 'a', '[]', 'ff', 1, 2, 1790000001, NULL, NULL, NULL)",
    )
    .unwrap();
    drop(old);
    let inventory = Inventory::open(&path).unwrap();
    let mut rows = Vec::new();
    let collect = |row| -> Result<(), Error> {
        rows.push(row);
        Ok(())
    };
    inventory.find(&Query::default(), collect).unwrap();
    let serials: Vec<&[u8]> = rows.iter().map(|row| row.serial.as_slice()).collect();
    assert_eq!(serials, [&[3][..], &[1, 2]]);
    assert_eq!(rows[0].state, State::Reserved);
    assert_eq!(rows[1].der.as_deref(), Some(&[0x30, 0][..]));
    assert_eq!(inventory.newest_named("a").unwrap().unwrap().serial, [1, 2]);
    assert_eq!(inventory.time_mark().unwrap(), Some(at(1)));
    let names: i64 = inventory
        .connection
        .query_row("SELECT count(*) FROM name", [], |row| row.get(0))
        .unwrap();
    assert_eq!(names, 3);
    // What was issued before there was a log has its entry too.
    let summary = inventory.verify_log().unwrap();
    assert_eq!((summary.entries, summary.faults), (1, vec![]));
    assert_eq!(inventory.log_of(&[1, 2]).unwrap()[0].at, at(0));
}

/// A million rows of certificates are not looked at for a list of the revoked.
#[test]
fn what_is_revoked_is_read_from_an_index_alone() {
    let (_home, _, inventory) = fresh();
    let plan: String = inventory
        .connection
        .query_row(
            &format!("EXPLAIN QUERY PLAN {}", crl::REVOKED),
            rusqlite::params![[1_u8; 20], 0],
            |row| row.get(3),
        )
        .unwrap();
    assert!(
        plan.contains("COVERING INDEX certificate_revoked (issuer_key_id=? AND not_after>?)"),
        "{plan}"
    );
}
