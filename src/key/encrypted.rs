//! Encrypted PKCS#8 (RFC 5958 section 3) with PBES2 (RFC 8018).

use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, Parameters, ScryptParams};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use crate::der;
use crate::limits;
use crate::secret::Secret;

use super::Error;

/// How much work a newly encrypted key asks of whoever guesses its passphrase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// scrypt with N = 2^14, r = 8, p = 5: OWASP's setting of equal strength to
    /// N = 2^17, p = 1, in 16 MiB, which `openssl` opens with its default
    /// memory bound.
    Normal,
    /// scrypt with N = 2^10, r = 8, p = 1, for tests that encrypt many keys.
    Testing,
}

/// Decrypts, after checking what the file demands. `origin` is for messages.
pub(super) fn decrypt(
    der: &[u8],
    origin: &str,
    passphrase: &Secret,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let damaged = || Error::Damaged {
        origin: origin.to_owned(),
        form: "encrypted PKCS#8",
    };
    let unsupported = |scheme: &str| Error::EncryptionUnsupported {
        origin: origin.to_owned(),
        scheme: scheme.to_owned(),
    };
    let Ok(info) = EncryptedPrivateKeyInfoRef::try_from(der) else {
        return Err(match scheme_oid(der).as_deref() {
            Some(PBES2) => unsupported("PBES2 with parameters of another kind"),
            Some(_) => unsupported("a scheme other than PBES2"),
            None => damaged(),
        });
    };
    match &info.encryption_algorithm {
        EncryptionScheme::Pbes2(parameters) => bound(parameters, origin)?,
        _ => return Err(unsupported("PBES1")),
    }
    // A wrong passphrase shows as bad padding or as a broken inner structure;
    // the two are not told apart, since either can come from the other.
    let plain = info
        .decrypt(passphrase.expose())
        .map_err(|_| Error::BadPassphrase {
            origin: origin.to_owned(),
        })?;
    Ok(Zeroizing::new(plain.as_bytes().to_vec()))
}

/// `1.2.840.113549.1.5.13`, content octets.
const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];

/// The scheme that a file names which the library does not read: it tells an
/// unknown scheme from a broken file.
fn scheme_oid(encrypted: &[u8]) -> Option<Vec<u8>> {
    let parts = der::sequence(encrypted)?;
    let identifier = der::children(parts.first()?.content)?;
    Some(identifier.first()?.content.to_vec())
}

/// Refuses parameters that would cost more than [`limits`] allows.
fn bound(parameters: &Parameters, origin: &str) -> Result<(), Error> {
    let demand = match &parameters.kdf {
        Kdf::Pbkdf2(kdf) if kdf.iteration_count > limits::MAX_PBKDF2_ITERATIONS => format!(
            "{} PBKDF2 iterations, at most {}",
            kdf.iteration_count,
            limits::MAX_PBKDF2_ITERATIONS
        ),
        Kdf::Scrypt(kdf) => {
            let [n, r, p] = [
                kdf.cost_parameter,
                u64::from(kdf.block_size),
                u64::from(kdf.parallelization),
            ];
            // RFC 7914 section 2: N is a power of two above one; the library
            // panics on less.
            if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
                return Err(Error::Damaged {
                    origin: origin.to_owned(),
                    form: "encrypted PKCS#8",
                });
            }
            // RFC 7914 section 5: V takes 128·N·r bytes and B 128·r·p.
            let within = |factor: u64| {
                factor.saturating_mul(r).saturating_mul(128) <= limits::MAX_SCRYPT_MEMORY
            };
            let work = n.saturating_mul(r).saturating_mul(p);
            if within(n) && within(p) && work <= limits::MAX_SCRYPT_WORK {
                return Ok(());
            }
            format!(
                "scrypt with N={} r={} p={}, at most {} MiB of memory and N·r·p={}",
                n,
                r,
                p,
                limits::MAX_SCRYPT_MEMORY >> 20,
                limits::MAX_SCRYPT_WORK
            )
        }
        _ => return Ok(()),
    };
    Err(Error::KdfTooExpensive {
        origin: origin.to_owned(),
        demand,
    })
}

/// Encrypts a PKCS#8 key with scrypt and AES-256-CBC and gives it as PEM
/// (`ENCRYPTED PRIVATE KEY`).
///
/// # Errors
///
/// [`Error::Encrypt`] when the operating system gives no randomness.
pub fn encrypt(
    pkcs8: &Secret,
    passphrase: &Secret,
    cost: Cost,
    origin: &str,
) -> Result<String, Error> {
    let failed = || Error::Encrypt {
        origin: origin.to_owned(),
    };
    let random = SystemRandom::new();
    let (mut salt, mut iv) = ([0; 16], [0; 16]);
    random.fill(&mut salt).map_err(|_| failed())?;
    random.fill(&mut iv).map_err(|_| failed())?;
    let (cost_parameter, parallelization) = match cost {
        Cost::Normal => (1 << 14, 5),
        Cost::Testing => (1 << 10, 1),
    };
    let parameters = Parameters {
        kdf: Kdf::Scrypt(ScryptParams {
            salt: salt.as_slice().try_into().map_err(|_| failed())?,
            cost_parameter,
            block_size: 8,
            parallelization,
            key_length: None,
        }),
        encryption: Cipher::Aes256Cbc { iv },
    };
    let data = parameters
        .encrypt(passphrase.expose(), pkcs8.expose())
        .map_err(|_| failed())?;
    let document = pkcs8::EncryptedPrivateKeyInfoOwned {
        encryption_algorithm: parameters.into(),
        encrypted_data: pkcs8::der::asn1::OctetString::new(data).map_err(|_| failed())?,
    };
    let der = pkcs8::SecretDocument::try_from(&document).map_err(|_| failed())?;
    Ok(pem::encode_config(
        &pem::Pem::new("ENCRYPTED PRIVATE KEY", der.as_bytes()),
        pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
    ))
}
