//! The files of a batch: a directory for each row, and new keys that are kept
//! until it is there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::authority::deliver::key_pem;
use crate::authority::issue::{RequestedKey, key_of};
use crate::authority::{Authority, Error};
use crate::key::{self, GeneratedKey, PublicKey, Signer};
use crate::limits;
use crate::pki::{Certificate, encode_pem};
use crate::secret::Secret;
use crate::store::{self, Bulk};

use super::{BatchRow, spread};

/// Where new keys are from before anything is signed for them until they are
/// delivered.
const KEYS: &str = ".windlass-keys";

/// Longest name of a row, in characters.
const MOST: usize = 128;

/// A row's name, which its directory has too: 1 to 128 letters, digits and
/// `. _ -`, not with a dot at its beginning.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowId(String);

impl RowId {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn key_file(&self) -> String {
        format!("{}.pem", self.0)
    }
}

impl FromStr for RowId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        if text.is_empty() || text.len() > MOST || text.starts_with('.') || !text.bytes().all(fits)
        {
            return Err(format!(
                "an id has 1 to {MOST} letters, digits and . _ -, and no dot at its beginning"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The directory of a batch.
pub(super) struct Files {
    out: PathBuf,
    bulk: Bulk,
    /// New keys that are not delivered yet, by row.
    keys: HashMap<usize, GeneratedKey>,
}

impl Files {
    pub(super) fn begin(out: &Path) -> Result<Self, Error> {
        Ok(Self {
            out: out.to_owned(),
            bulk: Bulk::begin(out)?,
            keys: HashMap::new(),
        })
    }

    /// Checks that nothing is where a row's directory will be.
    pub(super) fn check_free(&self, id: &RowId) -> Result<(), Error> {
        let path = self.out.join(id.as_str());
        match std::fs::symlink_metadata(&path) {
            Ok(_) => Err(Error::Store(store::Error::Exists { path })),
            Err(_) => Ok(()),
        }
    }

    pub(super) fn public_key(&self, row: usize) -> Option<PublicKey> {
        self.keys
            .get(&row)
            .map(|made| made.key.public_key().clone())
    }

    /// Makes the new keys of rows, or takes those that were kept for them, and
    /// keeps them durably: what is stored in the inventory for a key that nobody
    /// has would be lost.
    pub(super) fn prepare_keys(
        &mut self,
        rows: &[BatchRow],
        which: impl Iterator<Item = usize>,
        jobs: usize,
    ) -> Result<(), Error> {
        let is_new = |row: &BatchRow| matches!(row.request.key, RequestedKey::New(_));
        let wanted: Vec<(usize, &BatchRow)> = which
            .filter_map(|index| Some((index, rows.get(index)?)))
            .filter(|(_, row)| is_new(row))
            .collect();
        let made = spread(&wanted, jobs, |(index, row)| -> Result<_, Error> {
            if let Some(kept) = self.kept_key(&row.id)? {
                return Ok((*index, None, Some(kept)));
            }
            let (_, made) = key_of(&row.request.key)?;
            let file = made.as_ref().map(|made| (row.id.key_file(), key_pem(made)));
            Ok((*index, file, made))
        });
        let mut files = Vec::new();
        for made in made {
            let (index, file, key) = made?;
            files.extend(file);
            key.into_iter()
                .for_each(|key| drop(self.keys.insert(index, key)));
        }
        if !files.is_empty() {
            let contents: Vec<(String, &[u8])> = files
                .iter()
                .map(|(name, content)| (name.clone(), content.as_bytes()))
                .collect();
            self.bulk.keep(KEYS, &contents)?;
        }
        Ok(())
    }

    /// The key that was kept for a row whose batch was cut short.
    fn kept_key(&self, id: &RowId) -> Result<Option<GeneratedKey>, Error> {
        let path = self.out.join(KEYS).join(id.key_file());
        let content = match store::read_bounded(&path, limits::MAX_FILE) {
            Ok(content) => Zeroizing::new(content),
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let origin = path.display().to_string();
        let key = key::open_software(&content, &origin, || Ok(None))?;
        let Ok(block) = pem::parse(&*content) else {
            return Ok(None);
        };
        let pkcs8 = Secret::new(block.into_contents());
        Ok(Some(GeneratedKey { key, pkcs8 }))
    }

    /// Lets the directories of rows appear, and gives the rows of which one
    /// could not. A row that was issued before gets what is missing.
    pub(super) fn deliver<'a>(
        &mut self,
        rows: impl Iterator<Item = (usize, &'a BatchRow, &'a Certificate, bool)>,
        authority: &Authority,
    ) -> Result<Vec<(usize, Error)>, Error> {
        let (mut made, mut failures, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        let own = encode_pem([authority.issuing()]);
        for (index, row, certificate, is_fresh) in rows {
            let cert = encode_pem([certificate]);
            // What was issued before may be of the generation before.
            let chain = match authority.issuer_of(certificate)? {
                Some(issuer) => encode_pem([&issuer]),
                None => own.clone(),
            };
            let full = format!("{cert}{chain}");
            let certificates = [
                ("cert.pem", &cert),
                ("chain.pem", &chain),
                ("fullchain.pem", &full),
            ];
            if !is_fresh && self.check_free(&row.id).is_err() {
                match self.complete(&row.id, &certificates) {
                    Err(error) => failures.push((index, error)),
                    // A process may have died after it had delivered the key, and
                    // before it removed the other copy.
                    Ok(()) if self.out.join(row.id.as_str()).join("key.pem").exists() => {
                        keys.push((index, row.id.key_file()));
                    }
                    Ok(()) => {}
                }
                continue;
            }
            let key = match self.key_for(index, row, certificate) {
                Ok(key) => key,
                Err(error) => {
                    failures.push((index, error));
                    continue;
                }
            };
            let key = key.map(|key| ("key.pem", key));
            let files: Vec<(&str, &[u8])> = certificates
                .iter()
                .map(|(name, content)| (*name, content.as_bytes()))
                .chain(
                    key.iter()
                        .map(|(name, content)| (*name, content.as_bytes())),
                )
                .collect();
            match self.bulk.make(row.id.as_str(), &files) {
                Ok(()) => made.push(row.id.as_str()),
                Err(error @ store::Error::Exists { .. }) => failures.push((index, error.into())),
                Err(error) => return Err(error.into()),
            }
            if key.is_some() {
                keys.push((index, row.id.key_file()));
            }
        }
        if !made.is_empty() {
            self.bulk.publish(made)?;
        }
        for (index, file) in keys {
            self.keys.remove(&index);
            store::remove_if_present(&self.out.join(KEYS).join(file))?;
        }
        Ok(failures)
    }

    /// The new key of a row in PEM, if it has one.
    fn key_for(
        &mut self,
        index: usize,
        row: &BatchRow,
        certificate: &Certificate,
    ) -> Result<Option<Zeroizing<String>>, Error> {
        if matches!(row.request.key, RequestedKey::Given(_)) {
            return Ok(None);
        }
        if !self.keys.contains_key(&index)
            && let Some(kept) = self.kept_key(&row.id)?
        {
            self.keys.insert(index, kept);
        }
        match self.keys.get(&index) {
            Some(made) if made.key.public_key() == certificate.public_key() => {
                Ok(Some(key_pem(made)))
            }
            _ => Err(Error::BatchKeyLost {
                id: row.id.as_str().to_owned(),
                directory: self.out.clone(),
            }),
        }
    }

    /// Writes the certificates that are missing in a row's directory.
    fn complete(&self, id: &RowId, files: &[(&str, &String)]) -> Result<(), Error> {
        let directory = self.out.join(id.as_str());
        for (name, content) in files {
            let path = directory.join(name);
            match store::read_bounded(&path, limits::MAX_FILE) {
                Ok(found) if found == content.as_bytes() => {}
                Ok(_) => return Err(Error::Store(store::Error::Exists { path: directory })),
                Err(error) if error.is_not_found() => {
                    store::write_new(&path, content.as_bytes())?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        // Only when nothing is kept in it any more.
        store::remove_if_empty(&self.out.join(KEYS));
    }
}
