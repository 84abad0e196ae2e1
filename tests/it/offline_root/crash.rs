//! `ca install` and `ca sign-ca` killed, or failed by the operating system, at one
//! system call after another (see [`crate::crash`]): the CA waits or it issues, and
//! the same command then does its work.

use super::{Apart, SECRET};
use crate::ca_state::{
    assert_inventoried, assert_owner_only, await_another_second, bounded, copy, files_below,
    inventory,
};
use crate::crash::{Call, Failing, points_by_name, spread, straced};
use crate::harness::{Sandbox, program};

/// Most occurrences of one system call at which a run is killed, or that are made
/// to fail.
const POINTS: usize = 9;

struct Scene {
    template: Apart,
    arguments: Vec<String>,
    /// Whether the work is done.
    is_done: fn(&Sandbox) -> bool,
    /// The exit code of the same command once it is.
    again: i32,
    directory: &'static str,
    /// Whether the CA issues nothing before.
    waits: bool,
    /// The roots that the trust anchor's bundle has in the end.
    anchors: &'static [&'static str],
}

impl Scene {
    fn install() -> Self {
        let template = Apart::new();
        assert_eq!(template.sign_ca("issuing.pem", &[]).code, 0);
        let fixed = ["ca", "install", "--dir", "site", "--cert", "issuing.pem"];
        let root = ["--root-fingerprint", template.root.as_str()];
        Self {
            arguments: [&fixed[..], &root, &SECRET]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            template,
            is_done: |sandbox| {
                let database =
                    rusqlite::Connection::open(sandbox.path("site/inventory.db")).unwrap();
                let sql = "SELECT state FROM authority";
                let state: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
                assert!(state == "requested" || state == "active", "{state}");
                state == "active"
            },
            again: 0,
            directory: "site",
            waits: true,
            anchors: &["vault/trust-anchor.pem"],
        }
    }

    /// The next issuing CA, below another root.
    fn install_next() -> Self {
        let template = Apart::complete();
        let sandbox = &template.sandbox;
        let prepare = ["ca", "rollover", "prepare", "--dir", "site", "--json"];
        let prepared = super::json(&sandbox.ok(&[&prepare[..], &SECRET].concat()));
        let key = prepared["keyFingerprintSha256"].as_str().unwrap();
        let init = ["ca", "init", "--root-only", "--dir", "vault-2"];
        let name = ["--name", "Example Corp 2", "--json"];
        let root = super::json(&sandbox.ok(&[&init[..], &name, &SECRET].concat()));
        let root = root["root"]["fingerprintSha256"].as_str().unwrap();
        let sign = ["ca", "sign-ca", "--dir", "vault-2", "--out", "next.pem"];
        let csr = ["--csr", "site/issuing-2/request.pem"];
        sandbox.ok(&[&sign[..], &csr, &["--key-fingerprint", key], &SECRET].concat());
        let fixed = ["ca", "install", "--dir", "site", "--cert", "next.pem"];
        let compared = ["--root-fingerprint", root];
        Self {
            arguments: [&fixed[..], &compared, &SECRET]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            is_done: |sandbox| {
                let database =
                    rusqlite::Connection::open(sandbox.path("site/inventory.db")).unwrap();
                let sql = "SELECT state FROM authority WHERE generation = 2";
                let state: String = database.query_row(sql, [], |row| row.get(0)).unwrap();
                assert!(state == "requested" || state == "prepared", "{state}");
                state == "prepared"
            },
            template,
            again: 0,
            directory: "site",
            waits: false,
            anchors: &["vault/trust-anchor.pem", "vault-2/trust-anchor.pem"],
        }
    }

    fn sign_ca() -> Self {
        let template = Apart::new();
        let fixed = ["ca", "sign-ca", "--dir", "vault", "--out", "issuing.pem"];
        let key = ["--key-fingerprint", template.key.as_str()];
        let csr = ["--csr", "site/issuing/request.pem"];
        Self {
            arguments: [&fixed[..], &key, &csr, &SECRET]
                .concat()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            template,
            is_done: |sandbox| sandbox.path("issuing.pem").exists(),
            again: 2,
            directory: "vault",
            waits: true,
            anchors: &[],
        }
    }

    fn begin(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        for name in ["site", "vault", "vault-2", "issuing.pem", "next.pem"] {
            if self.template.sandbox.path(name).exists() {
                copy(&self.template.sandbox.path(name), &sandbox.path(name));
            }
        }
        sandbox
    }

    fn command(&self) -> Vec<&str> {
        let arguments = self.arguments.iter().map(String::as_str);
        [program()].into_iter().chain(arguments).collect()
    }

    fn trace(&self) -> Vec<Call> {
        await_another_second();
        straced(&self.begin(), "077", &self.command()).trace()
    }

    /// The promises, and that the same command then does its work. Says whether it
    /// was done already.
    fn check(&self, sandbox: &Sandbox, context: &str) -> bool {
        for directory in ["site", "vault"] {
            assert_owner_only(&sandbox.path(directory));
            let verified = sandbox.run(&["ca", "audit", "verify", "--dir", directory]);
            assert_eq!(verified.code, 0, "{context}: {verified:#?}");
        }
        // What the root has handed out it knows.
        if self.waits {
            assert_inventoried(sandbox.root(), &inventory(sandbox, "vault"));
        }
        let done = (self.is_done)(sandbox);
        // A CA that waits says so, whatever files are there already.
        if self.directory == "site" {
            let is_open = done || !self.waits;
            let issue = super::issue(sandbox, "early");
            assert_eq!(
                issue.code,
                if is_open { 0 } else { 2 },
                "{context}: {issue:#?}"
            );
        }
        let again = bounded(sandbox, "000", &self.command());
        assert_eq!(
            again.code,
            if done { self.again } else { 0 },
            "{context}: {again:#?}"
        );
        sandbox.ok(&["ca", "audit", "reconcile", "--dir", "vault"]);
        if self.directory == "site" {
            let issued = super::issue(sandbox, "late");
            assert_eq!(issued.code, 0, "{context}: {issued:#?}");
            let anchors: String = self.anchors.iter().map(|file| sandbox.read(file)).collect();
            assert_eq!(sandbox.read("site/trust-anchor.pem"), anchors, "{context}");
            assert_inventoried(&sandbox.path("site"), &inventory(sandbox, "site"));
        } else {
            assert_inventoried(sandbox.root(), &inventory(sandbox, "vault"));
        }
        for path in files_below(&sandbox.path(self.directory)) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            assert!(
                !name.starts_with('.'),
                "{context}: {} was left",
                path.display()
            );
        }
        done
    }
}

fn kill_everywhere(scene: &Scene) {
    let calls = scene.trace();
    let by_name = points_by_name(&calls);
    for name in ["fsync", "openat", "pwrite64", "write"] {
        assert!(by_name.contains_key(name), "the trace has no {name}");
    }
    let mut seen = [0, 0];
    let points = by_name.values().flat_map(|calls| spread(calls, POINTS));
    for (index, call) in points.enumerate() {
        let umask = if index.is_multiple_of(2) {
            "000"
        } else {
            "077"
        };
        let sandbox = scene.begin();
        straced(&sandbox, umask, &scene.command()).kill(call);
        let done = scene.check(&sandbox, &format!("killed at {call:?}"));
        seen[usize::from(done)] += 1;
    }
    assert!(seen[0] > 10 && seen[1] > 0, "{seen:?}");
}

/// A full disk, which stays full, and a sync or a rename that fails once.
fn fail_everywhere(scene: &Scene) {
    let calls = scene.trace();
    let mut failures = 0;
    for (name, error) in [
        ("fsync", Failing::Once("EIO")),
        ("pwrite64", Failing::FromThenOn("ENOSPC")),
        ("renameat", Failing::Once("EIO")),
        ("mkdir", Failing::Once("ENOSPC")),
        ("write", Failing::Once("ENOSPC")),
    ] {
        let of_name: Vec<&Call> = calls.iter().filter(|call| call.name == name).collect();
        for call in spread(&of_name, POINTS) {
            let sandbox = scene.begin();
            let run = straced(&sandbox, "000", &scene.command()).fail(call, error);
            let context = format!("{error:?} at {call:?}: {run:#?}");
            if run.code == 0 {
                // SQLite tidying up, the directory of its log, or the note that a
                // file was delivered.
                let path = call.line.split(['<', '>']).nth(1).unwrap_or_default();
                let of_database = path.contains("/inventory.db")
                    || path.ends_with(&format!("/{}", scene.directory));
                assert!(of_database, "not noticed: {context}");
                assert!((scene.is_done)(&sandbox), "{context}");
            } else {
                failures += 1;
                assert_eq!(run.code, 1, "{context}");
                assert!(run.stderr.contains("error: "), "{context}");
                assert!(!run.stderr.contains("panicked"), "{context}");
            }
            scene.check(&sandbox, &context);
        }
    }
    assert!(failures > 8, "{failures}");
}

#[test]
fn an_install_killed_at_any_call_is_done_by_the_next() {
    kill_everywhere(&Scene::install());
}

#[test]
fn an_install_on_a_failing_disk_says_so_and_is_done_by_the_next() {
    fail_everywhere(&Scene::install());
}

#[test]
fn the_next_install_killed_at_any_call_is_done_by_another() {
    kill_everywhere(&Scene::install_next());
}

#[test]
fn the_next_install_on_a_failing_disk_says_so_and_is_done_by_another() {
    fail_everywhere(&Scene::install_next());
}

#[test]
fn a_certificate_for_a_ca_is_never_lost_by_a_kill() {
    kill_everywhere(&Scene::sign_ca());
}

#[test]
fn a_certificate_for_a_ca_is_never_lost_on_a_failing_disk() {
    fail_everywhere(&Scene::sign_ca());
}
