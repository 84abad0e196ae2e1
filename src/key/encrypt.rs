//! Encrypting a new private key: PKCS#8 with PBES2 (RFC 5958 section 3, RFC 8018).

use pkcs8::pkcs5::pbes2::{EncryptionScheme as Cipher, Kdf, Parameters, ScryptParams};
use ring::rand::{SecureRandom, SystemRandom};

use crate::secret::Secret;

use super::{Error, Material};

/// How much work a newly encrypted key asks of whoever guesses its passphrase. Of
/// PKCS#12 it says [`write_pkcs12`](super::write_pkcs12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// scrypt with N = 2^14, r = 8, p = 5: OWASP's setting of equal strength to
    /// N = 2^17, p = 1, in 16 MiB, which `openssl` opens with its default
    /// memory bound.
    Normal,
    /// scrypt with N = 2^10, r = 8, p = 1, for tests that encrypt many keys.
    Testing,
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

/// Encrypts a key file anew: the same key, under another passphrase, with a
/// fresh salt. The key is in clear in memory alone.
///
/// # Errors
///
/// [`Error::BadPassphrase`] when the old one does not open it, [`Error::NotAKey`]
/// when the file is not encrypted PKCS#8, [`Error::Encrypt`] without randomness.
pub fn reencrypt(
    file: &[u8],
    old: &Secret,
    new: &Secret,
    cost: Cost,
    origin: &str,
) -> Result<String, Error> {
    let plain = Material::read(file, origin, || Ok(None))?.decrypted(old)?;
    encrypt(&Secret::new(plain.to_vec()), new, cost, origin)
}
