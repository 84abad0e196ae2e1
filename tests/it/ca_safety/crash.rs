//! Backup, restore and reconcile killed, or failed by the operating system, at one
//! system call after another (see [`crate::crash`]): what they make is there as a
//! whole or not at all, and the same command then does its work.

use super::{tamper, verify, with_web};
use crate::ca_state::{
    assert_owner_only, await_another_second, bounded, copy, hidden_directories, inventory,
};
use crate::crash::{Call, Failing, points_by_name, spread, straced};
use crate::harness::{Sandbox, program};

/// Most occurrences of one system call at which a run is killed, or that are made
/// to fail.
const POINTS: usize = 6;

/// What is run on a copy of the template.
struct Scene {
    template: Sandbox,
    arguments: Vec<&'static str>,
    /// What it makes.
    target: Option<&'static str>,
}

impl Scene {
    fn backup() -> Self {
        Self {
            template: with_web(),
            arguments: vec!["ca", "backup", "--dir", "ca", "--out", "backup.tar"],
            target: Some("backup.tar"),
        }
    }

    fn restore() -> Self {
        let template = with_web();
        template.ok(&["ca", "backup", "--dir", "ca", "--out", "kept.tar"]);
        Self {
            template,
            arguments: vec!["ca", "restore", "kept.tar", "--dir", "again"],
            target: Some("again"),
        }
    }

    fn reconcile() -> Self {
        let template = with_web();
        let lost = "INSERT INTO certificate (serial, kind, issuer_key_id, subject, common_name, \
                    names, key_fingerprint, not_before, not_after, reserved_at) SELECT x'11', \
                    kind, issuer_key_id, subject, 'lost', names, key_fingerprint, not_before, \
                    not_after, reserved_at - 3600 FROM certificate WHERE common_name = 'web'; \
                    INSERT INTO name SELECT 'lost', 'cn', id FROM certificate WHERE serial = x'11'";
        tamper(&template.path("ca/inventory.db"), lost);
        Self {
            template,
            arguments: vec!["ca", "audit", "reconcile", "--dir", "ca"],
            target: None,
        }
    }

    fn begin(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        copy(&self.template.path("ca"), &sandbox.path("ca"));
        if self.template.path("kept.tar").exists() {
            copy(&self.template.path("kept.tar"), &sandbox.path("kept.tar"));
        }
        sandbox
    }

    fn command(&self) -> Vec<&str> {
        [&[program()][..], &self.arguments].concat()
    }

    fn trace(&self) -> Vec<Call> {
        await_another_second();
        straced(&self.begin(), "000", &self.command()).trace()
    }

    /// The promises, and that the same command then does its work. Says whether
    /// it was done already.
    fn check(&self, sandbox: &Sandbox, context: &str) -> bool {
        for name in hidden_directories(sandbox.root()) {
            assert_owner_only(&sandbox.path(&name));
        }
        let intact = verify(sandbox, "ca", &[]);
        assert_eq!(intact.code, 0, "{context}: {intact:#?}");
        let Some(target) = self.target else {
            let settled = inventory(sandbox, "ca")["11"].state == "abandoned";
            self.again(sandbox, 0, context);
            assert_eq!(
                inventory(sandbox, "ca")["11"].state,
                "abandoned",
                "{context}"
            );
            assert_eq!(verify(sandbox, "ca", &[]).code, 0, "{context}");
            return settled;
        };
        let done = sandbox.path(target).exists();
        self.again(sandbox, if done { 2 } else { 0 }, context);
        assert_owner_only(&sandbox.path(target));
        if target == "backup.tar" {
            let restore = ["ca", "restore", "backup.tar", "--dir", "again"];
            let run = sandbox.run(&restore);
            assert_eq!(run.code, 0, "{context}: {run:#?}");
        }
        let whole = verify(sandbox, "again", &[]);
        assert_eq!(whole.code, 0, "{context}: {whole:#?}");
        if !done {
            assert_eq!(hidden_directories(sandbox.root()), [""; 0], "{context}");
        }
        // And what the killed run has left is tidied up at the latest by this.
        sandbox.ok(&["ca", "audit", "reconcile", "--dir", "ca"]);
        assert_eq!(hidden_directories(sandbox.root()), [""; 0], "{context}");
        done
    }

    fn again(&self, sandbox: &Sandbox, code: i32, context: &str) {
        let again = bounded(sandbox, "000", &self.command());
        assert_eq!(again.code, code, "{context}: {again:#?}");
    }
}

fn kill_everywhere(scene: &Scene) {
    let calls = scene.trace();
    let by_name = points_by_name(&calls);
    for name in ["fsync", "openat", "pwrite64"] {
        assert!(by_name.contains_key(name), "the trace has no {name}");
    }
    let mut seen = [0, 0];
    for call in by_name.values().flat_map(|calls| spread(calls, POINTS)) {
        let sandbox = scene.begin();
        straced(&sandbox, "000", &scene.command()).kill(call);
        let done = scene.check(&sandbox, &format!("killed at {call:?}"));
        seen[usize::from(done)] += 1;
    }
    assert!(seen[0] > 5 && seen[1] > 0, "{seen:?}");
}

/// A full disk, which stays full, and a sync or a rename that fails once.
fn fail_everywhere(scene: &Scene) {
    let calls = scene.trace();
    let mut failures = 0;
    for (name, error) in [
        ("fsync", Failing::Once("EIO")),
        ("pwrite64", Failing::FromThenOn("ENOSPC")),
        ("rename", Failing::Once("EIO")),
        ("renameat2", Failing::Once("EIO")),
        ("write", Failing::Once("ENOSPC")),
    ] {
        let of_name: Vec<&Call> = calls.iter().filter(|call| call.name == name).collect();
        for call in spread(&of_name, POINTS) {
            let sandbox = scene.begin();
            let run = straced(&sandbox, "000", &scene.command()).fail(call, error);
            let context = format!("{error:?} at {call:?}: {run:#?}");
            if run.code == 0 {
                // SQLite tidying up, or the directory of its log; the note of what
                // was done; and the copy that is thrown away.
                let path = call.line.split(['<', '>']).nth(1).unwrap_or_default();
                let harmless = path.contains("/inventory.db")
                    || path.ends_with("/ca")
                    || path.contains(".windlass-")
                    || run.stderr.starts_with("warning: ");
                assert!(harmless, "not noticed: {context}");
            } else {
                failures += 1;
                assert!(run.stderr.contains("error: "), "{context}");
                assert!(run.stderr.contains("\nbecause: "), "{context}");
                assert!(!run.stderr.contains("panicked"), "{context}");
                // A sync that fails after the rename leaves it whole, and so does
                // nobody's hearing of it.
                let synced = name == "fsync" || call.line.starts_with("write(1<");
                let there = scene
                    .target
                    .is_some_and(|target| sandbox.path(target).exists());
                assert!(!there || synced, "{context}");
            }
            scene.check(&sandbox, &context);
        }
    }
    assert!(failures > 3, "{failures}");
}

#[test]
fn a_backup_killed_at_any_call_is_whole_or_absent() {
    kill_everywhere(&Scene::backup());
}

#[test]
fn a_backup_on_a_failing_disk_says_so() {
    fail_everywhere(&Scene::backup());
}

#[test]
fn a_restore_killed_at_any_call_is_whole_or_absent() {
    kill_everywhere(&Scene::restore());
}

#[test]
fn a_restore_on_a_failing_disk_says_so() {
    fail_everywhere(&Scene::restore());
}

#[test]
fn a_reconcile_killed_at_any_call_is_made_up_for() {
    kill_everywhere(&Scene::reconcile());
}

#[test]
fn a_reconcile_on_a_failing_disk_says_so() {
    fail_everywhere(&Scene::reconcile());
}

/// What a full disk means for the user: what to do, and that nothing is half
/// done.
#[test]
fn a_full_disk_is_named() {
    let scene = Scene::reconcile();
    let sandbox = scene.begin();
    let calls = scene.trace();
    let first = calls.iter().find(|call| call.name == "pwrite64").unwrap();
    let full = Failing::FromThenOn("ENOSPC");
    let run = straced(&sandbox, "000", &scene.command()).fail(first, full);
    assert_eq!(run.code, 1, "{run:#?}");
    assert!(run.stderr.contains("is full, or "), "{run:#?}");
}
