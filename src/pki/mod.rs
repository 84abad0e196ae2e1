//! Certificates, names, revocation lists, chains and path validation: plain
//! values, without disk, network or a clock of their own.

mod bundle;
mod certificate;
mod crl;
mod general_name;
mod identity;
mod issue;
pub mod lint;
mod name;
mod oid;
mod path;
mod policy;
mod request;
mod revocation;
mod selector;
mod serial;
mod signature;

pub use bundle::{encode_pem, read_certificates, read_der_bundle, read_each_certificate};
pub use certificate::{BasicConstraints, Certificate, KeyUsage, SignatureHash};
pub use crl::{Crl, CrlHead, CrlTemplate, CrlToBeSigned, SignedCrl};
pub use general_name::GeneralName;
pub use identity::{Identity, Sourced, chain_of};
pub use issue::{IssuerRef, Kind, Template, ToBeSigned};
pub use name::{AttributeType, DistinguishedName};
pub use path::{
    LeafFlaw, ListFlaw, PathError, PathFinding, PathFlaw, PathQuery, Revocation, TriedPath,
    leaf_flaws, validate_path,
};
pub use policy::Policy;
pub use request::CertificateRequest;
pub use revocation::{RevocationReason, RevokedEntry};
pub use selector::CertificateSelector;
pub use serial::SerialNumber;

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::key::Contents;

/// Why a certificate, a bundle or an identity cannot be used. `origin` names
/// the file that it came from.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A bundle of TLS roots without a certificate.
    #[error("{origin} holds no CA certificate")]
    CaBundle {
        /// The file.
        origin: String,
    },
    /// The bytes do not decode as an X.509 certificate.
    #[error("{origin} holds a damaged certificate: {reason}")]
    Damaged {
        /// The file.
        origin: String,
        /// What the decoder found.
        reason: String,
    },
    /// The bytes do not decode as a certificate revocation list.
    #[error("{origin} holds no usable certificate revocation list: {reason}")]
    DamagedCrl {
        /// The file.
        origin: String,
        /// What the decoder found.
        reason: String,
    },
    /// The bytes are no request for a certificate, or none that can be granted.
    #[error("{origin} holds no usable certificate request: {reason}")]
    DamagedRequest {
        /// The file.
        origin: String,
        /// What was found.
        reason: String,
    },
    /// The certificate's validity has ended.
    #[error("the certificate of {origin} ({subject}) expired on {}", rfc3339(*.not_after))]
    Expired {
        /// The file.
        origin: String,
        /// Whose certificate it is.
        subject: String,
        /// When it ended.
        not_after: DateTime<Utc>,
        /// The time at which it was judged.
        at: DateTime<Utc>,
    },
    /// Signing or building a certificate failed.
    #[error("the certificate could not be made: {reason}")]
    Issue {
        /// What the builder reported.
        reason: String,
        /// The key's error, when it was the key that failed.
        #[source]
        source: Option<crate::key::Error>,
    },
    /// Signing or building a revocation list failed.
    #[error("the revocation list could not be made: {reason}")]
    List {
        /// What failed.
        reason: String,
        /// The key's error, when it was the key that failed.
        #[source]
        source: Option<crate::key::Error>,
    },
    /// No certificate of the files matches the private key.
    #[error(
        "the private key of {key_origin} (SHA-256 {key_fingerprint}) belongs to none of the certificates of {certificates}"
    )]
    KeyMismatch {
        /// The key file.
        key_origin: String,
        /// Fingerprint of its public key.
        key_fingerprint: String,
        /// Each certificate's file, subject and key fingerprint.
        certificates: String,
    },
    /// The file holds no certificate.
    #[error("{origin} holds no certificate: {found}")]
    NoCertificate {
        /// The file.
        origin: String,
        /// What was found instead.
        found: Contents,
    },
    /// The certificate's validity has not begun.
    #[error(
        "the certificate of {origin} ({subject}) is not valid before {}",
        rfc3339(*.not_before)
    )]
    NotYetValid {
        /// The file.
        origin: String,
        /// Whose certificate it is.
        subject: String,
        /// When it begins.
        not_before: DateTime<Utc>,
        /// The time at which it was judged.
        at: DateTime<Utc>,
    },
    /// Making a request failed.
    #[error("the request could not be made: {reason}")]
    Request {
        /// What failed.
        reason: String,
        /// The key's error, when it was the key that failed.
        #[source]
        source: Option<crate::key::Error>,
    },
    /// More certificates than are read.
    #[error("{origin} holds {count} certificates, at most {max} are read")]
    TooMany {
        /// The file.
        origin: String,
        /// How many it holds.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
}
