//! Tests in which root deals with other users. Only root can make files of
//! theirs and run programs as them; an ordinary user is root in a user namespace
//! with subordinate ids (subuid(5)), so there the test is run again.

use std::process::Command;

use crate::harness::capture;

/// A user without rights: `nobody` on Linux.
pub const NOBODY: u32 = 65534;

/// Enters a namespace in which this user is root and there are others.
const NAMESPACE: [&str; 3] = ["unshare", "--map-root-user", "--map-auto"];

/// Whether this process is root. Where it is not, the test that is asking, and
/// that has to end at `false` with what only root can do, has been run as root
/// of a namespace: it fails if that failed.
///
/// As root nothing is left out, and with `$CI` set nobody may leave it out. An
/// ordinary user without subordinate ids is told what was not tested.
#[track_caller]
pub fn is_root<Test: Fn()>(test: Test) -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    let name = name_of(&test);
    let [unshare, options @ ..] = NAMESPACE;
    let enter = || {
        let mut command = Command::new(unshare);
        command.args(options);
        command
    };
    // Both ids that the tests use must be there.
    let probe = capture(
        enter()
            .args(["setpriv", "--reuid", "4711", "--regid"])
            .args(["65534", "--clear-groups", "true"]),
    );
    if probe.code != 0 {
        let why = probe.stderr.trim();
        assert!(
            std::env::var_os("CI").is_none(),
            "{name} needs root, or subordinate ids and newuidmap: {why}"
        );
        eprintln!("SKIPPED: {name} needs root, or subordinate ids and newuidmap: {why}");
        return false;
    }
    let own = std::env::current_exe().unwrap();
    let run = capture(enter().arg(own).args(["--exact", name, "--nocapture"]));
    assert_eq!(run.code, 0, "as root of a namespace: {run:#?}");
    assert!(
        run.stdout.contains("1 passed"),
        "{name} is no test: {run:#?}"
    );
    false
}

/// The name of a test as the test program knows it.
fn name_of<Test>(_: &Test) -> &'static str {
    let path = std::any::type_name::<Test>();
    path.split_once("::").map_or(path, |(_, name)| name)
}

#[test]
fn a_test_is_known_by_its_name() {
    assert_eq!(
        name_of(&a_test_is_known_by_its_name),
        "users::a_test_is_known_by_its_name"
    );
}

/// Whoever runs this, somebody is root in it.
#[test]
fn root_has_other_users_to_deal_with() {
    if !is_root(root_has_other_users_to_deal_with) {
        return;
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "4711", "--regid", "4711", "--clear-groups"]);
    let run = capture(command.args(["id", "-u"]));
    assert_eq!((run.code, run.stdout.as_str()), (0, "4711\n"), "{run:#?}");
}
