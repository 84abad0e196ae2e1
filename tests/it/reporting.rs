//! Errors for programs, and for people behind an SDK that swallows stderr.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;

use serde_json::Value;

use crate::fault_server::{Fault, FaultServer, http};
use crate::harness::{Run, Sandbox};
use crate::workload::{SECRET_KEY, TOKEN, Workload, granting};

fn refusing() -> FaultServer {
    let headers = [
        ("x-amzn-errortype", "AccessDeniedException"),
        ("x-amzn-requestid", "4711-0815"),
    ];
    let body = r#"{"message":"Certificate revoked"}"#;
    let answer = http("403 Forbidden", &headers, body);
    FaultServer::start((0..3).map(|_| Fault::Answer(answer.clone())).collect())
}

/// The only line of stderr, as JSON.
#[track_caller]
fn object(run: &Run) -> Value {
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    assert_eq!(run.stdout, "");
    serde_json::from_str(&run.stderr).unwrap()
}

#[test]
fn an_error_is_one_json_object_on_demand() {
    let server = refusing();
    let workload = Workload::new();
    let url = server.url();
    let ask = |environment: &[(&str, &str)], options: &[&str]| {
        let all: Vec<&str> = ["--endpoint", &url]
            .iter()
            .chain(options)
            .copied()
            .collect();
        workload.ask_in(environment, &all)
    };
    for run in [
        ask(&[], &["--error-format", "json"]),
        ask(&[("WINDLASS_ERROR_FORMAT", "json")], &[]),
    ] {
        let error = object(&run);
        assert_eq!(run.code, 3);
        assert_eq!(error["level"], "error");
        assert_eq!(error["code"], 3);
        assert_eq!(error["outcome"], "refused");
        assert_eq!(error["requestId"], "4711-0815");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("Certificate revoked"), "{message}");
        assert!(error["hint"].is_string(), "{error}");
    }
}

#[test]
fn mistakes_of_usage_are_json_too() {
    let workload = Workload::new();
    for options in [
        &["--error-format", "json", "--session-duration", "1"][..],
        &["--session-duration", "1", "--error-format=json"],
        &["--error-format=json", "--no-such-option"],
        &["--error-format=json", "stray"],
    ] {
        let run = workload.ask(options);
        let error = object(&run);
        assert_eq!(
            (run.code, &error["outcome"]),
            (2, &"usage".into()),
            "{run:#?}"
        );
    }
    let mut command = workload.sandbox.command();
    command.args([
        "credential-process",
        "--error-format",
        "json",
        "--profile",
        "x",
    ]);
    let run = workload.sandbox.finish(command);
    assert_eq!(object(&run)["message"], "no config file has a profile 'x'");
    let run = workload.ask(&["--error-format", "xml"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("[possible values: text, json]"),
        "{run:#?}"
    );
}

/// Nothing is lost that the text says below its first line.
#[test]
fn mistakes_of_usage_say_the_same_to_programs_as_to_people() {
    let sandbox = Sandbox::new();
    for (arguments, message, hint) in [
        (
            &["status", "--profle", "x"][..],
            "unexpected argument '--profle' found",
            Some("a similar argument exists: '--profile'"),
        ),
        (
            &["exec", "--profile", "x"],
            "the following required arguments were not provided: <COMMAND>...",
            None,
        ),
        (
            &["env", "--format", "csh"],
            "invalid value 'csh' for '--format <FORM>' [possible values: dotenv, fish, json, powershell, sh, systemd]",
            Some("a similar value exists: 'fish'"),
        ),
        (
            &["cache"],
            "'windlass cache' requires a subcommand but one was not provided [subcommands: clear, list, help]",
            None,
        ),
    ] {
        let reporting = ["--error-format=json", "--log-file=log"];
        let run = sandbox.run(&[arguments, &reporting].concat());
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
        let error = object(&run);
        assert_eq!(error["message"], message);
        assert_eq!(error["hint"].as_str(), hint);
        let log = sandbox.read("log");
        let logged = log.lines().last().unwrap();
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        assert!(
            logged.ends_with(&format!("error: {message}{hint}")),
            "{logged}"
        );
    }
}

#[test]
fn warnings_and_notes_are_json_lines() {
    let server = granting(1);
    let workload = Workload::new();
    let options = ["--endpoint", &server.url(), "--session-duration", "900"];
    let more = ["--verbose", "--error-format", "json"];
    let run = workload.ask(&[&options[..], &more].concat());
    assert_eq!(run.code, 0, "{run:#?}");
    let lines: Vec<Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let has = |level: &str| lines.iter().any(|line| line["level"] == level);
    assert!(has("warning") && has("note"), "{run:#?}");
    serde_json::from_str::<Value>(&run.stdout).unwrap();
}

#[test]
fn the_log_file_has_what_an_sdk_swallows() {
    let workload = Workload::new();
    let log = workload.sandbox.path("windlass.log");
    let server = refusing();
    let options = ["--endpoint", &server.url(), "--log-file", "windlass.log"];
    let run = workload.ask(&options);
    assert_eq!(run.code, 3);
    assert!(run.stderr.starts_with("error: AWS refused"), "{run:#?}");
    let good = granting(1);
    let url = good.url();
    let file = [("WINDLASS_LOG_FILE", "~/windlass.log")];
    let run = workload.ask_in(&file, &["--endpoint", &url, "--session-duration", "900"]);
    assert_eq!(run.code, 0, "{run:#?}");
    let logged = workload.sandbox.read("windlass.log");
    let lines: Vec<&str> = logged.lines().collect();
    assert_eq!(lines.len(), 3, "{logged}");
    assert!(
        lines[0].contains("] error: AWS refused with 403"),
        "{logged}"
    );
    assert!(lines[0].contains("request id 4711-0815"), "{logged}");
    assert!(lines[1].contains("] warning: the AWS CLI"), "{logged}");
    assert!(
        lines[2].contains("] info: got a session as arn:aws:iam::"),
        "{logged}"
    );
    for secret in [SECRET_KEY, TOKEN] {
        assert!(!logged.contains(secret));
    }
    assert_eq!(fs::metadata(&log).unwrap().mode() & 0o777, 0o600);
    // Mistakes of usage are no less silent in an SDK.
    workload.ask(&["--log-file", "windlass.log", "--session-duration", "1"]);
    let logged = workload.sandbox.read("windlass.log");
    assert!(logged.contains("] error: invalid value '1'"), "{logged}");
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let server = granting(1);
    let workload = Workload::new();
    let run = workload.ask(&[
        "--endpoint",
        &server.url(),
        "--session-duration=900",
        "--log-file=no/such/log",
    ]);
    assert_eq!(run.code, 0, "{run:#?}");
    let told = "warning: no log: no/such/log cannot be written: No such file or directory";
    assert_eq!(run.stderr.matches(told).count(), 1, "{run:#?}");
}

#[test]
fn the_systems_log_is_told() {
    let server = refusing();
    let workload = Workload::new();
    let path = workload.sandbox.path("log.socket");
    let daemon = UnixDatagram::bind(&path).unwrap();
    let timeout = std::time::Duration::from_secs(20);
    daemon.set_read_timeout(Some(timeout)).unwrap();
    let option = format!("--syslog={}", path.display());
    let run = workload.ask(&["--endpoint", &server.url(), &option]);
    assert_eq!(run.code, 3, "{run:#?}");
    let mut message = vec![0; 4096];
    let length = daemon.recv(&mut message).unwrap();
    let message = String::from_utf8(message[..length].to_vec()).unwrap();
    assert!(message.starts_with("<27>"), "{message}");
    assert!(
        message.contains("]: error: AWS refused with 403"),
        "{message}"
    );
    // The value goes with its option alone: what follows is no value.
    let run = workload.ask(&["--syslog", "--endpoint", "nonsense"]);
    assert_eq!(run.code, 2, "{run:#?}");
}
