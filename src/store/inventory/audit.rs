//! The audit log: what was done, refused and decided, chained by hashes.
//!
//! The hash of an entry is SHA-256 over the hash of the one before (32 zero
//! octets for the first) and the entry's own fields, each with its length before
//! it, so that no two different entries give the same octets. A change, a cut in
//! the middle or another order therefore shows at the entry behind it. What was
//! cut off the end shows in the certificates, which then have no entry.

use std::collections::BTreeMap;

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

/// What is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// The entry is not what was written, or the one before it is not.
    Changed {
        /// Its number.
        sequence: i64,
    },
    /// Entries before this one are not there.
    Gap {
        /// The number that should follow.
        expected: i64,
        /// The number that does.
        found: i64,
    },
    /// A certificate was issued and no entry says so.
    Unlogged {
        /// Its serial number, unsigned big-endian.
        serial: Vec<u8>,
    },
    /// An entry says that a certificate was issued, and it is not there.
    Missing {
        /// The entry's number.
        sequence: i64,
        /// The certificate's serial number, unsigned big-endian.
        serial: Vec<u8>,
    },
    /// A certificate is revoked and the log does not say so, or the other way
    /// round.
    Revocation {
        /// Its serial number, unsigned big-endian.
        serial: Vec<u8>,
    },
    /// A revocation list was recorded and no entry says so.
    UnloggedList {
        /// Its number.
        number: i64,
    },
    /// An entry says that a revocation list was signed, and it is not recorded.
    MissingList {
        /// The entry's number.
        sequence: i64,
    },
    /// How far a generation of the CA has come is not what the log says.
    Generation {
        /// Its number.
        number: u32,
    },
}

impl std::fmt::Display for AuditFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { sequence } => {
                write!(f, "entry {sequence} is not what was written")
            }
            Self::Gap { expected, found } if found > expected => {
                write!(f, "entry {expected} is missing: {found} comes next")
            }
            Self::Gap { expected, found } => {
                write!(f, "entry {found} stands where {expected} should")
            }
            Self::Unlogged { serial } => write!(
                f,
                "the certificate {} is in the inventory, but no entry says that it was issued",
                hex::encode(serial)
            ),
            Self::Missing { sequence, serial } => write!(
                f,
                "entry {sequence} says that {} was issued, but the inventory does not have it",
                hex::encode(serial)
            ),
            Self::Revocation { serial } => write!(
                f,
                "whether {} is revoked is not what the log says",
                hex::encode(serial)
            ),
            Self::Generation { number } => write!(
                f,
                "the state of generation {number} is not what the log says"
            ),
            Self::UnloggedList { number } => write!(
                f,
                "the revocation list {number} is recorded, but no entry says that it was signed"
            ),
            Self::MissingList { sequence } => write!(
                f,
                "entry {sequence} says that a revocation list was signed, but it is not recorded"
            ),
        }
    }
}

/// What checking the log has found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSummary {
    /// Number of entries.
    pub entries: u64,
    /// The number of the last one; 0 when there is none.
    pub last: i64,
    /// The hash of the last one; zeros when there is none.
    pub head: [u8; 32],
    /// What is wrong, at most [`AuditSummary::MOST_FAULTS`].
    pub faults: Vec<AuditFault>,
}

impl AuditEntry<'_> {
    /// The action of the entry that every certificate has which was issued. Its
    /// detail names the certificate's SHA-256 as `fingerprintSha256`.
    pub const ISSUE: &'static str = "issue";
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

impl AuditSummary {
    /// How many faults are looked for: a log that was cut near its beginning has
    /// as many as entries.
    pub const MOST_FAULTS: usize = 100;
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
    const COLUMNS: &str = "sequence, at, actor, action, serial, detail, comment, hash";

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
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

    fn as_entry(&self) -> AuditEntry<'_> {
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
        mut receive: impl FnMut(AuditRecord) -> Result<bool, E>,
    ) -> Result<(), E> {
        let failed = |error| E::from(sql_error(&self.path, Action::Read)(error));
        let mut statement = self
            .connection
            .prepare_cached(&format!(
                "SELECT {} FROM audit WHERE sequence >= ?1 ORDER BY sequence",
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

    /// Checks every entry against the one before, and that certificates,
    /// revocations and revocation lists are those of which the log speaks. While
    /// others write it is called within [`Inventory::at_one_moment`].
    ///
    /// # Errors
    ///
    /// [`Error::Sql`]; what is wrong with the log itself is in the summary.
    pub fn verify_log(&self) -> Result<AuditSummary, Error> {
        let mut end = End::default();
        let mut entries = 0_u64;
        let mut faults = Vec::new();
        let mut lists = BTreeMap::new();
        self.read_log(i64::MIN, |record| -> Result<bool, Error> {
            entries += 1;
            let expected = end.followed_by(&record.as_entry());
            if record.sequence != expected.sequence {
                faults.push(AuditFault::Gap {
                    expected: expected.sequence,
                    found: record.sequence,
                });
            } else if record.hash != expected.hash {
                faults.push(AuditFault::Changed {
                    sequence: record.sequence,
                });
            }
            lists.extend(list_of(&record).map(|list| (list, record.sequence)));
            // On with what stands there: one fault is one fault.
            end = End {
                sequence: record.sequence,
                hash: record.hash,
            };
            Ok(faults.len() < AuditSummary::MOST_FAULTS)
        })?;
        // Of a log that was not read to its end nothing more can be said.
        if faults.len() < AuditSummary::MOST_FAULTS {
            faults.extend(self.unlogged()?);
            faults.extend(self.missing()?);
            faults.extend(self.otherwise_revoked()?);
            faults.extend(self.other_lists(lists)?);
            faults.extend(self.other_generations()?);
        }
        faults.truncate(AuditSummary::MOST_FAULTS);
        Ok(AuditSummary {
            entries,
            last: end.sequence,
            head: end.hash,
            faults,
        })
    }

    fn missing(&self) -> Result<Vec<AuditFault>, Error> {
        self.faults(
            "SELECT sequence, serial FROM audit WHERE action = ?1 AND serial IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM certificate \
             WHERE certificate.serial = audit.serial AND issued_at IS NOT NULL) LIMIT ?2",
            |row| {
                Ok(AuditFault::Missing {
                    sequence: row.get(0)?,
                    serial: row.get(1)?,
                })
            },
        )
    }

    fn otherwise_revoked(&self) -> Result<Vec<AuditFault>, Error> {
        let (revoke, release) = (AuditEntry::REVOKE, AuditEntry::RELEASE);
        self.faults(
            &format!(
                "SELECT serial FROM certificate WHERE (revoked_at IS NOT NULL) <> coalesce(\
                 (SELECT action = '{revoke}' FROM audit WHERE certificate = certificate.id \
                 AND action IN ('{revoke}', '{release}') ORDER BY sequence DESC LIMIT 1), 0) \
                 AND ?1 <> '' LIMIT ?2"
            ),
            |row| {
                Ok(AuditFault::Revocation {
                    serial: row.get(0)?,
                })
            },
        )
    }

    /// Compares the lists that are recorded with those of the log, by their
    /// fingerprints.
    fn other_lists(&self, mut logged: BTreeMap<String, i64>) -> Result<Vec<AuditFault>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare("SELECT number, fingerprint FROM crl ORDER BY number")
            .map_err(&failed)?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(&failed)?;
        let recorded: Vec<(i64, String)> = rows.collect::<Result<_, _>>().map_err(&failed)?;
        let mut faults: Vec<AuditFault> = recorded
            .into_iter()
            .filter(|(_, fingerprint)| logged.remove(fingerprint).is_none())
            .map(|(number, _)| AuditFault::UnloggedList { number })
            .collect();
        let missing = logged.into_values();
        faults.extend(missing.map(|sequence| AuditFault::MissingList { sequence }));
        Ok(faults)
    }

    /// What a query finds that takes the word for an issue and a bound.
    fn faults(
        &self,
        sql: &str,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<AuditFault>,
    ) -> Result<Vec<AuditFault>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let most = i64::try_from(AuditSummary::MOST_FAULTS).unwrap_or(i64::MAX);
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement
            .query_map(rusqlite::params![AuditEntry::ISSUE, most], read)
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    fn unlogged(&self) -> Result<Vec<AuditFault>, Error> {
        let same = "audit.serial = certificate.serial AND action = ?1 \
            AND json_extract(detail, '$.fingerprintSha256') = lower(hex(certificate.fingerprint))";
        self.faults(
            // Where the entry is not to be found under its number, the whole log
            // is looked through: that may be of another order.
            &format!(
                "SELECT serial FROM certificate WHERE issued_at IS NOT NULL AND NOT (\
                 EXISTS (SELECT 1 FROM audit WHERE sequence = certificate.issue_entry AND {same}) \
                 OR EXISTS (SELECT 1 FROM audit WHERE {same})) LIMIT ?2"
            ),
            |row| {
                Ok(AuditFault::Unlogged {
                    serial: row.get(0)?,
                })
            },
        )
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

/// The fingerprint of the revocation list that an entry is about.
fn list_of(record: &AuditRecord) -> Option<String> {
    let is_list = [AuditEntry::SIGN_LIST, AuditEntry::ADOPT_LIST].contains(&record.action.as_str());
    if !is_list {
        return None;
    }
    let detail: serde_json::Value = serde_json::from_str(&record.detail).ok()?;
    Some(detail.get("fingerprintSha256")?.as_str()?.to_owned())
}
