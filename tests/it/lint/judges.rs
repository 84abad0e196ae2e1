//! What others say of the same certificates.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde::Deserialize;
use windlass::key::{GeneratedKey, KeyType, Signer, generate};
use windlass::pki::lint::{Level, lint_certificate};
use windlass::pki::{
    AttributeType, Certificate, DistinguishedName, IssuerRef, Kind, SerialNumber, Template,
    encode_pem,
};

use crate::harness::Sandbox;
use crate::issued::pkilint;
use crate::issued::property::{Wish, wishes};

static KEYS: LazyLock<Vec<GeneratedKey>> = LazyLock::new(|| {
    [KeyType::P256, KeyType::P384, KeyType::Rsa2048]
        .into_iter()
        .map(|kind| generate(kind, "the test's key").unwrap())
        .collect()
});

static ISSUER: LazyLock<GeneratedKey> =
    LazyLock::new(|| generate(KeyType::P256, "the issuer's key").unwrap());

fn issuer_name() -> DistinguishedName {
    DistinguishedName::build(&[(AttributeType::CommonName, "Issuer")])
}

/// A certificate of the wish for the key of this number, and its issuer's.
fn grant(wish: &Wish, key: usize) -> (Certificate, Certificate) {
    let name = issuer_name();
    let identifier = ISSUER.key.public_key().key_identifier();
    let issuer = IssuerRef {
        name: &name,
        signer: &ISSUER.key,
        key_identifier: &identifier,
    };
    let root = Template {
        subject: &name,
        public_key: ISSUER.key.public_key(),
        serial: &SerialNumber::from_magnitude(&[0x11; 16]).unwrap(),
        not_before: wish.not_before - TimeDelta::days(1),
        not_after: wish.not_before + TimeDelta::days(365),
        kind: Kind::Root,
    }
    .sign(&issuer)
    .unwrap();
    let made = wish.grant_for(KEYS[key].key.public_key(), &issuer);
    (made, root)
}

/// Whether the serial number is one that `ca issue` would never draw: 20 octets
/// and a sign octet before them, one too many.
fn is_overlong(serial: &SerialNumber) -> bool {
    serial.magnitude().len() == 20 && serial.magnitude()[0] & 0x80 != 0
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(200)
    })]

    /// Subjects, names, keys and dates of every kind: nothing that is issued has
    /// an error or a warning.
    #[test]
    fn everything_that_is_issued_is_clean(wish in wishes(), key in 0_usize..3) {
        let (made, root) = grant(&wish, key);
        for (certificate, overlong) in [(&made, is_overlong(&wish.serial)), (&root, false)] {
            let bad: Vec<String> = lint_certificate(certificate.der(), wish.not_before)
                .iter()
                .filter(|finding| finding.rule().level() > Level::Notice)
                .filter(|finding| !(overlong && finding.rule().id() == "serial_too_long"))
                .map(ToString::to_string)
                .collect();
            prop_assert!(bad.is_empty(), "{bad:#?}");
        }
    }
}

/// Where pkilint says more than INFO of what is issued, and why that is not our
/// fault. Begin of the code and of the message.
const EXPLAINED: [(&str, &str); 3] = [
    // It judges wildcards by the syntax of host names; RFC 5280 leaves them open.
    (
        "pkix.invalid_domain_name_syntax",
        "Invalid domain name syntax: \"*.",
    ),
    // It knows some schemes only; ours are generated.
    ("pkix.invalid_uri_syntax", "Invalid URI syntax: "),
    // RFC 7093 method 1 is the method that was chosen.
    (
        "pkix.subject_key_identifier_rfc7093_method_1_identified",
        "",
    ),
];

/// OpenSSL and GnuTLS accept what is issued, and pkilint has nothing to say at
/// NOTICE that is not explained.
#[test]
fn other_judges_agree_about_what_is_issued() {
    let sandbox = Sandbox::new();
    let mut runner = TestRunner::deterministic();
    let mut unexplained = Vec::new();
    let mut used = BTreeSet::new();
    for index in 0..12 {
        let wish = loop {
            let wish = wishes().new_tree(&mut runner).unwrap().current();
            if !is_overlong(&wish.serial) {
                break wish;
            }
        };
        let (made, root) = grant(&wish, index % 3);
        sandbox.write("root.pem", encode_pem([&root]));
        sandbox.write("made.pem", encode_pem([&made]));
        sandbox.write("chain.pem", encode_pem([&made, &root]));
        openssl_accepts(&sandbox, &wish);
        gnutls_accepts(&sandbox, &wish);
        for (severity, code, message) in pkilint(&sandbox, "lint_pkix_cert", &["made.pem"]) {
            let explained = EXPLAINED
                .iter()
                .find(|(known, begin)| code == *known && message.starts_with(begin));
            match explained {
                Some((known, _)) => {
                    used.insert(*known);
                }
                None if severity == "INFO" => {}
                None => unexplained.push(format!("{severity} {code} {message}: {wish:?}")),
            }
        }
    }
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    // An explanation that nothing needs explains too much.
    assert_eq!(used.len(), EXPLAINED.len(), "{used:?}");
}

fn openssl_accepts(sandbox: &Sandbox, wish: &Wish) {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore"]);
    command.args(["-attime", &wish.not_before.timestamp().to_string()]);
    command.args(["-CAfile", "root.pem", "made.pem"]);
    let run = sandbox.finish(command);
    assert_eq!(run.code, 0, "{run:#?}: {wish:#?}");
}

/// It cannot be told another time, so that the begin of validity, years ahead, is
/// all that it may complain of; and it reads the serial number.
fn gnutls_accepts(sandbox: &Sandbox, wish: &Wish) {
    let certtool = |arguments: &[&str]| {
        let mut command = Command::new("certtool");
        sandbox.scrub(&mut command);
        command.args(arguments);
        sandbox.finish(command)
    };
    let run = certtool(&["--verify-chain", "--infile", "chain.pem"]);
    let verdict = run.stdout.split("Chain verification output: ").nth(1);
    assert_eq!(
        verdict.map(str::trim),
        Some(
            "Not verified. The certificate is NOT trusted. The certificate chain uses not yet valid certificate."
        ),
        "{run:#?}: {wish:#?}"
    );
    let run = certtool(&["--certificate-info", "--infile", "made.pem"]);
    assert_eq!(run.code, 0, "{run:#?}: {wish:#?}");
    let serial = format!("Serial Number (hex): {}\n", wish.serial.hex());
    let padded = format!("Serial Number (hex): 00{}\n", wish.serial.hex());
    assert!(
        run.stdout.contains(&serial) || run.stdout.contains(&padded),
        "{run:#?}"
    );
}

#[derive(Deserialize)]
struct Case {
    id: String,
    anchors: Vec<String>,
    intermediates: Vec<String>,
    cert: String,
    at: String,
}

/// What cases of C2SP/x509-limbo break by their own description, and the rule
/// that must find it in one of their certificates.
const LIMBO: [(&str, &str); 38] = [
    (
        "rfc5280::aki::critical-aki",
        "extension_must_not_be_critical",
    ),
    (
        "rfc5280::aki::leaf-missing-aki",
        "authority_key_identifier_missing",
    ),
    (
        "rfc5280::aki::intermediate-missing-aki",
        "authority_key_identifier_missing",
    ),
    (
        "rfc5280::aki::cross-signed-root-missing-aki",
        "authority_key_identifier_missing",
    ),
    ("rfc5280::eku::ee-eku-empty", "extended_key_usage_empty"),
    (
        "rfc5280::nc::permitted-dns-match-noncritical",
        "extension_must_be_critical",
    ),
    (
        "rfc5280::nc::invalid-dnsname-wildcard",
        "name_constraints_form",
    ),
    (
        "rfc5280::nc::invalid-dnsname-leading-period",
        "name_constraints_form",
    ),
    ("rfc5280::nc::invalid-ipv4-address", "name_constraints_form"),
    ("rfc5280::nc::invalid-ipv6-address", "name_constraints_form"),
    (
        "rfc5280::nc::not-allowed-in-ee-noncritical",
        "name_constraints_on_leaf",
    ),
    (
        "rfc5280::nc::not-allowed-in-ee-critical",
        "name_constraints_on_leaf",
    ),
    (
        "rfc5280::pc::ica-noncritical-pc",
        "extension_must_be_critical",
    ),
    ("rfc5280::san::malformed", "extension_malformed"),
    (
        "rfc5280::san::noncritical-with-empty-subject",
        "subject_empty_san",
    ),
    ("rfc5280::san::underscore-dns", "san_dns_underscore"),
    ("rfc5280::serial::too-long", "serial_too_long"),
    ("rfc5280::serial::zero", "serial_zero"),
    ("rfc5280::serial::negative", "serial_negative"),
    (
        "rfc5280::ski::critical-ski",
        "extension_must_not_be_critical",
    ),
    (
        "rfc5280::ski::root-missing-ski",
        "subject_key_identifier_missing_ca",
    ),
    (
        "rfc5280::ski::intermediate-missing-ski",
        "subject_key_identifier_missing_ca",
    ),
    ("rfc5280::validity::expired-root", "expired"),
    ("rfc5280::ee-empty-issuer", "issuer_empty"),
    ("rfc5280::ca-empty-subject", "subject_empty_ca"),
    (
        "rfc5280::unknown-critical-extension-ee",
        "extension_unknown_critical",
    ),
    (
        "rfc5280::root-non-critical-basic-constraints",
        "extension_must_be_critical",
    ),
    ("rfc5280::leaf-ku-keycertsign", "cert_sign_without_ca"),
    (
        "rfc5280::ee-critical-aia-invalid",
        "extension_must_not_be_critical",
    ),
    ("rfc5280::duplicate-extensions", "extension_duplicate"),
    (
        "rfc5280::mismatching-signature-algorithm",
        "signature_algorithms_differ",
    ),
    ("webpki::eku::ee-anyeku", "extended_key_usage_any"),
    (
        "webpki::eku::ee-critical-eku",
        "extended_key_usage_critical",
    ),
    ("webpki::explicit-curve", "key_parameters"),
    ("webpki::malformed-aia", "extension_malformed"),
    ("webpki::forbidden-dsa-leaf", "key_not_accepted"),
    ("webpki::forbidden-weak-rsa-in-leaf", "rsa_short"),
    ("webpki::v1-cert", "version_too_old"),
];

/// The public suites, which are not part of this repository: nothing in them
/// stops the linter or takes it long, and it finds what cases were made to break.
#[test]
fn public_suites_are_judged_as_they_say() {
    let root = std::env::var_os("WINDLASS_SUITES").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/suites"),
        PathBuf::from,
    );
    let mut missed = Vec::new();
    let mut judged = 0;
    for file in ["cases-limbo.json", "cases-bettertls.json"] {
        let path = root.join("x509").join(file);
        let Ok(text) = fs::read(&path) else {
            let _ = writeln!(
                std::io::stderr(),
                "SKIPPED: {} is not there (set WINDLASS_SUITES)",
                path.display()
            );
            continue;
        };
        let cases: Vec<Case> = serde_json::from_slice(&text).unwrap();
        for case in &cases {
            let at: DateTime<Utc> = case.at.parse().unwrap();
            let all = [&case.cert]
                .into_iter()
                .chain(&case.intermediates)
                .chain(&case.anchors);
            let mut found = Vec::new();
            for text in all {
                let block = pem::parse(text).unwrap();
                let start = Instant::now();
                let findings = lint_certificate(block.contents(), at);
                assert!(start.elapsed() < Duration::from_secs(2), "{}", case.id);
                found.extend(findings.iter().map(|finding| finding.rule().id()));
                judged += 1;
            }
            let wanted = LIMBO.iter().filter(|(id, _)| *id == case.id);
            for (id, rule) in wanted {
                if !found.contains(rule) {
                    missed.push(format!("{id}: {rule} is not among {found:?}"));
                }
            }
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "{judged} certificates of public suites linted"
    );
    assert!(missed.is_empty(), "{missed:#?}");
}
