//! Disks that take nothing: what is in force stays as it is and obtains sessions,
//! and once the disk takes something again so does the identity.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::Command;

use crate::harness::{Run, Sandbox, program};
use crate::users::{NOBODY, is_root};

use super::{LOCAL, in_force, kept, signs, with_identity};

/// Runs a script of the shell in a mount namespace of its own, where `rotate` is a
/// rotation of the sandbox's identity.
fn with_mounts(sandbox: &Sandbox, script: &str) -> Run {
    let rotate = [&[program()], &LOCAL[..], &["--force"]].concat().join(" ");
    let script = format!("set -eu\nrotate() {{ {rotate}; }}\n{script}");
    let mut command = Command::new("unshare");
    sandbox.scrub(&mut command);
    command.args(["--mount", "sh", "-c", &script]);
    sandbox.finish(command)
}

/// Whether file systems can be mounted here; says so where not.
fn can_mount(sandbox: &Sandbox) -> bool {
    let run = with_mounts(sandbox, "mkdir probe; mount -t tmpfs tmpfs probe");
    let is_possible = run.code == 0;
    assert!(
        is_possible || std::env::var_os("CI").is_none(),
        "file systems cannot be mounted: {run:#?}"
    );
    if !is_possible {
        eprintln!(
            "SKIPPED: file systems cannot be mounted: {}",
            run.stderr.trim()
        );
    }
    is_possible
}

#[test]
fn a_file_system_that_is_read_only_is_named_and_nothing_is_lost() {
    if !is_root(a_file_system_that_is_read_only_is_named_and_nothing_is_lost) {
        return;
    }
    let sandbox = with_identity();
    if !can_mount(&sandbox) {
        return;
    }
    let before = kept(&sandbox.path("web"));
    let run = with_mounts(
        &sandbox,
        "mount --bind web web; mount -o remount,bind,ro web web; rotate",
    );
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("/web/"), "{run:#?}");
    assert!(run.stderr.contains("Read-only file system"), "{run:#?}");
    assert_eq!(kept(&sandbox.path("web")), before);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    signs(&sandbox, &emulator, "read-only");
    sandbox.ok(&[&LOCAL[..], &["--force"]].concat());
    assert_ne!(kept(&sandbox.path("web")), before);
}

#[test]
fn a_disk_that_is_full_is_named_and_nothing_is_lost() {
    if !is_root(a_disk_that_is_full_is_named_and_nothing_is_lost) {
        return;
    }
    let sandbox = with_identity();
    if !can_mount(&sandbox) {
        return;
    }
    let before = kept(&sandbox.path("web"));
    let serial = in_force(&sandbox.path("web"));
    // What is left, in pages of 4 KiB: not enough for the first file, or a later one.
    for left in [0, 1, 3, 5] {
        let script = format!(
            "mkdir small; cp -a web was
             mount -t tmpfs -o size=200k,mode=700 tmpfs small
             cp -a was/. small/; mount --bind small web
             head -c {} /dev/zero >small/left
             cat /dev/zero >small/fill 2>/dev/null || :
             rm -f small/left
             code=0; rotate 2>said || code=$?
             rm -rf full; cp -a web full; rm full/fill; echo $code >code
             rm small/fill; rotate >/dev/null; rm -rf freed; cp -a web freed
             umount web; umount small; rm -r was; rmdir small",
            left * 4096
        );
        let run = with_mounts(&sandbox, &script);
        assert_eq!(run.code, 0, "{left}: {run:#?}");
        let said = sandbox.read("said");
        assert_ne!(sandbox.read("code").trim(), "0", "{left}: {said}");
        assert!(said.contains("No space left on device"), "{left}: {said}");
        assert_eq!(kept(&sandbox.path("full")), before, "{left}");
        assert_ne!(in_force(&sandbox.path("freed")), serial, "{left}");
    }
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    for name in ["full", "freed"] {
        fs::remove_dir_all(sandbox.path("web")).unwrap();
        fs::rename(sandbox.path(name), sandbox.path("web")).unwrap();
        signs(&sandbox, &emulator, name);
    }
}

/// The directory belongs to who runs it, and may not be written.
#[test]
fn a_directory_that_is_read_only_is_named_and_nothing_is_lost() {
    if !is_root(a_directory_that_is_read_only_is_named_and_nothing_is_lost) {
        return;
    }
    let sandbox = with_identity();
    // The program may be below a directory that is root's alone.
    fs::copy(program(), sandbox.path("windlass")).unwrap();
    let user = NOBODY.to_string();
    let give = Command::new("chown")
        .args(["-R", &format!("{user}:{user}")])
        .arg(sandbox.root())
        .status();
    assert!(give.unwrap().success());
    chown(sandbox.root(), Some(NOBODY), Some(NOBODY)).unwrap();
    let rotate = || {
        let mut command = Command::new("setpriv");
        sandbox.scrub(&mut command);
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        command.arg(sandbox.path("windlass")).args(LOCAL);
        command.arg("--force");
        sandbox.finish(command)
    };
    let set = |mode: u32| {
        fs::set_permissions(sandbox.path("web"), fs::Permissions::from_mode(mode)).unwrap();
    };
    let before = kept(&sandbox.path("web"));
    set(0o500);
    let run = rotate();
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(run.stderr.contains("Permission denied"), "{run:#?}");
    assert!(run.stderr.contains("/web"), "{run:#?}");
    assert_eq!(kept(&sandbox.path("web")), before);
    set(0o700);
    let run = rotate();
    assert_eq!(run.code, 0, "{run:#?}");
    assert_ne!(kept(&sandbox.path("web")), before);
}
