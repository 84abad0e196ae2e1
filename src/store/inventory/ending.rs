//! Which certificates end, and have no successor yet.

use chrono::{DateTime, Utc};
use rusqlite::params;

use crate::store::{Action, Error};

use super::{Inventory, sql_error, time};

/// A certificate that ends, with nothing that takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The serial number, unsigned big-endian.
    pub serial: Vec<u8>,
    /// Its common name.
    pub common_name: String,
    /// Its first second.
    pub not_before: DateTime<Utc>,
    /// Its last second.
    pub not_after: DateTime<Utc>,
}

impl Ending {
    /// Whether less than so many hundredths of its life are left.
    #[must_use]
    pub fn has_less_than(&self, percent: u8, at: DateTime<Utc>) -> bool {
        let (left, life) = (self.not_after - at, self.not_after - self.not_before);
        left.num_seconds().saturating_mul(100) < life.num_seconds().saturating_mul(percent.into())
    }
}

impl Inventory {
    /// The workloads' certificates that end from one time to the other, are not
    /// revoked, and have no later one of the same common name; those that end
    /// first come first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn ending_unreplaced(
        &self,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Ending>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT serial, common_name, not_before, not_after FROM certificate AS one \
                 INDEXED BY certificate_by_end \
                 WHERE issued_at IS NOT NULL AND not_after BETWEEN ?1 AND ?2 \
                 AND kind = 'leaf' AND revoked_at IS NULL AND NOT EXISTS \
                 (SELECT 1 FROM name JOIN certificate AS other ON other.id = name.certificate \
                 WHERE name.value = one.common_name AND name.kind = 'cn' \
                 AND other.not_after > one.not_after AND other.issued_at IS NOT NULL \
                 AND other.revoked_at IS NULL) ORDER BY not_after",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map(params![from.timestamp(), until.timestamp()], |row| {
                Ok(Ending {
                    serial: row.get(0)?,
                    common_name: row.get(1)?,
                    not_before: time(row.get(2)?)?,
                    not_after: time(row.get(3)?)?,
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Whether any certificate of a workload is valid at a moment.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn has_valid_leaf(&self, at: DateTime<Utc>) -> Result<bool, Error> {
        self.connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM certificate INDEXED BY certificate_by_end \
                 WHERE issued_at IS NOT NULL AND not_after >= ?1 AND kind = 'leaf' \
                 AND revoked_at IS NULL)",
            )
            .and_then(|mut statement| statement.query_row([at.timestamp()], |row| row.get(0)))
            .map_err(sql_error(&self.path, Action::Read))
    }
}
