//! A clock that is wrong: the host's, or the one that a proxy shows.

use chrono::{DateTime, TimeDelta, Utc};
use insta::assert_snapshot;
use serde_json::json;

use crate::fault_server::{Fault, FaultServer, http};
use crate::harness::Sandbox;
use crate::workload::{Workload, failure, grant, session};

fn http_date(time: DateTime<Utc>) -> String {
    time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn denied(message: &str, date: &str) -> Fault {
    let headers = [
        ("Content-Type", "application/json"),
        ("x-amzn-ErrorType", "AccessDeniedException"),
        ("Date", date),
    ];
    let body = json!({ "message": message }).to_string();
    Fault::Answer(http("403 Forbidden", &headers, &body))
}

/// Half a minute more, so that neither the program's start nor the cut to whole
/// seconds shifts the minute.
fn skew() -> TimeDelta {
    TimeDelta::seconds(20 * 60 + 30)
}

/// F34: the official helper leaves the clock's correction to an SDK that does
/// not apply it to the X.509 signer. The emulator judges by its own clock.
#[test]
fn f34_a_clock_that_is_behind_is_corrected_once_and_warned_of() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let emulator = sandbox.emulate(&[
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--fault",
        "skew:1230*2",
        "--count-requests",
    ]);
    let mut command = sandbox.command();
    command.args(emulator.arguments("web-1")).arg("--verbose");
    let run = sandbox.finish(command);
    let log = emulator.log();
    assert_eq!(run.code, 0, "{run:#?} {log}");
    let said = |line: &str| run.stderr.lines().any(|other| other == line);
    assert!(
        said("note: this host's clock is 20 min behind the service's; asking again with its time")
            && said(
                "warning: this host's clock is 20 min behind AWS's; fix its time service (chronyd, ntpd)"
            ),
        "{run:#?}"
    );
    assert!(log.contains("the client's clock is 20 min behind"), "{log}");
    assert!(log.contains("(CreateSession #2)"), "{log}");
    assert!(!log.contains("(CreateSession #3)"), "{log}");
}

/// F34, either way: the second request is dated by the service's clock.
#[test]
fn f34_the_corrected_request_has_the_services_date() {
    for (off, direction) in [(skew(), "behind"), (-skew(), "ahead of")] {
        let service_now = Utc::now() + off;
        let ends = windlass::clock::rfc3339(service_now + TimeDelta::hours(1));
        let answer = session(|answer| {
            answer["credentialSet"][0]["credentials"]["expiration"] = json!(ends);
        });
        let server = FaultServer::start(vec![
            denied("Invalid signature", &http_date(service_now)),
            Fault::Answer(answer),
        ]);
        let run = Workload::new().ask(&["--endpoint", &server.url()]);
        assert_eq!(run.code, 0, "{run:#?}");
        let warning = format!(
            "warning: this host's clock is 20 min {direction} AWS's; fix its time service (chronyd, ntpd)\n"
        );
        assert_eq!(run.stderr, warning);
        let seen = server.seen();
        let error = signed_at(&seen[1]) - service_now;
        assert!(error.abs() < TimeDelta::seconds(20), "{error}");
    }
}

/// Credentials that have ended by this host's clock are good when it is this
/// clock that is wrong; and the other way round.
#[test]
fn expiry_is_judged_by_the_clock_that_proved_right() {
    // This host is so far ahead of the service, whose session lasts so long.
    for (ahead, left, code) in [(1230, 900, 0), (-1230, -60, 1)] {
        let service_now = Utc::now() - TimeDelta::seconds(ahead);
        let ends = windlass::clock::rfc3339(service_now + TimeDelta::seconds(left));
        let answer = session(|answer| {
            answer["credentialSet"][0]["credentials"]["expiration"] = json!(ends);
        });
        let server = FaultServer::start(vec![
            denied("Invalid signature", &http_date(service_now)),
            Fault::Answer(answer),
        ]);
        let run = Workload::new().ask(&["--endpoint", &server.url()]);
        assert_eq!(server.seen().len(), 2, "{run:#?}");
        assert_eq!(run.code, code, "{run:#?}");
    }
}

/// A proxy or a cache may send any `Date`: the first refusal counts.
#[test]
fn a_correction_that_does_not_help_is_the_first_refusal() {
    let shown = |off: TimeDelta, second: Fault| {
        let first = denied("Invalid signature", &http_date(Utc::now() + off));
        let server = FaultServer::start(vec![first, second, grant()]);
        let run = Workload::new().ask(&["--endpoint", &server.url()]);
        assert_eq!(server.seen().len(), 2, "{run:#?}");
        failure(&run, &[&server])
    };
    let again = denied("Invalid signature", &http_date(Utc::now()));
    assert_snapshot!(shown(-skew(), again.clone()), @"
    exit 3
    error: after 2 attempts: AWS refused with 403 AccessDeniedException: Invalid signature
    hint: this host's clock is 20 min ahead of the service's, which alone makes signatures invalid; set the clock (chronyd, ntpd)
    ");
    let behind = shown(skew(), again);
    assert!(behind.contains("20 min behind the service's"), "{behind}");
}

/// What may pass is tried again after a correction too, with the service's date,
/// and is what is told when it does not pass.
#[test]
fn what_may_pass_after_a_correction_is_tried_again() {
    let service_now = Utc::now() + skew();
    let first = denied("Invalid signature", &http_date(service_now));
    let out = Fault::Answer(http("503 Service Unavailable", &[], ""));
    let ends = windlass::clock::rfc3339(service_now + TimeDelta::hours(1));
    let good = Fault::Answer(session(|answer| {
        answer["credentialSet"][0]["credentials"]["expiration"] = json!(ends);
    }));
    for fault in [out.clone(), Fault::Reset(Vec::new())] {
        let server = FaultServer::start(vec![first.clone(), fault, good.clone()]);
        let run = Workload::new().ask(&["--endpoint", &server.url()]);
        assert_eq!(run.code, 0, "{run:#?}");
        let seen = server.seen();
        assert_eq!(seen.len(), 3, "{run:#?}");
        let error = signed_at(&seen[2]) - service_now;
        assert!(error.abs() < TimeDelta::seconds(20), "{error}");
    }
    let script = [first, out.clone(), out.clone(), out.clone(), out];
    let server = FaultServer::start(script.to_vec());
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    assert_eq!(server.seen().len(), 4, "{run:#?}");
    assert_snapshot!(failure(&run, &[&server]), @"
    exit 5
    error: after 4 attempts: 127.0.0.1:[PORT] answered 503: an empty body
    hint: try again later
    ");
}

/// The refusal that the clock explains counts, however many attempts lie
/// between it and the next one.
#[test]
fn the_first_refusal_counts_after_a_retry_too() {
    let refused = |off: TimeDelta| denied("Invalid signature", &http_date(Utc::now() + off));
    let out = Fault::Answer(http("503 Service Unavailable", &[], ""));
    let server = FaultServer::start(vec![refused(-skew()), out, refused(TimeDelta::zero())]);
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    assert_eq!(run.code, 3, "{run:#?}");
    let said = "after 3 attempts: AWS refused with 403 AccessDeniedException: Invalid signature";
    assert!(run.stderr.contains(said), "{run:#?}");
    assert!(run.stderr.contains("20 min ahead"), "{run:#?}");
}

/// The date of a signed request.
fn signed_at(request: &str) -> DateTime<Utc> {
    let mut lines = request.lines();
    let date = lines.find_map(|line| line.strip_prefix("x-amz-date: "));
    let date = chrono::NaiveDateTime::parse_from_str(date.unwrap(), "%Y%m%dT%H%M%SZ");
    date.unwrap().and_utc()
}

/// A clock that is right is not blamed, nor is one without anything to compare
/// it with, nor one that has nothing to do with the refusal.
#[test]
fn other_refusals_are_not_blamed_on_the_clock() {
    let off = http_date(Utc::now() - skew());
    let nearly = http_date(Utc::now() + TimeDelta::seconds(30));
    for (message, date) in [
        ("Invalid signature", nearly.as_str()),
        ("Invalid signature", "?"),
        ("Certificate revoked", &off),
    ] {
        let server = FaultServer::start(vec![denied(message, date), denied(message, date)]);
        let run = Workload::new().ask(&["--endpoint", &server.url()]);
        assert_eq!(run.code, 3, "{run:#?}");
        assert_eq!(server.seen().len(), 1, "{run:#?}");
        assert!(!run.stderr.contains("this host's clock is"), "{run:#?}");
    }
}

/// AWS takes requests that are a few minutes off: the next one may not pass.
#[test]
fn a_success_with_a_skewed_date_is_warned_of() {
    let body = session(|_| ());
    let body = String::from_utf8(body).unwrap();
    let body = body.split_once("\r\n\r\n").unwrap().1;
    let date = http_date(Utc::now() + TimeDelta::seconds(5 * 60 + 30));
    let headers = [
        ("Content-Type", "application/json"),
        ("Date", date.as_str()),
    ];
    let server = FaultServer::start(vec![Fault::Answer(http("201 Created", &headers, body))]);
    let run = Workload::new().ask(&["--endpoint", &server.url()]);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_snapshot!(run.stderr, @"warning: this host's clock is 5 min behind AWS's; fix its time service (chronyd, ntpd)");
}
