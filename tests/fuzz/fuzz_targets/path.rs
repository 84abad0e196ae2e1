//! Certificates and lists through path validation, by both policies. Signatures
//! are not the fuzzer's to make, so that everything else is tried with names that
//! lead nowhere too: each certificate is also its own leaf and anchor.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use windlass::pki::{Certificate, Crl, PathQuery, Policy, Revocation, validate_path};

/// What stands one after the other, each with its length in two octets before it.
fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (part, behind) = rest.split_at(length);
        parts.push(part);
        bytes = behind;
    }
    parts
}

fuzz_target!(|bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let (mut certificates, mut lists) = (Vec::new(), Vec::new());
    for part in parts(rest) {
        certificates.extend(Certificate::from_der(part, "F"));
        lists.extend(Crl::read_any(part, "F"));
    }
    let Some(leaf) = certificates.first() else {
        return;
    };
    let anchors = match choice & 1 {
        0 => certificates.last().map_or(&[][..], std::slice::from_ref),
        _ => &certificates,
    };
    let revocation = match choice >> 1 & 3 {
        0 => Revocation::Unchecked,
        1 => Revocation::Listed(&lists),
        _ => Revocation::Covered(&lists),
    };
    for policy in [Policy::Rfc5280, Policy::RolesAnywhere] {
        let outcome = validate_path(&PathQuery {
            leaf,
            intermediates: &certificates,
            anchors,
            revocation,
            at: DateTime::from_timestamp(1_780_000_000, 0).unwrap(),
            policy,
        });
        match outcome {
            Ok(path) => assert_eq!(path.first(), Some(&leaf)),
            Err(error) => {
                assert!(!error.tried().is_empty());
                for tried in error.tried() {
                    assert!(!tried.findings.is_empty());
                    for finding in &tried.findings {
                        // What is told goes to a terminal.
                        let text = finding.flaw.to_string();
                        assert!(!text.chars().any(char::is_control), "{text:?}");
                    }
                }
            }
        }
    }
});
