//! What there is instead of a version in force.

use std::path::{Path, PathBuf};

use crate::commands::{Error, IdentityError};
use crate::store::{CERTIFICATE, FULLCHAIN, KEY, VersionNumber, Versions};

/// Why no version is in force.
pub(super) fn why_none(versions: &Versions) -> Error {
    let path = versions.path();
    let owned = path.to_owned();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(source) => {
            return IdentityError::Unread {
                path: owned,
                source,
            }
            .into();
        }
    };
    if !metadata.is_dir() {
        return IdentityError::NoDirectory { path: owned }.into();
    }
    if let Some(identity) = identity_of(path) {
        return IdentityError::Version {
            path: owned,
            identity,
        }
        .into();
    }
    let published = versions.all().unwrap_or_default();
    if let Some(newest) = published.last() {
        return IdentityError::NoCurrent {
            path: owned,
            newest: *newest,
        }
        .into();
    }
    let is_begun = matches!(versions.building(), Ok(Some(_)));
    let has_state = versions.read_state().is_ok_and(|state| state.is_some());
    // The lock may be all that there is.
    let has_nothing_shown = std::fs::read_dir(path).is_ok_and(|entries| {
        let mut names = entries.flatten().map(|entry| entry.file_name());
        names.all(|name| name.to_string_lossy().starts_with('.'))
    });
    if is_begun || has_state || has_nothing_shown {
        return IdentityError::NoVersion { path: owned }.into();
    }
    IdentityError::Foreign {
        files: files_of_others(path),
        identities: identities_below(path),
        path: owned,
    }
    .into()
}

/// The identity whose version this is, also when `current` was named.
fn identity_of(path: &Path) -> Option<PathBuf> {
    let real = std::fs::canonicalize(path).ok()?;
    let name = real.file_name()?.to_str()?;
    name.parse::<VersionNumber>().ok()?;
    real.parent().map(Path::to_owned)
}

/// Certificate and key as other programs name them, where both are there.
fn files_of_others(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let find = |names: &[&str]| {
        let paths = names.iter().map(|name| path.join(name));
        paths.into_iter().find(|path| path.is_file())
    };
    let certificate = find(&[FULLCHAIN, CERTIFICATE, "tls.crt"])?;
    Some((certificate, find(&[KEY, "privkey.pem", "tls.key"])?))
}

/// The managed identities in a directory of such, sorted.
fn identities_below(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let is_managed = |path: &PathBuf| {
        let found = Versions::for_readers(path).current();
        found.is_ok_and(|version| version.is_some())
    };
    let mut found: Vec<PathBuf> = paths.filter(is_managed).collect();
    found.sort_unstable();
    found
}
