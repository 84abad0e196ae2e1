//! A batch killed, or failed by the operating system, at one system call after
//! another (see [`crate::crash`]): what is delivered is in the inventory, no id has
//! two certificates, and the same command then does what is missing.
//!
//! A batch works with several threads, and `strace` counts the calls of each: a
//! point is the nth call of a name in whichever thread comes to it first.

use std::collections::BTreeMap;
use std::fs;

use super::{arguments, assert_log, batch, lines, rows};
use crate::ca_state::{
    KILLED, Target, assert_inventoried, assert_owner_only, await_another_second, bounded, copy,
    files_below, inventory, leaf_target,
};
use crate::crash::CALLS;
use crate::harness::{Run, Sandbox, program};

/// Rows of the batch; the first half of them with a key that is given.
const ROWS: usize = 8;

/// Most occurrences of one system call that are tried.
const POINTS: usize = 4;

struct Scene {
    template: Sandbox,
    mode: &'static str,
}

impl Scene {
    fn new(mode: &'static str) -> Self {
        let template = Sandbox::new();
        template.ca(&[]);
        let new: String = (ROWS / 2..ROWS)
            .map(|n| format!("{{\"id\":\"h{n}\",\"cn\":\"host-{n}\"}}\n"))
            .collect();
        template.write("rows", rows(&template, ROWS / 2) + &new);
        await_another_second();
        Self { template, mode }
    }

    fn begin(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        copy(&self.template.path("ca"), &sandbox.path("ca"));
        copy(&self.template.path("rows"), &sandbox.path("rows"));
        sandbox
    }

    fn run(&self, sandbox: &Sandbox, options: &[&str]) -> Run {
        let mut line = vec!["strace", "-f", "-o"];
        line.extend(options);
        line.push(program());
        let arguments = arguments("rows");
        line.extend(arguments.iter().copied().chain([self.mode]));
        bounded(sandbox, "000", &line)
    }

    /// How often a thread makes each call, at most.
    fn trace(&self) -> BTreeMap<String, usize> {
        let sandbox = self.begin();
        let traced = format!("trace={CALLS}");
        let run = self.run(&sandbox, &["trace", "-e", &traced]);
        assert_eq!(run.code, 0, "does strace work here? {run:#?}");
        let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let trace = sandbox.read("trace");
        for line in trace.lines() {
            let (thread, call) = line.split_once(' ').unwrap();
            let call = call.trim_start();
            // What was interrupted by another thread goes on in a line of its own.
            if call.starts_with('<') {
                continue;
            }
            if let Some((name, _)) = call.split_once('(') {
                *counts.entry((thread, name)).or_default() += 1;
            }
        }
        let mut most = BTreeMap::new();
        for ((_, name), count) in counts {
            let entry: &mut usize = most.entry(name.to_owned()).or_default();
            *entry = (*entry).max(count);
        }
        most
    }

    /// The promises, and that the same command then does what is missing.
    fn check(&self, sandbox: &Sandbox, context: &str) {
        assert_owner_only(&sandbox.path("ca"));
        if sandbox.path("out").exists() {
            assert_owner_only(&sandbox.path("out"));
            assert_inventoried(&sandbox.path("out"), &inventory(sandbox, "ca"));
        }
        assert_log(sandbox);
        let again = batch(sandbox, "rows", &[self.mode, "--json"]);
        assert_eq!(again.code, 0, "{context}: {again:#?}");
        let mut serials: Vec<String> = lines(&again)
            .iter()
            .map(|line| line["serialNumber"].as_str().unwrap().to_owned())
            .collect();
        serials.sort();
        serials.dedup();
        assert_eq!(serials.len(), ROWS, "{context}");
        let all = inventory(sandbox, "ca");
        let issued = all.values().filter(|row| row.state == "valid").count();
        assert_eq!(issued, ROWS + 2, "{context}: an id has two certificates");
        let unsettled = all.values().filter(|row| row.state == "reserved").count();
        assert_eq!(unsettled, 0, "{context}");
        let delivered = serials.iter().all(|serial| all[serial].delivered);
        assert!(delivered, "{context}");
        for n in ROWS / 2..ROWS {
            let target = leaf_target(&sandbox.path(&format!("out/h{n}")));
            assert_eq!(target, Target::Complete, "{context}: h{n}");
        }
        let directories = fs::read_dir(sandbox.path("out")).unwrap().count();
        assert_eq!(directories, ROWS, "{context}: something is left over");
        assert_log(sandbox);
        // No key of a row is anywhere but with its certificate.
        let keys = files_below(sandbox.root())
            .into_iter()
            .filter(|path| fs::read(path).is_ok_and(|content| has_key(&content)))
            .count();
        assert_eq!(keys, ROWS / 2, "{context}");
    }
}

fn has_key(content: &[u8]) -> bool {
    let marker = b"-----BEGIN PRIVATE KEY-----";
    content.windows(marker.len()).any(|window| window == marker)
}

/// Some of the numbers from one to `count`, the first and the last among them.
fn points(count: usize) -> Vec<usize> {
    if count <= POINTS {
        return (1..=count).collect();
    }
    (0..POINTS)
        .map(|index| 1 + index * (count - 1) / (POINTS - 1))
        .collect()
}

fn kill_everywhere(mode: &'static str) {
    let scene = Scene::new(mode);
    let mut killed = 0;
    for (name, count) in scene.trace() {
        for nth in points(count) {
            let sandbox = scene.begin();
            let inject = format!("inject={name}:signal=SIGKILL:when={nth}");
            let trace = format!("trace={name}");
            let run = scene.run(&sandbox, &["/dev/null", "-e", &trace, "-e", &inject]);
            let context = format!("{mode}, killed at {name} {nth}: {run:#?}");
            // The last call of a thread may not be made when another has had
            // more of the work.
            assert!(run.code == KILLED || nth == count, "not {context}");
            killed += usize::from(run.code == KILLED);
            scene.check(&sandbox, &context);
        }
    }
    assert!(killed > 20, "{killed}");
}

#[test]
fn a_batch_that_keeps_going_is_killed_at_any_call_and_completed() {
    kill_everywhere("--keep-going");
}

#[test]
fn a_batch_of_all_or_nothing_is_killed_at_any_call_and_completed() {
    kill_everywhere("--all-or-nothing");
}

/// A full disk, which stays full, and a sync or a rename that fails once.
#[test]
fn a_batch_on_a_failing_disk_says_so_and_is_completed() {
    let scene = Scene::new("--keep-going");
    let counts = scene.trace();
    let mut failures = 0;
    for (name, error, from_then_on) in [
        ("fsync", "EIO", ""),
        ("pwrite64", "ENOSPC", "+"),
        ("rename", "EIO", ""),
        ("renameat2", "EIO", ""),
        ("write", "ENOSPC", "+"),
    ] {
        for nth in points(counts.get(name).copied().unwrap_or(0)) {
            let sandbox = scene.begin();
            let inject = format!("inject={name}:error={error}:when={nth}{from_then_on}");
            let trace = format!("trace={name}");
            let run = scene.run(&sandbox, &["/dev/null", "-e", &trace, "-e", &inject]);
            let context = format!("{error} at {name} {nth}: {run:#?}");
            if run.code != 0 {
                failures += 1;
                assert_eq!(run.code, 1, "{context}");
                assert!(!run.stderr.contains("panicked"), "{context}");
                // When not even stderr can be written, nobody can be told.
                let told = run.stderr.contains("error: ") && run.stderr.contains("because: ");
                assert!(told || name == "write", "{context}");
            }
            scene.check(&sandbox, &context);
        }
    }
    assert!(failures > 8, "{failures}");
}
