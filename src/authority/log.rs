//! The audit log as it is judged: its chain, what it speaks of, and what the CA's
//! key has said of it.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};

use crate::key::PublicKey;
use crate::pki::Certificate;
use crate::store::{AuditFault, Checkpoint, Inventory, Kind};

use super::checkpoint::{is_due, is_signed_by};
use super::content::judge_row;
use super::generation::{Generations, roots_on_disk};
use super::{Action, Error, KeptCheckpoint, Occasion, check_clock};

/// What was found.
#[derive(Clone, Debug)]
pub struct LogReport {
    /// Number of entries.
    pub entries: u64,
    /// The hash of the last entry; zeros when there is none.
    pub head: [u8; 32],
    /// Number of checkpoints in the inventory.
    pub checkpoints: usize,
    /// SHA-256, in lowercase hex, of the root in the CA's directory, to which the
    /// keys lead by which checkpoints were judged.
    pub root: String,
    /// Number and time (RFC 3339) of the checkpoint that was kept elsewhere.
    pub kept: Option<(i64, String)>,
    /// What is wrong.
    pub faults: Vec<LogFault>,
}

/// What is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFault {
    /// In itself, or beside what it speaks of.
    Log(AuditFault),
    /// The pages and indexes of the inventory do not hold together, as SQLite
    /// says.
    Pages(String),
    /// The certificates in the CA's directory are of another CA, in words.
    Foreign(String),
    /// The root is not the one that was expected.
    Root {
        /// Its SHA-256, lowercase hex.
        found: String,
    },
    /// The key has signed something since, and no checkpoint with it.
    Unsigned {
        /// The number of the last entry that it was used for.
        used: i64,
        /// The number of the entry of the newest checkpoint, with its time.
        newest: Option<(i64, DateTime<Utc>)>,
    },
    /// What the CA's key has signed is something else.
    Checkpoint {
        /// The number of the entry up to which it speaks.
        sequence: i64,
        /// Whether it is the one that was kept elsewhere.
        kept: bool,
        /// What does not fit.
        why: CheckpointFault,
    },
}

/// Why a checkpoint does not fit the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointFault {
    /// Another entry stands there.
    Other,
    /// The log does not go so far.
    Cut {
        /// The number of its last entry.
        last: i64,
    },
    /// No key of this CA has signed it.
    Signature,
}

impl std::fmt::Display for LogFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (sequence, kept, why) = match self {
            Self::Log(fault) => return fault.fmt(f),
            Self::Pages(found) => {
                return write!(
                    f,
                    "the pages of the inventory do not hold together: {found}"
                );
            }
            Self::Foreign(reason) => return f.write_str(reason),
            Self::Root { found } => {
                return write!(
                    f,
                    "the root of the CA's directory is another than the one given: its SHA-256 is {found}"
                );
            }
            Self::Unsigned { used, newest } => {
                let newest = newest.map_or_else(
                    || "there is no checkpoint".to_owned(),
                    |(entry, at)| {
                        let at = crate::clock::rfc3339(at);
                        format!("the newest checkpoint is of entry {entry}, of {at}")
                    },
                );
                return write!(
                    f,
                    "the CA's key was used for entry {used}, and should have signed the log then: {newest}"
                );
            }
            Self::Checkpoint {
                sequence,
                kept,
                why,
            } => (sequence, kept, why),
        };
        let which = if *kept {
            "the checkpoint given"
        } else {
            "the checkpoint"
        };
        match why {
            CheckpointFault::Other => write!(
                f,
                "{which} of entry {sequence} was signed over another log than this"
            ),
            CheckpointFault::Cut { last } => write!(
                f,
                "{which} was signed when there were {sequence} entries, the log ends with {last}"
            ),
            CheckpointFault::Signature => write!(
                f,
                "{which} of entry {sequence} is signed by no key of this CA"
            ),
        }
    }
}

/// By what a log is judged besides itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogWitness<'a> {
    /// A checkpoint that was kept elsewhere.
    pub kept: Option<&'a KeptCheckpoint>,
    /// SHA-256 of the root, lowercase hex, from elsewhere.
    pub root: Option<&'a str>,
}

/// Checks the whole log of the CA in `directory`, as it is at one moment, and
/// everything in the inventory of which it speaks.
///
/// Checkpoints are judged by the keys of the certificates in the directory, and
/// of earlier issuing CAs in the inventory which that root has signed: whoever
/// can write the inventory alone cannot add one.
///
/// # Errors
///
/// [`Error::Store`] or [`Error::Pki`] when the inventory or the CA's certificates
/// cannot be read; what is wrong with the log is in the report.
pub fn verify_log(
    directory: &Path,
    inventory: &Inventory,
    witness: LogWitness<'_>,
) -> Result<LogReport, Error> {
    inventory.at_one_moment(|inventory| {
        let mut faults = Vec::new();
        // Lists and reports are made from indexes.
        match inventory.check_integrity() {
            Err(crate::store::Error::InventoryDamaged { reason, .. }) => {
                faults.push(LogFault::Pages(reason));
            }
            checked => checked?,
        }
        let own = own_certificates(directory, inventory, &mut faults)?;
        let root = own.first().map(Certificate::fingerprint);
        let root = root.unwrap_or_default();
        if witness.root.is_some_and(|wanted| wanted != root) {
            faults.push(LogFault::Root {
                found: root.clone(),
            });
        }
        let summary = inventory.verify_log_with(judge_row)?;
        faults.extend(summary.faults.iter().cloned().map(LogFault::Log));
        let checkpoints = inventory.checkpoints()?;
        let newest = checkpoints.last();
        if let Some((used, at)) = summary.last_signed
            && is_due(newest, used, at)
        {
            faults.push(LogFault::Unsigned {
                used,
                newest: newest.map(|newest| (newest.sequence, newest.at)),
            });
        }
        let keys: Vec<PublicKey> = own.iter().map(|one| one.public_key().clone()).collect();
        let claims: Vec<Claim> = checkpoints
            .iter()
            .map(|one| (Some(one.clone()), one.sequence, false))
            .chain(
                witness
                    .kept
                    .map(|kept| (kept.parsed(), kept.sequence(), true)),
            )
            .collect();
        faults.extend(judge_claims(inventory, &claims, &keys, summary.last)?);
        Ok(LogReport {
            entries: summary.entries,
            head: summary.head,
            checkpoints: checkpoints.len(),
            root,
            kept: witness
                .kept
                .map(|kept| (kept.sequence(), kept.at().to_owned())),
            faults,
        })
    })
}

/// What somebody says that was signed, up to which entry, and whether it was kept
/// elsewhere.
type Claim = (Option<Checkpoint>, i64, bool);

fn judge_claims(
    inventory: &Inventory,
    claims: &[Claim],
    keys: &[PublicKey],
    last: i64,
) -> Result<Vec<LogFault>, Error> {
    let hashes = hashes_of(inventory, claims)?;
    let holds = |claim: &Checkpoint| {
        is_signed_by(claim, keys) && hashes.get(&claim.sequence) == Some(&claim.hash)
    };
    // What a key signed whose root was retired and removed is part of what a later
    // signature covers.
    let covered = claims
        .iter()
        .filter_map(|(claim, ..)| claim.as_ref())
        .filter(|claim| holds(claim))
        .map(|claim| claim.sequence)
        .max();
    let is_of_another = |claim: &Checkpoint| {
        let is_own = |key: &PublicKey| key.key_identifier().as_slice() == claim.key_id;
        !keys.iter().any(is_own) && covered.is_some_and(|covered| claim.sequence < covered)
    };
    let mut faults = Vec::new();
    for (claim, sequence, kept) in claims {
        let why = match (claim, hashes.get(sequence)) {
            (Some(claim), _) if !kept && is_of_another(claim) => continue,
            (Some(claim), _) if !is_signed_by(claim, keys) => CheckpointFault::Signature,
            (None, _) => CheckpointFault::Signature,
            (Some(claim), Some(hash)) if *hash == claim.hash => continue,
            (Some(_), Some(_)) => CheckpointFault::Other,
            (Some(_), None) if *sequence <= last => CheckpointFault::Other,
            (Some(_), None) => CheckpointFault::Cut { last },
        };
        faults.push(LogFault::Checkpoint {
            sequence: *sequence,
            kept: *kept,
            why,
        });
    }
    Ok(faults)
}

/// The certificates of this CA whose keys may have signed the log: the root of
/// the directory first, and what it has signed.
fn own_certificates(
    directory: &Path,
    inventory: &Inventory,
    faults: &mut Vec<LogFault>,
) -> Result<Vec<Certificate>, Error> {
    if let Err(error) = Generations::read(directory, inventory) {
        match error {
            Error::Foreign { .. } => faults.push(LogFault::Foreign(error.to_string())),
            other => return Err(other),
        }
    }
    let roots = roots_on_disk(directory, inventory)?;
    let mut own = roots.clone();
    for authority in inventory.authorities()? {
        let Some(der) = authority.der.filter(|_| authority.kind == Kind::Issuing) else {
            continue;
        };
        // One that cannot be read is found when its row is judged.
        let Ok(certificate) = Certificate::from_der(&der, "the inventory") else {
            continue;
        };
        let is_of_root = certificate.is_ca()
            && roots.iter().any(|root| {
                certificate.issuer() == root.subject()
                    && certificate.is_signed_by(root.public_key())
            });
        if is_of_root && !own.contains(&certificate) {
            own.push(certificate);
        }
    }
    Ok(own)
}

/// The hashes of the entries of which somebody claims something.
fn hashes_of(inventory: &Inventory, claims: &[Claim]) -> Result<BTreeMap<i64, [u8; 32]>, Error> {
    let mut hashes = BTreeMap::new();
    for (_, sequence, _) in claims {
        inventory.read_log(*sequence, |record| -> Result<bool, Error> {
            if record.sequence == *sequence {
                hashes.insert(record.sequence, record.hash);
            }
            Ok(false)
        })?;
    }
    Ok(hashes)
}

/// Notes in the log that somebody has written it into a file.
///
/// # Errors
///
/// Those of [`check_clock`], or [`Error::Store`].
pub fn log_export(
    inventory: &Inventory,
    place: &str,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    check_clock(inventory, occasion)?;
    let mut writer = inventory.write()?;
    let detail = serde_json::json!({ "file": place });
    occasion.log(&mut writer, Action::ExportLog, None, &detail)?;
    Ok(writer.commit()?)
}
