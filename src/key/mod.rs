//! Where a signature comes from.
//!
//! Everything above this room sees a [`Signer`]: a public key, a way to sign,
//! and the words for where the key lives. [`open`] turns a key file's bytes
//! into one; the form of the bytes decides how they are read, never a series
//! of attempts.

mod encrypted;
mod error;
mod format;
mod generate;
mod passphrase;
mod public;
mod software;
mod tpm;

pub use encrypted::{Cost, encrypt};
pub use error::Error;
pub use format::open;
pub use generate::{GeneratedKey, KeyType, generate};
pub use passphrase::PassphraseSource;
pub use public::{KeyAlgorithm, PublicKey};
pub use software::SoftwareKey;
pub use tpm::{TpmDevice, TpmHandle, TpmKey, TpmPassword, open_tpm_handle, open_tss2};

/// What is signed and how.
///
/// Hash and padding are part of the scheme, so that a caller cannot combine
/// them in a way that nobody verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// ECDSA with SHA-256 and a nonce by RFC 6979, on any curve, as ASN.1 DER.
    /// CreateSession requests use it: no entropy of a cloned machine is needed
    /// and a signature can be reproduced byte for byte. Keys that live in a
    /// device choose the nonce themselves.
    DeterministicEcdsaSha256,
    /// ECDSA with SHA-256 on P-256, random nonce, as ASN.1 DER (RFC 5758).
    EcdsaSha256,
    /// ECDSA with SHA-384 on P-384, random nonce, as ASN.1 DER (RFC 5758).
    EcdsaSha384,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
    RsaPkcs1Sha256,
}

/// A private key that can sign, wherever it lives.
pub trait Signer: Send + Sync {
    /// Where the key lives, in words for messages: a file name, a URI.
    fn origin(&self) -> &str;

    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs the message itself (it is hashed here, once).
    ///
    /// # Errors
    ///
    /// [`Error::SchemeMismatch`] when the scheme does not fit the key's type,
    /// [`Error::Sign`] when the key or its device refuses.
    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, Error>;
}

/// What a file holds when it does not hold what was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contents {
    /// One or more certificates.
    Certificate,
    /// Nothing.
    Empty,
    /// One or more private keys.
    PrivateKey,
    /// Something else, in words.
    Other(String),
}

impl Contents {
    /// Tells by the labels of a PEM file's blocks.
    #[must_use]
    pub fn of_labels(labels: &[&str]) -> Self {
        let mut labels = labels.to_vec();
        labels.dedup();
        let known = match labels.as_slice() {
            [] => "it has a BEGIN line but no complete PEM block",
            ["CERTIFICATE"] => return Self::Certificate,
            ["CERTIFICATE REQUEST"] => "it holds a certificate request",
            ["PUBLIC KEY"] => "it holds a public key",
            ["EC PARAMETERS"] => "it holds only EC PARAMETERS",
            ["OPENSSH PRIVATE KEY"] => "it is in OpenSSH's own format",
            ["TSS2 PRIVATE KEY"] => "it is a TPM key",
            keys if keys.iter().all(|label| label.ends_with("PRIVATE KEY")) => {
                return Self::PrivateKey;
            }
            others => {
                let shown = crate::text::printable(&others.join(", "), 80);
                return Self::Other(format!("it holds {shown}"));
            }
        };
        Self::Other(known.to_owned())
    }
}

impl std::fmt::Display for Contents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Certificate => "it holds a certificate",
            Self::Empty => "the file is empty",
            Self::PrivateKey => "it holds a private key",
            Self::Other(words) => words,
        })
    }
}
