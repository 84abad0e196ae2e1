//! Reading a private key whose form is known and whose encryption is off.

use pkcs8::der::{Tag, Tagged};
use pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};
use ring::signature::RsaKeyPair;
use zeroize::Zeroizing;

use crate::der;
use crate::limits;
use crate::secret::Secret;

use super::ecdsa::{EcKey, NamedCurve};
use super::ml_dsa::MlDsaKey;
use super::software::Private;
use super::{Error, KeyAlgorithm, PublicKey, Signer, SoftwareKey};

/// A private key that can be written elsewhere.
#[derive(Debug)]
pub struct ExportableKey {
    /// The key, ready to sign.
    pub key: SoftwareKey,
    /// The same key as DER PKCS#8 (RFC 5958, version 0), in the form that the most
    /// programs read, whatever form it was read in: an EC key names its curve
    /// outside alone and has its public point inside, and there are no attributes.
    pub pkcs8: Secret,
}

/// The structures in which a private key stands in the clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// RFC 8017 A.1.2.
    Pkcs1,
    /// RFC 5958.
    Pkcs8,
    /// RFC 5915.
    Sec1,
}

impl Form {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pkcs1 => "PKCS#1",
            Self::Pkcs8 => "PKCS#8",
            Self::Sec1 => "SEC 1",
        }
    }
}

/// Reads the key. `origin` is what messages call it.
pub(super) fn read(form: Form, der: &[u8], origin: &str) -> Result<SoftwareKey, Error> {
    let failed = |failure: Failure| match failure {
        Failure::Damaged => Error::Damaged {
            origin: origin.to_owned(),
            form: form.name(),
        },
        Failure::Unsupported(found) => Error::Unsupported {
            origin: origin.to_owned(),
            found,
        },
    };
    let private = match form {
        Form::Pkcs1 => rsa(der),
        Form::Pkcs8 => pkcs8(der),
        Form::Sec1 => sec1(der, None, None),
    };
    SoftwareKey::new(origin, private.map_err(failed)?)
}

/// Reads the key, and gives it as PKCS#8 too.
pub(super) fn read_exportable(
    form: Form,
    der: &[u8],
    origin: &str,
) -> Result<ExportableKey, Error> {
    let key = read(form, der, origin)?;
    let pkcs8 = to_pkcs8(form, der, key.public_key()).ok_or_else(|| Error::Damaged {
        origin: origin.to_owned(),
        form: form.name(),
    })?;
    Ok(ExportableKey {
        key,
        pkcs8: Secret::new(pkcs8.to_vec()),
    })
}

/// `PrivateKeyInfo` (RFC 5958 section 2) of a key that was read.
fn to_pkcs8(form: Form, der: &[u8], public: &PublicKey) -> Option<Zeroizing<Vec<u8>>> {
    // It is the same in SubjectPublicKeyInfo (RFC 5480, 8017 and 9881).
    let algorithm = der::sequence(public.spki())?.first()?.encoded;
    let inner = match form {
        Form::Pkcs1 | Form::Sec1 => der,
        Form::Pkcs8 => PrivateKeyInfoRef::try_from(der)
            .ok()?
            .private_key
            .as_bytes(),
    };
    let private = match public.algorithm() {
        KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => {
            to_sec1(inner, public.subject_public_key())?
        }
        _ => Zeroizing::new(inner.to_vec()),
    };
    let version = der::write(der::INTEGER, &[0]);
    let private = wiping_der(der::OCTET_STRING, &[&private]);
    Some(wiping_der(der::SEQUENCE, &[&version, algorithm, &private]))
}

/// `ECPrivateKey` (RFC 5915 section 3) with a private value of the field's length
/// and the public point.
fn to_sec1(der: &[u8], point: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let parts = der::sequence(der)?;
    let [_, scalar, ..] = parts.as_slice() else {
        return None;
    };
    // The point is not compressed: one octet and two coordinates.
    let length = point.len().checked_sub(1)? / 2;
    let mut padded = Zeroizing::new(vec![0; length]);
    let excess = scalar.content.len().saturating_sub(length);
    let significant = scalar.content.get(excess..)?;
    let start = length - significant.len();
    padded.get_mut(start..)?.copy_from_slice(significant);
    let bits = der::write_all(der::BIT_STRING, &[&[0], point]);
    Some(wiping_der(
        der::SEQUENCE,
        &[
            &der::write(der::INTEGER, &[1]),
            &wiping_der(der::OCTET_STRING, &[&padded]),
            &der::write(0xa1, &bits),
        ],
    ))
}

/// One element from its parts, in memory that does not grow and is wiped.
fn wiping_der(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut encoded = Zeroizing::new(Vec::with_capacity(length + 10));
    der::append_head(&mut encoded, tag, length);
    for part in parts {
        encoded.extend_from_slice(part);
    }
    encoded
}

/// Why a key is not read.
enum Failure {
    /// It is not what its form announces.
    Damaged,
    /// It is of a type that is not read, in words.
    Unsupported(String),
}

fn pkcs8(der: &[u8]) -> Result<Private, Failure> {
    let info = PrivateKeyInfoRef::try_from(der).map_err(|_| Failure::Damaged)?;
    let inner = info.private_key.as_bytes();
    let ml_dsa = |algorithm| {
        MlDsaKey::from_private_key(algorithm, inner)
            .map(Private::MlDsa)
            .ok_or(Failure::Damaged)
    };
    let unsupported = |found: &str| Err(Failure::Unsupported(found.to_owned()));
    match info.algorithm.oid.to_string().as_str() {
        "1.2.840.113549.1.1.1" => rsa(inner),
        "1.2.840.113549.1.1.10" => unsupported("an RSA key restricted to PSS"),
        "1.2.840.10045.2.1" => {
            let parameters = info.algorithm.parameters.ok_or(Failure::Damaged)?;
            if parameters.tag() == Tag::Sequence {
                return unsupported(WRITTEN_OUT_CURVE);
            }
            let curve = parameters
                .decode_as::<ObjectIdentifier>()
                .map_err(|_| Failure::Damaged)?;
            let point = info.public_key.map(|bits| bits.raw_bytes());
            sec1(inner, Some(&curve.to_string()), point)
        }
        oid if oid.starts_with("2.16.840.1.101.3.4.3.") && info.algorithm.parameters.is_some() => {
            Err(Failure::Damaged)
        }
        "2.16.840.1.101.3.4.3.17" => ml_dsa(KeyAlgorithm::MlDsa44),
        "2.16.840.1.101.3.4.3.18" => ml_dsa(KeyAlgorithm::MlDsa65),
        "2.16.840.1.101.3.4.3.19" => ml_dsa(KeyAlgorithm::MlDsa87),
        "1.3.101.112" => unsupported("Ed25519, for which Roles Anywhere has no signing algorithm"),
        "1.3.101.113" => unsupported("Ed448, for which Roles Anywhere has no signing algorithm"),
        "1.2.840.10040.4.1" => unsupported("DSA"),
        other => Err(Failure::Unsupported(format!("algorithm {other}"))),
    }
}

/// An `ECPrivateKey`. In PKCS#8 the curve stands outside, and the public point
/// may (RFC 5958 section 2); by itself it names
/// the curve in `[0] parameters`, and where it does not, the length of the
/// private value tells.
fn sec1(
    der: &[u8],
    outer_curve: Option<&str>,
    outer_point: Option<&[u8]>,
) -> Result<Private, Failure> {
    let parts = der::sequence(der).ok_or(Failure::Damaged)?;
    let [version, scalar, optional @ ..] = parts.as_slice() else {
        return Err(Failure::Damaged);
    };
    if version.content != [1] || scalar.tag != der::OCTET_STRING {
        return Err(Failure::Damaged);
    }
    let tagged = |tag| match optional.iter().find(|part| part.tag == tag) {
        None => Ok(None),
        Some(element) => match der::read(element.content) {
            Some((inner, [])) => Ok(Some(inner)),
            _ => Err(Failure::Damaged),
        },
    };
    let inner_curve = match tagged(0xa0)? {
        None => None,
        Some(parameters) if parameters.tag == der::OBJECT_IDENTIFIER => Some(
            ObjectIdentifier::from_bytes(parameters.content)
                .map_err(|_| Failure::Damaged)?
                .to_string(),
        ),
        Some(_) => {
            return Err(Failure::Unsupported(WRITTEN_OUT_CURVE.to_owned()));
        }
    };
    let stated = match tagged(0xa1)? {
        None => None,
        Some(bits) if bits.tag == der::BIT_STRING => {
            Some(bits.content.strip_prefix(&[0]).ok_or(Failure::Damaged)?)
        }
        Some(_) => return Err(Failure::Damaged),
    };
    let stated = match (stated, outer_point) {
        (Some(inner), Some(outer)) if inner != outer => return Err(Failure::Damaged),
        (inner, outer) => inner.or(outer),
    };
    // Without a name only the public point tells the curve from another one of
    // the same length.
    let guessed = outer_curve.is_none() && inner_curve.is_none();
    let curve = match (outer_curve, inner_curve.as_deref()) {
        (Some(outer), Some(inner)) if outer != inner => return Err(Failure::Damaged),
        (Some(curve), _) | (None, Some(curve)) => curve,
        (None, None) => match scalar.content.len() {
            32 => P256,
            48 => P384,
            66 => P521,
            _ => return Err(Failure::Damaged),
        },
    };
    fn key<C: NamedCurve>(scalar: &[u8], stated: Option<&[u8]>) -> Result<EcKey<C>, Failure> {
        EcKey::new(scalar, stated).ok_or(Failure::Damaged)
    }
    if guessed && stated.is_none() {
        return Err(Failure::Unsupported(UNNAMED_CURVE.to_owned()));
    }
    let read = match curve {
        P256 => key(scalar.content, stated).map(Private::P256),
        P384 => key(scalar.content, stated).map(Private::P384),
        P521 => key(scalar.content, stated).map(Private::P521),
        "1.3.132.0.10" => Err(Failure::Unsupported("EC on the curve secp256k1".to_owned())),
        other => Err(Failure::Unsupported(format!("EC on the curve {other}"))),
    };
    match read {
        Err(Failure::Damaged) if guessed => Err(Failure::Unsupported(UNNAMED_CURVE.to_owned())),
        other => other,
    }
}

/// What is said of `ECParameters` that are not a name (RFC 5480 section 2.1.1
/// allows names only).
const WRITTEN_OUT_CURVE: &str = "EC on a curve that is written out instead of named";

/// What is said of a SEC 1 key that does not name its curve.
const UNNAMED_CURVE: &str = "EC on a curve that the file does not name";

/// Reads an `RSAPrivateKey`. What ring refuses is looked at again for the
/// reason, since it tells size and damage apart but not the rest.
fn rsa(der: &[u8]) -> Result<Private, Failure> {
    let parts = der::sequence(der).ok_or(Failure::Damaged)?;
    let [version, modulus, exponent, ..] = parts.as_slice() else {
        return Err(Failure::Damaged);
    };
    if version.content == [1] {
        return Err(Failure::Unsupported(
            "RSA with more than two primes".to_owned(),
        ));
    }
    RsaKeyPair::from_der(der)
        .map(|key| Private::Rsa(Box::new(key)))
        .map_err(|_| {
            let length = bits(modulus);
            // ring takes primes whose length is a multiple of 512 bits.
            if !(limits::MIN_RSA_BITS..=limits::MAX_RSA_PRIVATE_BITS).contains(&length)
                || !length.is_multiple_of(1024)
            {
                Failure::Unsupported(rsa_size(length))
            } else if bits(exponent) < 17 {
                Failure::Unsupported("RSA with a public exponent below 65537".to_owned())
            } else {
                Failure::Damaged
            }
        })
}

fn rsa_size(length: usize) -> String {
    if length < limits::MIN_RSA_BITS {
        format!("RSA below {} bits", limits::MIN_RSA_BITS)
    } else if length > limits::MAX_RSA_PRIVATE_BITS {
        format!("RSA above {} bits", limits::MAX_RSA_PRIVATE_BITS)
    } else {
        format!("RSA of {length} bits")
    }
}

/// Length in bits of a positive INTEGER.
fn bits(number: &der::Element<'_>) -> usize {
    let mut significant = number.content.iter().skip_while(|octet| **octet == 0);
    match significant.next() {
        None => 0,
        Some(first) => {
            let leading = usize::try_from(first.leading_zeros()).unwrap_or(8);
            (significant.count() + 1) * 8 - leading
        }
    }
}

/// `secp256r1`.
const P256: &str = "1.2.840.10045.3.1.7";
/// `secp384r1`.
const P384: &str = "1.3.132.0.34";
/// `secp521r1`.
const P521: &str = "1.3.132.0.35";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyType, generate};

    #[test]
    fn a_stated_point_is_taken_only_if_it_is_right() {
        for kind in [KeyType::P256, KeyType::P384] {
            let made = generate(kind, "made").unwrap();
            let mut der = made.pkcs8.expose().to_vec();
            let key = read(Form::Pkcs8, &der, "file").unwrap();
            assert_eq!(
                key.public_key().subject_public_key(),
                made.key.public_key().subject_public_key()
            );
            // The point stands at the end.
            *der.last_mut().unwrap() ^= 1;
            let refused = read(Form::Pkcs8, &der, "file");
            assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        }
    }
}
