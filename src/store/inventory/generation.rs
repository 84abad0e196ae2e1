//! The generations of the CA, which of them issues, and what lives of each.

mod logged;

use chrono::{DateTime, Utc};
use rusqlite::{Row, params};

use crate::store::{Action, Error};

use super::certificate::{COLUMNS, record};
use super::{Inventory, Record, Writer, damaged, sql_error, time};

/// How far a generation has come. At most one is active, at most one is pending
/// (requested or prepared), and at most one is retiring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationState {
    /// Its keys are there, and a certificate is not yet.
    Requested,
    /// It has its certificates, and has not begun to issue.
    Prepared,
    /// It issues.
    Active,
    /// It has issued; what it has issued is accepted.
    Retiring,
    /// What it has issued does not count any more.
    Retired,
    /// It was given up before it issued anything.
    Cancelled,
}

impl GenerationState {
    const ALL: [Self; 6] = [
        Self::Requested,
        Self::Prepared,
        Self::Active,
        Self::Retiring,
        Self::Retired,
        Self::Cancelled,
    ];

    /// The word in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Prepared => "prepared",
            Self::Active => "active",
            Self::Retiring => "retiring",
            Self::Retired => "retired",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it is to issue, and does not yet.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::Requested | Self::Prepared)
    }

    /// Whether it has its certificates and is not over.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Prepared | Self::Active | Self::Retiring)
    }
}

/// The row of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationRow {
    /// Its number, from 1.
    pub number: u32,
    /// How far it has come.
    pub state: GenerationState,
    /// The name of its root's directory in the CA's.
    pub root: String,
    /// The same of its issuing CA.
    pub issuing: String,
    /// The serial number of the root's certificate (unsigned big-endian), once it
    /// is known.
    pub root_serial: Option<Vec<u8>>,
    /// The same of the issuing CA's.
    pub issuing_serial: Option<Vec<u8>>,
    /// When it got its certificates.
    pub prepared_at: Option<DateTime<Utc>>,
    /// When it began to issue.
    pub activated_at: Option<DateTime<Utc>>,
    /// When it was retired or cancelled.
    pub retired_at: Option<DateTime<Utc>>,
}

/// What an issuing CA has given out that is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LiveLeaves {
    /// How many: issued, not ended, and not finally revoked. A hold can be taken
    /// back, so what is on hold counts.
    pub count: u64,
    /// The last second of the one that ends last.
    pub last_end: Option<DateTime<Utc>>,
}

/// The condition of [`LiveLeaves`], with the issuer and the time as parameters.
const LIVE: &str = "issued_at IS NOT NULL AND not_after >= ?2 AND issuer_key_id = ?1 \
    AND kind = 'leaf' AND (revoked_at IS NULL OR revocation = 6)";

/// The same of those that are revoked for good.
const REVOKED: &str = "not_after >= ?2 AND issuer_key_id = ?1 \
    AND kind = 'leaf' AND revoked_at IS NOT NULL AND revocation <> 6";

impl Inventory {
    /// All generations, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn generations(&self) -> Result<Vec<GenerationRow>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT generation, state, root, issuing, root_serial, issuing_serial, \
                 prepared_at, activated_at, retired_at FROM authority ORDER BY generation",
            )
            .map_err(&failed)?;
        let rows = statement.query_map([], generation).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Whether this generation is the active one. Within a [`Writer`] of this
    /// inventory it stays so until the transaction ends.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn is_active(&self, generation: u32) -> Result<bool, Error> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM authority WHERE state = 'active' \
                 AND generation = ?1)",
            )
            .and_then(|mut statement| statement.query_row([generation], |row| row.get(0)))
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// Whether the key with this SHA-256 (of its SubjectPublicKeyInfo, lowercase
    /// hex) is or was one of the CA's own.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn is_own_key(&self, key_fingerprint: &str) -> Result<bool, Error> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM certificate \
                 WHERE kind <> 'leaf' AND key_fingerprint = ?1)",
            )
            .and_then(|mut statement| statement.query_row([key_fingerprint], |row| row.get(0)))
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// Counts what an issuing CA has given out that is in force at `at`. It reads
    /// every certificate that has not ended.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn live_leaves(
        &self,
        issuer_key_id: &[u8],
        at: DateTime<Utc>,
    ) -> Result<LiveLeaves, Error> {
        self.count_leaves(LIVE, issuer_key_id, at)
    }

    /// Counts what an issuing CA has given out, was revoked for good and has not
    /// ended at `at`: only a list of that CA tells of it.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn revoked_leaves(
        &self,
        issuer_key_id: &[u8],
        at: DateTime<Utc>,
    ) -> Result<LiveLeaves, Error> {
        self.count_leaves(REVOKED, issuer_key_id, at)
    }

    fn count_leaves(
        &self,
        condition: &str,
        issuer_key_id: &[u8],
        at: DateTime<Utc>,
    ) -> Result<LiveLeaves, Error> {
        self.connection
            .query_row(
                &format!("SELECT count(*), max(not_after) FROM certificate WHERE {condition}"),
                params![issuer_key_id, at.timestamp()],
                |row| {
                    Ok(LiveLeaves {
                        count: u64::try_from(row.get::<_, i64>(0)?).unwrap_or(0),
                        last_end: row.get::<_, Option<i64>>(1)?.map(time).transpose()?,
                    })
                },
            )
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// Those of [`Inventory::live_leaves`] that end last, as many as `most`.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn last_live_leaves(
        &self,
        issuer_key_id: &[u8],
        at: DateTime<Utc>,
        most: u32,
    ) -> Result<Vec<Record>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {COLUMNS} FROM certificate WHERE {LIVE} \
                 ORDER BY not_after DESC, id DESC LIMIT ?3"
            ))
            .map_err(&failed)?;
        let rows = statement
            .query_map(params![issuer_key_id, at.timestamp(), most], record)
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}

impl Writer<'_> {
    /// Adds a generation, in whatever state it is.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when there is one of its number, when another is
    /// pending or active as this one is, or when its state lacks something.
    pub fn add_generation(&self, row: &GenerationRow) -> Result<(), Error> {
        let seconds = |at: Option<DateTime<Utc>>| at.map(|at| at.timestamp());
        let added = self.run(
            "INSERT INTO authority (generation, state, root, issuing, root_serial, \
             issuing_serial, prepared_at, activated_at, retired_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                row.number,
                row.state.as_str(),
                row.root,
                row.issuing,
                row.root_serial,
                row.issuing_serial,
                seconds(row.prepared_at),
                seconds(row.activated_at),
                seconds(row.retired_at),
            ],
        )?;
        self.exactly_one(added)
    }

    /// A requested generation has its certificates, with these serial numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when it is not requested.
    pub fn prepare_generation(
        &self,
        number: u32,
        root_serial: &[u8],
        issuing_serial: &[u8],
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let updated = self.run(
            "UPDATE authority SET state = 'prepared', root_serial = ?2, issuing_serial = ?3, \
             prepared_at = ?4 WHERE generation = ?1 AND state = 'requested'",
            params![number, root_serial, issuing_serial, at.timestamp()],
        )?;
        self.exactly_one(updated)
    }

    /// A prepared generation issues from now on, and the one that did is retiring.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when it is not prepared, or another is retiring.
    pub fn activate_generation(&self, number: u32, at: DateTime<Utc>) -> Result<(), Error> {
        self.run(
            "UPDATE authority SET state = 'retiring' WHERE state = 'active'",
            [],
        )?;
        let updated = self.run(
            "UPDATE authority SET state = 'active', activated_at = ?2 \
             WHERE generation = ?1 AND state = 'prepared'",
            params![number, at.timestamp()],
        )?;
        self.exactly_one(updated)
    }

    /// What a retiring generation has issued does not count any more.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when it is not retiring.
    pub fn retire_generation(&self, number: u32, at: DateTime<Utc>) -> Result<(), Error> {
        let updated = self.run(
            "UPDATE authority SET state = 'retired', retired_at = ?2 \
             WHERE generation = ?1 AND state = 'retiring'",
            params![number, at.timestamp()],
        )?;
        self.exactly_one(updated)
    }

    /// A generation that has not begun to issue is given up.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when it is not pending.
    pub fn cancel_generation(&self, number: u32, at: DateTime<Utc>) -> Result<(), Error> {
        let updated = self.run(
            "UPDATE authority SET state = 'cancelled', retired_at = ?2 \
             WHERE generation = ?1 AND state IN ('requested', 'prepared')",
            params![number, at.timestamp()],
        )?;
        self.exactly_one(updated)
    }
}

fn generation(row: &Row<'_>) -> rusqlite::Result<GenerationRow> {
    let optional = |column: &str| -> rusqlite::Result<Option<DateTime<Utc>>> {
        row.get::<_, Option<i64>>(column)?.map(time).transpose()
    };
    let state: String = row.get("state")?;
    Ok(GenerationRow {
        number: row.get("generation")?,
        state: GenerationState::ALL
            .into_iter()
            .find(|known| known.as_str() == state)
            .ok_or_else(|| damaged("state of a generation"))?,
        root: row.get("root")?,
        issuing: row.get("issuing")?,
        root_serial: row.get("root_serial")?,
        issuing_serial: row.get("issuing_serial")?,
        prepared_at: optional("prepared_at")?,
        activated_at: optional("activated_at")?,
        retired_at: optional("retired_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000 + day)
    }

    fn row(number: u32, state: GenerationState) -> GenerationRow {
        let has_begun = !matches!(
            state,
            GenerationState::Requested | GenerationState::Prepared
        );
        GenerationRow {
            number,
            state,
            root: "root".to_owned(),
            issuing: format!("issuing-{number}"),
            root_serial: Some(vec![1]),
            issuing_serial: Some(vec![2]),
            prepared_at: Some(at(0)),
            activated_at: has_begun.then(|| at(1)),
            retired_at: None,
        }
    }

    /// The database itself holds the rules: one active, one pending, one retiring.
    #[test]
    fn of_each_state_there_is_one_and_steps_come_in_order() {
        use GenerationState as S;
        let home = tempfile::tempdir().unwrap();
        let inventory = Inventory::create(&home.path().join("inventory.db")).unwrap();
        let writer = inventory.write().unwrap();
        let states = || -> Vec<S> {
            let rows = inventory.generations().unwrap();
            rows.iter().map(|row| row.state).collect()
        };
        writer.add_generation(&row(1, S::Active)).unwrap();
        assert!(writer.add_generation(&row(2, S::Active)).is_err());
        assert!(writer.add_generation(&row(1, S::Prepared)).is_err());
        assert!(writer.activate_generation(1, at(2)).is_err());
        // The old one is retiring now although the step failed: whoever gets an
        // error drops the transaction.
        drop(writer);
        let writer = inventory.write().unwrap();
        writer.add_generation(&row(1, S::Active)).unwrap();
        let requested = GenerationRow {
            root_serial: None,
            issuing_serial: None,
            prepared_at: None,
            ..row(2, S::Requested)
        };
        writer.add_generation(&requested).unwrap();
        assert_eq!(inventory.generations().unwrap()[1], requested);
        assert!(writer.add_generation(&row(3, S::Prepared)).is_err());
        assert!(writer.retire_generation(1, at(2)).is_err());
        writer.prepare_generation(2, &[3], &[4], at(2)).unwrap();
        assert!(writer.prepare_generation(2, &[3], &[4], at(2)).is_err());
        assert!(inventory.is_active(1).unwrap() && !inventory.is_active(2).unwrap());
        writer.activate_generation(2, at(3)).unwrap();
        assert!(!inventory.is_active(1).unwrap() && inventory.is_active(2).unwrap());
        assert_eq!(states(), [S::Retiring, S::Active]);
        assert!(writer.cancel_generation(2, at(3)).is_err());
        writer.retire_generation(1, at(4)).unwrap();
        writer.add_generation(&row(3, S::Prepared)).unwrap();
        writer.cancel_generation(3, at(5)).unwrap();
        assert_eq!(states(), [S::Retired, S::Active, S::Cancelled]);
        let rows = inventory.generations().unwrap();
        assert_eq!(rows[0].retired_at, Some(at(4)));
        assert_eq!(rows[1].activated_at, Some(at(3)));
        writer.commit().unwrap();
    }
}
