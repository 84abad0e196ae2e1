//! Making and publishing revocation lists.
//!
//! A list is made, signed and recorded in one transaction, so that of two lists
//! the one with the higher number has everything that the other has. Only then
//! it is published, by renaming, and never over one with a higher number: a
//! crash in between leaves the list before it, and the next run makes another.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::clock::{rfc3339, whole_seconds};
use crate::key::Signer;
use crate::limits;
use crate::pki::{
    Certificate, CrlHead, CrlTemplate, IssuerRef, RevokedEntry, SerialNumber, SignedCrl,
};
use crate::store::{self, CrlRecord, Inventory, Readers};

use super::checkpoint::checkpoint_when_due;
use super::opened::{check_known, read_own_certificates};
use super::own_key::{Unlock, open_own_key};
use super::{
    Action, BACKDATE_SECONDS, Error, ListIssuer, Occasion, check_clock, open_inventory, reason_of,
};

/// What a new list is to be like.
#[derive(Clone, Copy, Debug)]
pub struct ListPlan<'a> {
    /// How long it is good for, in days.
    pub days: u32,
    /// Another place for it, beside that in the CA's directory.
    pub out: Option<&'a Path>,
    /// Whether it may take the place of a file that is ahead of the inventory,
    /// of another authority, or no list.
    pub force: bool,
    /// Who makes it, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// A list that was made.
#[derive(Clone, Debug)]
pub struct Published {
    /// As it is recorded.
    pub record: CrlRecord,
    /// Where it was written.
    pub files: Vec<PathBuf>,
    /// Where another process had already written a later one.
    pub overtaken: Vec<PathBuf>,
}

/// An authority of a CA, opened to sign its revocation list.
pub struct ListSigner {
    directory: PathBuf,
    issuer: ListIssuer,
    inventory: Inventory,
    certificate: Certificate,
    key: Box<dyn Signer>,
}

impl ListSigner {
    /// Opens the CA in `directory` with the key of that authority.
    ///
    /// # Errors
    ///
    /// As [`super::Authority::open`].
    pub fn open(directory: &Path, issuer: ListIssuer, unlock: &Unlock<'_>) -> Result<Self, Error> {
        let (root, issuing) = read_own_certificates(directory)?;
        let certificate = match issuer {
            ListIssuer::Issuing => &issuing,
            ListIssuer::Root => &root,
        };
        let key = open_own_key(directory, issuer, certificate, unlock)?;
        let inventory = open_inventory(directory)?;
        check_known(directory, &inventory, [&root, &issuing])?;
        Ok(Self {
            directory: directory.to_owned(),
            issuer,
            inventory,
            certificate: certificate.clone(),
            key,
        })
    }

    /// Whose list it signs.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Makes a list, records it and publishes it.
    ///
    /// # Errors
    ///
    /// [`Error::ListAhead`], [`Error::ListForeign`] or [`Error::ListUnreadable`]
    /// for a file that it would replace; those of [`check_clock`];
    /// [`Error::CaNotValid`]; [`Error::Pki`] or [`Error::Store`]. A list that was
    /// recorded and could not be written is followed by the next one.
    pub fn publish(&self, plan: &ListPlan<'_>) -> Result<Published, Error> {
        let occasion = plan.occasion;
        check_clock(&self.inventory, occasion)?;
        if !self.certificate.is_valid_at(occasion.at) {
            return Err(Error::CaNotValid {
                which: self.issuer.as_str(),
                not_before: self.certificate.not_before(),
                not_after: self.certificate.not_after(),
                at: occasion.at,
            });
        }
        let own = self.directory.join(self.issuer.list_file());
        let targets: Vec<&Path> = [Some(own.as_path()), plan.out]
            .into_iter()
            .flatten()
            .collect();
        // Before anything is signed: what is in the way, and what cannot be
        // written, must not cost a number.
        if let Some(parent) = own.parent() {
            store::ensure_directory(parent)?;
        }
        let mut above = 0;
        for target in &targets {
            store::check_parent(target)?;
            above = above.max(self.number_at(target, plan.force)?);
        }
        let (record, signed) = self.sign(plan, above)?;
        self.write(record, &signed.to_pem(), &targets, plan)
    }

    /// Writes a list that is recorded to where it is to be, but over a later one.
    fn write(
        &self,
        record: CrlRecord,
        pem: &str,
        targets: &[&Path],
        plan: &ListPlan<'_>,
    ) -> Result<Published, Error> {
        let (mut files, mut overtaken) = (Vec::new(), Vec::new());
        // Nobody else publishes while this lock is held.
        let turn = self.inventory.write()?;
        if let Some(parent) = self.directory.join(self.issuer.list_file()).parent() {
            store::remove_unfinished(parent)?;
        }
        // Whoever publishes has recorded before: while there is nothing later in
        // the inventory, there is nothing later in the files.
        let newest = self.inventory.newest_crl(&record.issuer_key_id)?;
        let is_newest = newest.is_some_and(|newest| newest.number == record.number);
        for target in targets.iter().copied() {
            let there = match is_newest {
                true => 0,
                false => self.number_at(target, plan.force)?,
            };
            if i64::try_from(there).is_ok_and(|there| there > record.number) {
                overtaken.push(target.to_owned());
                continue;
            }
            // What others may read is theirs to fetch; the CA's own copy is in a
            // directory that nobody else can enter.
            let readers = match Some(target) == plan.out {
                true => Readers::Everyone,
                false => Readers::Owner,
            };
            store::write_atomic(target, pem.as_bytes(), readers)?;
            files.push(target.to_owned());
        }
        drop(turn);
        Ok(Published {
            record,
            files,
            overtaken,
        })
    }

    /// Makes the next list and records it, in one transaction.
    fn sign(&self, plan: &ListPlan<'_>, above: u64) -> Result<(CrlRecord, SignedCrl), Error> {
        let out_of_range = || Error::Validity {
            what: "the revocation list",
        };
        let occasion = plan.occasion;
        let key_identifier = self.certificate.public_key().key_identifier();
        let mut writer = self.inventory.write()?;
        let before = self.inventory.newest_crl(&key_identifier)?;
        let this_update = this_update(occasion.at, before.as_ref());
        let next_update = this_update
            .checked_add_signed(TimeDelta::days(i64::from(plan.days)))
            .ok_or_else(out_of_range)?;
        let last = before.as_ref().map_or(0, |before| before.number);
        let number = i64::try_from(above)
            .unwrap_or(0)
            .max(last)
            .checked_add(1)
            .ok_or_else(out_of_range)?
            .max(occasion.at.timestamp());
        // An entry stays until a list was made after its certificate's end (RFC
        // 5280 section 3.3).
        let ending = before.map_or(DateTime::UNIX_EPOCH, |before| before.this_update);
        let template = CrlTemplate {
            number: u64::try_from(number).map_err(|_| out_of_range())?,
            this_update,
            next_update,
            entries: self.entries(&key_identifier, ending)?,
        };
        let issuer = IssuerRef {
            name: self.certificate.subject(),
            signer: self.key.as_ref(),
            key_identifier: &key_identifier,
        };
        let signed = template.build(&issuer)?.sign()?;
        let size = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let record = CrlRecord {
            issuer_key_id: key_identifier.to_vec(),
            number,
            this_update,
            next_update,
            entries: size(template.entries.len()),
            size: size(pem_size(signed.der().len())),
            fingerprint: signed.fingerprint(),
        };
        writer.add_crl(&record)?;
        let detail = json!({
            "issuer": self.issuer.as_str(),
            "issuerKeyId": hex::encode(&record.issuer_key_id),
            "number": record.number,
            "entries": record.entries,
            "size": record.size,
            "thisUpdate": rfc3339(this_update),
            "nextUpdate": rfc3339(next_update),
            "fingerprintSha256": record.fingerprint,
        });
        occasion.log(&mut writer, Action::SignList, None, &detail)?;
        checkpoint_when_due(&self.inventory, &writer, self.key.as_ref(), occasion.at)?;
        writer.commit()?;
        Ok((record, signed))
    }

    fn entries(
        &self,
        key_identifier: &[u8],
        ending: DateTime<Utc>,
    ) -> Result<Vec<RevokedEntry>, Error> {
        let mut entries = Vec::new();
        self.inventory
            .revoked(key_identifier, ending, |serial, revocation| {
                entries.push(RevokedEntry {
                    serial: SerialNumber::from_magnitude(serial).ok_or(Error::Foreign {
                        path: self.directory.join(super::INVENTORY),
                        reason: "it holds a serial number that is none",
                    })?,
                    at: revocation.at,
                    reason: reason_of(revocation),
                    invalid_since: revocation.invalid_since,
                });
                Ok::<(), Error>(())
            })?;
        Ok(entries)
    }

    /// The number of the list that is there already; 0 when there is none, or
    /// when it does not matter because it is replaced by force.
    fn number_at(&self, path: &Path, force: bool) -> Result<u64, Error> {
        let material = match store::read_with_metadata(path, limits::MAX_CRL_FILE) {
            Ok((material, _)) => material,
            Err(error) if error.is_not_found() => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let head = match CrlHead::read(&material, &path.display().to_string()) {
            Ok(head) => head,
            Err(_) if force => return Ok(0),
            Err(source) => return Err(Error::ListUnreadable { source }),
        };
        let key_identifier = self.certificate.public_key().key_identifier();
        let is_own = head.issuer == *self.certificate.subject()
            && head.key_identifier.as_deref() == Some(&key_identifier);
        if !is_own {
            return match force {
                true => Ok(0),
                false => Err(Error::ListForeign {
                    path: path.to_owned(),
                    issuer: head.issuer.to_string(),
                    own: self.certificate.subject().to_string(),
                    replaceable: true,
                }),
            };
        }
        let number = head.number.as_ref().map_or(0, small);
        // Read after the file: whoever writes one has recorded it before.
        let newest = self.inventory.newest_crl(&key_identifier)?;
        let newest = newest.map_or(0, |newest| newest.number);
        if !force && u64::try_from(newest).is_ok_and(|newest| number > newest) {
            return Err(Error::ListAhead {
                path: path.to_owned(),
                number: head.number.map_or_else(String::new, |one| one.decimal()),
                newest,
            });
        }
        Ok(number)
    }
}

impl std::fmt::Debug for ListSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListSigner({})", self.certificate.subject())
    }
}

/// A number as far as 64 bits go.
pub(super) fn small(number: &SerialNumber) -> u64 {
    let magnitude = number.magnitude();
    if magnitude.len() > 8 {
        return u64::MAX;
    }
    magnitude
        .iter()
        .fold(0, |sum, octet| sum << 8 | u64::from(*octet))
}

/// When the list is made: now, but not before the list before it because of a
/// clock that was set by a little.
fn this_update(now: DateTime<Utc>, before: Option<&CrlRecord>) -> DateTime<Utc> {
    let now = whole_seconds(now);
    before
        .map(|before| before.this_update)
        .filter(|before| *before > now && *before - now <= TimeDelta::seconds(BACKDATE_SECONDS))
        .unwrap_or(now)
}

/// The size of a list as PEM, in bytes: 64 characters a line.
pub(super) fn pem_size(der: usize) -> usize {
    let base64 = der.div_ceil(3) * 4;
    base64 + base64.div_ceil(64) + "-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n".len()
}
