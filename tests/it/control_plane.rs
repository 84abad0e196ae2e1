//! The emulator's control plane: every operation of botocore's own model, the
//! AWS CLI from an empty account to a revoked certificate, and accounts that are
//! kept in a file or described in one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{Emulator, Run, Sandbox, client_script, tool};

const ROLE: &str = "arn:aws:iam::123456789012:role/app";

/// The credentials file of the administrator; the name says that secrets are in
/// it.
const ADMIN: &str = "aws-admin-credentials";

/// A CA, an identity and a list that revokes nothing.
fn site() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    list(&sandbox);
    sandbox
}

/// Makes the CA's next revocation list.
fn list(sandbox: &Sandbox) {
    sandbox.ok(&[
        "ca",
        "crl",
        "--dir",
        "ca",
        "--out",
        "crl.pem",
        "--passphrase-file",
        "passphrase",
    ]);
}

fn emulate(sandbox: &Sandbox, options: &[&str]) -> Emulator {
    let admin = ["--admin-credentials-file", ADMIN];
    sandbox.emulate(&[&admin[..], options].concat())
}

/// A client of the administrator.
fn client(sandbox: &Sandbox, program: &str) -> Command {
    let mut command = Command::new(tool(program));
    sandbox.scrub(&mut command);
    command
        .env("AWS_SHARED_CREDENTIALS_FILE", sandbox.path(ADMIN))
        .env("AWS_CONFIG_FILE", sandbox.path("aws-config"))
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_PAGER", "")
        .env("NO_PROXY", "*");
    command
}

fn run_aws(sandbox: &Sandbox, emulator: &Emulator, arguments: &[&str]) -> Run {
    let mut command = client(sandbox, "aws");
    command
        .args(["--endpoint-url", &emulator.url, "--output", "json"])
        .args(arguments);
    sandbox.finish(command)
}

/// What the AWS CLI prints of an operation that succeeds.
#[track_caller]
fn aws(sandbox: &Sandbox, emulator: &Emulator, arguments: &[&str]) -> Value {
    let run = run_aws(sandbox, emulator, &[&["rolesanywhere"], arguments].concat());
    assert_eq!(run.code, 0, "{arguments:?}: {run:#?}");
    serde_json::from_str(&run.stdout).unwrap_or(Value::Null)
}

/// Asks for a session of an anchor and a profile.
fn session(sandbox: &Sandbox, emulator: &Emulator, anchor: &str, profile: &str) -> Run {
    sandbox.run(&[
        "credential-process",
        "--no-cache",
        "--certificate",
        "web-1/fullchain.pem",
        "--private-key",
        "web-1/key.pem",
        "--trust-anchor-arn",
        anchor,
        "--profile-arn",
        profile,
        "--role-arn",
        ROLE,
        "--endpoint",
        &emulator.url,
    ])
}

#[track_caller]
fn refused(run: &Run, message: &str) {
    assert_eq!(run.code, 3, "{run:#?}");
    assert!(run.stderr.contains(message), "{}", run.stderr);
}

fn anchor_json(sandbox: &Sandbox) -> String {
    let source = json!({
        "sourceType": "CERTIFICATE_BUNDLE",
        "sourceData": { "x509CertificateData": sandbox.read("ca/trust-anchor.pem") },
    });
    json!({ "name": "my-ca", "enabled": true, "source": source }).to_string()
}

/// The list of operations is the model's: one that is new is missed here.
#[test]
fn every_operation_of_the_service_model_is_answered_as_the_model_says() {
    let sandbox = site();
    let emulator = emulate(&sandbox, &["--trust-anchor", "ca/trust-anchor.pem"]);
    let arguments = emulator.arguments("web-1");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    sandbox.ok(&arguments);
    let mut command = client(&sandbox, "python");
    command
        .arg(client_script("control_plane.py"))
        .arg(&emulator.url)
        .args(["ca/trust-anchor.pem", "web-1/cert.pem", "crl.pem"]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.stdout.trim(), "", "{}", run.stdout);
}

#[test]
fn the_aws_cli_sets_an_account_up_and_revokes_a_certificate() {
    let sandbox = site();
    let emulator = emulate(&sandbox, &["--role-arn", ROLE]);
    let mode = fs::metadata(sandbox.path(ADMIN)).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let aws = |arguments: &[&str]| aws(&sandbox, &emulator, arguments);
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    sandbox.write("anchor.json", anchor_json(&sandbox));
    let made = aws(&[
        "create-trust-anchor",
        "--cli-input-json",
        "file://anchor.json",
    ]);
    let anchor = text(&made["trustAnchor"]["trustAnchorArn"]);
    let made = aws(&["create-profile", "--name", "p", "--role-arns", ROLE]);
    let profile = text(&made["profile"]["profileArn"]);
    let profile_id = text(&made["profile"]["profileId"]);
    let ask = || session(&sandbox, &emulator, &anchor, &profile);
    refused(&ask(), "Invalid or empty profile provided.");
    aws(&["enable-profile", "--profile-id", &profile_id]);
    let crl = ["--crl-data", "fileb://crl.pem"];
    let import = [
        "import-crl",
        "--name",
        "c",
        "--trust-anchor-arn",
        &anchor,
        "--enabled",
    ];
    let made = aws(&[&import[..], &crl].concat());
    let crl_id = text(&made["crl"]["crlId"]);

    let run = ask();
    assert_eq!(run.code, 0, "{run:#?}");
    let credentials: Value = serde_json::from_str(&run.stdout).unwrap();
    let mut command = client(&sandbox, "aws");
    let secret = |key: &str| credentials[key].as_str().unwrap().to_owned();
    command
        .env("AWS_ACCESS_KEY_ID", secret("AccessKeyId"))
        .env("AWS_SECRET_ACCESS_KEY", secret("SecretAccessKey"))
        .env("AWS_SESSION_TOKEN", secret("SessionToken"))
        .args(["sts", "get-caller-identity", "--query", "Arn"])
        .args(["--endpoint-url", &emulator.url]);
    let caller = sandbox.finish(command);
    assert_eq!(caller.code, 0, "{caller:#?}");
    assert!(caller.stdout.contains(":assumed-role/app/"), "{caller:#?}");
    // The administrator's are taken there, too.
    let caller = run_aws(&sandbox, &emulator, &["sts", "get-caller-identity"]);
    assert!(caller.stdout.contains(":user/administrator"), "{caller:#?}");

    sandbox.ok(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--reason",
        "key-compromise",
        "--passphrase-file",
        "passphrase",
        "web-1",
    ]);
    list(&sandbox);
    let granted = ask();
    assert_eq!(
        granted.code, 0,
        "the list is not imported yet: {granted:#?}"
    );
    aws(&[&["update-crl", "--crl-id", &crl_id], &crl[..]].concat());
    refused(&ask(), "Certificate revoked");
    let subjects = aws(&["list-subjects"]);
    let id = text(&subjects["subjects"][0]["subjectId"]);
    let subject = aws(&["get-subject", "--subject-id", &id]);
    assert_eq!(
        subject["subject"]["credentials"][0]["failed"], true,
        "{subject}"
    );
    aws(&["disable-crl", "--crl-id", &crl_id]);
    assert_eq!(ask().code, 0);
    aws(&["disable-trust-anchor", "--trust-anchor-id", &anchor]);
    refused(&ask(), "Specified Trust Anchor is disabled.");
    aws(&["delete-trust-anchor", "--trust-anchor-id", &anchor]);
    refused(&ask(), "Specified Trust Anchor wasn't found.");
    let log = emulator.log();
    assert!(log.contains("PATCH /crl/"), "{log}");
}

#[test]
fn an_account_survives_the_end_of_its_emulator() {
    let sandbox = site();
    let options = ["--state", "account.json", "--role-arn", ROLE];
    let first = emulate(&sandbox, &options);
    sandbox.write("anchor.json", anchor_json(&sandbox));
    let cli = [
        "create-trust-anchor",
        "--cli-input-json",
        "file://anchor.json",
    ];
    let made = aws(&sandbox, &first, &cli);
    let anchor = made["trustAnchor"]["trustAnchorArn"].as_str().unwrap();
    let cli = [
        "create-profile",
        "--name",
        "p",
        "--enabled",
        "--role-arns",
        ROLE,
    ];
    let made = aws(&sandbox, &first, &cli);
    let profile = made["profile"]["profileArn"].as_str().unwrap();
    assert_eq!(session(&sandbox, &first, anchor, profile).code, 0);
    let before = aws(&sandbox, &first, &["list-subjects"]);
    let mode = fs::metadata(sandbox.path("account.json")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);

    // Another one does not get it.
    let taken = sandbox.run(&[
        "emulate",
        "--listen",
        "127.0.0.1:0",
        "--state",
        "account.json",
    ]);
    assert_eq!(taken.code, 1, "{taken:#?}");
    assert!(
        taken
            .stderr
            .contains("account.json is in use by another windlass emulate"),
        "{}",
        taken.stderr
    );
    // It is killed, and has no time to write anything.
    drop(first);

    let second = emulate(&sandbox, &["--state", "account.json"]);
    assert_eq!(second.trust_anchor_arn, anchor);
    assert_eq!(second.profile_arn, profile);
    assert_eq!(aws(&sandbox, &second, &["list-subjects"]), before);
    assert_eq!(session(&sandbox, &second, anchor, profile).code, 0);
    drop(second);

    for (content, reason) in [
        (
            "{\"version\": 2, \"account\": {}}",
            "account.json has version 2, this program knows 1",
        ),
        (
            "{\"version\": 1, \"account\": {}}",
            "account.json is no state of windlass emulate, or damaged",
        ),
        (
            "",
            "account.json is no state of windlass emulate, or damaged",
        ),
    ] {
        sandbox.write("account.json", content);
        let run = sandbox.run(&[
            "emulate",
            "--listen",
            "127.0.0.1:0",
            "--state",
            "account.json",
        ]);
        assert_eq!(run.code, 1, "{run:#?}");
        assert!(run.stderr.contains(reason), "{}", run.stderr);
        assert_eq!(sandbox.read("account.json"), content);
    }
}

/// A change that cannot be kept is none.
#[test]
fn a_change_that_cannot_be_written_is_refused_and_has_not_happened() {
    let sandbox = site();
    fs::create_dir(sandbox.path("kept")).unwrap();
    let emulator = emulate(&sandbox, &["--state", "kept/account.json"]);
    fs::remove_dir_all(sandbox.path("kept")).unwrap();
    let create = [
        "rolesanywhere",
        "create-profile",
        "--name",
        "p",
        "--role-arns",
        ROLE,
    ];
    let mut command = client(&sandbox, "aws");
    command
        .env("AWS_MAX_ATTEMPTS", "1")
        .args(["--endpoint-url", &emulator.url])
        .args(create);
    let run = sandbox.finish(command);
    assert!(
        run.stderr.contains("ServiceUnavailableException"),
        "{run:#?}"
    );
    assert!(
        emulator
            .log()
            .contains("reason: the state file was not written")
    );
    let listed = aws(&sandbox, &emulator, &["list-profiles"]);
    assert_eq!(listed["profiles"], json!([]));
}

#[test]
fn an_account_is_described_in_a_file() {
    let sandbox = site();
    let policy = |name: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "rolesanywhere.amazonaws.com" },
            "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
            "Condition": { "StringEquals": { name: "web-1" } },
        }] })
        .to_string()
    };
    fs::create_dir(sandbox.path("account")).unwrap();
    sandbox.write(
        "account/trust.json",
        policy("aws:PrincipalTag/x509Subject/CN"),
    );
    let described = format!(
        "region = 'eu-west-1'\naccount = '123456789012'\nfaults = '503'\n\
         [[trust_anchor]]\nname = 'main'\nalias = 'main'\ncertificates = '{root}/ca/trust-anchor.pem'\n\
         [[role]]\nname = 'app'\nmax_duration = 7200\ntrust_policy = 'trust.json'\n\
         [[profile]]\nname = 'all'\nalias = 'all'\nroles = ['app']\nduration = 7200\n\
         [[profile]]\nname = 'no-subject'\nalias = 'no-subject'\nroles = ['{ROLE}']\n\
         mapping = {{ x509Issuer = ['*'] }}\n\
         [[profile]]\nname = 'off'\nalias = 'off'\nroles = ['app']\nenabled = false\n\
         [[crl]]\nname = 'list'\nfile = '../crl.pem'\ntrust_anchor = 'main'\n",
        root = sandbox.root().display(),
    );
    sandbox.write("account/account.toml", &described);
    let emulator = emulate(&sandbox, &["--world", "account/account.toml"]);
    let arn = |kind: &str, name: &str| {
        format!("arn:aws:rolesanywhere:eu-west-1:123456789012:alias/{kind}/{name}")
    };
    let anchor = arn("trust-anchor", "main");
    let ask = |profile: &str| session(&sandbox, &emulator, &anchor, &arn("profile", profile));
    let run = ask("all");
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(
        emulator.log().contains("reason: a fault"),
        "{}",
        emulator.log()
    );
    // Without the tag, the trust policy's condition does not hold.
    refused(&ask("no-subject"), "Unable to assume role");
    refused(&ask("off"), "Invalid or empty profile provided.");

    for (old, new, reason) in [
        (
            "alias = 'all'",
            "alais = 'all'",
            "account.toml, line 14: unknown field `alais`",
        ),
        (
            "duration = 7200\n[[profile]]",
            "duration = 1\n[[profile]]",
            "profile all: a session",
        ),
        (
            "'trust.json'",
            "'none.json'",
            "account/none.json cannot be read",
        ),
        (
            "ca/trust-anchor.pem",
            "web-1/cert.pem",
            "trust_anchor main: the certificate of CN=web-1",
        ),
        (
            "trust_anchor = 'main'",
            "trust_anchor = 'x'",
            "crl list: no trust_anchor has the name 'x'",
        ),
        (
            "alias = 'off'",
            "alias = 'all'",
            "profile off: its id or alias is another's",
        ),
        ("'503'", "'504'", "faults: '504' is no fault"),
        (
            "x509Issuer",
            "x509Serial",
            "'x509Serial' is none of x509Subject",
        ),
    ] {
        assert!(described.contains(old), "{old}");
        sandbox.write("account/account.toml", described.replace(old, new));
        let run = sandbox.run(&[
            "emulate",
            "--listen",
            "127.0.0.1:0",
            "--world",
            "account/account.toml",
        ]);
        assert!(
            run.code != 0 && run.stderr.contains(reason),
            "{reason}: {run:#?}"
        );
    }
}

#[test]
fn rate_limits_are_an_option() {
    let sandbox = site();
    let options = [
        "--trust-anchor",
        "ca/trust-anchor.pem",
        "--at",
        "2030-01-01T00:00:00Z",
    ];
    let curl = |emulator: &Emulator| {
        let mut command = Command::new("curl");
        sandbox.scrub(&mut command);
        command.args(["-s", "-o", "answer", "-w", "%{http_code} "]);
        command.args(["-X", "POST", "--data", ""]);
        // The clock stands still: all of them are in one second.
        command.args(vec![format!("{}/sessions", emulator.url); 11]);
        sandbox.finish(command).stdout
    };
    let without = sandbox.emulate(&options);
    assert!(!curl(&without).contains("429"));
    let with = sandbox.emulate(&[&options[..], &["--rate-limits"]].concat());
    let codes = curl(&with);
    assert_eq!(codes.matches("403").count(), 10, "{codes}");
    assert!(codes.trim_end().ends_with("429"), "{codes}");
    assert!(with.log().contains("Rate exceeded"), "{}", with.log());
}
