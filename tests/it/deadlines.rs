//! Servers that are silent or slow, with deadlines that are short enough for a
//! test: the program's own are tens of seconds.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use windlass::clock::SystemClock;
use windlass::commands;
use windlass::rolesanywhere::{Error, TlsTrust, TransportSettings};

use crate::fault_server::{Fault, FaultServer, TlsRoot};
use crate::workload::{obtain, session};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

/// Only the deadline that a test is about is short.
fn patient() -> TransportSettings {
    TransportSettings {
        connect_deadline: LONG,
        read_deadline: LONG,
        total_deadline: LONG,
        ..TransportSettings::default()
    }
}

/// How an exchange ends, which must be by a deadline and soon.
fn times_out(url: &str, settings: &TransportSettings) -> Error {
    let begun = Instant::now();
    let error = obtain(url, settings, &SystemClock).unwrap_err();
    let took = begun.elapsed();
    assert!(matches!(error.root(), Error::Timeout { .. }), "{error:?}");
    assert!(took >= SHORT, "{took:?} {error}");
    assert!(took < Duration::from_secs(10), "{took:?} {error}");
    error
}

fn said(error: Error, server: &FaultServer) -> String {
    let Error::Repeated { seconds, .. } = &error else {
        panic!("{error:?}");
    };
    let in_all = format!("in {seconds} s: ");
    let error = commands::Error::from(error);
    format!(
        "exit {}\nerror: {error}\nhint: {}",
        error.outcome().code(),
        error.hint().unwrap()
    )
    .replace(&format!(":{}", server.port()), ":[PORT]")
    .replace(&in_all, "in [ALL] s: ")
}

#[test]
fn a_server_that_never_answers() {
    let server = FaultServer::start(vec![Fault::Stall(Vec::new()); 4]);
    let error = times_out(
        &server.url(),
        &TransportSettings {
            read_deadline: SHORT,
            ..patient()
        },
    );
    assert_snapshot!(said(error, &server), @"
    exit 5
    error: after 4 attempts in [ALL] s: 127.0.0.1:[PORT] did not answer within 0 s
    hint: is the endpoint reachable from here, or does a firewall drop packets? $HTTPS_PROXY is honoured
    ");
    assert!(server.seen()[0].starts_with("POST "), "it was asked");
}

#[test]
fn a_server_that_falls_silent_in_the_body() {
    let answer = session(|_| ());
    let half = answer[..answer.len() - 100].to_vec();
    let server = FaultServer::start(vec![Fault::Stall(half); 4]);
    let settings = TransportSettings {
        read_deadline: SHORT,
        ..patient()
    };
    times_out(&server.url(), &settings);
}

#[test]
fn a_server_that_sends_an_octet_a_second() {
    let answer = session(|_| ());
    let server = FaultServer::start(vec![Fault::Trickle(answer, Duration::from_secs(1)); 4]);
    let settings = TransportSettings {
        read_deadline: SHORT,
        ..patient()
    };
    times_out(&server.url(), &settings);
}

/// Every octet comes in time, and all of them together do not.
#[test]
fn a_server_that_trickles() {
    let answer = session(|_| ());
    let server = FaultServer::start(vec![Fault::Trickle(answer, Duration::from_millis(20))]);
    let settings = TransportSettings {
        read_deadline: LONG,
        total_deadline: SHORT,
        ..patient()
    };
    times_out(&server.url(), &settings);
}

/// A TLS handshake without end falls under the deadline for connecting.
#[test]
fn a_server_that_never_shakes_hands() {
    let server = FaultServer::start(vec![Fault::Stall(Vec::new()); 4]);
    let settings = TransportSettings {
        connect_deadline: SHORT,
        ..patient()
    };
    let error = times_out(&server.url().replace("http://", "https://"), &settings);
    assert_snapshot!(said(error, &server), @"
    exit 5
    error: after 4 attempts in [ALL] s: 127.0.0.1:[PORT] did not answer within 0 s
    hint: is the endpoint reachable from here, or does a firewall drop packets? $HTTPS_PROXY is honoured
    ");
}

#[test]
fn a_tls_server_that_never_answers() {
    let root = TlsRoot::new();
    let server = FaultServer::start_tls(
        vec![Fault::Stall(Vec::new()); 4],
        root.server(&["127.0.0.1"], |_| ()),
    );
    let settings = TransportSettings {
        trust: TlsTrust::Roots {
            additional: vec![root.der()],
        },
        read_deadline: SHORT,
        ..patient()
    };
    times_out(&server.url(), &settings);
    assert_eq!(server.seen().len(), 4, "one connection an attempt");
}
