//! The inventory as people look at it: what is found, in which form, and by
//! whom.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use windlass::store::{Inventory, Kind, Query, Reservation};

use crate::harness::{Run, Sandbox, program};
use crate::users::is_root;

/// A user without rights of its own in the sandbox.
const READER: &str = "4711";

fn list(sandbox: &Sandbox, options: &[&str]) -> Run {
    sandbox.ok(&[&["ca", "list", "--dir", "ca"][..], options].concat())
}

/// The common names that a list has, in its order.
fn names(sandbox: &Sandbox, options: &[&str]) -> Vec<String> {
    let run = list(sandbox, &[options, &["--json"]].concat());
    let rows: Vec<Value> = serde_json::from_str(&run.stdout).unwrap();
    let name = |row: &Value| row["commonName"].as_str().unwrap().to_owned();
    rows.iter().map(name).collect()
}

fn first(sandbox: &Sandbox, name: &str) -> Value {
    let shown = sandbox.ok(&["ca", "show", "--dir", "ca", name, "--json"]);
    serde_json::from_str(&shown.stdout).unwrap()
}

/// Three leaves of which one is revoked and one on hold, and a reservation.
fn fleet() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &["--san", "Web-1.example.com", "--days", "7"]);
    sandbox.issue("web-2", &["--san", "IP:10.0.0.7", "--days", "90"]);
    sandbox.issue("db-1", &["--san", "URI:spiffe://example.com/db"]);
    for (name, reason) in [("web-2", "superseded"), ("db-1", "certificateHold")] {
        sandbox.ok(&[
            "ca", "revoke", "--dir", "ca", "--cn", name, "--reason", reason,
        ]);
    }
    reserve(&sandbox.path("ca/inventory.db"), &[0x2a, 0x01], "late-1");
    sandbox
}

fn reserve(inventory: &Path, serial: &[u8], name: &str) {
    let at = now();
    let inventory = Inventory::open(inventory).unwrap();
    let writer = inventory.write().unwrap();
    writer
        .reserve(&Reservation {
            serial,
            kind: Kind::Leaf,
            issuer_key_id: &[1; 20],
            subject: &format!("CN={name}"),
            common_name: name,
            names: &[],
            key_fingerprint: &"0".repeat(64),
            not_before: at,
            not_after: at + TimeDelta::days(30),
            at,
            profile: None,
            requester: Some("carol@ca-1"),
            request_id: (name == "late-1").then_some("request 7"),
        })
        .unwrap();
    writer.commit().unwrap();
}

fn now() -> DateTime<Utc> {
    std::time::SystemTime::now().into()
}

#[test]
fn each_option_finds_what_it_says() {
    let sandbox = fleet();
    let web_1 = first(&sandbox, "web-1");
    let text = |key: &str| web_1[key].as_str().unwrap().to_owned();
    let (serial, fingerprint) = (text("serialNumber"), text("fingerprintSha256"));
    let requester = text("requester");
    let short: String = fingerprint.chars().take(9).collect();
    let colons = format!("{}:{}", &serial[..2], &serial[2..7]).to_uppercase();
    let none: &[&str] = &[];
    let all = &["late-1", "db-1", "web-2", "web-1"];
    let cases: &[(&[&str], &[&str])] = &[
        (&["--host", "web-1"], &["web-1"]),
        (&["--host", "WEB-1.EXAMPLE.COM"], &["web-1"]),
        (&["--host", "web-*"], &["web-2", "web-1"]),
        (&["--host", "*.example.com"], &["web-1"]),
        (&["--host", "10.0.0.7"], none),
        (&["--host", "web"], none),
        (&["--cn", "db-*"], &["db-1"]),
        (&["--cn", "web-1.example.com"], none),
        (&["--san", "10.0.0.7"], &["web-2"]),
        (&["--san", "IP:10.0.0.7"], &["web-2"]),
        (&["--san", "DNS:10.0.0.7"], none),
        (&["--san", "spiffe://example.com/*"], &["db-1"]),
        (&["--san", "uri:spiffe://*"], &["db-1"]),
        (&["--san", "web-1"], none),
        (&["--serial", &serial], &["web-1"]),
        (&["--serial", &colons], &["web-1"]),
        (&["--serial", "2a01"], &["late-1"]),
        (&["--serial", "2a01ff"], none),
        (&["--fingerprint", &fingerprint], &["web-1"]),
        (&["--fingerprint", &short], &["web-1"]),
        (&["--request-id", "request 7"], &["late-1"]),
        (&["--requester", "carol@ca-1"], &["late-1"]),
        (
            &["--requester", &requester, "--kind", "leaf"],
            &["db-1", "web-2", "web-1"],
        ),
        (&["--profile", "none"], none),
        (&["--status", "valid", "--kind", "leaf"], &["web-1"]),
        (&["--status", "expired"], none),
        (&["--status", "revoked"], &["web-2"]),
        (&["--status", "held"], &["db-1"]),
        (&["--status", "held,revoked"], &["db-1", "web-2"]),
        (&["--status", "reserved"], &["late-1"]),
        (&["--status", "undelivered,abandoned"], none),
        // What is revoked does not come due; what is on hold may.
        (&["--expiring", "365d"], &["web-1", "db-1"]),
        (&["--expiring", "8d"], &["web-1"]),
        (&["--expiring", "1h"], none),
        (
            &["--kind", "leaf", "--issued-since", "1d"],
            &["db-1", "web-2", "web-1"],
        ),
        (&["--issued-before", "1d"], none),
        (&["--issued-before", "2026-01-01T00:00:00Z"], none),
        (&["--kind", "leaf"], all),
        (&["--kind", "leaf", "--limit", "2"], &["late-1", "db-1"]),
        (
            &["--kind", "leaf", "--sort", "name"],
            &["db-1", "late-1", "web-1", "web-2"],
        ),
        (
            &["--kind", "leaf", "--sort", "end", "--host", "web-*"],
            &["web-1", "web-2"],
        ),
    ];
    for (options, expected) in cases {
        assert_eq!(names(&sandbox, options), *expected, "{options:?}");
    }
    assert_eq!(names(&sandbox, &[]).len(), 6);
}

#[test]
fn what_has_ended_is_expired_until_it_is_revoked() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &["--days", "1"]);
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let later = now() + TimeDelta::days(2);
    let find = |status| {
        let mut found = Vec::new();
        let query = Query {
            status: vec![status],
            kind: Some(Kind::Leaf),
            now: later,
            ..Query::default()
        };
        let collect = |row: windlass::store::Record| -> Result<(), windlass::store::Error> {
            found.push(row.common_name);
            Ok(())
        };
        inventory.find(&query, collect).unwrap();
        found
    };
    use windlass::store::Status;
    assert_eq!(find(Status::Expired), ["web"]);
    assert!(find(Status::Valid).is_empty());
    assert!(find(Status::Undelivered).is_empty());
}

/// The forms hold the same rows, and a table does not change its columns after
/// the first thousand.
#[test]
fn every_form_has_every_row() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let path = sandbox.path("ca/inventory.db");
    let inventory = Inventory::open(&path).unwrap();
    let writer = inventory.write().unwrap();
    let at = now();
    for number in 0..2100_u32 {
        let name = format!("host-{number}, \"quoted\"");
        let serial = [&[0x2a][..], &number.to_be_bytes(), &[7; 11]].concat();
        writer
            .reserve(&Reservation {
                serial: &serial,
                kind: Kind::Leaf,
                issuer_key_id: &[1; 20],
                subject: &name,
                common_name: &name,
                names: &["DNS:a.example.com".to_owned(), "IP:10.0.0.7".to_owned()],
                key_fingerprint: "00",
                not_before: at,
                not_after: at,
                at,
                profile: None,
                requester: None,
                request_id: None,
            })
            .unwrap();
    }
    writer.commit().unwrap();
    let json: Vec<Value> = serde_json::from_str(&list(&sandbox, &["--json"]).stdout).unwrap();
    let serials: Vec<&str> = json
        .iter()
        .map(|row| row["serialNumber"].as_str().unwrap())
        .collect();
    assert_eq!(serials.len(), 2102);
    let lines = list(&sandbox, &["--format", "jsonl"]).stdout;
    let parsed: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(parsed, json);
    let csv = list(&sandbox, &["--format", "csv"]).stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(reader.headers().unwrap().get(0), Some("serial"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.iter().map(|row| &row[0]).collect::<Vec<_>>(), serials);
    assert_eq!(&rows[0][3], "host-2099, \"quoted\"");
    assert_eq!(&rows[0][5], "DNS:a.example.com;IP:10.0.0.7");
    let table = list(&sandbox, &[]).stdout;
    let leaves: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("host-"))
        .collect();
    assert_eq!(leaves.len(), 2100);
    let columns: BTreeSet<usize> = leaves
        .iter()
        .map(|line| line.find("host-").unwrap())
        .collect();
    assert_eq!(columns.len(), 1, "{columns:?}");
    assert_eq!(list(&sandbox, &["--host", "none", "--json"]).stdout, "[]\n");
    assert_eq!(
        list(&sandbox, &["--host", "none", "--format", "jsonl"]).stdout,
        ""
    );
}

#[test]
fn show_tells_who_when_and_why() {
    let sandbox = fleet();
    let web_2 = first(&sandbox, "web-2");
    let by = |which: &str| sandbox.ok(&["ca", "show", "--dir", "ca", which]).stdout;
    let by_name = by("web-2");
    let text = |key: &str| web_2[key].as_str().unwrap().to_owned();
    assert_eq!(by(&text("serialNumber")), by_name);
    assert_eq!(by(&text("fingerprintSha256").to_uppercase()), by_name);
    assert!(by("request 7").contains("CN=late-1"));
    let actions: Vec<&str> = web_2["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["issue", "revoke"]);
    assert_eq!(web_2["issuedBy"], web_2["requester"]);
    assert_eq!(web_2["state"], "revoked");
    assert!(by_name.contains(" revoke by "), "{by_name}");
    // A second of one name: the newest is shown, the other is named.
    let old = text("serialNumber");
    sandbox.ok(&[
        "ca",
        "issue",
        "--dir",
        "ca",
        "--cn",
        "web-2",
        "--out",
        "again",
        "--passphrase-file",
        "passphrase",
    ]);
    let newest = first(&sandbox, "web-2");
    assert_ne!(newest["serialNumber"], old);
    assert_eq!(newest["otherSerialNumbers"][0], old);
    let shown = by("web-2");
    assert!(
        shown.contains(&format!("same name      {old} (revoked, until ")),
        "{shown}"
    );
}

/// Whoever may read and not write looks at the inventory, whether it is open
/// elsewhere or not, and leaves nothing behind.
#[test]
fn a_reader_who_may_not_write_sees_all_and_writes_nothing() {
    if !is_root(a_reader_who_may_not_write_sees_all_and_writes_nothing) {
        return;
    }
    let sandbox = fleet();
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(sandbox.path(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode("ca", 0o755);
    mode("ca/inventory.db", 0o644);
    let files = || -> BTreeSet<String> {
        let entries = fs::read_dir(sandbox.path("ca")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let look = |verb: &[&str]| {
        let mut command = Command::new("setpriv");
        sandbox.scrub(&mut command);
        command.args(["--reuid", READER, "--regid", READER, "--clear-groups"]);
        command.arg(program()).arg("ca").args(verb);
        sandbox.finish(command)
    };
    let before = files();
    assert!(!before.contains("inventory.db-wal"));
    // Nobody has it open: the file itself says all.
    for verb in [
        &["list", "--dir", "ca"][..],
        &["show", "--dir", "ca", "web-1"],
    ] {
        let run = look(verb);
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.stdout.contains("CN=web-1"), "{run:#?}");
    }
    for name in ["root", "issuing"] {
        mode(&format!("ca/{name}"), 0o755);
        mode(&format!("ca/{name}/cert.pem"), 0o644);
    }
    mode("ca/trust-anchor.pem", 0o644);
    for (verb, code, says) in [
        (&["check"][..], 1, "WINDLASS CA WARNING"),
        (&["crl", "status"], 1, "missing"),
        (&["audit", "list"], 0, "issue"),
        (&["audit", "verify"], 0, "intact"),
        (&["policy", "show"], 0, "the built-in rules"),
        (&["policy", "check"], 0, "there is no ca.toml"),
        (&["issue", "--cn", "x", "--dry-run"], 0, "would issue"),
    ] {
        let run = look(&[verb, &["--dir", "ca"]].concat());
        assert_eq!(run.code, code, "{verb:?} {run:#?}");
        assert!(run.stdout.contains(says), "{verb:?} {run:#?}");
    }
    let run = look(&["stats", "--dir", "ca"]);
    assert!(
        run.code == 0 && run.stdout.contains("1 reserved"),
        "{run:#?}"
    );
    fs::create_dir(sandbox.path("readers")).unwrap();
    mode("readers", 0o777);
    let run = look(&["report", "--dir", "ca", "--html", "readers/report.html"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(sandbox.read("readers/report.html").contains("CN=db-1"));
    assert_eq!(files(), before);
    // Somebody has: what was written a moment ago is seen.
    let open = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    reserve(&sandbox.path("ca/inventory.db"), &[0x2a, 0x02], "late-2");
    fs::metadata(sandbox.path("ca/inventory.db-wal")).unwrap();
    let run = look(&["list", "--dir", "ca"]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("CN=late-2"), "{run:#?}");
    drop(open);
    assert_eq!(files(), before);
    // To write is another thing.
    let run = look(&[
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "web-1",
        "--reason",
        "superseded",
    ]);
    assert_ne!(run.code, 0);
    mode("ca/inventory.db", 0o600);
    let run = look(&["list", "--dir", "ca"]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr.contains("inventory.db cannot be read"),
        "{run:#?}"
    );
}
