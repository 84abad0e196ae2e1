//! Files at fixed paths: whose they are and who may read them, kept or as it is
//! asked for.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

use crate::harness::{Run, Sandbox};
use crate::users::is_root;

use super::{LOCAL, rotate, with_ca};

const KEY: [&str; 2] = ["--key-file", "etc/tls.key"];
const CERTIFICATE: [&str; 2] = ["--cert-file", "etc/tls.pem"];

/// A host with a directory for them.
fn host() -> Sandbox {
    let sandbox = with_ca();
    fs::create_dir(sandbox.path("etc")).unwrap();
    sandbox
}

fn with(sandbox: &Sandbox, more: &[&str]) -> Run {
    rotate(sandbox, &[&KEY[..], &CERTIFICATE, more].concat())
}

/// Owner, group and mode.
fn owner(sandbox: &Sandbox, name: &str) -> (u32, u32, u32) {
    let found = fs::symlink_metadata(sandbox.path(name)).unwrap();
    (found.uid(), found.gid(), found.mode() & 0o7777)
}

#[test]
fn modes_are_set_and_kept() {
    let sandbox = host();
    let modes = ["--key-file-mode", "0640", "--cert-file-mode", "440"];
    assert_eq!(with(&sandbox, &modes).code, 0);
    assert_eq!(owner(&sandbox, "etc/tls.key").2, 0o640);
    assert_eq!(owner(&sandbox, "etc/tls.pem").2, 0o440);
    // One that somebody changed is mended, without a renewal.
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(sandbox.path("etc/tls.pem"), mode).unwrap();
    let run = with(&sandbox, &modes);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{run:#?}");
    assert_eq!(owner(&sandbox, "etc/tls.pem").2, 0o440);
    // Said no more it stays as it is.
    assert_eq!(with(&sandbox, &["--force"]).code, 0);
    assert_eq!(owner(&sandbox, "etc/tls.key").2, 0o640);
    assert_eq!(owner(&sandbox, "etc/tls.pem").2, 0o440);
}

#[test]
fn the_users_and_groups_that_programs_run_as_get_their_files() {
    if !is_root(the_users_and_groups_that_programs_run_as_get_their_files) {
        return;
    }
    let sandbox = host();
    let numbers = ["--file-owner", "4711", "--file-group", "65534"];
    assert_eq!(with(&sandbox, &numbers).code, 0);
    assert_eq!(owner(&sandbox, "etc/tls.key"), (4711, 65534, 0o600));
    assert_eq!(owner(&sandbox, "etc/tls.pem"), (4711, 65534, 0o644));
    // What is not said is kept through a renewal.
    assert_eq!(with(&sandbox, &["--force"]).code, 0);
    assert_eq!(owner(&sandbox, "etc/tls.key"), (4711, 65534, 0o600));
    // The name of the number.
    let root = ["--file-owner", "root", "--file-group", "root"];
    assert_eq!(with(&sandbox, &root).code, 0);
    assert_eq!(owner(&sandbox, "etc/tls.key"), (0, 0, 0o600));
    // A new file is its directory's owner's.
    fs::remove_file(sandbox.path("etc/tls.key")).unwrap();
    chown(sandbox.path("etc"), Some(4711), Some(65534)).unwrap();
    // That user could give the key to anybody else.
    let run = with(&sandbox, &[]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("etc"), "{run:#?}");
}

#[test]
fn what_must_not_be_is_refused_with_the_reason() {
    let sandbox = host();
    let key = |mode| [&KEY[..], &["--key-file-mode", mode]].concat();
    let cases: &[(Vec<&str>, &str, &str)] = &[
        (
            key("0644"),
            "--key-file-mode: mode 0644",
            "everybody on this host could use the key",
        ),
        (
            key("0660"),
            "--key-file-mode: mode 0660",
            "nobody else to write it",
        ),
        (key("rw"), "written in octal", ""),
        (
            [&CERTIFICATE[..], &["--cert-file-mode", "0666"]].concat(),
            "--cert-file-mode: mode 0666",
            "able to write it",
        ),
        (
            [&CERTIFICATE[..], &["--key-file-mode", "0600"]].concat(),
            "there is no --key-file",
            "",
        ),
        (
            [&KEY[..], &["--cert-file-mode", "0600"]].concat(),
            "there is no --cert-file",
            "",
        ),
        (
            vec!["--file-owner", "root"],
            "'--file-owner': there is no file",
            "",
        ),
        (
            [&KEY[..], &["--file-owner", "no-such-user"]].concat(),
            "there is no user 'no-such-user'",
            "getent passwd",
        ),
        (
            [&KEY[..], &["--file-group", "no-such-group"]].concat(),
            "there is no group 'no-such-group'",
            "getent group",
        ),
        (
            [&KEY[..], &["--file-context", "cert_t"]].concat(),
            "system_u:object_r:cert_t:s0",
            "",
        ),
    ];
    for (arguments, says, hint) in cases {
        let run = rotate(&sandbox, arguments);
        assert_eq!(run.code, 2, "{arguments:?}: {run:#?}");
        assert!(run.stderr.contains(says), "{says}: {run:#?}");
        assert!(run.stderr.contains(hint), "{hint}: {run:#?}");
    }
    assert!(!sandbox.path("web").exists());
    assert_eq!(fs::read_dir(sandbox.path("etc")).unwrap().count(), 0);
}

/// A profile names them by keys.
#[test]
fn a_profile_has_them_too() {
    let sandbox = host();
    sandbox.write(
        "config.toml",
        "[profile.web]\nidentity = \"web\"\ncn = \"web-1\"\nca_dir = \"ca\"\n\
         passphrase_file = \"passphrase\"\nkey_file = \"etc/tls.key\"\nkey_file_mode = \"0440\"\n",
    );
    let profile = ["rotate", "--config", "config.toml", "--profile", "web"];
    sandbox.ok(&profile);
    assert_eq!(owner(&sandbox, "etc/tls.key").2, 0o440);
}

const CONTEXT: &str = "system_u:object_r:cert_t:s0";

#[test]
fn the_selinux_context_is_set_where_the_kernel_lets_us() {
    let sandbox = host();
    let run = with(&sandbox, &["--file-context", CONTEXT]);
    if run.code != 0 {
        let says = "cannot be given the SELinux context 'system_u:object_r:cert_t:s0'";
        assert!(run.stderr.contains(says), "{run:#?}");
        eprintln!(
            "SKIPPED: this kernel takes no SELinux context: {}",
            run.stderr
        );
        return;
    }
    let context = |name: &str| {
        let mut value = [0; 100];
        let path = sandbox.path(name);
        let length = rustix::fs::getxattr(path, "security.selinux", &mut value[..]).unwrap();
        String::from_utf8(value[..length].to_vec()).unwrap()
    };
    assert_eq!(context("etc/tls.key"), format!("{CONTEXT}\0"));
    // Kept when nothing is said.
    assert_eq!(with(&sandbox, &["--force"]).code, 0);
    assert_eq!(context("etc/tls.pem"), format!("{CONTEXT}\0"));
}

/// Nothing of it is in place then, and the identity is renewed all the same.
#[test]
fn a_context_that_the_kernel_refuses_is_told() {
    let sandbox = host();
    let mut command = Command::new("strace");
    sandbox.scrub(&mut command);
    command
        .args(["-f", "-o", "/dev/null", "-e", "trace=fsetxattr"])
        .args(["-e", "inject=fsetxattr:error=EOPNOTSUPP"])
        .arg(crate::harness::program())
        .args(LOCAL)
        .args(KEY)
        .args(["--file-context", CONTEXT]);
    let run = sandbox.finish(command);
    assert_ne!(run.code, 0, "{run:#?}");
    assert!(
        run.stderr
            .contains("etc/tls.key cannot be given the SELinux context"),
        "{run:#?}"
    );
    assert!(run.stderr.contains("Operation not supported"), "{run:#?}");
    assert!(run.stderr.contains("getenforce"), "{run:#?}");
    assert!(sandbox.path("web/current/key.pem").exists());
    assert_eq!(fs::read_dir(sandbox.path("etc")).unwrap().count(), 0);
}
