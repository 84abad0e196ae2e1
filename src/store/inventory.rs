//! The inventory: every serial number that was ever reserved and every
//! certificate that was ever signed, in one SQLite database.
//!
//! WAL with `synchronous=FULL`: what a transaction has said stays said after a
//! power cut. Rows are inserted under a primary key or the insert fails; nothing
//! is read first and written on the strength of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, TransactionBehavior, params};

use super::files::create_new;
use super::{Action, Error};

/// How long a writer waits for another one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// The schema, one step a version; never edit a step that has been released.
const MIGRATIONS: &[&str] = &[include_str!("schema/0001.sql")];

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An issuing CA's.
    Issuing,
    /// A workload's.
    Leaf,
    /// A root's.
    Root,
}

impl Kind {
    /// The word in the database and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuing => "issuing",
            Self::Leaf => "leaf",
            Self::Root => "root",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::Issuing, Self::Leaf, Self::Root]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

/// How far an issue has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Signed, and the certificate is in the inventory.
    Issued,
    /// The serial number was reserved. A certificate with it was not handed
    /// out: it is stored before it is delivered.
    Reserved,
}

impl State {
    /// The word in JSON and in tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Reserved => "reserved",
        }
    }
}

/// What is known before anything is signed.
#[derive(Clone, Debug)]
pub struct Reservation<'a> {
    /// The serial number, unsigned big-endian without leading zeros.
    pub serial: &'a [u8],
    /// What the certificate will be for.
    pub kind: Kind,
    /// The issuer's subjectKeyIdentifier.
    pub issuer_key_id: &'a [u8],
    /// The subject, as text.
    pub subject: &'a str,
    /// The subject's common name.
    pub common_name: &'a str,
    /// The subject alternative names, as text, in order.
    pub names: &'a [String],
    /// SHA-256 of the SubjectPublicKeyInfo, lowercase hex.
    pub key_fingerprint: &'a str,
    /// First second of validity.
    pub not_before: DateTime<Utc>,
    /// Last second of validity.
    pub not_after: DateTime<Utc>,
    /// When the reservation is made.
    pub at: DateTime<Utc>,
}

/// One row of the inventory.
#[derive(Clone, Debug)]
pub struct Record {
    /// The serial number, unsigned big-endian without leading zeros.
    pub serial: Vec<u8>,
    /// What the certificate is for.
    pub kind: Kind,
    /// How far the issue has come.
    pub state: State,
    /// The subject, as text.
    pub subject: String,
    /// The subject's common name.
    pub common_name: String,
    /// The subject alternative names, as text, in order.
    pub names: Vec<String>,
    /// First second of validity.
    pub not_before: DateTime<Utc>,
    /// Last second of validity.
    pub not_after: DateTime<Utc>,
    /// When the serial number was reserved.
    pub reserved_at: DateTime<Utc>,
    /// When its files were delivered, if they were.
    pub delivered_at: Option<DateTime<Utc>>,
    /// SHA-256 of the certificate's DER in lowercase hex, once issued.
    pub fingerprint: Option<String>,
    /// The certificate's DER, once issued.
    pub der: Option<Vec<u8>>,
}

/// An open inventory.
pub struct Inventory {
    connection: Connection,
    path: PathBuf,
}

impl Inventory {
    /// Creates a new inventory; the file must not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Sql`].
    pub fn create(path: &Path) -> Result<Self, Error> {
        // SQLite would create it with the umask's mode; its WAL files take the
        // mode of the database file.
        create_new(path, b"")?;
        Self::connect(path, true)
    }

    /// Opens an inventory and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when there is none, [`Error::Sql`] when it cannot be read,
    /// [`Error::InventoryVersion`] when a newer program has written it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Err(source) = std::fs::metadata(path) {
            return Err(Error::Io {
                path: path.to_owned(),
                action: Action::Read,
                source,
            });
        }
        Self::connect(path, false)
    }

    fn connect(path: &Path, is_new: bool) -> Result<Self, Error> {
        let failed = sql_error(path, Action::Open);
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
        let version: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(&failed)?;
        if version == 0 && !is_new {
            return Err(Error::Sql {
                path: path.to_owned(),
                action: Action::Open,
                source: "it is empty or was not made by windlass".into(),
            });
        }
        let mode = write_ahead(&connection).map_err(&failed)?;
        if mode != "wal" {
            return Err(Error::Sql {
                path: path.to_owned(),
                action: Action::Open,
                source: format!("its journal stays in mode {mode}, it must be wal").into(),
            });
        }
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(&failed)?;
        let mut inventory = Self {
            connection,
            path: path.to_owned(),
        };
        inventory.migrate()?;
        Ok(inventory)
    }

    fn migrate(&mut self) -> Result<(), Error> {
        let failed = sql_error(&self.path, Action::Migrate);
        let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
        let version = |connection: &Connection| {
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        };
        let found = version(&self.connection).map_err(&failed)?;
        if found > known {
            return Err(Error::InventoryVersion {
                path: self.path.clone(),
                found,
                known,
            });
        }
        if found == known {
            return Ok(());
        }
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        // Another process may have migrated while this one waited.
        let found = version(&transaction).map_err(&failed)?;
        let done = usize::try_from(found).unwrap_or(0);
        for step in MIGRATIONS.iter().skip(done) {
            transaction.execute_batch(step).map_err(&failed)?;
        }
        transaction
            .pragma_update(None, "user_version", known)
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// Reserves a serial number together with what will be signed under it.
    /// When this returns, the reservation survives a power cut.
    ///
    /// # Errors
    ///
    /// [`Error::SerialTaken`] when the number is there already,
    /// [`Error::Sql`] otherwise.
    pub fn reserve(&self, reservation: &Reservation<'_>) -> Result<(), Error> {
        let names = serde_json::Value::from(reservation.names).to_string();
        let inserted = self.connection.execute(
            "INSERT INTO certificate (serial, kind, issuer_key_id, subject, common_name, names, \
             key_fingerprint, not_before, not_after, reserved_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
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
            ],
        );
        match inserted {
            Ok(_) => Ok(()),
            Err(error)
                if error.sqlite_error().map(|error| error.extended_code)
                    == Some(rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY) =>
            {
                Err(Error::SerialTaken {
                    serial: hex::encode(reservation.serial),
                })
            }
            Err(error) => Err(sql_error(&self.path, Action::Write)(error)),
        }
    }

    /// Stores the signed certificate under its reserved serial number.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when the number is not reserved or has a
    /// certificate already.
    pub fn store(
        &self,
        serial: &[u8],
        der: &[u8],
        fingerprint: &str,
        at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let failed = sql_error(&self.path, Action::Write);
        let updated = self
            .connection
            .execute(
                "UPDATE certificate SET der = ?2, fingerprint = ?3, issued_at = ?4 \
                 WHERE serial = ?1 AND der IS NULL",
                params![serial, der, fingerprint, at.timestamp()],
            )
            .map_err(&failed)?;
        if updated == 1 {
            Ok(())
        } else {
            Err(failed(rusqlite::Error::StatementChangedRows(updated)))
        }
    }

    /// Notes that the files of a certificate have been delivered.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn mark_delivered(&self, serial: &[u8], at: DateTime<Utc>) -> Result<(), Error> {
        self.connection
            .execute(
                "UPDATE certificate SET delivered_at = ?2 WHERE serial = ?1",
                params![serial, at.timestamp()],
            )
            .map_err(sql_error(&self.path, Action::Write))?;
        Ok(())
    }

    /// All rows, the newest first.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn list(&self) -> Result<Vec<Record>, Error> {
        let failed = sql_error(&self.path, Action::Read);
        let mut statement = self
            .connection
            .prepare(&format!(
                "SELECT {COLUMNS} FROM certificate ORDER BY reserved_at DESC, rowid DESC"
            ))
            .map_err(&failed)?;
        let rows = statement.query_map([], record).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The newest row with this common name, issued ones before reserved ones.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn newest_named(&self, common_name: &str) -> Result<Option<Record>, Error> {
        self.connection
            .query_row(
                &format!(
                    "SELECT {COLUMNS} FROM certificate WHERE common_name = ?1 \
                     ORDER BY der IS NULL, reserved_at DESC, rowid DESC LIMIT 1"
                ),
                [common_name],
                record,
            )
            .optional()
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// The row of one serial number.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn get(&self, serial: &[u8]) -> Result<Option<Record>, Error> {
        self.connection
            .query_row(
                &format!("SELECT {COLUMNS} FROM certificate WHERE serial = ?1"),
                [serial],
                record,
            )
            .optional()
            .map_err(sql_error(&self.path, Action::Read))
    }
}

impl std::fmt::Debug for Inventory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inventory({})", self.path.display())
    }
}

/// Switches to the write-ahead log and gives the mode that then holds: a switch
/// that is not possible is answered with the old mode, in which FULL is not
/// durable across a power cut. The statement is run to its end, since it answers
/// before it writes, and only the end says that the disk refused.
fn write_ahead(connection: &Connection) -> rusqlite::Result<String> {
    let mut statement = connection.prepare("PRAGMA journal_mode = WAL")?;
    let mut rows = statement.query([])?;
    let mut mode = String::new();
    while let Some(row) = rows.next()? {
        mode = row.get(0)?;
    }
    Ok(mode)
}

const COLUMNS: &str = "serial, kind, subject, common_name, names, not_before, not_after, \
                       reserved_at, delivered_at, fingerprint, der";

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let time = |seconds: i64| {
        DateTime::from_timestamp(seconds, 0)
            .ok_or(rusqlite::Error::IntegralValueOutOfRange(0, seconds))
    };
    let damaged = |what: &str| {
        let reason = format!("its {what} is damaged").into();
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, reason)
    };
    let der: Option<Vec<u8>> = row.get("der")?;
    let names: String = row.get("names")?;
    let kind: String = row.get("kind")?;
    let delivered: Option<i64> = row.get("delivered_at")?;
    Ok(Record {
        serial: row.get("serial")?,
        kind: Kind::parse(&kind).ok_or_else(|| damaged("kind"))?,
        state: if der.is_some() {
            State::Issued
        } else {
            State::Reserved
        },
        subject: row.get("subject")?,
        common_name: row.get("common_name")?,
        names: serde_json::from_str(&names).map_err(|_| damaged("list of names"))?,
        not_before: time(row.get("not_before")?)?,
        not_after: time(row.get("not_after")?)?,
        reserved_at: time(row.get("reserved_at")?)?,
        delivered_at: delivered.map(time).transpose()?,
        fingerprint: row.get("fingerprint")?,
        der,
    })
}

fn sql_error(path: &Path, action: Action) -> impl Fn(rusqlite::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Sql {
        path: path.clone(),
        action,
        source: Box::new(source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reservation(serial: &[u8]) -> Reservation<'_> {
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        Reservation {
            serial,
            kind: Kind::Leaf,
            issuer_key_id: &[1; 20],
            subject: "CN=web-1",
            common_name: "web-1",
            names: &[],
            key_fingerprint: "00",
            not_before: at,
            not_after: at,
            at,
        }
    }

    #[test]
    fn a_serial_number_is_reserved_once_and_stored_once() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("inventory.db");
        let inventory = Inventory::create(&path).unwrap();
        let at = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        inventory.reserve(&reservation(&[1, 2])).unwrap();
        let again = Inventory::open(&path).unwrap();
        assert!(matches!(
            again.reserve(&reservation(&[1, 2])),
            Err(Error::SerialTaken { .. })
        ));
        assert_eq!(again.get(&[1, 2]).unwrap().unwrap().state, State::Reserved);
        inventory.store(&[1, 2], b"der", "ab", at).unwrap();
        assert!(inventory.store(&[1, 2], b"other", "cd", at).is_err());
        assert!(inventory.store(&[9], b"der", "ef", at).is_err());
        assert_eq!(again.get(&[1, 2]).unwrap().unwrap().der.unwrap(), b"der");
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("inventory.db");
        let inventory = Inventory::create(&path).unwrap();
        inventory
            .connection
            .pragma_update(None, "user_version", 99)
            .unwrap();
        drop(inventory);
        assert!(matches!(
            Inventory::open(&path),
            Err(Error::InventoryVersion { found: 99, .. })
        ));
    }
}
