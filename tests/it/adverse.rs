//! `emulate --adverse`: clients live through it, a run can be repeated; and the
//! log of requests.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::harness::{Emulator, Sandbox, client_script, tool};

const ANCHOR: [&str; 2] = ["--trust-anchor", "ca/trust-anchor.pem"];

fn boto3(sandbox: &Sandbox, emulator: &Emulator, service: &str, calls: &Value) -> Vec<Value> {
    let mut command = Command::new(tool("python"));
    sandbox.scrub(&mut command);
    command
        .arg(client_script("iam.py"))
        .args([&emulator.url, "us-east-1", service, "5"])
        .env("AWS_SHARED_CREDENTIALS_FILE", sandbox.path("admin"))
        .env("NO_PROXY", "*")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(calls.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{service}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn requests(sandbox: &Sandbox) -> Vec<Value> {
    let text = sandbox.read("requests.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

/// 300 requests, all of which succeed in the end: those of windlass, of boto3 to
/// three services, and of the AWS CLI.
#[test]
fn clients_live_through_adversity() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let options = [
        "--adverse",
        "--seed",
        "7",
        "--request-log",
        "requests.jsonl",
        "--admin-credentials-file",
        "admin",
    ];
    let emulator = sandbox.emulate(&[&ANCHOR[..], &options].concat());
    let arguments = emulator.arguments("web-1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut lives = Vec::new();
    for _ in 0..120 {
        let run = sandbox.run(&arguments);
        assert_eq!(run.code, 0, "{run:#?}\n{}", emulator.log());
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        let end: DateTime<Utc> = document["Expiration"].as_str().unwrap().parse().unwrap();
        lives.push(end - Utc::now());
    }
    let minutes = TimeDelta::minutes;
    assert!(
        lives
            .iter()
            .all(|life| *life > minutes(14) && *life <= minutes(60))
    );
    assert!(lives.iter().any(|life| *life < minutes(55)), "{lives:?}");
    let role = json!({ "RoleName": "emulated-role" });
    let iam: Vec<Value> = (0..60).map(|_| json!(["get_role", role])).collect();
    for answer in boto3(&sandbox, &emulator, "iam", &json!(iam)) {
        assert_eq!(answer["Role"]["Arn"], emulator.role_arn, "{answer}");
        assert!(answer["Role"]["AssumeRolePolicyDocument"]["Statement"].is_array());
    }
    let sts: Vec<Value> = (0..60)
        .map(|_| json!(["get_caller_identity", {}]))
        .collect();
    for answer in boto3(&sandbox, &emulator, "sts", &json!(sts)) {
        assert_eq!(answer["Account"], "123456789012", "{answer}");
    }
    let anchor = emulator.trust_anchor_arn.rsplit('/').next().unwrap();
    let get = |id: &str| json!(["get_trust_anchor", { "trustAnchorId": id }]);
    let missing = "00000000-0000-4000-8000-000000000000";
    let calls: Vec<Value> = (0..60)
        .map(|at| get(if at % 2 == 0 { anchor } else { missing }))
        .collect();
    let answers = boto3(&sandbox, &emulator, "rolesanywhere", &json!(calls));
    for (index, answer) in answers.iter().enumerate() {
        if index % 2 == 0 {
            assert_eq!(
                answer["trustAnchor"]["trustAnchorArn"], emulator.trust_anchor_arn,
                "{answer}"
            );
        } else {
            // Wherever its type stands.
            assert_eq!(answer["class"], "ResourceNotFoundException", "{answer}");
            assert!(
                answer["message"].as_str().unwrap().contains(missing),
                "{answer}"
            );
        }
    }
    for _ in 0..3 {
        let mut command = Command::new(tool("aws"));
        sandbox.scrub(&mut command);
        command
            .args([
                "sts",
                "get-caller-identity",
                "--region",
                "us-east-1",
                "--endpoint-url",
            ])
            .arg(&emulator.url)
            .env("AWS_SHARED_CREDENTIALS_FILE", sandbox.path("admin"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_PAGER", "")
            .env("NO_PROXY", "*");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    let mut count: BTreeMap<u64, u32> = BTreeMap::new();
    for request in requests(&sandbox) {
        *count
            .entry(request["status"].as_u64().unwrap())
            .or_default() += 1;
    }
    assert!(count.values().sum::<u32>() >= 300, "{count:?}");
    for status in [429, 500, 503] {
        assert!(count.contains_key(&status), "{count:?}");
    }
}

/// What an emulator of a seed writes to one who asks for the same time and again,
/// but for the ids of requests.
fn answers(sandbox: &Sandbox, seed: &str) -> Vec<String> {
    let options = ["--adverse", "--seed", seed, "--at", "2026-01-15T12:00:00Z"];
    let emulator = sandbox.emulate(&[&ANCHOR[..], &options].concat());
    let address = emulator.url.trim_start_matches("http://").to_owned();
    let ask = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        let request = format!(
            "POST /sessions HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let is_id = |line: &&str| {
            let name = line.split(':').next().unwrap().to_lowercase();
            name.starts_with("x-amz") && !name.contains("error")
        };
        let kept = answer.lines().filter(|line| !is_id(line));
        kept.collect::<Vec<_>>().join("\n")
    };
    (0..40).map(|_| ask()).collect()
}

#[test]
fn a_seed_repeats_a_run() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let first = answers(&sandbox, "7");
    assert_eq!(first, answers(&sandbox, "7"));
    assert_ne!(first, answers(&sandbox, "8"));
    let any = |part: &str| first.iter().any(|answer| answer.contains(part));
    for part in [
        "ransfer-",
        "X-AMZN-ERRORTYPE",
        "X-Amzn-Errortype",
        "x-amzn-errortype",
        "AccessDeniedException:http://",
        "__type",
        "com.amazonaws.rolesanywhere#AccessDeniedException",
        "\"message\"",
        "\"Message\"",
        "addedLater",
    ] {
        assert!(any(part), "{part}: {first:#?}");
    }
    // Without a seed there is one, and it is told.
    let emulator = sandbox.emulate(&[&ANCHOR[..], &["--adverse"]].concat());
    let announced: Value = serde_json::from_str(&sandbox.read("announced")).unwrap();
    assert!(announced["seed"].is_u64(), "{announced}");
    drop(emulator);
    let run = sandbox.run(&[&["emulate", "--seed", "7"][..], &ANCHOR].concat());
    assert_eq!(run.code, 2, "{run:#?}");
}

#[test]
fn each_request_is_a_line_of_the_log() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let options = [
        "--request-log",
        "requests.jsonl",
        "--admin-credentials-file",
        "admin",
    ];
    let emulator = sandbox.emulate(&[&ANCHOR[..], &options].concat());
    let mut arguments = emulator.arguments("web-1");
    let run = sandbox.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 0, "{run:#?}");
    arguments.extend(["--role-session-name", "me"].map(str::to_owned));
    let run = sandbox.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(run.code, 3, "{run:#?}");
    let calls = json!([["get_role", { "RoleName": "none" }]]);
    boto3(&sandbox, &emulator, "iam", &calls);
    let requests = requests(&sandbox);
    assert_eq!(requests.len(), 3, "{requests:?}");
    let granted = &requests[0];
    for (member, value) in [
        ("request", json!("POST /sessions")),
        ("operation", json!("CreateSession")),
        ("caller", json!("CN=web-1")),
        ("status", json!(201)),
    ] {
        assert_eq!(granted[member], value, "{granted}");
    }
    assert!(
        granted["durationMs"].is_u64() && granted["requestId"].is_string(),
        "{granted}"
    );
    granted["time"]
        .as_str()
        .unwrap()
        .parse::<DateTime<Utc>>()
        .unwrap();
    assert!(
        granted.get("reason").is_none() && granted.get("code").is_none(),
        "{granted}"
    );
    let refused = &requests[1];
    assert_eq!(refused["code"], "AccessDeniedException", "{refused}");
    assert_eq!(
        refused["message"], "Not authorized to set roleSessionName.",
        "{refused}"
    );
    assert!(
        refused["reason"]
            .as_str()
            .unwrap()
            .contains("acceptRoleSessionName"),
        "{refused}"
    );
    let other = &requests[2];
    assert_eq!(other["operation"], "GetRole", "{other}");
    assert_eq!(other["code"], "NoSuchEntity", "{other}");
    assert_eq!(
        other["caller"],
        "arn:aws:iam::123456789012:user/administrator"
    );
    let text = sandbox.read("requests.jsonl");
    for word in ["Signature", "EmulatedOnly", "AWS4", "Credential"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    let mode = fs::metadata(sandbox.path("requests.jsonl"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let log = emulator.log();
    let line = log.lines().find(|line| line.contains("GetRole")).unwrap();
    assert!(
        line.contains("POST / 404 [arn:aws:iam::123456789012:user/administrator] "),
        "{line}"
    );
    assert!(line.ends_with(" ms"), "{line}");
}

/// What is asked for by --fault-file happens to every service, at once.
#[test]
fn faults_are_switched_while_it_runs() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let options = ["--fault-file", "fault", "--admin-credentials-file", "admin"];
    let emulator = sandbox.emulate(&[&ANCHOR[..], &options].concat());
    let calls = [
        ("iam", json!([["list_roles", {}]]), "AccessDenied"),
        ("sts", json!([["get_caller_identity", {}]]), "AccessDenied"),
        (
            "rolesanywhere",
            json!([["list_profiles", {}]]),
            "AccessDeniedException",
        ),
    ];
    for (fault, status, code) in [
        ("denied", 403, ""),
        ("503:0", 503, "ServiceUnavailableException"),
        ("429:0", 429, "ThrottlingException"),
        ("", 200, ""),
    ] {
        sandbox.write("fault", fault);
        for (service, calls, denied) in &calls {
            let answer = &boto3(&sandbox, &emulator, service, calls)[0];
            assert_eq!(answer["status"], status, "{service} {fault}: {answer}");
            let code = if fault == "denied" { denied } else { code };
            if status != 200 {
                assert_eq!(answer["code"], *code, "{service} {fault}: {answer}");
            }
        }
    }
}
