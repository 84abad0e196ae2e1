//! What readers get while AWS does not do what it should.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::server::{Answer, Server};
use super::service::{Mood, Service};
use crate::workload::{Workload, failure};

const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/backup";

/// The year that the official helper answers with when it has nothing.
const NO_DATE: &str = "0001-";

#[test]
fn f15_refused_at_the_start_it_ends_with_the_reason() {
    let workload = Workload::new();
    let service = Service::start(Mood::Refuses);
    let session = Server::session(&service.url());
    let mut all = vec!["serve", "--port", "0", "--ready-file", "ready"];
    all.extend(session.iter().map(String::as_str));
    let run = workload.sandbox.run(&all);
    insta::assert_snapshot!(failure(&run, &[]));
    assert!(!workload.sandbox.path("ready").exists());
}

#[test]
fn f15_out_at_the_start_it_serves_the_reason_and_recovers() {
    let workload = Workload::new();
    let service = Service::start(Mood::IsOut);
    let server = Server::start(&workload, &service.url(), &["--token-file", "token"]);
    let token = workload.sandbox.read("token");
    let container = [("Authorization", token.as_str())];
    for answer in [
        server.imds(CREDENTIALS),
        server.ask("GET", "/profile/default", &container),
    ] {
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.json()["code"], "CredentialsUnavailable");
        let reason = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(reason.contains("answered 503"), "{reason}");
        assert!(!answer.body.contains(NO_DATE), "{answer:?}");
        assert!(!answer.body.contains("Success"), "{answer:?}");
    }
    // Which role it will be is known.
    let role = server.imds("/latest/meta-data/iam/security-credentials/");
    assert_eq!(role.body, "backup");
    let health = server.get("/healthz");
    assert_eq!(
        (health.status, &health.json()["status"]),
        (503, &"unavailable".into())
    );
    assert!(server.log().contains("warning: no new session for default"));

    service.set(Mood::Grants(3600));
    server.until("it recovers", |server| {
        server.imds(CREDENTIALS).status == 200
    });
    assert_eq!(server.get("/healthz").json()["status"], "ok");
    server.until("it says so", |server| {
        server
            .log()
            .contains("note: the profile default gets sessions again")
    });
}

/// The helper overwrites good credentials with empty ones and says Success.
#[test]
fn f15_a_failed_refresh_keeps_the_good_session_until_its_end_then_says_why() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(8));
    let server = Server::start(&workload, &service.url(), &[]);
    let began = Instant::now();
    let first = server.imds(CREDENTIALS).json();
    service.set(Mood::IsOut);
    server.until("it fails", |server| {
        server.metric("windlass_refresh_failures_total{profile=\"default\"}") > 0
    });
    // The session, and the four attempts of one refresh at half of its life.
    assert_eq!(service.calls(), 1 + 4);
    assert!(began.elapsed() < Duration::from_secs(7));
    // Good, and the same.
    let held = server.imds(CREDENTIALS);
    assert_eq!((held.status, held.json() == first), (200, true), "{held:?}");
    let health = server.get("/healthz");
    assert_eq!(
        (health.status, &health.json()["status"]),
        (200, &"degraded".into())
    );
    // At every moment either the good one or a reason.
    let mut last = 200;
    while last == 200 {
        let answer = server.imds(CREDENTIALS);
        match answer.status {
            200 => assert_eq!(answer.json(), first),
            503 => assert!(answer.body.contains("answered 503"), "{answer:?}"),
            other => panic!("{other}: {answer:?}"),
        }
        last = answer.status;
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    let ends: chrono::DateTime<chrono::Utc> =
        first["Expiration"].as_str().unwrap().parse().unwrap();
    let late = (chrono::Utc::now() - ends).num_milliseconds();
    assert!((0..3000).contains(&late), "{late} ms after its end");
    service.set(Mood::Grants(3600));
    server.until("it recovers", |server| {
        server.imds(CREDENTIALS).status == 200
    });
}

/// Each refusal has a number of its own.
#[test]
fn l15_a_refusal_is_told_once_and_not_at_every_try() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(4));
    let server = Server::start(&workload, &service.url(), &[]);
    service.set(Mood::Refuses);
    server.until("it fails for the third time", |server| {
        server.metric("windlass_refresh_failures_total{profile=\"default\"}") > 2
    });
    let log = server.log();
    assert_eq!(log.matches("no new session").count(), 1, "{log}");
    assert!(log.contains("request id request-2"), "{log}");
}

/// S2: a daemon that ends when one exchange fails.
#[test]
fn s2_a_refusal_in_mid_life_does_not_end_it() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(4));
    let mut server = Server::start(&workload, &service.url(), &[]);
    service.set(Mood::Refuses);
    server.until("the session ends", |server| {
        server.imds(CREDENTIALS).status == 503
    });
    let answer = server.imds(CREDENTIALS);
    assert!(
        answer.body.contains("Untrusted signing certificate"),
        "{answer:?}"
    );
    service.set(Mood::Grants(3600));
    server.until("it recovers", |server| {
        server.imds(CREDENTIALS).status == 200
    });
    server.signal(rustix::process::Signal::TERM);
    assert_eq!(server.wait(), Some(0));
}

/// F16: the helper's handlers share a struct without a lock. Here every reader
/// sees one whole session, never parts of two, while they change all the time;
/// and however many ask, AWS is asked by one.
#[test]
fn f16_readers_see_whole_sessions_while_they_are_replaced() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(3));
    let server = Server::start(&workload, &service.url(), &["--token-file", "token"]);
    let token = workload.sandbox.read("token");
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let stop = AtomicBool::new(false);
    let (server, container) = (&server, [("Authorization", token.as_str())]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let began = Instant::now();
                while !stop.load(Ordering::SeqCst) && began.elapsed() < Duration::from_secs(20) {
                    let answer = server.ask("GET", "/profile/default", &container);
                    if answer.status == 503 {
                        continue;
                    }
                    let document = answer.json();
                    let text = |key: &str| document[key].as_str().unwrap().to_owned();
                    // Every part names the call that it came with.
                    let number = |key: &str, name: &str| -> usize {
                        text(key).strip_prefix(name).unwrap().parse().unwrap()
                    };
                    let call = number("AccessKeyId", "ASIA");
                    assert_eq!(number("SecretAccessKey", "secret"), call);
                    assert_eq!(number("Token", "token"), call);
                    assert_eq!(text("Expiration"), service.ends(call));
                    seen.lock().unwrap().insert(call);
                }
            });
        }
        server.until("four sessions were served", |_| {
            seen.lock().unwrap().len() >= 4
        });
        stop.store(true, Ordering::SeqCst);
    });
    let granted = server.metric("windlass_refreshes_total{profile=\"default\"}");
    assert!(
        i64::try_from(service.calls()).unwrap() <= granted + 1,
        "{} calls for {granted} sessions",
        service.calls()
    );
}

/// The SDKs of Python and JavaScript wait for one second.
#[test]
fn readers_do_not_wait_while_aws_hangs() {
    let workload = Workload::new();
    let service = Service::start(Mood::Grants(6));
    let server = Server::start(&workload, &service.url(), &[]);
    service.set(Mood::Hangs);
    server.until("it asks again", |_| service.calls() == 2);
    let mut slowest = Duration::ZERO;
    for _ in 0..200 {
        let began = Instant::now();
        assert_eq!(server.imds(CREDENTIALS).status, 200);
        slowest = slowest.max(began.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    assert_eq!(service.calls(), 2, "one at a time");
    // Also when nothing is left, the reason comes at once.
    server.until("the session ends", |server| {
        server.imds(CREDENTIALS).status == 503
    });
    let answer: Answer = server.imds(CREDENTIALS);
    assert!(
        answer.body.contains("a session is being asked for since"),
        "{answer:?}"
    );
}

#[test]
fn nothing_at_the_start_does_not_keep_requests_waiting() {
    let workload = Workload::new();
    let service = Service::start(Mood::Hangs);
    let session = Server::session(&service.url());
    let mut all: Vec<&str> = session.iter().map(String::as_str).collect();
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port().to_string()
    };
    all.extend(["--port", &port]);
    let mut server = Server::spawn(&workload.sandbox, Server::command(&workload.sandbox, &all));
    let ready = std::mem::replace(&mut server.url, format!("http://127.0.0.1:{port}"));
    server.until("AWS is asked", |_| service.calls() == 1);
    let health = server.get("/healthz");
    assert_eq!(health.status, 503);
    assert!(health.body.contains("is being asked for"), "{health:?}");
    assert!(!workload.sandbox.path(&ready).exists(), "it is not ready");
    service.set(Mood::Grants(3600));
    server.until("it is ready", |_| workload.sandbox.path(&ready).exists());
    assert_eq!(server.get("/healthz").status, 200);
}
