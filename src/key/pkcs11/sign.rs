//! Signing with a private key in a token.

use std::sync::{Mutex, PoisonError};

use cryptoki::error::Error as CryptokiError;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{AttributeType, ObjectHandle};
use cryptoki::session::UserType;
use sha2::{Digest, Sha256, Sha384};

use crate::der;
use crate::limits;
use crate::secret::Secret;

use super::super::{Error, KeyAlgorithm, PublicKey, Scheme, Signer};
use super::module::reason;
use super::objects::{Object, unsigned};
use super::slots::Connection;
use super::{AskPin, Pkcs11Error};

/// A private key in a token. Its session stays open, and the user logged in,
/// until it is dropped.
pub struct TokenKey {
    origin: String,
    public_key: PublicKey,
    // Sessions serve one thread at a time.
    device: Mutex<Device>,
}

struct Device {
    connection: Connection,
    handle: ObjectHandle,
    mechanisms: Vec<MechanismType>,
    /// CKA_ALWAYS_AUTHENTICATE: a PIN for every signature.
    always_authenticate: bool,
    /// The PIN of the first login, if it may be used for them.
    pin: Option<Secret>,
    ask: AskPin,
}

impl TokenKey {
    /// Takes a key in a session whose user is logged in if that is needed.
    /// `pin` is the PIN of that login if it may be used again.
    pub(super) fn new(
        connection: Connection,
        key: &Object,
        public_key: PublicKey,
        pin: Option<Secret>,
        ask: AskPin,
    ) -> Result<Self, Error> {
        let origin = connection.uri_of(key).to_string();
        check_usable(&origin, public_key.algorithm())?;
        let always = connection.flag(key, AttributeType::AlwaysAuthenticate)? == Some(true);
        Ok(Self {
            origin,
            public_key,
            device: Mutex::new(Device {
                mechanisms: connection.mechanisms()?,
                handle: key.handle,
                always_authenticate: always,
                pin: pin.filter(|_| always),
                ask,
                connection,
            }),
        })
    }

    /// Whether the signature is this key's.
    fn verifies(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        if self.public_key.algorithm() == KeyAlgorithm::EcP521 {
            // ring does not have this curve.
            return verifies_p521(self.public_key.subject_public_key(), message, signature)
                .is_some();
        }
        self.public_key.verify(scheme, message, signature)
    }
}

impl Signer for TokenKey {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, Error> {
        let algorithm = self.public_key.algorithm();
        let hash =
            Hash::of(scheme, algorithm).ok_or(Error::SchemeMismatch { algorithm, scheme })?;
        let is_rsa = matches!(algorithm, KeyAlgorithm::Rsa { .. });
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        let raw = device.sign(is_rsa, hash, message, &self.origin)?;
        drop(device);
        let signature = if is_rsa {
            Some(raw)
        } else {
            ecdsa_to_der(&raw)
        };
        // A token whose public key object belongs to another key is noticed
        // here, and not by AWS.
        signature
            .filter(|signature| self.verifies(scheme, message, signature))
            .ok_or_else(|| {
                Pkcs11Error::BadSignature {
                    uri: self.origin.clone(),
                }
                .into()
            })
    }
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey")
            .field("origin", &self.origin)
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// The token's own form of a signature: PKCS#1, or r and s side by side.
    fn sign(
        &mut self,
        is_rsa: bool,
        hash: Hash,
        message: &[u8],
        origin: &str,
    ) -> Result<Vec<u8>, Error> {
        let (mechanism, data) = self.plan(is_rsa, hash, message)?;
        let failed = |error: CryptokiError| Pkcs11Error::Sign {
            uri: origin.to_owned(),
            reason: reason(&error),
        };
        if !self.always_authenticate {
            let session = &self.connection.session;
            return Ok(session
                .sign(&mechanism, self.handle, &data)
                .map_err(failed)?);
        }
        let pin = self.pin_for_signature()?;
        // The login stands between C_SignInit and the data (PKCS#11 v3.1
        // section 4.9), where only the functions for several parts reach.
        let session = &self.connection.session;
        let failed = |error: CryptokiError| Pkcs11Error::SignInParts {
            uri: origin.to_owned(),
            reason: reason(&error),
        };
        session.sign_init(&mechanism, self.handle).map_err(failed)?;
        let signed = self
            .connection
            .authenticate(UserType::ContextSpecific, pin.as_ref())
            .and_then(|()| session.sign_update(&data).map_err(failed))
            .and_then(|()| session.sign_final().map_err(failed));
        if signed.is_err() {
            // An operation that is begun would stand in the way of the next
            // one; that this call fails if there is none does not matter.
            drop(session.sign_final());
        }
        Ok(signed?)
    }

    /// The PIN for one signature, or `None` when it is typed at the token.
    fn pin_for_signature(&mut self) -> Result<Option<Secret>, Error> {
        if self.connection.token.protected_path {
            return Ok(None);
        }
        if let Some(pin) = &self.pin {
            return Ok(Some(Secret::new(pin.expose().to_vec())));
        }
        match self.connection.pin(&mut self.ask)? {
            None => Err(self.connection.missing_pin().into()),
            pin => Ok(pin),
        }
    }

    /// The mechanism, and the data that it takes: the message when the token
    /// hashes, its hash when it does not. Keys that want a PIN every time are
    /// used in several parts, which the standard allows with hashing only.
    fn plan(
        &self,
        is_rsa: bool,
        hash: Hash,
        message: &[u8],
    ) -> Result<(Mechanism<'static>, Vec<u8>), Pkcs11Error> {
        let (hashing, bare, wanted) = if is_rsa {
            let wanted = "CKM_SHA256_RSA_PKCS and CKM_RSA_PKCS";
            (Mechanism::Sha256RsaPkcs, Mechanism::RsaPkcs, wanted)
        } else {
            match hash {
                Hash::Sha256 => (
                    Mechanism::EcdsaSha256,
                    Mechanism::Ecdsa,
                    "CKM_ECDSA and CKM_ECDSA_SHA256",
                ),
                Hash::Sha384 => (
                    Mechanism::EcdsaSha384,
                    Mechanism::Ecdsa,
                    "CKM_ECDSA and CKM_ECDSA_SHA384",
                ),
            }
        };
        let offered =
            |mechanism: &Mechanism<'_>| self.mechanisms.contains(&mechanism.mechanism_type());
        let hashing_first = is_rsa || self.always_authenticate;
        if offered(&hashing) && (hashing_first || !offered(&bare)) {
            Ok((hashing, message.to_vec()))
        } else if offered(&bare) {
            let digest = hash.digest(message);
            let data = if is_rsa { digest_info(&digest) } else { digest };
            Ok((bare, data))
        } else {
            Err(Pkcs11Error::Mechanism {
                token: self.connection.shown_label(),
                wanted,
            })
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Sha256,
    Sha384,
}

impl Hash {
    /// The hash of a scheme, if the scheme fits the key.
    const fn of(scheme: Scheme, algorithm: KeyAlgorithm) -> Option<Self> {
        use KeyAlgorithm::{EcP256, EcP384, EcP521, Rsa};
        match (scheme, algorithm) {
            (Scheme::RsaPkcs1Sha256, Rsa { .. })
            | (Scheme::DeterministicEcdsaSha256, EcP256 | EcP384 | EcP521)
            | (Scheme::EcdsaSha256, EcP256) => Some(Self::Sha256),
            (Scheme::EcdsaSha384, EcP384) => Some(Self::Sha384),
            _ => None,
        }
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
        }
    }
}

fn check_usable(origin: &str, algorithm: KeyAlgorithm) -> Result<(), Error> {
    let found = match algorithm {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => return Ok(()),
        KeyAlgorithm::Rsa { bits } if bits < limits::MIN_RSA_BITS => {
            format!("RSA with {bits} bits, at least {}", limits::MIN_RSA_BITS)
        }
        KeyAlgorithm::Rsa { bits } if bits > limits::MAX_RSA_BITS => {
            format!("RSA with {bits} bits, at most {}", limits::MAX_RSA_BITS)
        }
        KeyAlgorithm::Rsa { .. } => return Ok(()),
        KeyAlgorithm::Ed25519 => {
            "Ed25519, for which Roles Anywhere has no signing algorithm".to_owned()
        }
        KeyAlgorithm::Unknown => "of an unknown type or curve".to_owned(),
    };
    Err(Error::Unsupported {
        origin: origin.to_owned(),
        found,
    })
}

/// The DigestInfo of a SHA-256 digest (RFC 8017 section 9.2 note 1), which
/// CKM_RSA_PKCS pads and signs.
fn digest_info(digest: &[u8]) -> Vec<u8> {
    const PREFIX: [u8; 19] = [
        0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
        0x05, 0x00, 0x04, 0x20,
    ];
    [&PREFIX, digest].concat()
}

/// Turns r and s of equal length, side by side (PKCS#11 v3.1 section 6.3.1),
/// into Ecdsa-Sig-Value (RFC 3279 section 2.2.3). `None` when it is neither.
fn ecdsa_to_der(raw: &[u8]) -> Option<Vec<u8>> {
    if !raw.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = raw.split_at_checked(raw.len() / 2)?;
    Some(der::write_all(
        der::SEQUENCE,
        &[&unsigned(r)?, &unsigned(s)?],
    ))
}

/// `Some` when the signature over the message's SHA-256 is the key's.
fn verifies_p521(point: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let key = p521::PublicKey::from_sec1_bytes(point).ok()?;
    let signature = p521::ecdsa::Signature::from_der(signature).ok()?;
    let digest = Sha256::digest(message);
    ecdsa::hazmat::verify_prehashed(&key.to_projective(), &digest, &signature).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_of_tokens_become_der() {
        assert_eq!(
            ecdsa_to_der(&[0, 1, 0x80, 0]),
            Some(vec![0x30, 8, 2, 1, 1, 2, 3, 0, 0x80, 0])
        );
        for bad in [&[][..], &[1], &[1, 2, 3], &[0, 0, 1, 1], &[1, 1, 0, 0]] {
            assert_eq!(ecdsa_to_der(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn the_digest_info_is_that_of_the_rfc() {
        let info = digest_info(&[7; 32]);
        let parts = der::sequence(&info).unwrap();
        assert_eq!(parts[1].content, [7; 32]);
        let algorithm = der::children(parts[0].content).unwrap();
        assert_eq!(hex::encode(algorithm[0].content), "608648016503040201");
    }

    #[test]
    fn short_rsa_keys_and_unknown_curves_are_refused() {
        for (algorithm, usable) in [
            (KeyAlgorithm::Rsa { bits: 1024 }, false),
            (KeyAlgorithm::Rsa { bits: 2048 }, true),
            (KeyAlgorithm::Rsa { bits: 16384 }, false),
            (KeyAlgorithm::Unknown, false),
            (KeyAlgorithm::Ed25519, false),
            (KeyAlgorithm::EcP521, true),
        ] {
            assert_eq!(
                check_usable("key", algorithm).is_ok(),
                usable,
                "{algorithm}"
            );
        }
    }
}
