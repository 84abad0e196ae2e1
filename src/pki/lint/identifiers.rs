//! Rules for the key identifiers (RFC 5280 sections 4.2.1.1 and 4.2.1.2).

use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::view::CertificateView;
use super::{Check, Level, Notes, Rule, Source, oid, rule};

const SUBJECT: Source = Source::Standard("RFC 5280 section 4.2.1.2");
const AUTHORITY: Source = Source::Standard("RFC 5280 section 4.2.1.1");

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "subject_key_identifier_missing_ca",
        SUBJECT,
        "write subjectKeyIdentifier; the certificates of this CA point to it",
        Check::Certificate(subject_missing_ca),
    ),
    rule(
        Level::Notice,
        "subject_key_identifier_missing",
        SUBJECT,
        "write subjectKeyIdentifier",
        Check::Certificate(subject_missing),
    ),
    rule(
        Level::Notice,
        "subject_key_identifier_method",
        Source::Standard("RFC 5280 section 4.2.1.2, RFC 7093 section 2"),
        "hash the bits of the public key with SHA-1, or take 160 bits of SHA-256 of them",
        Check::Certificate(subject_method),
    ),
    rule(
        Level::Error,
        "authority_key_identifier_missing",
        AUTHORITY,
        "write authorityKeyIdentifier; without it two CAs of one name cannot be told apart",
        Check::Certificate(authority_missing),
    ),
    rule(
        Level::Error,
        "authority_key_identifier_no_key_id",
        AUTHORITY,
        "write the issuer's subjectKeyIdentifier as keyIdentifier",
        Check::Certificate(authority_no_key_id),
    ),
    rule(
        Level::Warning,
        "authority_key_identifier_issuer",
        AUTHORITY,
        "write the keyIdentifier alone: issuer and serial number break when the issuer is renewed or cross-signed",
        Check::Certificate(authority_issuer),
    ),
    rule(
        Level::Error,
        "authority_key_identifier_half",
        AUTHORITY,
        "write authorityCertIssuer and authorityCertSerialNumber both, or better neither",
        Check::Certificate(authority_half),
    ),
];

const SUBJECT_PLACE: &str = "extensions.subjectKeyIdentifier";
const AUTHORITY_PLACE: &str = "extensions.authorityKeyIdentifier";

fn subject_missing_ca(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() && view.extension(oid::SUBJECT_KEY_IDENTIFIER).is_none() {
        notes.say(SUBJECT_PLACE, "the CA has no subjectKeyIdentifier");
    }
}

fn subject_missing(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() && view.extension(oid::SUBJECT_KEY_IDENTIFIER).is_none() {
        notes.say(SUBJECT_PLACE, "the extension is missing");
    }
}

fn subject_method(view: &CertificateView<'_>, notes: &mut Notes) {
    let Some(identifier) = view.subject_key_identifier() else {
        return;
    };
    let key = view.key_bits;
    let begins = |digest: &[u8]| digest.get(..20) == Some(identifier);
    // Ours first, then the most frequent one.
    let known = begins(&Sha256::digest(key))
        || begins(&Sha1::digest(key))
        || is_short_form(identifier, &Sha1::digest(key))
        || begins(&Sha384::digest(key))
        || begins(&Sha512::digest(key))
        || Sha256::digest(key)[..] == *identifier;
    if !known {
        notes.say(
            SUBJECT_PLACE,
            "it is not the hash of the key by any method that is described",
        );
    }
}

/// Method 2: four bits 0100 and the last 60 bits of SHA-1.
fn is_short_form(identifier: &[u8], digest: &[u8]) -> bool {
    let ([first, rest @ ..], Some([last, tail @ ..])) = (identifier, digest.get(12..)) else {
        return false;
    };
    rest == tail && *first == 0x40 | (last & 0x0f)
}

fn authority_missing(view: &CertificateView<'_>, notes: &mut Notes) {
    let missing = view.extension(oid::AUTHORITY_KEY_IDENTIFIER).is_none();
    // A self-signed certificate may leave it out.
    if missing && !view.is_self_issued() {
        notes.say(AUTHORITY_PLACE, "the extension is missing");
    }
}

/// Whether it has keyIdentifier, authorityCertIssuer and
/// authorityCertSerialNumber.
fn authority(view: &CertificateView<'_>) -> Option<[bool; 3]> {
    let parts = view.extension(oid::AUTHORITY_KEY_IDENTIFIER)?.elements()?;
    Some([0x80, 0xa1, 0x82].map(|tag| parts.iter().any(|part| part.tag == tag)))
}

fn authority_no_key_id(view: &CertificateView<'_>, notes: &mut Notes) {
    if matches!(authority(view), Some([false, ..])) {
        notes.say(AUTHORITY_PLACE, "it has no keyIdentifier");
    }
}

fn authority_issuer(view: &CertificateView<'_>, notes: &mut Notes) {
    if matches!(authority(view), Some([_, true, true])) {
        notes.say(
            AUTHORITY_PLACE,
            "it names the issuer's own issuer and serial number",
        );
    }
}

fn authority_half(view: &CertificateView<'_>, notes: &mut Notes) {
    if matches!(authority(view), Some([_, true, false] | [_, false, true])) {
        notes.say(
            AUTHORITY_PLACE,
            "it has one of issuer and serial number alone",
        );
    }
}
