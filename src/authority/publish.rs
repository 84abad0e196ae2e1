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
    Certificate, Crl, CrlHead, CrlTemplate, IssuerRef, RevokedEntry, SerialNumber, SignedCrl,
};
use crate::store::{self, CrlRecord, GenerationState, Inventory, Readers};

use super::checkpoint::checkpoint_when_due;
use super::generation::{Generation, Generations, open_generations};
use super::opened::ending;
use super::own_key::{Unlock, open_own_key};
use super::{
    Action, AuthorityName, BACKDATE_SECONDS, Error, ListError, Occasion, OwnAuthority, Policy,
    check_clock, reason_of,
};

/// How far the number of a list may be ahead of the clock that is taken over by
/// force, in days: as far as a clock may have been wrong.
const MOST_JUMP_DAYS: i64 = 3660;

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
    authority: OwnAuthority,
    /// The issuing CAs whose place it has taken: a list of theirs may be where its
    /// own is to be.
    before: Vec<Certificate>,
    inventory: Inventory,
    /// When the generation ends from which leaves come.
    end: Option<DateTime<Utc>>,
    key: Box<dyn Signer>,
}

impl ListSigner {
    /// Opens the CA in `directory` with the key of that authority.
    ///
    /// # Errors
    ///
    /// As [`super::Authority::open`].
    pub fn open(
        directory: &Path,
        issuer: AuthorityName,
        unlock: &Unlock<'_>,
    ) -> Result<Self, Error> {
        unlock.read_descriptor()?;
        let (inventory, generations) = open_generations(directory)?;
        let authority = generations.named(issuer)?.clone();
        let key = open_own_key(directory, &authority, unlock)?;
        generations.write_bundle(directory, &inventory)?;
        let active = generations.in_state(GenerationState::Active);
        Ok(Self {
            directory: directory.to_owned(),
            before: generations.before(issuer, &inventory)?,
            authority,
            inventory,
            end: active.map(Generation::not_after),
            key,
        })
    }

    /// As [`Authority::ending`](super::Authority::ending). A policy that cannot be
    /// read keeps nobody from revoking; nothing is said then.
    #[must_use]
    pub fn ending(&self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let policy = Policy::of(&self.directory).ok()?;
        ending(self.end?, &policy, at)
    }

    /// Whose list it signs.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.authority.certificate
    }

    /// Makes a list, records it and publishes it.
    ///
    /// # Errors
    ///
    /// [`ListError`] for a file that it would replace; those of [`check_clock`];
    /// [`Error::CaNotValid`]; [`Error::Pki`] or [`Error::Store`]. A list that was
    /// recorded and could not be written is followed by the next one.
    pub fn publish(&self, plan: &ListPlan<'_>) -> Result<Published, Error> {
        let occasion = plan.occasion;
        check_clock(&self.inventory, occasion)?;
        self.authority.check_validity(occasion.at)?;
        let own = self.directory.join(self.authority.name.list_file());
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
            above = above.max(self.number_at(target, plan.force, occasion.at)?);
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
        if let Some(parent) = self
            .directory
            .join(self.authority.name.list_file())
            .parent()
        {
            store::remove_unfinished(parent)?;
        }
        // Whoever publishes has recorded before: while there is nothing later in
        // the inventory, there is nothing later in the files.
        let newest = self.inventory.newest_crl(&record.issuer_key_id)?;
        let is_newest = newest.is_some_and(|newest| newest.number == record.number);
        for target in targets.iter().copied() {
            let there = match is_newest {
                true => 0,
                false => self.number_at(target, plan.force, plan.occasion.at)?,
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
        let key_identifier = self.certificate().key_identifier();
        let mut writer = self.inventory.write()?;
        // Another process may have retired it since the CA was opened.
        Generations::read(&self.directory, &self.inventory)?.named(self.authority.name)?;
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
            .ok_or(ListError::NumbersUsedUp {
                issuer: self.authority.name,
                newest: last,
            })?
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
            name: self.certificate().subject(),
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
            size: size(signed.pem_size()),
            fingerprint: signed.fingerprint(),
        };
        writer.add_crl(&record)?;
        let detail = json!({
            "issuer": self.authority.name.to_string(),
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

    fn has_signed(&self, material: &[u8]) -> bool {
        Crl::read(material, "").is_ok_and(|list| list.is_signed_by(self.certificate().public_key()))
    }

    /// The number of the list that is there already; 0 when there is none, or
    /// when it does not matter because it is replaced by force.
    fn number_at(&self, path: &Path, force: bool, now: DateTime<Utc>) -> Result<u64, Error> {
        let material = match store::read_with_metadata(path, limits::MAX_CRL_FILE) {
            Ok((material, _)) => material,
            Err(error) if error.is_not_found() => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let head = match CrlHead::read(&material, &path.display().to_string()) {
            Ok(head) => head,
            Err(_) if force => return Ok(0),
            Err(source) => return Err(ListError::Unreadable { source }.into()),
        };
        let key_identifier = self.certificate().key_identifier();
        let is_own = head.issuer == *self.certificate().subject()
            && head.key_identifier.as_deref() == Some(&key_identifier);
        let is_before = self.before.iter().any(|before| {
            let key_identifier = before.public_key().key_identifier();
            head.issuer == *before.subject()
                && head.key_identifier.as_deref() == Some(&key_identifier)
        });
        let foreign = |issuer: String| match force {
            true => Ok(0),
            false => Err(ListError::Foreign {
                path: path.to_owned(),
                issuer,
                own: self.certificate().subject().to_string(),
                replaceable: true,
            }
            .into()),
        };
        if is_before {
            return Ok(0);
        }
        if !is_own {
            return foreign(head.issuer.to_string());
        }
        let number = head.number.as_ref().map_or(0, SerialNumber::saturating);
        // Read after the file: whoever writes one has recorded it before.
        let newest = self.inventory.newest_crl(&key_identifier)?;
        let newest = newest.map_or(0, |newest| newest.number);
        let is_ahead = u64::try_from(newest).is_ok_and(|newest| number > newest);
        // A number counts only if this CA has given it: anybody can write a list
        // that says who made it. One that is behind changes nothing.
        if is_ahead && !self.has_signed(&material) {
            return foreign(head.issuer.to_string());
        }
        if is_ahead && number > farthest(now) {
            return Err(ListError::TooFar {
                path: path.to_owned(),
                number: head.number.map_or_else(String::new, |one| one.decimal()),
            }
            .into());
        }
        if !force && is_ahead {
            return Err(ListError::Ahead {
                path: path.to_owned(),
                number: head.number.map_or_else(String::new, |one| one.decimal()),
                newest,
            }
            .into());
        }
        Ok(number)
    }
}

impl std::fmt::Debug for ListSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ListSigner({})", self.certificate().subject())
    }
}

/// The highest number that a list of this CA can have: its numbers are those of
/// seconds, or follow each other. A higher one would stay the first of all the
/// next ones.
fn farthest(now: DateTime<Utc>) -> u64 {
    u64::try_from((now + TimeDelta::days(MOST_JUMP_DAYS)).timestamp()).unwrap_or(0)
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
