//! `serve` as a process: its end, systemd, files that rotate under it, and what
//! it prints.

use std::io::{Read, Write};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::server::{Server, aws};
use super::service::{Mood, Service};
use crate::workload::{Workload, failure, granting};

/// F21: the helper exits with 2.
#[test]
fn f21_a_signal_ends_it_with_0_and_without_leaving_files() {
    for signal in [Signal::TERM, Signal::INT] {
        let workload = Workload::new();
        let service = granting(1);
        let mut server = Server::start(&workload, &service.url(), &[]);
        // An idle connection does not hold it up.
        let mut idle = server.connect();
        idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut first = [0; 12];
        idle.read_exact(&mut first).unwrap();
        let began = Instant::now();
        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{}", server.log());
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
        let left: Vec<_> = std::fs::read_dir(workload.sandbox.root())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("serving-"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

#[test]
fn f21_a_signal_while_aws_hangs_ends_it_at_once() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(4));
    let mut server = Server::start(&workload, &service.url(), &[]);
    service.set(Mood::Hangs);
    server.until("it asks again", |_| service.calls() == 2);
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}

/// A request that has begun is waited for, but not for ever.
#[test]
fn f21_a_half_sent_request_holds_the_end_up_for_seconds_at_most() {
    let workload = Workload::new();
    let service = granting(1);
    let mut server = Server::start(&workload, &service.url(), &[]);
    let mut slow = server.connect();
    slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: lo")
        .unwrap();
    assert_eq!(server.get("/healthz").status, 200);
    let began = Instant::now();
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn systemd_is_told_when_it_is_ready_how_it_is_and_when_it_stops() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(4));
    let path = workload.sandbox.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager
        .set_read_timeout(Some(Duration::from_secs(15)))
        .unwrap();
    let next = || {
        let mut message = [0; 1024];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8(message[..length].to_vec()).unwrap()
    };
    let until = |wanted: &str| {
        let mut seen = Vec::new();
        while !seen
            .last()
            .is_some_and(|last: &String| last.contains(wanted))
        {
            assert!(seen.len() < 200, "never {wanted}: {seen:?}");
            seen.push(next());
        }
        seen
    };
    let session = Server::session(&service.url());
    let all: Vec<&str> = session.iter().map(String::as_str).collect();
    let mut command = Server::command(&workload.sandbox, &all);
    command
        .args(["--port", "0"])
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "400000");
    let mut server = Server::run(&workload.sandbox, command);
    let first = until("READY=1");
    assert_eq!(first.len(), 1, "{first:?}");
    until("STATUS=1 of 1 profiles are well");
    until("WATCHDOG=1");
    service.set(Mood::IsOut);
    until("STATUS=0 of 1 profiles are well; default: ");
    server.signal(Signal::TERM);
    until("STOPPING=1");
    assert_eq!(server.wait(), Some(0));
}

/// F19, F20: the helper ends when it meets a file that is being replaced, and
/// signs with the key of one identity and the certificate of another.
#[test]
fn f19_f20_certificate_and_key_may_be_replaced_while_it_serves() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    sandbox.ca(&[]);
    for name in ["one", "two"] {
        sandbox.issue(name, &[]);
    }
    std::fs::copy(
        sandbox.path("ca/trust-anchor.pem"),
        sandbox.path("root.pem"),
    )
    .unwrap();
    let replace = |from: &str| {
        // Key first, certificate a moment later: as two renames do it.
        for (index, file) in ["key.pem", "fullchain.pem"].iter().enumerate() {
            let new = sandbox.path(&format!("{file}.new"));
            std::fs::copy(sandbox.path(&format!("{from}/{file}")), &new).unwrap();
            std::fs::rename(&new, sandbox.path(file)).unwrap();
            // Torn for 5 ms, whole for 68: in no step with the pauses after which
            // they are read again.
            std::thread::sleep(Duration::from_millis(if index == 0 { 5 } else { 68 }));
        }
    };
    replace("one");
    // Refreshed each second, while the identity changes several times in it.
    let aws = aws(&workload, &["--session-seconds", "2"]);
    let server = Server::start(&workload, &aws.url, &[]);
    let (stop, count) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let began = Instant::now();
            while !stop.load(Ordering::SeqCst) && began.elapsed() < Duration::from_secs(30) {
                replace("two");
                replace("one");
                count.fetch_add(2, Ordering::SeqCst);
            }
        });
        server.until("six sessions came", |server| {
            server.metric("windlass_refreshes_total{profile=\"default\"}") >= 6
        });
        stop.store(true, Ordering::SeqCst);
    });
    assert!(count.into_inner() > 12, "it rotated all the time");
    let failures = server.metric("windlass_refresh_failures_total{profile=\"default\"}");
    assert_eq!(failures, 0, "{}", server.log());
    let log = aws.log();
    assert!(log.matches(" 201 ").count() >= 6, "{log}");
    assert!(!log.contains(" 403 "), "{log}");
}

#[test]
fn a_port_that_is_taken_is_an_error_at_once() {
    let workload = Workload::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let session = Server::session("http://127.0.0.1:9");
    let mut all = vec!["serve", "--port", &port];
    all.extend(session.iter().map(String::as_str));
    let run = workload.sandbox.run(&all);
    insta::assert_snapshot!(failure(&run, &[]).replace(&port, "[PORT]"));
}

#[test]
fn what_clients_have_to_set_is_printed() {
    let workload = Workload::new();
    let root = workload.sandbox.root().display().to_string();
    let shown = |server: &Server<'_>, text: String| {
        text.replace(&server.url, "http://127.0.0.1:[PORT]")
            .replace(&root, "[DIR]")
    };
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &["--token-file", "token"]);
    insta::assert_snapshot!("announced", shown(&server, server.log()));
    assert_eq!(server.stdout(), "");
    drop(server);
    let service = granting(1);
    let options = ["--token-file", "token", "--json", "--unix-socket", "socket"];
    let server = Server::start(&workload, &service.url(), &options);
    insta::assert_snapshot!("announced_json", shown(&server, server.stdout()));
    assert_eq!(server.stdout().lines().count(), 1);
}

/// What happens, what clients have to set and who asked: an object a line.
#[test]
fn everything_said_is_an_object_of_one_line_for_programs() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(4));
    let options = ["--verbose", "--token-file=token", "--error-format=json"];
    let mut server = Server::start(&workload, &service.url(), &options);
    assert_eq!(server.get("/healthz").status, 200);
    service.set(Mood::Refuses);
    server.until("it fails", |server| server.log().contains("\"failed\""));
    service.set(Mood::Grants(3600));
    server.until("it recovers", |server| {
        server.log().contains("\"recovered\"")
    });
    server.signal(Signal::TERM);
    assert_eq!(server.wait(), Some(0));
    let log = server.log();
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}")))
        .collect();
    for line in &lines {
        let time = line["time"].as_str().unwrap();
        assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok(), "{line}");
        assert!(line["level"].is_string(), "{line}");
    }
    let first = |event: &str| lines.iter().find(|line| line["event"] == event).unwrap();
    assert_eq!(first("ready")["endpoint"], server.url.as_str());
    assert_eq!(first("ready")["profiles"][0]["profile"], "default");
    let answered = first("answered");
    assert_eq!(
        (&answered["request"], &answered["status"]),
        (&"GET /healthz".into(), &200.into())
    );
    let failed = first("failed");
    assert_eq!(
        (&failed["profile"], &failed["code"]),
        (&"default".into(), &3.into())
    );
    assert!(
        failed["message"].is_string() && failed["hint"].is_string(),
        "{failed}"
    );
    assert_eq!(first("recovered")["profile"], "default");
}

/// F31, S4: what is said of requests names neither tokens nor credentials.
#[test]
fn f31_s4_the_access_log_shows_no_tokens() {
    let workload = Workload::new();
    let service = granting(1);
    let options = ["--verbose", "--token-file", "token"];
    let server = Server::start(&workload, &service.url(), &options);
    let authorization = workload.sandbox.read("token");
    let token = server.token();
    let header = [("X-aws-ec2-metadata-token", token.as_str())];
    let path = format!("/latest/meta-data/iam/security-credentials/backup?token={token}");
    assert_eq!(server.ask("GET", &path, &header).status, 200);
    let header = [("Authorization", authorization.as_str())];
    assert_eq!(server.ask("GET", "/profile/default", &header).status, 200);
    let hostile = "/a%1b[2Jb";
    assert_eq!(server.get(hostile).status, 404);
    server.until("the last one is in the log", |server| {
        server.log().contains(" 404\n")
    });
    let log = server.log();
    for line in [
        " PUT /latest/api/token 200\n",
        " GET /latest/meta-data/iam/security-credentials/backup 200\n",
        " GET /profile/default 200\n",
        " GET /a%1b[2Jb 404\n",
    ] {
        assert!(log.contains(line), "{line} in {log}");
    }
    assert!(
        !log.contains(&token) && !log.contains(&authorization),
        "{log}"
    );
}

#[test]
fn metrics_have_the_form_that_prometheus_reads() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    server.token();
    server.get("/nothing");
    let answer = server.get("/metrics");
    let kind = answer.header("content-type").unwrap();
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let mut typed = std::collections::BTreeSet::new();
    for line in answer.body.lines() {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words.as_slice() {
            ["#", "HELP", _, text] => assert!(text.ends_with('.'), "{line}"),
            ["#", "TYPE", name, kind] => {
                let is_total = name.ends_with("_total");
                assert_eq!(is_total, *kind == "counter", "{line}");
                assert!(typed.insert((*name).to_owned()), "{line}");
            }
            _ => {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                assert!(typed.contains(name), "{line}");
                assert!(name.starts_with("windlass_"), "{line}");
                value.parse::<f64>().unwrap();
            }
        }
    }
    let count = |labels: &str| server.metric(&format!("windlass_http_requests_total{labels}"));
    assert_eq!(count("{endpoint=\"token\",status=\"200\"}"), 1);
    assert_eq!(count("{endpoint=\"unknown\",status=\"404\"}"), 1);
    for secret in ["ASIA", "FwoG", "arn:"] {
        assert!(!answer.body.contains(secret), "{secret}");
    }
}

/// What can be read once only is kept for the sessions to come.
#[test]
fn a_certificate_from_a_pipe_is_good_for_every_session() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(3));
    let session = Server::session(&service.url());
    let mut all: Vec<&str> = session.iter().map(String::as_str).collect();
    all.extend(["--port", "0"]);
    for word in &mut all {
        if *word == "fullchain.pem" {
            *word = "-";
        }
    }
    let mut command = Server::command(&workload.sandbox, &all);
    let (reader, mut writer) = std::io::pipe().unwrap();
    writer
        .write_all(workload.sandbox.read("fullchain.pem").as_bytes())
        .unwrap();
    drop(writer);
    command.stdin(reader);
    let server = Server::run(&workload.sandbox, command);
    server.until("a second session came", |server| {
        server.metric("windlass_refreshes_total{profile=\"default\"}") >= 2
    });
    let failures = server.metric("windlass_refresh_failures_total{profile=\"default\"}");
    assert_eq!(failures, 0, "{}", server.log());
}
