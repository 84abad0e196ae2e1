//! New keys between the moment in which they are made and their delivery.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{batch, outcomes, states};
use crate::ca_state::{KILLED, Target, bounded, leaf_target};
use crate::harness::{Sandbox, program};

/// What the private key and the certificate of a row say that the key is.
fn is_certified(sandbox: &Sandbox, key: &str) -> bool {
    let public = |arguments: &[&str]| {
        let mut command = std::process::Command::new("openssl");
        sandbox.scrub(&mut command);
        command.args(arguments).output().unwrap().stdout
    };
    let of_key = public(&["pkey", "-in", key, "-pubout"]);
    assert!(!of_key.is_empty());
    let certificate = sandbox.path("out/a/cert.pem");
    let certificate = certificate.to_str().unwrap();
    of_key == public(&["x509", "-in", certificate, "-noout", "-pubkey"])
}

/// Whoever may write into the directory must not choose the key.
#[test]
fn a_key_that_lies_in_wait_is_not_certified() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn\na,web-a\n");
    sandbox.issue("other", &[]);
    fs::create_dir_all(sandbox.path("out/.windlass-keys")).unwrap();
    for path in ["out", "out/.windlass-keys"] {
        fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(0o700)).unwrap();
    }
    sandbox.write("out/.windlass-keys/a.pem", sandbox.read("other/key.pem"));
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    assert!(is_certified(&sandbox, "out/a/key.pem"));
    assert!(!is_certified(&sandbox, "other/key.pem"));
    assert!(!sandbox.path("out/.windlass-keys").exists());
}

/// Nor take the new ones away before they are delivered.
#[test]
fn a_place_for_keys_that_others_have_access_to_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn\na,web-a\n");
    fs::create_dir_all(sandbox.path("out")).unwrap();
    fs::create_dir_all(sandbox.path("theirs")).unwrap();
    symlink(sandbox.path("theirs"), sandbox.path("out/.windlass-keys")).unwrap();
    let run = batch(&sandbox, "rows", &[]);
    assert_eq!(run.code, 2, "{run:#?}");
    let says = "out/.windlass-keys is not this user's alone";
    assert!(run.stderr.contains(says), "{run:#?}");
    fs::remove_file(sandbox.path("out/.windlass-keys")).unwrap();
    fs::create_dir(sandbox.path("out/.windlass-keys")).unwrap();
    let open = fs::Permissions::from_mode(0o770);
    fs::set_permissions(sandbox.path("out/.windlass-keys"), open).unwrap();
    assert_eq!(batch(&sandbox, "rows", &[]).code, 2);
    assert_eq!(states(&sandbox), [""; 0]);
    assert_eq!(fs::read_dir(sandbox.path("theirs")).unwrap().count(), 0);
}

/// The keys of rows that came to nothing are gone with the next run; the one of
/// a certificate that was issued and not delivered is not.
#[test]
fn keys_that_nobody_waits_for_are_removed() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn\na,web-a\n");
    // Killed as soon as the inventory has the certificate.
    let mut found = false;
    for call in 3..20 {
        let inject = format!("inject=fsync,fdatasync:signal=SIGKILL:when={call}");
        let mut line = vec![
            "strace",
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "trace=fsync,fdatasync",
        ];
        line.extend(["-e", &inject, program()]);
        line.extend(super::arguments("rows"));
        let run = bounded(&sandbox, "077", &line);
        if run.code == KILLED && states(&sandbox).contains(&"valid".to_owned()) {
            found = true;
            break;
        }
    }
    assert!(found, "no run was killed between storing and delivering");
    assert!(sandbox.path("out/.windlass-keys/a.pem").exists());
    // What is told of it: the inventory alone knows the row, its directory that
    // the same batch delivers it.
    let told = reconcile(&sandbox, &[]);
    assert_eq!(told["undelivered"][0]["requestId"], "a");
    let told = reconcile(&sandbox, &["--out", "out"]);
    assert_eq!(told["deliverable"][0]["requestId"], "a");
    assert_eq!(told["undelivered"], serde_json::json!([]));
    fs::create_dir(sandbox.path("another")).unwrap();
    let told = reconcile(&sandbox, &["--out", "another"]);
    assert_eq!(told["undelivered"][0]["requestId"], "a");
    for wrong in ["nowhere", "passphrase"] {
        let fixed = ["ca", "audit", "reconcile", "--dir", "ca", "--out", wrong];
        let run = sandbox.run(&fixed);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
        assert!(run.stderr.contains(wrong), "{run:#?}");
    }
    // Another batch to the same place, and one that was refused.
    sandbox.write(
        "out/.windlass-keys/z.pem",
        sandbox.read("out/.windlass-keys/a.pem"),
    );
    sandbox.write("other", "id,cn\nb,web-b\n");
    assert_eq!(batch(&sandbox, "other", &[]).code, 0);
    assert!(!sandbox.path("out/.windlass-keys/z.pem").exists());
    assert!(sandbox.path("out/.windlass-keys/a.pem").exists());
    // A row that has been delivered already has nothing to wait for.
    let again = batch(&sandbox, "rows", &["--json"]);
    assert_eq!(outcomes(&again), ["again"]);
    assert_eq!(leaf_target(&sandbox.path("out/a")), Target::Complete);
    assert!(!sandbox.path("out/.windlass-keys").exists());
    let told = reconcile(&sandbox, &["--out", "out"]);
    assert_eq!(
        told["delivered"],
        serde_json::json!([]),
        "it was noted already"
    );
}

/// A process that was killed after the files had got their names, and before the
/// inventory knew it.
#[test]
fn what_a_batch_has_delivered_is_noted_when_its_directory_is_named() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.write("rows", "id,cn\na,web-a\nb,web-b\n");
    assert_eq!(batch(&sandbox, "rows", &[]).code, 0);
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let forgotten = "UPDATE certificate SET delivered_at = NULL WHERE kind = 'leaf'";
    assert_eq!(database.execute(forgotten, []).unwrap(), 2);
    drop(database);
    // What lies there for a row must be its certificate.
    fs::copy(
        sandbox.path("out/a/cert.pem"),
        sandbox.path("out/b/cert.pem"),
    )
    .unwrap();
    let requests = |told: &serde_json::Value, key: &str| -> Vec<String> {
        let rows = told[key].as_array().unwrap().iter();
        rows.map(|row| row["requestId"].as_str().unwrap().to_owned())
            .collect()
    };
    let told = reconcile(&sandbox, &["--out", "out"]);
    assert_eq!(requests(&told, "delivered"), ["a"]);
    assert_eq!(requests(&told, "undelivered"), ["b"]);
    let told = reconcile(&sandbox, &["--out", "out"]);
    assert_eq!(requests(&told, "delivered"), [""; 0], "it is noted");
    let list = ["ca", "list", "--dir", "ca", "--status", "undelivered"];
    let listed = sandbox.ok(&list).stdout;
    assert!(
        listed.contains("web-b") && !listed.contains("web-a"),
        "{listed}"
    );
    let shown = ["ca", "audit", "reconcile", "--dir", "ca", "--out", "out"];
    let text = sandbox.ok(&shown).stdout;
    assert!(
        text.contains("issued for row b of a batch, and not in "),
        "{text}"
    );
    super::assert_log(&sandbox);
}

fn reconcile(sandbox: &Sandbox, options: &[&str]) -> serde_json::Value {
    let fixed = ["ca", "audit", "reconcile", "--dir", "ca", "--json"];
    serde_json::from_str(&sandbox.ok(&[&fixed[..], options].concat()).stdout).unwrap()
}
