//! What the daemon says, to people, to programs, and to nobody.

use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use super::command;
use super::daemon::{Daemon, answer};
use crate::fault_server::{Fault, FaultServer, http};
use crate::workload::Workload;

/// Neither a stderr nor a stdout that nobody reads keeps credentials from being
/// replaced, or it from ending.
#[test]
fn pipes_that_nobody_reads_stop_nothing() {
    let workload = Workload::new();
    let script = [("ASIA1", 2), ("ASIA2", 2), ("ASIA3", 3600)];
    let server = FaultServer::start(script.map(|(id, ends)| answer(id, ends)).into());
    let full = || {
        let (reader, writer) = std::io::pipe().unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        let waiting = flags | rustix::fs::OFlags::NONBLOCK;
        rustix::fs::fcntl_setfl(&writer, waiting).unwrap();
        while rustix::io::write(&writer, &[b'.'; 4096]).is_ok() {}
        while rustix::io::write(&writer, b".").is_ok() {}
        rustix::fs::fcntl_setfl(&writer, flags).unwrap();
        (reader, writer)
    };
    let ((_out, stdout), (_err, stderr)) = (full(), full());
    let mut command = command(&workload, &server, &["--no-cache", "--json", "--verbose"]);
    let child = command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
    let mut daemon = Daemon {
        child: child.spawn().unwrap(),
        workload: &workload,
    };
    workload.sandbox.write("log", "");
    daemon.until("the third", |daemon| daemon.has("ASIA3"));
    let (code, took) = daemon.end(Signal::TERM);
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// Each event is one object, with its hint in it, and what is met at each refresh
/// is said once.
#[test]
fn events_are_objects_of_one_line_for_programs() {
    let workload = Workload::new();
    let mut script: Vec<Fault> = [("ASIA1", 2), ("ASIA2", 2)]
        .map(|(id, ends)| answer(id, ends))
        .into();
    let headers = [("x-amzn-errortype", "AccessDeniedException")];
    let body = r#"{"message":"Certificate revoked"}"#;
    script.push(Fault::Answer(http("403 Forbidden", &headers, body)));
    script.push(answer("ASIA3", 3600));
    let server = FaultServer::start(script);
    let json = ["--no-cache", "--verbose", "--error-format", "json"];
    let options = [&json[..], &["--session-duration", "900"]].concat();
    let mut daemon = Daemon::start(&workload, &server, &options);
    daemon.until("recovered", |daemon| daemon.log().contains("\"recovered\""));
    daemon.until("delivered", |daemon| daemon.has("ASIA3"));
    assert_eq!(daemon.end(Signal::TERM).0, Some(0));
    let lines: Vec<serde_json::Value> = daemon
        .log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for line in &lines {
        let time = line["time"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
        for field in ["level", "event", "message"] {
            assert!(line[field].is_string(), "{field}: {line}");
        }
        assert_eq!(line["profile"], "default", "{line}");
    }
    let of = |event: &'static str| lines.iter().filter(move |line| line["event"] == event);
    let failed: Vec<_> = of("failed").collect();
    assert_eq!(failed.len(), 1, "{lines:#?}");
    assert_eq!(failed[0]["level"], "warning");
    assert_eq!(
        (&failed[0]["code"], &failed[0]["outcome"]),
        (&3.into(), &"refused".into())
    );
    let told = failed[0]["message"].as_str().unwrap();
    assert!(told.contains("Certificate revoked"), "{told}");
    assert!(failed[0]["hint"].is_string(), "{}", failed[0]);
    assert!(of("delivered").count() >= 2, "{lines:#?}");
    let short = lines.iter().filter(|line| {
        let message = line["message"].as_str().unwrap();
        message.contains("less than 1200 s")
    });
    assert_eq!(short.count(), 1, "{lines:#?}");
}
