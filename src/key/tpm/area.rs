//! Public areas (TPMT_PUBLIC; TPM 2.0 Library, part 2, 12.2.4): what a key is
//! and may do.

use crate::limits;

use super::super::{Error, KeyAlgorithm, PublicKey};
use super::wire::{Reader, alg, attribute, curve};

/// A public area, as far as it matters here.
pub(super) struct Area {
    name_algorithm: u16,
    attributes: u32,
    kind: Kind,
}

enum Kind {
    Rsa {
        scheme: Option<(u16, u16)>,
        bits: u16,
        exponent: u32,
        modulus: Vec<u8>,
    },
    Ecc {
        scheme: Option<(u16, u16)>,
        curve: u16,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    Other(u16),
}

/// How a key signs a SHA-256 digest.
pub(super) struct Signing {
    /// The public half.
    pub(super) public_key: PublicKey,
    /// `TPM_ALG_RSASSA` or `TPM_ALG_ECDSA`.
    pub(super) scheme: u16,
    /// The hash algorithm that the command names.
    pub(super) hash: u16,
    /// How long that algorithm's digests are, in bytes; 32 or more.
    pub(super) digest_length: usize,
    /// The hash algorithm of the key's name, as long as which a password may be.
    pub(super) name_algorithm: u16,
    /// Whether the key signs only what the TPM itself has hashed.
    pub(super) restricted: bool,
    /// Whether wrong passwords are counted and lead to a lockout.
    pub(super) counted: bool,
}

impl Area {
    /// Reads a TPMT_PUBLIC; `None` when it is malformed.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let kind = reader.u16()?;
        let name_algorithm = reader.u16()?;
        let attributes = reader.u32()?;
        let _policy = reader.sized()?;
        let kind = match kind {
            alg::RSA => {
                skip_symmetric(&mut reader)?;
                let scheme = read_scheme(&mut reader)?;
                let bits = reader.u16()?;
                let exponent = reader.u32()?;
                let modulus = reader.sized()?.to_vec();
                reader.end()?;
                Kind::Rsa {
                    scheme,
                    bits,
                    exponent,
                    modulus,
                }
            }
            alg::ECC => {
                skip_symmetric(&mut reader)?;
                let scheme = read_scheme(&mut reader)?;
                let curve = reader.u16()?;
                let _kdf = read_scheme(&mut reader)?;
                let x = reader.sized()?.to_vec();
                let y = reader.sized()?.to_vec();
                reader.end()?;
                Kind::Ecc {
                    scheme,
                    curve,
                    x,
                    y,
                }
            }
            // Nothing more of these is of use.
            other => Kind::Other(other),
        };
        Some(Self {
            name_algorithm,
            attributes,
            kind,
        })
    }

    /// How this key signs.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] says what the key is or lacks, and
    /// [`Error::Damaged`] when its numbers contradict each other.
    pub(super) fn signing(&self, origin: &str) -> Result<Signing, Error> {
        let unsupported = |found: String| Error::Unsupported {
            origin: origin.to_owned(),
            found,
        };
        let words = |text: &str| Err(unsupported(text.to_owned()));
        let has = |flag: u32| self.attributes & flag != 0;
        if let Kind::Other(kind) = self.kind {
            return Err(unsupported(match kind {
                alg::KEYEDHASH => "a TPM's HMAC key or sealed data".to_owned(),
                alg::SYMCIPHER => "a TPM's symmetric key".to_owned(),
                other => format!("a TPM key of the type 0x{other:04x}"),
            }));
        }
        if !has(attribute::SIGN) {
            return words("a TPM key that may only decrypt, not sign");
        }
        if has(attribute::X509_SIGN) {
            return words("a TPM key that may only sign X.509 certificates");
        }
        if !has(attribute::USER_WITH_AUTH) {
            return words("a TPM key that is used with a policy, not with a password");
        }
        let (public_key, scheme, hash) = match &self.kind {
            Kind::Rsa {
                scheme,
                bits,
                exponent,
                modulus,
            } => {
                let bits = usize::from(*bits);
                if !(limits::MIN_RSA_BITS..=limits::MAX_TPM_RSA_BITS).contains(&bits) {
                    return Err(unsupported(format!("a TPM's RSA key of {bits} bits")));
                }
                let hash = match scheme {
                    None | Some((alg::RSASSA, alg::SHA256)) => alg::SHA256,
                    Some(other) => return Err(unsupported(fixed(*other))),
                };
                (rsa_key(bits, *exponent, modulus), alg::RSASSA, hash)
            }
            Kind::Ecc {
                scheme,
                curve,
                x,
                y,
            } => {
                let (algorithm, length) = match *curve {
                    curve::P256 => (KeyAlgorithm::EcP256, 32),
                    curve::P384 => (KeyAlgorithm::EcP384, 48),
                    curve::P521 => (KeyAlgorithm::EcP521, 66),
                    other => {
                        return Err(unsupported(format!(
                            "a TPM's EC key on the curve 0x{other:04x}"
                        )));
                    }
                };
                let hash = match scheme {
                    None => alg::SHA256,
                    // ECDSA signs the digest as a number (FIPS 186-5, 6.4.1).
                    // One of SHA-256 with zeros before it is the same number in
                    // the length of a longer hash, as long as the curve is not
                    // shorter, so such a key signs SHA-256 as well. A
                    // restricted key takes only digests of its own hash.
                    Some((alg::ECDSA, hash))
                        if *hash == alg::SHA256
                            || !has(attribute::RESTRICTED)
                                && digest_length(*hash).is_some_and(|wide| wide <= length) =>
                    {
                        *hash
                    }
                    Some(other) => return Err(unsupported(fixed(*other))),
                };
                (ec_key(algorithm, length, x, y), alg::ECDSA, hash)
            }
            Kind::Other(_) => (None, alg::NULL, alg::NULL),
        };
        let damaged = || Error::Damaged {
            origin: origin.to_owned(),
            form: "TPM",
        };
        Ok(Signing {
            public_key: public_key.ok_or_else(damaged)?,
            scheme,
            hash,
            digest_length: digest_length(hash).ok_or_else(damaged)?,
            name_algorithm: self.name_algorithm,
            restricted: has(attribute::RESTRICTED),
            counted: !has(attribute::NO_DA),
        })
    }

    /// The uncompressed point of a key to which a session's salt can be
    /// encrypted: a storage key on P-256 whose name is a SHA-256.
    pub(super) fn salting_point(&self) -> Option<Vec<u8>> {
        match &self.kind {
            Kind::Ecc {
                curve: curve::P256,
                x,
                y,
                ..
            } if self.name_algorithm == alg::SHA256
                && self.attributes & attribute::DECRYPT != 0 =>
            {
                point(32, x, y)
            }
            _ => None,
        }
    }
}

/// TPMT_SYM_DEF_OBJECT.
fn skip_symmetric(reader: &mut Reader<'_>) -> Option<()> {
    if reader.u16()? != alg::NULL {
        let _bits = reader.u16()?;
        let _mode = reader.u16()?;
    }
    Some(())
}

/// TPMT_RSA_SCHEME, TPMT_ECC_SCHEME or TPMT_KDF_SCHEME: the algorithm and its
/// hash, `None` when the key leaves it open.
fn read_scheme(reader: &mut Reader<'_>) -> Option<Option<(u16, u16)>> {
    Some(match reader.u16()? {
        alg::NULL => None,
        alg::RSAES => Some((alg::RSAES, alg::NULL)),
        alg::ECDAA => {
            let hash = reader.u16()?;
            let _count = reader.u16()?;
            Some((alg::ECDAA, hash))
        }
        other => Some((other, reader.u16()?)),
    })
}

/// The words for a key with another scheme than the one that is needed.
fn fixed((scheme, hash): (u16, u16)) -> String {
    let scheme = match scheme {
        alg::RSASSA => "RSASSA",
        alg::RSAES => "RSAES",
        alg::RSAPSS => "RSAPSS",
        alg::OAEP => "OAEP",
        alg::ECDSA => "ECDSA",
        alg::ECDH => "ECDH",
        alg::ECDAA => "ECDAA",
        alg::SM2 => "SM2",
        alg::ECSCHNORR => "EC Schnorr",
        _ => "another scheme",
    };
    let hash = match hash {
        alg::SHA1 => " with SHA-1",
        alg::SHA256 => " with SHA-256",
        alg::SHA384 => " with SHA-384",
        alg::SHA512 => " with SHA-512",
        alg::NULL => "",
        _ => " with another hash",
    };
    format!(
        "a TPM key that is fixed to {scheme}{hash}; Roles Anywhere takes RSASSA and ECDSA with SHA-256"
    )
}

const fn digest_length(hash: u16) -> Option<usize> {
    match hash {
        alg::SHA256 => Some(32),
        alg::SHA384 => Some(48),
        alg::SHA512 => Some(64),
        _ => None,
    }
}

/// The key from its modulus and exponent, of which 0 stands for 65537 (part 2,
/// 12.2.3.5).
fn rsa_key(bits: usize, exponent: u32, modulus: &[u8]) -> Option<PublicKey> {
    let exponent = match exponent {
        0 => 0x0001_0001,
        other => other,
    };
    let key = PublicKey::rsa(modulus, &exponent.to_be_bytes())?;
    (key.algorithm() == KeyAlgorithm::Rsa { bits }).then_some(key)
}

fn ec_key(algorithm: KeyAlgorithm, length: usize, x: &[u8], y: &[u8]) -> Option<PublicKey> {
    let point = point(length, x, y)?;
    PublicKey::from_parts(algorithm, &point)
}

/// The uncompressed point (SEC 1, 2.3.3); a TPM may leave out leading zeros.
fn point(length: usize, x: &[u8], y: &[u8]) -> Option<Vec<u8>> {
    Some([&[4][..], &padded(length, x)?, &padded(length, y)?].concat())
}

/// A number in exactly `length` bytes; `None` when it is longer.
pub(super) fn padded(length: usize, number: &[u8]) -> Option<Vec<u8>> {
    let missing = length.checked_sub(number.len())?;
    let mut wide = vec![0; missing];
    wide.extend(number);
    Some(wide)
}

#[cfg(test)]
mod tests {
    use super::super::wire::Writer;
    use super::*;

    const SIGNS: u32 = attribute::SIGN | attribute::USER_WITH_AUTH;

    /// An EC key on a curve with the scheme's words, at an arbitrary point.
    fn ec(attributes: u32, curve: u16, scheme: &[u16]) -> Vec<u8> {
        let mut writer = Writer::default()
            .u16(alg::ECC)
            .u16(alg::SHA256)
            .u32(attributes)
            .sized(&[])
            .u16(alg::NULL);
        for word in scheme {
            writer = writer.u16(*word);
        }
        writer
            .u16(curve)
            .u16(alg::NULL)
            .sized(&[1])
            .sized(&[2; 32])
            .done()
    }

    fn rsa(attributes: u32, scheme: &[u16], bits: u16) -> Vec<u8> {
        let mut writer = Writer::default()
            .u16(alg::RSA)
            .u16(alg::SHA256)
            .u32(attributes)
            .sized(&[])
            .u16(alg::NULL);
        for word in scheme {
            writer = writer.u16(*word);
        }
        writer
            .u16(bits)
            .u32(0)
            .sized(&vec![0xc1; usize::from(bits / 8)])
            .done()
    }

    fn signing(area: &[u8]) -> Result<Signing, String> {
        let area = Area::read(area).unwrap();
        area.signing("KEY").map_err(|error| error.to_string())
    }

    #[test]
    fn short_coordinates_are_filled_up() {
        let key = signing(&ec(SIGNS, curve::P256, &[alg::NULL])).unwrap();
        let point = key.public_key.subject_public_key();
        assert_eq!(point.len(), 65);
        assert_eq!(point[..3], [4, 0, 0]);
        assert_eq!(point[32..34], [1, 2]);
        let wide = signing(&ec(SIGNS, curve::P521, &[alg::NULL])).unwrap();
        assert_eq!(wide.public_key.algorithm(), KeyAlgorithm::EcP521);
        assert_eq!(wide.public_key.subject_public_key().len(), 133);
    }

    #[test]
    fn a_longer_hash_serves_only_where_the_digest_stays_the_same_number() {
        let with = |curve, hash, more| signing(&ec(SIGNS | more, curve, &[alg::ECDSA, hash]));
        assert_eq!(with(curve::P384, alg::SHA384, 0).unwrap().digest_length, 48);
        assert_eq!(with(curve::P521, alg::SHA512, 0).unwrap().digest_length, 64);
        for (curve, hash, more) in [
            (curve::P256, alg::SHA384, 0),
            (curve::P384, alg::SHA512, 0),
            (curve::P384, alg::SHA384, attribute::RESTRICTED),
            (curve::P256, alg::SHA1, 0),
        ] {
            let text = with(curve, hash, more).err().unwrap();
            assert!(text.contains("fixed to ECDSA"), "{text}");
        }
    }

    #[test]
    fn keys_that_cannot_serve_are_named() {
        for (area, words) in [
            (rsa(SIGNS, &[alg::RSAPSS, alg::SHA256], 2048), "RSAPSS"),
            (rsa(SIGNS, &[alg::RSASSA, alg::SHA1], 2048), "SHA-1"),
            (rsa(SIGNS, &[alg::RSAES], 2048), "RSAES"),
            (rsa(SIGNS, &[alg::NULL], 1024), "1024 bits"),
            (ec(SIGNS, curve::P256, &[alg::ECDAA, 11, 1]), "ECDAA"),
            (ec(SIGNS, 0x10, &[alg::NULL]), "curve 0x0010"),
            (
                rsa(
                    attribute::DECRYPT | attribute::USER_WITH_AUTH,
                    &[alg::NULL],
                    2048,
                ),
                "only decrypt",
            ),
            (ec(attribute::SIGN, curve::P256, &[alg::NULL]), "policy"),
            (
                ec(SIGNS | attribute::X509_SIGN, curve::P256, &[alg::NULL]),
                "X.509",
            ),
        ] {
            let text = signing(&area).err().unwrap();
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn areas_that_end_early_or_late_are_refused() {
        for area in [
            ec(SIGNS, curve::P256, &[alg::NULL]),
            rsa(SIGNS, &[alg::NULL], 2048),
        ] {
            for length in 0..area.len() {
                assert!(Area::read(&area[..length]).is_none(), "{length}");
            }
            let mut longer = area;
            longer.push(0);
            assert!(Area::read(&longer).is_none());
        }
    }

    #[test]
    fn a_modulus_shorter_than_it_says_is_damaged() {
        let mut area = rsa(SIGNS, &[alg::NULL], 2048);
        let first = area.len() - 256;
        area[first] = 0x01;
        assert!(signing(&area).err().unwrap().contains("damaged"));
    }
}
