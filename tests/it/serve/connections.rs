//! How long one client may hold its places.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use super::server::Server;
use crate::workload::{Workload, granting};

const PLACES: usize = 512;

const PUT: &[u8] = b"PUT /latest/api/token HTTP/1.1\r\nHost: localhost\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n\r\n";

/// Sends a request that can be repeated for ever and reads its answer.
fn token(stream: &mut TcpStream) -> String {
    stream.write_all(PUT).unwrap();
    let mut text = Vec::new();
    while !text.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut part = [0; 1024];
        let length = stream.read(&mut part).unwrap();
        assert!(length > 0, "closed: {}", String::from_utf8_lossy(&text));
        text.extend(&part[..length]);
    }
    String::from_utf8(text).unwrap()
}

/// Whether the other side has closed it.
fn ends(stream: &mut impl Read) -> bool {
    match stream.read(&mut [0; 64]) {
        Ok(length) => length == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn who_takes_most_places_keeps_them_for_one_answer_only() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    let mut held = Vec::new();
    for index in 0..PLACES / 2 + 10 {
        let mut stream = server.connect();
        let answer = token(&mut stream);
        let is_asked_to_end = answer.contains("connection: close");
        // Each socket that is listened on holds one place for the next.
        let is_at_half = (PLACES / 2 - 5..PLACES / 2 + 5).contains(&index);
        let is_asked_for = is_at_half || is_asked_to_end == (index > PLACES / 2);
        assert!(is_asked_for, "{index}: {answer}");
        if !is_asked_to_end {
            held.push(stream);
        }
    }
    // Idle ones go within seconds once more are taken, and so do those that
    // would ask again and again.
    let idle: Vec<_> = (0..PLACES / 2 - 20).map(|_| server.connect()).collect();
    server.until("a place that is used is given up", |_| {
        token(&mut server.connect()).contains("connection: close")
    });
    assert!(token(&mut held[0]).contains("connection: close"));
    assert!(ends(&mut held[0]));
    let began = Instant::now();
    assert!(ends(&mut held[1]));
    assert!(began.elapsed() < Duration::from_secs(8));
    assert_eq!(server.get("/healthz").status, 200);
    drop(idle);
}

#[test]
fn what_sdks_do_not_repeat_ends_the_connection() {
    let workload = Workload::new();
    let service = granting(1);
    let server = Server::start(&workload, &service.url(), &[]);
    for path in ["/healthz", "/metrics", "/nothing", "/latest/meta-data"] {
        let mut stream = server.connect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.contains("connection: close"), "{path}: {text}");
    }
    let mut stream = server.connect();
    for index in 1..=1000 {
        let is_asked_to_end = token(&mut stream).contains("connection: close");
        assert_eq!(is_asked_to_end, index == 1000, "{index}");
    }
    assert!(ends(&mut stream));
}

#[test]
fn one_user_holds_half_of_the_places_of_a_unix_socket() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let service = granting(1);
    let session = Server::session(&service.url());
    let mut all: Vec<&str> = session.iter().map(String::as_str).collect();
    all.extend(["--unix-socket", "socket", "--port", "0"]);
    let server = Server::run(sandbox, Server::command(sandbox, &all));
    let connect = || {
        let stream = UnixStream::connect(sandbox.path("socket")).unwrap();
        let patience = Some(Duration::from_secs(2));
        stream.set_read_timeout(patience).unwrap();
        stream
    };
    let mut held: Vec<_> = (0..PLACES / 2).map(|_| connect()).collect();
    for _ in 0..40 {
        assert!(ends(&mut connect()));
    }
    // Over TCP, where nobody asked for users, there is room.
    assert_eq!(server.get("/healthz").status, 200);
    held[0].write_all(PUT).unwrap();
    let mut first = [0; 12];
    held[0].read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    drop(held);
    server.until("the places are given back", |_| {
        let mut stream = connect();
        stream.write_all(PUT).is_ok() && stream.read_exact(&mut [0; 12]).is_ok()
    });
}
