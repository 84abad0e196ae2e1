//! `update` without `--once`.

use std::fs;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{KEY_ID, command, lines};
use crate::fault_server::{Fault, FaultServer, http};
use crate::workload::{SECRET_KEY, TOKEN, Workload, session};

/// A daemon; dropping it ends its process.
struct Daemon<'a> {
    workload: &'a Workload,
    child: Child,
}

impl<'a> Daemon<'a> {
    fn start(workload: &'a Workload, server: &FaultServer, options: &[&str]) -> Self {
        let log = fs::File::create(workload.sandbox.path("log")).unwrap();
        let out = fs::File::create(workload.sandbox.path("out")).unwrap();
        let mut command = command(workload, server, options);
        let child = command.stdin(Stdio::null()).stdout(out).stderr(log).spawn();
        Self {
            workload,
            child: child.unwrap(),
        }
    }

    fn log(&self) -> String {
        self.workload.sandbox.read("log")
    }

    /// Waits until something is so.
    fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(40);
        while !is_so(self) {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "{what}: it ended: {}", self.log());
            assert!(Instant::now() < deadline, "{what}: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn has_written(&self) -> bool {
        let text = fs::read_to_string(self.workload.sandbox.path(".aws/credentials"));
        text.is_ok_and(|text| text.contains(&lines()))
    }

    /// Sends a signal; the exit code, and how long it took.
    fn end(&mut self, signal: Signal) -> (Option<i32>, Duration) {
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

/// A network blip, a refusal, an answer without a date: none of them ends it, and
/// none of them costs what stands in the file.
#[test]
fn f11_f12_s2_failures_are_told_and_tried_again() {
    for (fault, expected) in [
        (http("503 Service Unavailable", &[], "busy"), "503"),
        (http("403 Forbidden", &[], "{\"message\": \"no\"}"), "no"),
        (
            session(|answer| {
                answer["credentialSet"][0]["credentials"]["expiration"] = "soon".into()
            }),
            "expiration",
        ),
    ] {
        let workload = Workload::new();
        fs::create_dir(workload.sandbox.path(".aws")).unwrap();
        let old = "[default]\naws_access_key_id = ASIAOLD\n";
        workload.sandbox.write(".aws/credentials", old);
        // More failures than one request is tried.
        let mut script: Vec<Fault> = (0..12).map(|_| Fault::Answer(fault.clone())).collect();
        let switch = script.len();
        script.push(Fault::Answer(session(|_| {})));
        let server = FaultServer::start(script);
        let mut daemon = Daemon::start(&workload, &server, &["--no-cache"]);
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
    let workload = Workload::new();
    let blip = Fault::Answer(http("403 Forbidden", &[], "{\"message\": \"no\"}"));
    let server = FaultServer::start(vec![blip, Fault::Answer(session(|_| {}))]);
    let mut daemon = Daemon::start(&workload, &server, &["--no-cache"]);
    daemon.until("recovered", |daemon| {
        daemon
            .log()
            .contains("is fresh again, after 1 failures since")
    });
    assert!(daemon.has_written());
    assert_eq!(daemon.end(Signal::TERM).0, Some(0));
}

#[test]
fn options_that_cannot_work_end_it_at_once() {
    let workload = Workload::new();
    let mut command = workload.sandbox.command();
    command.args(["update", "--certificate", "fullchain.pem"]);
    let run = workload.sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
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
