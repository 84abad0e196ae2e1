//! Rules for the public key (RFC 5280 section 4.1.2.7).

use crate::der;

use super::basics::is_negative;
use super::form::NULL;
use super::view::CertificateView;
use super::{Check, Level, Notes, Rule, Source, TRUST_MODEL, oid, rule};

const RSA_KEYS: Source = Source::Standard("RFC 3279 section 2.3.1, RFC 8017 section 3.1");
const EC_KEYS: Source = Source::Standard("RFC 5480 section 2");
const SIZES: Source = Source::Standard("CA/Browser Forum Baseline Requirements section 6.1.5");

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "key_not_accepted",
        TRUST_MODEL,
        "use an RSA, EC or ML-DSA key; there is no Ed25519",
        Check::Certificate(not_accepted),
    ),
    rule(
        Level::Error,
        "key_parameters",
        Source::Standard("RFC 3279 section 2.3.1, RFC 5480 section 2.1.1, RFC 8410 section 3"),
        "NULL for RSA, the curve's name for EC, nothing for Ed25519 and ML-DSA",
        Check::Certificate(parameters),
    ),
    rule(
        Level::Error,
        "rsa_malformed",
        RSA_KEYS,
        "write a positive modulus and a positive exponent, both odd",
        Check::Certificate(rsa_malformed),
    ),
    rule(
        Level::Error,
        "rsa_exponent_even",
        RSA_KEYS,
        "make a new key with the exponent 65537",
        Check::Certificate(rsa_exponent_even),
    ),
    rule(
        Level::Warning,
        "rsa_exponent_small",
        Source::Standard("CA/Browser Forum Baseline Requirements section 6.1.6"),
        "make a new key with the exponent 65537",
        Check::Certificate(rsa_exponent_small),
    ),
    rule(
        Level::Error,
        "rsa_short",
        SIZES,
        "make a new key of 2048 bits or more",
        Check::Certificate(rsa_short),
    ),
    rule(
        Level::Notice,
        "rsa_odd_size",
        SIZES,
        "make keys whose length in bits is a multiple of 8",
        Check::Certificate(rsa_odd_size),
    ),
    rule(
        Level::Warning,
        "ec_curve",
        TRUST_MODEL,
        "use P-256, P-384 or P-521",
        Check::Certificate(ec_curve),
    ),
    rule(
        Level::Error,
        "ec_point",
        EC_KEYS,
        "write the point uncompressed, in the length of its curve",
        Check::Certificate(ec_point),
    ),
];

/// What kind of key it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Rsa,
    Ec,
    Edwards,
    MlDsa,
    Other,
}

fn family(view: &CertificateView<'_>) -> Family {
    let id = view.key_algorithm.oid;
    if oid::last_arc(id, oid::PKCS1) == Some(1) {
        Family::Rsa
    } else if id == oid::EC {
        Family::Ec
    } else if matches!(oid::last_arc(id, oid::EDWARDS), Some(110..=113)) {
        Family::Edwards
    } else if matches!(oid::last_arc(id, oid::NIST_SIGNATURES), Some(17..=19)) {
        Family::MlDsa
    } else {
        Family::Other
    }
}

/// Whether the key is one that can only sign: EC keys may agree on keys, RSA
/// keys may encrypt them.
pub(super) fn only_signs(view: &CertificateView<'_>) -> bool {
    let signs_only = matches!(
        oid::last_arc(view.key_algorithm.oid, oid::EDWARDS),
        Some(112 | 113)
    );
    signs_only || family(view) == Family::MlDsa
}

pub(super) fn is_rsa(view: &CertificateView<'_>) -> bool {
    family(view) == Family::Rsa
}

pub(super) fn is_ec(view: &CertificateView<'_>) -> bool {
    family(view) == Family::Ec
}

fn not_accepted(view: &CertificateView<'_>, notes: &mut Notes) {
    if matches!(family(view), Family::Edwards | Family::Other) {
        let id = oid::dotted(view.key_algorithm.oid);
        notes.say(
            "subjectPublicKeyInfo",
            format!("the key is of the type {id}"),
        );
    }
}

fn parameters(view: &CertificateView<'_>, notes: &mut Notes) {
    let parameters = view.key_algorithm.parameters;
    let wrong = match family(view) {
        Family::Rsa if parameters.is_none_or(|one| one.tag != NULL) => "they are not NULL",
        Family::Ec if parameters.is_none_or(|one| one.tag != der::OBJECT_IDENTIFIER) => {
            "they do not name a curve"
        }
        Family::Edwards | Family::MlDsa if parameters.is_some() => "there must be none",
        _ => return,
    };
    notes.say("subjectPublicKeyInfo.algorithm.parameters", wrong);
}

/// Contents of the two INTEGERs of an RSA key.
fn rsa<'a>(view: &CertificateView<'a>) -> Option<(&'a [u8], &'a [u8])> {
    if !is_rsa(view) {
        return None;
    }
    match der::sequence(view.key_bits)?.as_slice() {
        [modulus, exponent] if modulus.tag == der::INTEGER && exponent.tag == der::INTEGER => {
            Some((modulus.content, exponent.content))
        }
        _ => None,
    }
}

/// Length of a positive number in bits.
fn bits(content: &[u8]) -> usize {
    let zeros = content.iter().take_while(|octet| **octet == 0).count();
    let significant = content.get(zeros..).unwrap_or_default();
    significant.first().map_or(0, |first| {
        significant.len() * 8 - usize::try_from(first.leading_zeros()).unwrap_or_default()
    })
}

fn is_even(content: &[u8]) -> bool {
    content.last().is_none_or(|last| last & 1 == 0)
}

fn rsa_malformed(view: &CertificateView<'_>, notes: &mut Notes) {
    if !is_rsa(view) {
        return;
    }
    let wrong = match rsa(view) {
        None => "it is not a modulus and an exponent",
        Some((modulus, exponent)) if is_negative(modulus) || is_negative(exponent) => {
            "a number is negative"
        }
        Some((modulus, _)) if is_even(modulus) => "the modulus is even",
        Some(_) => return,
    };
    notes.say("subjectPublicKeyInfo", wrong);
}

fn rsa_exponent_even(view: &CertificateView<'_>, notes: &mut Notes) {
    if rsa(view).is_some_and(|(_, exponent)| is_even(exponent)) {
        notes.say("subjectPublicKeyInfo", "the exponent is even");
    }
}

fn rsa_exponent_small(view: &CertificateView<'_>, notes: &mut Notes) {
    // 65537 is the least number of 17 bits but one, and the even one is refused
    // by another rule.
    if rsa(view).is_some_and(|(_, exponent)| bits(exponent) < 17) {
        notes.say("subjectPublicKeyInfo", "the exponent is below 65537");
    }
}

fn rsa_short(view: &CertificateView<'_>, notes: &mut Notes) {
    if let Some(count) = rsa(view).map(|(modulus, _)| bits(modulus))
        && count < 2048
    {
        notes.say(
            "subjectPublicKeyInfo",
            format!("the modulus has {count} bits"),
        );
    }
}

fn rsa_odd_size(view: &CertificateView<'_>, notes: &mut Notes) {
    if let Some(count) = rsa(view).map(|(modulus, _)| bits(modulus))
        && count % 8 != 0
    {
        notes.say(
            "subjectPublicKeyInfo",
            format!("the modulus has {count} bits"),
        );
    }
}

/// The octets of a coordinate on the curve, for the curves that are accepted.
fn coordinate(curve: &[u8]) -> Option<usize> {
    match curve {
        oid::P256 => Some(32),
        oid::P384 => Some(48),
        oid::P521 => Some(66),
        _ => None,
    }
}

/// The OID of the key's curve.
fn curve<'a>(view: &CertificateView<'a>) -> Option<&'a [u8]> {
    let parameters = view.key_algorithm.parameters?;
    (is_ec(view) && parameters.tag == der::OBJECT_IDENTIFIER).then_some(parameters.content)
}

fn ec_curve(view: &CertificateView<'_>, notes: &mut Notes) {
    if let Some(curve) = curve(view).filter(|curve| coordinate(curve).is_none()) {
        let shown = oid::dotted(curve);
        notes.say("subjectPublicKeyInfo", format!("the curve is {shown}"));
    }
}

fn ec_point(view: &CertificateView<'_>, notes: &mut Notes) {
    let Some(octets) = curve(view).and_then(coordinate) else {
        return;
    };
    let wrong = match view.key_bits.split_first() {
        Some((4, point)) if point.len() == 2 * octets => return,
        Some((2 | 3, point)) if point.len() == octets => "the point is compressed",
        _ => "the point does not fit the curve",
    };
    notes.say("subjectPublicKeyInfo", wrong);
}
