//! What the end-entity certificate itself must be (IAM Roles Anywhere user
//! guide, "Signature validation" and "Trust model").

use crate::key::KeyAlgorithm;
use crate::limits;
use crate::pki::{Certificate, SignatureHash};

use super::{Answer, Refusal};

/// Checks everything that can be said of the leaf alone; its dates and its
/// chain are path validation's.
///
/// # Errors
///
/// The first rule that refuses.
pub fn check_leaf(leaf: &Certificate) -> Result<(), Refusal> {
    let rules = [
        version,
        ca_flag,
        key_usage,
        key_type,
        signature_hash,
        subject,
    ];
    rules
        .iter()
        .find_map(|rule| rule(leaf))
        .map_or(Ok(()), |reason| {
            Err(Refusal::new(Answer::InsufficientCertificate, reason))
        })
}

/// X.509 version 3. `openssl x509 -req` without extensions makes version 1.
fn version(leaf: &Certificate) -> Option<String> {
    (leaf.version() != 3).then(|| format!("the leaf is X.509 v{}, not v3", leaf.version()))
}

/// basicConstraints, when present, must say CA:FALSE.
fn ca_flag(leaf: &Certificate) -> Option<String> {
    leaf.is_ca()
        .then(|| "the leaf's basicConstraints say CA:TRUE".to_owned())
}

/// keyUsage must include digitalSignature; without the extension it does not.
fn key_usage(leaf: &Certificate) -> Option<String> {
    match leaf.key_usage() {
        None => Some("the leaf has no keyUsage extension".to_owned()),
        Some(usage) if !usage.digital_signature => {
            Some("the leaf's keyUsage lacks digitalSignature".to_owned())
        }
        Some(_) => None,
    }
}

/// RSA, EC or ML-DSA. The smallest RSA size and the set of curves are not
/// published; 2048 bits, P-256 and P-384 are what is known to work. P-521 is
/// let through, since nothing is known against it.
fn key_type(leaf: &Certificate) -> Option<String> {
    match leaf.public_key().algorithm() {
        KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87 => None,
        KeyAlgorithm::Rsa { bits } if bits >= limits::MIN_RSA_BITS => None,
        other => Some(format!("the leaf's key is {other}")),
    }
}

/// The leaf must be signed with SHA-256 or stronger.
fn signature_hash(leaf: &Certificate) -> Option<String> {
    (leaf.signature_hash() != SignatureHash::Strong)
        .then(|| "the leaf is signed with a hash weaker than SHA-256".to_owned())
}

/// The subject must not be empty; an identity in the SAN alone does not do.
fn subject(leaf: &Certificate) -> Option<String> {
    leaf.subject()
        .is_empty()
        .then(|| "the leaf's subject is empty".to_owned())
}
