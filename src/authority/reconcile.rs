//! What processes that did not come to their end have left: reservations under
//! which nothing was handed out, certificates that nobody got, and directories
//! that were never finished.

use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use serde_json::json;

use crate::clock::rfc3339;
use crate::store::{self, Inventory, Record};

use super::{Action, Error, Occasion, check_clock};

/// What was found, and what became of it.
#[derive(Clone, Debug, Default)]
pub struct Reconciled {
    /// Reservations that were settled: nothing was handed out under them, and
    /// nothing can be any more.
    pub settled: Vec<Record>,
    /// Reservations that are so new that their process may still be at work.
    pub waiting: Vec<Record>,
    /// Certificates that are valid and whose delivery nobody has noted.
    pub undelivered: Vec<Record>,
    /// Directories that were removed, which nobody would have finished.
    pub removed: Vec<PathBuf>,
}

/// Settles the reservations that are older than that.
///
/// A certificate is stored before it is delivered, and the inventory refuses to
/// store one whose reservation was settled: so a reservation without a
/// certificate has handed out nothing, and a process that was only slow fails
/// instead of handing out what nobody knows of.
///
/// # Errors
///
/// Those of [`check_clock`], or [`Error::Store`]; then nothing was settled.
pub fn reconcile(
    inventory: &Inventory,
    directory: &Path,
    older_than: TimeDelta,
    occasion: &Occasion<'_>,
) -> Result<Reconciled, Error> {
    check_clock(inventory, occasion)?;
    let mut writer = inventory.write()?;
    let (settled, waiting): (Vec<_>, Vec<_>) = inventory
        .unsettled()?
        .into_iter()
        .partition(|record| occasion.at - record.reserved_at >= older_than);
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
    writer.commit()?;
    let mut removed = store::remove_abandoned(&beside(directory))?;
    removed.extend(store::remove_abandoned(directory)?);
    Ok(Reconciled {
        settled,
        waiting,
        undelivered: inventory.undelivered(occasion.at)?,
        removed,
    })
}

/// The directory that holds the CA's.
fn beside(directory: &Path) -> PathBuf {
    let real = directory.canonicalize();
    let real = real.as_deref().unwrap_or(directory);
    real.parent().unwrap_or(real).to_owned()
}
