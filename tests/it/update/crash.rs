//! `update` killed, or failed by the operating system, at one system call after
//! another: the file has the old content or the new one, in place too once the
//! next run is through.

use std::collections::BTreeMap;
use std::fs;

use super::{arguments, good, lines, mode, names};
use crate::ca_state::{KILLED, bounded};
use crate::fault_server::FaultServer;
use crate::harness::{Run, program};
use crate::workload::Workload;

/// The calls that make, write, lock, rename and remove files.
const CALLS: &str =
    "openat,write,pwrite64,ftruncate,fallocate,fsync,fchmod,renameat,unlinkat,flock";

/// Old content, longer and shorter than what comes.
const OLD: [&str; 2] = [
    "# mine\n[a]\nx = 1\n[default]\naws_access_key_id = ASIAOLD\naws_secret_access_key = o\naws_session_token = o\naws_security_token = long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long-long\n[b]\ny = 2\n",
    "# mine\n[a]\nx = 1\n[default]\nregion = x\n[b]\ny = 2\n",
];

struct Scene {
    old: &'static str,
    new: String,
    in_place: bool,
    workload: Workload,
    server: FaultServer,
}

impl Scene {
    fn new(old: &'static str, in_place: bool) -> Self {
        let (workload, server) = (Workload::new(), good(1));
        fs::create_dir(workload.sandbox.path("aws")).unwrap();
        let scene = Self {
            old,
            new: String::new(),
            in_place,
            workload,
            server,
        };
        // The session comes from the cache from here on.
        scene.begin();
        let run = scene.run("022", &[]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
        let new = scene.read();
        assert!(new.contains(&lines()) && new != old);
        Self { new, ..scene }
    }

    fn begin(&self) {
        for name in fs::read_dir(self.workload.sandbox.path("aws")).unwrap() {
            fs::remove_file(name.unwrap().path()).unwrap();
        }
        self.workload.sandbox.write("aws/credentials", self.old);
    }

    fn read(&self) -> String {
        self.workload.sandbox.read("aws/credentials")
    }

    fn run(&self, umask: &str, strace: &[&str]) -> Run {
        let update = arguments(&self.server);
        let mut arguments: Vec<&str> = strace.to_vec();
        arguments.push(program());
        arguments.extend(update.iter().map(String::as_str));
        arguments.extend(["--once", "--credentials-file", "aws/credentials"]);
        if self.in_place {
            arguments.push("--in-place");
        }
        bounded(&self.workload.sandbox, umask, &arguments)
    }

    /// The calls of a normal run that concern the file's directory, as their
    /// names with their numbers among those of the same name.
    fn calls(&self) -> Vec<(String, usize, String)> {
        self.begin();
        let trace = format!("trace={CALLS}");
        let run = self.run("022", &["strace", "-f", "-y", "-o", "trace", "-e", &trace]);
        assert_eq!(run.code, 0, "does strace work here? {run:#?}");
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let mut calls = Vec::new();
        for line in self.workload.sandbox.read("trace").lines() {
            let call = line.split_once(' ').unwrap().1.trim_start();
            let Some((name, _)) = call.split_once('(') else {
                continue;
            };
            let nth = counts.entry(name.to_owned()).or_default();
            *nth += 1;
            if call.contains("aws/") || call.contains("/aws>") {
                calls.push((name.to_owned(), *nth, call.to_owned()));
            }
        }
        calls
    }

    /// Whether the file is neither old nor new, which only a write into it may
    /// leave, with the journal from which it is completed.
    fn is_torn(&self, context: &str) -> bool {
        let found = self.read();
        let is_whole = found == self.old || found == self.new;
        let journal = "aws/.credentials.windlass-journal";
        let can_be_completed = self.in_place && self.workload.sandbox.path(journal).exists();
        assert!(is_whole || can_be_completed, "{context}: {found}");
        !is_whole
    }

    /// The next run leaves the new content, and nothing beside it.
    fn completes(&self, context: &str) {
        let run = self.run("077", &[]);
        assert_eq!(run.code, 0, "{context}: {run:#?}");
        assert_eq!(self.read(), self.new, "{context}: {run:#?}");
        let directory = self.workload.sandbox.path("aws");
        assert_eq!(names(&directory), ["credentials"], "{context}");
    }

    fn kill_everywhere(&self) {
        let calls = self.calls();
        let mut torn = 0;
        for (index, (name, nth, call)) in calls.iter().enumerate() {
            self.begin();
            let umask = if index % 2 == 0 { "000" } else { "077" };
            let inject = format!("inject={name}:signal=SIGKILL:when={nth}");
            let trace = format!("trace={name}");
            let run = self.run(
                umask,
                &[
                    "strace",
                    "-f",
                    "-o",
                    "/dev/null",
                    "-e",
                    &trace,
                    "-e",
                    &inject,
                ],
            );
            assert_eq!(run.code, KILLED, "not killed at {call}: {run:#?}");
            torn += usize::from(self.is_torn(call));
            for entry in fs::read_dir(self.workload.sandbox.path("aws")).unwrap() {
                let path = entry.unwrap().path();
                assert_eq!(mode(&path), 0o600, "{} at {call}", path.display());
            }
            self.completes(call);
        }
        // Between the write and the cut the file is neither.
        let expected = self.in_place && self.old.len() > self.new.len();
        assert_eq!(torn > 0, expected, "{torn} torn states");
    }

    fn fail_everywhere(&self) {
        let calls = self.calls();
        let mut failures = 0;
        for (name, nth, call) in &calls {
            let error = match name.as_str() {
                "openat" if !call.contains("O_CREAT") => continue,
                "openat" | "write" | "pwrite64" | "fallocate" => "ENOSPC",
                "fsync" | "ftruncate" | "renameat" | "unlinkat" | "fchmod" => "EIO",
                _ => continue,
            };
            // Once, and from then on: a disk that stays full.
            for persistence in ["", "+"] {
                self.begin();
                let inject = format!("inject={name}:error={error}:when={nth}{persistence}");
                let trace = format!("trace={name}");
                let run = self.run(
                    "022",
                    &[
                        "strace",
                        "-f",
                        "-o",
                        "/dev/null",
                        "-e",
                        &trace,
                        "-e",
                        &inject,
                    ],
                );
                let context = format!("{error}{persistence} at {call}: {run:#?}");
                self.is_torn(&context);
                assert!(!run.stderr.contains("panicked"), "{context}");
                if run.code == 0 {
                    assert_eq!(self.read(), self.new, "{context}");
                } else if name == "write" && persistence == "+" {
                    // Then stderr cannot be written either.
                } else {
                    failures += 1;
                    assert!(
                        run.stderr.starts_with("error: aws/credentials")
                            || run.stderr.starts_with("error: aws/.credentials")
                            || run.stderr.starts_with("error: aws "),
                        "{context}"
                    );
                }
                self.completes(&context);
            }
        }
        assert!(failures > 10, "{failures}");
    }
}

#[test]
fn f9_killed_at_any_call_the_file_is_old_or_new() {
    Scene::new(OLD[0], false).kill_everywhere();
}

#[test]
fn f9_on_a_failing_disk_the_file_is_old_or_new() {
    Scene::new(OLD[0], false).fail_everywhere();
}

#[test]
fn f9_l13_killed_while_writing_in_place_the_next_run_completes_it() {
    for old in OLD {
        Scene::new(old, true).kill_everywhere();
    }
}

#[test]
fn f9_l13_in_place_on_a_failing_disk_the_next_run_completes_it() {
    for old in OLD {
        Scene::new(old, true).fail_everywhere();
    }
}

/// Nothing can be renamed onto a bind mount.
#[test]
fn l13_where_a_rename_is_refused_the_file_is_written_into_with_a_warning() {
    for error in ["EBUSY", "EXDEV"] {
        let scene = Scene::new(OLD[1], false);
        scene.begin();
        let inject = format!("inject=renameat:error={error}:when=1");
        let run = scene.run(
            "022",
            &[
                "strace",
                "-f",
                "-o",
                "/dev/null",
                "-e",
                "trace=renameat",
                "-e",
                &inject,
            ],
        );
        assert_eq!(run.code, 0, "{run:#?}");
        assert_eq!(
            run.stderr,
            "warning: nothing can be renamed onto aws/credentials, so it was written into; --in-place does so from the start\n"
        );
        assert_eq!(scene.read(), scene.new);
        assert_eq!(names(&scene.workload.sandbox.path("aws")), ["credentials"]);
    }
}

/// A power cut, which no test can make, leaves what was synced before.
#[test]
fn f9_everything_is_durable_before_the_next_step_relies_on_it() {
    let new = "aws/.credentials.windlass-new";
    let replace = [
        ("fsync", new),
        ("renameat", "\"credentials\""),
        ("fsync", "/aws>"),
    ];
    let in_place = [
        ("fsync", new),
        ("renameat", "\".credentials.windlass-journal\""),
        ("fsync", "/aws>"),
        ("pwrite64", "aws/credentials>"),
        ("ftruncate", "aws/credentials>"),
        ("fsync", "aws/credentials>"),
        ("unlinkat", "\".credentials.windlass-journal\""),
        ("fsync", "/aws>"),
    ];
    for (is_in_place, steps) in [(false, replace.as_slice()), (true, &in_place)] {
        let calls = Scene::new(OLD[0], is_in_place).calls();
        let mut rest = calls.iter();
        for (name, part) in steps {
            let found = rest.any(|(call, _, line)| call == name && line.contains(part));
            assert!(found, "no {name} of {part} in its place: {calls:#?}");
        }
    }
}
