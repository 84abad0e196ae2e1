//! What we issue, judged by other people's code: OpenSSL, webpki, pkilint and,
//! as a second parser, x509-cert.

mod profile;
pub(crate) mod property;

use std::fs;
use std::process::Command;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_cert::Certificate;
use x509_cert::der::Encode;

use crate::harness::{Run, Sandbox, tool};

/// Alternative names of all four kinds, deliberately not sorted, two of a kind.
const NAMES: [&str; 7] = [
    "URI:spiffe://example.com/workload/web-1",
    "URI:https://example.com/web-1",
    "DNS:web-1.example.com",
    "IP:2001:db8::7",
    "email:ops@example.com",
    "DNS:alias.example.com",
    "IP:10.0.0.7",
];

/// Organizational units, one of them twice, in an order that sorting would
/// change.
const UNITS: [&str; 4] = ["Security", "Engineering", "Zürich", "Engineering"];

#[test]
fn a_p256_ca_with_p256_and_rsa2048_leaves_satisfies_every_judge() {
    judge("p256", &["p256", "rsa2048"]);
}

#[test]
fn a_p384_ca_with_p384_and_rsa2048_leaves_satisfies_every_judge() {
    judge("p384", &["p384", "rsa2048"]);
}

#[test]
fn an_rsa3072_ca_with_p256_and_p384_leaves_satisfies_every_judge() {
    judge("rsa3072", &["p256", "p384"]);
}

/// Makes a CA and a leaf of each type, and hears all judges about them.
fn judge(ca_type: &str, leaf_types: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.ca(&["--key-type", ca_type]);
    let root = read_one(&sandbox, "ca/trust-anchor.pem");
    let issuing = read_one(&sandbox, "ca/issuing/cert.pem");
    pkilint_finds_only(&sandbox, "ca/trust-anchor.pem", &[]);
    pkilint_finds_only(&sandbox, "ca/issuing/cert.pem", &[]);
    pkilint_finds_a_pair(&sandbox, "ca/trust-anchor.pem", "ca/issuing/cert.pem");
    profile::check_ca(&root, &root, None);
    profile::check_ca(&issuing, &root, Some(0));

    for leaf_type in leaf_types {
        let mut options = vec!["--key-type", leaf_type, "--organization", "Example Corp"];
        options.extend(UNITS.iter().flat_map(|unit| ["--ou", unit]));
        options.extend(NAMES.iter().flat_map(|name| ["--san", name]));
        sandbox.issue(leaf_type, &options);
        let leaf = read_one(&sandbox, &format!("{leaf_type}/cert.pem"));
        let chain = read_one(&sandbox, &format!("{leaf_type}/chain.pem"));
        let full = read_all(&sandbox, &format!("{leaf_type}/fullchain.pem"));
        assert_eq!(chain, issuing);
        assert_eq!(full, [leaf.clone(), issuing.clone()]);

        openssl_verifies(&sandbox, leaf_type);
        webpki_verifies(&leaf, &issuing, &root);
        let file = format!("{leaf_type}/cert.pem");
        pkilint_finds_only(&sandbox, &file, &DIVERGENCES);
        pkilint_finds_a_pair(&sandbox, "ca/issuing/cert.pem", &file);
        profile::check_leaf(&leaf, &issuing, leaf_type);
    }
}

fn openssl_verifies(sandbox: &Sandbox, leaf: &str) {
    let good = openssl_verify(sandbox, leaf, "sslclient");
    assert_eq!(good.code, 0, "{good:#?}");
    assert_eq!(good.stdout, format!("{leaf}/cert.pem: OK\n"));
    assert_eq!(good.stderr, "");
    // The purpose is really judged.
    let bad = openssl_verify(sandbox, leaf, "sslserver");
    assert_ne!(bad.code, 0, "{bad:#?}");
    assert!(
        bad.stderr.contains("unsuitable certificate purpose"),
        "{bad:#?}"
    );
}

fn openssl_verify(sandbox: &Sandbox, leaf: &str, purpose: &str) -> Run {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore"]);
    command.args(["-purpose", purpose, "-CAfile", "ca/trust-anchor.pem"]);
    command.args(["-untrusted", &format!("{leaf}/chain.pem")]);
    command.arg(format!("{leaf}/cert.pem"));
    sandbox.finish(command)
}

fn webpki_verifies(leaf: &Certificate, issuing: &Certificate, root: &Certificate) {
    let [leaf_der, issuing_der, root_der] =
        [leaf, issuing, root].map(|certificate| CertificateDer::from(der_of(certificate)));
    let anchor = webpki::anchor_from_trusted_cert(&root_der).unwrap();
    let end_entity = webpki::EndEntityCert::try_from(&leaf_der).unwrap();
    let validity = leaf.tbs_certificate().validity();
    let verify = |at: Duration, usage: webpki::KeyUsage| {
        end_entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                std::slice::from_ref(&anchor),
                std::slice::from_ref(&issuing_der),
                UnixTime::since_unix_epoch(at),
                usage,
                None,
                None,
            )
            .map(|_| ())
    };
    let start = validity.not_before.to_unix_duration();
    let end = validity.not_after.to_unix_duration();
    for at in [start, end] {
        assert_eq!(verify(at, webpki::KeyUsage::client_auth()), Ok(()));
    }
    // Time and purpose are really judged.
    let late = end + Duration::from_secs(1);
    assert!(verify(late, webpki::KeyUsage::client_auth()).is_err());
    assert!(verify(start, webpki::KeyUsage::server_auth()).is_err());
}

/// A finding of pkilint: severity, code and message.
pub(crate) type Finding = (String, String, String);

/// Runs one of pkilint's linters over files of the sandbox.
pub(crate) fn pkilint(sandbox: &Sandbox, linter: &str, files: &[&str]) -> Vec<Finding> {
    let mut command = Command::new(tool(linter));
    sandbox.scrub(&mut command);
    command
        .args(["lint", "--severity", "INFO", "--format", "JSON"])
        .args(files);
    // The exit code is the number of findings.
    let run = sandbox.finish(command);
    let report: serde_json::Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{files:?}: {error}: {run:#?}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    report["results"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|result| result["finding_descriptions"].as_array().unwrap())
        .map(|finding| {
            (
                text(&finding["severity"]),
                text(&finding["code"]),
                text(&finding["message"]),
            )
        })
        .collect()
}

/// Where pkilint is wrong about a leaf: it knows the syntax of some schemes of
/// URIs only, and `spiffe` is none of them.
const DIVERGENCES: [(&str, &str, &str); 1] = [(
    "ERROR",
    "pkix.invalid_uri_syntax",
    "Invalid URI syntax: \"spiffe://example.com/workload/web-1\"",
)];

/// Nothing at WARNING or above but the divergences; what is below is printed.
fn pkilint_finds_only(sandbox: &Sandbox, file: &str, divergences: &[(&str, &str, &str)]) {
    let findings = pkilint(sandbox, "lint_pkix_cert", &[file]);
    let (harmless, bad): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|(severity, ..)| severity == "INFO" || severity == "NOTICE");
    let bad: Vec<_> = bad
        .iter()
        .map(|(severity, code, message)| (severity.as_str(), code.as_str(), message.as_str()))
        .collect();
    assert_eq!(bad, divergences, "{file}");
    for (severity, code, message) in &harmless {
        eprintln!("pkilint on {file}: {severity} {code} {message}");
    }
    // That the linter has looked at the extensions: it names the method.
    assert!(
        harmless
            .iter()
            .any(|(_, code, _)| code == "pkix.subject_key_identifier_rfc7093_method_1_identified"),
        "{file}: {harmless:#?}"
    );
}

/// Issuer and subject fit each other: names, key identifiers, signature.
fn pkilint_finds_a_pair(sandbox: &Sandbox, issuer: &str, subject: &str) {
    const LINTER: &str = "lint_pkix_signer_signee_cert_chain";
    let findings = pkilint(sandbox, LINTER, &[issuer, subject]);
    assert!(findings.is_empty(), "{issuer}, {subject}: {findings:#?}");
    // The pair is really judged.
    let reversed = pkilint(sandbox, LINTER, &[subject, issuer]);
    assert!(
        reversed
            .iter()
            .any(|(_, code, _)| code == "pkix.signature_verification_failed"),
        "{subject}, {issuer}: {reversed:#?}"
    );
}

#[test]
fn a_leaf_never_outlives_its_issuer() {
    let sandbox = Sandbox::new();
    sandbox.ca(&["--issuing-years", "1"]);
    let issuing = read_one(&sandbox, "ca/issuing/cert.pem");
    let end = issuing.tbs_certificate().validity().not_after;

    let run = sandbox.issue("long", &["--days", "3650"]);
    assert!(
        run.stderr
            .starts_with("warning: the certificate ends with its CA, on "),
        "{run:#?}"
    );
    let long = read_one(&sandbox, "long/cert.pem");
    assert_eq!(long.tbs_certificate().validity().not_after, end);

    let run = sandbox.issue("short", &["--days", "30"]);
    assert_eq!(run.stderr, "");
    let short = read_one(&sandbox, "short/cert.pem");
    assert_ne!(short.tbs_certificate().validity().not_after, end);
}

fn read_one(sandbox: &Sandbox, file: &str) -> Certificate {
    let mut certificates = read_all(sandbox, file);
    assert_eq!(certificates.len(), 1, "{file}");
    certificates.remove(0)
}

/// Reads a PEM file with x509-cert, and makes sure that it lost nothing.
fn read_all(sandbox: &Sandbox, file: &str) -> Vec<Certificate> {
    let pem = fs::read(sandbox.path(file)).unwrap();
    let certificates = Certificate::load_pem_chain(&pem).unwrap();
    let blocks = pem::parse_many(&pem).unwrap();
    assert_eq!(certificates.len(), blocks.len(), "{file}");
    for (certificate, block) in certificates.iter().zip(&blocks) {
        assert_eq!(der_of(certificate), block.contents(), "{file}");
    }
    certificates
}

fn der_of(certificate: &Certificate) -> Vec<u8> {
    certificate.to_der().unwrap()
}
