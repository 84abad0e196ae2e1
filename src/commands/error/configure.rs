//! What `windlass configure` does not write into a profile, and what to try.

use std::path::PathBuf;

use crate::cli::Origin;
use crate::pki;

use super::Error;

/// Why a profile would not work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigureError {
    /// A descriptor of this process, which SDKs do not have.
    #[error("{origin} names {which}, which is not there when an SDK runs the profile")]
    Descriptor {
        /// The option.
        origin: Origin,
        /// What it names, in words.
        which: String,
    },
    /// A directory.
    #[error("{origin} names {path}, which is a directory")]
    Directory {
        /// The option.
        origin: Origin,
        /// The directory.
        path: PathBuf,
    },
    /// A directory that is no managed identity, or has nothing in force.
    #[error("{origin} cannot be used")]
    Identity {
        /// The option.
        origin: Origin,
        /// Why.
        source: Box<Error>,
    },
    /// A key and a certificate of different identities.
    #[error("key and certificate do not belong together")]
    Mismatch {
        /// What they are.
        source: pki::Error,
    },
    /// A PKCS#11 URI that holds its PIN.
    #[error("{origin} holds a PIN (pin-value), which does not belong into the config file")]
    Pin {
        /// The option.
        origin: Origin,
    },
    /// A file that does not exist, or that this user cannot read.
    #[error("{origin} names {path}, which cannot be read")]
    NoFile {
        /// The option.
        origin: Origin,
        /// The file.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
}

pub(super) fn hint_configure(error: &ConfigureError) -> String {
    match error {
        ConfigureError::Descriptor { .. } => {
            "nothing was written; name a file, cmd:COMMAND or credential:NAME"
        }
        ConfigureError::Directory { .. } => "nothing was written; name the file in it",
        ConfigureError::Identity { source, .. } => {
            let first = "nothing was written; give --no-check where it is made later";
            return match source.hint() {
                Some(hint) => format!("{first}, or: {hint}"),
                None => first.to_owned(),
            };
        }
        ConfigureError::Mismatch { .. } => {
            "nothing was written; name the certificate that was issued for this key, or give --no-check where both are replaced later"
        }
        ConfigureError::Pin { .. } => {
            "nothing was written; name a file with the PIN: pin-source=FILE in the URI, or --passphrase-file"
        }
        ConfigureError::NoFile { .. } => {
            "nothing was written; give --no-check where the file is made later"
        }
    }
    .to_owned()
}
