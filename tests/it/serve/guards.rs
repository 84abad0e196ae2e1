//! Who is answered, and what one client can do to the others.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use super::server::{Answer, Server};
use super::service::{Mood, Service};
use crate::harness::capture;
use crate::users::is_root;
use crate::workload::{Workload, failure, granting};

#[test]
fn dns_rebinding_is_refused_by_the_host_header() {
    let workload = Workload::new();
    let service = granting(1);
    let options = ["--allow-host", "creds.example", "--token-file", "token"];
    let server = Server::start(&workload, &service.url(), &options);
    let paths = [
        "/latest/meta-data/iam/security-credentials/backup",
        "/profile/default",
        "/healthz",
        "/metrics",
    ];
    for path in paths {
        for host in ["attacker.example", "127.0.0.1.attacker.example:9911"] {
            let answer = server.ask("GET", path, &[("Host", host)]);
            assert_eq!(answer.status, 403, "{path} {host}");
            assert!(answer.body.contains("--allow-host"), "{answer:?}");
        }
    }
    let ttl = ("X-aws-ec2-metadata-token-ttl-seconds", "60");
    let put = server.ask(
        "PUT",
        "/latest/api/token",
        &[("Host", "attacker.example"), ttl],
    );
    assert_eq!(put.status, 403);
    for host in [
        "169.254.169.254",
        "169.254.170.2",
        "[fd00:ec2::254]",
        "creds.example:80",
    ] {
        let answer = server.ask("GET", "/healthz", &[("Host", host)]);
        assert_eq!(answer.status, 200, "{host}");
    }
    let none = Answer::read(&server.raw(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n"));
    assert_eq!(none.status, 400);
}

#[test]
fn other_hosts_have_to_be_let_in() {
    let workload = Workload::new();
    let refused = |options: &[&str]| {
        let session = Server::session("http://127.0.0.1:9");
        let mut all = vec!["serve", "--port", "0"];
        all.extend(options);
        all.extend(session.iter().map(String::as_str));
        workload.sandbox.run(&all)
    };
    let run = refused(&["--bind", "0.0.0.0"]);
    insta::assert_snapshot!(failure(&run, &[]));
    for options in [
        ["--bind", "::"].as_slice(),
        &["--bind", "0.0.0.0", "--token-file", "token"],
    ] {
        let run = refused(options);
        assert_eq!(run.code, 2, "{run:?}");
        assert!(
            run.stderr.contains("can be reached from other hosts"),
            "{run:?}"
        );
    }
    for options in [
        ["--bind", "0.0.0.0", "--no-imds", "--token-file", "token"].as_slice(),
        &["--bind", "0.0.0.0", "--allow-remote"],
    ] {
        let service = granting(1);
        let server = Server::start(&workload, &service.url(), options);
        assert_eq!(server.get("/healthz").status, 200);
        assert!(
            server.url.starts_with("http://127.0.0.1:"),
            "{}",
            server.url
        );
    }
}

/// A client with the user id `uid`, which only root can start.
fn as_user(uid: u32, server: &Server<'_>) -> String {
    let mut command = Command::new("curl");
    command.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT"]);
    command.args(["-H", "X-aws-ec2-metadata-token-ttl-seconds: 60"]);
    match server.url.strip_prefix("unix:") {
        Some(path) => command.args(["--unix-socket", path, "http://localhost/latest/api/token"]),
        None => command.arg(format!("{}/latest/api/token", server.url)),
    };
    command.env_clear().uid(uid).gid(uid);
    let run = capture(&mut command);
    assert_eq!(run.code, 0, "{run:?}");
    run.stdout
}

#[test]
fn users_are_told_apart_over_tcp() {
    let workload = Workload::new();
    let service = granting(1);
    let own = rustix::process::geteuid().as_raw().to_string();
    let options = ["--allow-uid", &own, "--allow-uid", "4711", "--verbose"];
    let server = Server::start(&workload, &service.url(), &options);
    assert_eq!(server.token().len(), 86);
    server.until("it is in the log", |server| {
        server.log().contains(&format!("uid {own} PUT"))
    });
    if is_root(users_are_told_apart_over_tcp) {
        let (known, other) = (as_user(4711, &server), as_user(4712, &server));
        assert_eq!((known.as_str(), other.as_str()), ("200", "403"));
    }
    // Whoever may connect may see how it is.
    assert_eq!(server.get("/healthz").status, 200);
}

/// Reasons name paths, ARNs and what AWS said.
#[test]
fn reasons_are_for_those_who_may_ask_for_credentials() {
    let workload = Workload::new();
    let service = Service::start(Mood::IsOut);
    let own = rustix::process::geteuid().as_raw().to_string();
    for (uid, told) in [(own.as_str(), true), ("4711", false)] {
        let server = Server::start(&workload, &service.url(), &["--allow-uid", uid]);
        let health = server.get("/healthz");
        assert_eq!(health.status, 503);
        let profile = &health.json()["profiles"][0];
        assert_eq!(profile["status"], "unavailable");
        assert_eq!(profile["reason"].is_string(), told, "{health:?}");
        assert_eq!(health.body.contains("out of order"), told, "{health:?}");
    }
}

#[test]
fn a_user_who_is_not_named_gets_nothing() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &["--allow-uid", "4711"]);
    let ttl = ("X-aws-ec2-metadata-token-ttl-seconds", "60");
    let put = server.ask("PUT", "/latest/api/token", &[ttl]);
    assert_eq!(put.status, 403, "{put:?}");
    assert_eq!(server.get("/profile/default").status, 403);
    assert_eq!(server.get("/metrics").status, 200);
}

#[test]
fn users_and_groups_are_told_apart_over_a_unix_socket() {
    let workload = Workload::new();
    let service = granting(1);
    let session = Server::session(&service.url());
    let mut all: Vec<&str> = session.iter().map(String::as_str).collect();
    all.extend([
        "--unix-socket",
        "socket",
        "--socket-mode",
        "666",
        "--allow-gid",
        "4711",
    ]);
    let mut server = Server::run(&workload.sandbox, Server::command(&workload.sandbox, &all));
    server.url = format!("unix:{}", workload.sandbox.path("socket").display());
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(workload.sandbox.root(), mode).unwrap();
    if is_root(users_and_groups_are_told_apart_over_a_unix_socket) {
        let (known, other) = (as_user(4711, &server), as_user(4712, &server));
        assert_eq!((known.as_str(), other.as_str()), ("200", "403"));
    }
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_group_alone_over_tcp_is_an_error() {
    let workload = Workload::new();
    let session = Server::session("http://127.0.0.1:9");
    let mut all = vec!["serve", "--port", "0", "--allow-gid", "4711"];
    all.extend(session.iter().map(String::as_str));
    insta::assert_snapshot!(failure(&workload.sandbox.run(&all), &[]));
}

#[test]
fn a_huge_head_and_many_headers_are_refused() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    let huge = "x".repeat(20_000);
    let long = [("Host", "localhost"), ("X-Filler", huge.as_str())];
    assert_eq!(server.ask("GET", "/healthz", &long).status, 431);
    let many: Vec<(&str, &str)> = (0..100).map(|_| ("X-Filler", "x")).collect();
    assert_eq!(server.ask("GET", "/healthz", &many).status, 431);
    let path = format!("/{huge}");
    let status = server.ask("GET", &path, &[]).status;
    assert!(status == 414 || status == 431, "{status}");
    assert_eq!(server.get("/healthz").status, 200);
}

#[test]
fn a_body_is_not_read_and_does_not_hurt() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    // Announced, and never sent.
    let mut stream = server.connect();
    stream
        .write_all(
            b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n",
        )
        .unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 405");
    let chunked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n";
    assert_eq!(Answer::read(&server.raw(chunked)).status, 200);
}

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    let mut requests = String::new();
    let token = server.token();
    for path in ["/latest", "/latest/meta-data", "/healthz", "/latest"] {
        requests.push_str(&format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nX-aws-ec2-metadata-token: {token}\r\n\r\n"
        ));
    }
    let text = server.raw(requests.as_bytes());
    let bodies: Vec<&str> = text
        .split("HTTP/1.1 200 OK")
        .skip(1)
        .map(|answer| answer.split_once("\r\n\r\n").unwrap().1)
        .collect();
    // The connection ends with the third.
    assert_eq!(bodies[..2], ["dynamic\nmeta-data", "iam/\nplacement/"]);
    assert!(bodies[2].starts_with("{\"profiles\":"), "{text}");
    assert_eq!(bodies.len(), 3, "{text}");
}

/// Slow clients, as many as there are places but a few, do not keep others out;
/// and no client keeps its place for ever.
#[test]
fn slow_clients_do_not_keep_others_out() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    let mut slow: Vec<_> = (0..400).map(|_| server.connect()).collect();
    for stream in &mut slow {
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: lo")
            .unwrap();
    }
    let began = Instant::now();
    assert_eq!(server.get("/healthz").status, 200);
    assert!(began.elapsed() < Duration::from_secs(5));
    // The first of them is cut off.
    let mut rest = Vec::new();
    let _ = slow[0].read_to_end(&mut rest);
    assert!(began.elapsed() < Duration::from_secs(19));
    let rest = String::from_utf8(rest).unwrap();
    assert!(
        rest.is_empty() || rest.starts_with("HTTP/1.1 408"),
        "{rest}"
    );
}
