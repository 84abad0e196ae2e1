//! Signatures over the log, and what they are judged by.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};

use crate::store::{Action, Error};

use super::certificate::{COLUMNS, record};
use super::{AuditRecord, Inventory, Record, Writer, sql_error, time};

/// A signature of one of the CA's keys over the log up to an entry. What exactly
/// is signed is said where it is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The number of the entry.
    pub sequence: i64,
    /// When it was signed.
    pub at: DateTime<Utc>,
    /// The hash of the entry, which covers everything before.
    pub hash: [u8; 32],
    /// The subjectKeyIdentifier of the key.
    pub key_id: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Inventory {
    /// All checkpoints, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn checkpoints(&self) -> Result<Vec<Checkpoint>, Error> {
        self.checkpoints_by("sequence")
    }

    /// Number and hash of the log's last entry; 0 and zeros for an empty log.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn log_end(&self) -> Result<(i64, [u8; 32]), Error> {
        let sql = "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1";
        let end = self
            .connection
            .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .map_err(sql_error(&self.path, Action::Read))?;
        Ok(end.unwrap_or_default())
    }

    /// The newest checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn newest_checkpoint(&self) -> Result<Option<Checkpoint>, Error> {
        Ok(self.checkpoints_by("sequence DESC LIMIT 1")?.pop())
    }

    fn checkpoints_by(&self, order: &str) -> Result<Vec<Checkpoint>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT sequence, at, hash, key_id, signature FROM checkpoint ORDER BY {order}"
            ))
            .map_err(&failed)?;
        let rows = statement.query_map([], checkpoint).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The CA's own certificates, of now and of before, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn authorities(&self) -> Result<Vec<Record>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM certificate WHERE kind <> 'leaf' ORDER BY id"
            ))
            .map_err(&failed)?;
        let rows = statement.query_map([], record).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Certificates that are still valid, and whose files were not delivered or
    /// not noted as delivered, the oldest first. It reads the whole inventory.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn undelivered(&self, at: DateTime<Utc>) -> Result<Vec<Record>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {COLUMNS} FROM certificate WHERE issued_at IS NOT NULL \
                 AND delivered_at IS NULL AND revoked_at IS NULL AND not_after >= ?1 ORDER BY id"
            ))
            .map_err(&failed)?;
        let rows = statement
            .query_map([at.timestamp()], record)
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The last entry of an action. It may read the whole log.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn last_of(&self, action: &str) -> Result<Option<AuditRecord>, Error> {
        let sql = format!(
            "SELECT {} FROM audit WHERE action = ?1 ORDER BY sequence DESC LIMIT 1",
            AuditRecord::COLUMNS
        );
        self.connection
            .query_row(&sql, [action], AuditRecord::read)
            .optional()
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// When the log last says that a backup was made.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn last_backup(&self) -> Result<Option<DateTime<Utc>>, Error> {
        self.connection
            .query_row(
                "SELECT max(at) FROM audit WHERE action = 'backup'",
                [],
                |row| row.get::<_, Option<i64>>(0)?.map(time).transpose(),
            )
            .map_err(sql_error(&self.path, Action::Read))
    }
}

impl Writer<'_> {
    /// Number and hash of the log's last entry, as this transaction leaves it; 0
    /// and zeros for an empty log.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn log_end(&self) -> Result<(i64, [u8; 32]), Error> {
        let end = self.read_log_end()?;
        Ok((end.sequence, end.hash))
    }

    /// Keeps a checkpoint; one of the same entry stays.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn add_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO checkpoint (sequence, at, hash, key_id, signature) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                checkpoint.sequence,
                checkpoint.at.timestamp(),
                checkpoint.hash,
                checkpoint.key_id,
                checkpoint.signature,
            ],
        )
        .map(drop)
    }
}

fn checkpoint(row: &Row<'_>) -> rusqlite::Result<Checkpoint> {
    Ok(Checkpoint {
        sequence: row.get(0)?,
        at: time(row.get(1)?)?,
        hash: row.get(2)?,
        key_id: row.get(3)?,
        signature: row.get(4)?,
    })
}
