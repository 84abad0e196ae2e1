//! Backups: of a CA at work, whole or refused, and noticed when they are old.

use std::fs;

use super::{SECRET, json, serial_of, verify, with_web};
use crate::ca_state::{Target, assert_owner_only, ca_target, hidden_directories};
use crate::harness::{Run, Sandbox};

fn backup(sandbox: &Sandbox, out: &str) -> Run {
    sandbox.run(&["ca", "backup", "--dir", "ca", "--out", out, "--json"])
}

fn restore(sandbox: &Sandbox, directory: &str, options: &[&str]) -> Run {
    let fixed = ["ca", "restore", "backup.tar", "--dir", directory, "--json"];
    sandbox.run(&[&fixed[..], options].concat())
}

fn revoke(sandbox: &Sandbox, name: &str) {
    let arguments = ["ca", "revoke", "--dir", "ca", "--cn", name];
    sandbox.ok(&[&arguments[..], &["--reason", "keyCompromise"]].concat());
}

fn crl(sandbox: &Sandbox, directory: &str) -> i64 {
    let made = sandbox.ok(&[&["ca", "crl", "--dir", directory, "--json"][..], &SECRET].concat());
    json(&made)["number"].as_str().unwrap().parse().unwrap()
}

#[test]
fn a_backup_is_restored_as_it_was() {
    let sandbox = with_web();
    crl(&sandbox, "ca");
    let made = backup(&sandbox, "backup.tar");
    assert_eq!(made.code, 0, "{made:#?}");
    let files: Vec<String> = serde_json::from_value(json(&made)["files"].clone()).unwrap();
    assert_eq!(
        files,
        [
            "crl/issuing.pem",
            "issuing/cert.pem",
            "issuing/key.pem",
            "root/cert.pem",
            "root/key.pem",
            "trust-anchor.pem",
            "inventory.db",
        ]
    );
    assert_owner_only(&sandbox.path("backup.tar"));
    assert_eq!(hidden_directories(sandbox.root()), [""; 0]);
    let again = backup(&sandbox, "backup.tar");
    assert_eq!(again.code, 2, "nothing is replaced: {again:#?}");
    // Any tar reads it.
    let mut tar = std::process::Command::new("tar");
    tar.args(["xOf"])
        .arg(sandbox.path("backup.tar"))
        .arg("root/cert.pem");
    let extracted = crate::harness::capture(&mut tar);
    assert_eq!(extracted.stdout, sandbox.read("ca/root/cert.pem"));
    let list = |directory: &str| {
        sandbox
            .ok(&["ca", "list", "--dir", directory, "--json"])
            .stdout
    };
    assert_eq!(restore(&sandbox, "ca", &[]).code, 2, "it is occupied");
    let restored = restore(&sandbox, "again", &["--crl", "ca/crl/issuing.pem"]);
    assert_eq!(restored.code, 0, "{restored:#?}");
    assert_eq!(list("ca"), list("again"));
    assert_owner_only(&sandbox.path("again"));
    assert_eq!(verify(&sandbox, "again", &[]).code, 0);
    fs::remove_dir_all(sandbox.path("again/crl")).unwrap();
    assert_eq!(ca_target(&sandbox.path("again")), Target::Complete);
    let issue = ["ca", "issue", "--dir", "again", "--cn", "x", "--out", "x"];
    sandbox.ok(&[&issue[..], &SECRET].concat());
    let log = sandbox.ok(&[
        "ca", "audit", "list", "--dir", "again", "--action", "restore",
    ]);
    assert_eq!(log.stdout.lines().count(), 2, "{log:#?}");
}

#[test]
fn a_damaged_backup_is_refused_whole() {
    let sandbox = with_web();
    assert_eq!(backup(&sandbox, "backup.tar").code, 0);
    let whole = fs::read(sandbox.path("backup.tar")).unwrap();
    let refused = |content: &[u8], what: &str| {
        sandbox.write("backup.tar", content);
        let run = restore(&sandbox, "again", &[]);
        assert_eq!(run.code, 4, "{what}: {run:#?}");
        assert!(run.stderr.contains("backup.tar"), "{what}: {run:#?}");
        assert!(!sandbox.path("again").exists(), "{what}");
        assert_eq!(hidden_directories(sandbox.root()), [""; 0], "{what}");
    };
    // A content, a name and a mode: each header and each file has one.
    let mut position = 8;
    while position < whole.len() {
        let mut changed = whole.clone();
        changed[position] ^= 0x20;
        // What pads a block to its end says nothing.
        if whole[position] != 0 {
            refused(&changed, &format!("octet {position}"));
        }
        position += whole.len() / 24;
    }
    for part in [0, 600, whole.len() / 2, whole.len() - 4096] {
        refused(&whole[..part], &format!("{part} octets"));
    }
    refused(b"no archive", "text");
    sandbox.write("backup.tar", &whole);
    assert_eq!(restore(&sandbox, "again", &[]).code, 0);
}

/// What is wrong with the CA is told by the name of the backup that was wanted.
#[test]
fn a_ca_that_is_damaged_is_not_backed_up() {
    let sandbox = with_web();
    super::tamper(
        &sandbox.path("ca/inventory.db"),
        "UPDATE audit SET actor = 'mallory' WHERE sequence = 2",
    );
    let run = backup(&sandbox, "backup.tar");
    assert_eq!(run.code, 4, "{run:#?}");
    let says = "error: the backup backup.tar cannot be relied on: entry 2 ";
    assert!(run.stderr.starts_with(says), "{run:#?}");
    assert!(!sandbox.path("backup.tar").exists());
}

/// Whoever keeps it as the last resort would find out when it is.
#[test]
fn a_backup_tells_which_keys_are_of_no_use() {
    let sandbox = with_web();
    let told = json(&backup(&sandbox, "good.tar"));
    assert_eq!(told["unusableKeys"], serde_json::json!([]));
    let key = sandbox.read("ca/issuing/key.pem");
    for (content, name) in [("", "empty.tar"), (&key[..key.len() / 2], "half.tar")] {
        sandbox.write("ca/issuing/key.pem", content);
        let run = backup(&sandbox, name);
        assert_eq!(run.code, 0, "{name}: {run:#?}");
        let told = json(&run);
        assert_eq!(told["unusableKeys"], serde_json::json!(["issuing"]));
        assert!(
            run.stderr.contains("warning: the issuing key is of no use"),
            "{name}: {run:#?}"
        );
    }
    fs::remove_file(sandbox.path("ca/issuing/key.pem")).unwrap();
    let run = backup(&sandbox, "none.tar");
    assert_eq!(json(&run)["unusableKeys"], serde_json::json!(["issuing"]));
    // That of a root may be elsewhere.
    sandbox.write("ca/issuing/key.pem", &key);
    fs::remove_file(sandbox.path("ca/root/key.pem")).unwrap();
    let run = backup(&sandbox, "apart.tar");
    assert_eq!(json(&run)["unusableKeys"], serde_json::json!([]));
}

#[test]
fn a_backup_that_is_older_than_a_published_list_is_noticed() {
    let sandbox = with_web();
    assert_eq!(backup(&sandbox, "backup.tar").code, 0);
    sandbox.issue("later", &[]);
    revoke(&sandbox, "web");
    revoke(&sandbox, "later");
    let number = crl(&sandbox, "ca");
    let list = ["--crl", "ca/crl/issuing.pem"];
    let refused = restore(&sandbox, "again", &list);
    assert_eq!(refused.code, 4, "{refused:#?}");
    for known in [
        number.to_string(),
        serial_of(&sandbox, "web"),
        serial_of(&sandbox, "later"),
        "--accept-older".to_owned(),
    ] {
        assert!(refused.stderr.contains(&known), "{known}: {refused:#?}");
    }
    assert!(!sandbox.path("again").exists());
    let accepted = restore(
        &sandbox,
        "again",
        &[&list[..], &["--accept-older"]].concat(),
    );
    assert_eq!(accepted.code, 0, "{accepted:#?}");
    let told = json(&accepted);
    assert_eq!(
        (&told["adoptedRevocations"], &told["unknownCertificates"]),
        (&2.into(), &1.into())
    );
    assert_eq!(verify(&sandbox, "again", &[]).code, 0);
    assert!(crl(&sandbox, "again") > number);
    let dump = std::process::Command::new("openssl")
        .args(["crl", "-noout", "-text", "-in"])
        .arg(sandbox.path("again/crl/issuing.pem"))
        .output()
        .unwrap();
    let dump = String::from_utf8(dump.stdout).unwrap();
    for name in ["web", "later"] {
        let serial = serial_of(&sandbox, name).to_uppercase();
        assert!(dump.contains(&serial), "{name}: {dump}");
    }
    // With the certificate at hand it is known again.
    let also = ["--accept-older", "--also", "later/fullchain.pem"];
    let added = restore(&sandbox, "known", &[&list[..], &also].concat());
    assert_eq!(added.code, 0, "{added:#?}");
    let told = json(&added);
    assert_eq!(
        (&told["addedCertificates"], &told["unknownCertificates"]),
        (&1.into(), &0.into())
    );
    assert_eq!(verify(&sandbox, "known", &[]).code, 0);
    let shown = sandbox.ok(&["ca", "show", "--dir", "known", "later", "--pem"]);
    assert_eq!(shown.stdout, sandbox.read("later/cert.pem"));
}

/// Nobody may ever write into it.
#[test]
fn a_pipe_is_not_waited_for() {
    let sandbox = with_web();
    assert_eq!(backup(&sandbox, "backup.tar").code, 0);
    let made = std::process::Command::new("mkfifo")
        .arg(sandbox.path("pipe"))
        .status();
    assert!(made.unwrap().success());
    for option in ["--crl", "--also"] {
        let run = restore(&sandbox, "again", &[option, "pipe"]);
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.stderr.starts_with("error: pipe is "), "{run:#?}");
        assert!(run.stderr.contains("\nhint: "), "{run:#?}");
        assert!(!sandbox.path("again").exists());
    }
    let run = sandbox.run(&["ca", "restore", "pipe", "--dir", "again"]);
    assert_eq!(run.code, 2, "{run:#?}");
}

#[test]
fn what_is_of_another_ca_is_not_taken_over() {
    let sandbox = with_web();
    assert_eq!(backup(&sandbox, "backup.tar").code, 0);
    let init = ["ca", "init", "--dir", "other", "--name", "Other"];
    sandbox.ok(&[&init[..], &SECRET].concat());
    crl(&sandbox, "other");
    let list = restore(&sandbox, "again", &["--crl", "other/crl/issuing.pem"]);
    assert_eq!(list.code, 4, "{list:#?}");
    let certificate = restore(&sandbox, "again", &["--also", "other/root/cert.pem"]);
    assert_eq!(certificate.code, 4, "{certificate:#?}");
    assert!(!sandbox.path("again").exists());
}

#[test]
fn backups_of_a_ca_at_work_are_of_one_moment_each() {
    let sandbox = with_web();
    std::thread::scope(|scope| {
        for process in 0..4 {
            let sandbox = &sandbox;
            scope.spawn(move || {
                for round in 0..3 {
                    sandbox.issue(&format!("web-{process}-{round}"), &[]);
                }
            });
        }
        for round in 0..5 {
            let made = backup(&sandbox, &format!("backup-{round}.tar"));
            assert_eq!(made.code, 0, "{made:#?}");
        }
    });
    for round in 0..5 {
        let (file, directory) = (format!("backup-{round}.tar"), format!("again-{round}"));
        sandbox.ok(&["ca", "restore", &file, "--dir", &directory]);
        let run = verify(&sandbox, &directory, &[]);
        assert_eq!(run.code, 0, "{run:#?}");
    }
}
