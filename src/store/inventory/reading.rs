//! Reading an inventory that must not, or cannot, be written.
//!
//! A reader of a write-ahead log needs the memory that its processes share
//! (`-shm`), and whoever opens the database first makes that file. Somebody who
//! may not write the directory reads with what is there while another process
//! has the database open; when nobody has, everything is in the database file
//! itself, and that is read as it stands (SQLite's `immutable`), without locks.
//! Whether it was written meanwhile is looked at afterwards.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use percent_encoding::{AsciiSet, percent_encode};
use rusqlite::{Connection, OpenFlags};
use rustix::fs::{Access, access};

use crate::store::{Action, Error};
use crate::text::UNRESERVED;

use super::{
    BUSY_TIMEOUT, CACHE_KIB, Inventory, check_regular, migration, mount, shape, sql_error,
};

/// What stands as it is in the path of a `file:` URI.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// How often another process may come or go between looking and opening.
const ATTEMPTS: u32 = 5;

/// Size and time of a database file that is read without locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unlocked {
    length: u64,
    modified: Option<SystemTime>,
}

impl Unlocked {
    fn of(path: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(path).ok()?;
        Some(Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

impl Inventory {
    /// Opens an inventory to look at it. Whoever may write it opens it as
    /// [`Inventory::open`] does; anybody else makes and changes no file.
    ///
    /// # Errors
    ///
    /// As [`Inventory::open`]; [`Error::InventoryOld`] when its schema would have
    /// to be brought up to date first.
    pub fn open_to_read(path: &Path) -> Result<Self, Error> {
        let directory = path.parent().unwrap_or(path);
        if access(path, Access::WRITE_OK).is_ok() && access(directory, Access::WRITE_OK).is_ok() {
            return Self::open(path);
        }
        check_regular(path)?;
        // A directory that cannot be entered is told as that.
        std::fs::File::open(path).map_err(|source| Error::Io {
            path: path.to_owned(),
            action: Action::Read,
            source,
        })?;
        mount::refuse_network(path)?;
        let mut attempt = 1;
        loop {
            match Self::connect_to_read(path) {
                Err(Error::Sql { .. } | Error::Changing { .. }) if attempt < ATTEMPTS => {
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    fn connect_to_read(path: &Path) -> Result<Self, Error> {
        let failed = sql_error(path, Action::Open);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let unlocked = match beside(path, "-wal").exists() {
            true => None,
            false => Unlocked::of(path),
        };
        let connection = match unlocked {
            None => Connection::open_with_flags(path, flags),
            Some(_) => {
                let encoded = percent_encode(path.as_os_str().as_bytes(), PATH);
                let uri = format!("file:{encoded}?immutable=1");
                Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
            }
        }
        .map_err(&failed)?;
        shape::harden(&connection).map_err(&failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(&failed)?;
        connection
            .pragma_update(None, "cache_size", CACHE_KIB)
            .map_err(&failed)?;
        migration::check_current(&connection, path)?;
        shape::check(&connection, path)?;
        let inventory = Self {
            connection,
            path: path.to_owned(),
            unlocked,
        };
        inventory.check_at_open()?;
        inventory.check_unwritten()?;
        Ok(inventory)
    }

    /// Checks that a database file that is read without locks is still what was
    /// opened: otherwise pages of two moments may have been read.
    ///
    /// # Errors
    ///
    /// [`Error::Changing`].
    pub fn check_unwritten(&self) -> Result<(), Error> {
        if self.unlocked.is_none() || self.unlocked == Unlocked::of(&self.path) {
            return Ok(());
        }
        Err(Error::Changing {
            path: self.path.clone(),
        })
    }
}

/// The file that SQLite keeps beside a database.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
