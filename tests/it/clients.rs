//! Other people's clients against the emulator, and other people's consumers of
//! `credential-process`. Everything runs on loopback and is started here.

mod sdks;
pub(crate) mod sts;

use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::harness::{Emulator, Run, Sandbox, client_script, tool};

use self::sts::Sts;

/// What every access key id of the emulator begins with.
const KEY_ID: &str = "ASIA0EMULATED0";

/// The profile of the AWS configuration that the tests write.
const PROFILE: &str = "windlass";

#[test]
fn pypi_client_gets_credentials_with_an_rsa_and_with_a_p256_key() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let emulator = sandbox.emulate(&["--tls", "--trust-anchor", "ca/trust-anchor.pem"]);
    for key_type in ["rsa2048", "p256"] {
        sandbox.issue(key_type, &["--key-type", key_type]);
        let answer = pypi_client(&sandbox, &emulator, key_type);
        let key_id = answer["key_id"].as_str().unwrap_or_default();
        assert!(key_id.starts_with(KEY_ID), "{key_type}: {answer}");
        assert!(answer["secret_length"].as_u64() >= Some(40), "{answer}");
        assert!(answer["token_length"].as_u64() >= Some(16), "{answer}");
        assert_one_hour_ahead(&answer["expiry"]);
    }
}

/// iam-rolesanywhere-session 3.0.0 names its algorithm after the hash in the
/// certificate's own signature, so below a P-384 CA it announces one that does
/// not exist.
#[test]
fn pypi_client_below_a_p384_ca_is_told_that_its_algorithm_does_not_exist() {
    let sandbox = Sandbox::new();
    sandbox.ca(&["--key-type", "p384"]);
    sandbox.issue("web-1", &[]);
    let emulator = sandbox.emulate(&["--tls", "--trust-anchor", "ca/trust-anchor.pem"]);
    let answer = pypi_client(&sandbox, &emulator, "web-1");
    assert_eq!(answer["status"], 403, "{answer}");
    let log = emulator.log();
    assert!(
        log.contains("Authorization names an algorithm that does not exist here"),
        "{log}"
    );
}

#[test]
fn openssl_and_curl_are_granted_a_session_with_every_type_of_key() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    for key_type in ["p256", "p384", "rsa2048"] {
        sandbox.issue(key_type, &["--key-type", key_type]);
        let answer = create_session(&sandbox, &emulator, key_type, "nothing");
        assert_eq!(answer.status, 201, "{key_type}: {answer:?}");
        assert_eq!(answer.header("x-windlass-reason"), None, "{key_type}");
        let credentials = &answer.body["credentialSet"][0]["credentials"];
        let key_id = credentials["accessKeyId"].as_str().unwrap_or_default();
        assert!(key_id.starts_with(KEY_ID), "{key_type}: {answer:?}");
    }
}

#[test]
fn a_request_changed_after_it_was_signed_is_refused() {
    const SIGNATURE: &str = "the signature is not the certificate's key's over this request";
    const SERIAL: &str = "the credential's serial number is not the certificate's";
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    for key_type in ["p256", "p384", "rsa2048"] {
        sandbox.issue(key_type, &["--key-type", key_type]);
        for (change, reason) in [
            ("body", SIGNATURE),
            ("query", SIGNATURE),
            ("date", SIGNATURE),
            ("certificate", SIGNATURE),
            ("chain", SIGNATURE),
            ("signature", SIGNATURE),
            ("serial", SERIAL),
        ] {
            let answer = create_session(&sandbox, &emulator, key_type, change);
            assert_eq!(answer.status, 403, "{key_type} {change}: {answer:?}");
            assert_eq!(
                answer.body["message"], "Invalid signature",
                "{key_type} {change}"
            );
            let given = answer.header("x-windlass-reason").unwrap_or_default();
            assert!(given.starts_with(reason), "{key_type} {change}: {given:?}");
        }
    }
}

#[test]
fn boto3_signs_with_the_credentials_of_a_credential_process() {
    let sandbox = Sandbox::new();
    let _emulator = configure_profile(&sandbox);
    let sts = Sts::start();
    let mut command = Command::new(tool("python"));
    aws_environment(&sandbox, &mut command);
    command
        .arg(client_script("credential_process.py"))
        .args([PROFILE, &sts.url]);
    let run = succeed(&sandbox, command);
    let seen: Value = serde_json::from_str(&run.stdout).unwrap();

    assert_eq!(seen["method"], "custom-process");
    let key_id = seen["key_id"].as_str().unwrap();
    assert!(key_id.starts_with(KEY_ID), "{seen}");
    assert_one_hour_ahead(&seen["expiry"]);
    let token = seen["token"].as_str().unwrap();
    assert!(!token.is_empty());
    let authorization = seen["signed_authorization"].as_str().unwrap();
    assert_signed_by(authorization, key_id);
    assert_eq!(seen["signed_token"], token);

    // The same credentials on the wire.
    assert_eq!(seen["caller"], Sts::CALLER);
    let request = sts.request();
    assert_signed_by(&request.header("authorization"), key_id);
    assert_eq!(request.header("x-amz-security-token"), token);
}

/// Version 1 of the AWS CLI has no `configure export-credentials`; its `list`
/// resolves the credentials as well and says where they come from.
#[test]
fn aws_cli_lists_the_credentials_of_a_credential_process() {
    let sandbox = Sandbox::new();
    let _emulator = configure_profile(&sandbox);
    let run = aws(&sandbox, &["configure", "list"]);
    for name in ["access_key", "secret_key"] {
        let line = run
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(name))
            .unwrap_or_default();
        assert!(line.contains("custom-process"), "{name}: {run:#?}");
        assert!(line.contains("****************"), "{name}: {run:#?}");
    }
}

#[test]
fn aws_cli_signs_with_the_credentials_of_a_credential_process() {
    let sandbox = Sandbox::new();
    let _emulator = configure_profile(&sandbox);
    let sts = Sts::start();
    let run = aws(
        &sandbox,
        &[
            "sts",
            "get-caller-identity",
            "--region=us-east-1",
            "--endpoint-url",
            &sts.url,
        ],
    );
    let caller: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(caller["Arn"], Sts::CALLER);
    let request = sts.request();
    assert_signed_by(&request.header("authorization"), KEY_ID);
    assert!(!request.header("x-amz-security-token").is_empty());
    assert!(
        request.body.contains("Action=GetCallerIdentity"),
        "{}",
        request.body
    );
}

/// Runs iam-rolesanywhere-session for the identity in `directory`.
fn pypi_client(sandbox: &Sandbox, emulator: &Emulator, directory: &str) -> Value {
    let mut command = Command::new(tool("python"));
    sandbox.scrub(&mut command);
    command
        .arg(client_script("roles_anywhere_session.py"))
        .arg(&emulator.url)
        .arg(emulator.ca_bundle.as_ref().unwrap())
        .args([
            directory,
            &emulator.trust_anchor_arn,
            &emulator.profile_arn,
            &emulator.role_arn,
        ]);
    let run = succeed(sandbox, command);
    serde_json::from_str(&run.stdout).unwrap()
}

/// An HTTP answer, as curl shows it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Runs create-session.sh for the identity in `directory`.
pub fn create_session(
    sandbox: &Sandbox,
    emulator: &Emulator,
    directory: &str,
    change: &str,
) -> Answer {
    let mut command = Command::new("sh");
    sandbox.scrub(&mut command);
    command.arg(client_script("create-session.sh")).args([
        &emulator.url,
        directory,
        &emulator.trust_anchor_arn,
        &emulator.profile_arn,
        &emulator.role_arn,
        change,
    ]);
    let run = succeed(sandbox, command);
    let (head, body) = run.stdout.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    Answer {
        status: status.parse().unwrap(),
        headers: lines.map(read_header).collect(),
        body: serde_json::from_str(body).unwrap(),
    }
}

/// Writes an AWS configuration whose profile runs `credential-process` against
/// a new emulator. The identity's path has a space, as the profile's quoting
/// must allow.
fn configure_profile(sandbox: &Sandbox) -> Emulator {
    sandbox.ca(&[]);
    sandbox.issue("web 1", &[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    let directory = sandbox.path("web 1").display().to_string();
    let arguments: Vec<String> = emulator
        .arguments(&directory)
        .iter()
        .map(|argument| format!("'{argument}'"))
        .collect();
    let program = crate::harness::program();
    let line = format!("'{program}' {}", arguments.join(" "));
    sandbox.write(
        "aws-config",
        format!("[profile {PROFILE}]\ncredential_process = {line}\n"),
    );
    emulator
}

/// The sandbox's environment, with the configuration of [`configure_profile`]
/// as the only source of credentials.
fn aws_environment(sandbox: &Sandbox, command: &mut Command) {
    sandbox.scrub(command);
    command
        .env("AWS_CONFIG_FILE", sandbox.path("aws-config"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_PROXY", "*");
}

/// Runs the AWS CLI with the profile.
fn aws(sandbox: &Sandbox, arguments: &[&str]) -> Run {
    let mut command = Command::new(tool("aws"));
    aws_environment(sandbox, &mut command);
    command
        .args(arguments)
        .args(["--profile", PROFILE])
        .env("AWS_PAGER", "");
    succeed(sandbox, command)
}

fn succeed(sandbox: &Sandbox, command: Command) -> Run {
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    run
}

/// The profile of the emulator grants an hour.
#[track_caller]
fn assert_one_hour_ahead(expiry: &Value) {
    let expiry: DateTime<Utc> = expiry.as_str().unwrap().parse().unwrap();
    let left = expiry - Utc::now();
    let hour = TimeDelta::hours(1);
    assert!(
        left <= hour && left > hour - TimeDelta::minutes(2),
        "{left}"
    );
}

/// `Authorization` is SigV4's for STS with a key id that begins with `key_id`.
#[track_caller]
fn assert_signed_by(authorization: &str, key_id: &str) {
    let credential = authorization
        .strip_prefix("AWS4-HMAC-SHA256 Credential=")
        .unwrap_or_default();
    assert!(credential.starts_with(key_id), "{authorization}");
    assert!(
        credential.contains("/us-east-1/sts/aws4_request, "),
        "{authorization}"
    );
    assert!(
        authorization.contains("x-amz-security-token"),
        "{authorization}"
    );
}

/// A header line as lowercase name and value.
fn read_header(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap();
    (name.to_ascii_lowercase(), value.trim().to_owned())
}
