//! Writing a PKCS#12 file: one key with its certificates, all of it encrypted.

use std::str::FromStr;

use aes::cipher::{BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, Mac};
use pkcs8::ObjectIdentifier as Oid;
use pkcs8::der::Encode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Parameters;
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use sha1::Sha1;
use sha2::digest::FixedOutputReset;
use sha2::digest::block_api::BlockSizeUser;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::der;
use crate::random;
use crate::secret::Secret;

use crate::key::pbe::{Password, Work};
use crate::key::{Cost, Error};

/// What is encrypted with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pkcs12Scheme {
    /// Key and certificates with PBES2 (PBKDF2 with HMAC-SHA-256, AES-256-CBC;
    /// RFC 8018), the whole under HMAC-SHA-256 (RFC 7292).
    Modern,
    /// Key and certificates with pbeWithSHAAnd3-KeyTripleDES-CBC, the whole under
    /// HMAC-SHA-1 (RFC 7292): all that programs know from before about 2019.
    Legacy,
}

/// The name that programs show for a key (`friendlyName`, RFC 2985 section
/// 5.5.1), from 1 to 255 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FriendlyName(String);

impl FriendlyName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// UCS-2, big-endian.
    fn bmp(&self) -> Vec<u8> {
        self.0.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }
}

impl FromStr for FriendlyName {
    type Err = String;

    /// A BMPString has no characters above U+FFFF; RFC 2985 allows 255.
    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |c: char| u32::from(c) <= 0xffff && !c.is_control();
        if (1..=255).contains(&text.chars().count()) && text.chars().all(fits) {
            return Ok(Self(text.to_owned()));
        }
        Err("a name has 1 to 255 characters, without control characters and none above U+FFFF, as emoji are".to_owned())
    }
}

/// What a PKCS#12 file is to hold.
#[derive(Debug)]
pub struct Pkcs12<'a> {
    /// The private key, DER PKCS#8.
    pub key: &'a Secret,
    /// The key's certificate, DER.
    pub certificate: &'a [u8],
    /// What leads to the root, DER, the certificate's issuer first.
    pub chain: &'a [&'a [u8]],
    /// What programs show for the key.
    pub name: Option<&'a FriendlyName>,
}

/// Makes a PKCS#12 file (DER), reads it again and compares. Each part is encrypted
/// under a salt of its own; key and certificate are linked by a `localKeyID`,
/// the SHA-1 of the certificate. `origin` is what messages call the file.
///
/// # Errors
///
/// [`Error::UnfitPassphrase`] for a passphrase that is empty or no text,
/// [`Error::Encrypt`] when the operating system gives no randomness,
/// [`Error::ReadBack`] when the file does not hold what it should.
pub fn write_pkcs12(
    contents: &Pkcs12<'_>,
    passphrase: &Secret,
    scheme: Pkcs12Scheme,
    cost: Cost,
    origin: &str,
) -> Result<Vec<u8>, Error> {
    check_passphrase(passphrase)?;
    let protection = Protection {
        password: Password::of(passphrase),
        scheme,
        iterations: match cost {
            Cost::Normal => ITERATIONS,
            Cost::Testing => 1000,
        },
    };
    let file = protection.file(contents).ok_or_else(|| Error::Encrypt {
        origin: origin.to_owned(),
    })?;
    if !holds(&file, contents, &protection.password) {
        return Err(Error::ReadBack {
            origin: origin.to_owned(),
        });
    }
    Ok(file)
}

/// How often each key derivation is run through: the most that .NET takes by
/// default (`Pkcs12LoaderLimits`: 300,000 for the MAC and for each encrypted part).
/// OWASP's 600,000 of PBKDF2 would be more; a longer passphrase is worth far more.
const ITERATIONS: u32 = 300_000;

/// A passphrase that other programs cannot be given, or would encode otherwise,
/// opens nothing there.
fn check_passphrase(passphrase: &Secret) -> Result<(), Error> {
    let unfit = |reason| Err(Error::UnfitPassphrase { reason });
    match passphrase.expose_str() {
        None => unfit("is not UTF-8"),
        Some("") => unfit("is empty"),
        Some(text) if text.chars().any(char::is_control) => unfit("has a control character"),
        Some(_) => Ok(()),
    }
}

/// Whether the file is read as what it was made of.
fn holds(file: &[u8], contents: &Pkcs12<'_>, password: &Password<'_>) -> bool {
    let Ok(found) = super::open(file, password, &mut Work::default()) else {
        return false;
    };
    let certificates = [contents.certificate].into_iter();
    let certificates = certificates.chain(contents.chain.iter().copied());
    matches!(found.keys.as_slice(), [key] if key.as_slice() == contents.key.expose())
        && found
            .certificates
            .iter()
            .map(Vec::as_slice)
            .eq(certificates)
}

/// How the file is protected.
struct Protection<'a> {
    password: Password<'a>,
    scheme: Pkcs12Scheme,
    iterations: u32,
}

impl Protection<'_> {
    /// `PFX` (RFC 7292 section 4); `None` without randomness.
    fn file(&self, contents: &Pkcs12<'_>) -> Option<Vec<u8>> {
        let attributes = attributes(contents);
        let mut bags = bag(
            CERTIFICATE_BAG,
            &certificate_bag(contents.certificate),
            &attributes,
        );
        for certificate in contents.chain {
            bags.extend(bag(CERTIFICATE_BAG, &certificate_bag(certificate), &[]));
        }
        let certificates = self.encrypted_data(&der::write(der::SEQUENCE, &bags))?;
        let (algorithm, data) = self.encrypt(contents.key.expose())?;
        let data = der::write(der::OCTET_STRING, &data);
        let key = der::write_all(der::SEQUENCE, &[&algorithm, &data]);
        let key = der::write(der::SEQUENCE, &bag(SHROUDED_KEY_BAG, &key, &attributes));
        let safe = der::write_all(
            der::SEQUENCE,
            &[&certificates, &content_info(DATA, &octets(&key))],
        );
        let version = der::write(der::INTEGER, &[3]);
        let content = content_info(DATA, &octets(&safe));
        let mac = self.mac(&safe)?;
        Some(der::write_all(der::SEQUENCE, &[&version, &content, &mac]))
    }

    /// `ContentInfo` with `EncryptedData` (RFC 2315 section 13).
    fn encrypted_data(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let (algorithm, data) = self.encrypt(plain)?;
        let data = der::write(0x80, &data);
        let info = der::write_all(der::SEQUENCE, &[&oid(DATA), &algorithm, &data]);
        let version = der::write(der::INTEGER, &[0]);
        let encrypted = der::write_all(der::SEQUENCE, &[&version, &info]);
        Some(content_info(ENCRYPTED_DATA, &encrypted))
    }

    /// Encrypts under a fresh salt: the `AlgorithmIdentifier` and the data.
    fn encrypt(&self, plain: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let salt: [u8; 16] = random::octets()?;
        match self.scheme {
            Pkcs12Scheme::Modern => {
                let parameters = Parameters::generate_pbkdf2_sha256_aes256cbc(
                    self.iterations,
                    &salt,
                    random::octets()?,
                );
                let scheme = EncryptionScheme::from(parameters.ok()?);
                let data = scheme.encrypt(self.password.octets(), plain).ok()?;
                Some((scheme.to_der().ok()?, data))
            }
            Pkcs12Scheme::Legacy => {
                let key = self.derive::<Sha1>(&salt, Pkcs12KeyType::EncryptionKey, 24)?;
                let iv = self.derive::<Sha1>(&salt, Pkcs12KeyType::Iv, 8)?;
                let cipher = cbc::Encryptor::<des::TdesEde3>::new_from_slices(&key, &iv).ok()?;
                let parameters =
                    der::write_all(der::SEQUENCE, &[&octets(&salt), &self.encoded_iterations()]);
                // With room for the padding of one block.
                let mut buffer = Zeroizing::new(vec![0; plain.len() + 8]);
                buffer.get_mut(..plain.len())?.copy_from_slice(plain);
                let encrypted = cipher.encrypt_padded::<Pkcs7>(&mut buffer, plain.len());
                let scheme = oid(TRIPLE_DES);
                Some((
                    der::write_all(der::SEQUENCE, &[&scheme, &parameters]),
                    encrypted.ok()?.to_vec(),
                ))
            }
        }
    }

    /// `MacData` (RFC 7292 section 4).
    fn mac(&self, content: &[u8]) -> Option<Vec<u8>> {
        macro_rules! digest {
            ($digest:ty) => {{
                let salt: [u8; 16] = random::octets()?;
                let length = <$digest>::output_size();
                let key = self.derive::<$digest>(&salt, Pkcs12KeyType::Mac, length)?;
                let mac = <Hmac<$digest> as hmac::KeyInit>::new_from_slice(&key).ok()?;
                (
                    salt,
                    mac.chain_update(content).finalize().into_bytes().to_vec(),
                )
            }};
        }
        let (name, (salt, digest)) = match self.scheme {
            Pkcs12Scheme::Modern => (SHA256, digest!(Sha256)),
            Pkcs12Scheme::Legacy => (SHA1, digest!(Sha1)),
        };
        // Programs expect the NULL.
        let algorithm = der::write_all(der::SEQUENCE, &[&oid(name), &[5, 0]]);
        let info = der::write_all(der::SEQUENCE, &[&algorithm, &octets(&digest)]);
        let iterations = self.encoded_iterations();
        Some(der::write_all(
            der::SEQUENCE,
            &[&info, &octets(&salt), &iterations],
        ))
    }

    /// The key derivation of RFC 7292 appendix B.
    fn derive<D>(&self, salt: &[u8], id: Pkcs12KeyType, length: usize) -> Option<Zeroizing<Vec<u8>>>
    where
        D: Digest + FixedOutputReset + BlockSizeUser,
    {
        let iterations = i32::try_from(self.iterations).ok()?;
        let password = self.password.bmp();
        Some(Zeroizing::new(derive_key::<D>(
            &password, salt, id, iterations, length,
        )))
    }

    fn encoded_iterations(&self) -> Vec<u8> {
        der::write_unsigned(&self.iterations.to_be_bytes())
    }
}

/// `SafeBag` (RFC 7292 section 4.2).
fn bag(kind: Oid, value: &[u8], attributes: &[u8]) -> Vec<u8> {
    let value = der::write(0xa0, value);
    let attributes = match attributes {
        [] => Vec::new(),
        some => der::write(der::SET, some),
    };
    der::write_all(der::SEQUENCE, &[&oid(kind), &value, &attributes])
}

/// `CertBag` (RFC 7292 section 4.2.3).
fn certificate_bag(certificate: &[u8]) -> Vec<u8> {
    let value = der::write(0xa0, &octets(certificate));
    der::write_all(der::SEQUENCE, &[&oid(X509_CERTIFICATE), &value])
}

/// The attributes of a key and of its certificate, as elements of a DER set.
fn attributes(contents: &Pkcs12<'_>) -> Vec<u8> {
    let attribute = |kind, value: &[u8]| {
        let values = der::write(der::SET, value);
        der::write_all(der::SEQUENCE, &[&oid(kind), &values])
    };
    let id = attribute(LOCAL_KEY_ID, &octets(&Sha1::digest(contents.certificate)));
    let name = contents
        .name
        .map(|name| attribute(FRIENDLY_NAME, &der::write(BMP_STRING, &name.bmp())));
    let mut set: Vec<Vec<u8>> = [id].into_iter().chain(name).collect();
    // X.690 section 11.6.
    set.sort();
    set.concat()
}

fn content_info(kind: Oid, content: &[u8]) -> Vec<u8> {
    let content = der::write(0xa0, content);
    der::write_all(der::SEQUENCE, &[&oid(kind), &content])
}

fn octets(content: &[u8]) -> Vec<u8> {
    der::write(der::OCTET_STRING, content)
}

fn oid(name: Oid) -> Vec<u8> {
    der::write(der::OBJECT_IDENTIFIER, name.as_bytes())
}

const BMP_STRING: u8 = 0x1e;
const CERTIFICATE_BAG: Oid = Oid::new_unwrap(super::CERTIFICATE_BAG);
const DATA: Oid = Oid::new_unwrap(super::DATA);
const ENCRYPTED_DATA: Oid = Oid::new_unwrap(super::ENCRYPTED_DATA);
const FRIENDLY_NAME: Oid = Oid::new_unwrap("1.2.840.113549.1.9.20");
const LOCAL_KEY_ID: Oid = Oid::new_unwrap("1.2.840.113549.1.9.21");
const SHA1: Oid = Oid::new_unwrap("1.3.14.3.2.26");
const SHA256: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHROUDED_KEY_BAG: Oid = Oid::new_unwrap(super::SHROUDED_KEY_BAG);
/// `pbeWithSHAAnd3-KeyTripleDES-CBC`
const TRIPLE_DES: Oid = Oid::new_unwrap("1.2.840.113549.1.12.1.3");
const X509_CERTIFICATE: Oid = Oid::new_unwrap(super::X509_CERTIFICATE);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyType, generate};

    /// What is published was read again: a file that lost something is not.
    #[test]
    fn a_file_that_holds_something_else_is_noticed() {
        let (made, other) = (
            generate(KeyType::P256, "made").unwrap(),
            generate(KeyType::P256, "other").unwrap(),
        );
        let chain: [&[u8]; 1] = [b"0chain"];
        let contents = Pkcs12 {
            key: &made.pkcs8,
            certificate: b"0leaf",
            chain: &chain,
            name: None,
        };
        let secret = Secret::from("passphrase".to_owned());
        let wrong = Secret::from("Passphrase".to_owned());
        for scheme in [Pkcs12Scheme::Modern, Pkcs12Scheme::Legacy] {
            let file = write_pkcs12(&contents, &secret, scheme, Cost::Testing, "file").unwrap();
            let holds =
                |contents: &Pkcs12<'_>, secret| holds(&file, contents, &Password::of(secret));
            assert!(holds(&contents, &secret));
            assert!(!holds(&contents, &wrong));
            let key = &other.pkcs8;
            assert!(!holds(&Pkcs12 { key, ..contents }, &secret));
            let certificate = b"0Leaf";
            assert!(!holds(
                &Pkcs12 {
                    certificate,
                    ..contents
                },
                &secret
            ));
            assert!(!holds(
                &Pkcs12 {
                    chain: &[],
                    ..contents
                },
                &secret
            ));
        }
    }
}
