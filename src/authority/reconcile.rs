//! What processes that did not come to their end have left: reservations under
//! which nothing was handed out, certificates that nobody got, and directories
//! that were never finished.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde_json::json;

use crate::clock::rfc3339;
use crate::store::{self, Inventory, Record};

use super::batch::{Delivered, look};
use super::{Action, Error, Occasion, check_clock};

/// What was found, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Reconciled {
    /// Reservations that were settled: nothing was handed out under them, and
    /// nothing can be any more.
    pub settled: Vec<Record>,
    /// Reservations that are so new that their process may still be at work.
    pub waiting: Vec<Record>,
    /// Certificates of a batch whose files are where the batch delivers them: that
    /// is noted now.
    pub delivered: Vec<Record>,
    /// Those whose key the batch keeps there: the same batch delivers them.
    pub deliverable: Vec<Record>,
    /// Certificates that are valid and whose delivery nobody has noted.
    pub undelivered: Vec<Record>,
    /// Directories that were removed, which nobody would have finished.
    pub removed: Vec<PathBuf>,
}

/// What is to be settled, and where deliveries are looked for.
#[derive(Debug)]
pub struct Reconciliation<'a> {
    /// The directory of the CA.
    pub directory: &'a Path,
    /// Reservations that are younger may still be at work.
    pub older_than: TimeDelta,
    /// The directory into which batches were delivered.
    pub out: Option<&'a Path>,
    /// Who, when and why.
    pub occasion: &'a Occasion<'a>,
}

/// Settles the reservations that are old enough, and notes what a batch has
/// delivered.
///
/// A certificate is stored before it is delivered, and the inventory refuses to
/// store one whose reservation was settled: so a reservation without a
/// certificate has handed out nothing, and a process that was only slow fails
/// instead of handing out what nobody knows of.
///
/// # Errors
///
/// Those of [`check_clock`], or [`Error::Store`], also for an `out` that is no
/// directory; then nothing was settled.
pub fn reconcile(inventory: &Inventory, plan: &Reconciliation<'_>) -> Result<Reconciled, Error> {
    let occasion = plan.occasion;
    if let Some(out) = plan.out {
        check_readable(out)?;
    }
    check_clock(inventory, occasion)?;
    let mut writer = inventory.write()?;
    let (settled, waiting): (Vec<_>, Vec<_>) = inventory
        .unsettled()?
        .into_iter()
        .partition(|record| occasion.at - record.reserved_at >= plan.older_than);
    for record in &settled {
        writer.abandon(&record.serial, occasion.at)?;
        let detail = json!({
            "subject": record.subject,
            "reservedAt": rfc3339(record.reserved_at),
            "requester": record.requester,
            "why": "no certificate was stored, so none was handed out",
        });
        occasion.log(&mut writer, Action::Abandon, Some(&record.serial), &detail)?;
    }
    let mut done = Reconciled {
        settled,
        waiting,
        ..Reconciled::default()
    };
    for record in inventory.undelivered(occasion.at)? {
        match plan
            .out
            .map_or(Delivered::Nowhere, |out| look(out, &record))
        {
            Delivered::There => {
                writer.note_delivered(&record.serial, occasion.at)?;
                done.delivered.push(record);
            }
            Delivered::KeyKept => done.deliverable.push(record),
            Delivered::Nowhere => done.undelivered.push(record),
        }
    }
    writer.commit()?;
    done.removed = store::remove_abandoned(&beside(plan.directory))?;
    done.removed
        .extend(store::remove_abandoned(plan.directory)?);
    Ok(done)
}

/// A name that was mistyped must not look as if nothing had been delivered.
fn check_readable(out: &Path) -> Result<(), store::Error> {
    match std::fs::read_dir(out) {
        Ok(_) => Ok(()),
        Err(source) => Err(store::Error::Io {
            path: out.to_owned(),
            action: store::Action::Read,
            source,
        }),
    }
}

/// The directory that holds the CA's.
fn beside(directory: &Path) -> PathBuf {
    let real = directory.canonicalize();
    let real = real.as_deref().unwrap_or(directory);
    real.parent().unwrap_or(real).to_owned()
}
