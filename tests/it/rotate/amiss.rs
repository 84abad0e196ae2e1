//! What a run puts right besides the certificate, and what a check says of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::harness::Sandbox;

use super::{json, rotate, with_identity};

const FIXED: [&str; 4] = ["--key-file", "tls.key", "--cert-file", "tls.pem"];

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A check that finds something, and then a run that puts it right.
fn found_and_put_right(sandbox: &Sandbox, says: &str) {
    let with = |more: &[&str]| rotate(sandbox, &[&FIXED[..], more].concat());
    let before = crate::ca_state::files_below(&sandbox.path("web"));
    let check = with(&["--check", "--exit-code"]);
    assert_eq!(check.code, 10, "{says}: {check:#?}");
    assert!(check.stdout.contains(says), "{says}: {check:#?}");
    assert_eq!(crate::ca_state::files_below(&sandbox.path("web")), before);
    let run = with(&["--exit-code", "--json"]);
    assert_eq!(run.code, 10, "{says}: {run:#?}");
    let shown = json(&run);
    assert_eq!(
        (&shown["result"], &shown["putRight"]),
        (&"notDue".into(), &true.into())
    );
    let check = with(&["--check", "--exit-code"]);
    assert_eq!(check.code, 0, "{says}: {check:#?}");
    assert_eq!(with(&["--exit-code"]).code, 0, "{says}");
}

#[test]
fn a_check_sees_files_at_fixed_paths() {
    let sandbox = with_identity();
    found_and_put_right(&sandbox, "would replace  ");
    fs::remove_file(sandbox.path("tls.pem")).unwrap();
    found_and_put_right(&sandbox, "/tls.pem\n");
    sandbox.write("tls.key", "something else");
    found_and_put_right(&sandbox, "/tls.key\n");
    // What a crash has cut short.
    sandbox.write(
        "web/fixed.journal",
        "{\"format\":1,\"version\":\"v0001\",\"files\":[]}",
    );
    found_and_put_right(&sandbox, "would complete the replacement");
    // Where a run would fail, the check does.
    let nowhere = ["--check", "--exit-code", "--cert-file", "nowhere/tls.pem"];
    let check = rotate(&sandbox, &nowhere);
    assert_eq!(check.code, 2, "{check:#?}");
    assert!(
        check.stdout.contains("certificate    CN=web-1"),
        "{check:#?}"
    );
    assert!(check.stderr.contains("nowhere/tls.pem"), "{check:#?}");
}

/// Readers refuse a key that everybody can read, and a copy or chmod -R makes it so.
#[test]
fn modes_that_readers_refuse_are_mended_and_told() {
    let sandbox = with_identity();
    sandbox.ok(&[&super::LOCAL[..], &["--force"], &FIXED].concat());
    for (name, open, narrowed) in [
        ("web/v0002/key.pem", 0o644, 0o600),
        ("web/v0001/key.pem", 0o666, 0o600),
        ("web/v0002", 0o777, 0o755),
    ] {
        let path = sandbox.path(name);
        chmod(&path, open);
        found_and_put_right(
            &sandbox,
            &format!("/{name} from {open:04o} to {narrowed:04o}"),
        );
        assert_eq!(mode(&path), narrowed, "{name}");
    }
    chmod(&sandbox.path("web/v0002/key.pem"), 0o604);
    let told = rotate(&sandbox, &[]);
    assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{told:#?}");
    assert!(
        told.stderr
            .starts_with("warning: others could use or change /"),
        "{told:#?}"
    );
    assert!(
        told.stderr.contains("had the mode 0604: it is 0600 now"),
        "{told:#?}"
    );
    assert_eq!(rotate(&sandbox, &[]).stderr, "");
}
