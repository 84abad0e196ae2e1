//! Another issuing CA below a root that is kept apart: the request is prepared, what
//! the root grants is installed, and the rollover goes on as any other.

use windlass::pki::{CertificateRequest, read_certificates};

use super::{Apart, SECRET, issue, json};
use crate::harness::{Emulator, Run, Sandbox};

const NEXT: &str = "site/issuing-2/request.pem";

fn rollover(sandbox: &Sandbox, verb: &str, options: &[&str]) -> Run {
    sandbox.run(&[&["ca", "rollover", verb, "--dir", "site"][..], options].concat())
}

fn prepare(sandbox: &Sandbox) -> String {
    let prepared = rollover(sandbox, "prepare", &[&["--json"][..], &SECRET].concat());
    assert_eq!(prepared.code, 0, "{prepared:#?}");
    let prepared = json(&prepared);
    assert_eq!(prepared["state"], "requested");
    prepared["keyFingerprintSha256"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Lets the root in this directory certify the next issuing CA.
fn sign(sandbox: &Sandbox, root: &str, key: &str) {
    let fixed = [
        "ca", "sign-ca", "--dir", root, "--csr", NEXT, "--out", "next.pem",
    ];
    let run = sandbox.run(&[&fixed[..], &["--key-fingerprint", key], &SECRET].concat());
    assert_eq!(run.code, 0, "{run:#?}");
}

fn state(sandbox: &Sandbox) -> Vec<String> {
    let status = rollover(sandbox, "status", &["--json"]);
    assert_eq!(status.code, 0, "{status:#?}");
    let generations = json(&status)["generations"].clone();
    let all = generations.as_array().unwrap().iter();
    all.map(|one| one["state"].as_str().unwrap().to_owned())
        .collect()
}

fn session(sandbox: &Sandbox, emulator: &Emulator, leaf: &str) -> i32 {
    let arguments = emulator.arguments(leaf);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    sandbox.run(&arguments).code
}

#[test]
fn the_root_certifies_the_next_issuing_ca_too() {
    let apart = Apart::complete();
    let sandbox = &apart.sandbox;
    assert_eq!(issue(sandbox, "old").code, 0);
    let key = prepare(sandbox);
    assert_eq!(state(sandbox), ["active", "requested"]);
    let status = rollover(sandbox, "status", &[]);
    for next in [
        "next           windlass ca sign-ca --dir ROOT --csr site/issuing-2/request.pem",
        "then           windlass ca install --dir site --cert issuing.pem",
    ] {
        assert!(status.stdout.contains(next), "{}", status.stdout);
    }
    let early = rollover(sandbox, "activate", &SECRET);
    assert_ne!(early.code, 0, "{early:#?}");
    // Meanwhile nothing has changed, and everything that looks at a CA works.
    assert_eq!(issue(sandbox, "meanwhile").code, 0);
    for verb in [
        &["backup", "--dir", "site", "--out", "site.tar"][..],
        &["restore", "site.tar", "--dir", "other"],
        &["crl", "status", "--dir", "other"],
        &["check", "--dir", "site"],
        &["audit", "verify", "--dir", "site"],
    ] {
        let run = sandbox.run(&[&["ca"][..], verb].concat());
        let is_status = verb.contains(&"status");
        assert_eq!(
            run.code,
            if is_status { 6 } else { 0 },
            "{verb:?}: {run:#?}"
        );
    }
    sign(sandbox, "vault", &key);
    let installed = apart.install("next.pem", &["--json"]);
    assert_eq!(installed.code, 0, "{installed:#?}");
    assert_eq!(json(&installed)["state"], "prepared");
    assert_eq!(state(sandbox), ["active", "prepared"]);
    let again = apart.install("next.pem", &["--json"]);
    assert_eq!(json(&again)["changed"], false, "{again:#?}");
    assert!(!sandbox.path("site/root-2").exists());
    let activated = rollover(sandbox, "activate", &SECRET);
    assert_eq!(activated.code, 0, "{activated:#?}");
    assert_eq!(issue(sandbox, "new").code, 0);
    let chain = sandbox.read("new/chain.pem");
    assert_eq!(chain, sandbox.read("site/issuing-2/cert.pem"));
    let emulator = sandbox.emulate(&["--trust-anchor", "site/trust-anchor.pem"]);
    for leaf in ["old", "meanwhile", "new"] {
        assert_eq!(session(sandbox, &emulator, leaf), 0, "{leaf}");
    }
    assert_eq!(
        sandbox.read("site/trust-anchor.pem"),
        sandbox.read("vault/trust-anchor.pem")
    );
}

/// A root that ends soon is replaced by one of another machine: the bundle has
/// both, and Roles Anywhere must have it first.
#[test]
fn another_root_may_certify_the_next_issuing_ca() {
    let apart = Apart::complete();
    let sandbox = &apart.sandbox;
    assert_eq!(issue(sandbox, "old").code, 0);
    let of_root = rollover(
        sandbox,
        "prepare",
        &[&["--of", "root"][..], &SECRET].concat(),
    );
    assert_eq!(of_root.code, 2, "{of_root:#?}");
    let said = "error: the key of the root of the CA in site is kept elsewhere\n";
    assert!(of_root.stderr.starts_with(said), "{}", of_root.stderr);
    let key = prepare(sandbox);
    let init = [
        "ca",
        "init",
        "--root-only",
        "--dir",
        "vault-2",
        "--name",
        "Example Corp 2",
    ];
    sandbox.ok(&[&init[..], &SECRET].concat());
    sign(sandbox, "vault-2", &key);
    let root = read_certificates(sandbox.read("vault-2/trust-anchor.pem").as_bytes(), "").unwrap();
    let compared = [
        "--root-fingerprint",
        &root[0].fingerprint(),
        "--cert",
        "next.pem",
    ];
    let installed = super::install(sandbox, &compared);
    assert_eq!(installed.code, 0, "{installed:#?}");
    let both = sandbox.read("vault/trust-anchor.pem") + &sandbox.read("vault-2/trust-anchor.pem");
    assert_eq!(sandbox.read("site/trust-anchor.pem"), both);
    assert_eq!(
        sandbox.read("site/root-2/cert.pem"),
        sandbox.read("vault-2/trust-anchor.pem")
    );
    let unsaid = rollover(sandbox, "activate", &SECRET);
    assert_ne!(unsaid.code, 0, "{unsaid:#?}");
    let said = [&["--bundle-installed"][..], &SECRET].concat();
    let activated = rollover(sandbox, "activate", &said);
    assert_eq!(activated.code, 0, "{activated:#?}");
    assert_eq!(issue(sandbox, "new").code, 0);
    let emulator = sandbox.emulate(&["--trust-anchor", "site/trust-anchor.pem"]);
    for leaf in ["old", "new"] {
        assert_eq!(session(sandbox, &emulator, leaf), 0, "{leaf}");
    }
    let verified = sandbox.ok(&["ca", "audit", "verify", "--dir", "site"]);
    assert!(verified.stdout.contains("intact"), "{verified:#?}");
}

/// What was given up is not installed when its certificate comes late.
#[test]
fn a_request_that_was_cancelled_is_granted_in_vain() {
    let apart = Apart::complete();
    let sandbox = &apart.sandbox;
    let key = prepare(sandbox);
    let twice = rollover(sandbox, "prepare", &SECRET);
    assert_ne!(twice.code, 0, "{twice:#?}");
    let cancelled = rollover(sandbox, "cancel", &[]);
    assert_eq!(cancelled.code, 0, "{cancelled:#?}");
    sign(sandbox, "vault", &key);
    let late = apart.install("next.pem", &[]);
    assert_ne!(late.code, 0, "{late:#?}");
    assert_eq!(state(sandbox), ["active", "cancelled"]);
    let prepared = rollover(sandbox, "prepare", &SECRET);
    assert_eq!(prepared.code, 0, "{prepared:#?}");
    let request = sandbox.read("site/issuing-3/request.pem");
    let request = CertificateRequest::read(request.as_bytes(), "").unwrap();
    assert_ne!(request.public_key().fingerprint(), key);
    let subject = request.subject().to_string();
    assert_eq!(subject, "O=Example Corp, CN=Example Corp Issuing CA 3");
    let wrong = apart.install("next.pem", &[]);
    assert_eq!(wrong.code, 4, "{wrong:#?}");
    assert_eq!(issue(sandbox, "web").code, 0);
}

/// A root alone has no generations.
#[test]
fn a_root_alone_does_not_roll_over() {
    let apart = Apart::new();
    for verb in [&["prepare"][..], &["status"]] {
        let secret = if verb == ["prepare"] {
            &SECRET[..]
        } else {
            &[]
        };
        let fixed = ["--dir", "vault"];
        let run = apart
            .sandbox
            .run(&[&["ca", "rollover"][..], verb, &fixed, secret].concat());
        assert_eq!(run.code, 2, "{run:#?}");
        let said = "error: vault holds a root alone, which issues no workload certificates\n";
        assert!(run.stderr.starts_with(said), "{}", run.stderr);
    }
}
