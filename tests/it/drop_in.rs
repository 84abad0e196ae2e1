//! Defects of the official helper that `credential-process` must not have, by
//! their numbers in the list of them.

use serde_json::Value;

use crate::harness::program;
use crate::workload::{Workload, granting};

/// It once printed empty credentials and reported success.
#[test]
fn f30_a_region_that_does_not_fit_is_an_error_and_no_empty_credentials() {
    let workload = Workload::new();
    let server = granting(1);
    let url = server.url();
    let elsewhere =
        "arn:aws:rolesanywhere:eu-west-1:123456789012:profile/66666666-7777-4888-9999-aaaaaaaaaaaa";
    let run = workload.ask(&["--endpoint", &url, "--region", "eu-west-1"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
    let mut command = workload.command();
    command.args(["--role-arn", crate::workload::ROLE_ARN, "--endpoint", &url]);
    command.env("WINDLASS_REGION", "eu-west-1");
    let run = workload.sandbox.finish(command);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
    let mut command = workload.sandbox.command();
    command
        .args(["credential-process", "--no-cache", "--endpoint", &url])
        .args(["--certificate", "fullchain.pem", "--private-key", "key.pem"])
        .args(["--trust-anchor-arn", crate::workload::TRUST_ANCHOR_ARN])
        .args(["--profile-arn", elsewhere])
        .args(["--role-arn", crate::workload::ROLE_ARN]);
    let run = workload.sandbox.finish(command);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
    assert_eq!(server.seen().len(), 0);
}

/// Its debug output broke the JSON.
#[test]
fn f32_stdout_is_one_document_whatever_else_is_said() {
    let workload = Workload::new();
    let server = granting(3);
    let url = server.url();
    // The short session gives a warning.
    let usual = ["--endpoint", &url, "--session-duration", "900"];
    for options in [&["--debug"][..], &["--verbose"], &["-v", "--debug"]] {
        let run = workload.ask(&[&usual[..], options].concat());
        assert_eq!(run.code, 0, "{run:#?}");
        assert!(run.stderr.contains("warning: "), "{run:#?}");
        assert!(run.stderr.contains("note: "), "{run:#?}");
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        assert_eq!(document["Version"], 1);
    }
    for options in [
        &["--debug", "--endpoint", "nonsense"][..],
        &["--no-such-option"],
    ] {
        let run = workload.ask(options);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{run:#?}");
    }
}

/// It read the shared configuration for its own call: a broken profile broke
/// it, and a `[default]` whose credential_process it is made it call itself.
#[test]
fn f33_the_aws_configuration_of_its_caller_is_not_its_own() {
    let workload = Workload::new();
    let server = granting(1);
    let url = server.url();
    std::fs::create_dir(workload.sandbox.path(".aws")).unwrap();
    workload.sandbox.write(
        ".aws/config",
        format!(
            "[default]\nregion = nowhere-9\ncredential_process = {} credential-process --endpoint {url}\nbroken\n",
            program()
        ),
    );
    workload
        .sandbox
        .write(".aws/credentials", "\u{feff}[default\naws_access_key_id");
    let hostile = [
        ("AWS_PROFILE", "missing"),
        ("AWS_DEFAULT_PROFILE", "missing"),
        ("AWS_REGION", "nowhere-9"),
        ("AWS_DEFAULT_REGION", "nowhere-9"),
        ("AWS_ACCESS_KEY_ID", "AKIASTATIC"),
        ("AWS_SECRET_ACCESS_KEY", "static"),
        ("AWS_SESSION_TOKEN", "stale"),
        ("AWS_SDK_LOAD_CONFIG", "1"),
        ("AWS_CONFIG_FILE", "/no/such/file"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/no/such/file"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1"),
        ("AWS_ROLE_ARN", "nonsense"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/no/such/file"),
        ("AWS_MAX_ATTEMPTS", "nonsense"),
    ];
    let run = workload.ask_in(&hostile, &["--endpoint", &url]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{run:#?}");
    assert_eq!(server.seen().len(), 1);
}
