//! A rotation that is killed, or whose disk fails, at one system call after another:
//! at every moment a whole pair is in force, and the next run comes through.

use std::os::unix::fs::PermissionsExt;

use crate::ca_state::{await_another_second, copy};
use crate::crash::{CALLS, Failing, points_by_name, spread, straced};
use crate::harness::Sandbox;

use super::traces::{MORE_CALLS, points};
use super::{LOCAL, in_force, signs, with_identity};

/// Most occurrences of one system call at which a run is killed.
const POINTS: usize = 4;

fn arguments() -> Vec<&'static str> {
    let mut arguments = vec![crate::harness::program()];
    arguments.extend(LOCAL);
    arguments.push("--force");
    arguments
}

/// A sandbox of its own with what is there before the run.
fn again(from: &Sandbox) -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["ca", "web"] {
        copy(&from.path(name), &sandbox.path(name));
    }
    sandbox
}

#[test]
fn a_rotation_killed_at_any_call_leaves_a_pair_in_force_and_is_gone_on_with() {
    let before = with_identity();
    await_another_second();
    let old = in_force(&before.path("web"));
    let arguments = arguments();
    let sandbox = again(&before);
    let calls = straced(&sandbox, "077", &arguments);
    let calls = calls.trace_of(&format!("{CALLS},{MORE_CALLS}"), 0);
    let mut killed = 0;
    for (name, calls) in points_by_name(&calls) {
        for call in spread(&calls, points(POINTS)) {
            let sandbox = again(&before);
            straced(&sandbox, "000", &arguments).kill(call);
            killed += 1;
            let found = in_force(&sandbox.path("web"));
            let run = sandbox.run(&LOCAL);
            assert_eq!(run.code, 0, "{name} {call:?}: {run:#?}");
            if found == old {
                let run = sandbox.run(&[&LOCAL[..], &["--force"]].concat());
                assert_eq!(run.code, 0, "{name} {call:?}: {run:#?}");
            }
            assert_ne!(in_force(&sandbox.path("web")), old, "{name} {call:?}");
            let mode = |path: &str| {
                let metadata = std::fs::metadata(sandbox.path(path)).unwrap();
                metadata.permissions().mode() & 0o7777
            };
            assert_eq!(mode("web"), 0o700, "{name} {call:?}");
            assert_eq!(mode("web/current/key.pem"), 0o600, "{name} {call:?}");
        }
    }
    assert!(killed > 20, "{killed}");
}

#[test]
fn a_rotation_on_a_failing_disk_says_so_and_leaves_a_pair_in_force() {
    let before = with_identity();
    await_another_second();
    let arguments = arguments();
    let sandbox = again(&before);
    let calls = straced(&sandbox, "077", &arguments);
    let calls = calls.trace_of(&format!("{CALLS},{MORE_CALLS}"), 0);
    let emulator = before.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let mut noticed = 0;
    let by_name = points_by_name(&calls);
    for (name, failing) in [
        ("fsync", Failing::Once("EIO")),
        ("mkdir", Failing::Once("ENOSPC")),
        ("openat", Failing::Once("ENOSPC")),
        ("rename", Failing::Once("EIO")),
        ("symlink", Failing::Once("ENOSPC")),
        ("write", Failing::Once("ENOSPC")),
        ("write", Failing::FromThenOn("ENOSPC")),
    ] {
        let calls = by_name.get(name).into_iter().flatten().copied();
        let calls: Vec<_> = calls.filter(|call| call.line.contains("/web")).collect();
        assert!(!calls.is_empty(), "the trace has no {name}");
        for call in spread(&calls, points(POINTS)) {
            let sandbox = again(&before);
            let run = straced(&sandbox, "000", &arguments).fail(call, failing);
            in_force(&sandbox.path("web"));
            signs(&sandbox, &emulator, &format!("{failing:?} at {call:?}"));
            noticed += usize::from(run.code != 0);
            let is_told = run.code == 0 || run.stderr.contains("error: ");
            assert!(is_told || name == "write", "{call:?}: {run:#?}");
            let run = sandbox.run(&[&LOCAL[..], &["--force"]].concat());
            assert_eq!(run.code, 0, "{call:?}: {run:#?}");
        }
    }
    assert!(noticed > 8, "{noticed}");
}
