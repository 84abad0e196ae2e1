//! The emulator on bad days: it does what its script and its file say, and what
//! is made of it.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::harness::{Emulator, Run, Sandbox};

/// A workload, and an emulator with these options.
fn unkind(options: &[&str]) -> (Sandbox, Emulator) {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let usual = ["--trust-anchor", "ca/trust-anchor.pem", "--count-requests"];
    let emulator = sandbox.emulate(&[&usual[..], options].concat());
    (sandbox, emulator)
}

fn ask(sandbox: &Sandbox, emulator: &Emulator) -> Run {
    let mut command = sandbox.command();
    command.args(emulator.arguments("web-1"));
    sandbox.finish(command)
}

/// How many sessions were asked for.
fn sessions(emulator: &Emulator) -> usize {
    emulator.log().matches("(CreateSession #").count()
}

#[test]
fn every_fault_is_seen_for_what_it_is() {
    for tls in [false, true] {
        let file = ["--fault-file", "fault"];
        let options = if tls {
            [&file[..], &["--tls"]].concat()
        } else {
            file.to_vec()
        };
        let (sandbox, emulator) = unkind(&options);
        for (fault, code, attempts, said) in [
            (
                "500",
                5,
                4,
                "answered 500: InternalFailure: An internal error has occurred",
            ),
            (
                "503",
                5,
                4,
                "answered 503: ServiceUnavailableException: Service is unavailable",
            ),
            ("503:600", 5, 1, "it asks not to be called again before "),
            (
                "429",
                5,
                4,
                "AWS answered 429, too many requests: Rate exceeded",
            ),
            ("429:600", 5, 1, "it asks not to be called again before "),
            ("reset", 5, 4, "Connection reset by peer"),
            ("truncated", 5, 4, "broke before the answer was complete"),
            (
                "html",
                1,
                1,
                "answered 200 with an HTML page titled 'Sign in'",
            ),
            (
                "empty",
                1,
                1,
                "answered 201 but its credential set is empty",
            ),
            ("expired", 1, 1, "its credentials have expired already"),
            (
                "denied",
                3,
                1,
                "Unable to assume role for arn:aws:iam::123456789012:role/emulated-role",
            ),
            ("slow:0.2+denied", 3, 1, "Unable to assume role"),
            ("skew:100000+denied", 3, 2, "Invalid signature"),
        ] {
            sandbox.write("fault", format!("{fault}\n"));
            let before = sessions(&emulator);
            let run = ask(&sandbox, &emulator);
            assert_eq!(run.code, code, "{fault}: {run:#?}");
            assert!(run.stderr.contains(said), "{fault}: {run:#?}");
            assert_eq!(
                sessions(&emulator) - before,
                attempts,
                "{fault}: {}",
                emulator.log()
            );
        }
    }
}

#[test]
fn the_file_is_read_at_every_request() {
    let (sandbox, emulator) = unkind(&["--fault-file", "fault"]);
    assert_eq!(ask(&sandbox, &emulator).code, 0, "no file");
    sandbox.write("fault", "denied");
    assert_eq!(ask(&sandbox, &emulator).code, 3);
    sandbox.write("fault", "");
    assert_eq!(ask(&sandbox, &emulator).code, 0, "empty file");
    sandbox.write("fault", "no such fault");
    assert_eq!(ask(&sandbox, &emulator).code, 0);
    let log = emulator.log();
    assert!(
        log.contains("fault: 'no such fault' is no fault: ok, 429"),
        "{log}"
    );
}

#[test]
fn the_script_comes_first_and_is_used_up() {
    let (sandbox, emulator) = unkind(&["--fault", "denied*2,html,ok", "--fault-file", "fault"]);
    sandbox.write("fault", "empty");
    let codes: Vec<i32> = (0..5).map(|_| ask(&sandbox, &emulator).code).collect();
    assert_eq!(codes, [3, 3, 1, 0, 1]);
}

#[test]
fn a_slow_answer_comes_late() {
    let (sandbox, emulator) = unkind(&["--fault", "slow:1.5"]);
    let begun = Instant::now();
    assert_eq!(ask(&sandbox, &emulator).code, 0);
    assert!(begun.elapsed() >= Duration::from_millis(1500));
}

#[test]
fn a_slow_answer_holds_up_nobody_else() {
    let (sandbox, emulator) = unkind(&["--fault", "slow:60,ok"]);
    let mut slow = sandbox.command();
    slow.args(emulator.arguments("web-1"));
    let mut slow = slow.stdout(std::process::Stdio::null()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !emulator.log().contains("POST /sessions held for 60 s") {
        assert!(Instant::now() < deadline, "{}", emulator.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(ask(&sandbox, &emulator).code, 0);
    slow.kill().unwrap();
    slow.wait().unwrap();
}

#[test]
fn sessions_last_as_long_as_is_said() {
    let (sandbox, emulator) = unkind(&["--session-seconds", "2", "--assumable-role", ROLE]);
    let before = Utc::now();
    let run = ask(&sandbox, &emulator);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let ends: DateTime<Utc> = document["Expiration"].as_str().unwrap().parse().unwrap();
    assert!(
        ends - before <= TimeDelta::seconds(3) && ends > before,
        "{ends}"
    );
    // Once it has ended STS knows it no more: the chain is asked for with a
    // session that ends on the way.
    let (sandbox, emulator) = unkind(&[
        "--session-seconds",
        "2",
        "--assumable-role",
        ROLE,
        "--fault",
        "ok,slow:3",
    ]);
    let mut command = sandbox.command();
    command.args(emulator.arguments("web-1"));
    command.args(["--assume-role", ROLE, "--sts-endpoint", &emulator.url]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stderr.contains("400 ExpiredToken") || run.stderr.contains("403 ExpiredToken"),
        "{run:#?}"
    );
}

const ROLE: &str = "arn:aws:iam::123456789012:role/next";

#[test]
fn the_log_counts_requests_only_when_asked_to() {
    let (sandbox, emulator) = unkind(&[]);
    for _ in 0..2 {
        ask(&sandbox, &emulator);
    }
    let log = emulator.log();
    let lines: Vec<&str> = log.lines().collect();
    assert!(
        lines[0].contains("POST /sessions 201 [CN=web-1] (CreateSession #1) "),
        "{log}"
    );
    assert!(
        lines[1].contains("POST /sessions 201 [CN=web-1] (CreateSession #2) "),
        "{log}"
    );
    let plain = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    ask(&sandbox, &plain);
    assert!(!plain.log().contains('#'), "{}", plain.log());
}

#[test]
fn what_is_no_fault_is_refused_at_the_start() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    for (options, said) in [
        (["--fault", "504"], "'504' is no fault: ok, 429, 500, 503"),
        (["--fault", "slow:x"], "write slow:SECONDS, below 120"),
        (["--session-seconds", "1"], "a number from 2 to 43200"),
    ] {
        let usual = ["emulate", "--trust-anchor", "ca/trust-anchor.pem"];
        let run = sandbox.run(&[&usual[..], &options].concat());
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(run.stderr.contains(said), "{run:#?}");
    }
    let run = sandbox.run(&[
        "emulate",
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--assumable-role",
        ROLE,
        "--external-id",
        "arn:aws:iam::123456789012:role/other=x",
    ]);
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(
        run.stderr
            .contains("hint: give --external-id as ARN=ID, with an ARN of --assumable-role"),
        "{run:#?}"
    );
}
