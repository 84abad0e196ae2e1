//! What Roles Anywhere asks of the end-entity certificate itself (user guide,
//! "Signature validation" and "Trust model").

use crate::key::KeyAlgorithm;
use crate::limits;
use crate::pki::{Certificate, SignatureHash};

/// Why Roles Anywhere would refuse a certificate whatever stands above it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeafFlaw {
    /// X.509 version 3 is asked for. `openssl x509 -req` without extensions makes
    /// version 1.
    #[error("the leaf is X.509 v{version}, not v3")]
    Version {
        /// Its version.
        version: u32,
    },
    /// basicConstraints, when present, must say CA:FALSE.
    #[error("the leaf's basicConstraints say CA:TRUE")]
    Ca,
    /// keyUsage must include digitalSignature; without the extension it does not.
    #[error("the leaf has no keyUsage extension")]
    NoKeyUsage,
    /// keyUsage is there and does not include digitalSignature.
    #[error("the leaf's keyUsage lacks digitalSignature")]
    KeyUsage,
    /// RSA, EC or ML-DSA. The smallest RSA size and the set of curves are not
    /// published; 2048 bits, P-256 and P-384 are what is known to work. P-521 is
    /// let through, since nothing is known against it.
    #[error("the leaf's key is {found}")]
    Key {
        /// What it is.
        found: KeyAlgorithm,
    },
    /// The leaf must be signed with SHA-256 or stronger.
    #[error("the leaf is signed with a hash weaker than SHA-256")]
    SignatureHash,
    /// The subject must not be empty; an identity in the SAN alone does not do.
    #[error("the leaf's subject is empty")]
    EmptySubject,
}

/// Everything that Roles Anywhere would refuse in the leaf alone; its dates and
/// its chain are path validation's.
#[must_use]
pub fn leaf_flaws(leaf: &Certificate) -> Vec<LeafFlaw> {
    let version = leaf.version();
    let usage = match leaf.key_usage() {
        None => Some(LeafFlaw::NoKeyUsage),
        Some(usage) => (!usage.digital_signature).then_some(LeafFlaw::KeyUsage),
    };
    let is_weak = leaf.signature_hash() != SignatureHash::Strong;
    [
        (version != 3).then_some(LeafFlaw::Version { version }),
        leaf.is_ca().then_some(LeafFlaw::Ca),
        usage,
        key_type(leaf),
        is_weak.then_some(LeafFlaw::SignatureHash),
        leaf.subject().is_empty().then_some(LeafFlaw::EmptySubject),
    ]
    .into_iter()
    .flatten()
    .collect()
}

const fn key_type(leaf: &Certificate) -> Option<LeafFlaw> {
    match leaf.public_key().algorithm() {
        KeyAlgorithm::EcP256
        | KeyAlgorithm::EcP384
        | KeyAlgorithm::EcP521
        | KeyAlgorithm::MlDsa44
        | KeyAlgorithm::MlDsa65
        | KeyAlgorithm::MlDsa87 => None,
        KeyAlgorithm::Rsa { bits } if bits >= limits::MIN_RSA_BITS => None,
        found => Some(LeafFlaw::Key { found }),
    }
}
