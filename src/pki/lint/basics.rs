//! Rules for the fields that frame a certificate: version, serial number and
//! signature (RFC 5280 sections 4.1.1 and 4.1.2).

use crate::der;

use super::form::NULL;
use super::view::{Algorithm, CertificateView};
use super::{Check, Level, Notes, Rule, Source, TRUST_MODEL, oid, rule};

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "version_too_old",
        TRUST_MODEL,
        "issue it as version 3",
        Check::Certificate(version_too_old),
    ),
    rule(
        Level::Error,
        "version_without_extensions",
        Source::Standard("RFC 5280 section 4.1.2.1"),
        "a certificate with extensions has version 3; there is no version 4",
        Check::Certificate(version_without_extensions),
    ),
    rule(
        Level::Error,
        "default_written",
        Source::Standard("X.690 section 11.5"),
        "leave out what is the default: version 1, critical FALSE, cA FALSE",
        Check::Certificate(default_written),
    ),
    rule(
        Level::Error,
        "unique_identifiers",
        Source::Standard("RFC 5280 section 4.1.2.8"),
        "leave issuerUniqueID and subjectUniqueID out",
        Check::Certificate(unique_identifiers),
    ),
    rule(
        Level::Error,
        "extensions_empty",
        Source::Standard("RFC 5280 section 4.1.2.9"),
        "leave the field out when there is no extension",
        Check::Certificate(extensions_empty),
    ),
    rule(
        Level::Error,
        "serial_zero",
        Source::Standard("RFC 5280 section 4.1.2.2"),
        "draw the serial number at random, and never take zero",
        Check::Certificate(serial_zero),
    ),
    rule(
        Level::Error,
        "serial_negative",
        Source::Standard("RFC 5280 section 4.1.2.2"),
        "put a zero octet before a serial number whose first bit is set",
        Check::Certificate(serial_negative),
    ),
    rule(
        Level::Error,
        "serial_too_long",
        Source::Standard("RFC 5280 section 4.1.2.2"),
        "use at most 20 octets, the sign octet included",
        Check::Certificate(serial_too_long),
    ),
    rule(
        Level::Notice,
        "serial_short",
        Source::Standard("CA/Browser Forum Baseline Requirements section 7.1"),
        "use at least 64 random bits, so that nobody can guess the next number",
        Check::Certificate(serial_short),
    ),
    rule(
        Level::Error,
        "signature_algorithms_differ",
        Source::Standard("RFC 5280 section 4.1.1.2"),
        "write the same algorithm, parameters included, inside and outside",
        Check::Certificate(algorithms_differ),
    ),
    rule(
        Level::Error,
        "signature_weak",
        TRUST_MODEL,
        "sign with SHA-256 or better",
        Check::Certificate(signature_weak),
    ),
    rule(
        Level::Warning,
        "signature_not_accepted",
        TRUST_MODEL,
        "sign with an RSA (PKCS#1 v1.5), EC or ML-DSA key",
        Check::Certificate(signature_not_accepted),
    ),
    rule(
        Level::Error,
        "signature_parameters",
        Source::Standard("RFC 4055 section 5, RFC 5758 section 3.2, RFC 8410 section 3"),
        "NULL for RSA with PKCS#1 v1.5, none for ECDSA, EdDSA and ML-DSA",
        Check::Certificate(signature_parameters),
    ),
];

fn version_too_old(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.version < 3 {
        notes.say("version", format!("the version is {}", view.version));
    }
}

fn version_without_extensions(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.version > 3 || (view.version < 3 && view.has_extensions) {
        notes.say(
            "version",
            format!("version {} cannot have these fields", view.version),
        );
    }
}

fn default_written(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.default_version_written {
        notes.say("version", "version 1 is written out");
    }
    for extension in &view.extensions {
        if extension.default_written {
            let place = format!("extensions.{}", oid::shown(extension.oid));
            notes.say(place, "critical FALSE is written out");
        }
    }
    if view.basic.is_some_and(|basic| basic.default_written) {
        notes.say("extensions.basicConstraints", "cA FALSE is written out");
    }
}

fn unique_identifiers(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.has_unique_identifiers {
        notes.say("tbsCertificate", "it has a unique identifier");
    }
}

fn extensions_empty(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.has_extensions && view.extensions.is_empty() {
        notes.say("extensions", "the field has no extension");
    }
}

fn serial_zero(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.serial.iter().all(|octet| *octet == 0) {
        notes.say("serialNumber", "the serial number is zero");
    }
}

fn serial_negative(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.serial.first().is_some_and(|first| first & 0x80 != 0) {
        notes.say("serialNumber", "the serial number is negative");
    }
}

fn serial_too_long(view: &CertificateView<'_>, notes: &mut Notes) {
    let count = view.serial.len();
    if count > 20 {
        notes.say(
            "serialNumber",
            format!("the serial number has {count} octets"),
        );
    }
}

fn serial_short(view: &CertificateView<'_>, notes: &mut Notes) {
    let count = view.serial.len();
    // A number of 64 random bits begins with a zero octet once in 256 draws.
    if count < 8 {
        notes.say(
            "serialNumber",
            format!("the serial number is {count} of 8 octets long"),
        );
    }
}

fn algorithms_differ(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.inner_algorithm.encoded != view.outer_algorithm.encoded {
        notes.say(
            "signatureAlgorithm",
            "it differs from tbsCertificate.signature",
        );
    }
}

fn signature_weak(view: &CertificateView<'_>, notes: &mut Notes) {
    if let Some(name) = weak_signature(&view.outer_algorithm) {
        notes.say("signatureAlgorithm", format!("it is signed with {name}"));
    }
}

/// The name of an algorithm whose hash is MD5, SHA-1 or older.
pub(super) fn weak_signature(algorithm: &Algorithm<'_>) -> Option<&'static str> {
    match oid::last_arc(algorithm.oid, oid::PKCS1) {
        Some(2) => return Some("RSA and MD2"),
        Some(3) => return Some("RSA and MD4"),
        Some(4) => return Some("RSA and MD5"),
        Some(5) => return Some("RSA and SHA-1"),
        _ => {}
    }
    match algorithm.oid {
        oid::OIW_RSA_SHA1 => Some("RSA and SHA-1"),
        oid::ECDSA_SHA1 => Some("ECDSA and SHA-1"),
        oid::DSA_SHA1 => Some("DSA and SHA-1"),
        _ => None,
    }
}

fn signature_not_accepted(view: &CertificateView<'_>, notes: &mut Notes) {
    let algorithm = &view.outer_algorithm;
    let known = matches!(oid::last_arc(algorithm.oid, oid::PKCS1), Some(11..=14))
        || matches!(oid::last_arc(algorithm.oid, oid::ECDSA_SHA2), Some(1..=4))
        || matches!(
            oid::last_arc(algorithm.oid, oid::NIST_SIGNATURES),
            Some(17..=19)
        );
    if !known && weak_signature(algorithm).is_none() {
        notes.say(
            "signatureAlgorithm",
            format!(
                "the user guide does not name {}",
                oid::dotted(algorithm.oid)
            ),
        );
    }
}

fn signature_parameters(view: &CertificateView<'_>, notes: &mut Notes) {
    for (place, algorithm) in [
        ("signatureAlgorithm", &view.outer_algorithm),
        ("tbsCertificate.signature", &view.inner_algorithm),
    ] {
        if let Some(wrong) = wrong_parameters(algorithm) {
            notes.say(place, wrong);
        }
    }
}

/// What is wrong with the parameters of a signature algorithm.
pub(super) fn wrong_parameters(algorithm: &Algorithm<'_>) -> Option<&'static str> {
    let id = algorithm.oid;
    if matches!(oid::last_arc(id, oid::PKCS1), Some(2..=5 | 11..=14)) {
        let is_null = algorithm
            .parameters
            .is_some_and(|one| one.tag == NULL && one.content.is_empty());
        return (!is_null).then_some("the parameters of RSA are not NULL");
    }
    let bare = id == oid::ECDSA_SHA1
        || oid::last_arc(id, oid::ECDSA_SHA2).is_some()
        || matches!(oid::last_arc(id, oid::EDWARDS), Some(112 | 113))
        || matches!(oid::last_arc(id, oid::NIST_SIGNATURES), Some(17..=19));
    (bare && algorithm.parameters.is_some()).then_some("the algorithm takes no parameters")
}

/// Whether an INTEGER's content is negative.
pub(super) fn is_negative(content: &[u8]) -> bool {
    content.first().is_some_and(|first| first & 0x80 != 0)
}

/// The content of a value that is one INTEGER.
pub(super) fn integer(value: &[u8]) -> Option<&[u8]> {
    match der::read(value)? {
        (number, []) if number.tag == der::INTEGER => Some(number.content),
        _ => None,
    }
}
