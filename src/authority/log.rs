//! The audit log as it is judged: its chain, what it speaks of, and what the CA's
//! key has said of it.

use std::collections::BTreeMap;

use crate::pki::Certificate;
use crate::store::{AuditFault, Checkpoint, Inventory};

use super::checkpoint::is_signed_by;
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
    /// What is wrong.
    pub faults: Vec<LogFault>,
}

/// What is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFault {
    /// In itself, or beside what it speaks of.
    Log(AuditFault),
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

/// Checks the whole log, as it is at one moment, and the checkpoint that was kept
/// elsewhere, if there is one.
///
/// # Errors
///
/// [`Error::Store`] or [`Error::Pki`] when the inventory cannot be read; what is
/// wrong with the log is in the report.
pub fn verify_log(
    inventory: &Inventory,
    kept: Option<&KeptCheckpoint>,
) -> Result<LogReport, Error> {
    inventory.at_one_moment(|inventory| {
        let summary = inventory.verify_log()?;
        let checkpoints = inventory.checkpoints()?;
        let mut faults: Vec<LogFault> = summary.faults.into_iter().map(LogFault::Log).collect();
        let mut keys = Vec::new();
        for authority in inventory.authorities()? {
            if let Some(der) = &authority.der {
                let certificate = Certificate::from_der(der, "the inventory")?;
                keys.push(certificate.public_key().clone());
            }
        }
        let claims: Vec<(Option<Checkpoint>, i64, bool)> = checkpoints
            .iter()
            .map(|one| (Some(one.clone()), one.sequence, false))
            .chain(kept.map(|kept| (kept.parsed(), kept.sequence(), true)))
            .collect();
        let hashes = hashes_of(inventory, &claims)?;
        for (claim, sequence, kept) in &claims {
            let why = match (claim, hashes.get(sequence)) {
                (Some(claim), _) if !is_signed_by(claim, &keys) => CheckpointFault::Signature,
                (None, _) => CheckpointFault::Signature,
                (Some(claim), Some(hash)) if *hash == claim.hash => continue,
                (Some(_), Some(_)) => CheckpointFault::Other,
                (Some(_), None) if *sequence <= summary.last => CheckpointFault::Other,
                (Some(_), None) => CheckpointFault::Cut { last: summary.last },
            };
            faults.push(LogFault::Checkpoint {
                sequence: *sequence,
                kept: *kept,
                why,
            });
        }
        Ok(LogReport {
            entries: summary.entries,
            head: summary.head,
            checkpoints: checkpoints.len(),
            faults,
        })
    })
}

/// The hashes of the entries of which somebody claims something.
fn hashes_of(
    inventory: &Inventory,
    claims: &[(Option<Checkpoint>, i64, bool)],
) -> Result<BTreeMap<i64, [u8; 32]>, Error> {
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
