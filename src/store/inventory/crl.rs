//! Revocation lists: what one has to say, and those that were signed.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, params};

use crate::store::{Action, Error};

use super::{Inventory, Revocation, Writer, sql_error, time};

/// What an authority has revoked and ends at a time or later.
pub(super) const REVOKED: &str = "SELECT serial, revoked_at, revocation, invalid_since \
    FROM certificate INDEXED BY certificate_revoked WHERE revoked_at IS NOT NULL \
    AND issuer_key_id = ?1 AND not_after >= ?2";

/// The columns that [`crl`] reads.
pub(super) const COLUMNS: &str =
    "issuer_key_id, number, this_update, next_update, entries, size, fingerprint";

/// A revocation list that was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlRecord {
    /// The subjectKeyIdentifier of the authority that signed it.
    pub issuer_key_id: Vec<u8>,
    /// Its number, from 1.
    pub number: i64,
    /// When it was made.
    pub this_update: DateTime<Utc>,
    /// When the next one has to be there.
    pub next_update: DateTime<Utc>,
    /// Number of its entries.
    pub entries: i64,
    /// Its size as PEM, in bytes.
    pub size: i64,
    /// SHA-256 of its DER, lowercase hex.
    pub fingerprint: String,
}

impl Inventory {
    /// The newest revocation list that an authority has signed.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn newest_crl(&self, issuer_key_id: &[u8]) -> Result<Option<CrlRecord>, Error> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM crl WHERE issuer_key_id = ?1 ORDER BY number DESC LIMIT 1"
            ))
            .and_then(|mut statement| statement.query_row([issuer_key_id], crl).optional())
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// Hands over serial number (unsigned big-endian) and revocation of every
    /// certificate that an authority has revoked and that ends at `ending` or
    /// later; an index alone answers it.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], or what the receiver gives.
    pub fn revoked<E: From<Error>>(
        &self,
        issuer_key_id: &[u8],
        ending: DateTime<Utc>,
        mut receive: impl FnMut(&[u8], Revocation) -> Result<(), E>,
    ) -> Result<(), E> {
        let failed = |error| E::from(sql_error(&self.path, Action::Read)(error));
        let mut statement = self.connection.prepare_cached(REVOKED).map_err(failed)?;
        let mut rows = statement
            .query(params![issuer_key_id, ending.timestamp()])
            .map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let (serial, revocation) = revocation(row).map_err(failed)?;
            receive(serial, revocation)?;
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// Records a list that was signed, before anybody sees it.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when the authority has a list of that number.
    pub fn add_crl(&self, record: &CrlRecord) -> Result<(), Error> {
        self.run(
            "INSERT INTO crl (issuer_key_id, number, this_update, next_update, entries, size, \
             fingerprint) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                record.issuer_key_id,
                record.number,
                record.this_update.timestamp(),
                record.next_update.timestamp(),
                record.entries,
                record.size,
                record.fingerprint,
            ],
        )
        .map(drop)
    }
}

/// Reads a row of [`REVOKED`], without a copy: a list may have a million.
fn revocation<'a>(row: &'a Row<'_>) -> rusqlite::Result<(&'a [u8], Revocation)> {
    let reason = row.get_ref(2)?.as_i64()?;
    let revocation = Revocation {
        at: time(row.get_ref(1)?.as_i64()?)?,
        reason: u8::try_from(reason)
            .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(2, reason))?,
        invalid_since: row.get_ref(3)?.as_i64_or_null()?.map(time).transpose()?,
    };
    Ok((row.get_ref(0)?.as_blob()?, revocation))
}

pub(super) fn crl(row: &Row<'_>) -> rusqlite::Result<CrlRecord> {
    Ok(CrlRecord {
        issuer_key_id: row.get(0)?,
        number: row.get(1)?,
        this_update: time(row.get(2)?)?,
        next_update: time(row.get(3)?)?,
        entries: row.get(4)?,
        size: row.get(5)?,
        fingerprint: row.get(6)?,
    })
}
