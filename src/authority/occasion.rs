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

/// What is done, as the log calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is settled that nothing was issued under a reserved serial number.
    Abandon,
    /// Another generation issues from now on.
    Activate,
    /// A clock was said to be right that seemed wrong.
    AcceptClock,
    /// A revocation list became known that was signed after the backup that was
    /// restored.
    AdoptList,
    /// A backup was made.
    Backup,
    /// A generation was given up before it issued anything.
    Cancel,
    /// The log was written into a file.
    ExportLog,
    /// The inventory was written out.
    Export,
    /// The CA was made.
    Init,
    /// The certificates that another machine has made are the CA's from now on.
    Install,
    /// A certificate was signed.
    Issue,
    /// The files that decide what the CA issues and where its keys are were
    /// others when a backup was made than before.
    NoteFiles,
    /// A key of the CA was encrypted under another passphrase.
    Passphrase,
    /// Another policy holds than when was issued last.
    Policy,
    /// The keys and certificates of another generation are there.
    Prepare,
    /// Something was asked for and refused.
    Refuse,
    /// A hold was taken back.
    Release,
    /// A certificate was asked for, of a root that is elsewhere.
    Request,
    /// The CA was restored from a backup.
    Restore,
    /// What a generation has issued does not count any more.
    Retire,
    /// A certificate was revoked, or what is said of it became stronger.
    Revoke,
    /// A revocation list was signed.
    SignList,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Abandon,
        Self::AcceptClock,
        Self::AdoptList,
        Self::Backup,
        Self::ExportLog,
        Self::Export,
        Self::Init,
        Self::Issue,
        Self::NoteFiles,
        Self::Passphrase,
        Self::Policy,
        Self::Refuse,
        Self::Release,
        Self::Restore,
        Self::Revoke,
        Self::SignList,
    ];

    /// The word in the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Abandon => AuditEntry::ABANDON,
            Self::Activate => AuditEntry::ACTIVATE,
            Self::AcceptClock => "accept-clock",
            Self::AdoptList => AuditEntry::ADOPT_LIST,
            Self::Backup => "backup",
            Self::Cancel => AuditEntry::CANCEL,
            Self::ExportLog => "export-log",
            Self::Export => "export",
            Self::Init => "init",
            Self::Install => AuditEntry::INSTALL,
            Self::Issue => AuditEntry::ISSUE,
            Self::NoteFiles => AuditEntry::NOTE_FILES,
            Self::Passphrase => "passphrase",
            Self::Policy => AuditEntry::POLICY,
            Self::Prepare => AuditEntry::PREPARE,
            Self::Refuse => "refuse",
            Self::Release => AuditEntry::RELEASE,
            Self::Request => AuditEntry::REQUEST,
            Self::Restore => "restore",
            Self::Retire => AuditEntry::RETIRE,
            Self::Revoke => AuditEntry::REVOKE,
            Self::SignList => AuditEntry::SIGN_LIST,
        }
    }
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

/// Refuses when the clock is behind what was written, by more than certificates
/// are backdated, or more than a year ahead of it: what would be signed then
/// begins before it was issued, or outlives its issuer unnoticed.
///
/// # Errors
///
/// [`Error::ClockBehind`] or [`Error::ClockAhead`], unless the occasion accepts
/// the clock; that is logged, and the time counts from then on.
pub fn check_clock(inventory: &Inventory, occasion: &Occasion<'_>) -> Result<(), Error> {
    let Some(mark) = inventory.time_mark()? else {
        return Ok(());
    };
    let now = occasion.at;
    let is_behind = now < mark - TimeDelta::seconds(BACKDATE_SECONDS);
    let is_ahead = now > mark + TimeDelta::days(MOST_AHEAD_DAYS);
    if !is_behind && !is_ahead {
        return Ok(());
    }
    if !occasion.accept_clock {
        return Err(if is_behind {
            Error::ClockBehind { mark, now }
        } else {
            Error::ClockAhead { mark, now }
        });
    }
    let mut writer = inventory.write()?;
    let detail = serde_json::json!({ "latestBefore": crate::clock::rfc3339(mark) });
    occasion.log(&mut writer, Action::AcceptClock, None, &detail)?;
    writer.set_time_mark(now)?;
    Ok(writer.commit()?)
}
