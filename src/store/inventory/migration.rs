//! Bringing an inventory's schema up to date.

use std::path::Path;

use rusqlite::Connection;

use crate::store::{Action, Error};

use super::{AuditEntry, Writer, sql_error, time};

/// The schema, one step a version; never edit a step that has been released.
pub(super) const STEPS: &[&str] = &[
    include_str!("../schema/0001.sql"),
    include_str!("../schema/0002.sql"),
];

/// The version of the schema that a database has; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Checks that nothing has to be done, for a database that is only read.
pub(super) fn check_current(connection: &Connection, path: &Path) -> Result<(), Error> {
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found = version(connection).map_err(sql_error(path, Action::Open))?;
    match found {
        0 => Err(Error::Sql {
            path: path.to_owned(),
            action: Action::Open,
            source: "it is empty or was not made by windlass".into(),
        }),
        older if older < known => Err(Error::InventoryOld {
            path: path.to_owned(),
        }),
        newer if newer > known => Err(Error::InventoryVersion {
            path: path.to_owned(),
            found,
            known,
        }),
        _ => Ok(()),
    }
}

/// Does the steps that are missing, all or none.
pub(super) fn migrate(connection: &Connection, path: &Path) -> Result<(), Error> {
    let failed = sql_error(path, Action::Migrate);
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    let found = version(connection).map_err(&failed)?;
    if found > known {
        return Err(Error::InventoryVersion {
            path: path.to_owned(),
            found,
            known,
        });
    }
    if found == known {
        return Ok(());
    }
    let mut writer = Writer::begin(connection, path)?;
    // Another process may have migrated while this one waited.
    let found = version(connection).map_err(&failed)?;
    let done = usize::try_from(found).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        connection.execute_batch(step).map_err(&failed)?;
    }
    if found == 1 {
        log_what_was_issued(&mut writer, connection).map_err(&failed)??;
    }
    connection
        .pragma_update(None, "user_version", known)
        .map_err(&failed)?;
    writer.commit()
}

/// Version 1 had no log: every certificate that it issued gets its entry.
fn log_what_was_issued(
    writer: &mut Writer<'_>,
    connection: &Connection,
) -> rusqlite::Result<Result<(), Error>> {
    let mut statement = connection.prepare(
        "SELECT serial, fingerprint, issued_at FROM certificate \
         WHERE issued_at IS NOT NULL ORDER BY id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let serial: Vec<u8> = row.get(0)?;
        let fingerprint: Vec<u8> = row.get(1)?;
        let detail = serde_json::json!({
            "fingerprintSha256": hex::encode(fingerprint),
            "imported": "from an inventory without a log",
        });
        let logged = writer.record(&AuditEntry {
            at: time(row.get(2)?)?,
            actor: "windlass",
            action: AuditEntry::ISSUE,
            serial: Some(&serial),
            detail: &detail.to_string(),
            comment: None,
        });
        if logged.is_err() {
            return Ok(logged);
        }
    }
    Ok(Ok(()))
}
