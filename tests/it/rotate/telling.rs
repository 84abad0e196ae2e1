//! What cron's mail is told of an identity that cannot be renewed, and with what
//! the runs end.

use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use windlass::clock::FixedClock;
use windlass::environment::Environment;

use crate::harness::{Run, Sandbox};

use super::{json, rotate as rotate_locally, with_identity};

/// The program at another time: the test program plays it in a process of its own.
pub(super) fn run_at(sandbox: &Sandbox, at: DateTime<Utc>, arguments: &[&str]) -> Run {
    let mut command = Command::new(std::env::current_exe().unwrap());
    sandbox.scrub(&mut command);
    command
        .args(["--exact", "--ignored", "--nocapture", "--quiet"])
        .arg("rotate::telling::the_program_at_another_time")
        .env("TEST_AT", at.to_rfc3339())
        .env("TEST_ARGUMENTS", serde_json::to_string(arguments).unwrap());
    sandbox.finish(command)
}

#[test]
#[ignore = "run by others"]
#[expect(clippy::exit, reason = "it ends as the program that it plays")]
fn the_program_at_another_time() {
    let Ok(arguments) = std::env::var("TEST_ARGUMENTS") else {
        return;
    };
    let at: DateTime<Utc> = std::env::var("TEST_AT").unwrap().parse().unwrap();
    let arguments: Vec<String> = serde_json::from_str(&arguments).unwrap();
    let arguments = ["windlass".to_owned()].into_iter().chain(arguments);
    let variables = std::env::vars_os();
    let environment: Environment = variables
        .filter(|(name, _)| name == "HOME" || name == "PATH")
        .collect();
    let outcome = windlass::commands::run(
        arguments.map(Into::into),
        environment,
        Box::new(FixedClock(at)),
    );
    // What the test program itself would say of a success is none of it.
    std::process::exit(outcome.code().into());
}

/// The end of the certificate in force.
fn end(sandbox: &Sandbox) -> DateTime<Utc> {
    let shown = json(&rotate_locally(sandbox, &["--check", "--json"]));
    shown["notAfter"].as_str().unwrap().parse().unwrap()
}

/// A run of cron whose issuer says this and ends so, when so much is left.
fn cron(sandbox: &Sandbox, left: TimeDelta, says: &str, more: &[&str]) -> Run {
    let issuer = format!("sh -c 'echo {says} >&2; exit 75'");
    let mut arguments = vec!["rotate", "--identity", "web", "--cn", "web-1"];
    arguments.extend(["--trust-anchor", "ca/trust-anchor.pem"]);
    arguments.extend(["--issuer-command", &issuer]);
    arguments.extend(more);
    run_at(sandbox, end(sandbox) - left, &arguments)
}

/// L15: a failure that stays is neither silent until the end nor told each hour.
#[test]
fn l15_an_outage_is_told_at_first_and_louder_the_nearer_the_end_is() {
    let sandbox = with_identity();
    let minute = TimeDelta::minutes(1);
    let (days, hours) = (TimeDelta::days, TimeDelta::hours);
    let run = |left, more: &[&str]| cron(&sandbox, left, "no route", more);
    let quiet = |left| {
        let run = run(left, &[]);
        assert_eq!((run.code, run.stderr.as_str()), (5, ""), "{left}: {run:#?}");
    };
    let first = run(days(9), &[]);
    assert_eq!(first.code, 5, "{first:#?}");
    assert!(first.stderr.contains("the identity in /") && first.stderr.contains("no route"));
    assert!(first.stderr.contains(" was not renewed: "), "{first:#?}");
    assert!(
        first
            .stderr
            .contains("hint: the certificate in force is good until")
    );
    // A run that waits, and one that tries it again.
    quiet(days(9) - TimeDelta::seconds(1));
    quiet(days(9) - hours(2));
    // Whoever asks is told.
    for asked in ["--exit-code", "--verbose"] {
        let run = run(days(9) - hours(2) - minute, &[asked]);
        assert_eq!(run.code, 5, "{run:#?}");
        assert!(run.stderr.contains("is still not renewed: "), "{run:#?}");
    }
    let other = cron(&sandbox, days(9) - hours(4), "permission denied", &[]);
    assert!(other.stderr.contains("permission denied"), "{other:#?}");
    quiet(days(9) - hours(6));
    let overdue = run(days(7) - minute, &[]);
    assert_eq!(overdue.code, 5, "{overdue:#?}");
    assert!(
        overdue
            .stderr
            .contains(" is overdue, with 6 days 23 h left, and was not renewed: "),
        "{overdue:#?}"
    );
    quiet(days(7) - minute * 2);
    let near = run(hours(7), &[]);
    assert!(
        near.stderr.contains(" ends in 7 h and was not renewed: "),
        "{near:#?}"
    );
    quiet(hours(7) - minute);
    // The next rung, though it only waits.
    let rung = run(hours(6), &[]);
    assert!(
        rung.stderr.contains(" ends in 6 h and was not renewed: "),
        "{rung:#?}"
    );
    let gone = run(-hours(2), &[]);
    assert_eq!(gone.code, 7, "{gone:#?}");
    assert!(
        gone.stderr.contains(" has expired and was not renewed: "),
        "{gone:#?}"
    );
    let waits = run(-hours(2) - TimeDelta::seconds(5), &[]);
    assert_eq!((waits.code, waits.stderr.as_str()), (7, ""), "{waits:#?}");
    // The clock is set back, and forth again.
    assert!(run(hours(9), &[]).stderr.contains(" ends in 9 h "));
    assert!(run(-hours(2), &[]).stderr.contains("has expired"));
    // Once it is renewed, what fails later is news.
    sandbox.ok(&[&super::LOCAL[..], &["--force"]].concat());
    assert!(!sandbox.read("web/state.json").contains("\"about\""));
    assert!(run(days(9), &[]).stderr.contains("no route"));
}

/// What a window holds up has not failed, but it is told when it goes on for long.
#[test]
fn a_window_that_stays_closed_is_told_when_the_certificate_is_overdue() {
    let sandbox = with_identity();
    let closed = ["--window", "0 0 29 2 * 1m UTC"];
    let run = |left| cron(&sandbox, left, "never", &closed);
    let silent = run(TimeDelta::days(9));
    assert_eq!(
        (silent.code, silent.stderr.as_str()),
        (0, ""),
        "{silent:#?}"
    );
    let told = run(TimeDelta::days(6));
    assert_eq!(told.code, 0, "{told:#?}");
    assert!(
        told.stderr.starts_with("warning: the identity in "),
        "{told:#?}"
    );
    assert!(
        told.stderr.contains("no change window opens before"),
        "{told:#?}"
    );
    let again = run(TimeDelta::days(6) - TimeDelta::hours(1));
    assert_eq!((again.code, again.stderr.as_str()), (0, ""), "{again:#?}");
}

#[test]
fn hooks_and_fixed_files_that_fail_are_told_once_a_day() {
    let sandbox = with_identity();
    let run = rotate_locally(&sandbox, &["--force", "--after-hook", "false"]);
    assert_eq!(run.code, 1, "{run:#?}");
    let ends = end(&sandbox);
    let run = |left| {
        let more = ["--after-hook", "false", "--cert-file", "nowhere/cert.pem"];
        run_at(&sandbox, ends - left, &[&super::LOCAL[..], &more].concat())
    };
    let first = run(TimeDelta::days(29));
    assert_eq!(first.code, 2, "{first:#?}");
    assert!(first.stderr.contains("the hook false failed"), "{first:#?}");
    assert!(first.stderr.contains("nowhere/cert.pem"), "{first:#?}");
    let again = run(TimeDelta::days(29) - TimeDelta::hours(1));
    assert_eq!((again.code, again.stderr.as_str()), (2, ""), "{again:#?}");
    let later = run(TimeDelta::days(27));
    assert!(later.stderr.contains("the hook false failed"), "{later:#?}");
    assert!(later.stderr.contains("nowhere/cert.pem"), "{later:#?}");
}
