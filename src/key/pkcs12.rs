//! PKCS#12 files (RFC 7292): the keys and certificates in them.

mod write;

pub use write::{FriendlyName, Pkcs12, Pkcs12Scheme, write_pkcs12};

use hmac::{Hmac, Mac};
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};
use zeroize::Zeroizing;

use crate::der;
use crate::limits;
use crate::secret::Secret;

use super::Error;
use super::pbe::{self, Failure, Password, Work, name_of};

/// What a PKCS#12 file holds, in file order.
#[derive(Default)]
pub(super) struct Contents {
    /// DER certificates.
    pub(super) certificates: Vec<Vec<u8>>,
    /// DER PKCS#8 private keys.
    pub(super) keys: Vec<Zeroizing<Vec<u8>>>,
}

/// Whether DER is a PKCS#12 file: a version of three and then an
/// AuthenticatedSafe, where PKCS#8 has version zero or one.
pub(super) fn is_pkcs12(parts: &[der::Element<'_>]) -> bool {
    matches!(parts, [version, safe, ..]
        if version.tag == der::INTEGER && version.content == [3] && safe.tag == der::SEQUENCE)
}

/// Reads the file. Without a passphrase the empty one is tried, in both of the
/// ways in which tools write it.
pub(super) fn read(
    data: &[u8],
    origin: &str,
    passphrase: impl FnOnce() -> Result<Option<Secret>, Error>,
) -> Result<Contents, Error> {
    let secret = passphrase()?;
    let mut work = Work::default();
    let candidates = match &secret {
        Some(secret) => vec![Password::of(secret), Password::Given(b""), Password::Absent],
        None => vec![Password::Given(b""), Password::Absent],
    };
    let mut failure = Failure::WrongPassphrase;
    for password in candidates {
        match open(data, &password, &mut work) {
            Ok(contents) => return Ok(contents),
            Err(Failure::WrongPassphrase) => {}
            Err(other) => {
                failure = other;
                break;
            }
        }
    }
    Err(match failure {
        Failure::Damaged => Error::DamagedFile {
            origin: origin.to_owned(),
            form: FORM,
        },
        Failure::WrongPassphrase if secret.is_none() => Error::Encrypted {
            origin: origin.to_owned(),
        },
        other => other.into_error(origin, FORM),
    })
}

fn open(data: &[u8], password: &Password<'_>, work: &mut Work) -> Result<Contents, Failure> {
    let parts = der::sequence(data).ok_or(Failure::Damaged)?;
    let [_, safe, mac @ ..] = parts.as_slice() else {
        return Err(Failure::Damaged);
    };
    let content = match content_info(safe)? {
        (kind, content) if kind == DATA => octets(&content)?,
        _ => return Err(Failure::Unsupported("a public key".to_owned())),
    };
    if let [mac, ..] = mac {
        check_mac(mac, content, password, work)?;
    }
    let mut found = Contents::default();
    for safe in der::sequence(content).ok_or(Failure::Damaged)? {
        let (kind, content) = content_info(&safe)?;
        match kind.as_str() {
            DATA => bags(octets(&content)?, password, work, &mut found, 0)?,
            ENCRYPTED_DATA => {
                let plain = decrypt_data(&content, password, work)?;
                // Without a MAC a wrong passphrase may only show here.
                bags(&plain, password, work, &mut found, 0).map_err(|failure| match failure {
                    Failure::Damaged if mac.is_empty() => Failure::WrongPassphrase,
                    other => other,
                })?;
            }
            _ => return Err(Failure::Unsupported("a public key".to_owned())),
        }
    }
    Ok(found)
}

/// `ContentInfo`: its type and what stands under `[0]`.
fn content_info<'a>(info: &der::Element<'a>) -> Result<(String, der::Element<'a>), Failure> {
    let parts = constructed(info, der::SEQUENCE)?;
    let [kind, content] = parts.as_slice() else {
        return Err(Failure::Damaged);
    };
    Ok((name_of(kind)?, explicit(content)?))
}

/// `MacData` (RFC 7292 section 4): HMAC under a key derived from the passphrase.
fn check_mac(
    mac: &der::Element<'_>,
    content: &[u8],
    password: &Password<'_>,
    work: &mut Work,
) -> Result<(), Failure> {
    let parts = constructed(mac, der::SEQUENCE)?;
    let [info, salt, count @ ..] = parts.as_slice() else {
        return Err(Failure::Damaged);
    };
    let info = constructed(info, der::SEQUENCE)?;
    let [algorithm, expected] = info.as_slice() else {
        return Err(Failure::Damaged);
    };
    let (salt, expected) = (octets(salt)?, octets(expected)?);
    if salt.len() > limits::MAX_SALT {
        return Err(Failure::Damaged);
    }
    let algorithm = constructed(algorithm, der::SEQUENCE)?;
    let name = name_of(algorithm.first().ok_or(Failure::Damaged)?)?;
    let rounds = match count {
        [] => 1,
        [count, ..] => work.iterations(count, 1)?,
    };
    macro_rules! fits {
        ($digest:ty) => {{
            let length = <$digest>::output_size();
            let key = Zeroizing::new(derive_key::<$digest>(
                &password.bmp(),
                salt,
                Pkcs12KeyType::Mac,
                rounds,
                length,
            ));
            <Hmac<$digest> as hmac::KeyInit>::new_from_slice(&key)
                .is_ok_and(|mac| mac.chain_update(content).verify_slice(expected).is_ok())
        }};
    }
    let fits = match name.as_str() {
        "1.3.14.3.2.26" => fits!(Sha1),
        "2.16.840.1.101.3.4.2.4" => fits!(Sha224),
        "2.16.840.1.101.3.4.2.1" => fits!(Sha256),
        "2.16.840.1.101.3.4.2.2" => fits!(Sha384),
        "2.16.840.1.101.3.4.2.3" => fits!(Sha512),
        "1.2.840.113549.1.5.14" => {
            return Err(Failure::Unsupported(
                "the integrity check PBMAC1".to_owned(),
            ));
        }
        other => return Err(Failure::Unsupported(format!("the integrity check {other}"))),
    };
    if fits {
        Ok(())
    } else {
        Err(Failure::WrongPassphrase)
    }
}

/// `EncryptedData` (RFC 2315 section 13).
fn decrypt_data(
    content: &der::Element<'_>,
    password: &Password<'_>,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let parts = constructed(content, der::SEQUENCE)?;
    let info = constructed(parts.get(1).ok_or(Failure::Damaged)?, der::SEQUENCE)?;
    match info.as_slice() {
        // [0] IMPLICIT OCTET STRING
        [_, algorithm, data] if data.tag == 0x80 => {
            pbe::decrypt(algorithm.encoded, data.content, password, work)
        }
        _ => Err(Failure::Damaged),
    }
}

/// `SafeContents`: keys and certificates are taken, other bags passed over.
fn bags(
    contents: &[u8],
    password: &Password<'_>,
    work: &mut Work,
    found: &mut Contents,
    depth: usize,
) -> Result<(), Failure> {
    for bag in der::sequence(contents).ok_or(Failure::Damaged)? {
        let parts = constructed(&bag, der::SEQUENCE)?;
        let [kind, value, ..] = parts.as_slice() else {
            return Err(Failure::Damaged);
        };
        let value = explicit(value)?;
        match name_of(kind)?.as_str() {
            "1.2.840.113549.1.12.10.1.1" => {
                found.keys.push(Zeroizing::new(value.encoded.to_vec()));
            }
            SHROUDED_KEY_BAG => {
                let parts = constructed(&value, der::SEQUENCE)?;
                let [algorithm, data] = parts.as_slice() else {
                    return Err(Failure::Damaged);
                };
                let key = pbe::decrypt(algorithm.encoded, octets(data)?, password, work)?;
                // A wrong passphrase may leave good padding.
                if der::sequence(&key).is_none() {
                    return Err(Failure::WrongPassphrase);
                }
                found.keys.push(key);
            }
            CERTIFICATE_BAG => {
                let parts = constructed(&value, der::SEQUENCE)?;
                let [kind, certificate] = parts.as_slice() else {
                    return Err(Failure::Damaged);
                };
                if name_of(kind)? == X509_CERTIFICATE {
                    let certificate = explicit(certificate)?;
                    found.certificates.push(octets(&certificate)?.to_vec());
                }
            }
            "1.2.840.113549.1.12.10.1.6" if depth < limits::MAX_SAFE_DEPTH => {
                bags(value.encoded, password, work, found, depth + 1)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn constructed<'a>(element: &der::Element<'a>, tag: u8) -> Result<der::Elements<'a>, Failure> {
    if element.tag != tag {
        return Err(Failure::Damaged);
    }
    der::children(element.content).ok_or(Failure::Damaged)
}

/// What stands under `[0] EXPLICIT`.
fn explicit<'a>(element: &der::Element<'a>) -> Result<der::Element<'a>, Failure> {
    match constructed(element, 0xa0)?.as_slice() {
        [inner] => Ok(*inner),
        _ => Err(Failure::Damaged),
    }
}

fn octets<'a>(element: &der::Element<'a>) -> Result<&'a [u8], Failure> {
    if element.tag == der::OCTET_STRING {
        Ok(element.content)
    } else {
        Err(Failure::Damaged)
    }
}

/// What messages call the format.
pub(super) const FORM: &str = "PKCS#12";
/// `pkcs7-data`
const DATA: &str = "1.2.840.113549.1.7.1";
/// `pkcs7-encryptedData`
const ENCRYPTED_DATA: &str = "1.2.840.113549.1.7.6";
/// `pkcs8ShroudedKeyBag`
const SHROUDED_KEY_BAG: &str = "1.2.840.113549.1.12.10.1.2";
/// `certBag`
const CERTIFICATE_BAG: &str = "1.2.840.113549.1.12.10.1.3";
/// `x509Certificate` (PKCS#9)
const X509_CERTIFICATE: &str = "1.2.840.113549.1.9.22.1";
