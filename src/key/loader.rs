//! Loading a key and its certificates as one snapshot, from wherever they are.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::environment::Environment;
use crate::limits;

use super::material::KeyMaterial;
use super::source::RegularFile;
use super::{
    Contents, Error, ExportableKey, Material, Passphrase, Pkcs11Error, Pkcs11Uri, Pkcs11UriError,
    PublicKey, Signer, Source, TokenOptions, TpmDevice, TpmHandle, open_token_key, open_tpm_handle,
    open_tss2, token_certificates,
};

/// Where a private key or a certificate is.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In bytes that can be read.
    Material(Source),
    /// In a token: a PKCS#11 URI, or why what was typed is none. The reason is
    /// kept instead of the text, in which a PIN may stand.
    Token(Box<Result<Pkcs11Uri, Pkcs11UriError>>),
    /// In a TPM, at a handle.
    Tpm(TpmHandle),
}

impl KeySource {
    /// The bytes that hold it, when it is not in a device.
    #[must_use]
    pub const fn material(&self) -> Option<&Source> {
        match self {
            Self::Material(source) => Some(source),
            Self::Token(_) | Self::Tpm(_) => None,
        }
    }
}

impl FromStr for KeySource {
    type Err = String;

    /// Tells the forms apart by their prefix.
    fn from_str(text: &str) -> Result<Self, String> {
        if Pkcs11Uri::is_meant(text) {
            Ok(Self::Token(Box::new(text.parse())))
        } else if text.starts_with("handle:") {
            text.parse().map(Self::Tpm)
        } else {
            text.parse().map(Self::Material)
        }
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Material(source) => source.fmt(f),
            Self::Token(uri) => match uri.as_ref() {
                Ok(uri) if uri.is_empty() => f.write_str("the token"),
                Ok(uri) => uri.fmt(f),
                Err(_) => f.write_str("the PKCS#11 URI"),
            },
            Self::Tpm(handle) => handle.fmt(f),
        }
    }
}

/// Which private key files are accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permissions {
    /// All.
    Any,
    /// Those that only their owner can read, and those of root that a group can
    /// read too.
    Private,
}

/// What opening a key may need.
#[derive(Debug)]
pub struct Access<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// The passphrase, PIN or TPM password.
    pub passphrase: Passphrase,
    /// Which key files are accepted.
    pub permissions: Permissions,
    /// How tokens are reached.
    pub tokens: TokenOptions,
    /// The TPM.
    pub tpm: TpmDevice,
}

/// A certificate with where it was found.
#[derive(Clone, Debug)]
pub struct FoundCertificate {
    /// The file or URI, for messages.
    pub origin: String,
    /// The certificate.
    pub der: Vec<u8>,
    /// Where the private key is that belongs to it, when it is in a token.
    pub token: Option<Pkcs11Uri>,
}

/// The certificates of a source.
#[derive(Debug, Default)]
pub struct FoundCertificates {
    /// Those that were asked for.
    pub named: Vec<FoundCertificate>,
    /// All others of the same token, of which some may belong to the chain.
    pub others: Vec<FoundCertificate>,
}

/// Reads sources, each of them once, so that what it gives is one snapshot.
#[derive(Debug)]
pub struct Loader<'a> {
    access: Access<'a>,
    read: Vec<Read>,
    /// The files that were read, also those that could not be used.
    files: Vec<(PathBuf, RegularFile)>,
    /// Whether another content of these files can change the outcome: not when
    /// what failed came from elsewhere.
    may_change: bool,
}

/// What has become of the files that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Nothing that was read can change.
    Impossible,
    /// They are as they were.
    None,
    /// Some are new, and are read again when they are asked for.
    Some,
}

/// A source that was read.
#[derive(Debug)]
struct Read {
    source: Source,
    regular: Option<RegularFile>,
    content: Zeroizing<Vec<u8>>,
    /// What the content means, once that was asked for.
    material: Option<Material>,
}

impl<'a> Loader<'a> {
    /// A loader that has read nothing yet.
    #[must_use]
    pub const fn new(access: Access<'a>) -> Self {
        Self {
            access,
            read: Vec::new(),
            files: Vec::new(),
            may_change: false,
        }
    }

    /// Forgets the content of files that have been replaced since they were
    /// read. Other sources can be read only once, or cost something, and are
    /// kept.
    pub fn forget_changed_files(&mut self) -> Changes {
        if !self.may_change {
            return Changes::Impossible;
        }
        let has_changed = |path: &Path, known: &RegularFile| {
            std::fs::metadata(path)
                .map_or(true, |now| RegularFile::of(&now).as_ref() != Some(known))
        };
        if !self
            .files
            .iter()
            .any(|(path, known)| has_changed(path, known))
        {
            return Changes::None;
        }
        self.read.retain(|read| read.regular.is_none());
        self.files.clear();
        self.may_change = false;
        Changes::Some
    }

    /// Forgets everything that can be read again, for a new snapshot after some
    /// time. The standard input and descriptors give what they have only once.
    pub fn start_anew(&mut self) {
        self.read
            .retain(|read| matches!(read.source, Source::Stdin | Source::Fd(_)));
        self.files.clear();
        self.may_change = false;
    }

    /// The SHA-256 of what a source holds, without a look at what that is;
    /// `None` for what is in a device.
    ///
    /// # Errors
    ///
    /// As [`Source::read`].
    pub fn digest(&mut self, source: &KeySource) -> Result<Option<[u8; 32]>, Error> {
        let KeySource::Material(source) = source else {
            return Ok(None);
        };
        let index = self.read(source)?;
        Ok(Some(Sha256::digest(&self.read[index].content).into()))
    }

    /// What a source holds besides certificates, for the message when it has
    /// none of those.
    ///
    /// # Errors
    ///
    /// As [`Loader::certificates`].
    pub fn contents(&mut self, source: &KeySource) -> Result<Contents, Error> {
        match source {
            KeySource::Material(source) => Ok(self.material(source)?.contents().clone()),
            KeySource::Token(_) => Ok(Contents::Other("the token has none".to_owned())),
            KeySource::Tpm(_) => Ok(Contents::Other(
                "a TPM's handle names a key alone".to_owned(),
            )),
        }
    }

    /// The certificates that a source holds, in their order there.
    ///
    /// # Errors
    ///
    /// As [`Source::read`], [`Material::read`] and [`token_certificates`].
    pub fn certificates(&mut self, source: &KeySource) -> Result<FoundCertificates, Error> {
        match source {
            KeySource::Material(source) => {
                let material = self.material(source)?;
                let found = material.certificates().iter().map(|der| FoundCertificate {
                    origin: material.origin().to_owned(),
                    der: der.clone(),
                    token: None,
                });
                Ok(FoundCertificates {
                    named: found.collect(),
                    others: Vec::new(),
                })
            }
            KeySource::Token(uri) => {
                let passphrase = self.access.passphrase.clone();
                let mut ask = |_: &str| passphrase.get();
                let found = token_certificates(parsed(uri)?, &self.access.tokens, &mut ask)?;
                let place = |certificate: super::TokenCertificate| FoundCertificate {
                    origin: certificate.uri.to_string(),
                    der: certificate.der,
                    token: Some(certificate.uri),
                };
                Ok(FoundCertificates {
                    named: found.named.into_iter().map(place).collect(),
                    others: found.others.into_iter().map(place).collect(),
                })
            }
            KeySource::Tpm(_) => Ok(FoundCertificates::default()),
        }
    }

    /// Whether a private key is there, or may be, as far as can be told without
    /// opening it.
    ///
    /// # Errors
    ///
    /// As [`Loader::certificates`].
    pub fn has_key(&mut self, source: &KeySource) -> Result<bool, Error> {
        match source {
            KeySource::Material(source) => Ok(self.material(source)?.has_key()),
            KeySource::Token(_) | KeySource::Tpm(_) => Ok(true),
        }
    }

    /// Opens the private key of a source. Where a token has several, the one
    /// that belongs to the certificate's public key is taken.
    ///
    /// # Errors
    ///
    /// [`Error`] says what is wrong with the key, or what was found instead.
    pub fn open(
        &mut self,
        source: &KeySource,
        certificate: Option<&PublicKey>,
    ) -> Result<Box<dyn Signer>, Error> {
        let passphrase = self.access.passphrase.clone();
        match source {
            KeySource::Material(source) => self.open_material(source),
            KeySource::Token(uri) => {
                let ask = Box::new(move |_: &str| passphrase.get());
                let key = open_token_key(parsed(uri)?, &self.access.tokens, certificate, ask)?;
                Ok(Box::new(key))
            }
            KeySource::Tpm(handle) => {
                let mut ask = |_| passphrase.get();
                let key = open_tpm_handle(*handle, &self.access.tpm, &mut ask)?;
                Ok(Box::new(key))
            }
        }
    }

    /// Opens the private key of a source so that it can be written elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Loader::open`], and [`Error::NotExportable`] for a key that is in a
    /// device, or of use in one alone.
    pub fn open_exportable(&mut self, source: &KeySource) -> Result<ExportableKey, Error> {
        let stays = |device| Error::NotExportable {
            origin: source.to_string(),
            device,
        };
        let passphrase = self.access.passphrase.clone();
        let material = match source {
            KeySource::Material(source) => self.key_material(source)?,
            KeySource::Token(_) => return Err(stays("token")),
            KeySource::Tpm(_) => return Err(stays("TPM")),
        };
        match material.exportable_key(|| passphrase.get())? {
            KeyMaterial::Software(key) => Ok(*key),
            KeyMaterial::Tss2(_) => Err(stays("TPM")),
        }
    }

    fn open_material(&mut self, source: &Source) -> Result<Box<dyn Signer>, Error> {
        let (passphrase, tpm) = (self.access.passphrase.clone(), self.access.tpm.clone());
        let material = self.key_material(source)?;
        match material.key(|| passphrase.get())? {
            KeyMaterial::Software(key) => Ok(key),
            KeyMaterial::Tss2(der) => {
                let mut ask = |_| passphrase.get();
                let key = open_tss2(&der, material.origin(), &tpm, &mut ask)?;
                Ok(Box::new(key))
            }
        }
    }

    /// The content of a source whose key is used: a file only if its mode is
    /// accepted.
    fn key_material(&mut self, source: &Source) -> Result<&Material, Error> {
        let permissions = self.access.permissions;
        let index = self.read(source)?;
        let regular = self.read[index].regular;
        let material = self.parse(index)?;
        if let (Source::File(path), Permissions::Private, Some(file)) =
            (source, permissions, regular)
            && material.has_exposed_key()
        {
            check_permissions(path, file)?;
        }
        Ok(material)
    }

    fn material(&mut self, source: &Source) -> Result<&Material, Error> {
        let index = self.read(source)?;
        self.parse(index)
    }

    /// Reads a source when it is asked for first, and says which one of those
    /// that were read it is.
    fn read(&mut self, source: &Source) -> Result<usize, Error> {
        if let Some(index) = self.read.iter().position(|read| read.source == *source) {
            return Ok(index);
        }
        let content = source.read(self.access.environment, limits::MAX_FILE)?;
        if let (Source::File(path), Some(file)) = (source, content.regular) {
            self.files.push((path.clone(), file));
        }
        self.read.push(Read {
            source: source.clone(),
            regular: content.regular,
            content: content.bytes,
            material: None,
        });
        Ok(self.read.len() - 1)
    }

    /// What something that was read means.
    fn parse(&mut self, index: usize) -> Result<&Material, Error> {
        let Self {
            access,
            read,
            may_change,
            ..
        } = self;
        let read = &mut read[index];
        let material = match read.material.take() {
            Some(material) => material,
            None => {
                let origin = read.source.to_string();
                let material = Material::read(&read.content, &origin, || access.passphrase.get());
                let is_file = read.regular.is_some();
                *may_change = is_file || (*may_change && material.is_ok());
                material?
            }
        };
        Ok(read.material.insert(material))
    }
}

fn parsed(uri: &Result<Pkcs11Uri, Pkcs11UriError>) -> Result<&Pkcs11Uri, Error> {
    uri.as_ref()
        .map_err(|reason| Pkcs11Error::Uri(reason.clone()).into())
}

/// Whether more users can read a key than may, by the rule that libpq has for its
/// key files: at most 0600, or 0640 when the file is root's, so that a service can
/// be let in through its group. `owner` is the number of its user.
#[must_use]
pub const fn is_too_open(owner: u32, mode: u32) -> bool {
    let allowed = if owner == 0 { 0o640 } else { 0o600 };
    mode & 0o077 & !allowed != 0
}

fn check_permissions(path: &Path, file: RegularFile) -> Result<(), Error> {
    if is_too_open(file.owner, file.mode) {
        return Err(Error::TooOpen {
            path: path.to_owned(),
            mode: file.mode,
        });
    }
    Ok(())
}
