//! Every step of a rollover killed, or failed by the operating system, at one
//! system call after another (see [`crate::crash`]): it is done or not, the log
//! says the same, and the next run goes on by itself.

use super::{SECRET, assert_audited, bundle, done, json, states, status, with_old};
use crate::ca_state::{
    assert_inventoried, assert_owner_only, await_another_second, bounded, copy, hidden_directories,
    inventory,
};
use crate::crash::{Call, Failing, points_by_name, spread, straced};
use crate::harness::{Sandbox, program};

/// Most occurrences of one system call at which a run is killed, or that are made
/// to fail.
const POINTS: usize = 4;

/// A step that is taken on a copy of the template.
struct Scene {
    template: Sandbox,
    arguments: Vec<&'static str>,
    before: &'static [&'static str],
    after: &'static [&'static str],
    /// The issuing CA that issues before, and the one after.
    issuers: [&'static str; 2],
}

impl Scene {
    fn new(template: Sandbox, verb: &'static str, options: &[&'static str]) -> Self {
        let mut arguments = vec!["ca", "rollover", verb, "--dir", "ca"];
        arguments.extend(options);
        if ["prepare", "activate"].contains(&verb) {
            arguments.extend(SECRET);
        }
        Self {
            template,
            arguments,
            before: &[],
            after: &[],
            issuers: ["issuing", "issuing"],
        }
    }

    fn prepare() -> Self {
        Self {
            before: &["active"],
            after: &["active", "prepared"],
            ..Self::new(with_old(), "prepare", &["--of", "root"])
        }
    }

    fn activate() -> Self {
        let template = with_old();
        done(&template, "prepare", &["--of", "root"]);
        Self {
            before: &["active", "prepared"],
            after: &["retiring", "active"],
            issuers: ["issuing", "issuing-2"],
            ..Self::new(template, "activate", &["--bundle-installed"])
        }
    }

    fn retire() -> Self {
        let template = with_old();
        done(&template, "prepare", &["--of", "root"]);
        done(&template, "activate", &["--bundle-installed"]);
        Self {
            before: &["retiring", "active"],
            after: &["retired", "active"],
            issuers: ["issuing-2", "issuing-2"],
            ..Self::new(template, "retire", &["--force"])
        }
    }

    fn cancel() -> Self {
        let template = with_old();
        done(&template, "prepare", &["--of", "root"]);
        Self {
            before: &["active", "prepared"],
            after: &["active", "cancelled"],
            ..Self::new(template, "cancel", &[])
        }
    }

    fn begin(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        copy(&self.template.path("ca"), &sandbox.path("ca"));
        sandbox
    }

    fn command(&self) -> Vec<&str> {
        [&[program()][..], &self.arguments].concat()
    }

    fn trace(&self) -> Vec<Call> {
        await_another_second();
        straced(&self.begin(), "000", &self.command()).trace()
    }

    /// The promises, and that the same command then does its work, or says that it
    /// is done. Whether it was.
    fn check(&self, sandbox: &Sandbox, context: &str) -> bool {
        assert_owner_only(&sandbox.path("ca"));
        assert_audited(sandbox);
        let found = states(sandbox);
        let is_done = found == self.after;
        assert!(is_done || found == self.before, "{found:?}: {context}");
        // Whoever issues then is the one that the inventory says.
        sandbox.issue("web", &[]);
        let issuer = self.issuers[usize::from(is_done)];
        let own = sandbox.read(&format!("ca/{issuer}/cert.pem"));
        assert_eq!(sandbox.read("web/chain.pem"), own, "{context}");
        assert_eq!(status(sandbox)["bundle"]["written"], true, "{context}");
        let again = bounded(sandbox, "000", &self.command());
        assert_eq!(again.code, i32::from(is_done), "{context}: {again:#?}");
        assert_eq!(states(sandbox), self.after, "{context}");
        let told = status(sandbox)["bundle"]["pem"].clone();
        assert_eq!(bundle(sandbox), told.as_str().unwrap(), "{context}");
        sandbox.ok(&[
            "ca",
            "audit",
            "reconcile",
            "--dir",
            "ca",
            "--older-than",
            "0s",
        ]);
        let rows = inventory(sandbox, "ca");
        let is_settled = rows.values().all(|row| row.state != "reserved");
        assert!(is_settled, "{context}: {rows:#?}");
        assert_inventoried(sandbox.root(), &rows);
        assert_owner_only(&sandbox.path("ca"));
        assert_eq!(
            hidden_directories(&sandbox.path("ca")),
            [""; 0],
            "{context}"
        );
        assert_audited(sandbox);
        is_done
    }

    fn kill_everywhere(&self) {
        let mut seen = [0, 0];
        for (name, calls) in points_by_name(&self.trace()) {
            // Locks change nothing on the disk: what is around them is enough.
            let most = if name == "fcntl" { 2 } else { POINTS };
            for call in spread(&calls, most) {
                let sandbox = self.begin();
                straced(&sandbox, "000", &self.command()).kill(call);
                let is_done = self.check(&sandbox, &format!("killed at {call:?}"));
                seen[usize::from(is_done)] += 1;
            }
        }
        assert!(seen[0] > 5 && seen[1] > 0, "{seen:?}");
    }

    /// A full disk, which stays full, and a sync or a rename that fails once.
    fn fail_everywhere(&self) {
        let calls = self.trace();
        let by_name = points_by_name(&calls);
        let mut failures = 0;
        for (name, error) in [
            ("fsync", Failing::Once("EIO")),
            ("pwrite64", Failing::FromThenOn("ENOSPC")),
            ("rename", Failing::Once("EIO")),
            ("renameat", Failing::Once("EIO")),
            ("write", Failing::Once("ENOSPC")),
        ] {
            let of_name: Vec<&Call> = by_name.get(name).into_iter().flatten().copied().collect();
            for call in spread(&of_name, POINTS) {
                let sandbox = self.begin();
                let run = straced(&sandbox, "000", &self.command()).fail(call, error);
                let context = format!("{error:?} at {call:?}: {run:#?}");
                if run.code == 0 {
                    // SQLite tidying up, or the directory of its log; a warning; or
                    // the bundle, which the next run writes.
                    let path = call.line.split(['<', '>']).nth(1).unwrap_or_default();
                    let harmless = path.contains("/inventory.db")
                        || path.ends_with("/ca")
                        || call.line.starts_with("write(2<")
                        || run.stderr.contains("trust-anchor.pem could not be written");
                    assert!(harmless, "not noticed: {context}");
                } else {
                    failures += 1;
                    assert!(run.stderr.contains("error: "), "{context}");
                    assert!(run.stderr.contains("\nbecause: "), "{context}");
                    assert!(!run.stderr.contains("panicked"), "{context}");
                }
                self.check(&sandbox, &context);
            }
        }
        assert!(failures > 2, "{failures}");
    }
}

#[test]
fn a_prepare_killed_at_any_call_is_done_or_not() {
    Scene::prepare().kill_everywhere();
}

#[test]
fn a_prepare_on_a_failing_disk_says_so() {
    Scene::prepare().fail_everywhere();
}

#[test]
fn an_activate_killed_at_any_call_is_done_or_not() {
    Scene::activate().kill_everywhere();
}

#[test]
fn an_activate_on_a_failing_disk_says_so() {
    Scene::activate().fail_everywhere();
}

#[test]
fn a_retire_killed_at_any_call_is_done_or_not() {
    Scene::retire().kill_everywhere();
}

#[test]
fn a_retire_on_a_failing_disk_says_so() {
    Scene::retire().fail_everywhere();
}

#[test]
fn a_cancel_killed_at_any_call_is_done_or_not() {
    Scene::cancel().kill_everywhere();
}

#[test]
fn a_cancel_on_a_failing_disk_says_so() {
    Scene::cancel().fail_everywhere();
}

/// What a prepare that was killed after its reservations has left is told of.
#[test]
fn what_a_killed_prepare_leaves_is_named_and_removed() {
    let scene = Scene::prepare();
    let sandbox = scene.begin();
    // The second directory gets its name: the first has it already.
    let calls = scene.trace();
    let second = points_by_name(&calls)["rename"][1];
    straced(&sandbox, "000", &scene.command()).kill(second);
    assert!(sandbox.path("ca/root-2/cert.pem").exists());
    assert!(!sandbox.path("ca/issuing-2").exists());
    let leftover = sandbox.read("ca/root-2/cert.pem");
    let stats = json(&sandbox.ok(&["ca", "stats", "--dir", "ca", "--json"]));
    let counts = stats["states"].as_array().unwrap();
    let reserved = counts.iter().find(|row| row["state"] == "reserved");
    assert_eq!(reserved.unwrap()["count"], 3);
    done(&sandbox, "prepare", &["--of", "root"]);
    assert_ne!(sandbox.read("ca/root-2/cert.pem"), leftover);
    assert_eq!(states(&sandbox), ["active", "prepared"]);
}
