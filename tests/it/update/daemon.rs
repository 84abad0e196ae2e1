//! `update` without `--once`.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use rustix::process::{Pid, Signal, kill_process};
use windlass::clock::rfc3339;

use super::{KEY_ID, command, lines};
use crate::fault_server::{Fault, FaultServer, http};
use crate::workload::{SECRET_KEY, TOKEN, Workload, grant, session};

/// A daemon; dropping it ends its process.
pub(super) struct Daemon<'a> {
    pub(super) workload: &'a Workload,
    pub(super) child: Child,
}

impl<'a> Daemon<'a> {
    pub(super) fn start(workload: &'a Workload, server: &FaultServer, options: &[&str]) -> Self {
        let log = fs::File::create(workload.sandbox.path("log")).unwrap();
        let out = fs::File::create(workload.sandbox.path("out")).unwrap();
        let mut command = command(workload, server, options);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn();
        Self {
            workload,
            child: child.unwrap(),
        }
    }

    pub(super) fn log(&self) -> String {
        self.workload.sandbox.read("log")
    }

    /// Waits until something is so.
    pub(super) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(40);
        while !is_so(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{what}: it ended: {}", self.log());
            assert!(Instant::now() < deadline, "{what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn has_written(&self) -> bool {
        self.has(&lines())
    }

    /// Whether this stands in the file.
    pub(super) fn has(&self, what: &str) -> bool {
        let text = fs::read_to_string(self.workload.sandbox.path(".aws/credentials"));
        text.is_ok_and(|text| text.contains(what))
    }

    /// What it has warned of.
    pub(super) fn warnings(&self) -> Vec<String> {
        let log = self.log();
        let warnings = log.lines().filter(|line| line.starts_with("warning: "));
        warnings.map(str::to_owned).collect()
    }

    /// Sends a signal; the exit code, and how long it took.
    pub(super) fn end(&mut self, signal: Signal) -> (Option<i32>, Duration) {
        let id = i32::try_from(self.child.id()).unwrap();
        let sent = Instant::now();
        kill_process(Pid::from_raw(id).unwrap(), signal).unwrap();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(sent.elapsed() < Duration::from_secs(20), "it does not end");
            std::thread::sleep(Duration::from_millis(5));
        };
        for secret in [SECRET_KEY, TOKEN] {
            assert!(!self.log().contains(secret), "{}", self.log());
        }
        (status.code(), sent.elapsed())
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn f21_a_signal_ends_it_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let (workload, server) = (Workload::new(), super::good(1));
        let mut daemon = Daemon::start(&workload, &server, &["--json", "--verbose"]);
        daemon.until("written", |daemon| {
            daemon.log().contains("the next one is due")
        });
        assert!(daemon.has_written());
        let (code, took) = daemon.end(signal);
        assert_eq!(code, Some(0), "{}", daemon.log());
        assert!(took < Duration::from_secs(3), "{took:?}");
        // One line for each session.
        let out = workload.sandbox.read("out");
        let line: serde_json::Value = serde_json::from_str(out.trim_end()).unwrap();
        assert_eq!(
            (line["accessKeyId"].as_str(), out.lines().count()),
            (Some(KEY_ID), 1)
        );
    }
}

#[test]
fn f21_a_signal_ends_it_while_it_waits_for_an_answer() {
    let workload = Workload::new();
    let server = FaultServer::start(vec![Fault::Stall(Vec::new())]);
    let mut daemon = Daemon::start(&workload, &server, &[]);
    daemon.until("asked", |_| {
        server.seen().first().is_some_and(|seen| !seen.is_empty())
    });
    let (code, took) = daemon.end(Signal::TERM);
    assert_eq!(code, Some(0), "{}", daemon.log());
    assert!(took < Duration::from_secs(3), "{took:?}");
}

/// An answer with this key, good for so many seconds.
pub(super) fn answer(key_id: &str, seconds: i64) -> Fault {
    let ends = chrono::Utc::now() + TimeDelta::seconds(seconds);
    Fault::Answer(session(|answer| {
        let credentials = &mut answer["credentialSet"][0]["credentials"];
        credentials["accessKeyId"] = key_id.into();
        credentials["expiration"] = rfc3339(ends).into();
    }))
}

fn unavailable() -> Fault {
    Fault::Answer(http("503 Service Unavailable", &[], "busy"))
}

/// Puts a session into the cache, which began and ends so far from now.
fn cached(workload: &Workload, server: &FaultServer, begins: TimeDelta, ends: TimeDelta) {
    let run = super::once(workload, server, &["--profile", "other"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let files = fs::read_dir(workload.sandbox.path(".cache/windlass")).unwrap();
    let mut files = files.map(|entry| entry.unwrap().path());
    let is_session = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "session");
    let path = files.find(is_session).unwrap();
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    kept["obtained"] = rfc3339(chrono::Utc::now() + begins).into();
    kept["expiration"] = rfc3339(chrono::Utc::now() + ends).into();
    fs::write(&path, kept.to_string()).unwrap();
}

/// While AWS cannot be reached the cache hands out what it has. That is no
/// success: it is told, once, and so is its end.
#[test]
fn l15_an_outage_behind_the_cache_is_told_and_so_is_its_end() {
    let workload = Workload::new();
    let mut script = vec![answer("ASIAOLD", 3600)];
    // Two refreshes of four attempts, at least.
    script.extend((0..8).map(|_| unavailable()));
    script.push(answer("ASIANEW", 3600));
    let server = FaultServer::start(script);
    let (ago, left) = (TimeDelta::minutes(-40), TimeDelta::minutes(20));
    cached(&workload, &server, ago, left);
    let mut daemon = Daemon::start(&workload, &server, &[]);
    daemon.until("told", |daemon| !daemon.warnings().is_empty());
    assert!(daemon.has("[default]\naws_access_key_id = ASIAOLD\n"));
    let first = daemon.warnings().remove(0);
    for part in [
        "503",
        "; the credentials of [default] in ",
        " are good until ",
        ", for 19 min; tried again in ",
    ] {
        assert!(first.contains(part), "{part}: {first}");
    }
    daemon.until("fresh again", |daemon| daemon.has("ASIANEW"));
    daemon.until("told again", |daemon| {
        daemon.log().contains("[default] in ") && daemon.log().contains(" is fresh again, after ")
    });
    assert_eq!(daemon.warnings(), [first], "{}", daemon.log());
    assert_eq!(daemon.end(Signal::TERM).0, Some(0));
}

/// A cache that cannot be used is no reason to complain at each refresh.
#[test]
fn what_is_wrong_with_the_cache_is_told_once() {
    let workload = Workload::new();
    let directory = workload.sandbox.path(".cache/windlass");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    let script = [("ASIA1", 2), ("ASIA2", 4), ("ASIA3", 6), ("ASIA4", 3600)];
    let script = script.map(|(key_id, seconds)| answer(key_id, seconds));
    let server = FaultServer::start(script.into());
    let mut daemon = Daemon::start(&workload, &server, &[]);
    daemon.until("the fourth", |daemon| daemon.has("ASIA4"));
    let warnings = daemon.warnings();
    let about_cache = warnings
        .iter()
        .filter(|line| line.contains("going on without"));
    assert_eq!(about_cache.count(), 1, "{}", daemon.log());
    assert_eq!(daemon.end(Signal::TERM).0, Some(0));
}

/// The credentials end while AWS is out: that is told once, and it goes on.
#[test]
fn l15_credentials_that_end_in_an_outage_are_told_with_the_cache_and_without() {
    for options in [&["--no-cache"][..], &[]] {
        let workload = Workload::new();
        let mut script = vec![answer("ASIAOLD", 4)];
        script.extend((0..200).map(|_| unavailable()));
        let server = FaultServer::start(script);
        let mut daemon = Daemon::start(&workload, &server, options);
        let ended = " ended at ";
        daemon.until("it ended", |daemon| daemon.log().contains(ended));
        let asked = server.seen().len();
        daemon.until("it goes on", |_| server.seen().len() > asked);
        let told = daemon.warnings();
        let told = told.iter().filter(|line| line.contains("there are no new"));
        assert_eq!(told.count(), 1, "{}", daemon.log());
        assert!(daemon.has("ASIAOLD"), "what is there stays");
        assert_eq!(daemon.end(Signal::TERM).0, Some(0));
    }
}

/// What a clock that was ahead has left in the cache is not believed.
#[test]
fn l14_a_cached_session_from_the_future_is_replaced_at_once() {
    for outcome in [answer("ASIANEW", 3600), unavailable()] {
        let workload = Workload::new();
        let is_out = matches!(&outcome, Fault::Answer(answer) if answer.ends_with(b"busy"));
        let mut script = vec![answer("ASIAOLD", 3600)];
        script.extend((0..8).map(|_| outcome.clone()));
        let server = FaultServer::start(script);
        let (begins, ends) = (TimeDelta::hours(10), TimeDelta::hours(11));
        cached(&workload, &server, begins, ends);
        let mut daemon = Daemon::start(&workload, &server, &["--verbose"]);
        if is_out {
            // It is what there is, for an hour at most.
            daemon.until("told", |daemon| daemon.log().contains("; tried again in "));
            assert!(daemon.has("[default]\naws_access_key_id = ASIAOLD\n"));
            let told = daemon.warnings().remove(0);
            assert!(
                told.contains(", for 59 min; ") || told.contains(", for 1 h; "),
                "{told}"
            );
        } else {
            daemon.until("written", |daemon| {
                daemon.log().contains("the next one is due")
            });
            assert!(daemon.has("[default]\naws_access_key_id = ASIANEW\n"));
            assert_eq!(server.seen().len(), 2);
        }
        assert_eq!(daemon.end(Signal::TERM).0, Some(0));
    }
}

/// The helper takes a date that it cannot read for the year 1, and asks again and
/// again without a pause.
#[test]
fn f12_an_answer_without_a_date_is_not_asked_for_in_a_loop() {
    for options in [&["--no-cache"][..], &[]] {
        let workload = Workload::new();
        let fault = Fault::Answer(session(|answer| {
            answer["credentialSet"][0]["credentials"]["expiration"] = "soon".into();
        }));
        let server = FaultServer::start(vec![fault; 3]);
        let mut daemon = Daemon::start(&workload, &server, options);
        daemon.until("the third request", |_| server.times().len() >= 3);
        let times = server.times();
        for pair in times.windows(2).take(2) {
            let gap = pair[1] - pair[0];
            assert!(gap >= Duration::from_secs(1), "{gap:?}");
        }
        assert_eq!(daemon.warnings().len(), 1, "{}", daemon.log());
        assert_eq!(daemon.end(Signal::TERM).0, Some(0));
    }
}

/// A network blip, a refusal, an answer without a date: none of them ends it, and
/// none of them costs what stands in the file.
#[test]
fn f11_f12_s2_failures_are_told_and_tried_again() {
    let faults = [
        (http("503 Service Unavailable", &[], "busy"), "503"),
        (http("403 Forbidden", &[], "{\"message\": \"no\"}"), "no"),
        (
            session(|answer| {
                answer["credentialSet"][0]["credentials"]["expiration"] = "soon".into()
            }),
            "expiration",
        ),
    ];
    let caches = [&["--no-cache"][..], &[]];
    for ((fault, expected), options) in faults
        .iter()
        .flat_map(|fault| caches.map(|options| (fault, options)))
    {
        let workload = Workload::new();
        fs::create_dir(workload.sandbox.path(".aws")).unwrap();
        let old = "[default]\naws_access_key_id = ASIAOLD\n";
        workload.sandbox.write(".aws/credentials", old);
        // More failures than one request is tried.
        let mut script: Vec<Fault> = (0..12).map(|_| Fault::Answer(fault.clone())).collect();
        let switch = script.len();
        script.push(grant());
        let server = FaultServer::start(script);
        let mut daemon = Daemon::start(&workload, &server, options);
        daemon.until("told", |daemon| daemon.log().contains("; tried again in "));
        let log = daemon.log();
        assert!(
            log.contains(expected) && log.starts_with("warning: "),
            "{log}"
        );
        assert!(log.contains("[default] in "), "{log}");
        assert_eq!(workload.sandbox.read(".aws/credentials"), old);
        assert!(server.seen().len() <= switch, "no tight loop");
        let (code, _) = daemon.end(Signal::TERM);
        assert_eq!(code, Some(0));
    }
}

#[test]
fn f11_after_a_failure_the_next_success_is_noted() {
    for options in [&["--no-cache"][..], &[]] {
        let workload = Workload::new();
        let blip = Fault::Answer(http("403 Forbidden", &[], "{\"message\": \"no\"}"));
        let server = FaultServer::start(vec![blip, grant()]);
        let mut daemon = Daemon::start(&workload, &server, options);
        daemon.until("recovered", |daemon| {
            daemon
                .log()
                .contains("is fresh again, after 1 failures since")
        });
        assert!(daemon.has_written());
        assert_eq!(daemon.end(Signal::TERM).0, Some(0));
    }
}

#[test]
fn options_that_cannot_work_end_it_at_once() {
    let workload = Workload::new();
    let mut command = workload.sandbox.command();
    command.args(["update", "--certificate", "fullchain.pem"]);
    let run = workload.sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
}

/// What only a person can mend ends it at the start, as `--once` does; the same
/// later does not, for then there is something to keep.
#[test]
fn a_file_that_cannot_be_used_ends_it_at_the_start_only() {
    let unusable: [(&str, &str); 3] = [
        (
            "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n",
            "line 2: the section [default] holds the access key AKIAIOSFODNN7EXAMPLE",
        ),
        (
            "[default]\nregion = x\n[nightly\n",
            "line 3: this begins like a [section], but has no closing ']' or no name",
        ),
        ("", " is a directory"),
    ];
    for (content, expected) in unusable {
        let workload = Workload::new();
        let place = workload.sandbox.path(".aws/credentials");
        let spoil = || {
            if content.is_empty() {
                fs::create_dir_all(&place).unwrap();
            } else {
                fs::create_dir_all(place.parent().unwrap()).unwrap();
                fs::write(&place, content).unwrap();
            }
        };
        spoil();
        let server = FaultServer::start(Vec::new());
        let run = workload.sandbox.finish(command(&workload, &server, &[]));
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.stderr.contains(expected), "{run:#?}");
        assert!(run.stderr.contains("/.aws/credentials"), "{run:#?}");
        assert!(run.stderr.contains("\nhint: "), "{run:#?}");
        assert!(server.seen().is_empty(), "nobody was asked");

        if content.is_empty() {
            fs::remove_dir(&place).unwrap();
        } else {
            fs::remove_file(&place).unwrap();
        }
        let script = [("ASIA1", 2), ("ASIA2", 3600), ("ASIA3", 3600)];
        let server = FaultServer::start(script.map(|(id, ends)| answer(id, ends)).into());
        let mut daemon = Daemon::start(&workload, &server, &["--no-cache"]);
        daemon.until("the first", |daemon| daemon.has("ASIA1"));
        fs::remove_file(&place).unwrap();
        spoil();
        daemon.until("told", |daemon| !daemon.warnings().is_empty());
        assert!(daemon.log().contains(expected), "{}", daemon.log());
        if content.is_empty() {
            fs::remove_dir(&place).unwrap();
        } else {
            fs::remove_file(&place).unwrap();
        }
        daemon.until("the second", |daemon| daemon.has("ASIA2"));
        assert_eq!(daemon.end(Signal::TERM).0, Some(0));
    }
}

/// Several profiles have a thread each: one that waits keeps no other from it.
#[test]
fn all_profiles_are_kept_beside_each_other() {
    let workload = Workload::new();
    let stalled = FaultServer::start(vec![Fault::Stall(Vec::new())]);
    let server = super::good(1);
    let arguments = super::arguments(&server);
    let mut config = String::from("[defaults]\n");
    for pair in arguments[1..].chunks(2) {
        let key = pair[0].trim_start_matches('-').replace('-', "_");
        config.push_str(&format!("{key} = '{}'\n", pair[1]));
    }
    config.push_str(&format!(
        "[profile.a]\nendpoint = '{}'\n[profile.b]\n",
        stalled.url()
    ));
    workload.sandbox.write("config.toml", config);
    let mut command = workload.sandbox.command();
    command.args(["update", "--all", "--config", "config.toml", "--json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut out = child.stdout.take().unwrap();
    let mut line = Vec::new();
    let mut octet = [0];
    while line.last() != Some(&b'\n') && out.read(&mut octet).unwrap() == 1 {
        line.push(octet[0]);
    }
    let line: serde_json::Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(line["section"], "b");
    let id = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(id, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
