//! Who does something with the CA, when and why: what every entry of the audit
//! log says.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::store::{AuditEntry, Inventory, Writer};

use super::{BACKDATE_SECONDS, Error};

/// How far the clock may be ahead of everything that was written, in days,
/// before somebody has to say that it is right.
const MOST_AHEAD_DAYS: i64 = 366;

/// Who does something, when and why.
#[derive(Clone, Copy, Debug)]
pub struct Occasion<'a> {
    /// Who, as the operating system knows them.
    pub actor: &'a str,
    /// Why, in their words.
    pub comment: Option<&'a str>,
    /// Now.
    pub at: DateTime<Utc>,
    /// Whether the clock is right although the inventory says otherwise.
    pub accept_clock: bool,
}

/// Declares the actions once, each with its word, so that none is missing where
/// all of them are asked for.
macro_rules! actions {
    ($($(#[$what:meta])* $action:ident = $word:expr,)*) => {
        /// What is done, as the log calls it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Action {
            $($(#[$what])* $action,)*
        }

        impl Action {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$action),*];

            /// The word in the log.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => $word,)*
                }
            }
        }
    };
}

actions! {
    /// It is settled that nothing was issued under a reserved serial number.
    Abandon = AuditEntry::ABANDON,
    /// A clock was said to be right that seemed wrong.
    AcceptClock = "accept-clock",
    /// Another generation issues from now on.
    Activate = AuditEntry::ACTIVATE,
    /// A revocation list became known that was signed after the backup that was
    /// restored.
    AdoptList = AuditEntry::ADOPT_LIST,
    /// A backup was made.
    Backup = "backup",
    /// A generation was given up before it issued anything.
    Cancel = AuditEntry::CANCEL,
    /// The inventory was written out.
    Export = "export",
    /// The log was written into a file.
    ExportLog = "export-log",
    /// The CA was made.
    Init = "init",
    /// The certificates that another machine has made are the CA's from now on.
    Install = AuditEntry::INSTALL,
    /// A certificate was signed.
    Issue = AuditEntry::ISSUE,
    /// The files that decide what the CA issues and where its keys are were
    /// others when a backup was made than before.
    NoteFiles = AuditEntry::NOTE_FILES,
    /// A key of the CA was encrypted under another passphrase.
    Passphrase = "passphrase",
    /// Another policy holds than when was issued last.
    Policy = AuditEntry::POLICY,
    /// The keys and certificates of another generation are there.
    Prepare = AuditEntry::PREPARE,
    /// Something was asked for and refused.
    Refuse = "refuse",
    /// A hold was taken back.
    Release = AuditEntry::RELEASE,
    /// A certificate was asked for, of a root that is elsewhere.
    Request = AuditEntry::REQUEST,
    /// The CA was restored from a backup.
    Restore = "restore",
    /// What a generation has issued does not count any more.
    Retire = AuditEntry::RETIRE,
    /// A certificate was revoked, or what is said of it became stronger.
    Revoke = AuditEntry::REVOKE,
    /// A revocation list was signed.
    SignList = AuditEntry::SIGN_LIST,
}

impl Occasion<'_> {
    /// Writes an entry into the log, in the transaction of what it tells.
    pub(super) fn log(
        &self,
        writer: &mut Writer<'_>,
        action: Action,
        serial: Option<&[u8]>,
        detail: &Value,
    ) -> Result<(), Error> {
        self.log_written(writer, action, serial, &detail.to_string())
    }

    /// The same with the text of a JSON object.
    pub(super) fn log_written(
        &self,
        writer: &mut Writer<'_>,
        action: Action,
        serial: Option<&[u8]>,
        detail: &str,
    ) -> Result<(), Error> {
        Ok(writer.record(&AuditEntry {
            at: self.at,
            actor: self.actor,
            action: action.as_str(),
            serial,
            detail,
            comment: self.comment,
        })?)
    }
}

/// Notes in the log that the inventory is written out, in this form and to this
/// file, before it is.
///
/// # Errors
///
/// [`Error`] of the clock and of the inventory.
pub fn note_export(
    inventory: &Inventory,
    form: &str,
    file: &Path,
    occasion: &Occasion<'_>,
) -> Result<(), Error> {
    check_clock(inventory, occasion)?;
    let mut writer = inventory.write()?;
    let detail = serde_json::json!({ "form": form, "file": file.display().to_string() });
    occasion.log(&mut writer, Action::Export, None, &detail)?;
    Ok(writer.commit()?)
}

/// How a clock stands to the latest time that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClockState {
    /// More than a year after it.
    Ahead,
    /// Before it, by more than certificates are backdated.
    Behind,
    /// Neither.
    Fits,
}

impl ClockState {
    pub(super) fn of(now: DateTime<Utc>, mark: DateTime<Utc>) -> Self {
        match now - mark {
            ahead if ahead < TimeDelta::seconds(-BACKDATE_SECONDS) => Self::Behind,
            ahead if ahead > TimeDelta::days(MOST_AHEAD_DAYS) => Self::Ahead,
            _ => Self::Fits,
        }
    }
}

/// Refuses when the clock is behind what was written, by more than certificates
/// are backdated, or more than a year ahead of it: what would be signed then
/// begins before it was issued, or outlives its issuer unnoticed.
///
/// # Errors
///
/// [`Error::ClockBehind`] or [`Error::ClockAhead`], unless the occasion accepts
/// the clock; that is logged, and the time counts from then on.
pub fn check_clock(inventory: &Inventory, occasion: &Occasion<'_>) -> Result<(), Error> {
    let Some(mark) = accepted_over(inventory, occasion)? else {
        return Ok(());
    };
    let mut writer = inventory.write()?;
    let detail = serde_json::json!({ "latestBefore": crate::clock::rfc3339(mark) });
    occasion.log(&mut writer, Action::AcceptClock, None, &detail)?;
    writer.set_time_mark(occasion.at)?;
    Ok(writer.commit()?)
}

/// As [`check_clock`], where nothing is written.
pub(super) fn foresee_clock(inventory: &Inventory, occasion: &Occasion<'_>) -> Result<(), Error> {
    accepted_over(inventory, occasion).map(drop)
}

/// The latest time that was written, when the clock does not fit it and is accepted
/// all the same.
fn accepted_over(
    inventory: &Inventory,
    occasion: &Occasion<'_>,
) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(mark) = inventory.time_mark()? else {
        return Ok(None);
    };
    let now = occasion.at;
    match ClockState::of(now, mark) {
        ClockState::Fits => Ok(None),
        _ if occasion.accept_clock => Ok(Some(mark)),
        ClockState::Behind => Err(Error::ClockBehind { mark, now }),
        ClockState::Ahead => Err(Error::ClockAhead { mark, now }),
    }
}
