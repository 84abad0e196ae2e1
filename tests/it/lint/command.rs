//! The command: what it reads, prints and exits with.

use serde_json::Value;

use super::build::{Cert, List, int, utc};
use crate::harness::{Run, Sandbox};

/// A sandbox with a CA's directory, one host's files, and certificates that
/// break rules.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    let encode =
        |certificate: Cert| pem::encode(&pem::Pem::new("CERTIFICATE", certificate.encode()));
    let zero = Cert {
        serial: int(&[0]),
        not_before: utc("200101000000Z"),
        not_after: utc("201231235959Z"),
        ..Cert::leaf()
    };
    let old = Cert {
        serial: int(&[1; 16]),
        ..zero.clone()
    };
    sandbox.write("zero.pem", encode(zero));
    sandbox.write("old.pem", encode(old));
    sandbox.write("list.der", List::good().encode());
    sandbox
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

/// The whole of what it prints, as a person sees it.
#[test]
fn findings_are_told_with_their_source_and_the_fix() {
    let sandbox = sandbox();
    let arguments = ["ca", "lint", "zero.pem", "old.pem"];
    let run = sandbox.run(&arguments);
    let shown = format!(
        "$ windlass {}\nexit code {}\n--- stdout\n{}--- stderr\n{}",
        arguments.join(" "),
        run.code,
        run.stdout,
        run.stderr
    );
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("ca_lint", shown);
    });
}

#[test]
fn errors_decide_the_exit_code_and_warnings_when_they_are_asked_to() {
    let sandbox = sandbox();
    for (arguments, code) in [
        (&["zero.pem"][..], 4),
        (&["old.pem"], 0),
        (&["old.pem", "--strict"], 4),
        (&["old.pem", "zero.pem"], 4),
        // It is the warning of Roles Anywhere's rules, the error of RFC 5280's.
        (&["zero.pem", "--policy", "rolesanywhere"], 0),
        (&["zero.pem", "--policy", "rolesanywhere", "--strict"], 4),
        (&["old.pem", "--policy", "rfc5280", "--strict"], 0),
        (&["zero.pem", "--policy", "rfc5280"], 4),
        // What is below the level is no finding; both together would hide one.
        (&["old.pem", "--level", "warning", "--strict"], 4),
        (&["old.pem", "--level", "error", "--strict"], 2),
        (&["zero.pem", "--level", "error"], 4),
        (&["old.pem", "--trust-anchor"], 4),
    ] {
        let run = sandbox.run(&[&["ca", "lint"], arguments].concat());
        assert_eq!(run.code, code, "{arguments:?}: {run:#?}");
        assert_eq!(run.stderr.is_empty(), code == 0, "{run:#?}");
    }
    let run = sandbox.ok(&["ca", "lint", "old.pem", "--level", "error"]);
    assert!(!run.stdout.contains("expired"), "{run:#?}");
    assert!(run.stdout.ends_with(": no error\n0 errors\n"), "{run:#?}");
    let run = sandbox.ok(&["ca", "lint", "old.pem", "--level", "error", "--json"]);
    let report = json(&run);
    assert_eq!(
        report["results"][0]["objects"][0]["findings"],
        serde_json::json!([])
    );
    assert_eq!(report["errorCount"], 0);
    assert!(report["warningCount"].is_null(), "it was not looked for");
    let run = sandbox.ok(&["ca", "lint", "old.pem", "--level", "warning"]);
    assert!(run.stdout.ends_with("\n0 errors, 1 warning\n"), "{run:#?}");
}

#[test]
fn json_has_every_finding_with_its_parts() {
    let sandbox = sandbox();
    let run = sandbox.run(&["ca", "lint", "--json", "zero.pem"]);
    assert_eq!(run.code, 4);
    let report = json(&run);
    assert_eq!(report["errorCount"], 1);
    assert_eq!(report["warningCount"], 1);
    let object = &report["results"][0]["objects"][0];
    assert_eq!(object["kind"], "certificate");
    assert_eq!(object["name"], "CN=web-1");
    let finding = object["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["rule"] == "serial_zero")
        .unwrap();
    assert_eq!(finding["level"], "error");
    assert_eq!(finding["policy"], "rfc5280");
    assert_eq!(finding["place"], "serialNumber");
    assert_eq!(finding["source"], "RFC 5280 section 4.1.2.2");
    for part in ["message", "fix"] {
        assert!(!finding[part].as_str().unwrap().is_empty(), "{finding:#}");
    }
}

/// What a CA of ours makes is clean, a private key in the file is passed over,
/// and lists are read as DER.
#[test]
fn files_of_every_kind_are_read() {
    let sandbox = sandbox();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &["--san", "web-1.example.com"]);
    let both = sandbox.read("web-1/key.pem") + &sandbox.read("web-1/fullchain.pem");
    sandbox.write("both.pem", both);
    let run = sandbox.ok(&["ca", "lint", "--strict", "both.pem", "ca/trust-anchor.pem"]);
    assert!(
        run.stdout.ends_with("\n0 errors, 0 warnings, 0 notices\n"),
        "{run:#?}"
    );
    assert_eq!(run.stdout.matches("certificate").count(), 3, "{run:#?}");
    sandbox.ok(&["ca", "lint", "--trust-anchor", "ca/trust-anchor.pem"]);

    // Its time has come since.
    let run = sandbox.ok(&["ca", "lint", "list.der"]);
    assert!(
        run.stdout
            .contains("list.der, revocation list 1, CN=Test CA:"),
        "{run:#?}"
    );
    assert!(run.stdout.contains("rule crl_not_pem"), "{run:#?}");
}

#[test]
fn what_holds_nothing_to_judge_is_an_error() {
    let sandbox = sandbox();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    sandbox.write("empty", "");
    sandbox.write("text", "hello\n");
    let certificate = sandbox.read("zero.pem");
    sandbox.write("torn.pem", &certificate[..certificate.len() - 40]);
    for file in ["empty", "text", "torn.pem", "web-1/key.pem"] {
        let run = sandbox.run(&["ca", "lint", file]);
        assert_eq!(run.code, 4, "{file}: {run:#?}");
        assert_eq!(run.stdout, "", "{file}");
        assert!(
            run.stderr.starts_with(&format!("error: {file} holds")),
            "{run:#?}"
        );
    }
    let run = sandbox.run(&["ca", "lint", "nowhere.pem"]);
    assert_ne!(run.code, 0);
    assert!(run.stderr.contains("nowhere.pem"), "{run:#?}");
}
