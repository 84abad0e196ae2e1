//! The files that a new certificate is handed over as.

use std::path::{Path, PathBuf};

use crate::key::GeneratedKey;
use crate::pki::{Certificate, encode_pem};
use crate::store::{self, Staging};

use super::{Error, RequestedKey};

/// Where a certificate goes. It is begun before anything is signed.
#[derive(Debug)]
pub enum Delivery {
    /// A new directory, with the files that other tools know from ACME clients:
    /// `cert.pem`, `chain.pem`, `fullchain.pem`, and `key.pem` of a new key.
    Directory(Staging),
    /// A new file with the certificate and its chain. Not for new keys.
    File(PathBuf),
    /// Whoever asked hands it over, as they get it. Not for new keys.
    Handed,
}

impl Delivery {
    /// Begins a delivery into a new directory.
    ///
    /// # Errors
    ///
    /// Those of [`Staging::begin`].
    pub fn directory(path: &Path) -> Result<Self, Error> {
        Ok(Self::Directory(Staging::begin(path)?))
    }

    /// Begins a delivery into a new file.
    ///
    /// # Errors
    ///
    /// [`Error::Store`] when it exists, or its directory does not.
    pub fn file(path: &Path) -> Result<Self, Error> {
        store::check_new(path)?;
        Ok(Self::File(path.to_owned()))
    }

    /// Refuses a new key for which there is no place: it would be lost.
    ///
    /// # Errors
    ///
    /// [`Error::NoPlaceForKey`].
    pub(super) const fn check_place_of(&self, key: &RequestedKey) -> Result<(), Error> {
        match (self, key) {
            (Self::Directory(_), _) | (_, RequestedKey::Given(_)) => Ok(()),
            (Self::File(_) | Self::Handed, RequestedKey::New(_)) => Err(Error::NoPlaceForKey),
        }
    }

    /// Hands the certificate over, whole or not at all.
    pub(super) fn deliver(
        self,
        key: Option<&GeneratedKey>,
        certificate: &Certificate,
        issuing: &Certificate,
    ) -> Result<(), Error> {
        match self {
            Self::Directory(staging) => {
                write_files(&staging, key, certificate, issuing)?;
                staging.publish()?;
            }
            Self::Handed => {}
            Self::File(path) => {
                store::write_new(&path, encode_pem([certificate, issuing]).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Writes the files of a directory.
fn write_files(
    staging: &Staging,
    key: Option<&GeneratedKey>,
    certificate: &Certificate,
    issuing: &Certificate,
) -> Result<(), Error> {
    if let Some(key) = key {
        staging.write("key.pem", key.to_pem().expose())?;
    }
    staging.write("cert.pem", encode_pem([certificate]).as_bytes())?;
    staging.write("chain.pem", encode_pem([issuing]).as_bytes())?;
    staging.write(
        "fullchain.pem",
        encode_pem([certificate, issuing]).as_bytes(),
    )?;
    Ok(())
}
