//! A program that signs: a cloud KMS, an agent, or a site's own token tool.
//!
//! The program is started for every signature, without a shell. What is to be
//! signed comes on its stdin, and these variables say how:
//!
//! - `WINDLASS_SIGNER_PROTOCOL`: `1`
//! - `WINDLASS_SIGNER_ALGORITHM`: `ECDSA_SHA_256`, `RSASSA_PKCS1_V1_5_SHA_256`
//!   or `ML_DSA_SHAKE_256`, the names of AWS KMS (other hashes only for
//!   `sign-string --digest`)
//! - `WINDLASS_SIGNER_INPUT`: `digest` when stdin has the message's digest, 32
//!   bytes of SHA-256, and `message` when it has the message itself
//! - `WINDLASS_SIGNER_PUBLIC_KEY`: the DER SubjectPublicKeyInfo of the key that
//!   is meant, in base64
//!
//! It prints the signature and ends with 0: in base64, or the bytes themselves.
//! An ECDSA signature may be ASN.1 DER or the two numbers side by side. It is
//! verified with the certificate's key before it is used.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::der;
use crate::limits;
use crate::process::CommandLine;

use super::ecdsa::from_raw;
use super::{Error, Hash, KeyAlgorithm, PublicKey, Scheme, Signer};

/// What the program gets on its stdin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignerInput {
    /// The 32 bytes of the message's SHA-256, for a tool that signs digests.
    #[default]
    Digest,
    /// The message, for a tool that hashes by itself.
    Message,
}

impl SignerInput {
    /// The name on the command line and in the program's environment.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Message => "message",
        }
    }
}

impl FromStr for SignerInput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Digest, Self::Message]
            .into_iter()
            .find(|input| input.name() == text)
            .ok_or_else(|| "known are digest and message".to_owned())
    }
}

impl std::fmt::Display for SignerInput {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A key that a program signs with.
#[derive(Debug)]
pub struct ExternalSigner {
    command: CommandLine,
    input: SignerInput,
    origin: String,
    public_key: PublicKey,
}

impl ExternalSigner {
    /// A signer for the key of a certificate.
    #[must_use]
    pub fn new(command: CommandLine, input: SignerInput, public_key: PublicKey) -> Self {
        Self {
            origin: format!("the signer command {}", command.program()),
            command,
            input,
            public_key,
        }
    }

    fn failed(&self, reason: impl Into<String>) -> Error {
        Error::SignerCommand {
            program: self.command.program().to_owned(),
            reason: reason.into(),
        }
    }
}

impl Signer for ExternalSigner {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, Error> {
        let mismatch = || Error::SchemeMismatch {
            algorithm: self.public_key.algorithm(),
            scheme,
        };
        if !self.public_key.fits(scheme) {
            return Err(mismatch());
        }
        let algorithm = match scheme {
            Scheme::DeterministicEcdsa(hash) => match hash {
                Hash::Sha256 => "ECDSA_SHA_256",
                Hash::Sha384 => "ECDSA_SHA_384",
                Hash::Sha512 => "ECDSA_SHA_512",
            },
            Scheme::MlDsa => "ML_DSA_SHAKE_256",
            Scheme::RsaPkcs1(hash) => match hash {
                Hash::Sha256 => "RSASSA_PKCS1_V1_5_SHA_256",
                Hash::Sha384 => "RSASSA_PKCS1_V1_5_SHA_384",
                Hash::Sha512 => "RSASSA_PKCS1_V1_5_SHA_512",
            },
            Scheme::EcdsaSha256 | Scheme::EcdsaSha384 => return Err(mismatch()),
        };
        // Pure ML-DSA has no digest of its own.
        let input = match scheme {
            Scheme::MlDsa => SignerInput::Message,
            _ => self.input,
        };
        let digest = match scheme {
            Scheme::DeterministicEcdsa(hash) | Scheme::RsaPkcs1(hash) => hash.digest(message),
            _ => Vec::new(),
        };
        let stdin = match input {
            SignerInput::Digest => digest.as_slice(),
            SignerInput::Message => message,
        };
        let printed = self
            .command
            .run(
                stdin,
                &[
                    ("WINDLASS_SIGNER_PROTOCOL", "1"),
                    ("WINDLASS_SIGNER_ALGORITHM", algorithm),
                    ("WINDLASS_SIGNER_INPUT", input.name()),
                    (
                        "WINDLASS_SIGNER_PUBLIC_KEY",
                        &STANDARD.encode(self.public_key.spki()),
                    ),
                ],
                limits::COMMAND_DEADLINE,
                limits::MAX_SIGNATURE,
            )
            .map_err(|failure| Error::Command {
                program: self.command.program().to_owned(),
                failure,
            })?;
        let signature = decode(&printed, self.public_key.algorithm())
            .ok_or_else(|| self.failed("it printed nothing"))?;
        if !self.public_key.verify(scheme, message, &signature) {
            return Err(self.failed(format!(
                "what it printed ({} bytes) is not a signature by the certificate's {} key over its input",
                signature.len(),
                self.public_key.algorithm()
            )));
        }
        Ok(signature)
    }
}

/// Base64 text is decoded, other bytes are the signature. No signature is base64
/// text by itself: DER has bytes below the space, and of the others' hundreds of
/// random bytes some are not letters.
fn decode(printed: &[u8], algorithm: KeyAlgorithm) -> Option<Vec<u8>> {
    let is_base64 = |octet: &u8| octet.is_ascii_alphanumeric() || b"+/=".contains(octet);
    let text: Vec<u8> = printed
        .iter()
        .copied()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    if text.is_empty() {
        return None;
    }
    let decoded = text.iter().all(is_base64).then(|| BASE64.decode(&text));
    let signature = match decoded {
        Some(Ok(signature)) => signature,
        _ => printed.to_vec(),
    };
    let sides = match algorithm {
        KeyAlgorithm::EcP256 => Some(64),
        KeyAlgorithm::EcP384 => Some(96),
        KeyAlgorithm::EcP521 => Some(132),
        _ => None,
    };
    match sides {
        Some(length) if signature.len() == length && der::sequence(&signature).is_none() => {
            from_raw(&signature)
        }
        _ => Some(signature),
    }
}

/// Some tools leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
