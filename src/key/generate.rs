//! Making new keys.

use std::fmt;
use std::str::FromStr;

use p256::elliptic_curve::Generate;
use pkcs8::EncodePrivateKey;

use crate::secret::Secret;

use super::{Error, KeyAlgorithm, SoftwareKey, private};

/// The types of key that can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyType {
    /// NIST P-256, the default: small, fast, accepted everywhere.
    P256,
    /// NIST P-384.
    P384,
    /// RSA with 2048 bits, for workloads only.
    Rsa2048,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

impl KeyType {
    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::P384 => "p384",
            Self::Rsa2048 => "rsa2048",
            Self::Rsa3072 => "rsa3072",
            Self::Rsa4096 => "rsa4096",
        }
    }

    /// What a key of the type is.
    #[must_use]
    pub const fn algorithm(self) -> KeyAlgorithm {
        match self {
            Self::P256 => KeyAlgorithm::EcP256,
            Self::P384 => KeyAlgorithm::EcP384,
            Self::Rsa2048 => KeyAlgorithm::Rsa { bits: 2048 },
            Self::Rsa3072 => KeyAlgorithm::Rsa { bits: 3072 },
            Self::Rsa4096 => KeyAlgorithm::Rsa { bits: 4096 },
        }
    }

    /// All types, in the order in which they are offered.
    pub const ALL: [Self; 5] = [
        Self::P256,
        Self::P384,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
    ];
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wanted = text.to_ascii_lowercase().replace(['-', '_'], "");
        Self::ALL
            .into_iter()
            .find(|key_type| key_type.name() == wanted)
            .ok_or_else(|| {
                let names: Vec<_> = Self::ALL.iter().map(|known| known.name()).collect();
                format!("the types of keys are {}", names.join(", "))
            })
    }
}

/// A new key: usable at once, and as PKCS#8 to be written.
#[derive(Debug)]
pub struct GeneratedKey {
    /// The key, ready to sign.
    pub key: SoftwareKey,
    /// The same key as DER PKCS#8.
    pub pkcs8: Secret,
}

impl GeneratedKey {
    /// The key as PEM, not encrypted, with LF line endings (RFC 7468 section 10).
    #[must_use]
    pub fn to_pem(&self) -> Secret {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let block = pem::Pem::new("PRIVATE KEY", self.pkcs8.expose());
        Secret::from(pem::encode_config(&block, config))
    }
}

/// Makes a key. `origin` is what messages will call it.
///
/// # Errors
///
/// [`Error::Generate`] when the operating system gives no randomness.
pub fn generate(key_type: KeyType, origin: &str) -> Result<GeneratedKey, Error> {
    let failed = || Error::Generate { key_type };
    let pkcs8 = match key_type {
        KeyType::P256 => p256::SecretKey::try_generate_from_rng(&mut rand::rngs::SysRng)
            .map_err(|_| failed())?
            .to_pkcs8_der(),
        KeyType::P384 => p384::SecretKey::try_generate_from_rng(&mut rand::rngs::SysRng)
            .map_err(|_| failed())?
            .to_pkcs8_der(),
        KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => {
            let bits = match key_type {
                KeyType::Rsa2048 => 2048,
                KeyType::Rsa3072 => 3072,
                _ => 4096,
            };
            // The `rsa` crate only finds the primes; ring does the signing.
            rsa::RsaPrivateKey::new(&mut rand::rng(), bits)
                .map_err(|_| failed())?
                .to_pkcs8_der()
        }
    }
    .map_err(|_| failed())?;
    Ok(GeneratedKey {
        key: private::read(private::Form::Pkcs8, pkcs8.as_bytes(), origin)?,
        pkcs8: Secret::new(pkcs8.as_bytes().to_vec()),
    })
}
