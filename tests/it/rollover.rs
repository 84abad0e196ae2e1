//! From one generation of the CA to the next: at every step the emulator grants
//! what it should, and a step that would strand somebody is refused.

mod beside;
mod crash;
mod race;
mod steps;

use std::process::Command;

use serde_json::Value;

use crate::harness::{Emulator, Run, Sandbox, capture};

const SECRET: [&str; 2] = ["--passphrase-file", "passphrase"];

/// A CA that has issued to `old`.
fn with_old() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("old", &[]);
    sandbox
}

/// One verb of `ca rollover`.
fn step(sandbox: &Sandbox, verb: &str, options: &[&str]) -> Run {
    let secret: &[&str] = match verb {
        "prepare" | "activate" => &SECRET,
        _ => &[],
    };
    let arguments = ["ca", "rollover", verb, "--dir", "ca"];
    sandbox.run(&[&arguments[..], options, secret].concat())
}

#[track_caller]
fn done(sandbox: &Sandbox, verb: &str, options: &[&str]) -> Run {
    let run = step(sandbox, verb, options);
    assert_eq!(run.code, 0, "{verb}: {run:#?}");
    run
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:#?}"))
}

fn status(sandbox: &Sandbox) -> Value {
    json(&done(sandbox, "status", &["--json"]))
}

/// The states of all generations, the oldest first.
fn states(sandbox: &Sandbox) -> Vec<String> {
    let status = status(sandbox);
    let generations = status["generations"].as_array().unwrap();
    let state = |one: &Value| one["state"].as_str().unwrap().to_owned();
    generations.iter().map(state).collect()
}

fn bundle(sandbox: &Sandbox) -> String {
    sandbox.read("ca/trust-anchor.pem")
}

fn emulate(sandbox: &Sandbox) -> Emulator {
    sandbox.emulate(&["--trust-anchor", "ca/trust-anchor.pem"])
}

/// The exit code of a session for the identity in a directory: 0, or 3 when the
/// emulator refuses it.
fn session(sandbox: &Sandbox, emulator: &Emulator, directory: &str) -> i32 {
    let arguments = emulator.arguments(directory);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    sandbox.run(&arguments).code
}

/// What openssl says of a leaf under these anchors, with these intermediates.
fn verifies(sandbox: &Sandbox, leaf: &str, anchors: &str, intermediates: &[&str]) -> bool {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore"]);
    command.args(["-CAfile", anchors]);
    for file in intermediates {
        command.args(["-untrusted", file]);
    }
    capture(command.arg(format!("{leaf}/cert.pem"))).code == 0
}

/// The log is intact and says what the generations say.
#[track_caller]
fn assert_audited(sandbox: &Sandbox) {
    let run = sandbox.run(&["ca", "audit", "verify", "--dir", "ca"]);
    assert_eq!(run.code, 0, "{run:#?}");
}
