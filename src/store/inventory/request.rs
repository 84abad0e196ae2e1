//! Requests for certificates of the CA itself, whose root is elsewhere.

use rusqlite::{OptionalExtension, params};

use crate::store::{Action, Error};

use super::{Inventory, Writer, sql_error};

impl Inventory {
    /// The request (PKCS#10, DER) of a generation; `None` when its root is here.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn request_of(&self, generation: u32) -> Result<Option<Vec<u8>>, Error> {
        self.connection
            .query_row(
                "SELECT der FROM request WHERE generation = ?1",
                [generation],
                |row| row.get(0),
            )
            .optional()
            .map_err(sql_error(&self.path, Action::Read))
    }

    /// Whether a certificate for the key with this SHA-256 (of its
    /// SubjectPublicKeyInfo, lowercase hex) was asked of a root that is elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`].
    pub fn was_requested(&self, key_fingerprint: &str) -> Result<bool, Error> {
        self.connection
            .query_row(
                "SELECT EXISTS (SELECT 1 FROM request WHERE key_fingerprint = ?1)",
                [key_fingerprint],
                |row| row.get(0),
            )
            .map_err(sql_error(&self.path, Action::Read))
    }
}

impl Writer<'_> {
    /// Keeps the request of a generation.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when it has one, or when there is no such generation.
    pub fn add_request(
        &self,
        generation: u32,
        key_fingerprint: &str,
        der: &[u8],
    ) -> Result<(), Error> {
        let added = self.run(
            "INSERT INTO request (generation, key_fingerprint, der) VALUES (?1, ?2, ?3)",
            params![generation, key_fingerprint, der],
        )?;
        self.exactly_one(added)
    }

    /// A requested generation has another root than was thought when it was
    /// requested.
    ///
    /// # Errors
    ///
    /// [`Error::Sql`], also when it is not requested.
    pub fn set_root_of(&self, generation: u32, root: &str) -> Result<(), Error> {
        let updated = self.run(
            "UPDATE authority SET root = ?2 WHERE generation = ?1 AND state = 'requested'",
            params![generation, root],
        )?;
        self.exactly_one(updated)
    }
}
