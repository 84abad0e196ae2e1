//! Somebody can write the inventory and has no key of the CA: what `ca audit
//! verify` says of everything that they can change in it.

use std::fs;

use rusqlite::Connection;
use sha2::{Digest, Sha256};

use super::{SECRET, json, serial_of, tamper, verify, with_web};
use crate::ca_state::copy;
use crate::harness::{Run, Sandbox};

/// A CA with certificates of many names, one revoked, one held and one released,
/// a policy and a list.
fn busy() -> Sandbox {
    let sandbox = with_web();
    sandbox.write("ca/ca.toml", "[profiles.web]\nmax_days = 30\n");
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "db", "--out", "db"];
    let more = [
        "--profile",
        "web",
        "--san",
        "DNS:db.example.com",
        "--san",
        "IP:2001:db8::1",
        "--san",
        "URI:spiffe://example.com/db",
        "--san",
        "email:db@example.com",
    ];
    sandbox.ok(&[&issue[..], &more, &SECRET].concat());
    for name in ["bad", "held", "free"] {
        let out = format!("{name}-out");
        let issue = ["ca", "issue", "--dir", "ca", "--cn", name, "--out", &out];
        sandbox.ok(&[&issue[..], &["--profile", "web"], &SECRET].concat());
    }
    let revoke = |name: &str, reason: &str, more: &[&str]| {
        let arguments = [
            "ca", "revoke", "--dir", "ca", "--cn", name, "--reason", reason,
        ];
        sandbox.ok(&[&arguments[..], more].concat());
    };
    let since = ["--invalid-since", "2026-01-01T00:00:00Z"];
    revoke("bad", "keyCompromise", &since);
    revoke("held", "certificateHold", &[]);
    revoke("free", "certificateHold", &[]);
    sandbox.ok(&["ca", "release", "--dir", "ca", "--cn", "free"]);
    sandbox.ok(&[&["ca", "crl", "--dir", "ca"][..], &SECRET].concat());
    sandbox
}

#[test]
fn every_column_that_says_something_is_held_against_certificate_and_log() {
    let sandbox = busy();
    let intact = verify(&sandbox, "ca", &[]);
    assert_eq!(intact.code, 0, "{intact:#?}");
    let of = |name: &str, set: &str| -> String {
        format!("UPDATE certificate SET {set} WHERE common_name = '{name}'")
    };
    let serial = |name: &str| serial_of(&sandbox, name);
    let cases: Vec<(String, String)> = [
        (
            "bad",
            "revoked_at = NULL, revocation = NULL, invalid_since = NULL",
            "whether",
        ),
        ("bad", "revocation = 6", "revocation of"),
        ("bad", "revoked_at = revoked_at + 60", "revoked_at of"),
        ("bad", "invalid_since = NULL", "invalid_since of"),
        ("held", "revoked_at = NULL, revocation = NULL", "whether"),
        ("free", "revoked_at = 1, revocation = 6", "whether"),
        ("db", "issuer_key_id = x'0102'", "issuer_key_id of"),
        ("db", "not_after = not_after - 86400", "not_after of"),
        ("db", "not_before = not_before + 1", "not_before of"),
        ("db", "key_fingerprint = 'aa'", "key_fingerprint of"),
        ("db", "subject = 'CN=admin'", "subject of"),
        ("db", "names = '[]'", "names of"),
        ("db", "requester = 'mallory@host'", "requester of"),
        ("db", "profile = 'other'", "profile of"),
        ("db", "profile = NULL", "profile of"),
        ("db", "request_id = 'r-2'", "request_id of"),
        ("db", "issued_at = issued_at - 9", "issued_at of"),
        ("db", "kind = 'issuing'", "kind of"),
        (
            "db",
            "der = (SELECT der FROM certificate WHERE common_name = 'web')",
            "der of",
        ),
    ]
    .into_iter()
    .map(|(name, set, says)| {
        let says = match says {
            "whether" => format!("whether {} is revoked is not", serial(name)),
            _ => format!("{says} the certificate {} is not what", serial(name)),
        };
        (of(name, set), says)
    })
    .chain([
        (
            // The log's own column is in no hash: without it the revocation is
            // found all the same.
            "UPDATE audit SET certificate = NULL WHERE action = 'revoke'; UPDATE certificate \
             SET revoked_at = NULL, revocation = NULL, invalid_since = NULL"
                .to_owned(),
            format!("whether {} is revoked is not", serial("bad")),
        ),
        (
            "UPDATE certificate SET request_id = 'web-1' WHERE kind = 'issuing'".to_owned(),
            "request_id of the certificate".to_owned(),
        ),
        (
            "UPDATE certificate SET profile = 'web' WHERE kind = 'root'".to_owned(),
            "profile of the certificate".to_owned(),
        ),
        (
            "UPDATE certificate SET requester = 'mallory' WHERE kind = 'root'".to_owned(),
            "requester of the certificate".to_owned(),
        ),
        (
            "UPDATE audit SET certificate = NULL WHERE action = 'revoke'".to_owned(),
            "does not lead to the certificate".to_owned(),
        ),
        (
            format!(
                "{}; UPDATE name SET value = 'x' WHERE value = 'db' AND kind = 'cn'",
                of("db", "common_name = 'x'")
            ),
            format!(
                "common_name of the certificate {} is not what",
                serial("db")
            ),
        ),
        (
            "DELETE FROM name WHERE value = 'db.example.com'".to_owned(),
            format!("name of the certificate {} is not what", serial("db")),
        ),
        (
            "INSERT INTO name VALUES ('www.example.com', 'dns', 3)".to_owned(),
            "the name 'www.example.com' leads to the certificate of row 3".to_owned(),
        ),
        (
            "UPDATE crl SET number = number + 100".to_owned(),
            "number of the revocation list".to_owned(),
        ),
        (
            "UPDATE crl SET next_update = next_update + 100".to_owned(),
            "next_update of the revocation list".to_owned(),
        ),
        (
            "UPDATE crl SET issuer_key_id = x'01'".to_owned(),
            "issuer_key_id of the revocation list".to_owned(),
        ),
        (
            "UPDATE policy SET digest = ''".to_owned(),
            "the digest of the policy is not".to_owned(),
        ),
        (
            "UPDATE authority SET prepared_at = prepared_at + 1".to_owned(),
            "prepared_at of generation 1 is not what the log says".to_owned(),
        ),
        (
            "UPDATE authority SET activated_at = activated_at - 60".to_owned(),
            "activated_at of generation 1 is not what the log says".to_owned(),
        ),
        (
            // The next reservations would not be looked at.
            "UPDATE unsettled_from SET certificate = certificate + 1000".to_owned(),
            "of unsettled reservations leaves some out".to_owned(),
        ),
        (
            "DELETE FROM unsettled_from".to_owned(),
            "of unsettled reservations leaves some out".to_owned(),
        ),
        (
            "INSERT INTO certificate (serial, kind, issuer_key_id, subject, common_name, names, \
             key_fingerprint, not_before, not_after, reserved_at) SELECT x'11', kind, \
             issuer_key_id, subject, 'lost', '[]', key_fingerprint, not_before, not_after, \
             reserved_at FROM certificate WHERE common_name = 'web'; \
             UPDATE unsettled_from SET certificate = (SELECT max(id) + 1 FROM certificate)"
                .to_owned(),
            "of unsettled reservations leaves some out".to_owned(),
        ),
        (
            "UPDATE time_mark SET at = 1".to_owned(),
            "the time of the last change is before".to_owned(),
        ),
        (
            "DELETE FROM checkpoint".to_owned(),
            "should have signed the log then: there is no checkpoint".to_owned(),
        ),
    ])
    .collect();
    for (number, (sql, says)) in cases.iter().enumerate() {
        let name = format!("forged-{number}");
        copy(&sandbox.path("ca"), &sandbox.path(&name));
        tamper(&sandbox.path(&name).join("inventory.db"), sql);
        let run = verify(&sandbox, &name, &["--json"]);
        assert_eq!(run.code, 4, "{sql}: {run:#?}");
        let faults = json(&run)["faults"].to_string();
        assert!(faults.contains(says), "{sql}: {says}: {run:#?}");
    }
}

/// The hash of an entry, as anybody can compute it.
fn chained(before: &[u8], sequence: i64, at: i64, fields: [Option<&[u8]>; 5]) -> Vec<u8> {
    let mut digest = Sha256::new();
    digest.update(b"windlass audit log 1");
    digest.update(before);
    digest.update(sequence.to_be_bytes());
    digest.update(at.to_be_bytes());
    for field in fields {
        digest.update([u8::from(field.is_some())]);
        let octets = field.unwrap_or_default();
        digest.update(u64::try_from(octets.len()).unwrap().to_be_bytes());
        digest.update(octets);
    }
    digest.finalize().to_vec()
}

type Entry = (i64, i64, String, Option<Vec<u8>>, String, Option<String>);

/// Makes up the whole log anew, with another actor, so that it holds together.
fn rewrite_log(connection: &Connection) {
    let rows: Vec<Entry> = connection
        .prepare(
            "SELECT sequence, at, action, serial, detail, comment FROM audit ORDER BY sequence",
        )
        .unwrap()
        .query_map([], |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
            ))
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut hash = vec![0; 32];
    for (sequence, at, action, serial, detail, comment) in rows {
        let fields = [
            Some(&b"bob@ca"[..]),
            Some(action.as_bytes()),
            serial.as_deref(),
            Some(detail.as_bytes()),
            comment.as_deref().map(str::as_bytes),
        ];
        hash = chained(&hash, sequence, at, fields);
        connection
            .execute(
                "UPDATE audit SET actor = 'bob@ca', hash = ?2 WHERE sequence = ?1",
                rusqlite::params![sequence, hash],
            )
            .unwrap();
    }
}

fn with_rewritten_log(sandbox: &Sandbox, name: &str, more: &str) -> Run {
    copy(&sandbox.path("ca"), &sandbox.path(name));
    let database = sandbox.path(name).join("inventory.db");
    // The triggers come back at the end.
    let triggers: Vec<String> = {
        let connection = Connection::open(&database).unwrap();
        let mut statement = connection
            .prepare("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
            .unwrap();
        let found = statement.query_map([], |row| row.get(0)).unwrap();
        found.collect::<Result<_, _>>().unwrap()
    };
    let connection = Connection::open(&database).unwrap();
    connection
        .execute_batch("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_cut;")
        .unwrap();
    rewrite_log(&connection);
    connection.execute_batch(more).unwrap();
    connection.execute_batch(&triggers.join(";")).unwrap();
    drop(connection);
    verify(sandbox, name, &[])
}

/// A log that was made up as a whole holds together. What tells it is the
/// signature of a key that leads to the root on disk, and nothing of the database.
#[test]
fn a_log_made_up_as_a_whole_lacks_the_signature_of_the_ca() {
    let sandbox = busy();
    let kept = with_rewritten_log(&sandbox, "kept", "");
    assert_eq!(kept.code, 4, "{kept:#?}");
    assert!(kept.stdout.contains("over another log"), "{kept:#?}");
    let dropped = with_rewritten_log(&sandbox, "dropped", "DELETE FROM checkpoint");
    assert_eq!(dropped.code, 4, "{dropped:#?}");
    assert!(
        dropped.stdout.contains("there is no checkpoint"),
        "{dropped:#?}"
    );
    // Signed by the key of an authority that only the database knows.
    let init = ["ca", "init", "--dir", "rogue", "--name", "Rogue"];
    sandbox.ok(&[&init[..], &SECRET].concat());
    let issue = ["ca", "issue", "--dir", "rogue", "--cn", "x", "--out", "x"];
    sandbox.ok(&[&issue[..], &SECRET].concat());
    let rogue = sandbox.path("rogue/inventory.db").display().to_string();
    let signed = with_rewritten_log(
        &sandbox,
        "signed",
        &format!(
            "ATTACH '{rogue}' AS rogue; DELETE FROM checkpoint; \
             INSERT INTO checkpoint SELECT * FROM rogue.checkpoint; \
             UPDATE certificate SET (der, fingerprint) = (SELECT der, fingerprint FROM \
             rogue.certificate WHERE kind = 'issuing') WHERE kind = 'issuing'; DETACH rogue"
        ),
    );
    assert_eq!(signed.code, 4, "{signed:#?}");
    assert!(
        signed.stdout.contains("is signed by no key of this CA"),
        "{signed:#?}"
    );
}

/// The whole inventory of another CA, and the whole directory of another CA.
#[test]
fn the_root_says_whose_log_it_is() {
    let sandbox = with_web();
    let init = ["ca", "init", "--dir", "other", "--name", "Example"];
    sandbox.ok(&[&init[..], &SECRET].concat());
    let root = |directory: &str| {
        let run = verify(&sandbox, directory, &["--json"]);
        json(&run)["rootFingerprintSha256"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (own, other) = (root("ca"), root("other"));
    assert_ne!(own, other);
    let expected =
        |directory: &str, root: &str| verify(&sandbox, directory, &["--root-fingerprint", root]);
    assert_eq!(expected("ca", &own.to_uppercase()).code, 0);
    let wrong = expected("other", &own);
    assert_eq!(wrong.code, 4, "{wrong:#?}");
    assert!(wrong.stdout.contains(&other), "{wrong:#?}");
    copy(&sandbox.path("ca"), &sandbox.path("swapped"));
    for name in ["trust-anchor.pem", "root/cert.pem", "issuing/cert.pem"] {
        let from = sandbox.path("other").join(name);
        fs::copy(from, sandbox.path("swapped").join(name)).unwrap();
    }
    let swapped = verify(&sandbox, "swapped", &[]);
    assert_eq!(swapped.code, 4, "{swapped:#?}");
    assert!(
        swapped
            .stdout
            .contains("does not know the CA's own certificates"),
        "{swapped:#?}"
    );
}

/// A revocation list is made from an index: one that lacks an entry would make a
/// list without it.
#[test]
fn an_index_that_lacks_a_revocation_is_found() {
    let sandbox = busy();
    let connection = Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let definition: String = connection
        .query_row(
            "SELECT sql FROM sqlite_master WHERE name = 'certificate_revoked'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    // The index of another condition, under the definition of the right one.
    let other = definition.replace("revoked_at IS NOT NULL", "revoked_at IS NULL");
    assert_ne!(definition, other);
    connection
        .execute_batch(&format!(
            "DROP INDEX certificate_revoked; {other}; PRAGMA writable_schema = ON;"
        ))
        .unwrap();
    connection
        .execute(
            "UPDATE sqlite_master SET sql = ?1 WHERE name = 'certificate_revoked'",
            [&definition],
        )
        .unwrap();
    drop(connection);
    let run = verify(&sandbox, "ca", &[]);
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(
        run.stdout.contains("certificate_revoked") || run.stderr.contains("certificate_revoked"),
        "{run:#?}"
    );
}

/// A trigger under the name of ours that undoes every revocation, and other things
/// that SQLite would run for whoever opens the file.
#[test]
fn what_the_database_brings_along_is_not_run() {
    let sandbox = with_web();
    for (number, (sql, names)) in [
        (
            "DROP TRIGGER audit_is_not_changed; \
             CREATE TRIGGER audit_is_not_changed AFTER INSERT ON audit WHEN new.action = 'revoke' \
             BEGIN UPDATE certificate SET revoked_at = NULL, revocation = NULL; END",
            "trigger 'audit_is_not_changed'",
        ),
        (
            "DROP TRIGGER audit_is_not_cut",
            "trigger 'audit_is_not_cut'",
        ),
        ("CREATE TABLE extra (a)", "table 'extra'"),
        ("CREATE VIEW v AS SELECT 1", "view 'v'"),
        (
            "DROP INDEX certificate_compromised; \
             CREATE INDEX certificate_compromised ON certificate (key_fingerprint) \
             WHERE revocation = 2",
            "index 'certificate_compromised'",
        ),
        ("ALTER TABLE policy ADD COLUMN more TEXT", "table 'policy'"),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("schema-{number}");
        copy(&sandbox.path("ca"), &sandbox.path(&name));
        let database = sandbox.path(&name).join("inventory.db");
        Connection::open(&database)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        let before = fs::read(&database).unwrap();
        for verb in [
            &["ca", "revoke", "--cn", "web", "--reason", "superseded"][..],
            &["ca", "audit", "verify"],
            &["ca", "list"],
        ] {
            let run = sandbox.run(&[verb, &["--dir", &name]].concat());
            assert_ne!(run.code, 0, "{sql}: {run:#?}");
            assert!(run.stderr.contains(names), "{sql}: {run:#?}");
        }
        assert!(before == fs::read(&database).unwrap(), "{sql}");
        let check = sandbox.run(&["ca", "check", "--dir", &name]);
        assert_eq!(check.code, 2, "{check:#?}");
    }
    // Counts that somebody has made for the planner are no reason to stop.
    Connection::open(sandbox.path("ca/inventory.db"))
        .unwrap()
        .execute_batch("ANALYZE")
        .unwrap();
    assert_eq!(verify(&sandbox, "ca", &[]).code, 0);
}

/// Numbers at the ends of what can be counted are told, and end no process.
#[test]
fn times_and_numbers_that_cannot_be_are_no_end_of_the_program() {
    let sandbox = with_web();
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "db", "--out", "db"];
    // The last second that chrono has, and a number beyond.
    for (time, code, says) in [
        ("8210266876799", 4, "--accept-clock"),
        ("9210266876799000", 1, "is damaged"),
    ] {
        let sql = format!("UPDATE time_mark SET at = {time}");
        tamper(&sandbox.path("ca/inventory.db"), &sql);
        let run = sandbox.run(&[&issue[..], &SECRET].concat());
        assert_eq!(run.code, code, "{run:#?}");
        assert!(run.stderr.contains(says), "{run:#?}");
    }
    let found = verify(&sandbox, "ca", &[]);
    assert_eq!(found.code, 4, "{found:#?}");
    assert!(found.stdout.contains("the time of the last change"));
    let check = sandbox.run(&["ca", "check", "--dir", "ca"]).stdout;
    assert!(check.contains("\nCRITICAL clock: "), "{check}");
    assert!(check.contains("\nOK leaves: "), "{check}");
    let sql = "UPDATE time_mark SET at = unixepoch(); \
               UPDATE checkpoint SET sequence = -9223372036854775808; \
               UPDATE certificate SET not_after = 8210266876799 WHERE kind = 'leaf'";
    tamper(&sandbox.path("ca/inventory.db"), sql);
    sandbox.ok(&[&issue[..], &SECRET].concat());
    for step in ["prepare", "activate"] {
        let rollover = ["ca", "rollover", step, "--dir", "ca"];
        sandbox.ok(&[&rollover[..], &SECRET].concat());
    }
    let status = sandbox.ok(&["ca", "rollover", "status", "--dir", "ca"]);
    assert!(status.stdout.contains("rollover retire"), "{status:#?}");
}
