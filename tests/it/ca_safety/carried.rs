//! What travels in a backup, what somebody may have put into one, and what lists
//! say that it does not know.

use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStringExt;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{SECRET, json, verify, with_web};
use crate::harness::{Run, Sandbox};

fn backup(sandbox: &Sandbox, out: &str) -> Run {
    sandbox.run(&["ca", "backup", "--dir", "ca", "--out", out, "--json"])
}

fn restore(sandbox: &Sandbox, file: &str, directory: &str, options: &[&str]) -> Run {
    let fixed = ["ca", "restore", file, "--dir", directory, "--json"];
    sandbox.run(&[&fixed[..], options].concat())
}

/// The files of an archive, in their order.
fn members(sandbox: &Sandbox, file: &str) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(fs::File::open(sandbox.path(file)).unwrap());
    archive
        .entries()
        .unwrap()
        .map(|entry| {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut content = Vec::new();
            std::io::Read::read_to_end(&mut entry, &mut content).unwrap();
            (name, content)
        })
        .collect()
}

fn header(size: usize) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(u64::try_from(size).unwrap());
    header.set_mode(0o600);
    header.set_mtime(1_790_000_000);
    header.set_entry_type(tar::EntryType::Regular);
    header
}

/// Writes an archive with a manifest that fits, as whoever knows the form can.
fn packed(members: &[(String, Vec<u8>)], adapt: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut files = Vec::new();
    for (name, content) in members.iter().filter(|(name, _)| name != "manifest.json") {
        let mut header = header(content.len());
        builder
            .append_data(&mut header, name, content.as_slice())
            .unwrap();
        files.push(serde_json::json!({
            "path": name,
            "size": content.len(),
            "sha256": hex::encode(Sha256::digest(content)),
        }));
    }
    let (_, manifest) = members.last().unwrap();
    let mut manifest: Value = serde_json::from_slice(manifest).unwrap();
    manifest["files"] = files.into();
    adapt(&mut manifest);
    let content = manifest.to_string();
    let mut header = header(content.len());
    builder
        .append_data(&mut header, "manifest.json", content.as_bytes())
        .unwrap();
    builder.into_inner().unwrap()
}

#[test]
fn only_the_files_of_a_ca_travel() {
    let sandbox = with_web();
    fs::create_dir(sandbox.path("ca/web-1")).unwrap();
    sandbox.write("ca/web-1/key.pem", "a host's key");
    sandbox.write("ca/issuing/notes.txt", "a note");
    sandbox.write("secret", "elsewhere");
    std::os::unix::fs::symlink(sandbox.path("secret"), sandbox.path("ca/ca.toml")).unwrap();
    std::os::unix::fs::symlink("/etc", sandbox.path("ca/crl")).unwrap();
    let odd = std::ffi::OsString::from_vec(b"odd-\xff".to_vec());
    fs::write(sandbox.path("ca").join(odd), "").unwrap();
    let made = backup(&sandbox, "backup.tar");
    assert_eq!(made.code, 0, "{made:#?}");
    let told = json(&made);
    let names = |key: &str| -> Vec<String> { serde_json::from_value(told[key].clone()).unwrap() };
    assert_eq!(
        names("files"),
        [
            "issuing/cert.pem",
            "issuing/key.pem",
            "root/cert.pem",
            "root/key.pem",
            "trust-anchor.pem",
            "inventory.db",
        ]
    );
    let left_out = names("leftOut");
    for name in ["web-1", "issuing/notes.txt", "ca.toml", "crl"] {
        assert!(left_out.iter().any(|out| out == name), "{name}: {made:#?}");
    }
    assert_eq!(left_out.len(), 5, "{made:#?}");
    assert!(made.stderr.contains("not in the backup"), "{made:#?}");
    let restored = restore(&sandbox, "backup.tar", "again", &[]);
    assert_eq!(restored.code, 0, "{restored:#?}");
}

#[test]
fn what_a_backup_never_has_is_refused() {
    let sandbox = with_web();
    sandbox.write("ca/ca.toml", "[profiles.web]\nmax_days = 30\n");
    assert_eq!(backup(&sandbox, "backup.tar").code, 0);
    let whole = members(&sandbox, "backup.tar");
    let refused = |content: &[u8], what: &str, says: &str| {
        sandbox.write("forged.tar", content);
        let run = restore(&sandbox, "forged.tar", "again", &[]);
        assert_eq!(run.code, 4, "{what}: {run:#?}");
        assert!(run.stderr.contains(says), "{what}: {run:#?}");
        assert!(!run.stderr.contains('\u{1b}'), "{what}: {run:#?}");
        assert!(!sandbox.path("again").exists(), "{what}");
    };
    sandbox.write("as-is.tar", packed(&whole, |_| {}));
    assert_eq!(restore(&sandbox, "as-is.tar", "as-is", &[]).code, 0);
    for name in [
        "issuing/run.sh",
        "root/sub/key.pem",
        "issuing-x/key.pem",
        "x\u{1b}[31m",
    ] {
        let mut more = whole.clone();
        more.insert(0, (name.to_owned(), b"x".to_vec()));
        refused(&packed(&more, |_| {}), name, "it holds");
    }
    let mut twice = whole.clone();
    twice.insert(0, whole[0].clone());
    refused(&packed(&twice, |_| {}), "twice", "twice");
    let one = packed(&whole, |_| {});
    refused(&one.repeat(2), "a second archive", "ends elsewhere");
    let time = |manifest: &mut Value| manifest["madeAt"] = "\u{1b}[31m2026".into();
    refused(
        &packed(&whole, time),
        "time",
        "the time at which it was made",
    );
    // A name so long that it would be read into memory, and a header of another
    // kind.
    let mut long = Vec::new();
    let mut head = header(0);
    head.set_entry_type(tar::EntryType::GNULongName);
    head.set_size(6 << 30);
    head.set_path("././@LongLink").unwrap();
    head.set_cksum();
    long.write_all(head.as_bytes()).unwrap();
    long.extend([0; 512]);
    refused(&long, "a long name", "it holds");
    // What decides what is issued is what the log says that it is.
    let mut policy = whole;
    let member = policy
        .iter_mut()
        .find(|(name, _)| name == "ca.toml")
        .unwrap();
    member.1 = b"[profiles.web]\nmax_days = 3650\n".to_vec();
    refused(&packed(&policy, |_| {}), "policy", "ca.toml is not the one");
    let device = br#"{"version":1,"key":"pkcs11:","pkcs11Module":"/tmp/evil.so"}"#;
    member_at(&mut policy, "issuing/device.json", device);
    refused(
        &packed(&policy, |_| {}),
        "device",
        "is not the one of which",
    );
}

fn member_at(members: &mut Vec<(String, Vec<u8>)>, name: &str, content: &[u8]) {
    members.insert(0, (name.to_owned(), content.to_vec()));
}

/// That a CA has no file that decides anything is in its log as well. Where it is
/// not, for the backup is of an earlier version, a file that somebody adds is told
/// with what it would load.
#[test]
fn a_file_that_decides_is_not_added_to_a_backup_that_has_none() {
    let sandbox = with_web();
    let before = fs::read(sandbox.path("ca/inventory.db")).unwrap();
    let database = rusqlite::Connection::open(sandbox.path("ca/inventory.db")).unwrap();
    let head: Vec<u8> = database
        .query_row(
            "SELECT hash FROM audit ORDER BY sequence DESC LIMIT 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    drop(database);
    assert_eq!(backup(&sandbox, "backup.tar").code, 0);
    let whole = members(&sandbox, "backup.tar");
    let device = br#"{"version":1,"key":"pkcs11:token=x","pkcs11Module":"/tmp/evil.so"}"#;
    let policy = b"[profiles.web]\n".as_slice();
    for (name, content) in [
        ("issuing/device.json", device.as_slice()),
        ("ca.toml", policy),
    ] {
        let mut more = whole.clone();
        member_at(&mut more, name, content);
        sandbox.write("forged.tar", packed(&more, |_| {}));
        let run = restore(&sandbox, "forged.tar", "again", &[]);
        assert_eq!(run.code, 4, "{name}: {run:#?}");
        let says = format!("{name} is not the one of which the audit log tells");
        assert!(run.stderr.contains(&says), "{name}: {run:#?}");
        assert!(!sandbox.path("again").exists(), "{name}");
    }
    let mut earlier = whole;
    for (name, content) in &mut earlier {
        if name == "inventory.db" {
            content.clone_from(&before);
        }
    }
    member_at(&mut earlier, "issuing/device.json", device);
    let head = |manifest: &mut Value| manifest["logHead"] = hex::encode(&head).into();
    sandbox.write("forged.tar", packed(&earlier, head));
    let run = restore(&sandbox, "forged.tar", "again", &[]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        run.stderr
            .contains("issuing/device.json, which loads /tmp/evil.so"),
        "{run:#?}"
    );
}

/// The strongest of what the backup and all lists say holds, in whichever order
/// the lists are given, and as often.
#[test]
fn lists_make_a_revocation_stronger_and_never_weaker() {
    let sandbox = with_web();
    let revoke = |reason: &str| {
        let fixed = ["ca", "revoke", "--dir", "ca", "--cn", "web"];
        sandbox.ok(&[&fixed[..], &["--reason", reason]].concat());
    };
    let list = |name: &str| {
        sandbox.ok(&[&["ca", "crl", "--dir", "ca"][..], &SECRET].concat());
        fs::copy(sandbox.path("ca/crl/issuing.pem"), sandbox.path(name)).unwrap();
    };
    assert_eq!(backup(&sandbox, "backup.tar").code, 0);
    revoke("certificateHold");
    assert_eq!(backup(&sandbox, "held.tar").code, 0);
    list("held.pem");
    revoke("keyCompromise");
    list("final.pem");
    let orders: [&[&str]; 3] = [
        &["held.pem", "final.pem"],
        &["final.pem", "held.pem"],
        &["final.pem", "final.pem"],
    ];
    for (file, number) in [("backup.tar", 0), ("held.tar", 1)] {
        for (order, lists) in orders.iter().enumerate() {
            let directory = format!("again-{number}-{order}");
            let mut options = vec!["--accept-older"];
            for list in *lists {
                options.extend(["--crl", list]);
            }
            let run = restore(&sandbox, file, &directory, &options);
            assert_eq!(run.code, 0, "{file} {lists:?}: {run:#?}");
            let shown = sandbox.ok(&["ca", "show", "--dir", &directory, "web", "--json"]);
            assert!(
                shown.stdout.contains("keyCompromise"),
                "{lists:?}: {shown:#?}"
            );
            let intact = verify(&sandbox, &directory, &[]);
            assert_eq!(intact.code, 0, "{lists:?}: {intact:#?}");
        }
    }
}

/// Nobody waits for a pipe that stands where a file of the CA should.
#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_at_once() {
    let sandbox = with_web();
    sandbox.ok(&[&["ca", "crl", "--dir", "ca"][..], &SECRET].concat());
    for name in [
        "issuing/key.pem",
        "issuing/cert.pem",
        "issuing/device.json",
        "crl/issuing.pem",
        "trust-anchor.pem",
        "inventory.db",
    ] {
        let directory = format!("ca-{}", name.replace(['/', '.'], "-"));
        crate::ca_state::copy(&sandbox.path("ca"), &sandbox.path(&directory));
        let path = sandbox.path(&directory).join(name);
        let _ = fs::remove_file(&path);
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        // The sandbox looks for secrets in what is there, and would wait.
        let mut crl = sandbox.command();
        crl.args(["ca", "crl", "--dir", &directory]).args(SECRET);
        let run = crate::harness::capture(&mut crl);
        assert_ne!(run.code, 0, "{name}: {run:#?}");
        assert!(
            run.stderr.contains("is no regular file"),
            "{name}: {run:#?}"
        );
    }
}
