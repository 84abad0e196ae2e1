//! A copy of the inventory while others write into it.

use std::path::Path;

use crate::store::files::create_new;
use crate::store::{Action, Error};

use super::{Inventory, sql_error};

impl Inventory {
    /// Writes the inventory as it is at one moment into a new file, durably.
    /// Others can read and write meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Sql`], with the name of the copy where it is what
    /// cannot be written.
    pub fn copy_to(&self, path: &Path) -> Result<(), Error> {
        // SQLite would create it with the umask's mode; it takes an empty file.
        create_new(path, b"")?;
        let name = path.to_string_lossy();
        self.connection
            .execute("VACUUM INTO ?1", [&name])
            .map_err(sql_error(path, Action::Write))?;
        // The copy is made without a journal, and without a sync.
        std::fs::File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(|source| Error::Io {
                path: path.to_owned(),
                action: Action::Sync,
                source,
            })
    }

    /// Reads all pages, and compares every index with its table (SQLite's
    /// `integrity_check`): what is done to a copy before it is relied on.
    ///
    /// # Errors
    ///
    /// [`Error::InventoryDamaged`] with what was found first.
    pub fn check_integrity(&self) -> Result<(), Error> {
        self.check_by("PRAGMA integrity_check(1)")
    }
}
