//! Telling private key files apart by their form, and reading each form.

use pkcs8::{DecodePrivateKey, PrivateKeyInfoRef};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, KeyPair as _, RsaKeyPair,
};
use zeroize::Zeroizing;

use crate::der;
use crate::limits;
use crate::secret::Secret;

use super::{Contents, Error, SoftwareKey, encrypted};

/// Reads the private key in a file's content.
///
/// Read are PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 A.1.2) and SEC 1 (RFC 5915),
/// as PEM or DER, and PKCS#8 encrypted with PBES2 (RFC 8018). In PEM any text,
/// certificate or `EC PARAMETERS` block around the key is passed over.
/// `origin` is what messages call the file. The passphrase is asked for only
/// when the key is encrypted.
///
/// # Errors
///
/// [`Error`] says what was found instead of a usable key, and never any of it.
pub fn open(
    material: &[u8],
    origin: &str,
    passphrase: impl FnOnce() -> Result<Option<Secret>, Error>,
) -> Result<SoftwareKey, Error> {
    let (form, der) = locate(material, origin)?;
    let bytes = match form {
        Form::EncryptedPkcs8 => {
            let Some(secret) = passphrase()? else {
                return Err(Error::Encrypted {
                    origin: origin.to_owned(),
                });
            };
            encrypted::decrypt(&der, origin, &secret)?
        }
        _ => der,
    };
    match form {
        Form::Pkcs8 | Form::EncryptedPkcs8 => from_pkcs8(&bytes, origin),
        Form::Pkcs1 => from_rsa(RsaKeyPair::from_der(&bytes), origin, Form::Pkcs1),
        Form::Sec1 => from_sec1(&bytes, origin),
    }
}

/// The private key forms that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    EncryptedPkcs8,
    Pkcs1,
    Pkcs8,
    Sec1,
}

impl Form {
    const fn name(self) -> &'static str {
        match self {
            Self::EncryptedPkcs8 => "encrypted PKCS#8",
            Self::Pkcs1 => "PKCS#1",
            Self::Pkcs8 => "PKCS#8",
            Self::Sec1 => "SEC 1",
        }
    }

    fn of_label(label: &str) -> Option<Self> {
        match label {
            "PRIVATE KEY" => Some(Self::Pkcs8),
            "RSA PRIVATE KEY" => Some(Self::Pkcs1),
            "EC PRIVATE KEY" => Some(Self::Sec1),
            "ENCRYPTED PRIVATE KEY" => Some(Self::EncryptedPkcs8),
            _ => None,
        }
    }

    /// Tells the DER forms apart by the tags of their first two elements.
    fn of_der(der: &[u8]) -> Option<Self> {
        let parts = der::sequence(der)?;
        let first = parts.first()?;
        let second = parts.get(1)?;
        match (first.tag, first.content, second.tag) {
            (der::INTEGER, [0 | 1], der::SEQUENCE) => Some(Self::Pkcs8),
            (der::INTEGER, [0], der::INTEGER) => Some(Self::Pkcs1),
            (der::INTEGER, [1], der::OCTET_STRING) => Some(Self::Sec1),
            (der::SEQUENCE, _, der::OCTET_STRING) => Some(Self::EncryptedPkcs8),
            _ => None,
        }
    }
}

/// Finds the one private key in the file, and its form.
fn locate(material: &[u8], origin: &str) -> Result<(Form, Zeroizing<Vec<u8>>), Error> {
    let not_a_key = |found| Error::NotAKey {
        origin: origin.to_owned(),
        found,
    };
    let other = |words: &str| not_a_key(Contents::Other(words.to_owned()));
    if !contains(material, b"-----BEGIN ") {
        return match Form::of_der(material) {
            Some(form) => Ok((form, Zeroizing::new(material.to_vec()))),
            None if material.is_empty() => Err(not_a_key(Contents::Empty)),
            None if der::sequence(material).is_some() => {
                Err(other("it is DER, but of something else"))
            }
            None => Err(other("it is neither PEM nor DER")),
        };
    }
    // The crate's error may quote its input, so it is not passed on.
    let blocks = pem::parse_many(material).map_err(|_| Error::Damaged {
        origin: origin.to_owned(),
        form: "PEM",
    })?;
    let mut keys: Vec<(Form, &pem::Pem)> = blocks
        .iter()
        .filter_map(|block| Form::of_label(block.tag()).map(|form| (form, block)))
        .collect();
    match (keys.pop(), keys.len()) {
        (Some((form, block)), 0) => {
            if let Some(scheme) = block.headers().get("DEK-Info") {
                let cipher = scheme.split(',').next().unwrap_or_default();
                return Err(Error::EncryptionUnsupported {
                    origin: origin.to_owned(),
                    scheme: format!(
                        "the traditional PEM cipher {}",
                        crate::text::printable(cipher, 40)
                    ),
                });
            }
            Ok((form, Zeroizing::new(block.contents().to_vec())))
        }
        (Some(_), others) => Err(Error::SeveralKeys {
            origin: origin.to_owned(),
            count: others + 1,
        }),
        (None, _) => {
            let labels: Vec<&str> = blocks.iter().map(pem::Pem::tag).collect();
            Err(not_a_key(Contents::of_labels(&labels)))
        }
    }
}

fn from_pkcs8(der: &[u8], origin: &str) -> Result<SoftwareKey, Error> {
    let damaged = || Error::Damaged {
        origin: origin.to_owned(),
        form: Form::Pkcs8.name(),
    };
    let unsupported = |found: String| Error::Unsupported {
        origin: origin.to_owned(),
        found,
    };
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| damaged())?;
    match info.algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => from_rsa(RsaKeyPair::from_pkcs8(der), origin, Form::Pkcs8),
        "1.2.840.10045.2.1" => {
            let curve = info.algorithm.parameters_oid().map_err(|_| damaged())?;
            match curve.to_string().as_str() {
                "1.2.840.10045.3.1.7" => {
                    match stated_pair(&ECDSA_P256_SHA256_ASN1_SIGNING, &info, der) {
                        Some((scalar, point)) => SoftwareKey::p256_with(
                            origin,
                            p256::SecretKey::from_slice(scalar).map_err(|_| damaged())?,
                            &point,
                        ),
                        None => SoftwareKey::p256(
                            origin,
                            p256::SecretKey::from_pkcs8_der(der).map_err(|_| damaged())?,
                        ),
                    }
                }
                "1.3.132.0.34" => match stated_pair(&ECDSA_P384_SHA384_ASN1_SIGNING, &info, der) {
                    Some((scalar, point)) => SoftwareKey::p384_with(
                        origin,
                        p384::SecretKey::from_slice(scalar).map_err(|_| damaged())?,
                        &point,
                    ),
                    None => SoftwareKey::p384(
                        origin,
                        p384::SecretKey::from_pkcs8_der(der).map_err(|_| damaged())?,
                    ),
                },
                other => Err(unsupported(format!(
                    "EC on the curve {}",
                    curve_name(other)
                ))),
            }
        }
        "1.3.101.112" => Err(unsupported(
            "Ed25519, for which Roles Anywhere has no signing algorithm".to_owned(),
        )),
        other => Err(unsupported(format!("algorithm {other}"))),
    }
}

/// The scalar and the public point of a PKCS#8 key that states both, as all
/// common tools write it. ring checks that they belong together, in a small
/// part of the time that the curve crates take; `None` leaves it to them.
fn stated_pair<'a>(
    algorithm: &'static EcdsaSigningAlgorithm,
    info: &PrivateKeyInfoRef<'a>,
    der: &[u8],
) -> Option<(&'a [u8], Vec<u8>)> {
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, der, &SystemRandom::new()).ok()?;
    let parts = der::sequence(info.private_key.as_bytes())?;
    let scalar = parts.get(1).filter(|part| part.tag == der::OCTET_STRING)?;
    Some((scalar.content, pair.public_key().as_ref().to_vec()))
}

/// Common names of curves that are not read, for the message.
fn curve_name(oid: &str) -> &str {
    match oid {
        "1.3.132.0.35" => "P-521",
        "1.3.132.0.10" => "secp256k1",
        other => other,
    }
}

fn from_rsa(
    parsed: Result<RsaKeyPair, ring::error::KeyRejected>,
    origin: &str,
    form: Form,
) -> Result<SoftwareKey, Error> {
    match parsed {
        Ok(key) => SoftwareKey::rsa(origin, key),
        Err(rejected) => match rejected.to_string().as_str() {
            "TooSmall" => Err(Error::Unsupported {
                origin: origin.to_owned(),
                found: format!("RSA below {} bits", limits::MIN_RSA_BITS),
            }),
            "TooLarge" => Err(Error::Unsupported {
                origin: origin.to_owned(),
                found: "RSA above 4096 bits".to_owned(),
            }),
            _ => Err(Error::Damaged {
                origin: origin.to_owned(),
                form: form.name(),
            }),
        },
    }
}

/// SEC 1 names its curve in `[0] parameters`; the length of the private value
/// must agree, which the curve's own parser checks.
fn from_sec1(der: &[u8], origin: &str) -> Result<SoftwareKey, Error> {
    let damaged = || Error::Damaged {
        origin: origin.to_owned(),
        form: Form::Sec1.name(),
    };
    let parts = der::sequence(der).ok_or_else(damaged)?;
    let scalar = parts.get(1).ok_or_else(damaged)?;
    let curve = parts
        .iter()
        .find(|part| part.tag == 0xa0)
        .map(|part| part.content);
    const P256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
    const P384: &[u8] = &[0x06, 5, 0x2b, 0x81, 0x04, 0x00, 0x22];
    match (curve, scalar.content.len()) {
        (Some(P256) | None, 32) => SoftwareKey::p256(
            origin,
            p256::SecretKey::from_sec1_der(der).map_err(|_| damaged())?,
        ),
        (Some(P384) | None, 48) => SoftwareKey::p384(
            origin,
            p384::SecretKey::from_sec1_der(der).map_err(|_| damaged())?,
        ),
        (Some(P256 | P384) | None, _) => Err(damaged()),
        (Some(_), _) => Err(Error::Unsupported {
            origin: origin.to_owned(),
            found: "EC on a curve other than P-256 and P-384".to_owned(),
        }),
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyType, Signer as _, generate};

    #[test]
    fn a_stated_point_is_taken_only_if_it_is_right() {
        for kind in [KeyType::P256, KeyType::P384] {
            let made = generate(kind, "made").unwrap();
            let mut der = made.pkcs8.expose().to_vec();
            let read = open(&der, "file", || Ok(None)).unwrap();
            assert_eq!(
                read.public_key().subject_public_key(),
                made.key.public_key().subject_public_key()
            );
            // The point stands at the end.
            *der.last_mut().unwrap() ^= 1;
            let refused = open(&der, "file", || Ok(None));
            assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        }
    }
}
