//! `windlass verify`: verdicts, exit codes, what a person reads, and JSON.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::harness::{Run, Sandbox, capture, testdata};

/// Within the validity of testdata's certificates.
const AT: &str = "2026-06-01T00:00:00Z";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in fs::read_dir(testdata("certs")).unwrap() {
        let path = name.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        sandbox.write(name, fs::read(&path).unwrap());
    }
    sandbox.write("key.pem", fs::read(testdata("keys/p256.pem")).unwrap());
    sandbox
}

fn verify(sandbox: &Sandbox, options: &str) -> Run {
    let mut arguments = vec!["verify", "--at", AT];
    arguments.extend(options.split_whitespace());
    sandbox.run(&arguments)
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_valid_certificate_is_shown_with_its_path() {
    let sandbox = sandbox();
    let run = verify(
        &sandbox,
        "--trust-anchor root.pem --intermediates issuing.pem --cert leaf-issued.pem",
    );
    assert_eq!(run.code, 0, "{run:#?}");
    insta::assert_snapshot!(run.stdout);
    // The chain may stand behind the leaf, and the anchor may be the intermediate.
    let chain = sandbox.read("leaf-issued.pem") + &sandbox.read("issuing.pem");
    sandbox.write("fullchain.pem", chain);
    let run = verify(
        &sandbox,
        "--trust-anchor root.pem --cert fullchain.pem --json",
    );
    assert_eq!(run.code, 0, "{run:#?}");
    let shown = json(&run);
    assert_eq!(shown["valid"], true);
    assert_eq!(shown["path"].as_array().unwrap().len(), 3);
    assert_eq!(shown["path"][0]["serialNumber"], "2004");
    let run = verify(
        &sandbox,
        "--trust-anchor issuing.pem --cert leaf-issued.pem",
    );
    assert_eq!(run.code, 0, "{run:#?}");
}

#[test]
fn every_reason_is_told_below_its_certificate_with_the_next_step() {
    let sandbox = sandbox();
    let run = verify(&sandbox, "--trust-anchor root.pem --cert expired.pem");
    assert_eq!((run.code, run.stderr.as_str()), (1, ""), "{run:#?}");
    insta::assert_snapshot!("expired", run.stdout);
    let run = verify(&sandbox, "--trust-anchor root.pem --cert leaf-issued.pem");
    assert_eq!(run.code, 1, "{run:#?}");
    insta::assert_snapshot!("no_intermediate", run.stdout);
    let run = verify(
        &sandbox,
        "--trust-anchor root.pem --cert leaf-unknown-critical.pem --json",
    );
    assert_eq!(run.code, 1, "{run:#?}");
    let shown = json(&run);
    assert_eq!(shown["valid"], false);
    assert_eq!(shown["path"], Value::Null);
    let tried = &shown["tried"][0];
    assert_eq!(tried["anchored"], true);
    let reasons = tried["reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 1, "{shown:#}");
    assert_eq!(reasons[0]["id"], "unhandled_critical");
    assert_eq!(reasons[0]["certificate"], 0);
    assert!(!reasons[0]["next"].as_str().unwrap().is_empty());
}

#[test]
fn the_policies_differ_where_the_service_asks_for_more() {
    let sandbox = sandbox();
    let options = "--trust-anchor root.pem --cert leaf-no-key-usage.pem";
    let by_service = verify(&sandbox, options);
    assert_eq!(by_service.code, 1, "{by_service:#?}");
    assert!(by_service.stdout.contains("by the rules of Roles Anywhere"));
    let by_rfc = verify(&sandbox, &format!("{options} --policy rfc5280"));
    assert_eq!(by_rfc.code, 0, "{by_rfc:#?}");
}

#[test]
fn the_certificate_may_come_from_the_standard_input_and_be_der() {
    let sandbox = sandbox();
    let mut convert = std::process::Command::new("openssl");
    sandbox.scrub(&mut convert);
    convert.args([
        "x509", "-in", "leaf.pem", "-outform", "DER", "-out", "leaf.der",
    ]);
    assert_eq!(capture(&mut convert).code, 0);
    let mut command = sandbox.command();
    command
        .args([
            "verify",
            "--at",
            AT,
            "--trust-anchor",
            "root.pem",
            "--cert",
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let leaf = fs::read(sandbox.path("leaf.der")).unwrap();
    child.stdin.take().unwrap().write_all(&leaf).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn with_lists_every_certificate_has_to_be_covered() {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web-1", &[]);
    let verify = |options: &[&str]| {
        let mut arguments = vec!["verify", "--trust-anchor", "ca/root/cert.pem"];
        arguments.extend(["--cert", "web-1/fullchain.pem", "--json"]);
        arguments.extend(options);
        sandbox.run(&arguments)
    };
    let run = verify(&[]);
    assert_eq!(run.code, 0, "{run:#?}");
    let crl = |more: &[&str]| {
        let mut arguments = vec![
            "ca",
            "crl",
            "--dir",
            "ca",
            "--passphrase-file",
            "passphrase",
        ];
        arguments.extend(more);
        sandbox.ok(&arguments)
    };
    crl(&[]);
    let list = "ca/crl/issuing.pem";
    assert!(sandbox.path(list).exists(), "{list}");
    // The issuing CA itself is on no list of the root's.
    let run = verify(&["--crl", list]);
    assert_eq!(run.code, 1, "{run:#?}");
    let reasons = json(&run)["tried"][0]["reasons"].clone();
    assert_eq!(reasons[0]["id"], "not_covered", "{reasons:#}");
    assert_eq!(reasons[0]["certificate"], 1);
    // Where it is the anchor, there is nothing above.
    let anchored = |list: &str| {
        let mut arguments = vec!["verify", "--trust-anchor", "ca/issuing/cert.pem"];
        arguments.extend(["--cert", "web-1/cert.pem", "--crl", list, "--json"]);
        sandbox.run(&arguments)
    };
    let run = anchored(list);
    assert_eq!(run.code, 0, "{run:#?}");
    sandbox.ok(&[
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "web-1",
        "--reason",
        "keyCompromise",
    ]);
    crl(&[]);
    let run = anchored(list);
    assert_eq!(run.code, 1, "{run:#?}");
    let reasons = json(&run)["tried"][0]["reasons"].clone();
    assert_eq!(reasons[0]["id"], "revoked");
    assert!(
        reasons[0]["message"]
            .as_str()
            .unwrap()
            .ends_with("(keyCompromise)"),
        "{reasons:#}"
    );
}

/// What is damaged is told; what is no file of this kind at all ends with 2.
#[test]
fn wrong_input_is_told_with_its_file() {
    let sandbox = sandbox();
    sandbox.write("empty", "");
    sandbox.write("text", "not a certificate\n");
    let block = |label: &str, content: &str| {
        format!("-----BEGIN {label}-----\n{content}\n-----END {label}-----\n")
    };
    sandbox.write("noise.pem", block("CERTIFICATE", "AAAA"));
    sandbox.write("torn.pem", &sandbox.read("leaf.pem").as_bytes()[..300]);
    sandbox.write("list.pem", block("X509 CRL", "AAAA"));
    sandbox.write(
        "mixed.pem",
        block("CERTIFICATE", "AAAA") + &sandbox.read("root.pem"),
    );
    let good = "--trust-anchor root.pem --cert leaf.pem";
    let mut told = String::new();
    for (options, code) in [
        ("", 2),
        ("--trust-anchor root.pem", 2),
        ("--cert leaf.pem", 2),
        ("--trust-anchor root.pem --cert no-such.pem", 2),
        ("--trust-anchor no-such.pem --cert leaf.pem", 2),
        ("--trust-anchor root.pem --cert empty", 2),
        ("--trust-anchor root.pem --cert text", 2),
        ("--trust-anchor root.pem --cert key.pem", 2),
        ("--trust-anchor root.pem --cert torn.pem", 2),
        ("--trust-anchor root.pem --cert noise.pem", 1),
        ("--trust-anchor noise.pem --cert leaf.pem", 1),
        ("--trust-anchor mixed.pem --cert leaf.pem", 0),
        ("--trust-anchor root.pem --cert leaf.pem --crl text", 2),
        ("--trust-anchor root.pem --cert leaf.pem --crl list.pem", 1),
        (
            "--trust-anchor root.pem --cert leaf.pem --intermediates empty",
            2,
        ),
        ("--trust-anchor root.pem --cert leaf.pem --policy strict", 2),
        ("--trust-anchor root.pem --cert leaf.pem --at yesterday", 2),
    ] {
        // --at is given by the helper, unless it is the matter.
        let run = match options.contains("--at ") {
            true => {
                let words = options.split_whitespace();
                sandbox.run(&[&["verify"], words.collect::<Vec<_>>().as_slice()].concat())
            }
            false => verify(&sandbox, options),
        };
        assert_eq!(run.code, code, "{options}: {run:#?}");
        told.push_str(&format!(
            "$ windlass verify {options}\n{}{}\n",
            run.stderr, run.stdout
        ));
    }
    insta::assert_snapshot!(told);
    assert_eq!(verify(&sandbox, good).code, 0);
    // Programs are told the same.
    let run = verify(&sandbox, "--trust-anchor root.pem --cert noise.pem --json");
    let damaged = json(&run)["damaged"].as_str().unwrap().to_owned();
    assert!(
        damaged.starts_with("noise.pem holds a damaged certificate"),
        "{damaged}"
    );
    let run = verify(&sandbox, "--trust-anchor mixed.pem --cert leaf.pem --json");
    assert_eq!(json(&run)["ignored"].as_array().unwrap().len(), 1);
}
