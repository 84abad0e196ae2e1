//! The audit log as people use it: listed, exported, verified, signed, settled.

use std::fs;

use chrono::{TimeDelta, Utc};
use windlass::store::{Inventory, Kind, Reservation};

use super::{SECRET, json, serial_of, tamper, verify, with_web};
use crate::ca_state::copy;
use crate::harness::Sandbox;

fn actions(sandbox: &Sandbox, options: &[&str]) -> Vec<String> {
    let list = ["ca", "audit", "list", "--dir", "ca", "--format", "jsonl"];
    let run = sandbox.ok(&[&list, options].concat());
    run.stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|entry| entry["action"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn the_log_is_listed_and_filtered() {
    let sandbox = with_web();
    sandbox.issue("db", &["--comment", "ticket 7"]);
    assert_eq!(
        actions(&sandbox, &[]),
        ["init", "issue", "issue", "issue", "issue"]
    );
    assert_eq!(actions(&sandbox, &["--action", "init"]), ["init"]);
    assert_eq!(actions(&sandbox, &["--since", "1h"]).len(), 5);
    assert_eq!(
        actions(&sandbox, &["--since", "2099-01-01T00:00:00Z"]).len(),
        0
    );
    let web = serial_of(&sandbox, "web");
    assert_eq!(actions(&sandbox, &["--serial", &web]), ["issue"]);
    assert_eq!(
        actions(&sandbox, &["--before", "2020-01-01T00:00:00Z"]).len(),
        0
    );
    assert_eq!(
        actions(&sandbox, &["--before", "2099-01-01T00:00:00Z"]).len(),
        5
    );
    let list = |options: &[&str]| {
        let run = sandbox.ok(&[&["ca", "audit", "list", "--dir", "ca"], options].concat());
        run.stdout
    };
    let table = list(&[]);
    assert!(table.contains("ticket 7"), "{table}");
    let all: Vec<serde_json::Value> = serde_json::from_str(&list(&["--json"])).unwrap();
    let actor = all[0]["actor"].as_str().unwrap();
    let (begin, end) = (format!("{}*", &actor[..3]), format!("*{}", &actor[3..]));
    for (actor, count) in [
        (actor, 5),
        (&begin, 5),
        (&end, 5),
        ("nobody", 0),
        ("nobody*", 0),
    ] {
        assert_eq!(
            actions(&sandbox, &["--actor", actor]).len(),
            count,
            "{actor}"
        );
    }
    assert_eq!(list(&["--actor", "nobody", "--json"]), "[]\n");
    // All forms say the same.
    let csv = list(&["--format", "csv"]);
    let mut csv = csv::Reader::from_reader(csv.as_bytes());
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), all.len()), (5, 5));
    for (row, entry) in rows.iter().zip(&all) {
        assert_eq!(&row[0], entry["sequence"].to_string());
        for (column, key) in [(1, "at"), (2, "actor"), (3, "action"), (7, "hash")] {
            assert_eq!(&row[column], entry[key].as_str().unwrap());
        }
        assert_eq!(&row[4], entry["serialNumber"].as_str().unwrap_or_default());
    }
    assert_eq!(&rows[4][5], "ticket 7");
    // Exporting is an entry itself.
    let export = |out: &str| sandbox.run(&["ca", "audit", "export", "--dir", "ca", "--out", out]);
    let exported = export("log.jsonl");
    assert_eq!(exported.code, 0, "{exported:#?}");
    assert_eq!(sandbox.read("log.jsonl").lines().count(), 6);
    crate::ca_state::assert_owner_only(&sandbox.path("log.jsonl"));
    assert_eq!(export("log.jsonl").code, 2, "nothing is replaced");
    assert_eq!(export("-").stdout.lines().count(), 7);
}

#[test]
fn the_log_is_listed_from_either_end_and_names_the_rules_that_refused() {
    let sandbox = with_web();
    sandbox.write(
        "ca/ca.toml",
        "[profiles.web]\ncn.allow = ['web*']\nmax_days = 7\n",
    );
    let issue = [
        "ca", "issue", "--dir", "ca", "--cn", "db", "--out", "db", "--days", "8",
    ];
    assert_eq!(sandbox.run(&[&issue[..], &SECRET].concat()).code, 3);
    assert_eq!(actions(&sandbox, &["--limit", "2"]), ["init", "issue"]);
    let newest = ["--sort", "newest", "--limit", "2"];
    assert_eq!(actions(&sandbox, &newest), ["refuse", "issue"]);
    let whole = actions(&sandbox, &[]);
    let mut back = actions(&sandbox, &["--sort", "newest"]);
    back.reverse();
    assert_eq!(whole, back);
    // Filters come first, and the limit counts what they leave.
    let issues = ["--action", "issue", "--limit", "3"];
    assert_eq!(actions(&sandbox, &issues), ["issue"; 3]);
    let list = |options: &[&str]| {
        let fixed = ["ca", "audit", "list", "--dir", "ca", "--action", "refuse"];
        sandbox.ok(&[&fixed[..], options].concat()).stdout
    };
    let both = "profiles.web.cn.allow, profiles.web.max_days";
    let table = list(&[]);
    assert!(table.contains("RULE") && table.contains(both), "{table}");
    let csv = list(&["--format", "csv"]);
    let mut csv = csv::Reader::from_reader(csv.as_bytes());
    assert_eq!(csv.headers().unwrap().iter().next_back(), Some("rules"));
    let row = csv.records().next().unwrap().unwrap();
    assert_eq!(row[8].replace(';', ", "), both);
}

/// Whatever a CA can do stands in its log under a word that the option takes.
#[test]
fn every_word_of_the_log_can_be_asked_for() {
    let sandbox = with_web();
    let rollover = |step: &'static str, options: &[&str]| {
        let fixed = ["ca", "rollover", step, "--dir", "ca"];
        sandbox.ok(&[&fixed[..], options].concat())
    };
    rollover("prepare", &SECRET);
    rollover("cancel", &[]);
    rollover("prepare", &SECRET);
    rollover("activate", &SECRET);
    rollover("retire", &["--force"]);
    let init = ["ca", "init", "--offline-root", "--dir", "site"];
    sandbox.ok(&[&init[..], &["--name", "X"], &SECRET].concat());
    let all = actions(&sandbox, &[]);
    for wanted in ["prepare", "cancel", "activate", "retire"] {
        assert!(all.iter().any(|one| one == wanted), "{all:?}");
    }
    for action in &all {
        let found = actions(&sandbox, &["--action", action]);
        let same = all.iter().filter(|one| *one == action);
        assert_eq!(found.len(), same.count(), "{action}");
    }
    let list = ["ca", "audit", "list", "--dir", "site"];
    for action in ["request", "install"] {
        sandbox.ok(&[&list[..], &["--action", action]].concat());
    }
    let run = sandbox.run(&[&list[..], &["--action", "prepared"]].concat());
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("prepare,"), "{run:#?}");
}

#[test]
fn verify_names_what_was_changed() {
    let sandbox = with_web();
    let intact = verify(&sandbox, "ca", &["--json"]);
    assert_eq!(intact.code, 0, "{intact:#?}");
    let told = json(&intact);
    assert_eq!(
        (&told["intact"], &told["logEntries"]),
        (&true.into(), &4.into())
    );
    // The key was open for the first issue, and there was no checkpoint yet.
    assert_eq!(told["checkpoints"], 1);
    for (name, sql, says) in [
        (
            "changed",
            "UPDATE audit SET actor = 'mallory' WHERE sequence = 3",
            "entry 3 is not what was written",
        ),
        (
            "cut",
            "DELETE FROM audit WHERE sequence = 4",
            "but no entry says that it was issued",
        ),
        (
            "taken",
            "DELETE FROM name WHERE value = 'web'; DELETE FROM certificate WHERE common_name = 'web'",
            "entry 4 says that",
        ),
        (
            "revoked",
            "UPDATE certificate SET revoked_at = 1, revocation = 1 WHERE common_name = 'web'",
            "is not what the log says",
        ),
        (
            "forged",
            "UPDATE checkpoint SET signature = x'3000'",
            "is signed by no key of this CA",
        ),
    ] {
        copy(&sandbox.path("ca"), &sandbox.path(name));
        tamper(&sandbox.path(name).join("inventory.db"), sql);
        let run = verify(&sandbox, name, &[]);
        assert_eq!(run.code, 4, "{name}: {run:#?}");
        assert!(
            run.stdout.starts_with("the audit log is NOT intact\n"),
            "{run:#?}"
        );
        assert!(run.stdout.contains(says), "{name}: {run:#?}");
    }
}

/// Whoever has the database can make up a log that holds together, but not one
/// that says what somebody else has kept.
#[test]
fn a_checkpoint_kept_elsewhere_tells_a_log_that_was_cut() {
    let sandbox = with_web();
    copy(&sandbox.path("ca"), &sandbox.path("older"));
    sandbox.issue("db", &[]);
    let checkpoint = [
        "ca",
        "audit",
        "checkpoint",
        "--dir",
        "ca",
        "--out",
        "log.json",
    ];
    sandbox.ok(&[&checkpoint[..], &SECRET].concat());
    let again = sandbox.run(&[&checkpoint[..], &SECRET].concat());
    assert_eq!(again.code, 2, "{again:#?}");
    let kept = ["--checkpoint", "log.json"];
    assert_eq!(verify(&sandbox, "ca", &kept).code, 0);
    sandbox.issue("later", &[]);
    assert_eq!(verify(&sandbox, "ca", &kept).code, 0);
    let cut = verify(&sandbox, "older", &kept);
    assert_eq!(verify(&sandbox, "older", &[]).code, 0);
    assert_eq!(cut.code, 4, "{cut:#?}");
    assert!(
        cut.stdout
            .contains("was signed when there were 5 entries, the log ends with 4"),
        "{cut:#?}"
    );
    // Five entries, but others.
    fs::rename(sandbox.path("web"), sandbox.path("moved")).unwrap();
    let issue = ["ca", "issue", "--dir", "older", "--cn", "x", "--out", "x"];
    sandbox.ok(&[&issue[..], &SECRET].concat());
    let other = verify(&sandbox, "older", &kept);
    assert_eq!(other.code, 4, "{other:#?}");
    assert!(
        other.stdout.contains("over another log than this"),
        "{other:#?}"
    );
    // And a checkpoint that nobody has signed.
    let forged = sandbox
        .read("log.json")
        .replace("\"sequence\": 5", "\"sequence\": 4");
    sandbox.write("forged.json", forged);
    let forged = verify(&sandbox, "ca", &["--checkpoint", "forged.json"]);
    assert_eq!(forged.code, 4, "{forged:#?}");
    let none = verify(&sandbox, "ca", &["--checkpoint", "passphrase"]);
    assert_eq!(none.code, 2, "{none:#?}");
    assert!(
        none.stderr.contains("passphrase is no checkpoint"),
        "{none:#?}"
    );
}

#[test]
fn a_thousand_entries_or_a_day_make_a_checkpoint_due() {
    let sandbox = with_web();
    let count = || json(&verify(&sandbox, "ca", &["--json"]))["checkpoints"].clone();
    sandbox.issue("soon", &[]);
    assert_eq!(count(), 1);
    // As if the last one were older than a day. It is not what was signed then,
    // which does not matter here.
    let sql = "UPDATE checkpoint SET at = at - 86400";
    tamper(&sandbox.path("ca/inventory.db"), sql);
    sandbox.issue("later", &[]);
    assert_eq!(count(), 2);
}

fn reserve(sandbox: &Sandbox, serial: u8, minutes: i64) {
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let writer = inventory.write().unwrap();
    let at = Utc::now() - TimeDelta::minutes(minutes);
    writer
        .reserve(&Reservation {
            serial: &[0x11, serial],
            kind: Kind::Leaf,
            issuer_key_id: &[1; 20],
            subject: "CN=lost",
            common_name: "lost",
            names: &[],
            key_fingerprint: "00",
            not_before: at,
            not_after: at + TimeDelta::days(30),
            at,
            profile: None,
            requester: Some("alice@host"),
            request_id: None,
        })
        .unwrap();
    writer.commit().unwrap();
}

#[test]
fn reconcile_settles_what_is_old_and_says_what_to_do_about_the_rest() {
    let sandbox = with_web();
    reserve(&sandbox, 1, 20);
    reserve(&sandbox, 2, 1);
    let sql = "UPDATE certificate SET delivered_at = NULL WHERE common_name = 'web'";
    tamper(&sandbox.path("ca/inventory.db"), sql);
    let dead = sandbox.path(".gone.windlass-4194999-0");
    fs::create_dir(&dead).unwrap();
    fs::create_dir(sandbox.path(".mine.windlass-keep")).unwrap();
    let json_run = sandbox.ok(&["ca", "audit", "--reconcile", "--dir", "ca", "--json"]);
    let told = json(&json_run);
    let serials = |key: &str| -> Vec<String> {
        let rows = told[key].as_array().unwrap();
        rows.iter()
            .map(|row| row["serialNumber"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(serials("settled"), ["1101"]);
    assert_eq!(serials("waiting"), ["1102"]);
    assert_eq!(serials("undelivered"), [serial_of(&sandbox, "web")]);
    assert!(!dead.exists() && sandbox.path(".mine.windlass-keep").exists());
    let text = sandbox.ok(&["ca", "audit", "reconcile", "--dir", "ca"]);
    assert!(text.stdout.contains("may still be at work"), "{text:#?}");
    let web = serial_of(&sandbox, "web");
    let show = format!("'windlass ca show --dir ca {web} --pem'");
    assert!(text.stdout.contains(&show), "{text:#?}");
    let now = [
        "ca",
        "audit",
        "reconcile",
        "--dir",
        "ca",
        "--older-than",
        "0s",
    ];
    assert!(
        sandbox
            .ok(&now)
            .stdout
            .contains("settled, nothing was issued")
    );
    assert_eq!(actions(&sandbox, &["--action", "abandon"]).len(), 2);
    assert_eq!(verify(&sandbox, "ca", &[]).code, 0);
}
