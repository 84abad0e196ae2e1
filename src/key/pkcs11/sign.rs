//! Signing with a private key in a token.

use std::sync::{Mutex, PoisonError};

use cryptoki::error::Error as CryptokiError;
use cryptoki::mechanism::{Mechanism, MechanismType};
use cryptoki::object::{AttributeType, ObjectHandle};
use cryptoki::session::UserType;

use crate::der;
use crate::limits;
use crate::secret::Secret;

use super::super::{Error, Hash, KeyAlgorithm, PublicKey, Scheme, Signer, ecdsa};
use super::module::reason;
use super::objects::Object;
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
            hash_of(scheme, &self.public_key).ok_or(Error::SchemeMismatch { algorithm, scheme })?;
        let is_rsa = matches!(algorithm, KeyAlgorithm::Rsa { .. });
        let mut device = self.device.lock().unwrap_or_else(PoisonError::into_inner);
        let raw = device.sign(is_rsa, hash, message, &self.origin)?;
        drop(device);
        let signature = if is_rsa {
            Some(raw)
        } else {
            ecdsa::from_raw(&raw)
        };
        // A token whose public key object belongs to another key is noticed
        // here, and not by AWS.
        signature
            .filter(|signature| self.public_key.verify(scheme, message, signature))
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
            return Ok(Some(pin.copy()));
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
        let (hashing, bare, wanted) = match (is_rsa, hash) {
            (true, Hash::Sha256) => (
                Mechanism::Sha256RsaPkcs,
                Mechanism::RsaPkcs,
                "CKM_SHA256_RSA_PKCS and CKM_RSA_PKCS",
            ),
            (true, Hash::Sha384) => (
                Mechanism::Sha384RsaPkcs,
                Mechanism::RsaPkcs,
                "CKM_SHA384_RSA_PKCS and CKM_RSA_PKCS",
            ),
            (true, Hash::Sha512) => (
                Mechanism::Sha512RsaPkcs,
                Mechanism::RsaPkcs,
                "CKM_SHA512_RSA_PKCS and CKM_RSA_PKCS",
            ),
            (false, Hash::Sha256) => (
                Mechanism::EcdsaSha256,
                Mechanism::Ecdsa,
                "CKM_ECDSA and CKM_ECDSA_SHA256",
            ),
            (false, Hash::Sha384) => (
                Mechanism::EcdsaSha384,
                Mechanism::Ecdsa,
                "CKM_ECDSA and CKM_ECDSA_SHA384",
            ),
            (false, Hash::Sha512) => (
                Mechanism::EcdsaSha512,
                Mechanism::Ecdsa,
                "CKM_ECDSA and CKM_ECDSA_SHA512",
            ),
        };
        let offered =
            |mechanism: &Mechanism<'_>| self.mechanisms.contains(&mechanism.mechanism_type());
        let hashing_first = is_rsa || self.always_authenticate;
        if offered(&hashing) && (hashing_first || !offered(&bare)) {
            Ok((hashing, message.to_vec()))
        } else if offered(&bare) {
            let digest = hash.digest(message);
            let data = if is_rsa {
                digest_info(hash, &digest)
            } else {
                digest
            };
            Ok((bare, data))
        } else {
            Err(Pkcs11Error::Mechanism {
                token: self.connection.shown_label(),
                wanted,
            })
        }
    }
}

/// The hash of a scheme, if the scheme fits the key.
const fn hash_of(scheme: Scheme, key: &PublicKey) -> Option<Hash> {
    match scheme {
        _ if !key.fits(scheme) => None,
        Scheme::RsaPkcs1(hash) | Scheme::DeterministicEcdsa(hash) => Some(hash),
        Scheme::EcdsaSha256 => Some(Hash::Sha256),
        Scheme::EcdsaSha384 => Some(Hash::Sha384),
        Scheme::MlDsa => None,
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
        KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
            "ML-DSA, which is used from files only".to_owned()
        }
        KeyAlgorithm::Unknown => "of an unknown type or curve".to_owned(),
    };
    Err(Error::Unsupported {
        origin: origin.to_owned(),
        found,
    })
}

/// The DigestInfo of a digest (RFC 8017 section 9.2 note 1), which CKM_RSA_PKCS
/// pads and signs.
fn digest_info(hash: Hash, digest: &[u8]) -> Vec<u8> {
    // Last arcs of id-sha256, id-sha384 and id-sha512.
    let arc = match hash {
        Hash::Sha256 => 1,
        Hash::Sha384 => 2,
        Hash::Sha512 => 3,
    };
    let oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, arc];
    let algorithm = [der::write(der::OBJECT_IDENTIFIER, &oid), vec![5, 0]].concat();
    der::write_all(
        der::SEQUENCE,
        &[
            &der::write(der::SEQUENCE, &algorithm),
            &der::write(der::OCTET_STRING, digest),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_info_is_that_of_the_rfc() {
        // RFC 8017 section 9.2 note 1.
        for (hash, prefix) in [
            (Hash::Sha256, "3031300d060960864801650304020105000420"),
            (Hash::Sha384, "3041300d060960864801650304020205000430"),
            (Hash::Sha512, "3051300d060960864801650304020305000440"),
        ] {
            let digest = hash.digest(b"");
            assert_eq!(
                hex::encode(digest_info(hash, &digest)),
                format!("{prefix}{}", hex::encode(&digest))
            );
        }
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
