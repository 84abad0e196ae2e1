//! The AWS SDKs for JavaScript and for Rust, which have nothing but AWS's shared
//! files: a `credential_process`, and a credentials file that `update` wrote.

use std::process::Command;

use serde_json::Value;

use super::{KEY_ID, PROFILE, aws_environment, configure_profile, succeed};
use crate::harness::{Emulator, Sandbox};
use crate::serve::sdks::{javascript_program, rust_program};

/// A client's environment, in which both files are named.
fn with_files(sandbox: &Sandbox, command: &mut Command) {
    aws_environment(sandbox, command);
    command
        .env(
            "AWS_SHARED_CREDENTIALS_FILE",
            sandbox.path("aws-credentials"),
        )
        .env("AWS_PROFILE", PROFILE);
}

/// What the SDK for JavaScript finds, by itself or by one of its providers.
fn javascript(sandbox: &Sandbox, way: &str) -> Value {
    let mut command = Command::new("node");
    with_files(sandbox, &mut command);
    command.arg(javascript_program()).arg(way);
    found(sandbox, command)
}

fn rust(sandbox: &Sandbox) -> Value {
    let mut command = Command::new(rust_program());
    with_files(sandbox, &mut command);
    found(sandbox, command)
}

/// The client has the emulator's credentials, whole.
#[track_caller]
fn found(sandbox: &Sandbox, command: Command) -> Value {
    let run = succeed(sandbox, command);
    let found: Value = serde_json::from_str(run.stdout.trim()).unwrap();
    let key_id = found["keyId"].as_str().unwrap();
    assert!(key_id.starts_with(KEY_ID), "{run:#?}");
    assert_eq!(found["secretLength"], 40, "{run:#?}");
    assert!(found["tokenLength"].as_u64() > Some(100), "{run:#?}");
    found
}

fn sessions(emulator: &Emulator) -> usize {
    emulator.log().matches("POST /sessions 201").count()
}

#[test]
fn sdks_run_a_credential_process() {
    let sandbox = Sandbox::new();
    let emulator = configure_profile(&sandbox);
    sandbox.write("aws-credentials", "");
    let clients = [
        javascript(&sandbox, "chain"),
        javascript(&sandbox, "process"),
        rust(&sandbox),
    ];
    for found in &clients {
        let left = found["secondsLeft"].as_i64().unwrap_or_default();
        assert!((3400..=3600).contains(&left), "{found}");
    }
    assert_eq!(sessions(&emulator), clients.len());
}

/// Nothing in the file says until when it holds.
#[test]
fn sdks_read_the_credentials_file_that_update_wrote() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let emulator = sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"]);
    sandbox.write("aws-config", "");
    sandbox.write("aws-credentials", "# mine\n[other]\nregion = eu-west-1\n");
    let mut command = sandbox.command();
    command
        .args(["update", "--once", "--profile", PROFILE])
        .args(["--credentials-file", "aws-credentials"]);
    // What follows the verb are the options of the session.
    let arguments = emulator.arguments("web-1");
    command.args(arguments.iter().skip(2));
    succeed(&sandbox, command);
    for found in [
        javascript(&sandbox, "chain"),
        javascript(&sandbox, "ini"),
        rust(&sandbox),
    ] {
        assert_eq!(found["secondsLeft"], Value::Null, "{found}");
    }
    assert_eq!(sessions(&emulator), 1);
}
