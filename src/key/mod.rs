//! Where a signature comes from.
//!
//! Everything above this room sees a [`Signer`]: a public key, a way to sign,
//! and the words for where the key lives. [`Loader::open`] turns a
//! [`KeySource`] into one. The form of what was typed and the form of the bytes
//! that are found there decide how they are read, never a series of attempts.

mod ecdsa;
mod encrypt;
mod error;
mod external;
mod generate;
mod loader;
mod material;
mod ml_dsa;
mod passphrase;
mod pbe;
mod pkcs11;
mod pkcs12;
mod private;
mod public;
mod software;
mod source;
mod tpm;

pub use encrypt::{Cost, encrypt, reencrypt};
pub use error::Error;
pub use external::{ExternalSigner, SignerInput};
pub use generate::{GeneratedKey, KeyType, generate};
pub use loader::{
    Access, Changes, FoundCertificate, FoundCertificates, KeySource, Loader, Permissions,
    is_too_open,
};
pub use material::{Material, is_pem, open_software};
pub use passphrase::{Passphrase, PassphraseSource};
pub use pkcs11::{
    AskPin, Listing, ObjectKind, PinWarning, Pkcs11Error, Pkcs11Uri, Pkcs11UriError,
    TokenCertificate, TokenCertificates, TokenKey, TokenOptions, open_token_key,
    token_certificates,
};
pub use pkcs12::{FriendlyName, Pkcs12, Pkcs12Scheme, write_pkcs12};
pub use private::ExportableKey;
pub use public::{KeyAlgorithm, PublicKey};
pub use software::SoftwareKey;
pub use source::{Content, RegularFile, Source};
pub use tpm::{TpmDevice, TpmHandle, TpmKey, TpmPassword, open_tpm_handle, open_tss2};

/// A hash of the SHA-2 family (FIPS 180-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of a message.
    #[must_use]
    pub fn digest(self, message: &[u8]) -> Vec<u8> {
        use sha2::Digest;
        match self {
            Self::Sha256 => sha2::Sha256::digest(message).to_vec(),
            Self::Sha384 => sha2::Sha384::digest(message).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(message).to_vec(),
        }
    }
}

/// What is signed and how.
///
/// Hash and padding are part of the scheme, so that a caller cannot combine
/// them in a way that nobody verifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// ECDSA with a nonce by RFC 6979, on any curve, as ASN.1 DER.
    /// CreateSession requests use it with SHA-256: no entropy of a cloned machine
    /// is needed and a signature can be reproduced byte for byte. Keys that live
    /// in a device choose the nonce themselves.
    DeterministicEcdsa(Hash),
    /// ECDSA with SHA-256 on P-256, random nonce, as ASN.1 DER (RFC 5758).
    EcdsaSha256,
    /// ECDSA with SHA-384 on P-384, random nonce, as ASN.1 DER (RFC 5758).
    EcdsaSha384,
    /// Pure ML-DSA (FIPS 204) over the message with an empty context.
    MlDsa,
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    RsaPkcs1(Hash),
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::DeterministicEcdsa(hash) => write!(f, "ECDSA with {hash}"),
            Self::EcdsaSha256 => f.write_str("ECDSA with SHA-256"),
            Self::EcdsaSha384 => f.write_str("ECDSA with SHA-384"),
            Self::MlDsa => f.write_str("ML-DSA"),
            Self::RsaPkcs1(hash) => write!(f, "RSASSA-PKCS1-v1_5 with {hash}"),
        }
    }
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
    /// Keys and certificates in a PKCS#12 file.
    Pkcs12,
    /// One or more private keys.
    PrivateKey,
    /// A PEM block without its end, or less than its first line: a file that is
    /// not complete, or not yet.
    Unfinished,
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
            [] => return Self::Unfinished,
            ["CERTIFICATE"] => return Self::Certificate,
            ["CERTIFICATE REQUEST"] => "it holds a certificate request",
            ["PUBLIC KEY"] => "it holds a public key",
            ["EC PARAMETERS"] => "it holds only EC PARAMETERS",
            ["OPENSSH PRIVATE KEY"] => {
                "it is in OpenSSH's own format; 'ssh-keygen -p -m PKCS8 -f COPY' converts a copy of it"
            }
            ["PKCS7" | "CMS"] => "it is PKCS#7; 'openssl pkcs7 -print_certs' makes PEM of it",
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
            Self::Pkcs12 => "it is a PKCS#12 file",
            Self::PrivateKey => "it holds a private key",
            Self::Unfinished => "it has a BEGIN line but no complete PEM block",
            Self::Other(words) => words,
        })
    }
}
