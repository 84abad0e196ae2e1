//! Private keys in memory: P-256, P-384, P-521, RSA and ML-DSA.

use ring::rand::SystemRandom;
use ring::signature::{KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair};

use crate::limits;

use super::ecdsa::{EcKey, NamedCurve};
use super::ml_dsa::MlDsaKey;
use super::{Error, Hash, KeyAlgorithm, PublicKey, Scheme, Signer};

/// A private key held in memory, wiped when it is dropped, but for what ring
/// holds: RSA keys, and EC keys that have signed a certificate.
///
/// Requests are signed with the curve crates (RFC 6979), certificates with
/// ring.
pub struct SoftwareKey {
    origin: String,
    public_key: PublicKey,
    private: Private,
}

pub(super) enum Private {
    MlDsa(MlDsaKey),
    P256(EcKey<p256::NistP256>),
    P384(EcKey<p384::NistP384>),
    P521(EcKey<p521::NistP521>),
    Rsa(Box<RsaKeyPair>),
}

impl SoftwareKey {
    /// Takes a key. `origin` is what messages call it.
    pub(super) fn new(origin: &str, private: Private) -> Result<Self, Error> {
        fn ec<C: NamedCurve>(key: &EcKey<C>) -> Option<PublicKey> {
            PublicKey::from_parts(C::ALGORITHM, key.point())
        }
        let public_key = match &private {
            Private::MlDsa(key) => PublicKey::from_parts(key.algorithm(), key.public()),
            Private::P256(key) => ec(key),
            Private::P384(key) => ec(key),
            Private::P521(key) => ec(key),
            Private::Rsa(key) => {
                let bits = key.public().modulus_len() * 8;
                if bits > limits::MAX_RSA_BITS {
                    return Err(Error::Unsupported {
                        origin: origin.to_owned(),
                        found: format!("RSA with {bits} bits, at most {}", limits::MAX_RSA_BITS),
                    });
                }
                PublicKey::from_parts(KeyAlgorithm::Rsa { bits }, key.public_key().as_ref())
            }
        };
        Ok(Self {
            origin: origin.to_owned(),
            public_key: public_key.ok_or_else(|| Error::Damaged {
                origin: origin.to_owned(),
                form: "decoded",
            })?,
            private,
        })
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
        if !self.public_key.fits(scheme) {
            return Err(Error::SchemeMismatch {
                algorithm: self.public_key.algorithm(),
                scheme,
            });
        }
        match &self.private {
            Private::MlDsa(key) => key.sign(message),
            Private::P256(key) => key.sign(scheme, message),
            Private::P384(key) => key.sign(scheme, message),
            Private::P521(key) => key.sign(scheme, message),
            Private::Rsa(key) => {
                let padding = match scheme {
                    Scheme::RsaPkcs1(Hash::Sha384) => &RSA_PKCS1_SHA384,
                    Scheme::RsaPkcs1(Hash::Sha512) => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(padding, &SystemRandom::new(), message, &mut signature)
                    .ok()
                    .map(|()| signature)
            }
        }
        .ok_or_else(|| Error::Sign {
            origin: self.origin.clone(),
        })
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

    fn p256(scalar: &[u8]) -> SoftwareKey {
        SoftwareKey::new("test", Private::P256(EcKey::new(scalar, None).unwrap())).unwrap()
    }

    /// RFC 6979 A.2.5: P-256, SHA-256, message "sample".
    #[test]
    fn p256_signs_as_rfc_6979_says() {
        let scalar =
            hex::decode("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
                .unwrap();
        let signature = p256(&scalar)
            .sign(Scheme::DeterministicEcdsa(Hash::Sha256), b"sample")
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
    fn p384_signs_with_sha256_as_rfc_6979_says() {
        let scalar = hex::decode(
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8\
             96D5724E4C70A825F872C9EA60D2EDF5",
        )
        .unwrap();
        let key =
            SoftwareKey::new("test", Private::P384(EcKey::new(&scalar, None).unwrap())).unwrap();
        let signature = key
            .sign(Scheme::DeterministicEcdsa(Hash::Sha256), b"sample")
            .unwrap();
        let parsed = p384::ecdsa::Signature::from_der(&signature).unwrap();
        // r is a function of the nonce alone.
        assert_eq!(
            hex::encode_upper(parsed.r().to_bytes()),
            "21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E354B63A21D3DAA33\
             BDE1E888E63355D92FA2B3C36D8FB2CD"
        );
        assert!(key.public_key().verify(
            Scheme::DeterministicEcdsa(Hash::Sha256),
            b"sample",
            &signature
        ));
    }

    /// RFC 6979 A.2.7: P-521, SHA-256, message "sample".
    #[test]
    fn p521_signs_with_sha256_as_rfc_6979_says() {
        let scalar = hex::decode(
            "00FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75\
             CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B8\
             3538",
        )
        .unwrap();
        let key =
            SoftwareKey::new("test", Private::P521(EcKey::new(&scalar, None).unwrap())).unwrap();
        let signature = key
            .sign(Scheme::DeterministicEcdsa(Hash::Sha256), b"sample")
            .unwrap();
        let parsed = p521::ecdsa::Signature::from_der(&signature).unwrap();
        assert_eq!(
            hex::encode_upper(parsed.r().to_bytes()),
            "01511BB4D675114FE266FC4372B87682BAECC01D3CC62CF2303C92B3526012659D16876E25C7C1E57648F23B73564D67F61C6F14D527D54972810421E7D87589E1A7"
        );
        let verifies = |message: &[u8]| {
            key.public_key().verify(
                Scheme::DeterministicEcdsa(Hash::Sha256),
                message,
                &signature,
            )
        };
        assert!(verifies(b"sample"));
        assert!(!verifies(b"simple"));
    }

    #[test]
    fn a_scheme_that_does_not_fit_is_refused() {
        let key = p256(&[7; 32]);
        for scheme in [
            Scheme::RsaPkcs1(Hash::Sha256),
            Scheme::EcdsaSha384,
            Scheme::MlDsa,
        ] {
            assert!(matches!(
                key.sign(scheme, b"m"),
                Err(Error::SchemeMismatch { .. })
            ));
        }
    }

    #[test]
    fn a_private_value_is_padded_and_its_range_is_checked() {
        assert_eq!(
            p256(&[7]).public_key(),
            p256(&[&[0; 40][..], &[7]].concat()).public_key()
        );
        for bad in [&[0; 32][..], &[0xff; 32], &[1; 33]] {
            assert!(EcKey::<p256::NistP256>::new(bad, None).is_none());
        }
    }
}
