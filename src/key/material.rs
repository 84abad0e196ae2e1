//! What a file holds: keys and certificates, told apart by their form.

use zeroize::Zeroizing;

use crate::der;
use crate::secret::Secret;

use super::pbe::{self, Failure, Password, Work};
use super::private::{self, Form};
use super::{Contents, Error, ExportableKey, SoftwareKey, pkcs12};

/// The keys and certificates of one file.
pub struct Material {
    origin: String,
    certificates: Vec<Vec<u8>>,
    keys: Vec<KeyBlock>,
    contents: Contents,
}

/// A private key as it stands in a file.
enum KeyBlock {
    Clear(Form, Zeroizing<Vec<u8>>),
    EncryptedPkcs8(Vec<u8>),
    /// A PEM block with the header `DEK-Info`.
    Traditional {
        form: Form,
        dek_info: String,
        data: Vec<u8>,
    },
    /// The body of a `TSS2 PRIVATE KEY`.
    Tss2(Vec<u8>),
}

/// The one private key of a file.
pub(super) enum KeyMaterial<K = SoftwareKey> {
    Software(Box<K>),
    Tss2(Vec<u8>),
}

impl Material {
    /// Reads a file's content. PEM may hold any blocks and any text around
    /// them; what is not PEM is PKCS#12 (RFC 7292) or one DER private key or
    /// certificate. `origin` is what messages call the file. The passphrase is
    /// asked for only when the file as a whole is encrypted, as PKCS#12 is.
    ///
    /// # Errors
    ///
    /// [`Error`] for damage, for a wrong or missing passphrase, and for content
    /// of a form that is not read, which is named.
    pub fn read(
        bytes: &[u8],
        origin: &str,
        passphrase: impl FnOnce() -> Result<Option<Secret>, Error>,
    ) -> Result<Self, Error> {
        let mut material = Self {
            origin: origin.to_owned(),
            certificates: Vec::new(),
            keys: Vec::new(),
            contents: Contents::Empty,
        };
        if is_pem(bytes) {
            material.add_pem(bytes)?;
        } else if let Some(parts) = der::sequence(bytes) {
            if pkcs12::is_pkcs12(&parts) {
                let found = pkcs12::read(bytes, origin, passphrase)?;
                let keys = found.keys.into_iter();
                material.keys = keys.map(|key| KeyBlock::Clear(Form::Pkcs8, key)).collect();
                material.certificates = found.certificates;
                material.contents = Contents::Pkcs12;
            } else {
                material.add_der(bytes, &parts);
            }
        } else if PEM_BEGIN.starts_with(bytes) && !bytes.is_empty() {
            material.contents = Contents::Unfinished;
        } else if !bytes.is_empty() {
            material.contents = Contents::Other(foreign_form(bytes).to_owned());
        }
        Ok(material)
    }

    /// What messages call the file.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The DER certificates, in file order.
    #[must_use]
    pub fn certificates(&self) -> &[Vec<u8>] {
        &self.certificates
    }

    /// What the file holds, for the message when it lacks what is needed.
    #[must_use]
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Whether there is any private key.
    pub(super) const fn has_key(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Whether there is a private key that is of use to whoever reads it: a TPM
    /// key file is of use in its TPM alone.
    pub(super) fn has_exposed_key(&self) -> bool {
        self.keys
            .iter()
            .any(|key| !matches!(key, KeyBlock::Tss2(_)))
    }

    /// Whether there is one private key, and it is of use in its TPM alone.
    #[must_use]
    pub fn is_tpm_key(&self) -> bool {
        matches!(self.keys.as_slice(), [KeyBlock::Tss2(_)])
    }

    /// Reads the one private key, decrypting it where it is encrypted.
    pub(super) fn key(
        &self,
        passphrase: impl FnOnce() -> Result<Option<Secret>, Error>,
    ) -> Result<KeyMaterial, Error> {
        self.key_by(passphrase, private::read)
    }

    /// The same, in a form that can be written elsewhere.
    pub(super) fn exportable_key(
        &self,
        passphrase: impl FnOnce() -> Result<Option<Secret>, Error>,
    ) -> Result<KeyMaterial<ExportableKey>, Error> {
        self.key_by(passphrase, private::read_exportable)
    }

    fn key_by<K>(
        &self,
        passphrase: impl FnOnce() -> Result<Option<Secret>, Error>,
        read: impl Fn(Form, &[u8], &str) -> Result<K, Error>,
    ) -> Result<KeyMaterial<K>, Error> {
        let origin = || self.origin.clone();
        let [block] = self.keys.as_slice() else {
            return Err(if self.keys.is_empty() {
                Error::NotAKey {
                    origin: origin(),
                    found: self.contents.clone(),
                }
            } else {
                Error::SeveralKeys {
                    origin: origin(),
                    count: self.keys.len(),
                }
            });
        };
        let secret = || passphrase()?.ok_or_else(|| Error::Encrypted { origin: origin() });
        let software = |form, der: &[u8]| {
            read(form, der, &self.origin).map(|key| KeyMaterial::Software(Box::new(key)))
        };
        match block {
            KeyBlock::Clear(form, der) => software(*form, der),
            KeyBlock::EncryptedPkcs8(der) => {
                let plain = decrypt_pkcs8(der, &secret()?)
                    .map_err(|failure| failure.into_error(&self.origin, "encrypted PKCS#8"))?;
                software(Form::Pkcs8, &plain)
            }
            KeyBlock::Traditional {
                form,
                dek_info,
                data,
            } => {
                let secret = secret()?;
                let plain = pbe::decrypt_traditional(dek_info, data, &Password::of(&secret))
                    .map_err(|failure| failure.into_error(&self.origin, "encrypted PEM"))?;
                // One wrong passphrase in 256 leaves good padding.
                match software(*form, &plain) {
                    Err(Error::Damaged { .. }) => Err(Error::BadPassphrase { origin: origin() }),
                    other => other,
                }
            }
            KeyBlock::Tss2(der) => Ok(KeyMaterial::Tss2(der.clone())),
        }
    }

    /// The one private key as PKCS#8 in clear, where the file holds it encrypted.
    pub(super) fn decrypted(&self, secret: &Secret) -> Result<Zeroizing<Vec<u8>>, Error> {
        let [KeyBlock::EncryptedPkcs8(der)] = self.keys.as_slice() else {
            return Err(Error::NotAKey {
                origin: self.origin.clone(),
                found: Contents::Other("it is no encrypted PKCS#8".to_owned()),
            });
        };
        let plain = decrypt_pkcs8(der, secret)
            .map_err(|failure| failure.into_error(&self.origin, "encrypted PKCS#8"))?;
        // A wrong passphrase may, once in a long while, leave good padding.
        private::read(Form::Pkcs8, &plain, &self.origin)?;
        Ok(plain)
    }

    fn add_pem(&mut self, bytes: &[u8]) -> Result<(), Error> {
        // The crate's error may quote its input, so it is not passed on.
        let damaged = || Error::DamagedFile {
            origin: self.origin.clone(),
            form: "PEM",
        };
        let blocks = pem::parse_many(bytes).map_err(|_| damaged())?;
        // The crate passes over a last block without its end, with which a part
        // of the chain would be missing in silence.
        let begun = bytes
            .windows(PEM_BEGIN.len())
            .filter(|window| *window == PEM_BEGIN);
        if !blocks.is_empty() && begun.count() > blocks.len() {
            return Err(damaged());
        }
        let labels: Vec<&str> = blocks.iter().map(pem::Pem::tag).collect();
        self.contents = Contents::of_labels(&labels);
        for block in &blocks {
            let data = block.contents();
            let form = match block.tag() {
                "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                    self.certificates.push(first_element(data).to_vec());
                    continue;
                }
                "ENCRYPTED PRIVATE KEY" => {
                    self.keys.push(KeyBlock::EncryptedPkcs8(data.to_vec()));
                    continue;
                }
                "TSS2 PRIVATE KEY" => {
                    self.keys.push(KeyBlock::Tss2(data.to_vec()));
                    continue;
                }
                "PRIVATE KEY" => Form::Pkcs8,
                "RSA PRIVATE KEY" => Form::Pkcs1,
                "EC PRIVATE KEY" => Form::Sec1,
                _ => continue,
            };
            self.keys.push(match block.headers().get("DEK-Info") {
                Some(dek_info) => KeyBlock::Traditional {
                    form,
                    dek_info: dek_info.to_owned(),
                    data: data.to_vec(),
                },
                None => KeyBlock::Clear(form, Zeroizing::new(data.to_vec())),
            });
        }
        Ok(())
    }

    /// Tells the DER structures apart by the tags of their first two elements.
    fn add_der(&mut self, bytes: &[u8], parts: &[der::Element<'_>]) {
        let clear = |form| KeyBlock::Clear(form, Zeroizing::new(bytes.to_vec()));
        let [first, second, ..] = parts else {
            self.contents = Contents::Other("it is DER, but of something else".to_owned());
            return;
        };
        let key = match (first.tag, first.content, second.tag) {
            (der::INTEGER, [0 | 1], der::SEQUENCE) => clear(Form::Pkcs8),
            (der::INTEGER, [0 | 1], der::INTEGER) => clear(Form::Pkcs1),
            (der::INTEGER, [1], der::OCTET_STRING) => clear(Form::Sec1),
            (der::SEQUENCE, _, der::OCTET_STRING) => KeyBlock::EncryptedPkcs8(bytes.to_vec()),
            // TBSCertificate and signatureAlgorithm; a request and a revocation
            // list look the same from here.
            (der::SEQUENCE, _, der::SEQUENCE) => {
                self.certificates.push(bytes.to_vec());
                self.contents = Contents::Certificate;
                return;
            }
            _ => {
                self.contents = Contents::Other("it is DER, but of something else".to_owned());
                return;
            }
        };
        self.keys.push(key);
        self.contents = Contents::PrivateKey;
    }
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Material({}, {} certificates, {} keys)",
            self.origin,
            self.certificates.len(),
            self.keys.len()
        )
    }
}

/// Opens the private key in a file's content as a key in memory.
///
/// # Errors
///
/// [`Error`] says what was found instead of a usable key, and never any of it.
pub fn open_software(
    bytes: &[u8],
    origin: &str,
    passphrase: impl FnOnce() -> Result<Option<Secret>, Error>,
) -> Result<SoftwareKey, Error> {
    // Each kind of file asks at one of two places.
    let passphrase = std::cell::Cell::new(Some(passphrase));
    let ask = || {
        passphrase
            .take()
            .map_or(Ok(None), |passphrase| passphrase())
    };
    match Material::read(bytes, origin, ask)?.key(ask)? {
        KeyMaterial::Software(key) => Ok(*key),
        KeyMaterial::Tss2(_) => Err(Error::NotAKey {
            origin: origin.to_owned(),
            found: Contents::Other("it is a TPM key".to_owned()),
        }),
    }
}

/// `EncryptedPrivateKeyInfo` (RFC 5958 section 3).
fn decrypt_pkcs8(der: &[u8], secret: &Secret) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let parts = der::sequence(der).ok_or(Failure::Damaged)?;
    match parts.as_slice() {
        [algorithm, data] if algorithm.tag == der::SEQUENCE && data.tag == der::OCTET_STRING => {
            let plain = pbe::decrypt(
                algorithm.encoded,
                data.content,
                &Password::of(secret),
                &mut Work::default(),
            )?;
            // A wrong passphrase shows as bad padding or as a broken inner
            // structure; the two are not told apart.
            let is_sequence = der::sequence(&plain).is_some();
            is_sequence.then_some(plain).ok_or(Failure::WrongPassphrase)
        }
        _ => Err(Failure::Damaged),
    }
}

/// OpenSSL's `TRUSTED CERTIFICATE` has settings after the certificate.
fn first_element(data: &[u8]) -> &[u8] {
    der::read(data).map_or(data, |(element, _)| element.encoded)
}

/// Whether a file is PEM: a block's first line may stand anywhere in it.
#[must_use]
pub fn is_pem(bytes: &[u8]) -> bool {
    bytes
        .windows(PEM_BEGIN.len())
        .any(|window| window == PEM_BEGIN)
}

/// What every PEM block begins with (RFC 7468 section 3).
const PEM_BEGIN: &[u8] = b"-----BEGIN ";

/// Names what is neither PEM nor DER by its first bytes.
fn foreign_form(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xfe, 0xed, 0xfe, 0xed, ..] | [0xce, 0xce, 0xce, 0xce, ..] => {
            "it is a Java keystore (JKS); convert it with 'keytool -importkeystore -deststoretype pkcs12'"
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it is text in UTF-16; save it as UTF-8",
        [0x30, 0x80, ..] => {
            "it is BER with indefinite lengths; convert it to DER, a PKCS#12 file by exporting it anew"
        }
        _ if bytes.starts_with(b"PuTTY-User-Key-File") => "it is in PuTTY's own format",
        _ if bytes.starts_with(b"ssh-") || bytes.starts_with(b"ecdsa-sha2-") => {
            "it is an SSH public key"
        }
        _ => "it is neither PEM nor DER",
    }
}
