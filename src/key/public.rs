//! Public keys: their type, their identifiers, and what they verify.

use std::fmt;

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};
use sha2::{Digest, Sha256};

use crate::{der, limits};

use super::{Hash, Scheme, ecdsa, ml_dsa};

/// `1.2.840.10045.2.1` (RFC 5480), content octets.
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// `1.2.840.113549.1.1.1` (RFC 8017), content octets.
const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `1.3.101.112` (RFC 8410), content octets.
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// `1.2.840.10045.3.1.7` (RFC 5480), content octets.
const OID_P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
/// `1.3.132.0.34` (RFC 5480), content octets.
const OID_P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// `1.3.132.0.35` (RFC 5480), content octets.
const OID_P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// `2.16.840.1.101.3.4.3` with 17, 18 or 19 (RFC 9881), content octets.
const OID_ML_DSA: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03];

/// The type and size of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// NIST P-256 (secp256r1).
    EcP256,
    /// NIST P-384 (secp384r1).
    EcP384,
    /// NIST P-521 (secp521r1).
    EcP521,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA-44 (FIPS 204).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204).
    MlDsa87,
    /// RSA with a modulus of so many bits.
    Rsa {
        /// Length of the modulus in bits.
        bits: usize,
    },
    /// Anything else.
    Unknown,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EcP256 => f.write_str("EC P-256"),
            Self::EcP384 => f.write_str("EC P-384"),
            Self::EcP521 => f.write_str("EC P-521"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::MlDsa44 => f.write_str("ML-DSA-44"),
            Self::MlDsa65 => f.write_str("ML-DSA-65"),
            Self::MlDsa87 => f.write_str("ML-DSA-87"),
            Self::Rsa { bits } => write!(f, "RSA {bits}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// A public key as it stands in a certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    spki: Vec<u8>,
    algorithm: KeyAlgorithm,
    subject_public_key: Vec<u8>,
}

impl PublicKey {
    /// Takes a DER SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7). `None`
    /// when it is not one; a well-formed key of an unknown type is kept, with
    /// [`KeyAlgorithm::Unknown`].
    #[must_use]
    pub fn from_spki(spki: &[u8]) -> Option<Self> {
        let parts = der::sequence(spki)?;
        let [algorithm, bits] = parts.as_slice() else {
            return None;
        };
        if algorithm.tag != der::SEQUENCE || bits.tag != der::BIT_STRING {
            return None;
        }
        // The first content octet counts unused bits; keys have none.
        let subject_public_key = bits.content.strip_prefix(&[0])?.to_vec();
        let identifier = der::children(algorithm.content)?;
        Some(Self {
            algorithm: classify(&identifier, &subject_public_key)?,
            spki: spki.to_vec(),
            subject_public_key,
        })
    }

    /// Builds the SubjectPublicKeyInfo of an EC key from its uncompressed
    /// point, of an RSA key from its PKCS#1 `RSAPublicKey`, or of an ML-DSA key
    /// from its encoding.
    pub(super) fn from_parts(algorithm: KeyAlgorithm, subject_public_key: &[u8]) -> Option<Self> {
        let oid = |content: &[u8]| der::write(der::OBJECT_IDENTIFIER, content);
        let ml_dsa = |arc: u8| oid(&[OID_ML_DSA, &[arc]].concat());
        let identifier = match algorithm {
            KeyAlgorithm::EcP256 => [oid(OID_EC), oid(OID_P256)].concat(),
            KeyAlgorithm::EcP384 => [oid(OID_EC), oid(OID_P384)].concat(),
            KeyAlgorithm::EcP521 => [oid(OID_EC), oid(OID_P521)].concat(),
            // RFC 3279 section 2.3.1: the parameters are NULL.
            KeyAlgorithm::Rsa { .. } => [oid(OID_RSA), vec![0x05, 0x00]].concat(),
            KeyAlgorithm::MlDsa44 => ml_dsa(17),
            KeyAlgorithm::MlDsa65 => ml_dsa(18),
            KeyAlgorithm::MlDsa87 => ml_dsa(19),
            KeyAlgorithm::Ed25519 | KeyAlgorithm::Unknown => return None,
        };
        Self::assemble(&identifier, subject_public_key)
    }

    /// An RSA key from its big-endian, unsigned numbers (RFC 8017 A.1.1), however
    /// many zeros stand before them.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let numbers = [der::write_unsigned(modulus), der::write_unsigned(exponent)];
        let pkcs1 = der::write(der::SEQUENCE, &numbers.concat());
        let bits = modulus_bits(&pkcs1)?;
        Self::from_parts(KeyAlgorithm::Rsa { bits }, &pkcs1)
    }

    /// An EC key from its curve's DER parameters (RFC 5480 section 2.1.1) and its
    /// point.
    #[cfg_attr(
        not(feature = "pkcs11"),
        expect(dead_code, reason = "only tokens give the curve so")
    )]
    pub(super) fn ec(curve: &[u8], point: &[u8]) -> Option<Self> {
        let oid = der::write(der::OBJECT_IDENTIFIER, OID_EC);
        Self::assemble(&[&oid, curve].concat(), point)
    }

    /// `identifier` is the content of the AlgorithmIdentifier.
    fn assemble(identifier: &[u8], subject_public_key: &[u8]) -> Option<Self> {
        let bits = [&[0][..], subject_public_key].concat();
        Self::from_spki(&der::write_all(
            der::SEQUENCE,
            &[
                &der::write(der::SEQUENCE, identifier),
                &der::write(der::BIT_STRING, &bits),
            ],
        ))
    }

    /// The type and size.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The DER SubjectPublicKeyInfo.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The content of the `subjectPublicKey` BIT STRING: the point of an EC
    /// key, the PKCS#1 structure of an RSA key.
    #[must_use]
    pub fn subject_public_key(&self) -> &[u8] {
        &self.subject_public_key
    }

    /// SHA-256 of the SubjectPublicKeyInfo, lowercase hex: the fingerprint that
    /// messages show for a key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.spki))
    }

    /// The subject key identifier by RFC 7093 section 2 method 1: the leftmost
    /// 160 bits of SHA-256 over the `subjectPublicKey` bits.
    #[must_use]
    pub fn key_identifier(&self) -> [u8; 20] {
        let digest = Sha256::digest(&self.subject_public_key);
        let mut identifier = [0; 20];
        identifier.copy_from_slice(&digest[..20]);
        identifier
    }

    /// The scheme with which a certificate authority of ours signs with such a
    /// key: SHA-384 on P-384, SHA-256 otherwise. `None` for keys that are not
    /// made for it.
    #[must_use]
    pub const fn certificate_scheme(&self) -> Option<Scheme> {
        match self.algorithm {
            KeyAlgorithm::EcP256 => Some(Scheme::EcdsaSha256),
            KeyAlgorithm::EcP384 => Some(Scheme::EcdsaSha384),
            KeyAlgorithm::Rsa { .. } => Some(Scheme::RsaPkcs1(Hash::Sha256)),
            KeyAlgorithm::EcP521
            | KeyAlgorithm::Ed25519
            | KeyAlgorithm::MlDsa44
            | KeyAlgorithm::MlDsa65
            | KeyAlgorithm::MlDsa87
            | KeyAlgorithm::Unknown => None,
        }
    }

    /// Whether such a key can sign in that way.
    #[must_use]
    pub const fn fits(&self, scheme: Scheme) -> bool {
        use KeyAlgorithm as K;
        match scheme {
            Scheme::DeterministicEcdsa(_) => {
                matches!(self.algorithm, K::EcP256 | K::EcP384 | K::EcP521)
            }
            Scheme::EcdsaSha256 => matches!(self.algorithm, K::EcP256),
            Scheme::EcdsaSha384 => matches!(self.algorithm, K::EcP384),
            Scheme::MlDsa => matches!(self.algorithm, K::MlDsa44 | K::MlDsa65 | K::MlDsa87),
            Scheme::RsaPkcs1(_) => matches!(self.algorithm, K::Rsa { .. }),
        }
    }

    /// Whether `signature` is this key's over `message` under `scheme`. Also
    /// false when the scheme does not fit the key.
    #[must_use]
    pub fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
        let key = &self.subject_public_key;
        let with_ring = |algorithm: &'static dyn VerificationAlgorithm| {
            UnparsedPublicKey::new(algorithm, key)
                .verify(message, signature)
                .is_ok()
        };
        use {Hash as H, KeyAlgorithm as K, Scheme as S};
        match (scheme, self.algorithm) {
            (S::RsaPkcs1(hash), K::Rsa { .. }) => with_ring(match hash {
                H::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                H::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
                H::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
            }),
            (S::EcdsaSha256 | S::DeterministicEcdsa(H::Sha256), K::EcP256) => {
                with_ring(&ECDSA_P256_SHA256_ASN1)
            }
            (S::DeterministicEcdsa(H::Sha384), K::EcP256) => with_ring(&ECDSA_P256_SHA384_ASN1),
            (S::DeterministicEcdsa(H::Sha256), K::EcP384) => with_ring(&ECDSA_P384_SHA256_ASN1),
            (S::EcdsaSha384 | S::DeterministicEcdsa(H::Sha384), K::EcP384) => {
                with_ring(&ECDSA_P384_SHA384_ASN1)
            }
            // ring does not combine the others.
            (S::DeterministicEcdsa(hash), K::EcP256) => {
                ecdsa::verify::<p256::NistP256>(key, &hash.digest(message), signature)
            }
            (S::DeterministicEcdsa(hash), K::EcP384) => {
                ecdsa::verify::<p384::NistP384>(key, &hash.digest(message), signature)
            }
            (S::DeterministicEcdsa(hash), K::EcP521) => {
                ecdsa::verify::<p521::NistP521>(key, &hash.digest(message), signature)
            }
            (Scheme::MlDsa, algorithm) => ml_dsa::verify(algorithm, key, message, signature),
            _ => false,
        }
    }

    /// Whether `signature` is this RSA key's over `message` by RSASSA-PSS (RFC
    /// 8017 section 8.1), with the same hash in its mask and a salt as long as
    /// the hash. Keys sign requests for certificates so; nothing else here does.
    #[must_use]
    pub fn verify_pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let algorithm = match hash {
            Hash::Sha256 => &RSA_PSS_2048_8192_SHA256,
            Hash::Sha384 => &RSA_PSS_2048_8192_SHA384,
            Hash::Sha512 => &RSA_PSS_2048_8192_SHA512,
        };
        matches!(self.algorithm, KeyAlgorithm::Rsa { .. })
            && UnparsedPublicKey::new(algorithm, &self.subject_public_key)
                .verify(message, signature)
                .is_ok()
    }

    /// Whether it is an RSA key with a public exponent below 65537, which old keys
    /// have and no new one should (CA/Browser Forum Baseline Requirements section
    /// 6.1.6).
    #[must_use]
    pub fn has_small_exponent(&self) -> bool {
        let is_rsa = matches!(self.algorithm, KeyAlgorithm::Rsa { .. });
        let parts = der::sequence(&self.subject_public_key).filter(|_| is_rsa);
        match parts.as_deref() {
            Some([_, exponent]) => {
                let zeros = exponent.content.iter().take_while(|octet| **octet == 0);
                // 65537 is the smallest odd number of three octets.
                exponent.content.len() - zeros.count() < 3
            }
            _ => false,
        }
    }

    /// Why the key cannot be certified for Roles Anywhere, which takes RSA, EC
    /// and ML-DSA keys (user guide, "Trust model"): its type, or numbers that are
    /// no such key's. `None` when it can.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        let key = &self.subject_public_key;
        let on_curve = |is_point: bool| {
            if key.first() != Some(&4) {
                return Some("its point is not in the uncompressed form".to_owned());
            }
            (!is_point).then(|| "its point is not on the curve".to_owned())
        };
        match self.algorithm {
            KeyAlgorithm::EcP256 => on_curve(p256::PublicKey::from_sec1_bytes(key).is_ok()),
            KeyAlgorithm::EcP384 => on_curve(p384::PublicKey::from_sec1_bytes(key).is_ok()),
            KeyAlgorithm::EcP521 => on_curve(p521::PublicKey::from_sec1_bytes(key).is_ok()),
            KeyAlgorithm::Rsa { bits } if bits < limits::MIN_RSA_BITS => {
                let least = limits::MIN_RSA_BITS;
                Some(format!("it is RSA with {bits} bits, at least {least} are needed"))
            }
            KeyAlgorithm::Rsa { bits } if bits > limits::MAX_RSA_BITS => {
                let most = limits::MAX_RSA_BITS;
                Some(format!("it is RSA with {bits} bits, at most {most} are allowed"))
            }
            KeyAlgorithm::Rsa { .. } => rsa_flaw(key).map(str::to_owned),
            KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
                (!ml_dsa::is_public(self.algorithm, key)).then(|| "it has a wrong length".to_owned())
            }
            KeyAlgorithm::Ed25519 => Some(
                "it is Ed25519, which Roles Anywhere does not take; use EC P-256".to_owned(),
            ),
            KeyAlgorithm::Unknown => Some(
                "its type is unknown; Roles Anywhere takes EC P-256, P-384 and P-521, RSA and ML-DSA"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm, self.fingerprint())
    }
}

/// Names the algorithm of an AlgorithmIdentifier; `None` when it is malformed.
fn classify(identifier: &[der::Element<'_>], key: &[u8]) -> Option<KeyAlgorithm> {
    let (oid, parameters) = identifier.split_first()?;
    if oid.tag != der::OBJECT_IDENTIFIER {
        return None;
    }
    let algorithm = match (oid.content, parameters) {
        (OID_EC, [curve]) if curve.tag == der::OBJECT_IDENTIFIER => match curve.content {
            OID_P256 => KeyAlgorithm::EcP256,
            OID_P384 => KeyAlgorithm::EcP384,
            OID_P521 => KeyAlgorithm::EcP521,
            _ => KeyAlgorithm::Unknown,
        },
        (OID_RSA, _) => KeyAlgorithm::Rsa {
            bits: modulus_bits(key)?,
        },
        (OID_ED25519, []) => KeyAlgorithm::Ed25519,
        (oid, []) => match oid.strip_prefix(OID_ML_DSA) {
            Some([17]) => KeyAlgorithm::MlDsa44,
            Some([18]) => KeyAlgorithm::MlDsa65,
            Some([19]) => KeyAlgorithm::MlDsa87,
            _ => KeyAlgorithm::Unknown,
        },
        _ => KeyAlgorithm::Unknown,
    };
    Some(algorithm)
}

/// What no modulus and no exponent of RSA can be: even, or an exponent below
/// three (RFC 8017 section 3.1).
fn rsa_flaw(rsa_public_key: &[u8]) -> Option<&'static str> {
    let parts = der::sequence(rsa_public_key).unwrap_or_default();
    let [modulus, exponent] = parts.as_slice() else {
        return Some("it is malformed");
    };
    let is_odd = |number: &der::Element<'_>| {
        number.tag == der::INTEGER && number.content.last().is_some_and(|last| last % 2 == 1)
    };
    if !is_odd(modulus) || modulus.content.first().is_some_and(|first| *first >= 0x80) {
        return Some("its modulus is even or negative");
    }
    // ring verifies with no larger ones either.
    let fits = is_odd(exponent) && exponent.content.len() <= 5 && exponent.content != [1];
    (!fits).then_some("its exponent is even, 1 or larger than 33 bits")
}

/// Length in bits of the modulus of a PKCS#1 `RSAPublicKey` (RFC 8017 A.1.1).
fn modulus_bits(rsa_public_key: &[u8]) -> Option<usize> {
    let parts = der::sequence(rsa_public_key)?;
    let [modulus, _exponent] = parts.as_slice() else {
        return None;
    };
    let first = modulus.content.iter().position(|octet| *octet != 0)?;
    let significant = modulus.content.get(first..)?;
    let leading = usize::try_from(significant.first()?.leading_zeros()).ok()?;
    Some(significant.len() * 8 - leading)
}
