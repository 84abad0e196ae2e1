//! The inventory: every serial number that was ever reserved, every certificate
//! that was ever signed, what was revoked, and the log of all of it, in one
//! SQLite database.
//!
//! WAL with `synchronous=FULL`: what a transaction has said stays said after a
//! power cut. Whoever writes holds the write lock from the start
//! ([`Inventory::write`]), so nothing is read first and written on the strength
//! of it after somebody else has. Rows are inserted under a unique key or the
//! insert fails.

mod audit;
mod certificate;
mod checkpoint;
mod copy;
mod crl;
mod ending;
mod fault;
mod generation;
mod limit;
mod migration;
mod mount;
mod query;
mod reading;
mod request;
mod shape;
mod summary;
mod verify;
mod writer;

pub use audit::{AuditEntry, AuditRecord};
pub use certificate::{Kind, Record, Reservation, Revocation, State};
pub use checkpoint::Checkpoint;
pub use crl::CrlRecord;
pub use ending::Ending;
pub use fault::{AuditFault, AuditSummary};
pub use generation::{GenerationRow, GenerationState, LiveLeaves};
pub use limit::Holder;
pub use query::{Order, Pattern, Query, Status};
pub use summary::{Ends, Summary};
pub use verify::Told;
pub use writer::Writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::clock::from_seconds;

use super::files::create_new;
use super::{Action, Error};

/// How long a writer waits for the others.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Up to this size, in bytes, all pages are checked when the inventory is
/// opened: a few milliseconds. Of a larger one only the schema and the end of
/// the log are.
const CHECKED_WHOLE: u64 = 4 * 1024 * 1024;

/// Memory for pages, in KiB; negative is how SQLite tells it from a number of
/// pages. The upper levels of every index of a million certificates fit in.
const CACHE_KIB: i64 = -32 * 1024;

/// How many statements are kept compiled: all that a batch or a list uses.
const KEPT_STATEMENTS: usize = 64;

/// Pages of 4 KiB in the write-ahead log before it is folded into the database,
/// when many are written in a row. SQLite's own number is 1000.
const MANY_PAGES: i64 = 16 * 1024;

/// An open inventory.
pub struct Inventory {
    connection: Connection,
    path: PathBuf,
    /// For a file that is read without locks.
    unlocked: Option<reading::Unlocked>,
}

impl Inventory {
    /// Creates a new inventory; the file must not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Sql`], or [`Error::NetworkFileSystem`].
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
    /// [`Error::InventoryVersion`] when a newer program has written it,
    /// [`Error::InventoryDamaged`] when its pages or the end of its log are
    /// damaged, [`Error::InventoryForeign`] when its schema is not the one that
    /// is made here, [`Error::NetworkFileSystem`] where its locks would not hold,
    /// [`Error::NotAFile`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        check_regular(path)?;
        let inventory = Self::connect(path, false)?;
        inventory.check_at_open()?;
        Ok(inventory)
    }

    fn connect(path: &Path, is_new: bool) -> Result<Self, Error> {
        mount::refuse_network(path)?;
        let failed = sql_error(path, Action::Open);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
        shape::harden(&connection).map_err(&failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
        let version = migration::version(&connection).map_err(&failed)?;
        if version == 0 && !is_new {
            return Err(Error::Sql {
                path: path.to_owned(),
                action: Action::Open,
                source: "it is empty or was not made by windlass".into(),
            });
        }
        shape::check(&connection, path)?;
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
        connection
            .pragma_update(None, "cache_size", CACHE_KIB)
            .map_err(&failed)?;
        connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
        migration::migrate(&connection, path)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            unlocked: None,
        })
    }

    fn check_at_open(&self) -> Result<(), Error> {
        let size = std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        if size <= CHECKED_WHOLE {
            self.check_pages()?;
        }
        self.check_log_end()
    }

    /// Reads all pages and checks that they hold together (SQLite's
    /// `quick_check`): its time grows with the inventory.
    ///
    /// # Errors
    ///
    /// [`Error::InventoryDamaged`] with what was found first.
    pub fn check_pages(&self) -> Result<(), Error> {
        self.check_by("PRAGMA quick_check(1)")
    }

    /// Lets SQLite look at the pages, which answers `ok` or what it finds first.
    fn check_by(&self, pragma: &str) -> Result<(), Error> {
        let found: String = self
            .connection
            .query_row(pragma, [], |row| row.get(0))
            .map_err(sql_error(&self.path, Action::Read))?;
        if found == "ok" {
            return Ok(());
        }
        Err(Error::InventoryDamaged {
            path: self.path.clone(),
            reason: found,
        })
    }

    /// Reads several things as they are at one moment, whoever writes meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], or what the reader gives.
    pub fn at_one_moment<T, E: From<Error>>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        // It ends with the value, and has nothing to keep.
        let _moment = self
            .connection
            .unchecked_transaction()
            .map_err(sql_error(&self.path, Action::Read))?;
        read(self)
    }

    /// Begins to write: takes the write lock, for which it waits up to half a
    /// minute, and holds it until [`Writer::commit`]. A writer that is dropped
    /// has written nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn write(&self) -> Result<Writer<'_>, Error> {
        Writer::begin(&self.connection, &self.path)
    }

    /// Notes that the files of a certificate have been delivered. A power cut may
    /// lose the note: the files are what counts, and they are made durable by
    /// whoever writes them.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn note_delivered(&self, serial: &[u8], at: DateTime<Utc>) -> Result<(), Error> {
        let failed = sql_error(&self.path, Action::Write);
        let connection = &self.connection;
        let synchronous = |mode| connection.pragma_update(None, "synchronous", mode);
        synchronous("NORMAL").map_err(&failed)?;
        let noted = self.write().and_then(|writer| {
            writer.note_delivered(serial, at)?;
            writer.commit()
        });
        synchronous("FULL").map_err(&failed)?;
        noted
    }

    /// Lets the write-ahead log grow to 64 MiB before it is folded into the
    /// database: when much is written in a row, that is done a
    /// sixteenth as often. Durability does not depend on it.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn expect_many(&self) -> Result<(), Error> {
        self.connection
            .pragma_update(None, "wal_autocheckpoint", MANY_PAGES)
            .map_err(sql_error(&self.path, Action::Write))
    }

    /// The directory in which it is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// The latest time at which anything was written; `None` in a new inventory.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`]; [`Error::InventoryDamaged`] for a number that is no time.
    pub fn time_mark(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let seconds: Option<i64> = self
            .connection
            .query_row("SELECT at FROM time_mark WHERE at > 0", [], |row| {
                row.get(0)
            })
            .optional()
            .map_err(sql_error(&self.path, Action::Read))?;
        let no_time = || Error::InventoryDamaged {
            path: self.path.clone(),
            reason: "the time of its last change is none".to_owned(),
        };
        seconds
            .map(|seconds| from_seconds(seconds).ok_or_else(no_time))
            .transpose()
    }
}

impl std::fmt::Debug for Inventory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inventory({})", self.path.display())
    }
}

/// Refuses what nobody can read pages from, before it is waited for.
fn check_regular(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(metadata) => Err(Error::NotAFile {
            path: path.to_owned(),
            is_directory: metadata.is_dir(),
        }),
        Err(source) => Err(Error::Io {
            path: path.to_owned(),
            action: Action::Read,
            source,
        }),
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

fn sql_error(path: &Path, action: Action) -> impl Fn(rusqlite::Error) -> Error {
    move |source| match source.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            Error::InventoryBusy {
                path: path.to_owned(),
                seconds: BUSY_TIMEOUT.as_secs(),
            }
        }
        _ => Error::Sql {
            path: path.to_owned(),
            action,
            source: Box::new(source),
        },
    }
}

/// A time of the database, with which can be reckoned whoever has written it there.
fn time(seconds: i64) -> rusqlite::Result<DateTime<Utc>> {
    from_seconds(seconds).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, seconds))
}

/// What a row holds and cannot hold.
fn damaged(what: &str) -> rusqlite::Error {
    let reason = format!("its {what} is damaged").into();
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, reason)
}

#[cfg(test)]
mod tests;
