//! A recorded request sent octet by octet, with HTTP's own ambiguities: what one
//! reader takes for one header and another for two is refused by the server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::harness::{Sandbox, testdata};

use super::Vector;

/// The status of the first answer to these octets; `None` when there is none.
fn status(address: &str, octets: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    // The server may have seen enough before the end.
    let _ = stream.write_all(octets);
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while !answer.windows(2).any(|pair| pair == b"\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => break,
            Ok(count) => answer.extend_from_slice(&buffer[..count]),
        }
    }
    let line = String::from_utf8_lossy(&answer).into_owned();
    line.split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let vector = &Vector::all()[1];
    let sandbox = Sandbox::new();
    let anchor = testdata("sigv4-x509").join(&vector.name).join("anchor.pem");
    fs::copy(anchor, sandbox.path("anchor.pem")).unwrap();
    let arn = format!("{}=anchor.pem", vector.string("trust_anchor_arn"));
    let emulator = sandbox.emulate(&[
        "--trust-anchor",
        &arn,
        "--profile-arn",
        vector.string("profile_arn"),
        "--role-arn",
        vector.string("role_arn"),
        "--at",
        "2026-01-15T12:00:00Z",
    ]);
    let address = emulator.url.strip_prefix("http://").unwrap();
    let raw = vector.text("request.txt");
    assert_eq!(status(address, raw.as_bytes()), Some(201), "as it is");

    let with = |line: &str| raw.replacen("\r\nhost:", &format!("\r\n{line}\r\nhost:"), 1);
    let date = "x-amz-date: 20260115T120000Z";
    let cases = [
        (
            "a folded date",
            raw.replace(date, "x-amz-date: 20260115T\r\n 120000Z"),
        ),
        ("a folded header before the date", with("x-other: a\r\n b")),
        (
            "a blank before the colon",
            raw.replace(date, "x-amz-date : 20260115T120000Z"),
        ),
        (
            "a blank before the name",
            raw.replace(date, " x-amz-date: 20260115T120000Z"),
        ),
        ("two lengths", with("content-length: 24")),
        ("a length and chunks", with("transfer-encoding: chunked")),
        (
            "a signed length",
            raw.replace("content-length: 23", "content-length: +23"),
        ),
        ("a zero octet in a header", with("x-other: a\0b")),
        ("a carriage return alone", with("x-other: a\rb")),
        ("no name", with(": a")),
        ("a header without a colon", with("x-other")),
        ("no version", raw.replacen(" HTTP/1.1", "", 1)),
        ("another version", raw.replacen(" HTTP/1.1", " HTTP/9.1", 1)),
        (
            "a blank in the target",
            raw.replacen("/sessions?", "/sessions ?", 1),
        ),
        (
            "a control character in the target",
            raw.replacen("/sessions?", "/sessions?\u{1}", 1),
        ),
        (
            "the date again in another case",
            with("X-AMZ-DATE: 20260115T120000Z"),
        ),
        ("the host again in another case", with("Host: example.com")),
    ];
    // 413 is the answer to a body that does not end.
    for (what, octets) in cases {
        assert_ne!(octets, raw, "{what} changes nothing");
        let status = status(address, octets.as_bytes());
        assert!(
            matches!(status, None | Some(400 | 403 | 413 | 505)),
            "{what}: {status:?}"
        );
    }
    // It lives, and judges as before.
    assert_eq!(status(address, raw.as_bytes()), Some(201), "at the end");
}
