//! Making a CA of a backup, and what was published since it was made.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::limits;
use crate::pki::{
    Certificate, Crl, DistinguishedName, RevocationReason, SerialNumber, read_certificates,
};
use crate::store::{self, CrlRecord, Inventory, Reservation, Revocation, Staging, Writer};
use crate::text::first_of;

use super::backup::{deciding, noted, unpack};
use super::generation::Generations;
use super::own_key::module_of;
use super::record::{reserve_made, store_issued};
use super::revoke::{stronger, told};
use super::{Action, Error, ListError, Occasion, check_clock, check_place, open_inventory};

/// How many serial numbers a message names.
const MOST_NAMED: usize = 10;

/// What is restored, and what is known besides.
#[derive(Debug)]
pub struct RestorePlan<'a> {
    /// The backup.
    pub archive: &'a Path,
    /// The directory that the CA gets.
    pub directory: &'a Path,
    /// The newest revocation lists that were published.
    pub lists: &'a [PathBuf],
    /// Files with certificates that were issued after the backup.
    pub also: &'a [PathBuf],
    /// Whether a backup will do that is older than one of the lists.
    pub accept_older: bool,
    /// Who, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// What was restored.
#[derive(Clone, Debug)]
pub struct Restored {
    /// When the backup was made, RFC 3339.
    pub made_at: String,
    /// Number of entries of the log in the backup.
    pub log_entries: u64,
    /// Number of certificates that were added to it.
    pub added: usize,
    /// Number of revocations that were taken from the lists.
    pub revoked: usize,
    /// How many of these are of certificates that the backup does not know.
    pub unknown: usize,
    /// Files that decide what is issued and what is loaded, of which the log does
    /// not say that they are the CA's; each with what it loads.
    pub unaccounted: Vec<String>,
}

/// A list that was signed after the backup was made.
struct Ahead<'a> {
    path: PathBuf,
    list: Crl,
    signer: &'a Certificate,
    record: CrlRecord,
    number: String,
    /// The serial numbers that the backup does not know as revoked.
    missing: Vec<Vec<u8>>,
}

/// Restores a CA. The directory appears whole or not at all.
///
/// # Errors
///
/// [`store::Error::Exists`] for a directory that holds something;
/// [`Error::BackupUnfit`]; [`Error::BackupOlder`] when a list is newer than what
/// the backup knows, unless that is accepted; [`ListError::Foreign`] and
/// [`Error::NotIssued`] for what is not of this CA.
pub fn restore(plan: &RestorePlan<'_>) -> Result<Restored, Error> {
    let staging = Staging::begin(plan.directory)?;
    check_place(staging.path())?;
    let manifest = unpack(plan.archive, staging.path())?;
    let mut restored = Restored {
        made_at: manifest.made_at,
        log_entries: manifest.log_entries,
        added: 0,
        revoked: 0,
        unknown: 0,
        unaccounted: Vec::new(),
    };
    {
        let inventory = open_inventory(staging.path())?;
        check_clock(&inventory, plan.occasion)?;
        if noted(&inventory)?.is_none() {
            let files = manifest.files.iter();
            let files = deciding(files.map(|file| (file.path.as_str(), file.sha256.as_str())));
            restored.unaccounted = files
                .keys()
                .map(|name| match module_of(&staging.path().join(name)) {
                    Some(module) => format!("{name}, which loads {module}"),
                    None => name.clone(),
                })
                .collect();
        }
        // A backup may be of a moment between a rollover and the file that tells
        // of it.
        Generations::read(staging.path(), &inventory)?.write_bundle(staging.path(), &inventory)?;
        let authorities = authorities(&inventory)?;
        let mut writer = inventory.write()?;
        for path in plan.also {
            restored.added += add(path, &inventory, &mut writer, &authorities, plan.occasion)?;
        }
        let mut ahead = Vec::new();
        for path in plan.lists {
            ahead.extend(compare(path, &inventory, &authorities)?);
        }
        if let Some(first) = ahead.first().filter(|_| !plan.accept_older) {
            return Err(first.refused(&inventory)?);
        }
        // In their order, however they were given.
        ahead.sort_by_key(|list| list.record.number);
        for list in &ahead {
            list.adopt(&inventory, &mut writer, &mut restored, plan.occasion)?;
        }
        let detail = json!({
            "madeAt": restored.made_at,
            "logHead": manifest.log_head,
            "added": restored.added,
            "revoked": restored.revoked,
            "acceptedOlder": !ahead.is_empty(),
        });
        plan.occasion
            .log(&mut writer, Action::Restore, None, &detail)?;
        writer.commit()?;
        // The inventory is closed here, which folds its WAL into the file before
        // the directory is renamed.
    }
    staging.publish()?;
    Ok(restored)
}

/// The CA's own certificates, of now and of before.
fn authorities(inventory: &Inventory) -> Result<Vec<Certificate>, Error> {
    let records = inventory.authorities()?;
    let ders = records.iter().filter_map(|record| record.der.as_ref());
    ders.map(|der| Ok(Certificate::from_der(der, "the inventory")?))
        .collect()
}

/// Adds the certificates of a file that the backup does not know, and says how
/// many.
fn add(
    path: &Path,
    inventory: &Inventory,
    writer: &mut Writer<'_>,
    authorities: &[Certificate],
    occasion: &Occasion<'_>,
) -> Result<usize, Error> {
    let (material, _) = store::read_with_metadata(path, limits::MAX_FILE)?;
    let mut added = 0;
    for certificate in read_certificates(&material, &path.display().to_string())? {
        let serial = certificate.serial().magnitude();
        if inventory
            .by_fingerprint(&certificate.fingerprint())?
            .is_some()
        {
            continue;
        }
        // A root certifies CAs, an issuing CA does not.
        let issuer = authorities
            .iter()
            .filter(|one| !certificate.is_ca() || one.is_self_issued())
            .filter(|_| !certificate.is_self_issued())
            .find(|one| {
                certificate.issuer() == one.subject() && certificate.is_signed_by(one.public_key())
            });
        let Some(issuing) = issuer else {
            return Err(Error::NotIssued {
                path: path.to_owned(),
                subject: certificate.subject().to_string(),
            });
        };
        if inventory.get(serial)?.is_none() {
            let key_id = issuing.key_identifier();
            let kind = match certificate.is_ca() {
                true => store::Kind::Issuing,
                false => store::Kind::Leaf,
            };
            reserve_made(&certificate, kind, &key_id, writer, occasion)?;
        }
        let further = [
            ("requester", occasion.actor),
            ("imported", "issued after the backup that was restored"),
        ];
        store_issued(&certificate, &further, writer, occasion)?;
        // Its file is at hand.
        writer.note_delivered(serial, occasion.at)?;
        added += 1;
    }
    Ok(added)
}

/// The list, when it was signed after the backup was made. What an earlier list
/// has and the backup has not was released, or has ended.
fn compare<'a>(
    path: &Path,
    inventory: &Inventory,
    authorities: &'a [Certificate],
) -> Result<Option<Ahead<'a>>, Error> {
    let (material, _) = store::read_with_metadata(path, limits::MAX_CRL_FILE)?;
    let list = Crl::read(&material, &path.display().to_string())?;
    let signer = authorities
        .iter()
        .find(|one| list.issuer() == one.subject() && list.is_signed_by(one.public_key()));
    let Some(signer) = signer else {
        let key = list.head().key_identifier.as_deref();
        return Err(ListError::Foreign {
            path: path.to_owned(),
            issuer: named(list.issuer(), key.unwrap_or_default()),
            own: names(authorities),
            replaceable: false,
        }
        .into());
    };
    let issuer_key_id = signer.key_identifier();
    let newest = newest(inventory, &issuer_key_id)?;
    let number = list.head().number.as_ref();
    let value = number.map_or(0, |number| {
        i64::try_from(number.saturating()).unwrap_or(i64::MAX)
    });
    if value <= newest {
        return Ok(None);
    }
    let mut missing = Vec::new();
    for serial in list.serials() {
        let known = inventory.get(serial)?.and_then(|record| record.revocation);
        if said_by(&list, serial, known).is_some() {
            missing.push(serial.to_vec());
        }
    }
    missing.sort();
    let head = list.head();
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(Some(Ahead {
        path: path.to_owned(),
        signer,
        record: CrlRecord {
            issuer_key_id,
            number: value,
            this_update: head.this_update,
            next_update: head.next_update.unwrap_or(head.this_update),
            entries: count(list.entries()),
            size: count(material.len()),
            fingerprint: list.fingerprint(),
        },
        number: number.map_or_else(|| "0".to_owned(), |number| number.decimal()),
        missing,
        list,
    }))
}

/// The names of authorities, for a message; each once.
fn names(authorities: &[Certificate]) -> String {
    let mut names: Vec<String> = Vec::new();
    for one in authorities {
        let name = named(one.subject(), &one.key_identifier());
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" and ")
}

/// An authority for a message: its name, and its key, which tells two of one name
/// apart.
fn named(name: &DistinguishedName, key_identifier: &[u8]) -> String {
    format!("{name} (key {})", hex::encode(key_identifier))
}

/// What is to be said of a certificate when the list is believed too; `None` when
/// what is known is as strong.
fn said_by(list: &Crl, serial: &[u8], known: Option<Revocation>) -> Option<Revocation> {
    let reason = list
        .reason_of(serial)
        .unwrap_or(RevocationReason::Unspecified);
    let said = stronger(known, reason, None, list.head().this_update)?;
    Some(Revocation {
        at: said.at.min(list.head().this_update),
        ..said
    })
}

fn newest(inventory: &Inventory, issuer_key_id: &[u8]) -> Result<i64, Error> {
    let newest = inventory.newest_crl(issuer_key_id)?;
    Ok(newest.map_or(0, |newest| newest.number))
}

impl Ahead<'_> {
    fn refused(&self, inventory: &Inventory) -> Result<Error, Error> {
        let shown = self.missing.iter().take(MOST_NAMED);
        let shown: Vec<String> = shown.map(hex::encode).collect();
        Ok(Error::BackupOlder {
            path: self.path.clone(),
            number: self.number.clone(),
            newest: newest(inventory, &self.record.issuer_key_id)?,
            lacking: match self.missing.len() {
                0 => "no revocation is lacking".to_owned(),
                count => format!("it lacks the revocation of {}", first_of(&shown, count)),
            },
        })
    }

    /// Takes over what the list says: its number, so that the next one is higher,
    /// and its revocations, so that the next one has them too.
    fn adopt(
        &self,
        inventory: &Inventory,
        writer: &mut Writer<'_>,
        restored: &mut Restored,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        // One that was given twice is there by now.
        if newest(inventory, &self.record.issuer_key_id)? < self.record.number {
            writer.add_crl(&self.record)?;
            let detail = json!({
                "issuerKeyId": hex::encode(&self.record.issuer_key_id),
                "number": self.record.number,
                "entries": self.record.entries,
                "size": self.record.size,
                "thisUpdate": rfc3339(self.record.this_update),
                "nextUpdate": rfc3339(self.record.next_update),
                "fingerprintSha256": self.record.fingerprint,
            });
            occasion.log(writer, Action::AdoptList, None, &detail)?;
        }
        for serial in &self.missing {
            if inventory.get(serial)?.is_none() {
                self.reserve_unknown(serial, writer, occasion)?;
                restored.unknown += 1;
            }
            let Some(record) = inventory.get(serial)? else {
                continue;
            };
            let Some(revocation) = said_by(&self.list, serial, record.revocation) else {
                continue;
            };
            writer.revoke(serial, Some(&revocation), occasion.at)?;
            let mut detail = told(&record, revocation);
            if let Value::Object(fields) = &mut detail {
                fields.insert("listedIn".to_owned(), self.record.number.into());
            }
            occasion.log(writer, Action::Revoke, Some(serial), &detail)?;
            restored.revoked += 1;
        }
        Ok(())
    }

    /// A row for a certificate of which no more is known than its serial number.
    /// It stays listed until its issuer ends.
    fn reserve_unknown(
        &self,
        serial: &[u8],
        writer: &mut Writer<'_>,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let is_of_root = self.signer.is_self_issued();
        writer.reserve(&Reservation {
            serial,
            kind: match is_of_root {
                true => store::Kind::Issuing,
                false => store::Kind::Leaf,
            },
            issuer_key_id: &self.record.issuer_key_id,
            subject: "",
            common_name: "",
            names: &[],
            key_fingerprint: "",
            not_before: self.record.this_update,
            not_after: self.signer.not_after(),
            at: occasion.at,
            profile: None,
            requester: Some(occasion.actor),
            request_id: None,
        })?;
        writer.abandon(serial, occasion.at)?;
        let number = SerialNumber::from_magnitude(serial).map(|number| number.hex());
        let detail = json!({
            "serialNumber": number,
            "why": "issued after the backup that was restored; only its revocation is known",
        });
        occasion.log(writer, Action::Abandon, Some(serial), &detail)
    }
}
