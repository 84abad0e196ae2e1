//! The audit log: what was done, refused and decided, chained by hashes.
//!
//! The hash of an entry is SHA-256 over the hash of the one before (32 zero
//! octets for the first) and the entry's own fields, each with its length before
//! it, so that no two different entries give the same octets. A change, a cut in
//! the middle or another order therefore shows at the entry behind it. What was
//! cut off the end shows in the certificates, which then have no entry.

use chrono::{DateTime, Utc};
use rusqlite::Row;
use sha2::{Digest, Sha256};

use crate::store::{Action, Error};

use super::{Inventory, sql_error, time};

/// Set before what is hashed, so that it is no other format's.
const DOMAIN: &[u8] = b"windlass audit log 1";

/// What is written into the log.
#[derive(Clone, Copy, Debug)]
pub struct AuditEntry<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// Who, as the operating system knows them.
    pub actor: &'a str,
    /// What was done, as one word.
    pub action: &'a str,
    /// The serial number that it is about, unsigned big-endian.
    pub serial: Option<&'a [u8]>,
    /// The facts, a JSON object.
    pub detail: &'a str,
    /// Why, in the words of whoever did it.
    pub comment: Option<&'a str>,
}

/// An entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its number, from 1.
    pub sequence: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
    /// The serial number that it is about, unsigned big-endian.
    pub serial: Option<Vec<u8>>,
    /// The facts, a JSON object.
    pub detail: String,
    /// Why.
    pub comment: Option<String>,
    /// The hash that covers it and everything before.
    pub hash: [u8; 32],
}

impl AuditEntry<'_> {
    /// The action of the entry that settles that nothing was issued under a
    /// serial number.
    pub const ABANDON: &'static str = "abandon";
    /// The action of the entry that every certificate has which was issued. Its
    /// detail names the certificate's SHA-256 as `fingerprintSha256`.
    pub const ISSUE: &'static str = "issue";
    /// The action of the entry of the files that a backup has which decide what
    /// is issued and where keys are.
    pub const NOTE_FILES: &'static str = "note-files";
    /// The action of the entry of another policy. Its detail has the policy's
    /// SHA-256 as `digestSha256`.
    pub const POLICY: &'static str = "policy";
    /// The action of the entry of a revocation. The last one of a certificate, or
    /// of its release, says whether it is revoked.
    pub const REVOKE: &'static str = "revoke";
    /// The action of the entry of a hold that was taken back.
    pub const RELEASE: &'static str = "release";
    /// The action of the entry of a revocation list that was signed. Its detail
    /// names the list's SHA-256 as `fingerprintSha256`.
    pub const SIGN_LIST: &'static str = "sign-crl";
    /// The same of a list that was signed before an older inventory was restored.
    pub const ADOPT_LIST: &'static str = "adopt-crl";
}

/// The last entry's number and hash.
#[derive(Clone, Copy, Default)]
pub(super) struct End {
    pub(super) sequence: i64,
    pub(super) hash: [u8; 32],
}

impl End {
    /// Number and hash of an entry that comes next.
    pub(super) fn followed_by(self, entry: &AuditEntry<'_>) -> Self {
        let sequence = self.sequence.saturating_add(1);
        let mut digest = Sha256::new();
        digest.update(DOMAIN);
        digest.update(self.hash);
        digest.update(sequence.to_be_bytes());
        digest.update(entry.at.timestamp().to_be_bytes());
        let fields = [
            Some(entry.actor.as_bytes()),
            Some(entry.action.as_bytes()),
            entry.serial,
            Some(entry.detail.as_bytes()),
            entry.comment.map(str::as_bytes),
        ];
        for field in fields {
            // What is absent is told from what is empty.
            digest.update([u8::from(field.is_some())]);
            let octets = field.unwrap_or_default();
            digest.update(
                u64::try_from(octets.len())
                    .unwrap_or(u64::MAX)
                    .to_be_bytes(),
            );
            digest.update(octets);
        }
        Self {
            sequence,
            hash: digest.finalize().into(),
        }
    }
}

impl AuditRecord {
    pub(super) const COLUMNS: &str = "sequence, at, actor, action, serial, detail, comment, hash";

    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            sequence: row.get(0)?,
            at: time(row.get(1)?)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            serial: row.get(4)?,
            detail: row.get(5)?,
            comment: row.get(6)?,
            hash: row.get(7)?,
        })
    }

    /// The facts as JSON; null when what stands there is none.
    #[must_use]
    pub fn facts(&self) -> serde_json::Value {
        serde_json::from_str(&self.detail).unwrap_or_default()
    }

    pub(super) fn as_entry(&self) -> AuditEntry<'_> {
        AuditEntry {
            at: self.at,
            actor: &self.actor,
            action: &self.action,
            serial: self.serial.as_deref(),
            detail: &self.detail,
            comment: self.comment.as_deref(),
        }
    }
}

impl Inventory {
    /// Hands over the log's entries from a number on, the oldest first, until
    /// the receiver says that it has enough.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], or what the receiver gives.
    pub fn read_log<E: From<Error>>(
        &self,
        from: i64,
        receive: impl FnMut(AuditRecord) -> Result<bool, E>,
    ) -> Result<(), E> {
        self.read_entries("WHERE sequence >= ?1 ORDER BY sequence", from, receive)
    }

    fn read_entries<E: From<Error>>(
        &self,
        order: &str,
        from: i64,
        mut receive: impl FnMut(AuditRecord) -> Result<bool, E>,
    ) -> Result<(), E> {
        let failed = |error| E::from(sql_error(&self.path, Action::Read)(error));
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {} FROM audit {order}",
                AuditRecord::COLUMNS
            ))
            .map_err(failed)?;
        let mut rows = statement.query([from]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            if !receive(AuditRecord::read(row).map_err(failed)?)? {
                break;
            }
        }
        Ok(())
    }

    /// Hands over the entries, the newest first, until the receiver has enough.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], or what the receiver gives.
    pub fn read_log_back<E: From<Error>>(
        &self,
        receive: impl FnMut(AuditRecord) -> Result<bool, E>,
    ) -> Result<(), E> {
        let order = "WHERE sequence <= ?1 ORDER BY sequence DESC";
        self.read_entries(order, i64::MAX, receive)
    }

    /// The entries about one serial number, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn log_of(&self, serial: &[u8]) -> Result<Vec<AuditRecord>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {} FROM audit WHERE certificate = \
                 (SELECT id FROM certificate WHERE serial = ?1) OR (serial = ?1 AND sequence = \
                 (SELECT issue_entry FROM certificate WHERE serial = ?1)) ORDER BY sequence",
                AuditRecord::COLUMNS
            ))
            .map_err(&failed)?;
        let rows = statement
            .query_map([serial], AuditRecord::read)
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Checks the last entry against the one before it.
    pub(super) fn check_log_end(&self) -> Result<(), Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {} FROM audit ORDER BY sequence DESC LIMIT 2",
                AuditRecord::COLUMNS
            ))
            .map_err(&failed)?;
        let last: Vec<AuditRecord> = statement
            .query_map([], AuditRecord::read)
            .map_err(&failed)?
            .collect::<Result<_, _>>()
            .map_err(&failed)?;
        let Some(newest) = last.first() else {
            return Ok(());
        };
        let before = last.get(1).map_or_else(End::default, |record| End {
            sequence: record.sequence,
            hash: record.hash,
        });
        let expected = before.followed_by(&newest.as_entry());
        if (expected.sequence, expected.hash) == (newest.sequence, newest.hash) {
            return Ok(());
        }
        Err(Error::InventoryDamaged {
            path: self.path.clone(),
            reason: format!(
                "entry {} of its audit log is not what was written",
                newest.sequence
            ),
        })
    }
}
