//! Another passphrase for the keys of a CA.
//!
//! Everything is opened, encrypted anew and tried before anything is written.
//! Then it is logged that the change begins, with the digest of each new file,
//! the files take the place of the old ones, each by renaming, and it is logged
//! that this was done. A crash leaves
//! each key under one of the two passphrases, whole; the same command again
//! finds the ones that are done and does the others.

use std::path::{Path, PathBuf};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::key::{self, Cost, PublicKey, Signer};
use crate::secret::Secret;
use crate::store::{self, DirectoryLock, Inventory, Readers};

use super::apart::requested;
use super::generation::{Generations, name_of, open_generations};
use super::own_key::{Unlock, has_key, key_file};
use super::{Action, AuthorityName, Error, Occasion, Role, check_clock};

/// What became of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reencrypted {
    /// It had the new passphrase already.
    Already,
    /// It has the new passphrase.
    Changed,
    /// It is in a device, which has its own PIN or password.
    InDevice,
}

/// The new passphrase, and the work factor of the encryption with it.
#[derive(Clone, Copy, Debug)]
pub struct NewPassphrase<'a> {
    /// The passphrase.
    pub secret: &'a Secret,
    /// The work factor.
    pub cost: Cost,
}

/// A file that is to take the place of another.
struct NewFile {
    name: AuthorityName,
    path: PathBuf,
    pem: String,
}

/// Changes the passphrase of keys of the CA in `directory`. A key that the old
/// one does not open, but the new one does, stays as it is.
///
/// # Errors
///
/// [`Error::Key`] when a passphrase is wrong: then nothing was changed.
/// [`Error::PassphraseChanging`] when another process is about it; those of
/// [`check_clock`], or [`Error::Store`].
pub fn change_passphrase(
    directory: &Path,
    name: Option<AuthorityName>,
    old: &Unlock<'_>,
    new: NewPassphrase<'_>,
    occasion: &Occasion<'_>,
) -> Result<Vec<(AuthorityName, Reencrypted)>, Error> {
    old.read_descriptor()?;
    let (inventory, generations) = open_generations(directory)?;
    check_clock(&inventory, occasion)?;
    let chosen = choose(directory, (&inventory, &generations), name)?;
    let old = old.passphrase()?.ok_or_else(|| key::Error::Encrypted {
        origin: directory.display().to_string(),
    })?;
    // Another change between reading and renaming would be lost.
    let _locks = chosen
        .iter()
        .map(|(name, _)| lock(&name.directory(directory)))
        .collect::<Result<Vec<_>, _>>()?;
    let (mut outcomes, mut files) = (Vec::new(), Vec::new());
    for (name, public_key) in chosen {
        let outcome = match key_file(directory, name)? {
            None => Reencrypted::InDevice,
            Some(content) => {
                let path = directory.join(name.key_file());
                match anew(&content, &path, &public_key, &old, new)? {
                    None => Reencrypted::Already,
                    Some(pem) => {
                        files.push(NewFile { name, path, pem });
                        Reencrypted::Changed
                    }
                }
            }
        };
        outcomes.push((name, outcome));
    }
    log_step(&inventory, &files, "begun", occasion)?;
    for file in &files {
        if let Some(parent) = file.path.parent() {
            store::remove_unfinished(parent)?;
        }
        store::write_atomic(&file.path, file.pem.as_bytes(), Readers::Owner)?;
    }
    log_step(&inventory, &files, "done", occasion)?;
    Ok(outcomes)
}

/// The keys that are meant, of those that are here: of the live authorities, and
/// that for which a certificate was asked.
fn choose(
    directory: &Path,
    (inventory, generations): (&Inventory, &Generations),
    name: Option<AuthorityName>,
) -> Result<Vec<(AuthorityName, PublicKey)>, Error> {
    let mut here: Vec<(AuthorityName, PublicKey)> = generations
        .authorities()
        .into_iter()
        .map(|one| (one.name, one.certificate.public_key().clone()))
        .collect();
    if let Some(row) = generations.requested()
        && let Some(request) = requested(directory, inventory, row.number)?
    {
        let name = name_of(&row.issuing, directory)?;
        here.push((name, request.public_key().clone()));
    }
    match name {
        None => here.retain(|(name, _)| has_key(directory, *name)),
        Some(name) => {
            let known = here.iter().map(|(name, _)| *name).collect();
            here.retain(|(one, _)| *one == name);
            if here.is_empty() {
                return Err(Error::NoAuthorityNamed { name, known });
            }
            if name.role() == Role::Root && !has_key(directory, name) {
                let path = directory.to_owned();
                return Err(Error::RootApart { path });
            }
        }
    }
    Ok(here)
}

/// Says in the log that the files are about to be replaced, or have been: where
/// only the first stands, it was tried, and the file's digest tells how far it
/// came.
fn log_step(
    inventory: &Inventory,
    files: &[NewFile],
    step: &str,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    if files.is_empty() {
        return Ok(());
    }
    let mut writer = inventory.write()?;
    for file in files {
        let detail = json!({
            "key": file.name.to_string(),
            "step": step,
            "fileSha256": hex::encode(Sha256::digest(&file.pem)),
        });
        occasion.log(&mut writer, Action::Passphrase, None, &detail)?;
    }
    Ok(writer.commit()?)
}

fn lock(path: &Path) -> Result<DirectoryLock, Error> {
    DirectoryLock::take(path)?.ok_or_else(|| Error::PassphraseChanging {
        path: path.to_owned(),
    })
}

/// The key under the new passphrase, or `None` when it is so already. What comes
/// out has been opened again, and is the key of the certificate.
fn anew(
    content: &[u8],
    path: &Path,
    public_key: &PublicKey,
    old: &Secret,
    new: NewPassphrase<'_>,
) -> Result<Option<String>, Error> {
    let origin = path.display().to_string();
    let opens = |content: &[u8]| -> Result<bool, Error> {
        let key = key::open_software(content, &origin, || Ok(Some(new.secret.copy())))?;
        Ok(key.public_key() == public_key)
    };
    let mismatch = || Error::CaKeyMismatch {
        path: path.to_owned(),
    };
    let pem = match key::reencrypt(content, old, new.secret, new.cost, &origin) {
        Ok(pem) => pem,
        Err(error @ key::Error::BadPassphrase { .. }) => {
            return match opens(content) {
                Ok(true) => Ok(None),
                Ok(false) => Err(mismatch()),
                Err(_) => Err(error.into()),
            };
        }
        Err(error) => return Err(error.into()),
    };
    if !opens(pem.as_bytes())? {
        return Err(mismatch());
    }
    Ok(Some(pem))
}
