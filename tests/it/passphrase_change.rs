//! `ca passphrase`: every key is whole under the old or the new passphrase at any
//! moment, never in clear, and what is wrong changes nothing.

use std::fs;
use std::process::{Child, Command, Stdio};

use windlass::key::open_software;
use windlass::secret::Secret;
use windlass::store::{AuditRecord, Inventory};

use crate::ca_state::{assert_owner_only, copy, files_below};
use crate::crash::{Failing, points_by_name, spread, straced};
use crate::harness::{PASSPHRASE, Sandbox, capture, program};

const NEW: &str = "an entirely different phrase";

const KEYS: [&str; 2] = ["issuing", "root"];

/// Most occurrences of one system call at which a run is killed.
const POINTS: usize = 3;

const COMMAND: [&str; 8] = [
    "ca",
    "passphrase",
    "--dir",
    "ca",
    "--passphrase-file",
    "passphrase",
    "--new-passphrase-file",
    "new",
];

fn with_ca() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("new", format!("{NEW}\n"));
    sandbox
}

fn opens(sandbox: &Sandbox, key: &str, passphrase: &str) -> bool {
    let file = sandbox.read(&format!("ca/{key}/key.pem"));
    assert!(file.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    let secret = || Ok(Some(Secret::new(passphrase.as_bytes().to_vec())));
    open_software(file.as_bytes(), key, secret).is_ok()
}

/// The entries of the log about passphrases, of changes that began and of those that
/// were done; the whole log is sound.
fn logged_steps(sandbox: &Sandbox) -> (Vec<AuditRecord>, Vec<AuditRecord>) {
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    assert_eq!(inventory.verify_log().unwrap().faults, []);
    let mut entries = Vec::new();
    let receive = |entry: AuditRecord| -> Result<bool, windlass::store::Error> {
        entries.push(entry);
        Ok(true)
    };
    inventory.read_log(1, receive).unwrap();
    entries.retain(|entry| entry.action == "passphrase");
    entries
        .into_iter()
        .partition(|entry| entry.detail.contains("\"step\":\"begun\""))
}

/// The changes that were done. Each of them had begun, with the same file.
fn logged(sandbox: &Sandbox) -> Vec<AuditRecord> {
    let (begun, done) = logged_steps(sandbox);
    for entry in &done {
        let beginning = entry.detail.replace("done", "begun");
        assert!(begun.iter().any(|entry| entry.detail == beginning));
    }
    done
}

#[test]
fn both_keys_get_the_new_passphrase_and_the_log_says_so() {
    let sandbox = with_ca();
    let run = sandbox.ok(&[&COMMAND[..], &["--comment", "yearly"]].concat());
    assert_eq!(
        run.stdout,
        "changed the passphrase of the issuing key\n\
         changed the passphrase of the root key\n\
         copies that were made before still open with the old one\n"
    );
    let entries = logged(&sandbox);
    assert_eq!(entries.len(), 2);
    for (key, entry) in KEYS.iter().zip(entries) {
        assert!(opens(&sandbox, key, NEW) && !opens(&sandbox, key, PASSPHRASE));
        let mut digest = Command::new("sha256sum");
        digest.arg(sandbox.path(&format!("ca/{key}/key.pem")));
        let digest = capture(&mut digest).stdout;
        let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
        assert_eq!(detail["key"], *key);
        assert_eq!(detail["fileSha256"], digest.split(' ').next().unwrap());
        assert_eq!(entry.comment.as_deref(), Some("yearly"));
        // And it is the certificate's key.
        let mut openssl = Command::new("openssl");
        sandbox.scrub(&mut openssl);
        openssl.args(["pkey", "-pubout", "-passin", "file:new", "-in"]);
        let public = capture(openssl.arg(format!("ca/{key}/key.pem"))).stdout;
        let mut openssl = Command::new("openssl");
        sandbox.scrub(&mut openssl);
        openssl.args(["x509", "-noout", "-pubkey", "-in"]);
        let certified = capture(openssl.arg(format!("ca/{key}/cert.pem"))).stdout;
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
        assert_eq!(public, certified);
    }
    assert_owner_only(&sandbox.path("ca"));
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "web", "--out", "web"];
    sandbox.ok(&[&issue[..], &["--passphrase-file", "new"]].concat());
    // Once more: both are done.
    let run = sandbox.ok(&[&COMMAND[..], &["--json"]].concat());
    let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let row = |key: &str| serde_json::json!({ "authority": key, "state": "already" });
    assert_eq!(
        shown["authorities"],
        serde_json::json!([row("issuing"), row("root")])
    );
    assert_eq!(logged(&sandbox).len(), 2);
}

#[test]
fn one_key_may_be_named_and_each_file_has_a_salt_of_its_own() {
    let sandbox = with_ca();
    sandbox.ok(&[&COMMAND[..], &["--key", "root"]].concat());
    assert!(opens(&sandbox, "root", NEW) && opens(&sandbox, "issuing", PASSPHRASE));
    let before = sandbox.read("ca/issuing/key.pem");
    let to_itself = ["ca", "passphrase", "--dir", "ca", "--key", "issuing"];
    let files = [
        "--passphrase-file",
        "passphrase",
        "--new-passphrase-file",
        "passphrase",
    ];
    sandbox.ok(&[&to_itself[..], &files].concat());
    assert_ne!(sandbox.read("ca/issuing/key.pem"), before);
    assert!(opens(&sandbox, "issuing", PASSPHRASE));
}

/// The option that is missing is that of the new passphrase.
#[test]
fn a_new_passphrase_that_nobody_gives_is_asked_for_by_its_name() {
    let sandbox = with_ca();
    let change = [
        "ca",
        "passphrase",
        "--dir",
        "ca",
        "--passphrase-file",
        "passphrase",
    ];
    let mut command = Command::new("setsid");
    sandbox.scrub(&mut command);
    command.arg("--wait").arg(program()).args(change);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
    for said in [
        "the new passphrase is given nowhere",
        "give --new-passphrase-file FILE, or --new-passphrase-from with",
    ] {
        assert!(run.stderr.contains(said), "{run:#?}");
    }
}

#[test]
fn what_is_wrong_changes_nothing() {
    let sandbox = with_ca();
    sandbox.write("wrong", "not the passphrase\n");
    sandbox.write("short", "1234567\n");
    let before: Vec<_> = KEYS
        .iter()
        .map(|key| sandbox.read(&format!("ca/{key}/key.pem")))
        .collect();
    for (old, new, code, said) in [
        ("wrong", "new", 4, "ca/issuing/key.pem"),
        ("passphrase", "short", 2, "7 characters"),
        ("passphrase", "nowhere", 2, "nowhere"),
        ("-", "-", 2, "the standard input"),
    ] {
        let arguments = ["ca", "passphrase", "--dir", "ca", "--passphrase-from", old];
        let run = sandbox.run(&[&arguments[..], &["--new-passphrase-from", new]].concat());
        assert_eq!(run.code, code, "{old} {new}: {run:#?}");
        assert!(run.stderr.contains(said), "{run:#?}");
        for (key, before) in KEYS.iter().zip(&before) {
            assert_eq!(sandbox.read(&format!("ca/{key}/key.pem")), *before);
        }
        assert_eq!(logged(&sandbox).len(), 0);
    }
}

/// An entry with a false time would make a right clock look wrong from then on.
#[test]
fn a_clock_that_cannot_be_right_changes_nothing_until_it_is_accepted() {
    let sandbox = with_ca();
    let later = chrono::Utc::now() + chrono::TimeDelta::days(1);
    let inventory = Inventory::open(&sandbox.path("ca/inventory.db")).unwrap();
    let writer = inventory.write().unwrap();
    writer.set_time_mark(later).unwrap();
    writer.commit().unwrap();
    let run = sandbox.run(&COMMAND);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stderr.contains("--accept-clock"), "{run:#?}");
    for key in KEYS {
        assert!(opens(&sandbox, key, PASSPHRASE), "{key}");
    }
    assert_eq!(logged_steps(&sandbox).0.len(), 0);
    sandbox.ok(&[&COMMAND[..], &["--accept-clock"]].concat());
    for key in KEYS {
        assert!(opens(&sandbox, key, NEW), "{key}");
    }
    assert!(inventory.time_mark().unwrap() < Some(later));
}

/// Of processes that all know the old one, one has its way; the others say that
/// it was too late.
#[test]
fn of_several_changes_at_once_one_holds() {
    let sandbox = with_ca();
    let news: Vec<String> = (0..4)
        .map(|number| format!("passphrase number {number}"))
        .collect();
    let start = |(number, new): (usize, &String)| -> Child {
        let file = format!("new-{number}");
        sandbox.write(&file, new);
        let mut command = sandbox.command();
        command.args([&COMMAND[..7], &[&file]].concat());
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let children: Vec<Child> = news.iter().enumerate().map(start).collect();
    let mut winners = Vec::new();
    for (child, new) in children.into_iter().zip(&news) {
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => winners.push(new),
            Some(4) => assert!(said.contains("passphrase"), "{said}"),
            Some(_) => assert!(said.contains("another process changes"), "{said}"),
            None => panic!("{said}"),
        }
    }
    assert_eq!(winners.len(), 1, "{winners:?}");
    for key in KEYS {
        assert!(opens(&sandbox, key, winners[0]));
    }
    assert_eq!(logged(&sandbox).len(), 2);
}

/// After whatever has happened: each key is whole, and the same command again
/// does what is left to do.
fn check(sandbox: &Sandbox, context: &str) {
    for key in KEYS {
        let (old, new) = (opens(sandbox, key, PASSPHRASE), opens(sandbox, key, NEW));
        assert!(old != new, "{key}: {context}");
        // Nothing changes that the log does not know of.
        assert!(
            old || !logged_steps(sandbox).0.is_empty(),
            "{key}: {context}"
        );
    }
    let run = sandbox.run(&COMMAND);
    assert_eq!(run.code, 0, "{context}: {run:#?}");
    for key in KEYS {
        assert!(opens(sandbox, key, NEW), "{key}: {context}");
        let files = files_below(&sandbox.path(&format!("ca/{key}")));
        assert_eq!(files.len(), 2, "{context}: {files:?}");
    }
    assert_owner_only(&sandbox.path("ca"));
}

#[test]
fn a_change_killed_or_failed_at_any_call_is_made_up_for() {
    let template = with_ca();
    let begin = || {
        let sandbox = Sandbox::new();
        copy(&template.path("ca"), &sandbox.path("ca"));
        fs::copy(template.path("new"), sandbox.path("new")).unwrap();
        sandbox
    };
    let command = [&[program()][..], &COMMAND].concat();
    let calls = straced(&begin(), "077", &command).trace();
    let by_name = points_by_name(&calls);
    assert_eq!(by_name["renameat"].len(), 2, "one for each key");
    for (name, error) in [
        ("fsync", "EIO"),
        ("pwrite64", "ENOSPC"),
        ("renameat", "EIO"),
        ("write", "ENOSPC"),
    ] {
        for call in spread(&by_name[name], POINTS) {
            let sandbox = begin();
            straced(&sandbox, "000", &command).kill(call);
            check(&sandbox, &format!("killed at {call:?}"));
            let sandbox = begin();
            let run = straced(&sandbox, "000", &command).fail(call, Failing::Once(error));
            let context = format!("{error} at {call:?}: {run:#?}");
            // SQLite needs some of its calls for tidying up only.
            let is_lax = call.line.contains("/inventory.db");
            assert!(run.code == 1 || (run.code == 0 && is_lax), "{context}");
            check(&sandbox, &context);
        }
    }
}
