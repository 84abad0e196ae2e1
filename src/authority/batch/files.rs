//! The files of a batch: a directory for each row, and new keys that are kept
//! until it is there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::authority::issue::{RequestedKey, key_of};
use crate::authority::{Authority, Error};
use crate::key::{self, GeneratedKey, PublicKey, Signer};
use crate::limits;
use crate::pki::{Certificate, encode_pem, read_certificates};
use crate::secret::Secret;
use crate::store::{self, Bulk, Inventory, State};

use super::known::is_of;
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

/// What became of rows while they were delivered.
#[derive(Default)]
struct Done<'a> {
    made: Vec<&'a str>,
    replaced: Vec<&'a str>,
    failures: Vec<(usize, Error)>,
    /// Rows whose key is delivered, with the file in which it was kept.
    keys: Vec<(usize, String)>,
}

/// The directory of a batch.
pub(super) struct Files {
    out: PathBuf,
    bulk: Bulk,
    /// New keys that are not delivered yet, by row.
    keys: HashMap<usize, GeneratedKey>,
}

/// What is delivered for a row.
const DELIVERED: [&str; 4] = ["cert.pem", "chain.pem", "fullchain.pem", "key.pem"];

/// Checks that nothing is where a row's directory will be.
pub(super) fn check_free(out: &Path, id: &RowId) -> Result<(), Error> {
    let path = out.join(id.as_str());
    match std::fs::symlink_metadata(&path) {
        Ok(_) => Err(match stray(&path) {
            Some(file) => Error::BatchOccupied {
                directory: path,
                file,
            },
            None => Error::Store(store::Error::Exists { path }),
        }),
        Err(_) => Ok(()),
    }
}

/// The first file of a directory, by its name, that no batch has delivered.
fn stray(directory: &Path) -> Option<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .filter(|name| !DELIVERED.contains(&name.as_str()))
        .min()
}

/// Whether a row's directory holds an earlier certificate of that row and nothing
/// that was not delivered with it: then it may be replaced.
pub(super) fn holds_earlier(inventory: &Inventory, out: &Path, id: &RowId) -> Result<bool, Error> {
    let directory = out.join(id.as_str());
    if stray(&directory).is_some() {
        return Ok(false);
    }
    let path = directory.join("cert.pem");
    let Ok(content) = store::read_bounded(&path, limits::MAX_FILE) else {
        return Ok(false);
    };
    let Ok(found) = read_certificates(&content, &path.display().to_string()) else {
        return Ok(false);
    };
    let [found] = found.as_slice() else {
        return Ok(false);
    };
    let record = inventory.by_fingerprint(&found.fingerprint())?;
    let request = record.and_then(|record| record.request_id);
    Ok(request.is_some_and(|request| is_of(&request, id.as_str())))
}

/// The key that was kept for a row whose batch was cut short. It is handed over
/// only beside the certificate of that very key.
pub(super) fn kept_key(out: &Path, id: &RowId) -> Result<Option<GeneratedKey>, Error> {
    let place = out.join(KEYS);
    match store::check_private(&place) {
        Ok(()) => {}
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let path = place.join(id.key_file());
    match store::check_private(&path) {
        Ok(()) => {}
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let (content, _) = store::read_with_metadata(&path, limits::MAX_FILE)?;
    let content = Zeroizing::new(content);
    let origin = path.display().to_string();
    let key = key::open_software(&content, &origin, || Ok(None))?;
    let Ok(block) = pem::parse(&*content) else {
        return Ok(None);
    };
    let pkcs8 = Secret::new(block.into_contents());
    Ok(Some(GeneratedKey { key, pkcs8 }))
}

impl Files {
    pub(super) fn begin(out: &Path) -> Result<Self, Error> {
        Ok(Self {
            out: out.to_owned(),
            bulk: Bulk::begin(out)?,
            keys: HashMap::new(),
        })
    }

    pub(super) fn public_key(&self, row: usize) -> Option<PublicKey> {
        self.keys
            .get(&row)
            .map(|made| made.key.public_key().clone())
    }

    /// Makes the new keys of rows and keeps them durably: what is stored in the
    /// inventory for a key that nobody has would be lost. What is kept there for
    /// a row that was never issued is replaced: whoever could write there would
    /// choose the key that is certified.
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
            let (_, made) = key_of(&row.request.key)?;
            let file = made.as_ref().map(|made| (row.id.key_file(), made.to_pem()));
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
                .map(|(name, content)| (name.clone(), content.expose()))
                .collect();
            self.bulk.keep(KEYS, &contents)?;
        }
        Ok(())
    }

    /// Removes the keys that nobody waits for: of rows that were refused, given
    /// up or delivered, also by a process that has died. One of a certificate
    /// that was issued and not delivered stays.
    pub(super) fn sweep(&self, inventory: &Inventory) -> Result<(), Error> {
        let place = self.out.join(KEYS);
        if store::check_private(&place).is_err() {
            return Ok(());
        }
        let entries = std::fs::read_dir(&place).into_iter().flatten().flatten();
        for name in entries.map(|entry| entry.file_name()) {
            let id = name.to_str().and_then(|name| name.strip_suffix(".pem"));
            let Some(id) = id.and_then(|id| id.parse::<RowId>().ok()) else {
                continue;
            };
            let record = inventory.newest_of_request(id.as_str())?;
            let wanted = record.filter(|record| record.state == State::Issued);
            let fingerprint = wanted.map(|record| record.key_fingerprint);
            let is_wanted = fingerprint.is_some_and(|wanted| {
                let kept = kept_key(&self.out, &id).ok().flatten();
                // What cannot be read may be what is waited for.
                kept.is_none_or(|kept| kept.key.public_key().fingerprint() == wanted)
            });
            if !is_wanted {
                store::remove_if_present(&place.join(&name))?;
            }
        }
        Ok(())
    }

    /// Lets the directories of rows appear, and gives the rows of which one
    /// could not. A row that was issued before gets what is missing; an earlier
    /// certificate of a row is replaced with its key.
    pub(super) fn deliver<'a>(
        &mut self,
        rows: impl Iterator<Item = (usize, &'a BatchRow, &'a Certificate, bool)>,
        authority: &Authority,
    ) -> Result<Vec<(usize, Error)>, Error> {
        let mut done = Done::default();
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
            let is_there = check_free(&self.out, &row.id).is_err();
            let is_replaced = is_there
                && self.is_another(&row.id, &cert)
                && holds_earlier(&authority.inventory, &self.out, &row.id)?;
            if is_there && !is_replaced && !is_fresh {
                match self.complete(&row.id, &certificates) {
                    Err(error) => done.failures.push((index, error)),
                    // A process may have died after it had delivered the key, and
                    // before it removed the other copy.
                    Ok(()) if self.out.join(row.id.as_str()).join("key.pem").exists() => {
                        done.keys.push((index, row.id.key_file()));
                    }
                    Ok(()) => {}
                }
                continue;
            }
            let key = match self.key_for(index, row, certificate) {
                Ok(key) => key,
                Err(error) => {
                    done.failures.push((index, error));
                    continue;
                }
            };
            let files: Vec<(&str, &[u8])> = certificates
                .iter()
                .map(|(name, content)| (*name, content.as_bytes()))
                .chain(key.iter().map(|key| ("key.pem", key.expose())))
                .collect();
            let name = row.id.as_str();
            let begun = match is_replaced {
                true => self
                    .bulk
                    .make_beside(name, &files)
                    .map(|()| done.replaced.push(name)),
                false => self.bulk.make(name, &files).map(|()| done.made.push(name)),
            };
            match begun {
                Ok(()) => {}
                Err(error @ store::Error::Exists { .. }) => {
                    done.failures.push((index, error.into()));
                }
                Err(error) => return Err(error.into()),
            }
            if key.is_some() {
                done.keys.push((index, row.id.key_file()));
            }
        }
        self.finish(done)
    }

    /// Makes durable what was begun, and removes the keys that are delivered.
    fn finish(&mut self, done: Done<'_>) -> Result<Vec<(usize, Error)>, Error> {
        if !done.made.is_empty() {
            self.bulk.publish(done.made)?;
        }
        if !done.replaced.is_empty() {
            self.bulk.exchange(done.replaced)?;
        }
        for (index, file) in done.keys {
            self.keys.remove(&index);
            let is_failed = done.failures.iter().any(|(failed, _)| *failed == index);
            if !is_failed {
                store::remove_if_present(&self.out.join(KEYS).join(file))?;
            }
        }
        Ok(done.failures)
    }

    /// Whether a row's directory holds another certificate than this one.
    fn is_another(&self, id: &RowId, pem: &str) -> bool {
        let path = self.out.join(id.as_str()).join("cert.pem");
        store::read_bounded(&path, limits::MAX_FILE).is_ok_and(|found| found != pem.as_bytes())
    }

    /// The new key of a row in PEM, if it has one.
    fn key_for(
        &mut self,
        index: usize,
        row: &BatchRow,
        certificate: &Certificate,
    ) -> Result<Option<Secret>, Error> {
        if matches!(row.request.key, RequestedKey::Given(_)) {
            return Ok(None);
        }
        if !self.keys.contains_key(&index)
            && let Some(kept) = kept_key(&self.out, &row.id)?
        {
            self.keys.insert(index, kept);
        }
        match self.keys.get(&index) {
            Some(made) if made.key.public_key() == certificate.public_key() => {
                Ok(Some(made.to_pem()))
            }
            _ => Err(Error::BatchKeyLost {
                id: row.id.as_str().to_owned(),
                serial: certificate.serial().hex(),
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
