//! Writing into the inventory: one transaction, from the lock to the commit.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, params};

use crate::store::{Action, Error};

use super::{Reservation, Revocation, audit, damaged, sql_error};

/// How many serial numbers are reserved before what is unsettled among them is
/// written down: so many rows are looked through for it at most.
const SETTLED_TOGETHER: i64 = 128;

/// A transaction that holds the write lock. What is done through it is durable
/// when [`Writer::commit`] has returned, and has not happened otherwise.
pub struct Writer<'a> {
    connection: &'a Connection,
    is_committed: bool,
    path: PathBuf,
    /// Sequence number and hash of the log's last entry, once it was read.
    log_end: Cell<Option<audit::End>>,
    /// The number that the entry of the certificate stored last will have, and
    /// its serial number.
    expected: RefCell<Option<(i64, Vec<u8>)>>,
    /// The latest time that was noted in this transaction.
    noted: Cell<Option<i64>>,
}

impl<'a> Writer<'a> {
    pub(super) fn begin(connection: &'a Connection, path: &Path) -> Result<Self, Error> {
        // Compiled once, as all statements here are: what SQLite's own wrapper
        // compiles anew each time is a tenth of what a small transaction takes.
        connection
            .prepare_cached("BEGIN IMMEDIATE")
            .and_then(|mut statement| statement.execute([]))
            .map_err(sql_error(path, Action::Lock))?;
        Ok(Self {
            connection,
            is_committed: false,
            path: path.to_owned(),
            log_end: Cell::new(None),
            expected: RefCell::new(None),
            noted: Cell::new(None),
        })
    }

    /// Makes everything durable.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`]; then nothing was written.
    pub fn commit(mut self) -> Result<(), Error> {
        self.run("COMMIT", [])?;
        self.is_committed = true;
        Ok(())
    }

    /// Reserves a serial number together with what will be signed under it.
    ///
    /// # Errors
    ///
    /// [`Error::SerialTaken`] when the number is there already,
    /// [`Error::RequestTaken`] when the request is, [`Error::Sql`] otherwise.
    pub fn reserve(&self, reservation: &Reservation<'_>) -> Result<(), Error> {
        self.note_time(reservation.at)?;
        let names = serde_json::to_string(reservation.names)
            .map_err(|_| sql_error(&self.path, Action::Write)(damaged("list of names")))?;
        let inserted = self
            .prepared(
                "INSERT INTO certificate (serial, kind, issuer_key_id, subject, common_name, \
                 names, key_fingerprint, not_before, not_after, reserved_at, profile, requester, \
                 request_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .insert(params![
                reservation.serial,
                reservation.kind.as_str(),
                reservation.issuer_key_id,
                reservation.subject,
                reservation.common_name,
                names,
                reservation.key_fingerprint,
                reservation.not_before.timestamp(),
                reservation.not_after.timestamp(),
                reservation.at.timestamp(),
                reservation.profile,
                reservation.requester,
                reservation.request_id,
            ]);
        let id = inserted.map_err(|error| self.taken(error, reservation))?;
        if id % SETTLED_TOGETHER == 0 {
            self.write_down_unsettled(id)?;
        }
        self.index_name("cn", reservation.common_name, id)?;
        for name in reservation.names {
            if let Some((kind, value)) = name.split_once(':') {
                self.index_name(&kind.to_ascii_lowercase(), value, id)?;
            }
        }
        Ok(())
    }

    /// Writes down which of the newest rows are unsettled, and strikes out what is
    /// settled by now. Both ends of what is written down are looked through, as
    /// much as may be added: however much was left there, it takes no longer, and
    /// what is settled does not stay.
    fn write_down_unsettled(&self, newest: i64) -> Result<(), Error> {
        self.run(
            "DELETE FROM unsettled_before WHERE certificate IN (\
             SELECT id FROM certificate WHERE id IN (\
             SELECT * FROM (SELECT certificate FROM unsettled_before ORDER BY 1 LIMIT ?1) UNION \
             SELECT * FROM (SELECT certificate FROM unsettled_before ORDER BY 1 DESC LIMIT ?1)) \
             AND (issued_at IS NOT NULL OR abandoned_at IS NOT NULL))",
            [SETTLED_TOGETHER],
        )?;
        self.run(
            "INSERT OR IGNORE INTO unsettled_before (certificate) SELECT id FROM certificate \
             WHERE id >= (SELECT certificate FROM unsettled_from) \
             AND issued_at IS NULL AND abandoned_at IS NULL",
            [],
        )?;
        self.run("UPDATE unsettled_from SET certificate = ?1", [newest])
            .map(drop)
    }

    /// Tells the unique keys apart.
    fn taken(&self, error: rusqlite::Error, reservation: &Reservation<'_>) -> Error {
        let is_unique = error.sqlite_error().map(|error| error.extended_code)
            == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE);
        match reservation.request_id {
            _ if !is_unique => sql_error(&self.path, Action::Write)(error),
            Some(request_id) if error.to_string().contains("request_id") => Error::RequestTaken {
                request_id: request_id.to_owned(),
            },
            _ => Error::SerialTaken {
                serial: hex::encode(reservation.serial),
            },
        }
    }

    fn index_name(&self, kind: &str, value: &str, id: i64) -> Result<(), Error> {
        self.run(
            "INSERT OR IGNORE INTO name (value, kind, certificate) VALUES (?1, ?2, ?3)",
            params![value, kind, id],
        )
        .map(drop)
    }

    /// Stores the signed certificate under its reserved serial number.
    ///
    /// # Errors
    ///
    /// [`Error::Settled`] when the number is not reserved any more, or has a
    /// certificate already; [`Error::Sql`].
    pub fn store(
        &self,
        serial: &[u8],
        der: &[u8],
        fingerprint: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.note_time(at)?;
        let fingerprint = hex::decode(fingerprint)
            .map_err(|_| sql_error(&self.path, Action::Write)(damaged("fingerprint")))?;
        // Its entry comes next; should another come first, its own sets this right.
        let entry = self.log_end_once()?.sequence.saturating_add(1);
        self.expected.replace(Some((entry, serial.to_vec())));
        let updated = self.run(
            "UPDATE certificate SET der = ?2, fingerprint = ?3, issued_at = ?4, issue_entry = ?5 \
             WHERE serial = ?1 AND der IS NULL AND abandoned_at IS NULL",
            params![serial, der, fingerprint, at.timestamp(), entry],
        )?;
        self.still_reserved(updated, serial)
    }

    /// Settles that nothing was handed out under a reserved serial number. The
    /// name of its request is free again.
    ///
    /// # Errors
    ///
    /// [`Error::Settled`] when there is no such reservation; [`Error::Sql`].
    pub fn abandon(&self, serial: &[u8], at: DateTime<Utc>) -> Result<(), Error> {
        self.note_time(at)?;
        let updated = self.run(
            "UPDATE certificate SET abandoned_at = ?2, request_id = NULL \
             WHERE serial = ?1 AND der IS NULL AND abandoned_at IS NULL",
            params![serial, at.timestamp()],
        )?;
        self.still_reserved(updated, serial)
    }

    /// Revokes a serial number, or with `None` releases it.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when the number is not in the inventory.
    pub fn revoke(
        &self,
        serial: &[u8],
        revocation: Option<&Revocation>,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.note_time(at)?;
        let updated = self.run(
            "UPDATE certificate SET revoked_at = ?2, revocation = ?3, invalid_since = ?4 \
             WHERE serial = ?1",
            params![
                serial,
                revocation.map(|revocation| revocation.at.timestamp()),
                revocation.map(|revocation| revocation.reason),
                revocation
                    .and_then(|revocation| revocation.invalid_since)
                    .map(|since| since.timestamp()),
            ],
        )?;
        self.exactly_one(updated)
    }

    /// Adds an entry to the log. Entries are numbered and chained in the order
    /// of these calls.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn record(&mut self, entry: &audit::AuditEntry<'_>) -> Result<(), Error> {
        self.note_time(entry.at)?;
        let next = self.log_end_once()?.followed_by(entry);
        let is_issue = entry.action == audit::AuditEntry::ISSUE;
        self.run(
            "INSERT INTO audit (sequence, at, actor, action, serial, detail, comment, hash, \
             certificate) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
             CASE WHEN ?9 THEN NULL ELSE (SELECT id FROM certificate WHERE serial = ?5) END)",
            params![
                next.sequence,
                entry.at.timestamp(),
                entry.actor,
                entry.action,
                entry.serial,
                entry.detail,
                entry.comment,
                next.hash,
                is_issue,
            ],
        )?;
        let is_expected = match &*self.expected.borrow() {
            Some((sequence, serial)) => {
                *sequence == next.sequence && entry.serial == Some(serial.as_slice())
            }
            None => false,
        };
        if is_issue && !is_expected {
            self.run(
                "UPDATE certificate SET issue_entry = ?2 \
                 WHERE serial = ?1 AND issue_entry IS NOT ?2",
                params![entry.serial, next.sequence],
            )?;
        }
        self.log_end.set(Some(next));
        Ok(())
    }

    /// The log's last entry. While the transaction lasts nobody else adds one.
    fn log_end_once(&self) -> Result<audit::End, Error> {
        if let Some(end) = self.log_end.get() {
            return Ok(end);
        }
        let end = self.read_log_end()?;
        self.log_end.set(Some(end));
        Ok(end)
    }

    pub(super) fn read_log_end(&self) -> Result<audit::End, Error> {
        self.prepared("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")?
            .query_row([], |row| {
                Ok(audit::End {
                    sequence: row.get(0)?,
                    hash: row.get(1)?,
                })
            })
            .optional()
            .map(Option::unwrap_or_default)
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// Sets the latest time at which anything was written, also back: for a
    /// clock of which somebody has said that it is right now.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn set_time_mark(&self, at: DateTime<Utc>) -> Result<(), Error> {
        self.noted.set(None);
        self.run(
            "INSERT INTO time_mark (id, at) VALUES (1, ?1) \
             ON CONFLICT (id) DO UPDATE SET at = excluded.at",
            [at.timestamp()],
        )
        .map(drop)
    }

    fn note_time(&self, at: DateTime<Utc>) -> Result<(), Error> {
        let seconds = at.timestamp();
        if self.noted.get().is_some_and(|noted| noted >= seconds) {
            return Ok(());
        }
        self.noted.set(Some(seconds));
        self.run(
            "INSERT INTO time_mark (id, at) VALUES (1, ?1) \
             ON CONFLICT (id) DO UPDATE SET at = excluded.at WHERE excluded.at > at",
            [seconds],
        )
        .map(drop)
    }

    fn still_reserved(&self, updated: usize, serial: &[u8]) -> Result<(), Error> {
        match updated {
            0 => Err(Error::Settled {
                serial: hex::encode(serial),
            }),
            _ => self.exactly_one(updated),
        }
    }

    pub(super) fn exactly_one(&self, updated: usize) -> Result<(), Error> {
        if updated == 1 {
            return Ok(());
        }
        let changed = rusqlite::Error::StatementChangedRows(updated);
        Err(sql_error(&self.path, Action::Write)(changed))
    }

    pub(super) fn run(&self, sql: &str, parameters: impl Params) -> Result<usize, Error> {
        self.prepared(sql)?
            .execute(parameters)
            .map_err(sql_error(&self.path, Action::Write))
    }

    fn prepared(&self, sql: &str) -> Result<CachedStatement<'_>, Error> {
        self.connection
            .prepare_cached(sql)
            .map_err(sql_error(&self.path, Action::Write))
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        // After some errors SQLite has rolled back by itself. Should this fail,
        // the transaction ends with the connection, and nothing was written.
        if !self.is_committed && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Writer({})", self.path.display())
    }
}
