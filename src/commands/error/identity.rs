//! What is wrong with the directory of a managed identity, as its readers find it,
//! and what to try.

use std::path::{Path, PathBuf};

use crate::commands::Outcome;
use crate::limits;
use crate::pki;
use crate::store::{CURRENT, VersionNumber};

use super::Error;
use super::store_error::hint_io;

/// Why a directory has no identity for its readers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// Something else than an identity is in it.
    #[error(
        "{path} is not the directory of a managed identity: it has no version, as v0001 is one"
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// The certificate and the key of another program.
        files: Option<(PathBuf, PathBuf)>,
        /// The identities below it.
        identities: Vec<PathBuf>,
    },
    /// There are versions, and no link to the one in force.
    #[error("{path} has versions, but no link 'current' to the one in force")]
    NoCurrent {
        /// The directory.
        path: PathBuf,
        /// The newest version.
        newest: VersionNumber,
    },
    /// It is a file.
    #[error("{path} is no directory, as a managed identity is one")]
    NoDirectory {
        /// The file.
        path: PathBuf,
    },
    /// Nothing was put in force yet.
    #[error("the identity {path} has no version yet")]
    NoVersion {
        /// The directory.
        path: PathBuf,
    },
    /// It is not there, or this user is not let in.
    #[error("the identity {path} cannot be read")]
    Unread {
        /// The directory.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// The version in force cannot be used, and none before it helps out.
    #[error("version {version} of the identity {path} cannot be used")]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// Which one it is.
        version: VersionNumber,
        /// Why.
        source: Box<Error>,
    },
    /// One of the identity's versions was named.
    #[error("{path} is one version of an identity, and not the identity itself")]
    Version {
        /// What was named.
        path: PathBuf,
        /// The identity.
        identity: PathBuf,
    },
}

pub(super) fn of_identity(error: &IdentityError) -> Outcome {
    match error {
        IdentityError::NoCurrent { .. } | IdentityError::NoVersion { .. } => Outcome::Unusable,
        IdentityError::Unusable { source, .. } => source.outcome(),
        IdentityError::Foreign { .. }
        | IdentityError::NoDirectory { .. }
        | IdentityError::Unread { .. }
        | IdentityError::Version { .. } => Outcome::Usage,
    }
}

pub(super) fn hint_identity(error: &IdentityError) -> Option<String> {
    Some(match error {
        IdentityError::Foreign {
            files: Some((certificate, key)),
            ..
        } => format!(
            "give --certificate {} --private-key {} instead of --identity",
            certificate.display(),
            key.display()
        ),
        IdentityError::Foreign { identities, .. } if !identities.is_empty() => {
            let shown = identities.iter().take(limits::MAX_LISTED);
            let shown: Vec<String> = shown.map(|path| path.display().to_string()).collect();
            format!("give --identity one of those in it: {}", shown.join(", "))
        }
        IdentityError::Foreign { .. } => {
            "'windlass rotate --identity DIR' makes one in a new directory".to_owned()
        }
        IdentityError::NoCurrent { path, newest } => relink(path, *newest),
        IdentityError::NoDirectory { .. } => {
            "files are named by --certificate and --private-key".to_owned()
        }
        IdentityError::NoVersion { path } => format!(
            "'windlass rotate --identity {}' makes the first one",
            path.display()
        ),
        IdentityError::Unread { path, source } if source.kind() == std::io::ErrorKind::NotFound => {
            format!(
                "is the path right? 'windlass rotate --identity {}' makes a new one",
                path.display()
            )
        }
        IdentityError::Unread { path, source } => return hint_io(path, source),
        // Whoever names a version's files by hand is told something else.
        IdentityError::Unusable { path, source, .. } if of_certificate(source) => {
            format!(
                "'windlass rotate --identity {} --force' makes a new one",
                path.display()
            )
        }
        IdentityError::Unusable { source, .. } => return source.hint(),
        IdentityError::Version { identity, .. } => {
            format!("give --identity {}", identity.display())
        }
    })
}

/// Whether it is the certificate's, and not that of a clock which is behind.
const fn of_certificate(error: &Error) -> bool {
    use pki::Error as E;
    !matches!(error, Error::Pki(E::NotYetValid { .. })) && matches!(error, Error::Pki(_))
}

/// How a version is put in force again where nothing says which one is.
pub(super) fn relink(identity: &Path, newest: VersionNumber) -> String {
    format!(
        "find out who has removed it, and put the newest version in force that is whole: ln -s {newest} {}",
        identity.join(CURRENT).display()
    )
}
