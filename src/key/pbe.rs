//! Decryption under a passphrase: PBES2 (RFC 8018), the older schemes of
//! PKCS#5 and PKCS#12 (RFC 7292 appendix C), and traditional PEM encryption.

use aes::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit, block_padding::Pkcs7};
use cbc::Decryptor;
use md5::Md5;
use pkcs8::ObjectIdentifier;
use pkcs8::der::Decode;
use pkcs8::pkcs5::pbes2::{Kdf, Parameters};
use pkcs12::kdf::{Pkcs12KeyType, derive_key};
use sha1::Sha1;
use sha2::Digest;
use zeroize::Zeroizing;

use crate::der;
use crate::limits;
use crate::secret::Secret;

use super::Error;

/// Why something was not decrypted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The parameters are not what their scheme says.
    Damaged,
    /// The parameters demand more work than is allowed, in words.
    TooExpensive(String),
    /// The scheme is not read; its name.
    Unsupported(String),
    /// The passphrase does not fit. Bad padding does not always show; what then
    /// comes out is not the structure that it should be.
    WrongPassphrase,
}

impl Failure {
    /// The error for a file; `form` is what holds the key.
    pub(super) fn into_error(self, origin: &str, form: &'static str) -> Error {
        let origin = origin.to_owned();
        match self {
            Self::Damaged => Error::Damaged { origin, form },
            Self::TooExpensive(demand) => Error::KdfTooExpensive { origin, demand },
            Self::Unsupported(scheme) => Error::EncryptionUnsupported {
                origin,
                form,
                scheme,
            },
            Self::WrongPassphrase => Error::BadPassphrase { origin },
        }
    }
}

/// What was entered as passphrase, in the encodings that the schemes take.
pub(super) enum Password<'a> {
    /// None at all, which PKCS#12 tells apart from an empty one.
    Absent,
    /// A passphrase, which may be empty.
    Given(&'a [u8]),
}

impl<'a> Password<'a> {
    pub(super) fn of(secret: &'a Secret) -> Self {
        Self::Given(secret.expose())
    }

    pub(super) fn octets(&self) -> &'a [u8] {
        match self {
            Self::Absent => &[],
            Self::Given(octets) => octets,
        }
    }

    /// UTF-16, big-endian, with a terminating zero (RFC 7292 appendix B.1).
    pub(super) fn bmp(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Absent => Zeroizing::default(),
            Self::Given(octets) => {
                let text = Zeroizing::new(String::from_utf8_lossy(octets).into_owned());
                // With room for all of it, no growing buffer leaves parts behind.
                let mut encoded = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
                for unit in text.encode_utf16().chain([0]) {
                    encoded.extend_from_slice(&unit.to_be_bytes());
                }
                encoded
            }
        }
    }
}

/// How much one file may still demand, over all that is encrypted in it.
pub(super) struct Work {
    iterations: u32,
    scrypt: u64,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            iterations: limits::MAX_FILE_ITERATIONS,
            scrypt: limits::MAX_SCRYPT_WORK,
        }
    }
}

impl Work {
    /// Reads an iteration count and charges it as often as the derivation runs
    /// through it.
    pub(super) fn iterations(
        &mut self,
        count: &der::Element<'_>,
        times: u32,
    ) -> Result<i32, Failure> {
        if count.tag != der::INTEGER || count.content.is_empty() {
            return Err(Failure::Damaged);
        }
        let significant: Vec<u8> = count
            .content
            .iter()
            .copied()
            .skip_while(|octet| *octet == 0)
            .collect();
        if count.content.first().is_some_and(|octet| *octet >= 0x80) || significant.is_empty() {
            return Err(Failure::Damaged);
        }
        let value = significant.iter().try_fold(0u32, |sum, octet| {
            sum.checked_mul(256)?.checked_add(u32::from(*octet))
        });
        let value = value.unwrap_or(u32::MAX);
        self.charge(value, times)?;
        i32::try_from(value).map_err(|_| Failure::Damaged)
    }

    fn charge(&mut self, iterations: u32, times: u32) -> Result<(), Failure> {
        if iterations > limits::MAX_PBKDF2_ITERATIONS {
            return Err(Failure::TooExpensive(format!(
                "{iterations} iterations, at most {}",
                limits::MAX_PBKDF2_ITERATIONS
            )));
        }
        match self
            .iterations
            .checked_sub(iterations.saturating_mul(times))
        {
            Some(left) => {
                self.iterations = left;
                Ok(())
            }
            None => Err(Failure::TooExpensive(format!(
                "more than {} iterations in all",
                limits::MAX_FILE_ITERATIONS
            ))),
        }
    }

    fn charge_scrypt(&mut self, n: u64, r: u64, p: u64) -> Result<(), Failure> {
        // RFC 7914 section 2: N is a power of two above one; the library
        // panics on less.
        if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
            return Err(Failure::Damaged);
        }
        // RFC 7914 section 5: V takes 128·N·r bytes and B 128·r·p.
        let memory = n.saturating_add(p).saturating_mul(r).saturating_mul(128);
        let work = n.saturating_mul(r).saturating_mul(p);
        match self.scrypt.checked_sub(work) {
            Some(left) if memory <= limits::MAX_SCRYPT_MEMORY => {
                self.scrypt = left;
                Ok(())
            }
            _ => Err(Failure::TooExpensive(format!(
                "scrypt with N={n} r={r} p={p}, at most {} MiB of memory and N·r·p={}",
                limits::MAX_SCRYPT_MEMORY >> 20,
                limits::MAX_SCRYPT_WORK
            ))),
        }
    }
}

/// Decrypts `data` as the DER AlgorithmIdentifier says.
pub(super) fn decrypt(
    algorithm: &[u8],
    data: &[u8],
    password: &Password<'_>,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let parts = der::sequence(algorithm).ok_or(Failure::Damaged)?;
    let [oid, parameters] = parts.as_slice() else {
        return Err(Failure::Damaged);
    };
    let oid = name_of(oid)?;
    if oid == PBES2 {
        return pbes2(parameters, data, password, work);
    }
    let (scheme, name) = match oid.as_str() {
        "1.2.840.113549.1.5.3" => (Scheme::Md5Des, "MD5 and DES"),
        "1.2.840.113549.1.5.10" => (Scheme::Sha1Des, "SHA-1 and DES"),
        "1.2.840.113549.1.12.1.3" => (Scheme::Pkcs12TripleDes, "SHA-1 and 3DES"),
        "1.2.840.113549.1.12.1.4" => (Scheme::Pkcs12TwoKeyTripleDes, "SHA-1 and two-key 3DES"),
        "1.2.840.113549.1.12.1.5" => (Scheme::Pkcs12Rc2 { octets: 16 }, "SHA-1 and RC2-128"),
        "1.2.840.113549.1.12.1.6" => (Scheme::Pkcs12Rc2 { octets: 5 }, "SHA-1 and RC2-40"),
        other => return Err(Failure::Unsupported(unsupported_name(other))),
    };
    let fields = der::children(parameters.content)
        .filter(|_| parameters.tag == der::SEQUENCE)
        .ok_or(Failure::Damaged)?;
    let [salt, count] = fields.as_slice() else {
        return Err(Failure::Damaged);
    };
    if salt.tag != der::OCTET_STRING || salt.content.len() > limits::MAX_SALT {
        return Err(Failure::Unsupported(format!(
            "{name}, with a salt of another kind"
        )));
    }
    let rounds = work.iterations(count, scheme.derivations())?;
    scheme.decrypt(data, password, salt.content, rounds)
}

/// Decrypts a traditional PEM block (RFC 1421 headers as OpenSSL writes them):
/// the key is MD5 over passphrase and the first eight octets of the IV.
pub(super) fn decrypt_traditional(
    dek_info: &str,
    data: &[u8],
    password: &Password<'_>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (cipher, iv) = dek_info.split_once(',').ok_or(Failure::Damaged)?;
    let iv = hex::decode(iv.trim()).map_err(|_| Failure::Damaged)?;
    let salt = iv.get(..8).ok_or(Failure::Damaged)?;
    let key = |length: usize| {
        let mut key = Zeroizing::new(Vec::with_capacity(length + 16));
        let mut previous = Zeroizing::new(Vec::new());
        while key.len() < length {
            let digest = Md5::new()
                .chain_update(previous.as_slice())
                .chain_update(password.octets())
                .chain_update(salt);
            previous = Zeroizing::new(digest.finalize().to_vec());
            key.extend_from_slice(&previous);
        }
        key.truncate(length);
        key
    };
    match cipher.trim().to_ascii_uppercase().as_str() {
        "AES-128-CBC" => cbc::<aes::Aes128>(&key(16), &iv, data),
        "AES-192-CBC" => cbc::<aes::Aes192>(&key(24), &iv, data),
        "AES-256-CBC" => cbc::<aes::Aes256>(&key(32), &iv, data),
        "DES-CBC" => cbc::<des::Des>(&key(8), &iv, data),
        "DES-EDE3-CBC" => cbc::<des::TdesEde3>(&key(24), &iv, data),
        other => Err(Failure::Unsupported(format!(
            "the traditional PEM cipher {}",
            crate::text::printable(other, 40)
        ))),
    }
}

fn pbes2(
    parameters: &der::Element<'_>,
    data: &[u8],
    password: &Password<'_>,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let parameters = Parameters::from_der(parameters.encoded)
        .map_err(|_| Failure::Unsupported(pbes2_name(parameters)))?;
    match &parameters.kdf {
        // At most 32 octets of key, in blocks of 20 at least.
        Kdf::Pbkdf2(kdf) => work.charge(kdf.iteration_count, 2)?,
        Kdf::Scrypt(kdf) => work.charge_scrypt(
            kdf.cost_parameter,
            u64::from(kdf.block_size),
            u64::from(kdf.parallelization),
        )?,
        _ => return Err(Failure::Unsupported("PBES2 with another KDF".to_owned())),
    }
    match parameters.decrypt(password.octets(), data) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        Err(pkcs8::pkcs5::Error::DecryptFailed) => Err(Failure::WrongPassphrase),
        Err(_) => Err(Failure::Damaged),
    }
}

/// The schemes before PBES2.
enum Scheme {
    Md5Des,
    Pkcs12Rc2 { octets: usize },
    Pkcs12TripleDes,
    Pkcs12TwoKeyTripleDes,
    Sha1Des,
}

impl Scheme {
    /// How many blocks of SHA-1 key and IV take (RFC 7292 appendix B.2); PBES1
    /// takes both from one.
    const fn derivations(&self) -> u32 {
        match self {
            Self::Md5Des | Self::Sha1Des => 1,
            Self::Pkcs12Rc2 { .. } | Self::Pkcs12TwoKeyTripleDes => 2,
            Self::Pkcs12TripleDes => 3,
        }
    }

    fn decrypt(
        &self,
        data: &[u8],
        password: &Password<'_>,
        salt: &[u8],
        rounds: i32,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let pkcs12 = |id, length| {
            Zeroizing::new(derive_key::<Sha1>(
                &password.bmp(),
                salt,
                id,
                rounds,
                length,
            ))
        };
        let key = |length| pkcs12(Pkcs12KeyType::EncryptionKey, length);
        let iv = || pkcs12(Pkcs12KeyType::Iv, 8);
        match self {
            Self::Md5Des => pbes1_des::<Md5>(data, password, salt, rounds),
            Self::Sha1Des => pbes1_des::<Sha1>(data, password, salt, rounds),
            Self::Pkcs12TripleDes => cbc::<des::TdesEde3>(&key(24), &iv(), data),
            Self::Pkcs12TwoKeyTripleDes => cbc::<des::TdesEde2>(&key(16), &iv(), data),
            Self::Pkcs12Rc2 { octets } => cbc::<rc2::Rc2>(&key(*octets), &iv(), data),
        }
    }
}

/// PBES1 (RFC 8018 section 6.1): PBKDF1 gives key and IV together.
fn pbes1_des<D: Digest>(
    data: &[u8],
    password: &Password<'_>,
    salt: &[u8],
    rounds: i32,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let first = D::new()
        .chain_update(password.octets())
        .chain_update(salt)
        .finalize();
    let mut derived = Zeroizing::new(first.to_vec());
    for _ in 1..rounds {
        let next = D::digest(derived.as_slice());
        derived.copy_from_slice(&next);
    }
    match (derived.get(..8), derived.get(8..16)) {
        (Some(key), Some(iv)) => cbc::<des::Des>(key, iv, data),
        _ => Err(Failure::Damaged),
    }
}

fn cbc<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let cipher = Decryptor::<C>::new_from_slices(key, iv).map_err(|_| Failure::Damaged)?;
    let mut buffer = Zeroizing::new(data.to_vec());
    let length = cipher
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| Failure::WrongPassphrase)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

/// `id-PBES2`
const PBES2: &str = "1.2.840.113549.1.5.13";

pub(super) fn name_of(oid: &der::Element<'_>) -> Result<String, Failure> {
    if oid.tag != der::OBJECT_IDENTIFIER {
        return Err(Failure::Damaged);
    }
    ObjectIdentifier::from_bytes(oid.content)
        .map(|oid| oid.to_string())
        .map_err(|_| Failure::Damaged)
}

fn unsupported_name(oid: &str) -> String {
    match oid {
        "1.2.840.113549.1.5.6" => "MD5 and RC2",
        "1.2.840.113549.1.5.11" => "SHA-1 and RC2",
        "1.2.840.113549.1.12.1.1" => "RC4-128",
        "1.2.840.113549.1.12.1.2" => "RC4-40",
        other => return format!("the scheme {other}"),
    }
    .to_owned()
}

/// Which part of PBES2 parameters is not known, or is longer than is read.
fn pbes2_name(parameters: &der::Element<'_>) -> String {
    let names: Vec<String> = der::children(parameters.content)
        .unwrap_or_default()
        .iter()
        .filter_map(|part| name_of(der::children(part.content)?.first()?).ok())
        .collect();
    match names.as_slice() {
        [kdf, cipher] => {
            format!("PBES2 with a key derivation ({kdf}) or cipher ({cipher}) of another kind")
        }
        _ => "PBES2 with parameters of another kind".to_owned(),
    }
}
