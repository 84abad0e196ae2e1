//! Reading keys and certificates: what never ends, what must not be repeated,
//! and what must not be read twice.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Sandbox, capture, testdata};
use crate::workload::{PROFILE_ARN, ROLE_ARN, TRUST_ANCHOR_ARN, Workload};

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("key.pem", fs::read(testdata("keys/p256.pem")).unwrap());
    sandbox.write("cert.pem", fs::read(testdata("certs/leaf.pem")).unwrap());
    sandbox
}

/// A named pipe to which nobody writes is not waited for without end.
#[test]
fn a_pipe_without_a_writer_is_given_up() {
    let sandbox = sandbox();
    let made = capture(Command::new("mkfifo").arg(sandbox.path("pipe")));
    assert_eq!(made.code, 0);
    let started = Instant::now();
    let run = sandbox.run(&["key", "show", "--private-key", "pipe"]);
    assert!(started.elapsed() < Duration::from_secs(30));
    assert_eq!(run.code, 2, "{run:#?}");
    assert!(run.stderr.contains("within 10 s"), "{run:#?}");
}

/// Whoever only looks takes nothing out of a pipe, and does not wait for it.
#[test]
fn status_leaves_a_pipe_to_the_program_that_it_is_for() {
    let workload = Workload::new();
    let sandbox = &workload.sandbox;
    let made = capture(Command::new("mkfifo").arg(sandbox.path("pipe")));
    assert_eq!(made.code, 0);
    let profile = |name: &str| {
        format!(
            "[profile.{name}]\ncertificate = '~/pipe'\nprivate_key = '~/key.pem'\n\
             trust_anchor_arn = '{TRUST_ANCHOR_ARN}'\nprofile_arn = '{PROFILE_ARN}'\n\
             role_arn = '{ROLE_ARN}'\n"
        )
    };
    sandbox.write("config.toml", profile("a") + &profile("b"));
    let started = Instant::now();
    let run = sandbox.ok(&["status", "--config", "config.toml", "--json"]);
    // A pipe that is read is waited for so long.
    assert!(started.elapsed() < Duration::from_secs(10));
    let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    for known in shown.as_array().unwrap() {
        assert_eq!(known["state"], "unusable");
        let error = known["error"].as_str().unwrap();
        assert!(
            error.ends_with("pipe is no file that can be read more than once"),
            "{error}"
        );
    }
    assert_eq!(shown.as_array().unwrap().len(), 2);
}

/// Only files can have changed at the next moment; a command may cost
/// something, and a pipe is empty then.
#[test]
fn what_is_not_a_file_is_read_once() {
    let sandbox = sandbox();
    let whole = sandbox.read("key.pem");
    sandbox.write("cut.pem", whole.replace("-----END", "!"));
    let run = sandbox.run(&[
        "key",
        "show",
        "--certificate",
        "cert.pem",
        "--private-key",
        "cmd:sh -c 'echo run >>runs; cat cut.pem'",
    ]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert_eq!(sandbox.read("runs"), "run\n");
}

/// A part of a trust anchor or a chain is not missing in silence, and what holds
/// no certificate is named.
#[test]
fn certificates_are_read_whole_or_not_at_all() {
    let sandbox = sandbox();
    let certificate = sandbox.read("cert.pem");
    let told = |content: &[u8]| {
        let read = windlass::pki::read_certificates(content, "F");
        read.map(|found| found.len())
            .map_err(|error| error.to_string())
    };
    let twice = certificate.repeat(2);
    assert_eq!(told(twice.as_bytes()), Ok(2));
    // As OpenSSL writes it with '-trustout': settings stand behind it.
    let trusted = |more: &[u8]| {
        let der = pem::parse(&certificate).unwrap().into_contents();
        pem::encode(&pem::Pem::new("TRUSTED CERTIFICATE", [&der, more].concat()))
    };
    assert_eq!(told(trusted(&[0x30, 0]).as_bytes()), Ok(1));
    let cut = &twice[..twice.len() - 40];
    assert!(
        told(cut.as_bytes())
            .unwrap_err()
            .contains("does not decode")
    );
    crate::issuer::openssl(
        &sandbox,
        &[
            "pkcs12",
            "-export",
            "-in",
            "cert.pem",
            "-inkey",
            "key.pem",
            "-out",
            "locked.p12",
            "-passout",
            "file:passphrase",
        ],
    );
    for (name, what) in [
        ("locked.p12", "it is a PKCS#12 file"),
        ("key.pem", "it holds a private key"),
        ("passphrase", "it is neither PEM nor DER"),
    ] {
        let error = told(&fs::read(sandbox.path(name)).unwrap()).unwrap_err();
        assert_eq!(error, format!("F holds no certificate: {what}"));
    }
}

/// Whoever puts a key or a PIN where the name of a place belongs does not find
/// it in the log as well.
#[test]
fn secrets_in_the_wrong_place_are_not_repeated() {
    let sandbox = sandbox();
    let key = sandbox.read("key.pem");
    let (separate, joined) = (key.as_str(), format!("--private-key={key}"));
    let uri = "pkcs11:token=x?pin-value=S3CRET";
    let stray = ["key", "show", uri];
    for arguments in [
        &["key", "show", "--private-key", separate][..],
        &["key", "show", &joined],
        &["key", "show", "--private-key", "--", separate],
        &["key", "show", "--private-key", &format!("env:{key}")],
        &[
            "key",
            "show",
            "--private-key",
            "key.pem",
            "--passphrase-from",
            separate,
        ],
        &[
            "key",
            "show",
            "--certificate",
            "cert.pem",
            "--intermediates",
            &key,
        ],
        &stray,
        &[
            "key",
            "show",
            "--certificate",
            "cert.pem",
            "--cert-selector",
            uri,
        ],
    ] {
        let run = sandbox.run(arguments);
        assert_eq!(run.code, 2, "{run:#?}");
        assert!(!run.stderr.contains("S3CRET"), "{run:#?}");
        assert!(run.stderr.contains("hint: "), "{run:#?}");
    }
    // The variable's value goes the same way.
    let mut command = sandbox.command();
    command
        .args(["key", "show"])
        .env("WINDLASS_PRIVATE_KEY", &key);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 2, "{run:#?}");
}

/// A file's name cannot steer the terminal.
#[test]
fn names_of_files_are_shown_without_control_characters() {
    let sandbox = sandbox();
    let run = sandbox.run(&["key", "show", "--private-key", "\u{1b}[31mred\u{202e}.pem"]);
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("\\u{1b}[31mred\\u{202e}.pem"),
        "{run:#?}"
    );
    assert!(!run.stderr.contains('\u{1b}') && !run.stderr.contains('\u{202e}'));
    // What is to be pasted is quoted.
    sandbox.write("a key.pem", sandbox.read("key.pem"));
    let chmod = capture(
        Command::new("chmod")
            .arg("0644")
            .arg(sandbox.path("a key.pem")),
    );
    assert_eq!(chmod.code, 0);
    let run = sandbox.run(&["key", "show", "--private-key", "a key.pem"]);
    assert_eq!(run.code, 4, "{run:#?}");
    assert!(run.stderr.contains("chmod 0600 'a key.pem'"), "{run:#?}");
}
