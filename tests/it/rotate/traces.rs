//! The traces of the model (src/host/model.rs) with the real program: what issuer,
//! Roles Anywhere and hooks do, and what runs before have left, each with a SIGKILL
//! at system calls that change something. At every moment a whole pair is in
//! force which obtains a session, and the next good run comes through.
//!
//! Of each trace [`POINTS`] calls are taken, evenly from the first to the last;
//! `WINDLASS_CRASH_POINTS` is another number, or `all`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::ca_state::{await_another_second, copy};
use crate::crash::{CALLS, Call, spread, straced};
use crate::harness::{Emulator, Sandbox, program};

use super::{LOCAL, in_force, signs, with_identity};

/// At how many calls a run of each trace is killed.
const POINTS: usize = 7;

/// What changes a directory besides.
pub(super) const MORE_CALLS: &str = "link,linkat,symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,fchownat,\
                          fsetxattr,setxattr";

/// How many points are asked for.
pub(super) fn points(usual: usize) -> usize {
    match std::env::var("WINDLASS_CRASH_POINTS").as_deref() {
        Ok("all") => usize::MAX,
        Ok(number) => number.parse().expect("a number of points, or all"),
        Err(_) => usual,
    }
}

/// What is there before a run, and the run.
struct Trace {
    before: Sandbox,
    /// What the run says, after `rotate` and the identity.
    arguments: Vec<String>,
    /// How it ends where nobody kills it.
    code: i32,
}

impl Trace {
    /// A CA and an identity, which is asked to be renewed by this CA.
    fn new(arguments: &[&str], code: i32) -> Self {
        let before = with_identity();
        before.write("hook", "#!/bin/sh\n[ -e repaired ]\n");
        let mode = fs::Permissions::from_mode(0o700);
        fs::set_permissions(before.path("hook"), mode).unwrap();
        fs::create_dir(before.path("etc")).unwrap();
        Self {
            before,
            arguments: [&LOCAL[..], arguments]
                .concat()
                .iter()
                .map(|word| (*word).to_owned())
                .collect(),
            code,
        }
    }

    /// One whose certificate comes from a command.
    fn by_command(command: &str, code: i32) -> Self {
        let mut trace = Self::new(&["--force"], code);
        let words = [
            "--trust-anchor",
            "ca/trust-anchor.pem",
            "--issuer-command",
            command,
        ];
        trace.arguments.splice(5..9, words.map(str::to_owned));
        trace
    }

    /// One after a run that has ended so.
    fn after(mut self, arguments: &[String], code: i32) -> Self {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let run = self.before.run(&arguments);
        assert_eq!(run.code, code, "{run:#?}");
        self.before.write("repaired", "");
        self.code = 0;
        self
    }

    fn again(&self) -> Sandbox {
        let sandbox = Sandbox::new();
        for name in ["ca", "web", "etc"] {
            copy(&self.before.path(name), &sandbox.path(name));
        }
        for name in ["hook", "repaired"] {
            if self.before.path(name).exists() {
                fs::copy(self.before.path(name), sandbox.path(name)).unwrap();
            }
        }
        sandbox
    }

    /// Kills it at one call after another, and judges what is left each time.
    fn replay(&self) {
        await_another_second();
        let arguments = self.arguments.iter().map(String::as_str);
        let command: Vec<&str> = std::iter::once(program()).chain(arguments).collect();
        let old = in_force(&self.before.path("web"));
        let sandbox = self.again();
        let calls = straced(&sandbox, "077", &command).alone();
        let calls = calls.trace_of(&format!("{CALLS},{MORE_CALLS}"), self.code);
        let all: Vec<&Call> = calls.iter().filter(|call| call.is_a_point()).collect();
        assert!(all.len() > POINTS, "{calls:#?}");
        let emulator = self
            .before
            .emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
        for (index, call) in spread(&all, points(POINTS)).into_iter().enumerate() {
            let sandbox = self.again();
            let umask = if index.is_multiple_of(2) {
                "000"
            } else {
                "077"
            };
            straced(&sandbox, umask, &command).alone().kill(call);
            let told = format!("{:?} killed at {call:?}", self.arguments);
            let found = in_force(&sandbox.path("web"));
            signs(&sandbox, &emulator, &told);
            self.recovers(&sandbox, found != old, &old, &told);
        }
    }

    /// Runs in a good world come to a new certificate and leave nothing behind.
    fn recovers(&self, sandbox: &Sandbox, is_renewed: bool, old: &str, told: &str) {
        sandbox.write("repaired", "");
        let mut arguments: Vec<&str> = LOCAL.to_vec();
        let mut words = self.arguments.iter().map(String::as_str).peekable();
        // Files at fixed paths and hooks are those of every run.
        while let Some(word) = words.next() {
            if word.ends_with("-file") && word != "--passphrase-file" || word.ends_with("-hook") {
                let value = words.next().unwrap();
                arguments.extend([word, if value == "false" { "true" } else { value }]);
            }
        }
        let run = sandbox.run(&arguments);
        // One that waits after a failure that was remembered ends as that did.
        let is_waiting = !is_renewed && run.stderr.contains("is still not renewed");
        assert!(run.code == 0 || is_waiting, "{told}: {run:#?}");
        if !is_renewed {
            arguments.push("--force");
            let run = sandbox.run(&arguments);
            assert_eq!(run.code, 0, "{told}: {run:#?}");
        }
        assert_ne!(in_force(&sandbox.path("web")), old, "{told}");
        for (fixed, part) in [("etc/tls.key", "key.pem"), ("etc/tls.pem", "fullchain.pem")] {
            if self.arguments.iter().any(|word| word == fixed) {
                let version = sandbox.read(&format!("web/current/{part}"));
                assert_eq!(sandbox.read(fixed), version, "{told}");
            }
        }
        let left = fs::read_dir(sandbox.path("etc")).unwrap();
        assert!(left.count() <= 2, "{told}");
        for entry in fs::read_dir(sandbox.path("web")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                !name.ends_with(".next") && !name.contains("tmp"),
                "{told}: {name}"
            );
        }
        let mode = fs::metadata(sandbox.path("web/current/key.pem")).unwrap();
        assert_eq!(mode.permissions().mode() & 0o7777, 0o600, "{told}");
    }
}

/// The options of a session with an emulator.
fn session(emulator: &Emulator, url: &str) -> Vec<String> {
    let all = emulator.arguments("web/current");
    let from = all
        .iter()
        .position(|word| word == "--trust-anchor-arn")
        .unwrap();
    let mut words = all[from..from + 6].to_vec();
    words.extend(["--endpoint".to_owned(), url.to_owned()]);
    words
}

#[test]
fn killed_while_files_at_fixed_paths_follow() {
    let fixed = [
        "--key-file",
        "etc/tls.key",
        "--fullchain-file",
        "etc/tls.pem",
    ];
    let trace = Trace::new(&[&fixed[..], &["--force"]].concat(), 0);
    // They are those of the version before.
    trace.before.ok(&[&LOCAL[..], &fixed].concat());
    trace.replay();
}

#[test]
fn killed_while_the_key_is_used_again() {
    Trace::new(&["--force", "--reuse-key"], 0).replay();
}

#[test]
fn killed_where_the_issuer_is_out_and_where_its_key_is_used_later() {
    let out = Trace::by_command("sh -c 'exit 75'", 5);
    out.replay();
    Trace::new(&["--force"], 0)
        .after(&out.arguments, 5)
        .replay();
}

#[test]
fn killed_where_the_answer_is_a_page() {
    Trace::by_command("echo '<html>502 Bad Gateway</html>'", 1).replay();
}

#[test]
fn killed_where_a_hook_before_the_change_fails() {
    let failing = Trace::new(&["--force", "--before-hook", "./hook"], 1);
    failing.replay();
    let arguments = &failing.arguments;
    Trace::new(&["--force", "--before-hook", "./hook"], 0)
        .after(arguments, 1)
        .replay();
}

#[test]
fn killed_where_a_hook_after_the_change_fails_and_where_it_is_run_again() {
    let failing = Trace::new(&["--force", "--after-hook", "./hook"], 1);
    failing.replay();
    let again = Trace::new(&["--after-hook", "./hook"], 0);
    again.after(&failing.arguments, 1).replay();
}

#[test]
fn killed_where_roles_anywhere_refuses_and_where_it_grants_later() {
    let mut refused = Trace::new(&["--force"], 3);
    let mut other = vec!["ca", "init", "--dir", "other", "--name", "Other"];
    other.extend(["--passphrase-file", "passphrase"]);
    refused.before.ok(&other);
    let stranger = refused
        .before
        .emulate(&["--trust-anchor", "other/trust-anchor.pem"]);
    refused.arguments.extend(session(&stranger, &stranger.url));
    refused.replay();
    // It is tried out by whoever trusts its CA.
    let mut granted = Trace::new(&["--force"], 0).after(&refused.arguments, 3);
    let emulator = granted
        .before
        .emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    granted.arguments.extend(session(&emulator, &emulator.url));
    granted.replay();
}

#[test]
fn killed_where_nobody_answers_to_the_trial() {
    let mut silent = Trace::new(&["--force"], 5);
    let emulator = silent
        .before
        .emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let words = session(&emulator, "http://127.0.0.1:1");
    silent.arguments.extend(words);
    silent.replay();
}
