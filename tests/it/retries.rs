//! Attempts that are made again, and those that are not.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use windlass::clock::SystemClock;
use windlass::rolesanywhere::{Error, TransportSettings};

use crate::fault_server::{Fault, FaultServer, TlsRoot, http};
use crate::harness::Run;
use crate::workload::{Workload, failure, grant, obtain, session};

const JSON: (&str, &str) = ("Content-Type", "application/json");

fn unavailable(headers: &[(&str, &str)]) -> Fault {
    Fault::Answer(http("503 Service Unavailable", headers, ""))
}

/// Runs the program against a server with this script.
fn ask(script: Vec<Fault>) -> (Run, FaultServer) {
    let server = FaultServer::start(script);
    let run = Workload::new().ask(&["--endpoint", &server.url(), "--verbose"]);
    (run, server)
}

#[test]
fn what_may_pass_is_tried_again() {
    let half = {
        let whole = session(|_| ());
        whole[..whole.len() - 100].to_vec()
    };
    // Without a length only the JSON tells that an end is missing.
    let open_ended = b"HTTP/1.1 201 Created\r\n\r\n{\"credentialSet\":[{".to_vec();
    let throttled = [JSON, ("x-amzn-ErrorType", "ThrottlingException")];
    for fault in [
        unavailable(&[]),
        Fault::Answer(http("500 Internal Server Error", &[], "")),
        Fault::Answer(http("502 Bad Gateway", &[], "")),
        Fault::Answer(http("429 Too Many Requests", &[], "")),
        Fault::Answer(http("400 Bad Request", &throttled, "{}")),
        Fault::Answer(http("408 Request Timeout", &[], "")),
        Fault::Reset(Vec::new()),
        Fault::Answer(Vec::new()),
        Fault::Answer(half),
        Fault::Answer(open_ended),
    ] {
        let (run, server) = ask(vec![fault, grant()]);
        assert_eq!(run.code, 0, "{run:#?}");
        assert_eq!(server.seen().len(), 2, "{run:#?}");
        let note = "note: attempt 1 failed: ";
        assert!(run.stderr.contains(note), "{run:#?}");
        assert!(run.stderr.contains("trying again in 0."), "{run:#?}");
    }
}

#[test]
fn four_attempts_and_no_more() {
    let (run, server) = ask(vec![unavailable(&[]); 5]);
    assert_eq!(run.code, 5, "{run:#?}");
    assert_eq!(server.seen().len(), 4);
    let shown = failure(&run, &[&server]);
    let error = "error: after 4 attempts: 127.0.0.1:[PORT] answered 503: an empty body";
    assert!(shown.contains(error), "{shown}");
}

/// For a support case: in the message, and by itself in JSON.
#[test]
fn the_last_attempts_request_is_named() {
    let id = ("x-amzn-RequestId", "4711-0815");
    let slow_down = [JSON, id, ("x-amzn-ErrorType", "ThrottlingException")];
    let said = r#"{"message":"Rate exceeded"}"#;
    for last in [
        Fault::Answer(http("503 Service Unavailable", &[id], "")),
        Fault::Answer(http("400 Bad Request", &slow_down, said)),
    ] {
        let mut script = vec![unavailable(&[]); 3];
        script.push(last);
        let server = FaultServer::start(script);
        let options = ["--endpoint", &server.url(), "--error-format", "json"];
        let run = Workload::new().ask(&options);
        assert_eq!((run.code, server.seen().len()), (5, 4), "{run:#?}");
        let error: serde_json::Value = serde_json::from_str(&run.stderr).unwrap();
        assert_eq!(error["requestId"], "4711-0815", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("after 4 attempts: "), "{message}");
        assert!(message.ends_with(" (request id 4711-0815)"), "{message}");
    }
}

#[test]
fn what_will_not_pass_is_not_tried_again() {
    let denied = [JSON, ("x-amzn-ErrorType", "AccessDeniedException")];
    let body = r#"{"message":"Certificate revoked"}"#;
    for (fault, code) in [
        (Fault::Answer(http("403 Forbidden", &denied, body)), 3),
        (
            Fault::Answer(http("407 Proxy Authentication Required", &[], "")),
            1,
        ),
        (Fault::Answer(http("200 OK", &[JSON], "[]")), 1),
        (Fault::Answer(b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()), 1),
    ] {
        let (run, server) = ask(vec![fault, grant()]);
        assert_eq!(run.code, code, "{run:#?}");
        assert_eq!(server.seen().len(), 1, "{run:#?}");
    }
    // TLS of an unknown root.
    let config = TlsRoot::new().server(&["127.0.0.1"], |_| ());
    let server = FaultServer::start_tls(vec![grant(), grant()], config);
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    assert_eq!(run.code, 1, "{run:#?}");
    assert_eq!(server.seen().len(), 1, "{run:#?}");
}

/// A signed request is for one use: each attempt has a signature and a date of
/// its own.
#[test]
fn each_attempt_is_signed_anew() {
    // Longer than a second, so that the dates must differ.
    let script = vec![unavailable(&[("Retry-After", "2")]), grant()];
    let (run, server) = ask(script);
    assert_eq!(run.code, 0, "{run:#?}");
    let seen = server.seen();
    let line = |request: &str, name: &str| -> String {
        let found = request.lines().find(|line| line.starts_with(name));
        found.unwrap().to_owned()
    };
    for name in ["x-amz-date:", "authorization:"] {
        assert_ne!(line(&seen[0], name), line(&seen[1], name));
    }
}

#[test]
fn retry_after_is_waited_for() {
    let date = |ahead: i64| {
        let date = Utc::now() + TimeDelta::seconds(ahead);
        date.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    };
    // A service whose clock is an hour behind: both dates are its own.
    let (now, then) = (date(-3600), date(-3598));
    for headers in [
        vec![("Retry-After", "2")],
        vec![("Retry-After", then.as_str()), ("Date", now.as_str())],
    ] {
        let begun = Instant::now();
        let (run, server) = ask(vec![unavailable(&headers), grant()]);
        assert_eq!(run.code, 0, "{run:#?}");
        assert_eq!(server.seen().len(), 2);
        assert!(begun.elapsed() >= Duration::from_secs(2), "{run:#?}");
    }
}

#[test]
fn a_retry_after_that_does_not_fit_ends_it_at_once() {
    let begun = Instant::now();
    let (run, server) = ask(vec![unavailable(&[("Retry-After", "600")]), grant()]);
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!((run.code, server.seen().len()), (5, 1), "{run:#?}");
    let error = run.stderr.lines().find(|line| line.starts_with("error:"));
    let (words, time) = error
        .unwrap()
        .split_once("; it asks not to be called again before ")
        .unwrap();
    assert!(words.ends_with("answered 503: an empty body"), "{run:#?}");
    let time: chrono::DateTime<Utc> = time.parse().unwrap();
    let ahead = time - Utc::now();
    assert!(ahead > TimeDelta::minutes(9) && ahead <= TimeDelta::minutes(10));
}

/// The total holds over all attempts, and one that hangs does not use it up.
#[test]
fn a_black_hole_leaves_time_for_another_attempt() {
    let settings = TransportSettings {
        connect_deadline: Duration::from_millis(300),
        read_deadline: Duration::from_millis(300),
        total_deadline: Duration::from_secs(20),
        ..TransportSettings::default()
    };
    let server = FaultServer::start(vec![Fault::Stall(Vec::new()), grant()]);
    let granted = obtain(&server.url(), &settings, &SystemClock).unwrap();
    assert_eq!(granted.attempts, 2);

    // 1.3 s: after a first time-out of 1 s another second is not left.
    let settings = TransportSettings {
        read_deadline: Duration::from_secs(1),
        total_deadline: Duration::from_millis(1300),
        ..TransportSettings::default()
    };
    let server = FaultServer::start(vec![Fault::Stall(Vec::new()); 2]);
    let begun = Instant::now();
    let error = obtain(&server.url(), &settings, &SystemClock).unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    assert!(begun.elapsed() < Duration::from_millis(1300), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[test]
fn what_was_granted_says_how() {
    let answer = http(
        "201 Created",
        &[JSON, ("x-amzn-RequestId", "5b1f3a54")],
        String::from_utf8(session(|_| ()))
            .unwrap()
            .split_once("\r\n\r\n")
            .unwrap()
            .1,
    );
    let server = FaultServer::start(vec![unavailable(&[]), Fault::Answer(answer)]);
    let granted = obtain(&server.url(), &TransportSettings::default(), &SystemClock).unwrap();
    assert_eq!(granted.attempts, 2);
    assert_eq!(granted.request_id.as_deref(), Some("5b1f3a54"));
    assert!(!granted.clock_corrected && granted.clock_ahead.is_none());
    assert!(!format!("{granted:?}").contains(crate::workload::SECRET_KEY));
}

/// The session for the first role came: it is STS that is not found, and another
/// option that names another one.
#[test]
fn a_name_of_sts_that_does_not_resolve_leads_to_its_own_option() {
    let server = FaultServer::start(vec![Fault::Answer(session(|_| ()))]);
    let run = Workload::new().ask(&[
        "--endpoint",
        &server.url(),
        "--assume-role",
        "arn:aws:iam::123456789012:role/next",
        "--sts-endpoint",
        "https://no-such-sts.invalid",
    ]);
    assert_eq!(run.code, 5, "{run:#?}");
    assert!(
        run.stderr
            .contains("no-such-sts.invalid does not resolve: "),
        "{run:#?}"
    );
    let hint = "hint: check this host's DNS; it is the name of STS in the trust anchor's region, and --sts-endpoint names another";
    assert!(run.stderr.contains(hint), "{run:#?}");
}
