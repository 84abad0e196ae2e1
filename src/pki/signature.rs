//! Signatures on what is encoded here: how they are named, and verifying them.

use x509_parser::der_parser::asn1_rs::BitString;
use x509_parser::prelude::FromDer;
use x509_parser::verify::verify_signature;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use crate::der;
use crate::key::{Hash, KeyAlgorithm, PublicKey, Scheme};

use super::oid::dotted;

/// Whether `issuer`'s key made the signature of a certificate or a list, which is
/// what was signed, the algorithm and the signature (RFC 5280 sections 4.1.1 and
/// 5.1.1). What was signed is not read.
pub(super) fn is_of(issuer: &PublicKey, encoded: &[u8]) -> bool {
    let parts = der::sequence(encoded).unwrap_or_default();
    let [signed, algorithm, signature] = parts.as_slice() else {
        return false;
    };
    let (Ok(([], algorithm)), Ok(([], signature))) = (
        AlgorithmIdentifier::from_der(algorithm.encoded),
        BitString::from_der(signature.encoded),
    ) else {
        return false;
    };
    is_signed_by(issuer, &algorithm, &signature, signed.encoded)
}

/// Whether `issuer`'s key made the signature over the to-be-signed bytes.
fn is_signed_by(
    issuer: &PublicKey,
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &BitString<'_>,
    signed: &[u8],
) -> bool {
    match scheme_without_ring(issuer.algorithm(), &dotted(&algorithm.algorithm)) {
        Some(scheme) => issuer.verify(scheme, signed, signature.as_ref()),
        None => SubjectPublicKeyInfo::from_der(issuer.spki())
            .is_ok_and(|(_, spki)| verify_signature(&spki, algorithm, signature, signed).is_ok()),
    }
}

/// How an issuer signed whose kind of key ring, with which everything else is
/// verified, does not have.
fn scheme_without_ring(issuer: KeyAlgorithm, algorithm: &str) -> Option<Scheme> {
    // How the nonce was chosen does not matter here.
    let ecdsa = |hash| Some(Scheme::DeterministicEcdsa(hash));
    match (issuer, algorithm) {
        (KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384, "1.2.840.10045.4.3.4") => ecdsa(Hash::Sha512),
        (KeyAlgorithm::EcP521, "1.2.840.10045.4.3.2") => ecdsa(Hash::Sha256),
        (KeyAlgorithm::EcP521, "1.2.840.10045.4.3.3") => ecdsa(Hash::Sha384),
        (KeyAlgorithm::EcP521, "1.2.840.10045.4.3.4") => ecdsa(Hash::Sha512),
        (KeyAlgorithm::MlDsa44, "2.16.840.1.101.3.4.3.17")
        | (KeyAlgorithm::MlDsa65, "2.16.840.1.101.3.4.3.18")
        | (KeyAlgorithm::MlDsa87, "2.16.840.1.101.3.4.3.19") => Some(Scheme::MlDsa),
        _ => None,
    }
}

/// The AlgorithmIdentifier of [`crate::key::PublicKey::certificate_scheme`] (RFC
/// 5758 section 3.2, RFC 4055 section 5); that the signature verifies proves it
/// each time.
pub(super) const fn algorithm_identifier(algorithm: KeyAlgorithm) -> Option<&'static [u8]> {
    match algorithm {
        // ecdsa-with-SHA256
        KeyAlgorithm::EcP256 => Some(b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"),
        // ecdsa-with-SHA384
        KeyAlgorithm::EcP384 => Some(b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03"),
        // sha256WithRSAEncryption, whose parameters are NULL
        KeyAlgorithm::Rsa { .. } => {
            Some(b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00")
        }
        KeyAlgorithm::EcP521
        | KeyAlgorithm::Ed25519
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87
        | KeyAlgorithm::Unknown => None,
    }
}
