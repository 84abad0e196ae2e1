//! Private keys in memory: P-256, P-384 and RSA.

use std::sync::OnceLock;

use p256::elliptic_curve::sec1::ToSec1Point;
use p384::elliptic_curve::zeroize::Zeroizing;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use sha2::{Digest, Sha256};

use crate::limits;

use super::{Error, KeyAlgorithm, PublicKey, Scheme, Signer};

/// A private key held in memory, wiped when it is dropped (RSA keys are held
/// by ring, which does not wipe them).
///
/// Requests are signed with `p256`/`p384` (RFC 6979), certificates with ring,
/// whose key pair is only built when the first certificate is signed.
///
/// The crates' own signing keys are not used: each of them computes the public
/// key anew, which takes as long as a signature.
pub struct SoftwareKey {
    origin: String,
    public_key: PublicKey,
    private: Private,
}

enum Private {
    P256(p256::SecretKey, OnceLock<EcdsaKeyPair>),
    P384(p384::SecretKey, OnceLock<EcdsaKeyPair>),
    Rsa(Box<RsaKeyPair>),
}

impl SoftwareKey {
    /// Takes a P-256 key. `origin` is what messages call it.
    pub(super) fn p256(origin: &str, key: p256::SecretKey) -> Result<Self, Error> {
        let point = key.public_key().to_sec1_point(false);
        Self::p256_with(origin, key, point.as_bytes())
    }

    /// Takes a P-256 key with its uncompressed public point, which the caller
    /// knows to belong to it.
    pub(super) fn p256_with(
        origin: &str,
        key: p256::SecretKey,
        point: &[u8],
    ) -> Result<Self, Error> {
        Self::assemble(
            origin,
            KeyAlgorithm::EcP256,
            point,
            Private::P256(key, OnceLock::new()),
        )
    }

    /// Takes a P-384 key. `origin` is what messages call it.
    pub(super) fn p384(origin: &str, key: p384::SecretKey) -> Result<Self, Error> {
        let point = key.public_key().to_sec1_point(false);
        Self::p384_with(origin, key, point.as_bytes())
    }

    /// Takes a P-384 key with its uncompressed public point, which the caller
    /// knows to belong to it.
    pub(super) fn p384_with(
        origin: &str,
        key: p384::SecretKey,
        point: &[u8],
    ) -> Result<Self, Error> {
        Self::assemble(
            origin,
            KeyAlgorithm::EcP384,
            point,
            Private::P384(key, OnceLock::new()),
        )
    }

    /// Takes an RSA key that ring has accepted: 2048 bits or more, consistent.
    pub(super) fn rsa(origin: &str, key: RsaKeyPair) -> Result<Self, Error> {
        let bits = key.public().modulus_len() * 8;
        if bits > limits::MAX_RSA_BITS {
            return Err(Error::Unsupported {
                origin: origin.to_owned(),
                found: format!("RSA with {bits} bits, at most {}", limits::MAX_RSA_BITS),
            });
        }
        let public = key.public_key().as_ref().to_vec();
        Self::assemble(
            origin,
            KeyAlgorithm::Rsa { bits },
            &public,
            Private::Rsa(Box::new(key)),
        )
    }

    fn assemble(
        origin: &str,
        algorithm: KeyAlgorithm,
        public: &[u8],
        private: Private,
    ) -> Result<Self, Error> {
        let public_key =
            PublicKey::from_parts(algorithm, public).ok_or_else(|| Error::Damaged {
                origin: origin.to_owned(),
                form: "decoded",
            })?;
        Ok(Self {
            origin: origin.to_owned(),
            public_key,
            private,
        })
    }

    /// The ring form of an EC key, made at first use.
    fn ring_pair<'a>(
        &self,
        cell: &'a OnceLock<EcdsaKeyPair>,
        algorithm: &'static EcdsaSigningAlgorithm,
        scalar: &[u8],
    ) -> Result<&'a EcdsaKeyPair, Error> {
        if let Some(pair) = cell.get() {
            return Ok(pair);
        }
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            algorithm,
            scalar,
            self.public_key.subject_public_key(),
            &SystemRandom::new(),
        )
        .map_err(|_| self.failed())?;
        Ok(cell.get_or_init(|| pair))
    }

    fn failed(&self) -> Error {
        Error::Sign {
            origin: self.origin.clone(),
        }
    }
}

impl Signer for SoftwareKey {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, scheme: Scheme, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match (scheme, &self.private) {
            (Scheme::DeterministicEcdsaSha256, Private::P256(key, _)) => {
                let digest = Sha256::digest(message);
                let (signature, _) = ecdsa::hazmat::sign_prehashed_rfc6979::<p256::NistP256, Sha256>(
                    &key.to_nonzero_scalar(),
                    &digest,
                    &[],
                );
                Ok(signature.to_der().as_bytes().to_vec())
            }
            (Scheme::DeterministicEcdsaSha256, Private::P384(key, _)) => {
                // RFC 6979 draws the nonce with the hash that signs. The
                // crate's own prehash signer would draw it with the curve's
                // usual SHA-384, so the primitive is called with SHA-256.
                let digest = Sha256::digest(message);
                let (signature, _) = ecdsa::hazmat::sign_prehashed_rfc6979::<p384::NistP384, Sha256>(
                    &key.to_nonzero_scalar(),
                    &digest,
                    &[],
                );
                Ok(signature.to_der().as_bytes().to_vec())
            }
            (Scheme::EcdsaSha256, Private::P256(key, cell)) => {
                let scalar = Zeroizing::new(key.to_bytes());
                self.ring_pair(cell, &ECDSA_P256_SHA256_ASN1_SIGNING, &scalar[..])?
                    .sign(&random, message)
                    .map(|signature| signature.as_ref().to_vec())
                    .map_err(|_| self.failed())
            }
            (Scheme::EcdsaSha384, Private::P384(key, cell)) => {
                let scalar = Zeroizing::new(key.to_bytes());
                self.ring_pair(cell, &ECDSA_P384_SHA384_ASN1_SIGNING, &scalar[..])?
                    .sign(&random, message)
                    .map(|signature| signature.as_ref().to_vec())
                    .map_err(|_| self.failed())
            }
            (Scheme::RsaPkcs1Sha256, Private::Rsa(key)) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .map_err(|_| self.failed())?;
                Ok(signature)
            }
            _ => Err(Error::SchemeMismatch {
                algorithm: self.public_key.algorithm(),
                scheme,
            }),
        }
    }
}

impl std::fmt::Debug for SoftwareKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SoftwareKey({}, {:?})", self.origin, self.public_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6979 A.2.5: P-256, SHA-256, message "sample".
    #[test]
    fn p256_signs_as_rfc_6979_says() {
        let scalar =
            hex::decode("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
                .unwrap();
        let secret = p256::SecretKey::from_slice(&scalar).unwrap();
        let key = SoftwareKey::p256("test", secret).unwrap();
        let signature = key
            .sign(Scheme::DeterministicEcdsaSha256, b"sample")
            .unwrap();
        let parsed = p256::ecdsa::Signature::from_der(&signature).unwrap();
        assert_eq!(
            hex::encode_upper(parsed.to_bytes()),
            "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716\
             F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
        );
    }

    /// RFC 6979 A.2.6: P-384, SHA-256, message "sample".
    #[test]
    fn p384_signs_sha256_with_the_nonce_of_rfc_6979() {
        let scalar = hex::decode(
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8\
             96D5724E4C70A825F872C9EA60D2EDF5",
        )
        .unwrap();
        let secret = p384::SecretKey::from_slice(&scalar).unwrap();
        let key = SoftwareKey::p384("test", secret).unwrap();
        let signature = key
            .sign(Scheme::DeterministicEcdsaSha256, b"sample")
            .unwrap();
        let parsed = p384::ecdsa::Signature::from_der(&signature).unwrap();
        // r is a function of the nonce alone.
        assert_eq!(
            hex::encode_upper(parsed.r().to_bytes()),
            "21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E354B63A21D3DAA33\
             BDE1E888E63355D92FA2B3C36D8FB2CD"
        );
        assert!(
            key.public_key()
                .verify(Scheme::DeterministicEcdsaSha256, b"sample", &signature)
        );
    }

    #[test]
    fn a_scheme_that_does_not_fit_is_refused() {
        let secret = p256::SecretKey::from_slice(&[7; 32]).unwrap();
        let key = SoftwareKey::p256("test", secret).unwrap();
        for scheme in [Scheme::RsaPkcs1Sha256, Scheme::EcdsaSha384] {
            assert!(matches!(
                key.sign(scheme, b"m"),
                Err(Error::SchemeMismatch { .. })
            ));
        }
    }
}
