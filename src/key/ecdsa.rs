//! The two encodings of an ECDSA signature and keys on the curves that sign.

use std::sync::OnceLock;

use ecdsa::EcdsaCurve;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{Curve, CurveArithmetic, FieldBytesSize, SecretKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm,
};
use sha2::digest::block_api::BlockSizeUser;
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::der;

use super::{Hash, KeyAlgorithm, Scheme};

/// A curve on which keys are read.
pub(super) trait NamedCurve:
    EcdsaCurve
    + CurveArithmetic<AffinePoint: FromSec1Point<Self> + ToSec1Point<Self>>
    + Curve<FieldBytesSize: ModulusSize>
{
    /// What a key on it is called.
    const ALGORITHM: KeyAlgorithm;

    /// How ring signs certificates on it, where it does.
    fn ring() -> Option<(Scheme, &'static EcdsaSigningAlgorithm)>;
}

impl NamedCurve for p256::NistP256 {
    const ALGORITHM: KeyAlgorithm = KeyAlgorithm::EcP256;

    fn ring() -> Option<(Scheme, &'static EcdsaSigningAlgorithm)> {
        Some((Scheme::EcdsaSha256, &ECDSA_P256_SHA256_ASN1_SIGNING))
    }
}

impl NamedCurve for p384::NistP384 {
    const ALGORITHM: KeyAlgorithm = KeyAlgorithm::EcP384;

    fn ring() -> Option<(Scheme, &'static EcdsaSigningAlgorithm)> {
        Some((Scheme::EcdsaSha384, &ECDSA_P384_SHA384_ASN1_SIGNING))
    }
}

impl NamedCurve for p521::NistP521 {
    const ALGORITHM: KeyAlgorithm = KeyAlgorithm::EcP521;

    fn ring() -> Option<(Scheme, &'static EcdsaSigningAlgorithm)> {
        None
    }
}

/// A private key on a curve, with its public point.
///
/// The crates' own signing keys are not used: each of them computes the public
/// key anew, which takes as long as a signature.
pub(super) struct EcKey<C: NamedCurve> {
    secret: SecretKey<C>,
    point: Vec<u8>,
    /// ring's form of the key, made when the first certificate is signed.
    pair: OnceLock<EcdsaKeyPair>,
}

impl<C: NamedCurve> EcKey<C> {
    /// Takes the private value as big-endian octets, and the public point where
    /// the file states it. `None` when the value is not one of the curve or the
    /// point is not its own.
    ///
    /// Leading zeros may be missing or too many, as some tools write them
    /// (RFC 5915 section 3 asks for the field's length).
    pub(super) fn new(scalar: &[u8], stated: Option<&[u8]>) -> Option<Self> {
        let size = Self::size();
        let mut padded = Zeroizing::new(vec![0; size]);
        let excess = scalar.len().saturating_sub(size);
        let (zeros, significant) = scalar.split_at_checked(excess)?;
        if zeros.iter().any(|octet| *octet != 0) {
            return None;
        }
        padded
            .get_mut(size - significant.len()..)?
            .copy_from_slice(significant);
        let secret = SecretKey::<C>::from_slice(&padded).ok()?;
        let point = match stated {
            Some(point) if Self::is_checked_by_ring(&padded, point) => point.to_vec(),
            _ => {
                let derived = secret.public_key();
                let matches = |compress| {
                    stated.is_none_or(|point| derived.to_sec1_point(compress).as_bytes() == point)
                };
                if !matches(false) && !matches(true) {
                    return None;
                }
                derived.to_sec1_point(false).as_bytes().to_vec()
            }
        };
        Some(Self {
            secret,
            point,
            pair: OnceLock::new(),
        })
    }

    /// The uncompressed public point.
    pub(super) fn point(&self) -> &[u8] {
        &self.point
    }

    /// Signs; `None` when the scheme is not one for this curve.
    pub(super) fn sign(&self, scheme: Scheme, message: &[u8]) -> Option<Vec<u8>> {
        match scheme {
            // RFC 6979 draws the nonce with the hash that signs. The crates'
            // own prehash signers would draw it with the curve's usual hash, so
            // the primitive is called.
            Scheme::DeterministicEcdsa(hash) => Some(match hash {
                Hash::Sha256 => self.sign_deterministic::<Sha256>(message),
                Hash::Sha384 => self.sign_deterministic::<Sha384>(message),
                Hash::Sha512 => self.sign_deterministic::<Sha512>(message),
            }),
            other => {
                let (scheme, algorithm) = C::ring()?;
                if scheme != other {
                    return None;
                }
                let random = SystemRandom::new();
                let signature = self.pair(algorithm)?.sign(&random, message).ok()?;
                Some(signature.as_ref().to_vec())
            }
        }
    }

    fn sign_deterministic<D: Digest + BlockSizeUser>(&self, message: &[u8]) -> Vec<u8> {
        let (signature, _) = ecdsa::hazmat::sign_prehashed_rfc6979::<C, D>(
            &self.secret.to_nonzero_scalar(),
            &D::digest(message),
            &[],
        );
        let (r, s) = signature.split_bytes();
        signature_der(&r, &s)
    }

    fn pair(&self, algorithm: &'static EcdsaSigningAlgorithm) -> Option<&EcdsaKeyPair> {
        if let Some(pair) = self.pair.get() {
            return Some(pair);
        }
        let scalar = Zeroizing::new(self.secret.to_bytes());
        let pair = EcdsaKeyPair::from_private_key_and_public_key(
            algorithm,
            &scalar,
            &self.point,
            &SystemRandom::new(),
        )
        .ok()?;
        Some(self.pair.get_or_init(|| pair))
    }

    /// ring checks that a stated point belongs to the value in a small part of
    /// the time that the curve crates take to compute it.
    fn is_checked_by_ring(scalar: &[u8], point: &[u8]) -> bool {
        C::ring().is_some_and(|(_, algorithm)| {
            EcdsaKeyPair::from_private_key_and_public_key(
                algorithm,
                scalar,
                point,
                &SystemRandom::new(),
            )
            .is_ok()
        })
    }

    fn size() -> usize {
        use p256::elliptic_curve::array::typenum::Unsigned;
        FieldBytesSize::<C>::USIZE
    }
}

/// Encodes r and s, big-endian, as `ECDSA-Sig-Value` (RFC 3279 section 2.2.3).
pub(super) fn signature_der(r: &[u8], s: &[u8]) -> Vec<u8> {
    der::write_all(
        der::SEQUENCE,
        &[&der::write_unsigned(r), &der::write_unsigned(s)],
    )
}

/// Encodes r and s of equal length that stand side by side, as tokens and some
/// programs give them (PKCS#11 v3.1 section 6.3.1). `None` when they are not two.
pub(super) fn from_raw(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(raw.len() / 2)?;
    (!r.is_empty() && r.len() == s.len()).then(|| signature_der(r, s))
}

/// Whether `signature`, an `ECDSA-Sig-Value`, is that of `point` over the digest.
/// Slower than ring, for what ring does not have: P-521, and SHA-512 on the
/// others.
pub(super) fn verify<C: NamedCurve>(point: &[u8], digest: &[u8], signature: &[u8]) -> bool {
    let size = EcKey::<C>::size();
    let fixed = |element: &der::Element<'_>| {
        let first = element.content.iter().position(|octet| *octet != 0)?;
        let significant = element.content.get(first..)?;
        // One encoding only, and no negative number (X.690 section 8.3).
        if der::write_unsigned(significant) != element.encoded {
            return None;
        }
        let mut octets = vec![0; size];
        let start = size.checked_sub(significant.len())?;
        octets.get_mut(start..)?.copy_from_slice(significant);
        Some(octets)
    };
    let raw = || -> Option<Vec<u8>> {
        let parts = der::sequence(signature)?;
        let [r, s] = parts.as_slice() else {
            return None;
        };
        Some([fixed(r)?, fixed(s)?].concat())
    };
    let Some(raw) = raw() else {
        return false;
    };
    let Ok(key) = p256::elliptic_curve::PublicKey::<C>::from_sec1_bytes(point) else {
        return false;
    };
    let Ok(signature) = ecdsa::Signature::<C>::from_slice(&raw) else {
        return false;
    };
    ecdsa::hazmat::verify_prehashed::<C>(&key.to_projective(), digest, &signature).is_ok()
}
