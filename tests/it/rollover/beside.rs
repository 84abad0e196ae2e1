//! What else knows of generations: lists, passphrases, monitors, backups, the
//! bundle and the log.

use std::fs;

use super::{SECRET, assert_audited, bundle, done, json, session, status, step, with_old};
use crate::ca_state::{assert_owner_only, copy, files_below};
use crate::harness::Sandbox;

#[test]
fn each_live_issuing_ca_has_its_list() {
    let sandbox = with_old();
    let crl = |options: &[&str]| {
        let arguments = ["ca", "crl", "--dir", "ca", "--json"];
        sandbox.run(&[&arguments[..], options, &SECRET].concat())
    };
    // What a cron job has written keeps its name; the list of the one before goes
    // beside it.
    assert_eq!(
        json(&crl(&["--out", "revoked.pem"]))["authority"],
        "issuing"
    );
    done(&sandbox, "prepare", &["--of", "root"]);
    done(&sandbox, "activate", &["--bundle-installed"]);
    sandbox.issue("new", &[]);
    let others = crl(&["--issuer", "issuing", "--out", "revoked.pem"]);
    assert_eq!(json(&others)["authority"], "issuing");
    let root = crl(&["--issuer", "root", "--out", "revoked.pem"]);
    assert_eq!(root.code, 4, "{root:#?}");
    let made = json(&crl(&["--out", "revoked.pem"]));
    assert_eq!(made["authority"], "issuing-2");
    assert_eq!(made["others"][0]["authority"], "issuing");
    for (file, issuer) in [
        ("revoked.pem", "issuing-2"),
        ("revoked.issuing.pem", "issuing"),
    ] {
        assert_eq!(
            sandbox.read(file),
            sandbox.read(&format!("ca/crl/{issuer}.pem"))
        );
    }
    // What was revoked stands in the list of its own issuer, and in no other.
    for (name, issuer) in [("old", "issuing"), ("new", "issuing-2")] {
        let revoke = ["ca", "revoke", "--dir", "ca", "--cn", name, "--json"];
        let reason = ["--reason", "superseded", "--crl"];
        let list = json(&sandbox.ok(&[&revoke[..], &reason, &SECRET].concat()))["crl"].clone();
        assert_eq!(
            (&list["authority"], &list["entries"]),
            (&issuer.into(), &1.into())
        );
    }
    let emulator = sandbox.emulate(&[
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--crl",
        "ca/crl/issuing.pem",
        "--crl",
        "ca/crl/issuing-2.pem",
    ]);
    sandbox.issue("newer", &[]);
    for (leaf, code) in [("old", 3), ("new", 3), ("newer", 0)] {
        assert_eq!(session(&sandbox, &emulator, leaf), code, "{leaf}");
    }
    let judged = sandbox.ok(&["ca", "crl", "status", "--dir", "ca", "--json"]);
    let judged = json(&judged);
    let issuers: Vec<&str> = judged
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["authority"].as_str().unwrap())
        .collect();
    assert_eq!(issuers, ["issuing-2", "issuing"]);
    assert_eq!(status(&sandbox)["lists"], 2);
    // One alone, and one that is over.
    assert_eq!(
        json(&crl(&["--issuer", "issuing"]))["others"],
        serde_json::json!([])
    );
    assert_eq!(json(&crl(&["--if-due"]))["made"], false);
    done(&sandbox, "retire", &[]);
    // What is over is not in use, although its list has not expired.
    assert_eq!(status(&sandbox)["lists"], 1);
    let judged = json(&sandbox.ok(&["ca", "crl", "status", "--dir", "ca", "--json"]));
    assert_eq!(judged[0]["lists"], 1);
    let refused = crl(&["--issuer", "issuing"]);
    assert_eq!(refused.code, 2, "{refused:#?}");
    assert!(
        refused.stderr.contains("there are issuing-2, root-2"),
        "{refused:#?}"
    );
    let made = json(&crl(&[]));
    assert_eq!(
        (&made["authority"], &made["others"]),
        (&"issuing-2".into(), &serde_json::json!([]))
    );
}

#[test]
fn passphrases_checks_and_backups_know_both_generations() {
    let sandbox = with_old();
    done(&sandbox, "prepare", &["--of", "root"]);
    done(&sandbox, "activate", &["--bundle-installed"]);
    sandbox.write("new", "an entirely different phrase\n");
    let change = [
        "ca",
        "passphrase",
        "--dir",
        "ca",
        "--json",
        "--new-passphrase-file",
        "new",
    ];
    let changed = json(&sandbox.ok(&[&change[..], &SECRET].concat()));
    let keys: Vec<&str> = changed["authorities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["authority"].as_str().unwrap())
        .collect();
    assert_eq!(keys, ["issuing-2", "issuing", "root", "root-2"]);
    let check = sandbox.run(&["ca", "check", "--dir", "ca", "--deep"]);
    assert!(
        check.stdout.contains("the issuing-2 certificate ends in"),
        "{check:#?}"
    );
    assert!(
        check
            .stdout
            .contains("the root certificate, which is being replaced,"),
        "{check:#?}"
    );
    assert!(check.stdout.contains("OK log:"), "{check:#?}");
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "backup.tar"]);
    sandbox.ok(&["ca", "restore", "backup.tar", "--dir", "again"]);
    let compare = |name: &str| {
        assert_eq!(
            sandbox.read(&format!("ca/{name}")),
            sandbox.read(&format!("again/{name}"))
        );
    };
    for name in ["trust-anchor.pem", "root-2/cross.pem", "issuing-2/key.pem"] {
        compare(name);
    }
    let issue = ["ca", "issue", "--dir", "again", "--cn", "w", "--out", "w"];
    sandbox.ok(&[&issue[..], &["--passphrase-file", "new"]].concat());
    assert_eq!(
        sandbox.read("w/chain.pem"),
        sandbox.read("ca/issuing-2/cert.pem")
    );
    // A checkpoint that the old key has signed is still one of this CA's.
    assert_audited(&sandbox);
}

/// A crash may leave an older bundle; a bundle of somebody else is none.
#[test]
fn the_bundle_is_put_right_unless_it_is_not_ours() {
    let sandbox = with_old();
    let before = bundle(&sandbox);
    done(&sandbox, "prepare", &["--of", "root"]);
    let both = bundle(&sandbox);
    sandbox.write("ca/trust-anchor.pem", &before);
    assert_eq!(status(&sandbox)["bundle"]["written"], false);
    assert_eq!(done(&sandbox, "bundle", &[]).stdout, both);
    assert_eq!(bundle(&sandbox), before, "nothing but a writer writes");
    sandbox.ok(&["ca", "issue", "--dir", "ca", "--cn", "w", "--dry-run"]);
    assert_eq!(bundle(&sandbox), before);
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "backup.tar"]);
    sandbox.ok(&["ca", "restore", "backup.tar", "--dir", "again"]);
    assert_eq!(sandbox.read("again/trust-anchor.pem"), both);
    sandbox.issue("web", &[]);
    assert_eq!(bundle(&sandbox), both);
    assert_owner_only(&sandbox.path("ca"));
    let other = Sandbox::new();
    other.ca(&[]);
    for foreign in [bundle(&other), both + &bundle(&other)] {
        sandbox.write("ca/trust-anchor.pem", &foreign);
        let run = step(&sandbox, "activate", &["--bundle-installed"]);
        assert_eq!(run.code, 4, "{run:#?}");
        assert!(
            run.stderr.contains("trust-anchor.pem does not belong"),
            "{run:#?}"
        );
        assert_eq!(bundle(&sandbox), foreign);
    }
}

/// Who decides which key signs is in the log: nobody changes it beside that.
#[test]
fn a_generation_that_the_log_does_not_know_is_found() {
    let template = with_old();
    done(&template, "prepare", &[]);
    for sql in [
        "UPDATE authority SET state = 'retiring' WHERE generation = 1; \
         UPDATE authority SET state = 'active', activated_at = 1 WHERE generation = 2",
        "DELETE FROM authority WHERE generation = 2",
        "UPDATE authority SET state = 'cancelled', retired_at = 1 WHERE generation = 2",
    ] {
        let sandbox = Sandbox::new();
        copy(&template.path("ca"), &sandbox.path("ca"));
        let connection = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
        connection.execute_batch(sql).unwrap();
        drop(connection);
        let run = sandbox.run(&["ca", "audit", "verify", "--dir", "ca"]);
        assert_ne!(run.code, 0, "{sql}: {run:#?}");
        assert!(
            run.stdout.contains("the state of generation 2 is not"),
            "{sql}: {run:#?}"
        );
    }
}

/// Directories that the inventory does not know are removed when they were never
/// used, and nothing else is.
#[test]
fn leftovers_are_told_from_a_generation_of_a_newer_inventory() {
    let sandbox = with_old();
    copy(&sandbox.path("ca"), &sandbox.path("older"));
    done(&sandbox, "prepare", &[]);
    // The inventory is set back, and the key may have been used.
    for name in ["inventory.db", "inventory.db-wal", "inventory.db-shm"] {
        let _ = fs::remove_file(sandbox.path(&format!("ca/{name}")));
    }
    fs::copy(
        sandbox.path("older/inventory.db"),
        sandbox.path("ca/inventory.db"),
    )
    .unwrap();
    let files = files_below(&sandbox.path("ca/issuing-2"));
    let run = step(&sandbox, "prepare", &[]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stderr.contains("issuing-2 does not belong"), "{run:#?}");
    assert_eq!(files_below(&sandbox.path("ca/issuing-2")), files);
    // A key without a certificate was never used.
    fs::remove_file(sandbox.path("ca/issuing-2/cert.pem")).unwrap();
    done(&sandbox, "prepare", &[]);
    done(&sandbox, "activate", &[]);
    sandbox.issue("new", &[]);
    assert_audited(&sandbox);
}
