//! A refresh that is killed, or failed by the operating system, at each call
//! that changes the disk: the kept session is the old one or the new one.

use std::fs;

use chrono::TimeDelta;

use super::{Host, answer, letter};
use crate::ca_state::{KILLED, bounded};
use crate::fault_server::FaultServer;
use crate::harness::{Run, program};

const CALLS: &str = "openat,write,fsync,fdatasync,rename,renameat,renameat2,unlink,utimensat";

/// A host whose session `A` is due, and the server that would give it `B`.
fn due() -> (Host, FaultServer) {
    let host = Host::new();
    let server = FaultServer::start(['A', 'B', 'C'].map(answer).into());
    assert_eq!(letter(&host.ask(&server, &[])), 'A');
    host.age(TimeDelta::minutes(40), TimeDelta::minutes(20));
    (host, server)
}

fn traced(host: &Host, server: &FaultServer, options: &[&str]) -> Run {
    let arguments = host.arguments(server);
    let mut all = vec!["strace", "-f", "-y", "-o"];
    all.extend(options);
    all.push(program());
    all.extend(arguments.iter().map(String::as_str));
    bounded(host.sandbox(), "000", &all)
}

/// The calls of one refresh that touch the cache: name, number among its name,
/// and the line.
fn points() -> Vec<(String, usize, String)> {
    let (host, server) = due();
    let filter = format!("trace={CALLS}");
    let run = traced(&host, &server, &["trace", "-e", &filter]);
    assert_eq!(letter(&run), 'B', "does strace work here?");
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut points = Vec::new();
    for line in host.sandbox().read("trace").lines() {
        let call = line.split_once(' ').unwrap().1.trim_start();
        let Some((name, _)) = call.split_once('(') else {
            continue;
        };
        let nth = counts.entry(name.to_owned()).or_default();
        *nth += 1;
        let changes = name != "openat" || call.contains("O_CREAT");
        if call.contains("/windlass") && changes {
            points.push((name.to_owned(), *nth, call.to_owned()));
        }
    }
    points
}

#[test]
fn a_refresh_killed_at_any_call_leaves_the_old_session_or_the_new_one() {
    let points = points();
    for name in ["openat", "write", "fsync", "rename"] {
        assert!(
            points.iter().any(|(known, ..)| known.starts_with(name)),
            "{points:#?}"
        );
    }
    let mut seen = String::new();
    for (name, nth, line) in &points {
        let (host, server) = due();
        let inject = format!("inject={name}:signal=SIGKILL:when={nth}");
        let filter = format!("trace={name}");
        let run = traced(&host, &server, &["/dev/null", "-e", &filter, "-e", &inject]);
        assert_eq!(run.code, KILLED, "{line}");
        let kept = fs::read_to_string(host.file("session")).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        let id = kept["accessKeyId"].as_str().unwrap().to_owned();
        seen.extend(id.chars().next_back());
        // The lock died with its holder, and what is due is obtained.
        let next = letter(&host.ask(&server, &[]));
        let expected = if id.ends_with('A') {
            'B'..='C'
        } else {
            'B'..='B'
        };
        assert!(expected.contains(&next), "{next} after {line}");
        host.file("session");
    }
    assert!(seen.contains('A') && seen.contains('B'), "{seen}");
}

#[test]
fn a_refresh_on_a_failing_disk_still_gives_the_new_session() {
    for (name, nth, line) in points() {
        let error = match name.as_str() {
            "write" | "openat" => "ENOSPC",
            _ => "EIO",
        };
        let (host, server) = due();
        let inject = format!("inject={name}:error={error}:when={nth}");
        let filter = format!("trace={name}");
        let run = traced(&host, &server, &["/dev/null", "-e", &filter, "-e", &inject]);
        assert_eq!(letter(&run), 'B', "{error} at {line}");
        let kept = fs::read_to_string(host.file("session")).unwrap();
        let kept: serde_json::Value = serde_json::from_str(&kept).unwrap();
        let id = kept["accessKeyId"].as_str().unwrap();
        assert!(id.ends_with(['A', 'B']), "{error} at {line}: {id}");
        if name != "utimensat" && name != "unlink" && id.ends_with('A') {
            assert!(
                run.stderr
                    .starts_with("warning: going on without the session cache"),
                "{error} at {line}: {run:#?}"
            );
        }
        let left: Vec<String> = fs::read_dir(host.directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with('.'))
            .collect();
        assert_eq!(left, [""; 0], "{error} at {line}");
    }
}
