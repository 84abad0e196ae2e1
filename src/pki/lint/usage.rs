//! Rules for what a key may be used for: basicConstraints, keyUsage and
//! extKeyUsage (RFC 5280 sections 4.2.1.9, 4.2.1.3 and 4.2.1.12).

use crate::der;

use super::basics::is_negative;
use super::view::CertificateView;
use super::{Check, Level, Notes, REVOCATION, Rule, Source, TRUST_MODEL, key, oid, rule};

const BASIC: Source = Source::Standard("RFC 5280 section 4.2.1.9");
const USAGE: Source = Source::Standard("RFC 5280 section 4.2.1.3");
const EXTENDED: Source = Source::Standard("RFC 5280 section 4.2.1.12");

/// Numbers of the bits of keyUsage.
const DIGITAL_SIGNATURE: usize = 0;
const KEY_ENCIPHERMENT: usize = 2;
const DATA_ENCIPHERMENT: usize = 3;
const KEY_AGREEMENT: usize = 4;
const KEY_CERT_SIGN: usize = 5;
const CRL_SIGN: usize = 6;
const ENCIPHER_ONLY: usize = 7;
const DECIPHER_ONLY: usize = 8;

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Notice,
        "basic_constraints_missing",
        TRUST_MODEL,
        "write basicConstraints with CA:FALSE: an older text of the guide demands it",
        Check::Certificate(basic_missing),
    ),
    rule(
        Level::Error,
        "path_length_without_ca",
        BASIC,
        "leave pathLenConstraint out of what is no CA",
        Check::Certificate(path_length_without_ca),
    ),
    rule(
        Level::Error,
        "path_length_without_cert_sign",
        BASIC,
        "set keyCertSign, or leave pathLenConstraint out",
        Check::Certificate(path_length_without_cert_sign),
    ),
    rule(
        Level::Error,
        "path_length_negative",
        BASIC,
        "write a number from 0 on",
        Check::Certificate(path_length_negative),
    ),
    rule(
        Level::Error,
        "cert_sign_without_ca",
        BASIC,
        "set CA:TRUE, or take keyCertSign away",
        Check::Certificate(cert_sign_without_ca),
    ),
    rule(
        Level::Error,
        "ca_key_usage_missing",
        USAGE,
        "write keyUsage with keyCertSign and cRLSign",
        Check::Certificate(ca_usage_missing),
    ),
    rule(
        Level::Error,
        "ca_without_cert_sign",
        TRUST_MODEL,
        "set keyCertSign: certificates of this CA are refused without it",
        Check::Certificate(ca_without_cert_sign),
    ),
    rule(
        Level::Warning,
        "ca_without_crl_sign",
        REVOCATION,
        "set cRLSign: without it no revocation list of this CA is of use",
        Check::Certificate(ca_without_crl_sign),
    ),
    rule(
        Level::Error,
        "leaf_without_digital_signature",
        TRUST_MODEL,
        "write keyUsage with digitalSignature",
        Check::Certificate(leaf_without_signature),
    ),
    rule(
        Level::Warning,
        "leaf_with_crl_sign",
        USAGE,
        "take cRLSign away from what is no CA",
        Check::Certificate(leaf_with_crl_sign),
    ),
    rule(
        Level::Error,
        "key_usage_empty",
        USAGE,
        "set at least one bit",
        Check::Certificate(usage_empty),
    ),
    rule(
        Level::Error,
        "key_usage_encoding",
        Source::Standard("X.690 section 11.2.2"),
        "leave zeros at the end of the bits out",
        Check::Certificate(usage_encoding),
    ),
    rule(
        Level::Error,
        "key_usage_unknown_bit",
        USAGE,
        "set only the bits 0 to 8",
        Check::Certificate(usage_unknown_bit),
    ),
    rule(
        Level::Error,
        "key_usage_only_without_agreement",
        USAGE,
        "set keyAgreement too, or take encipherOnly and decipherOnly away",
        Check::Certificate(only_without_agreement),
    ),
    rule(
        Level::Warning,
        "key_usage_unfit_for_key",
        Source::Standard("RFC 8813 section 3, RFC 4055 section 1.2, RFC 8410 section 5"),
        "set what the key can do: EC keys do not encipher, RSA keys do not agree, ML-DSA and EdDSA keys only sign",
        Check::Certificate(unfit_for_key),
    ),
    rule(
        Level::Error,
        "extended_key_usage_empty",
        EXTENDED,
        "name a purpose, such as clientAuth, or leave the extension out",
        Check::Certificate(extended_empty),
    ),
    rule(
        Level::Error,
        "extended_key_usage_duplicate",
        EXTENDED,
        "name each purpose once",
        Check::Certificate(extended_duplicate),
    ),
    rule(
        Level::Warning,
        "extended_key_usage_any",
        EXTENDED,
        "name the purposes that are meant",
        Check::Certificate(extended_any),
    ),
    rule(
        Level::Warning,
        "extended_key_usage_any_critical",
        EXTENDED,
        "mark the extension as not critical, or take anyExtendedKeyUsage away",
        Check::Certificate(extended_any_critical),
    ),
    rule(
        Level::Notice,
        "extended_key_usage_critical",
        Source::Standard("CA/Browser Forum Baseline Requirements section 7.1.2.7"),
        "mark it as not critical, unless every user of the certificate knows it",
        Check::Certificate(extended_critical),
    ),
    rule(
        Level::Notice,
        "leaf_without_client_auth",
        TRUST_MODEL,
        "name clientAuth: AWS does not ask for it, other verifiers do",
        Check::Certificate(without_client_auth),
    ),
];

const BASIC_PLACE: &str = "extensions.basicConstraints";
const USAGE_PLACE: &str = "extensions.keyUsage";
const EXTENDED_PLACE: &str = "extensions.extKeyUsage";

fn uses(view: &CertificateView<'_>, bit: usize) -> bool {
    view.usage.is_some_and(|usage| usage.has(bit))
}

fn basic_missing(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.extension(oid::BASIC_CONSTRAINTS).is_none() {
        notes.say(BASIC_PLACE, "the extension is missing");
    }
}

fn path_length(view: &CertificateView<'_>) -> bool {
    view.basic.is_some_and(|basic| basic.path_length.is_some())
}

fn path_length_without_ca(view: &CertificateView<'_>, notes: &mut Notes) {
    if path_length(view) && !view.is_ca() {
        notes.say(BASIC_PLACE, "a path length stands with CA:FALSE");
    }
}

fn path_length_without_cert_sign(view: &CertificateView<'_>, notes: &mut Notes) {
    if path_length(view) && view.is_ca() && view.usage.is_some() && !uses(view, KEY_CERT_SIGN) {
        notes.say(BASIC_PLACE, "a path length stands without keyCertSign");
    }
}

fn path_length_negative(view: &CertificateView<'_>, notes: &mut Notes) {
    let length = view.basic.and_then(|basic| basic.path_length);
    if length.is_some_and(is_negative) {
        notes.say(BASIC_PLACE, "the path length is negative");
    }
}

fn cert_sign_without_ca(view: &CertificateView<'_>, notes: &mut Notes) {
    if uses(view, KEY_CERT_SIGN) && !view.is_ca() {
        notes.say(USAGE_PLACE, "keyCertSign is set, and it is no CA");
    }
}

fn ca_usage_missing(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() && view.extension(oid::KEY_USAGE).is_none() {
        notes.say(USAGE_PLACE, "the CA has no keyUsage");
    }
}

fn ca_without_cert_sign(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() && !uses(view, KEY_CERT_SIGN) {
        notes.say(USAGE_PLACE, "the CA may not sign certificates");
    }
}

fn ca_without_crl_sign(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() && !uses(view, CRL_SIGN) {
        notes.say(USAGE_PLACE, "the CA may not sign revocation lists");
    }
}

fn leaf_without_signature(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() && !uses(view, DIGITAL_SIGNATURE) {
        notes.say(USAGE_PLACE, "digitalSignature is not set");
    }
}

fn leaf_with_crl_sign(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() && uses(view, CRL_SIGN) {
        notes.say(USAGE_PLACE, "cRLSign is set, and it is no CA");
    }
}

fn usage_empty(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.usage.is_some_and(|usage| usage.last().is_none()) {
        notes.say(USAGE_PLACE, "no bit is set");
    }
}

fn usage_encoding(view: &CertificateView<'_>, notes: &mut Notes) {
    if view
        .usage
        .is_some_and(super::view::Usage::has_trailing_zeros)
    {
        notes.say(USAGE_PLACE, "the bits end in zeros");
    }
}

fn usage_unknown_bit(view: &CertificateView<'_>, notes: &mut Notes) {
    let last = view.usage.and_then(super::view::Usage::last);
    if let Some(bit) = last.filter(|bit| *bit > DECIPHER_ONLY) {
        notes.say(USAGE_PLACE, format!("bit {bit} is set"));
    }
}

fn only_without_agreement(view: &CertificateView<'_>, notes: &mut Notes) {
    let only = uses(view, ENCIPHER_ONLY) || uses(view, DECIPHER_ONLY);
    if only && !uses(view, KEY_AGREEMENT) {
        notes.say(USAGE_PLACE, "it says 'only' without keyAgreement");
    }
}

fn unfit_for_key(view: &CertificateView<'_>, notes: &mut Notes) {
    let enciphers = uses(view, KEY_ENCIPHERMENT) || uses(view, DATA_ENCIPHERMENT);
    let agrees = uses(view, KEY_AGREEMENT);
    let wrong = if enciphers && (key::is_ec(view) || key::only_signs(view)) {
        "the key cannot encipher"
    } else if agrees && (key::is_rsa(view) || key::only_signs(view)) {
        "the key cannot agree on keys"
    } else {
        return;
    };
    notes.say(USAGE_PLACE, wrong);
}

fn extended_empty(view: &CertificateView<'_>, notes: &mut Notes) {
    let extension = view.extension(oid::EXTENDED_KEY_USAGE);
    if extension.is_some_and(|one| one.value == [der::SEQUENCE, 0]) {
        notes.say(EXTENDED_PLACE, "it names no purpose");
    }
}

fn extended_duplicate(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.purposes.len() < 2 {
        return;
    }
    let mut seen = std::collections::HashSet::new();
    for purpose in &view.purposes {
        if !seen.insert(purpose) {
            let shown = oid::dotted(purpose);
            notes.say(EXTENDED_PLACE, format!("{shown} stands there again"));
        }
    }
}

fn extended_any(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() && view.purposes.contains(&oid::ANY_EXTENDED_KEY_USAGE) {
        notes.say(EXTENDED_PLACE, "any purpose is allowed");
    }
}

fn extended_any_critical(view: &CertificateView<'_>, notes: &mut Notes) {
    let extension = view.extension(oid::EXTENDED_KEY_USAGE);
    let critical = extension.is_some_and(|one| one.critical);
    if critical && view.purposes.contains(&oid::ANY_EXTENDED_KEY_USAGE) {
        notes.say(EXTENDED_PLACE, "any purpose is allowed, and it is critical");
    }
}

fn extended_critical(view: &CertificateView<'_>, notes: &mut Notes) {
    let extension = view.extension(oid::EXTENDED_KEY_USAGE);
    if extension.is_some_and(|one| one.critical) {
        notes.say(EXTENDED_PLACE, "it is critical");
    }
}

fn without_client_auth(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() {
        return;
    }
    let purposes = &view.purposes;
    let fits =
        purposes.contains(&oid::CLIENT_AUTH) || purposes.contains(&oid::ANY_EXTENDED_KEY_USAGE);
    if !fits {
        notes.say(EXTENDED_PLACE, "clientAuth is not named");
    }
}
