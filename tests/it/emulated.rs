//! The main job against the running emulator: a certificate becomes
//! credentials, and what is between them behaves.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::harness::{Emulator, Run, Sandbox, capture, testdata};

/// Runs `credential-process` for the identity in a directory.
fn process(sandbox: &Sandbox, emulator: &Emulator, directory: &str, more: &[&str]) -> Run {
    let arguments = emulator.arguments(directory);
    let mut all: Vec<&str> = arguments.iter().map(String::as_str).collect();
    all.extend(more);
    sandbox.run(&all)
}

fn granted(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{run:#?}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["Version"], 1);
    for (key, shape) in [
        ("AccessKeyId", 20..=20),
        ("SecretAccessKey", 40..=40),
        ("SessionToken", 100..=1000),
        ("Expiration", 20..=20),
    ] {
        let value = document[key].as_str().unwrap();
        assert!(shape.contains(&value.len()), "{key}: {value}");
    }
    assert_eq!(document.as_object().unwrap().len(), 5);
    document
}

#[test]
fn a_certificate_becomes_credentials_over_tls() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let emulator = sandbox.emulate(&["--tls", "--trust-anchor", "ca/trust-anchor.pem"]);
    assert!(emulator.url.starts_with("https://127.0.0.1:"));
    let run = process(&sandbox, &emulator, "web-1", &[]);
    let document = granted(&run);
    assert!(
        document["AccessKeyId"]
            .as_str()
            .unwrap()
            .starts_with("ASIA0EMULATED0")
    );
    assert_eq!(run.stderr, "");
    assert!(emulator.log().contains("POST /sessions 201 [CN=web-1]"));
    // The root of the throw-away certificate is the owner's alone.
    let bundle = emulator.ca_bundle.as_ref().unwrap();
    assert_eq!(
        fs::metadata(bundle).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn every_type_of_key_and_ca_works_end_to_end() {
    for (ca_type, leaf_type) in [
        ("p384", "rsa2048"),
        ("rsa3072", "p384"),
        ("p256", "rsa3072"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.ca(&["--key-type", ca_type]);
        sandbox.issue("w", &["--key-type", leaf_type]);
        let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
        granted(&process(&sandbox, &emulator, "w", &[]));
    }
}

#[test]
fn the_leaf_and_its_chain_are_found_in_any_order_and_the_root_is_not_sent() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("w", &[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let read = |name: &str| sandbox.read(name);
    let soup = [
        "some text\n",
        &read("ca/root/cert.pem"),
        &fs::read_to_string(testdata("certs/leaf-rsa.pem")).unwrap(),
        &read("w/chain.pem"),
        &read("w/key.pem"),
        &read("w/cert.pem"),
    ]
    .concat();
    sandbox.write("soup.pem", soup);
    // The same file serves as certificate and as key.
    let arguments = emulator.arguments("w");
    let arguments: Vec<String> = arguments
        .into_iter()
        .map(|word| {
            if word.starts_with("w/") {
                "soup.pem".to_owned()
            } else {
                word
            }
        })
        .chain(["--verbose".to_owned()])
        .collect();
    let run = sandbox.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
    granted(&run);
    assert_eq!(
        run.stderr.matches("is not part of the chain").count(),
        2,
        "{}",
        run.stderr
    );
    // Leaf and intermediates in two files.
    let mut split = emulator.arguments("w");
    split[3] = "w/cert.pem".to_owned();
    let split: Vec<&str> = split.iter().map(String::as_str).collect();
    let run = sandbox.run(&split);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(
        run.stderr.contains("Untrusted signing certificate"),
        "{}",
        run.stderr
    );
    let with = [&split[..], &["--intermediates", "w/chain.pem"]].concat();
    granted(&sandbox.run(&with));
}

#[test]
fn options_come_from_the_environment_too() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("w", &[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let mut command = sandbox.command();
    command
        .args(["credential-process", "--no-cache"])
        .env("WINDLASS_CERTIFICATE", "w/fullchain.pem")
        .env("WINDLASS_PRIVATE_KEY", "w/key.pem")
        .env("WINDLASS_TRUST_ANCHOR_ARN", &emulator.trust_anchor_arn)
        .env("WINDLASS_PROFILE_ARN", &emulator.profile_arn)
        .env("WINDLASS_ROLE_ARN", &emulator.role_arn)
        .env("WINDLASS_ENDPOINT", &emulator.url)
        // Empty is unset.
        .env("WINDLASS_REGION", "")
        .env("WINDLASS_SESSION_DURATION", "")
        .env("WINDLASS_INTERMEDIATES", "");
    granted(&sandbox.finish(command));
}

#[test]
fn a_short_session_is_warned_about_and_a_session_name_is_passed_on() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("w", &[]);
    let anchor = ["--trust-anchor", "ca/trust-anchor.pem"];
    let emulator = sandbox.emulate(&[&anchor[..], &["--accept-role-session-name"]].concat());
    let run = process(&sandbox, &emulator, "w", &["--session-duration", "900"]);
    granted(&run);
    assert!(run.stderr.starts_with("warning: "), "{}", run.stderr);
    granted(&process(
        &sandbox,
        &emulator,
        "w",
        &["--role-session-name", "me"],
    ));
    let strict = sandbox.emulate(&anchor);
    let run = process(&sandbox, &strict, "w", &["--role-session-name", "me"]);
    assert_eq!(run.code, 3);
    assert!(
        run.stderr
            .contains("Not authorized to set roleSessionName.")
    );
    assert!(run.stderr.contains("hint: leave out --role-session-name"));
}

#[test]
fn the_emulator_stops_at_sigterm_and_cleans_up() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let mut emulator = sandbox.emulate(&["--tls", "--trust-anchor", "ca/trust-anchor.pem"]);
    let bundle = emulator.ca_bundle.clone().unwrap();
    assert!(bundle.exists());
    let id = emulator.id().to_string();
    // The shell has kill built in; /bin/kill is in a package of its own.
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -TERM \"$0\"", &id]);
    assert_eq!(capture(&mut kill).code, 0);
    assert_eq!(emulator.wait(), Some(0));
    assert!(!bundle.exists() && !bundle.parent().unwrap().exists());
    let ready = fs::read_dir(sandbox.root())
        .unwrap()
        .filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .file_name()
                .to_string_lossy()
                .starts_with("ready")
        })
        .count();
    assert_eq!(ready, 0, "the ready file is left");
}

/// Files that mktemp has made, or an earlier run has left, are replaced.
#[test]
fn empty_and_earlier_files_are_replaced() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let options = [
        "--tls",
        "--tls-root-file",
        "root.pem",
        "--trust-anchor",
        "ca/trust-anchor.pem",
    ];
    sandbox.write("root.pem", "");
    drop(sandbox.emulate(&options));
    let first = sandbox.read("root.pem");
    // That one was killed, so its files are still there.
    let ready = fs::read_dir(sandbox.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .find(|name| name.starts_with("ready-"))
        .unwrap();
    let stale = sandbox.read(&ready);
    let mut command = sandbox.command();
    command.args(["emulate", "--listen", "127.0.0.1:0", "--ready-file", &ready]);
    let mut child = command
        .args(options)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while fs::read_to_string(sandbox.path(&ready)).unwrap_or_default() == stale
        || !sandbox.path(&ready).exists()
    {
        assert!(std::time::Instant::now() < deadline, "not ready");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_ne!(sandbox.read("root.pem"), first);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn made_up_arns_stay_the_same_for_the_same_anchor() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let anchor = ["--trust-anchor", "ca/trust-anchor.pem"];
    let first = sandbox.emulate(&anchor);
    let second = sandbox.emulate(&anchor);
    assert_eq!(first.trust_anchor_arn, second.trust_anchor_arn);
    assert_eq!(first.profile_arn, second.profile_arn);
    assert!(
        first
            .trust_anchor_arn
            .starts_with("arn:aws:rolesanywhere:us-east-1:")
    );
    let elsewhere = sandbox.emulate(&[&anchor[..], &["--region", "cn-north-1"]].concat());
    assert!(
        elsewhere
            .trust_anchor_arn
            .starts_with("arn:aws-cn:rolesanywhere:cn-north-1:")
    );
    assert!(elsewhere.role_arn.starts_with("arn:aws-cn:iam::"));
}

/// Headers as an ML-DSA-87 leaf with a chain would make them are read, far
/// larger ones are not, and the server lives on.
#[test]
fn header_limits_leave_room_for_large_certificates() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("w", &[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let address = emulator.url.trim_start_matches("http://").to_owned();
    let send = |length: usize| {
        let mut stream = TcpStream::connect(&address).unwrap();
        let padding = "A".repeat(length);
        let request = format!(
            "POST /sessions HTTP/1.1\r\nHost: {address}\r\nX-Amz-X509-Chain: {padding}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        // The server may close before it has read everything.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    };
    let large = send(90_000);
    assert!(large.starts_with("HTTP/1.1 403"), "{large}");
    assert!(large.contains("x-windlass-reason: "), "{large}");
    assert!(
        large.contains("x-amzn-errortype: AccessDeniedException"),
        "{large}"
    );
    assert!(large.contains("x-amzn-requestid: "), "{large}");
    let larger = send(1_000_000);
    assert!(
        !larger.contains("HTTP/1.1 2") && !larger.contains("HTTP/1.1 403"),
        "{larger}"
    );
    granted(&process(&sandbox, &emulator, "w", &[]));
}

/// Neither SDKs nor `--option=~/…` in a shell expand it.
#[test]
fn a_tilde_is_the_home_directory() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.ok(&[
        "ca",
        "issue",
        "--dir",
        "~/ca",
        "--cn",
        "w",
        "--out",
        "~/w",
        "--passphrase-file",
        "~/passphrase",
    ]);
    assert!(sandbox.path("w/key.pem").exists());
    assert!(!sandbox.path("~").exists());
    let emulator = sandbox.emulate(&["--trust-anchor", "~/ca/trust-anchor.pem"]);
    granted(&process(&sandbox, &emulator, "~/w", &[]));
}

#[test]
fn the_reason_of_the_emulator_reaches_the_user() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("w", &[]);
    fs::copy(sandbox.path("w/cert.pem"), sandbox.path("w/fullchain.pem")).unwrap();
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let run = process(&sandbox, &emulator, "w", &[]);
    assert_eq!(run.code, 3);
    let reason = "the emulator's reason: no trust anchor and no given certificate is the issuer";
    assert!(run.stderr.contains(reason), "{}", run.stderr);
}

#[test]
fn a_judgement_time_can_be_given() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("w", &[]);
    let anchor = ["--trust-anchor", "ca/trust-anchor.pem"];
    let options = [&anchor[..], &["--at", "2026-01-15T12:00:00Z"]].concat();
    let emulator = sandbox.emulate(&options);
    let run = process(&sandbox, &emulator, "w", &[]);
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.stderr.contains("Invalid signature"), "{}", run.stderr);
    assert!(
        run.stderr.contains("ahead of the service's"),
        "{}",
        run.stderr
    );
    assert!(emulator.log().contains("clock"), "{}", emulator.log());
}
