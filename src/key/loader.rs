//! Loading a key and its certificates as one snapshot, from wherever they are.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::str::FromStr;

use crate::environment::Environment;
use crate::limits;
use crate::secret::Secret;

use super::material::KeyMaterial;
use super::{Error, Material, Signer, Source};

/// Where a private key or a certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In bytes that can be read.
    Material(Source),
}

impl FromStr for KeySource {
    type Err = String;

    /// Tells the forms apart by their prefix.
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self::Material)
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Material(source) => source.fmt(f),
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
pub struct Access<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// Gives the passphrase, PIN or authorization value; `None` when the user
    /// has said nothing about one.
    pub passphrase: &'a dyn Fn() -> Result<Option<Secret>, Error>,
    /// Which key files are accepted.
    pub permissions: Permissions,
}

/// A certificate with where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundCertificate {
    /// The file or URI, for messages.
    pub origin: String,
    /// The certificate.
    pub der: Vec<u8>,
}

/// Reads sources, each of them once, so that what it gives is one snapshot.
pub struct Loader<'a> {
    access: Access<'a>,
    read: Vec<(Source, Material)>,
}

impl<'a> Loader<'a> {
    /// A loader that has read nothing yet.
    #[must_use]
    pub const fn new(access: Access<'a>) -> Self {
        Self {
            access,
            read: Vec::new(),
        }
    }

    /// Forgets the content of files, which may have been replaced. Other
    /// sources can be read only once, or cost something.
    pub fn forget_files(&mut self) {
        self.read.retain(|(source, _)| !source.is_file());
    }

    /// What a source holds; a file is read when it is asked for first.
    ///
    /// # Errors
    ///
    /// As [`Source::read`] and [`Material::read`].
    pub fn material(&mut self, source: &Source) -> Result<&Material, Error> {
        let known = self.read.iter().position(|(read, _)| read == source);
        let index = match known {
            Some(index) => index,
            None => {
                let bytes = source.read(self.access.environment, limits::MAX_FILE)?;
                let passphrase = self.access.passphrase;
                let material = Material::read(&bytes, &source.to_string(), passphrase)?;
                self.read.push((source.clone(), material));
                self.read.len() - 1
            }
        };
        Ok(&self.read[index].1)
    }

    /// The certificates that a source holds, in their order there.
    ///
    /// # Errors
    ///
    /// As [`Loader::material`].
    pub fn certificates(&mut self, source: &KeySource) -> Result<Vec<FoundCertificate>, Error> {
        match source {
            KeySource::Material(source) => {
                let material = self.material(source)?;
                let found = material.certificates().iter().map(|der| FoundCertificate {
                    origin: material.origin().to_owned(),
                    der: der.clone(),
                });
                Ok(found.collect())
            }
        }
    }

    /// Opens the private key of a source.
    ///
    /// # Errors
    ///
    /// [`Error`] says what is wrong with the key, or what was found instead.
    pub fn open(&mut self, source: &KeySource) -> Result<Box<dyn Signer>, Error> {
        match source {
            KeySource::Material(source) => {
                let passphrase = self.access.passphrase;
                let permissions = self.access.permissions;
                match self.material(source)?.key(passphrase)? {
                    KeyMaterial::Software(key) => {
                        if let (Source::File(path), Permissions::Private) = (source, permissions) {
                            check_permissions(path)?;
                        }
                        Ok(key)
                    }
                    KeyMaterial::Tss2(_) => Err(Error::Unsupported {
                        origin: self.material(source)?.origin().to_owned(),
                        found: "a TPM key".to_owned(),
                    }),
                }
            }
        }
    }
}

impl std::fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.read.iter().map(|(source, _)| source))
            .finish()
    }
}

/// The rule that libpq has for its key files: at most 0600, or 0640 when the
/// file is root's, so that a service can be let in through its group.
fn check_permissions(path: &Path) -> Result<(), Error> {
    let metadata = std::fs::metadata(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    let allowed = if metadata.uid() == 0 { 0o640 } else { 0o600 };
    let mode = metadata.mode() & 0o777;
    // Pipes and devices are nobody else's.
    if metadata.is_file() && mode & 0o077 & !allowed != 0 {
        return Err(Error::TooOpen {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}
