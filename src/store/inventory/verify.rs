//! The log as it is judged: its chain, and everything of which it speaks beside
//! it.
//!
//! Tables are read from one end to the other, and an entry is found by its
//! serial number, which its hash covers: neither an index nor a column that
//! points to the log is relied on. What is kept meanwhile is a serial number and
//! a position for every certificate, about 100 bytes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

use crate::clock::rfc3339;
use crate::store::{Action, Error, Kind};

use super::audit::End;
use super::certificate::{COLUMNS, record};
use super::{
    AuditEntry, AuditFault, AuditRecord, AuditSummary, CrlRecord, Inventory, Record, crl, sql_error,
};

/// What the log says of one serial number.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The entry of its issue.
    pub issue: Option<AuditRecord>,
    /// Those of its revocations and releases, and of its being abandoned, the
    /// oldest first.
    pub changes: Vec<AuditRecord>,
}

impl Told {
    /// The last entry that says whether it is revoked.
    #[must_use]
    pub fn revocation(&self) -> Option<&AuditRecord> {
        let says = |entry: &&AuditRecord| {
            [AuditEntry::REVOKE, AuditEntry::RELEASE].contains(&entry.action.as_str())
        };
        self.changes.iter().rfind(says)
    }
}

/// The numbers of the entries about one serial number.
#[derive(Default)]
struct Places {
    issue: Option<i64>,
    changes: Vec<i64>,
}

/// What one pass over the log finds.
#[derive(Default)]
struct Walk {
    end: End,
    entries: u64,
    faults: Vec<AuditFault>,
    places: HashMap<Box<[u8]>, Places>,
    /// The entries of revocation lists, by the list's fingerprint.
    lists: BTreeMap<String, (i64, Value)>,
    /// The digest in the last entry about a policy.
    policy: Option<String>,
    last_at: Option<DateTime<Utc>>,
    last_signed: Option<(i64, DateTime<Utc>)>,
}

impl Walk {
    /// Takes the next entry, and says whether there is any use in another.
    fn step(&mut self, record: &AuditRecord) -> bool {
        self.entries += 1;
        let expected = self.end.followed_by(&record.as_entry());
        if record.sequence != expected.sequence {
            self.faults.push(AuditFault::Gap {
                expected: expected.sequence,
                found: record.sequence,
            });
        } else if record.hash != expected.hash {
            self.faults.push(AuditFault::Changed {
                sequence: record.sequence,
            });
        }
        self.note(record);
        // On with what stands there: one fault is one fault.
        self.end = End {
            sequence: record.sequence,
            hash: record.hash,
        };
        self.last_at = Some(record.at);
        self.faults.len() < AuditSummary::MOST_FAULTS
    }

    fn note(&mut self, record: &AuditRecord) {
        match (record.action.as_str(), &record.serial) {
            (AuditEntry::ISSUE, Some(serial)) => {
                // The first counts: whoever adds another later does not change
                // what was issued.
                let places = self.places.entry(serial.as_slice().into()).or_default();
                places.issue.get_or_insert(record.sequence);
            }
            (AuditEntry::ABANDON | AuditEntry::REVOKE | AuditEntry::RELEASE, Some(serial)) => {
                let places = self.places.entry(serial.as_slice().into()).or_default();
                places.changes.push(record.sequence);
            }
            (AuditEntry::SIGN_LIST | AuditEntry::ADOPT_LIST, _) => {
                let detail = record.facts();
                let issuer = text_of(&detail, "issuer").unwrap_or_default();
                if record.action == AuditEntry::SIGN_LIST && issuer.starts_with("issuing") {
                    self.note_signed(record);
                }
                if let Some(fingerprint) = text_of(&detail, "fingerprintSha256") {
                    let fingerprint = fingerprint.to_owned();
                    self.lists.insert(fingerprint, (record.sequence, detail));
                }
            }
            (AuditEntry::POLICY, _) => {
                let detail = record.facts();
                let digest = text_of(&detail, "digestSha256").unwrap_or_default();
                self.policy = Some(digest.to_owned());
            }
            _ => {}
        }
    }

    fn note_signed(&mut self, record: &AuditRecord) {
        let is_later = |(last, _)| record.sequence > last;
        if self.last_signed.is_none_or(is_later) {
            self.last_signed = Some((record.sequence, record.at));
        }
    }
}

/// What the rows of certificates say otherwise.
#[derive(Default)]
struct Rows {
    unlogged: Vec<AuditFault>,
    columns: Vec<AuditFault>,
    /// How many rows of names there have to be.
    names: u64,
}

impl Inventory {
    /// Checks every entry against the one before, and that certificates,
    /// revocations and revocation lists are those of which the log speaks. While
    /// others write it is called within [`Inventory::at_one_moment`].
    ///
    /// # Errors
    ///
    /// [`Error::Sql`]; what is wrong with the log itself is in the summary.
    pub fn verify_log(&self) -> Result<AuditSummary, Error> {
        self.verify_log_with(|_, _| Vec::new())
    }

    /// The same with a judge who is shown every row of a certificate with what
    /// the log says of it, and names the columns that are wrong.
    ///
    /// # Errors
    ///
    /// As [`Inventory::verify_log`].
    pub fn verify_log_with(
        &self,
        judge: impl FnMut(&Record, &Told) -> Vec<&'static str>,
    ) -> Result<AuditSummary, Error> {
        let mut walk = Walk::default();
        self.read_log(i64::MIN, |record| Ok::<_, Error>(walk.step(&record)))?;
        // Of a log that was not read to its end nothing more can be said.
        if walk.faults.len() < AuditSummary::MOST_FAULTS {
            let rows = self.judge_rows(&mut walk, judge)?;
            walk.faults.extend(rows.unlogged);
            walk.faults.extend(missing(&walk.places));
            walk.faults.extend(rows.columns);
            walk.faults.extend(self.other_names(rows.names)?);
            walk.faults.extend(self.other_pointers()?);
            walk.faults
                .extend(self.other_lists(std::mem::take(&mut walk.lists))?);
            walk.faults.extend(self.other_marks(&walk)?);
            walk.faults.extend(self.other_generations()?);
            walk.faults.extend(self.other_unsettled()?);
        }
        walk.faults.truncate(AuditSummary::MOST_FAULTS);
        Ok(AuditSummary {
            entries: walk.entries,
            last: walk.end.sequence,
            head: walk.end.hash,
            last_signed: walk.last_signed,
            faults: walk.faults,
        })
    }

    /// Reads every row, and takes what is found in it from the places.
    fn judge_rows(
        &self,
        walk: &mut Walk,
        mut judge: impl FnMut(&Record, &Told) -> Vec<&'static str>,
    ) -> Result<Rows, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut found = Rows::default();
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {COLUMNS}, id FROM certificate NOT INDEXED"
            ))
            .map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            let id: i64 = row.get("id").map_err(&failed)?;
            let record = record(row).map_err(&failed)?;
            let told = self.told(walk.places.remove(record.serial.as_slice()))?;
            if is_signed_for(&record, &told)
                && let Some(issue) = &told.issue
            {
                walk.note_signed(issue);
            }
            found.names += self.check_names(id, &record, &mut found.columns)?;
            judge_row(&record, &told, &mut found);
            found.columns.extend(
                judge(&record, &told)
                    .into_iter()
                    .map(|column| column_of(&record, column)),
            );
            if found.unlogged.len() + found.columns.len() >= AuditSummary::MOST_FAULTS {
                // What was not looked at is not missing.
                walk.places.clear();
                found.names = 0;
                break;
            }
        }
        Ok(found)
    }

    /// The entries at these places.
    fn told(&self, places: Option<Places>) -> Result<Told, Error> {
        let places = places.unwrap_or_default();
        let mut told = Told::default();
        if let Some(sequence) = places.issue {
            told.issue = self.entry(sequence)?;
        }
        for sequence in places.changes {
            told.changes.extend(self.entry(sequence)?);
        }
        Ok(told)
    }

    fn entry(&self, sequence: i64) -> Result<Option<AuditRecord>, Error> {
        self.connection
            .prepare_cached(&format!(
                "SELECT {} FROM audit WHERE sequence = ?1",
                AuditRecord::COLUMNS
            ))
            .and_then(|mut statement| {
                statement
                    .query_row([sequence], AuditRecord::read)
                    .optional()
            })
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// Looks for the names of a row, and says how many it has.
    fn check_names(
        &self,
        id: i64,
        record: &Record,
        faults: &mut Vec<AuditFault>,
    ) -> Result<u64, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM name \
                 WHERE value = ?1 AND kind = ?2 AND certificate = ?3)",
            )
            .map_err(&failed)?;
        let names = names_of(&record.common_name, &record.names);
        for (kind, value) in &names {
            let is_there: bool = statement
                .query_row(params![value, kind, id], |row| row.get(0))
                .map_err(&failed)?;
            if !is_there {
                faults.push(column_of(record, "name"));
            }
        }
        Ok(u64::try_from(names.len()).unwrap_or(u64::MAX))
    }

    /// The names that lead to what does not have them, when there are more than
    /// there have to be.
    fn other_names(&self, wanted: u64) -> Result<Vec<AuditFault>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let count: i64 = self
            .connection
            .query_row("SELECT count(*) FROM name", [], |row| row.get(0))
            .map_err(&failed)?;
        if wanted == 0 || u64::try_from(count) == Ok(wanted) {
            return Ok(Vec::new());
        }
        let mut statement = self
            .connection
            .prepare(
                "SELECT value, name.kind, certificate, common_name, names \
                 FROM name LEFT JOIN certificate ON id = certificate",
            )
            .map_err(&failed)?;
        let mut rows = statement.query([]).map_err(&failed)?;
        let mut faults = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            let read = || -> rusqlite::Result<(String, String, i64, bool)> {
                let (value, kind): (String, String) = (row.get(0)?, row.get(1)?);
                let common_name: Option<String> = row.get(3)?;
                let names: Option<String> = row.get(4)?;
                let names: Vec<String> = names
                    .and_then(|names| serde_json::from_str(&names).ok())
                    .unwrap_or_default();
                let has = common_name.is_some_and(|common_name| {
                    names_of(&common_name, &names).contains(&(kind.clone(), value.clone()))
                });
                Ok((value, kind, row.get(2)?, has))
            };
            let (value, _, row, has) = read().map_err(&failed)?;
            if !has {
                faults.push(AuditFault::Name { value, row });
            }
            if faults.len() >= AuditSummary::MOST_FAULTS {
                break;
            }
        }
        Ok(faults)
    }

    /// The entries whose column does not lead to the row of their serial number:
    /// `ca show` would not find them.
    fn other_pointers(&self) -> Result<Vec<AuditFault>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let most = i64::try_from(AuditSummary::MOST_FAULTS).unwrap_or(i64::MAX);
        let mut statement = self
            .connection
            .prepare(
                "SELECT sequence FROM audit LEFT JOIN certificate \
                 ON certificate.serial = audit.serial \
                 WHERE audit.certificate IS NOT certificate.id \
                 AND NOT (audit.certificate IS NULL AND audit.action = 'issue' \
                 AND certificate.issue_entry IS audit.sequence) LIMIT ?1",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map([most], |row| {
                Ok(AuditFault::Pointer {
                    sequence: row.get(0)?,
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Compares the lists that are recorded with those of the log.
    fn other_lists(
        &self,
        mut logged: BTreeMap<String, (i64, Value)>,
    ) -> Result<Vec<AuditFault>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {} FROM crl ORDER BY issuer_key_id, number",
                crl::COLUMNS
            ))
            .map_err(&failed)?;
        let rows = statement.query_map([], crl::crl).map_err(&failed)?;
        let mut faults = Vec::new();
        for row in rows {
            let row = row.map_err(&failed)?;
            let number = row.number;
            match logged.remove(&row.fingerprint) {
                None => faults.push(AuditFault::UnloggedList { number }),
                Some((_, detail)) => faults.extend(
                    columns_of(&row, &detail)
                        .into_iter()
                        .map(|column| AuditFault::ListColumn { number, column }),
                ),
            }
        }
        let missing = logged.into_values();
        faults.extend(missing.map(|(sequence, _)| AuditFault::MissingList { sequence }));
        Ok(faults)
    }

    /// What stands in one row each.
    fn other_marks(&self, walk: &Walk) -> Result<Vec<AuditFault>, Error> {
        let mut faults = Vec::new();
        if self.policy_digest()? != walk.policy {
            faults.push(AuditFault::Policy);
        }
        let is_early = match self.time_mark() {
            Err(Error::InventoryDamaged { .. }) => true,
            mark => mark? < walk.last_at,
        };
        if is_early {
            faults.push(AuditFault::TimeMark);
        }
        Ok(faults)
    }
}

/// Whether the issuing key of this CA has signed it here: what was imported was
/// signed elsewhere.
fn is_signed_for(record: &Record, told: &Told) -> bool {
    let imported = |entry: &AuditRecord| entry.facts().get("imported").is_some();
    record.kind == Kind::Leaf && told.issue.as_ref().is_some_and(|entry| !imported(entry))
}

/// What can be judged without knowing what a certificate is.
fn judge_row(record: &Record, told: &Told, found: &mut Rows) {
    if let Some(fingerprint) = &record.fingerprint {
        let logged = told.issue.as_ref().map(AuditRecord::facts);
        let logged = logged
            .as_ref()
            .and_then(|it| text_of(it, "fingerprintSha256"));
        if logged != Some(fingerprint) {
            found.unlogged.push(AuditFault::Unlogged {
                serial: record.serial.clone(),
            });
        }
    } else if let Some(issue) = &told.issue {
        found.columns.push(AuditFault::Missing {
            sequence: issue.sequence,
            serial: record.serial.clone(),
        });
    }
    let revoked = told.revocation();
    let is_revoked = revoked.is_some_and(|entry| entry.action == AuditEntry::REVOKE);
    if is_revoked != record.revocation.is_some() {
        found.columns.push(AuditFault::Revocation {
            serial: record.serial.clone(),
        });
    }
}

/// The entries that were not taken by any row.
fn missing(places: &HashMap<Box<[u8]>, Places>) -> Vec<AuditFault> {
    let mut faults: Vec<(i64, AuditFault)> = places
        .iter()
        .filter_map(|(serial, places)| {
            let serial = serial.to_vec();
            match places.issue {
                Some(sequence) => Some((sequence, AuditFault::Missing { sequence, serial })),
                None => Some((*places.changes.first()?, AuditFault::Revocation { serial })),
            }
        })
        .collect();
    faults.sort_by_key(|(sequence, _)| *sequence);
    faults.into_iter().map(|(_, fault)| fault).collect()
}

fn column_of(record: &Record, column: &'static str) -> AuditFault {
    AuditFault::Column {
        serial: record.serial.clone(),
        column,
    }
}

/// Kind and value of the names under which a row is found.
fn names_of(common_name: &str, names: &[String]) -> BTreeSet<(String, String)> {
    let alternative = names
        .iter()
        .filter_map(|name| name.split_once(':'))
        .map(|(kind, value)| (kind.to_ascii_lowercase(), value.to_owned()));
    alternative
        .chain([("cn".to_owned(), common_name.to_owned())])
        .collect()
}

/// The columns of a list that are not what its entry says. What an entry does
/// not say is not compared.
fn columns_of(row: &CrlRecord, detail: &Value) -> Vec<&'static str> {
    let key_id = hex::encode(&row.issuer_key_id);
    let columns: [(&'static str, &str, Value); 6] = [
        ("issuer_key_id", "issuerKeyId", key_id.into()),
        ("number", "number", row.number.into()),
        ("this_update", "thisUpdate", rfc3339(row.this_update).into()),
        ("next_update", "nextUpdate", rfc3339(row.next_update).into()),
        ("entries", "entries", row.entries.into()),
        ("size", "size", row.size.into()),
    ];
    columns
        .into_iter()
        .filter(|(_, name, value)| detail.get(name).is_some_and(|said| said != value))
        .map(|(column, _, _)| column)
        .collect()
}

fn text_of<'a>(detail: &'a Value, name: &str) -> Option<&'a str> {
    detail.get(name)?.as_str()
}
