//! What a policy asks of the inventory: how many certificates somebody has, and
//! under which policy was issued last.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, params};

use crate::store::{Action, Error};

use super::{Inventory, Writer, sql_error};

/// Whose certificates are counted.
#[derive(Clone, Copy, Debug)]
pub struct Holder<'a> {
    /// Who asked for them.
    pub requester: &'a str,
    /// The profile under which they were issued.
    pub profile: &'a str,
}

impl Inventory {
    /// How many certificates a requester was given under a profile after a
    /// moment, reserved ones included; `most` when it is more. While a writer of
    /// this inventory is open, nobody else changes the number.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn issued_since(
        &self,
        holder: Holder<'_>,
        since: DateTime<Utc>,
        most: u32,
    ) -> Result<u32, Error> {
        self.count("reserved_at > ?3", holder, since, most)
    }

    /// How many certificates of a requester under a profile are valid at a
    /// moment, not counting revoked ones; `most` when it is more.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn valid_at(&self, holder: Holder<'_>, at: DateTime<Utc>, most: u32) -> Result<u32, Error> {
        self.count("not_after >= ?3 AND revoked_at IS NULL", holder, at, most)
    }

    fn count(
        &self,
        condition: &str,
        holder: Holder<'_>,
        at: DateTime<Utc>,
        most: u32,
    ) -> Result<u32, Error> {
        self.connection
            .prepare_cached(&format!(
                "SELECT count(*) FROM (SELECT 1 FROM certificate WHERE requester = ?1 \
                 AND profile = ?2 AND {condition} AND abandoned_at IS NULL LIMIT ?4)"
            ))
            .and_then(|mut statement| {
                let values = params![holder.requester, holder.profile, at.timestamp(), most];
                statement.query_row(values, |row| row.get(0))
            })
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// SHA-256, in lowercase hex, of the policy under which was issued last.
    /// Empty for none; `None` when there has never been one.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn policy_digest(&self) -> Result<Option<String>, Error> {
        self.connection
            .prepare_cached("SELECT digest FROM policy")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)).optional())
            .map_err(sql_error(&self.path, Action::Read))
    }
}

impl Writer<'_> {
    /// Notes that the files of a certificate have been delivered, with the rest
    /// of the transaction. The first time stays.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn note_delivered(&self, serial: &[u8], at: DateTime<Utc>) -> Result<(), Error> {
        self.run(
            "UPDATE certificate SET delivered_at = ?2 WHERE serial = ?1 AND delivered_at IS NULL",
            params![serial, at.timestamp()],
        )
        .map(drop)
    }

    /// Notes the policy under which is issued from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn set_policy_digest(&self, digest: &str) -> Result<(), Error> {
        self.run(
            "INSERT INTO policy (id, digest) VALUES (1, ?1) \
             ON CONFLICT (id) DO UPDATE SET digest = excluded.digest",
            [digest],
        )
        .map(drop)
    }
}
