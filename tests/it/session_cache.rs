//! The sessions that processes share: who obtains one, who waits, and what is
//! used when AWS cannot be reached.

mod clocks;
mod crash;

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use serde_json::Value;
use windlass::clock::rfc3339;

use crate::fault_server::{Fault, FaultServer, http};
use crate::harness::{Run, Sandbox};
use crate::users::is_root;
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, Workload, session};

/// A workload whose sessions are kept in `.cache/windlass`.
struct Host {
    workload: Workload,
}

impl Host {
    fn new() -> Self {
        Self {
            workload: Workload::new(),
        }
    }

    fn sandbox(&self) -> &Sandbox {
        &self.workload.sandbox
    }

    fn arguments(&self, server: &FaultServer) -> Vec<String> {
        let url = server.url();
        let pairs = [
            ("--certificate", "fullchain.pem"),
            ("--private-key", "key.pem"),
            ("--trust-anchor-arn", TRUST_ANCHOR_ARN),
            ("--profile-arn", PROFILE_ARN),
            ("--role-arn", ROLE_ARN),
            ("--endpoint", &url),
        ];
        std::iter::once("credential-process".to_owned())
            .chain(
                pairs
                    .iter()
                    .flat_map(|(name, value)| [*name, *value])
                    .map(str::to_owned),
            )
            .collect()
    }

    /// `credential-process` against this server, with the cache.
    fn ask(&self, server: &FaultServer, options: &[&str]) -> Run {
        let mut command = self.sandbox().command();
        command.args(self.arguments(server)).args(options);
        self.sandbox().finish(command)
    }

    fn start(&self, server: &FaultServer) -> Child {
        let mut command = self.sandbox().command();
        command
            .args(self.arguments(server))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().unwrap()
    }

    fn directory(&self) -> PathBuf {
        self.sandbox().path(".cache/windlass")
    }

    /// The only file of this kind in the cache.
    fn file(&self, kind: &str) -> PathBuf {
        let mut found: Vec<PathBuf> = fs::read_dir(self.directory())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == kind))
            .collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    /// Changes what is kept.
    fn edit(&self, kind: &str, change: impl FnOnce(&mut Value)) {
        let path = self.file(kind);
        let mut value: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut value);
        fs::write(&path, value.to_string()).unwrap();
    }

    /// Lets the kept session look as if it began so long ago and had so much
    /// left.
    fn age(&self, ago: TimeDelta, left: TimeDelta) {
        self.edit("session", |kept| {
            kept["obtained"] = rfc3339(Utc::now() - ago).into();
            kept["expiration"] = rfc3339(Utc::now() + left).into();
        });
    }
}

/// An answer with credentials whose key id ends in this letter.
fn answer(letter: char) -> Fault {
    Fault::Answer(session(|answer| {
        answer["credentialSet"][0]["credentials"]["accessKeyId"] =
            format!("ASIAEXAMPLEEXAMPLE1{letter}").into();
    }))
}

fn unavailable() -> Fault {
    let headers = [("Content-Type", "application/json")];
    Fault::Answer(http("503 Service Unavailable", &headers, "{}"))
}

/// Whether a process has this file open at this moment.
fn has_open(process: &Child, path: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", process.id())).into_iter();
    open.flatten()
        .flatten()
        .any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == path))
}

/// The letter of the credentials that were printed.
#[track_caller]
fn letter(run: &Run) -> char {
    assert_eq!(run.code, 0, "{run:#?}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let id = document["AccessKeyId"].as_str().unwrap();
    id.chars().next_back().unwrap()
}

#[test]
fn a_hit_reads_the_certificate_and_the_kept_session_alone() {
    let host = Host::new();
    let server = FaultServer::start(vec![answer('A')]);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    // Neither the key nor the endpoint is there any more.
    fs::rename(host.sandbox().path("key.pem"), host.sandbox().path("k")).unwrap();
    let arguments = host.arguments(&server);
    drop(server);
    let calls = "openat,open,socket,connect,clone,clone3,vfork,fork,epoll_create1,mkdir,rename";
    let mut command = std::process::Command::new("strace");
    host.sandbox().scrub(&mut command);
    command
        .args(["-f", "-o", "trace", "-e", &format!("trace={calls}")])
        .arg(crate::harness::program())
        .args(&arguments);
    let run = host.sandbox().finish(command);
    assert_eq!(letter(&run), 'A');
    let trace = host.sandbox().read("trace");
    let opened: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("open") && !line.contains(".so") && !line.contains("ENOENT"))
        .filter_map(|line| line.split('"').nth(1))
        .filter(|path| !path.starts_with("/proc/") && !path.starts_with("/sys/"))
        .collect();
    let kept = host.file("session").display().to_string();
    assert_eq!(opened, ["fullchain.pem", &kept], "{trace}");
    for call in [
        "socket(",
        "clone",
        "fork(",
        "epoll_create1(",
        "mkdir(",
        "rename(",
    ] {
        assert!(!trace.contains(call), "{call}: {trace}");
    }
}

#[test]
fn fifty_processes_on_an_empty_cache_ask_aws_once() {
    let host = Host::new();
    // Only the first answer has credentials; any other request would fail.
    let server = FaultServer::start(vec![answer('A')]);
    let children: Vec<Child> = (0..50).map(|_| host.start(&server)).collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{stderr}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["AccessKeyId"], "ASIAEXAMPLEEXAMPLE1A");
        assert_eq!(stderr, "");
    }
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn whatever_decides_the_session_keeps_it_apart() {
    let host = Host::new();
    let letters = ['A', 'B', 'C', 'D', 'E'];
    let server = FaultServer::start(letters.map(answer).into());
    let cases: [&[&str]; 4] = [
        &[],
        &["--session-duration", "1800"],
        &["--role-session-name", "nightly"],
        &[
            "--profile-arn",
            "arn:aws:rolesanywhere:us-east-1:123456789012:alias/profile/b",
        ],
    ];
    // The last of two equal options would be a usage error, so it replaces.
    let ask = |options: &[&str]| {
        let mut arguments = host.arguments(&server);
        if let [name, value] = options {
            match arguments.iter().position(|known| known == name) {
                Some(index) => arguments[index + 1] = (*value).to_owned(),
                None => arguments.extend([(*name).to_owned(), (*value).to_owned()]),
            }
        }
        let mut command = host.sandbox().command();
        command.args(arguments);
        host.sandbox().finish(command)
    };
    for _ in 0..2 {
        for (case, expected) in cases.iter().zip(letters) {
            assert_eq!(letter(&ask(case)), expected, "{case:?}");
        }
    }
    // A rotation: another certificate at the same place.
    let mut certificate = host.sandbox().read("fullchain.pem");
    certificate.push('\n');
    host.sandbox().write("fullchain.pem", certificate);
    assert_eq!(letter(&ask(&[])), 'E');
    assert_eq!(server.seen().len(), 5);
}

#[test]
fn without_the_cache_each_run_asks_and_nothing_is_kept() {
    let host = Host::new();
    let server = FaultServer::start(vec![answer('A'), answer('B')]);
    for expected in ['A', 'B'] {
        assert_eq!(letter(&host.ask(&server, &["--no-cache"])), expected);
    }
    assert!(!host.directory().exists());
}

#[test]
fn a_session_is_replaced_at_half_of_its_life() {
    let host = Host::new();
    let server = FaultServer::start(['A', 'B'].map(answer).into());
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::minutes(29), TimeDelta::minutes(31));
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::minutes(31), TimeDelta::minutes(29));
    assert_eq!(letter(&host.ask(&server, &[])), 'B');
}

#[test]
fn a_failed_refresh_leaves_the_valid_session_in_use_until_its_end() {
    let host = Host::new();
    let mut script = vec![answer('A')];
    script.extend((0..40).map(|_| unavailable()));
    let server = FaultServer::start(script);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::minutes(40), TimeDelta::minutes(20));
    let run = host.ask(&server, &[]);
    assert_eq!(letter(&run), 'A');
    assert!(
        run.stderr.starts_with("warning: no new session ("),
        "{run:#?}"
    );
    assert!(run.stderr.contains("503"), "{run:#?}");
    assert!(run.stderr.contains("still valid until"), "{run:#?}");

    // A moment later nobody asks again, and everybody still says why.
    host.edit("failure", |known| {
        assert_eq!(known["count"], 1);
        known["next"] = rfc3339(Utc::now() + TimeDelta::minutes(1)).into();
    });
    let asked = server.seen().len();
    let run = host.ask(&server, &[]);
    assert_eq!(letter(&run), 'A');
    assert!(run.stderr.contains("503"), "{run:#?}");
    assert_eq!(server.seen().len(), asked);

    // When the pause is over it is tried again, and the next one is longer.
    host.edit("failure", |known| {
        known["next"] = rfc3339(Utc::now() - TimeDelta::seconds(1)).into();
    });
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    assert!(server.seen().len() > asked);
    host.edit("failure", |known| assert_eq!(known["count"], 2));

    // At the end of the session there is nothing to fall back on, pause or not.
    host.age(TimeDelta::minutes(61), TimeDelta::seconds(-1));
    let asked = server.seen().len();
    let run = host.ask(&server, &[]);
    assert_eq!((run.code, run.stdout.as_str()), (5, ""), "{run:#?}");
    assert!(server.seen().len() > asked);
}

#[test]
fn after_a_rotation_the_session_of_the_certificate_before_helps_out() {
    let host = Host::new();
    let mut script = vec![answer('A')];
    script.extend((0..10).map(|_| unavailable()));
    let server = FaultServer::start(script);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    let mut certificate = host.sandbox().read("fullchain.pem");
    certificate.push('\n');
    host.sandbox().write("fullchain.pem", certificate);
    let run = host.ask(&server, &[]);
    assert_eq!(letter(&run), 'A');
    assert!(run.stderr.contains("still valid until"), "{run:#?}");
    assert!(server.seen().len() > 1, "a new one was asked for");
    // And not again before the pause is over.
    host.edit("failure", |known| {
        known["next"] = rfc3339(Utc::now() + TimeDelta::minutes(1)).into();
    });
    let asked = server.seen().len();
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    assert_eq!(server.seen().len(), asked);
    // Another workload's certificate is none that follows it.
    host.sandbox()
        .write("other.pem", host.sandbox().read("fullchain.pem") + "\n\n");
    let mut command = host.sandbox().command();
    let arguments = host.arguments(&server);
    command.args(arguments.iter().map(|argument| match argument.as_str() {
        "fullchain.pem" => "other.pem",
        other => other,
    }));
    let run = host.sandbox().finish(command);
    assert_eq!((run.code, run.stdout.as_str()), (5, ""), "{run:#?}");
    // Only the same session: another role is another matter.
    let run = host.ask(&server, &["--role-session-name", "nightly"]);
    assert_eq!((run.code, run.stdout.as_str()), (5, ""), "{run:#?}");
}

/// As when its disk was mounted read-only after an error.
#[test]
fn a_cache_that_cannot_be_written_still_helps_out() {
    let host = Host::new();
    let mut script = vec![answer('A')];
    script.extend((0..10).map(|_| unavailable()));
    let server = FaultServer::start(script);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::minutes(40), TimeDelta::minutes(20));
    // No lock can be had where a directory stands.
    let lock = host.file("lock");
    fs::remove_file(&lock).unwrap();
    fs::create_dir(&lock).unwrap();
    let run = host.ask(&server, &[]);
    assert_eq!(letter(&run), 'A');
    assert_eq!(run.stderr.lines().count(), 2, "{run:#?}");
    assert!(
        run.stderr.starts_with("warning: going on without"),
        "{run:#?}"
    );
    assert!(run.stderr.contains("still valid until"), "{run:#?}");
}

#[test]
fn the_next_success_ends_a_failure() {
    let host = Host::new();
    let server = FaultServer::start(vec![answer('A'), answer('B')]);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::minutes(40), TimeDelta::minutes(20));
    let failure = host.file("session").with_extension("failure");
    let kept = serde_json::json!({
        "failure": { "message": "no", "hint": null, "cause": "temporary" },
        "at": "2026-01-01T00:00:00Z", "count": 9, "next": "2026-01-01T00:01:00Z",
    });
    fs::write(&failure, kept.to_string()).unwrap();
    fs::set_permissions(&failure, fs::Permissions::from_mode(0o600)).unwrap();
    let run = host.ask(&server, &[]);
    assert_eq!((letter(&run), run.stderr.as_str()), ('B', ""));
    assert!(!failure.exists());
}

#[test]
fn while_one_refreshes_the_others_use_what_is_valid_and_wait_otherwise() {
    let host = Host::new();
    let server = FaultServer::start(vec![answer('A'), answer('B')]);
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::minutes(40), TimeDelta::minutes(20));
    // Another process is at it.
    let lock = fs::File::open(host.file("lock")).unwrap();
    lock.lock().unwrap();
    let run = host.ask(&server, &[]);
    assert_eq!((letter(&run), server.seen().len()), ('A', 1));

    host.age(TimeDelta::minutes(61), TimeDelta::seconds(-1));
    let mut waiting = host.start(&server);
    // It looks for the lock again and again.
    let limit = Instant::now() + Duration::from_secs(20);
    while !has_open(&waiting, &host.file("lock")) {
        assert!(waiting.try_wait().unwrap().is_none(), "it did not wait");
        assert!(Instant::now() < limit, "it does not look for the lock");
    }
    assert_eq!(server.seen().len(), 1);
    drop(lock);
    let output = waiting.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("EXAMPLE1B"));
}

#[test]
fn those_who_waited_in_vain_are_told_what_the_other_was_told() {
    let host = Host::new();
    let refusal = http(
        "403 Forbidden",
        &[("x-amzn-errortype", "AccessDeniedException")],
        r#"{"message":"Specified Trust Anchor is disabled."}"#,
    );
    let slow = Fault::Trickle(refusal, Duration::from_millis(6));
    let server = FaultServer::start(vec![slow]);
    let children: Vec<Child> = (0..8).map(|_| host.start(&server)).collect();
    let mut told = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stdout.len()), (Some(3), 0));
        told.push(String::from_utf8(output.stderr).unwrap());
    }
    assert_eq!(server.seen().len(), 1, "{told:#?}");
    let others = told
        .iter()
        .filter(|text| text.starts_with("error: another process of windlass got no session"));
    assert_eq!(others.count(), 7, "{told:#?}");
    let mut shown = told
        .iter()
        .find(|text| text.contains("another"))
        .unwrap()
        .clone();
    shown = shown.replace(&server.port().to_string(), "[PORT]");
    insta::assert_snapshot!("another_process_was_refused", shown);
}

#[test]
fn what_is_damaged_is_obtained_anew() {
    let host = Host::new();
    let server = FaultServer::start(('A'..='H').map(answer).collect());
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    let path = host.file("session");
    let good = fs::read_to_string(&path).unwrap();
    let damaged = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        "[]".to_owned(),
        good.replace("\"version\":1", "\"version\":2"),
        good.replace("\"ASIAEXAMPLEEXAMPLE1A\"", "\"\""),
    ];
    for (content, expected) in damaged.iter().zip('B'..) {
        fs::write(&path, content).unwrap();
        let run = host.ask(&server, &[]);
        assert_eq!(letter(&run), expected, "{content}");
        assert_eq!(run.stderr, "");
        assert_eq!(letter(&host.ask(&server, &[])), expected, "and it is kept");
    }
}

#[test]
fn what_others_can_reach_is_not_used_and_that_is_said() {
    let host = Host::new();
    let server = FaultServer::start(['A', 'B', 'C', 'D'].map(answer).into());
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&host.directory(), 0o755);
    for expected in ['B', 'C'] {
        let run = host.ask(&server, &[]);
        assert_eq!(letter(&run), expected);
        let shown = run
            .stderr
            .replace(&host.directory().display().to_string(), "[DIR]");
        assert_eq!(
            shown,
            "warning: going on without the session cache: [DIR] is not this user's alone (it must belong to the user who runs this, and be closed to all others: chmod go= [DIR])\n"
        );
    }
    set(&host.directory(), 0o700);
    set(&host.file("session"), 0o644);
    let run = host.ask(&server, &[]);
    assert_eq!(letter(&run), 'D');
    assert!(run.stderr.starts_with("warning: "), "{run:#?}");
    // What was kept instead is fine again.
    assert_eq!(host.ask(&server, &[]).stderr, "");
}

#[test]
fn the_cache_is_closed_to_others_whatever_the_umask() {
    for umask in ["000", "077"] {
        let host = Host::new();
        let server = FaultServer::start(vec![answer('A')]);
        let mut command = std::process::Command::new("sh");
        host.sandbox().scrub(&mut command);
        command
            .args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"])
            .arg(crate::harness::program())
            .args(host.arguments(&server));
        assert_eq!(letter(&host.sandbox().finish(command)), 'A');
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&host.directory()), 0o700);
        for kind in ["session", "lock"] {
            assert_eq!(mode(&host.file(kind)), 0o600, "{kind}");
        }
    }
}

#[test]
fn the_runtime_directory_goes_before_the_cache_directory_and_home() {
    let host = Host::new();
    let server = FaultServer::start(['A', 'B', 'C', 'D'].map(answer).into());
    for name in ["run", "cache"] {
        fs::create_dir(host.sandbox().path(name)).unwrap();
    }
    let ask = |environment: &[(&str, &str)]| {
        let mut command = host.sandbox().command();
        command.args(host.arguments(&server));
        for (name, value) in environment {
            command.env(name, host.sandbox().path(value));
        }
        letter(&host.sandbox().finish(command));
    };
    ask(&[("XDG_RUNTIME_DIR", "run"), ("XDG_CACHE_HOME", "cache")]);
    assert!(host.sandbox().path("run/windlass").exists());
    assert!(!host.sandbox().path("cache/windlass").exists());
    ask(&[("XDG_RUNTIME_DIR", "missing"), ("XDG_CACHE_HOME", "cache")]);
    assert!(host.sandbox().path("cache/windlass").exists());
    assert!(!host.directory().exists());
    ask(&[("WINDLASS_CACHE_DIR", "own")]);
    assert!(host.sandbox().path("own").exists());
    assert!(!host.directory().exists());
    assert_eq!(server.seen().len(), 3);
}

/// What `sudo` leaves in the environment: another user's directories, in which
/// files of root would be in that user's way.
#[test]
fn directories_of_another_user_are_left_alone() {
    if !is_root(directories_of_another_user_are_left_alone) {
        return;
    }
    let host = Host::new();
    let theirs = host.sandbox().path("theirs");
    fs::create_dir(&theirs).unwrap();
    std::os::unix::fs::chown(&theirs, Some(12_345), None).unwrap();
    let server = FaultServer::start(['A', 'B'].map(answer).into());
    let mut command = host.sandbox().command();
    command
        .args(host.arguments(&server))
        .arg("--verbose")
        .env("XDG_RUNTIME_DIR", &theirs)
        .env("HOME", &theirs);
    let run = host.sandbox().finish(command);
    assert_eq!(letter(&run), 'A');
    assert!(run.stderr.contains("note: no cache: "), "{run:#?}");
    assert_eq!(fs::read_dir(&theirs).unwrap().count(), 0);
}

#[test]
fn it_works_without_any_environment() {
    let host = Host::new();
    let server = FaultServer::start(vec![answer('A')]);
    for _ in 0..2 {
        let mut command = host.sandbox().command();
        command
            .args(host.arguments(&server))
            // The usual one would be below the home directory of who runs the
            // tests.
            .args(["--cache-dir", "own"])
            .env_clear();
        let run = host.sandbox().finish(command);
        assert_eq!((letter(&run), run.stderr.as_str()), ('A', ""));
    }
}

#[test]
fn the_list_shows_what_is_kept_without_secrets_and_clear_forgets_it() {
    let host = Host::new();
    let server = FaultServer::start(['A', 'B'].map(answer).into());
    let list = |options: &[&str]| {
        let mut arguments = vec!["cache", "list"];
        arguments.extend(options);
        host.sandbox().ok(&arguments)
    };
    assert_eq!(list(&["--json"]).stdout, "[]\n");
    letter(&host.ask(&server, &[]));
    let listed: Value = serde_json::from_str(&list(&["--json"]).stdout).unwrap();
    let entry = &listed[0];
    assert_eq!(entry["accessKeyId"], "ASIAEXAMPLEEXAMPLE1A");
    assert_eq!(entry["roleArn"], ROLE_ARN);
    assert_eq!(entry["isValid"], true);
    assert_eq!(entry["lastFailure"], Value::Null);
    assert_eq!(entry["profiles"], serde_json::json!([]), "of options");
    let table = list(&[]).stdout;
    assert!(table.contains("ASIAEXAMPLEEXAMPLE1A"), "{table}");
    for secret in [crate::workload::SECRET_KEY, crate::workload::TOKEN] {
        assert!(!table.contains(secret) && !listed.to_string().contains(secret));
    }
    let clear = || host.sandbox().ok(&["cache", "clear"]).stderr;
    assert!(clear().starts_with("note: 1 session removed from /"));
    assert_eq!(clear(), "", "nothing was done");
    assert_eq!(list(&["--json"]).stdout, "[]\n");
    assert_eq!(letter(&host.ask(&server, &[])), 'B');
    host.sandbox().ok(&["cache", "clear"]);

    // What could not be obtained is listed and forgotten too.
    assert_eq!(host.ask(&server, &[]).code, 5);
    let listed: Value = serde_json::from_str(&list(&["--json"]).stdout).unwrap();
    assert_eq!(listed[0]["accessKeyId"], Value::Null);
    assert_eq!(listed[0]["lastFailure"]["code"], 5);
    host.sandbox().ok(&["cache", "clear"]);
    assert_eq!(list(&["--json"]).stdout, "[]\n");
}
