//! ML-DSA keys (FIPS 204) and the three forms of their PKCS#8 (RFC 9881).

use ml_dsa::{
    ExpandedSigningKey, ExpandedSigningKeyBytes, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Seed,
    Signature, SigningKey, Verifier, VerifyingKey,
};

use crate::der;

use super::KeyAlgorithm;

/// An ML-DSA private key with its public key.
pub(super) struct MlDsaKey {
    algorithm: KeyAlgorithm,
    public: Vec<u8>,
    private: Box<dyn Sign>,
}

impl MlDsaKey {
    /// Takes the content of the PKCS#8 `privateKey`, which is a seed, an
    /// expanded key, or both (RFC 9881 section 6). `None` when it is malformed,
    /// when seed and expanded key differ, or when the expanded key is not
    /// consistent in itself.
    pub(super) fn from_private_key(algorithm: KeyAlgorithm, private_key: &[u8]) -> Option<Self> {
        let (element, []) = der::read(private_key)? else {
            return None;
        };
        let (seed, expanded) = match element.tag {
            // [0] IMPLICIT OCTET STRING
            0x80 => (Some(element.content), None),
            der::OCTET_STRING => (None, Some(element.content)),
            der::SEQUENCE => match der::children(element.content)?.as_slice() {
                [seed, expanded]
                    if seed.tag == der::OCTET_STRING && expanded.tag == der::OCTET_STRING =>
                {
                    (Some(seed.content), Some(expanded.content))
                }
                _ => return None,
            },
            _ => return None,
        };
        match algorithm {
            KeyAlgorithm::MlDsa44 => Self::assemble::<MlDsa44>(algorithm, seed, expanded),
            KeyAlgorithm::MlDsa65 => Self::assemble::<MlDsa65>(algorithm, seed, expanded),
            KeyAlgorithm::MlDsa87 => Self::assemble::<MlDsa87>(algorithm, seed, expanded),
            _ => None,
        }
    }

    pub(super) const fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// The public key as it stands in a certificate (FIPS 204 algorithm 22).
    pub(super) fn public(&self) -> &[u8] {
        &self.public
    }

    /// Signs the message itself with an empty context (pure ML-DSA, FIPS 204
    /// algorithm 2, deterministic variant).
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.private.sign(message)
    }

    fn assemble<P: MlDsaParams + Send + Sync + 'static>(
        algorithm: KeyAlgorithm,
        seed: Option<&[u8]>,
        expanded: Option<&[u8]>,
    ) -> Option<Self>
    where
        ExpandedSigningKey<P>: Send + Sync,
    {
        let from_seed = match seed {
            Some(seed) => Some(SigningKey::<P>::from_seed(&Seed::try_from(seed).ok()?)),
            None => None,
        };
        let from_expanded = match expanded {
            Some(octets) => Some(decode_expanded::<P>(algorithm, octets)?),
            None => None,
        };
        let private = match (from_seed, from_expanded) {
            (Some(key), Some(stated)) if key.expanded_key() != &stated => return None,
            (Some(key), _) => key.expanded_key().clone(),
            (None, Some(key)) => {
                // Nothing in an expanded key vouches for its parts. A signature
                // that verifies shows that they belong together, if not every
                // bit of them.
                let probe = key.sign_deterministic(b"", b"").ok()?;
                key.verifying_key().verify(b"", &probe).ok()?;
                key
            }
            (None, None) => return None,
        };
        Some(Self {
            algorithm,
            public: private.verifying_key().encode().to_vec(),
            private: Box::new(private),
        })
    }
}

/// Whether `signature` is that of the public key over the message, with an
/// empty context.
pub(super) fn verify(
    algorithm: KeyAlgorithm,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> bool {
    fn with<P: MlDsaParams>(public: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
        let key = VerifyingKey::<P>::decode(&public.try_into().ok()?);
        let signature = Signature::<P>::try_from(signature).ok()?;
        key.verify(message, &signature).ok()
    }
    match algorithm {
        KeyAlgorithm::MlDsa44 => with::<MlDsa44>(public, message, signature),
        KeyAlgorithm::MlDsa65 => with::<MlDsa65>(public, message, signature),
        KeyAlgorithm::MlDsa87 => with::<MlDsa87>(public, message, signature),
        _ => None,
    }
    .is_some()
}

/// Whether it has the length of such a public key: every content of that length
/// is one (FIPS 204 algorithm 23).
pub(super) fn is_public(algorithm: KeyAlgorithm, public: &[u8]) -> bool {
    match algorithm {
        KeyAlgorithm::MlDsa44 => public.len() == 1312,
        KeyAlgorithm::MlDsa65 => public.len() == 1952,
        KeyAlgorithm::MlDsa87 => public.len() == 2592,
        _ => false,
    }
}

trait Sign: Send + Sync {
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>>;
}

impl<P: MlDsaParams> Sign for ExpandedSigningKey<P>
where
    Self: Send + Sync,
{
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let signature = self.sign_deterministic(message, b"").ok()?;
        Some(signature.encode().to_vec())
    }
}

/// Decodes an expanded key (FIPS 204 algorithm 25).
///
/// The crate panics on coefficients that are out of range, so those are looked
/// for first: s1 and s2 hold 256 coefficients each per polynomial, of three
/// bits (0 to 4) or four bits (0 to 8), the least significant bit first.
fn decode_expanded<P: MlDsaParams>(
    algorithm: KeyAlgorithm,
    octets: &[u8],
) -> Option<ExpandedSigningKey<P>> {
    /// Length of rho, K and tr together.
    const HEAD: usize = 128;
    let (rows, columns, bits, largest) = match algorithm {
        KeyAlgorithm::MlDsa44 => (4, 4, 3, 4),
        KeyAlgorithm::MlDsa65 => (6, 5, 4, 8),
        KeyAlgorithm::MlDsa87 => (8, 7, 3, 4),
        _ => return None,
    };
    let encoded = ExpandedSigningKeyBytes::<P>::try_from(octets).ok()?;
    let short = octets.get(HEAD..HEAD + (rows + columns) * 32 * bits)?;
    let bit = |index: usize| -> Option<u8> { Some(short.get(index / 8)? >> (index % 8) & 1) };
    for coefficient in 0..(rows + columns) * 256 {
        let mut value = 0;
        for position in 0..bits {
            value |= bit(coefficient * bits + position)? << position;
        }
        if value > largest {
            return None;
        }
    }
    #[expect(
        deprecated,
        reason = "RFC 9881 has keys without a seed, and there is no other way to read them"
    )]
    Some(ExpandedSigningKey::from_expanded(&encoded))
}
