//! What stands in the directory of a CA: the names of its files, and which of them
//! are there.
//!
//! Whatever guards, backs up or restores a CA goes by these names: a file that is
//! not among them is none of the CA's.

use std::path::{Path, PathBuf};

use crate::store;

use super::{AuthorityName, Error, Policy};

/// The database of every serial number ever reserved.
pub(super) const INVENTORY: &str = "inventory.db";

/// The bundle to give to Roles Anywhere.
pub(super) const TRUST_ANCHOR: &str = "trust-anchor.pem";

/// The directory of the revocation lists.
pub(super) const LISTS: &str = "crl";

/// In the directory of an authority: its certificate.
pub(super) const CERTIFICATE: &str = "cert.pem";

/// Beside it, where there is one: the certificate of a root's key by the root before
/// it.
pub(super) const CROSS: &str = "cross.pem";

/// Where the key is, when it is in a device.
pub(super) const DEVICE: &str = "device.json";

/// The key, encrypted or of use in its TPM alone.
pub(super) const KEY: &str = "key.pem";

/// What was asked of a root that is elsewhere.
pub(super) const REQUEST: &str = "request.pem";

/// All that an authority has.
const OF_AUTHORITY: [&str; 5] = [CERTIFICATE, CROSS, DEVICE, KEY, REQUEST];

/// Whether a path in the directory of a CA, with slashes, is that of a file of the
/// CA: its inventory is not meant, which is a database.
pub(super) fn is_file_of_ca(name: &str) -> bool {
    match name.split_once('/') {
        None => name == TRUST_ANCHOR || name == Policy::FILE,
        Some((LISTS, file)) => file.strip_suffix(".pem").is_some_and(is_authority),
        Some((authority, file)) => is_authority(authority) && OF_AUTHORITY.contains(&file),
    }
}

/// Whether it is the name of a directory in which a CA has files.
fn is_directory_of_ca(name: &str) -> bool {
    name == LISTS || is_authority(name)
}

fn is_authority(name: &str) -> bool {
    name.parse::<AuthorityName>().is_ok()
}

/// Names that stand in the directory and hold nothing of their own.
fn is_passing(name: &str) -> bool {
    name.starts_with(INVENTORY) || name.starts_with(".windlass-")
}

/// Everything in a CA's directory on which it relies: its files, the directories
/// in which they are, and what SQLite keeps beside the inventory.
pub(super) fn names_of_ca(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut names = Vec::new();
    let list = |below: &Path| -> Result<Vec<PathBuf>, Error> {
        let path = directory.join(below);
        let entries = match std::fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(source) => {
                return Err(store::Error::Io {
                    path,
                    action: store::Action::Read,
                    source,
                }
                .into());
            }
        };
        let entries = entries.flatten();
        Ok(entries.map(|entry| below.join(entry.file_name())).collect())
    };
    for name in list(Path::new(""))? {
        let shown = name.to_string_lossy();
        if is_directory_of_ca(&shown) {
            if directory.join(&name).is_dir() {
                names.extend(list(&name)?.into_iter().filter(|name| {
                    let shown = name.to_string_lossy();
                    is_file_of_ca(&shown)
                }));
            }
            names.push(name);
        } else if shown.starts_with(INVENTORY) || is_file_of_ca(&shown) {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// What is in a CA's directory.
#[derive(Default)]
pub(super) struct Found {
    /// The files of the CA, as paths in its directory with slashes, in the order of
    /// their names.
    pub(super) files: Vec<String>,
    /// What else is there, for a message.
    pub(super) others: Vec<String>,
}

impl Found {
    /// Looks through the directory of a CA.
    pub(super) fn below(directory: &Path) -> Result<Self, Error> {
        let mut found = Self::default();
        look_into(directory, "", &mut found)?;
        Ok(found)
    }
}

/// Looks for the files of a CA in `below` of its directory: plain files of the
/// names that a CA has, so that a key of a host that somebody has issued into it
/// does not travel. Links are not followed.
fn look_into(directory: &Path, below: &str, found: &mut Found) -> Result<(), Error> {
    let path = directory.join(below);
    let unreadable = |source| store::Error::Io {
        path: path.clone(),
        action: store::Action::Read,
        source,
    };
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        entries.push((entry.file_name(), entry.file_type().map_err(unreadable)?));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (name, kind) in entries {
        let shown = Path::new(below).join(&name).display().to_string();
        let known = name.to_str().map(|name| match below {
            "" => name.to_owned(),
            _ => format!("{below}/{name}"),
        });
        match known {
            Some(name) if below.is_empty() && is_passing(&name) => {}
            Some(_) if name.as_encoded_bytes().starts_with(b".windlass-") => {}
            Some(name) if kind.is_file() && is_file_of_ca(&name) => found.files.push(name),
            Some(name) if kind.is_dir() && below.is_empty() && is_directory_of_ca(&name) => {
                look_into(directory, &name, found)?;
            }
            _ => found.others.push(shown),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::Role;

    /// What an authority is given is guarded and backed up, and nothing that only
    /// looks like it.
    #[test]
    fn every_file_of_an_authority_is_one_of_the_ca() {
        for name in [
            AuthorityName::ROOT,
            AuthorityName::new(Role::Issuing, u32::MAX),
        ] {
            for file in [name.certificate_file(), name.key_file(), name.list_file()] {
                assert!(is_file_of_ca(&file), "{file}");
            }
            for file in OF_AUTHORITY {
                assert!(is_file_of_ca(&format!("{name}/{file}")), "{name}/{file}");
            }
        }
        for name in [
            "inventory.db",
            "web/key.pem",
            "issuing-0/key.pem",
            "issuing-02/key.pem",
            "root-1/cert.pem",
            "root/other.pem",
            "root/sub/key.pem",
            "crl/web.pem",
            "crl/root",
            "key.pem",
        ] {
            assert!(!is_file_of_ca(name), "{name}");
        }
    }
}
