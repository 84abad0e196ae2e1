//! The inventory in numbers. What grows with it is counted in indexes alone, but
//! for what is in force and not known to be delivered.

use chrono::{DateTime, Months, NaiveDate, TimeDelta, Utc};

use crate::store::{Action, Error};

use super::{Inventory, sql_error, time};

/// A week in seconds.
const WEEK: i64 = 7 * 86_400;

/// What ends in a span of time, by what holds of it at the time of the question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Neither revoked nor on hold.
    pub valid: u64,
    /// On hold.
    pub held: u64,
    /// Finally revoked.
    pub revoked: u64,
}

/// The inventory in numbers, at one moment.
#[derive(Clone, Debug)]
pub struct Summary {
    /// All rows.
    pub rows: u64,
    /// Root certificates and reservations for them.
    pub roots: u64,
    /// The same of issuing CAs.
    pub issuing: u64,
    /// The same of cross-certificates.
    pub cross: u64,
    /// In force: issued, not revoked, not ended.
    pub valid: u64,
    /// Ended, without having been revoked.
    pub expired: u64,
    /// Finally revoked, ended or not.
    pub revoked: u64,
    /// On hold, ended or not.
    pub held: u64,
    /// Reserved serial numbers without a certificate.
    pub reserved: u64,
    /// In force, and not known to be delivered.
    pub undelivered: u64,
    /// Reservations that were settled.
    pub abandoned: u64,
    /// When the oldest of the reserved was reserved.
    pub oldest_reserved: Option<DateTime<Utc>>,
    /// What ends in each week: the first second of the week, UTC, and how many.
    pub weeks: Vec<(DateTime<Utc>, Ends)>,
    /// How many certificates end in each month, as `2026-11`, revoked or not: every
    /// month from the first to the last.
    pub months: Vec<(String, u64)>,
    /// Entries of the audit log.
    pub log_entries: u64,
    /// The database's size in bytes.
    pub size: u64,
}

/// Those that were revoked, as far as they are told apart.
#[derive(Default)]
struct Revoked {
    revoked: u64,
    held: u64,
    issued_live: u64,
    issued_ended: u64,
    abandoned: u64,
}

impl Inventory {
    /// Counts, with the weeks from `first_week` on.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`]; [`Error::Changing`] as [`Inventory::find`].
    pub fn summary(
        &self,
        now: DateTime<Utc>,
        first_week: DateTime<Utc>,
        weeks: u16,
    ) -> Result<Summary, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let snapshot = self.connection.unchecked_transaction().map_err(&failed)?;
        let summary = self.count_all(now, first_week, weeks).map_err(&failed)?;
        drop(snapshot);
        self.check_unwritten()?;
        Ok(summary)
    }

    fn count_all(
        &self,
        now: DateTime<Utc>,
        first_week: DateTime<Utc>,
        weeks: u16,
    ) -> rusqlite::Result<Summary> {
        let at = now.timestamp();
        let count = |sql: &str| self.number(&format!("SELECT count(*) FROM certificate {sql}"));
        let rows = count("")?;
        let live = count(&format!(
            "WHERE issued_at IS NOT NULL AND not_after >= {at}"
        ))?;
        let ended = count(&format!("WHERE issued_at IS NOT NULL AND not_after < {at}"))?;
        let (all_unsettled, reserved, oldest): (i64, i64, Option<i64>) =
            self.connection.query_row(
                "SELECT count(*), count(*) FILTER (WHERE revoked_at IS NULL), \
                 min(reserved_at) FILTER (WHERE revoked_at IS NULL) FROM unsettled",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?;
        let number = |count: i64| u64::try_from(count).unwrap_or(0);
        let revoked = self.count_revoked(at)?;
        let abandoned = rows.saturating_sub(live + ended + number(all_unsettled));
        Ok(Summary {
            rows,
            roots: count("WHERE kind <> 'leaf' AND kind = 'root'")?,
            issuing: count("WHERE kind <> 'leaf' AND kind = 'issuing'")?,
            cross: count("WHERE kind <> 'leaf' AND kind = 'cross'")?,
            valid: live.saturating_sub(revoked.issued_live),
            expired: ended.saturating_sub(revoked.issued_ended),
            revoked: revoked.revoked,
            held: revoked.held,
            reserved: number(reserved),
            undelivered: count(&format!(
                "WHERE issued_at IS NOT NULL AND not_after >= {at} \
                 AND revoked_at IS NULL AND delivered_at IS NULL"
            ))?,
            abandoned: abandoned.saturating_sub(revoked.abandoned),
            oldest_reserved: oldest.map(time).transpose()?,
            weeks: self.weeks(first_week, weeks)?,
            months: self.months()?,
            log_entries: self.number("SELECT coalesce(max(sequence), 0) FROM audit")?,
            size: self
                .number("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")?,
        })
    }

    fn number(&self, sql: &str) -> rusqlite::Result<u64> {
        let number: i64 = self.connection.query_row(sql, [], |row| row.get(0))?;
        Ok(u64::try_from(number).unwrap_or(0))
    }

    fn count_revoked(&self, at: i64) -> rusqlite::Result<Revoked> {
        let mut statement = self.connection.prepare(
            "SELECT revocation = 6, issued_at IS NOT NULL, not_after >= ?1, \
             abandoned_at IS NOT NULL, count(*) FROM certificate \
             INDEXED BY certificate_revoked WHERE revoked_at IS NOT NULL GROUP BY 1, 2, 3, 4",
        )?;
        let mut rows = statement.query([at])?;
        let mut counted = Revoked::default();
        while let Some(row) = rows.next()? {
            let (is_held, is_issued, is_live): (bool, bool, bool) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let count = u64::try_from(row.get::<_, i64>(4)?).unwrap_or(0);
            match is_held {
                true => counted.held += count,
                false => counted.revoked += count,
            }
            match (is_issued, is_live) {
                (true, true) => counted.issued_live += count,
                (true, false) => counted.issued_ended += count,
                (false, _) if row.get(3)? => counted.abandoned += count,
                (false, _) => {}
            }
        }
        Ok(counted)
    }

    fn weeks(
        &self,
        first: DateTime<Utc>,
        count: u16,
    ) -> rusqlite::Result<Vec<(DateTime<Utc>, Ends)>> {
        let start = first.timestamp();
        let mut weeks: Vec<(DateTime<Utc>, Ends)> = (0..i64::from(count))
            .map(|week| (first + TimeDelta::weeks(week), Ends::default()))
            .collect();
        let range = [start, start + i64::from(count) * WEEK];
        let mut all = self.connection.prepare(&format!(
            "SELECT (not_after - ?1) / {WEEK}, count(*) FROM certificate \
             WHERE issued_at IS NOT NULL AND not_after >= ?1 AND not_after < ?2 GROUP BY 1"
        ))?;
        let mut rows = all.query(range)?;
        while let Some(row) = rows.next()? {
            let week = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
            if let Some((_, ends)) = weeks.get_mut(week) {
                ends.valid = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
            }
        }
        let mut revoked = self.connection.prepare(&format!(
            "SELECT (not_after - ?1) / {WEEK}, revocation = 6, count(*) FROM certificate \
             INDEXED BY certificate_revoked WHERE revoked_at IS NOT NULL \
             AND issued_at IS NOT NULL AND not_after >= ?1 AND not_after < ?2 GROUP BY 1, 2"
        ))?;
        let mut rows = revoked.query(range)?;
        while let Some(row) = rows.next()? {
            let week = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
            let count = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
            if let Some((_, ends)) = weeks.get_mut(week) {
                ends.valid = ends.valid.saturating_sub(count);
                match row.get(1)? {
                    true => ends.held = count,
                    false => ends.revoked = count,
                }
            }
        }
        Ok(weeks)
    }

    fn months(&self) -> rusqlite::Result<Vec<(String, u64)>> {
        let mut statement = self.connection.prepare(
            "SELECT strftime('%Y-%m', not_after, 'unixepoch'), count(*) FROM certificate \
             WHERE issued_at IS NOT NULL AND not_after IS NOT NULL GROUP BY 1 ORDER BY 1",
        )?;
        let rows = statement.query_map([], |row| {
            Ok((
                row.get(0)?,
                u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            ))
        })?;
        Ok(every_month(rows.collect::<Result<_, _>>()?))
    }
}

/// The same with the months between, in which nothing ends: what is left out would
/// look like what is not known.
fn every_month(counted: Vec<(String, u64)>) -> Vec<(String, u64)> {
    let mut months: Vec<(String, u64)> = Vec::new();
    for (month, count) in counted {
        let mut last = months.last().and_then(|(last, _)| first_day(last));
        while let Some(next) = last.and_then(|last| last.checked_add_months(Months::new(1)))
            && first_day(&month).is_some_and(|month| next < month)
        {
            months.push((next.format("%Y-%m").to_string(), 0));
            last = Some(next);
        }
        months.push((month, count));
    }
    months
}

fn first_day(month: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Reservation;

    #[test]
    fn months_without_an_end_are_counted_too() {
        let ends = |months: &[(&str, u64)]| -> Vec<(String, u64)> {
            let owned = months
                .iter()
                .map(|(month, count)| ((*month).to_owned(), *count));
            owned.collect()
        };
        assert_eq!(
            every_month(ends(&[("2026-11", 2), ("2027-02", 1), ("2027-03", 4)])),
            ends(&[
                ("2026-11", 2),
                ("2026-12", 0),
                ("2027-01", 0),
                ("2027-02", 1),
                ("2027-03", 4)
            ])
        );
        assert_eq!(every_month(Vec::new()), []);
    }

    /// Rows of every state, and what is said of them.
    #[test]
    fn every_row_is_counted_once() {
        let home = tempfile::tempdir().unwrap();
        let inventory = Inventory::create(&home.path().join("inventory.db")).unwrap();
        let at = |day: i64| DateTime::from_timestamp(1_790_000_000 + day * 86_400, 0).unwrap();
        let writer = inventory.write().unwrap();
        // Serial number, last day, and what happens to it.
        let rows: [(u8, i64, &str); 9] = [
            (1, 10, "issue"),
            (2, 10, "issue deliver"),
            (3, -10, "issue"),
            (4, 10, "issue revoke"),
            (5, -10, "issue revoke"),
            (6, 20, "issue hold"),
            (7, 10, ""),
            (8, 10, "abandon"),
            (9, 10, "revoke"),
        ];
        for (serial, end, what) in rows {
            let serial = [serial];
            writer
                .reserve(&Reservation {
                    serial: &serial,
                    kind: crate::store::Kind::Leaf,
                    issuer_key_id: &[1; 20],
                    subject: "CN=a",
                    common_name: "a",
                    names: &[],
                    key_fingerprint: "00",
                    not_before: at(-30),
                    not_after: at(end),
                    at: at(-30),
                    profile: None,
                    requester: None,
                    request_id: None,
                })
                .unwrap();
            if what.contains("issue") {
                let fingerprint = hex::encode(serial);
                writer
                    .store(&serial, &[0x30, 0], &fingerprint, at(-30))
                    .unwrap();
            }
            if what.contains("abandon") {
                writer.abandon(&serial, at(-20)).unwrap();
            }
            let reason = match what.contains("hold") {
                true => 6,
                false => 4,
            };
            if what.contains("revoke") || what.contains("hold") {
                let revocation = crate::store::Revocation {
                    at: at(-5),
                    reason,
                    invalid_since: None,
                };
                writer.revoke(&serial, Some(&revocation), at(-5)).unwrap();
            }
        }
        writer.commit().unwrap();
        inventory.note_delivered(&[2], at(-30)).unwrap();
        let summary = inventory.summary(at(0), at(0), 4).unwrap();
        let told = [
            summary.rows,
            summary.valid,
            summary.expired,
            summary.revoked,
            summary.held,
            summary.reserved,
            summary.undelivered,
            summary.abandoned,
        ];
        assert_eq!(told, [9, 2, 1, 3, 1, 1, 1, 1]);
        assert_eq!(summary.oldest_reserved, Some(at(-30)));
        let weeks: Vec<Ends> = summary.weeks.iter().map(|(_, ends)| *ends).collect();
        let second = Ends {
            valid: 2,
            held: 0,
            revoked: 1,
        };
        let third = Ends {
            valid: 0,
            held: 1,
            revoked: 0,
        };
        assert_eq!(weeks, [Ends::default(), second, third, Ends::default()]);
    }
}
