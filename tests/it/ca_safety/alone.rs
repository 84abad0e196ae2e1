//! A CA that others could write is not used: not its key, and not the library
//! that its files name.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};

use super::{SECRET, json, verify, with_web};
use crate::harness::Sandbox;

fn set_mode(sandbox: &Sandbox, path: &str, mode: u32) {
    fs::set_permissions(sandbox.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Every kind of verb that writes or uses a key.
fn refused(sandbox: &Sandbox, says: &str) {
    let issue = ["ca", "issue", "--dir", "ca", "--cn", "x", "--out", "x"];
    let revoke = ["ca", "revoke", "--dir", "ca", "--cn", "web", "--reason"];
    for verb in [
        [&issue[..], &SECRET].concat(),
        [&["ca", "crl", "--dir", "ca"][..], &SECRET].concat(),
        [&revoke[..], &["superseded"]].concat(),
        vec!["ca", "backup", "--dir", "ca", "--out", "b.tar"],
        vec!["ca", "audit", "reconcile", "--dir", "ca"],
    ] {
        let run = sandbox.run(&verb);
        assert_eq!(run.code, 2, "{verb:?}: {run:#?}");
        assert!(run.stderr.contains(says), "{verb:?}: {run:#?}");
    }
    assert!(!sandbox.path("x").exists() && !sandbox.path("b.tar").exists());
    // Whoever only looks may, and is told by the check.
    assert_eq!(verify(sandbox, "ca", &[]).code, 0);
    let check = sandbox.run(&["ca", "check", "--dir", "ca", "--format", "json"]);
    assert_eq!(check.code, 2, "{check:#?}");
    let findings = json(&check)["findings"].to_string();
    assert!(findings.contains(says), "{says}: {check:#?}");
}

#[test]
fn what_others_can_write_is_not_relied_on() {
    let sandbox = with_web();
    sandbox.write("ca/issuing/device.json", "{\"version\":1}");
    for (path, mode, mended) in [
        ("ca", 0o770, 0o700),
        ("ca/issuing", 0o777, 0o700),
        ("ca/issuing/device.json", 0o666, 0o600),
        ("ca/inventory.db", 0o620, 0o600),
        ("", 0o777, 0o700),
    ] {
        set_mode(&sandbox, path, mode);
        refused(
            &sandbox,
            &format!("can be written by others (mode {mode:04o})"),
        );
        set_mode(&sandbox, path, mended);
    }
    // Above, what is sticky is no danger.
    set_mode(&sandbox, "", 0o1777);
    sandbox.issue("y", &[]);
    if rustix::process::geteuid().is_root() {
        for path in ["ca", "ca/root", "ca/issuing/device.json"] {
            chown(sandbox.path(path), Some(12345), None).unwrap();
            refused(&sandbox, "belongs to the user 12345");
            chown(sandbox.path(path), Some(0), None).unwrap();
        }
    }
    sandbox.issue("z", &[]);
}

#[test]
fn a_library_that_others_can_write_is_not_loaded() {
    let sandbox = with_web();
    fs::create_dir(sandbox.path("modules")).unwrap();
    set_mode(&sandbox, "modules", 0o755);
    sandbox.write("modules/evil.so", "no library");
    let module = sandbox.path("modules/evil.so").display().to_string();
    let device =
        |key: &str| format!("{{\"version\":1,\"key\":\"{key}\",\"pkcs11Module\":\"{module}\"}}");
    let by_path = format!("pkcs11:token=x?module-path={module}");
    for key in ["pkcs11:token=x", by_path.as_str()] {
        sandbox.write("ca/issuing/device.json", device(key));
        set_mode(&sandbox, "ca/issuing/device.json", 0o600);
        for (path, mode, mended) in [("modules", 0o777, 0o755), ("modules/evil.so", 0o775, 0o755)] {
            set_mode(&sandbox, path, mode);
            let run = sandbox.run(&[&["ca", "crl", "--dir", "ca"][..], &SECRET].concat());
            assert_eq!(run.code, 2, "{run:#?}");
            assert!(run.stderr.contains("can be written by others"), "{run:#?}");
            set_mode(&sandbox, path, mended);
        }
    }
}

/// A CA is not made, and not restored, where others could exchange it.
#[test]
fn a_ca_is_not_made_where_others_can_write() {
    let sandbox = with_web();
    sandbox.ok(&["ca", "backup", "--dir", "ca", "--out", "b.tar"]);
    fs::create_dir(sandbox.path("open")).unwrap();
    set_mode(&sandbox, "open", 0o777);
    let init = ["ca", "init", "--dir", "open/ca", "--name", "X"];
    for verb in [
        [&init[..], &SECRET].concat(),
        vec!["ca", "restore", "b.tar", "--dir", "open/ca"],
    ] {
        let run = sandbox.run(&verb);
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.stderr.contains("chmod go-w"), "{run:#?}");
        assert_eq!(fs::read_dir(sandbox.path("open")).unwrap().count(), 0);
    }
}
