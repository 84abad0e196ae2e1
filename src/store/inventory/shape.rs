//! Whether the schema of an inventory is the one that this program makes.
//!
//! A database brings its own triggers, views and indexes along, and SQLite runs
//! what they say with every statement. Whoever could write the file once could
//! leave a trigger in it that undoes every revocation from then on.

use std::collections::BTreeMap;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::store::{Action, Error};

use super::migration::{STEPS, version};
use super::sql_error;

/// Kind and name of an object of a schema, with the text that defines it; the
/// indexes that SQLite makes for a key have none.
type Objects = BTreeMap<(String, String), Option<String>>;

/// Keeps what stands in the file from doing more than holding data: functions
/// with effects are not run from a schema, and the schema itself cannot be
/// written past SQL. Nor does the plan of a statement depend on the values that
/// it is given: SQLite would compile some anew for each value, which takes
/// twenty times as long as running them.
pub(super) fn harden(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

/// Checks that the schema is that of the version which the database says that it
/// has. One of a version that is not known is left to the check of the version.
///
/// # Errors
///
/// [`Error::InventoryForeign`] with the first object that differs.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), Error> {
    let failed = sql_error(path, Action::Open);
    // Both as they are at one moment: another process may migrate.
    let moment = connection.unchecked_transaction().map_err(&failed)?;
    let version = version(&moment).map_err(&failed)?;
    let found = objects(&moment).map_err(&failed)?;
    drop(moment);
    let steps = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(steps) = STEPS.get(..steps).filter(|steps| !steps.is_empty()) else {
        return Ok(());
    };
    let wanted = made_by(steps).map_err(&failed)?;
    let differs = found
        .iter()
        .find(|(object, sql)| wanted.get(object) != Some(sql))
        .or_else(|| {
            wanted
                .iter()
                .find(|(object, _)| !found.contains_key(object))
        });
    match differs {
        None => Ok(()),
        Some(((kind, name), _)) => Err(Error::InventoryForeign {
            path: path.to_owned(),
            kind: kind.clone(),
            name: name.clone(),
        }),
    }
}

/// What these steps make, in a database in memory.
fn made_by(steps: &[&str]) -> rusqlite::Result<Objects> {
    let connection = Connection::open_in_memory()?;
    for step in steps {
        connection.execute_batch(step)?;
    }
    objects(&connection)
}

fn objects(connection: &Connection) -> rusqlite::Result<Objects> {
    // The tables in which ANALYZE keeps its counts hold no text that is run.
    let mut statement = connection.prepare(
        "SELECT type, name, sql FROM sqlite_master \
         WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4'))",
    )?;
    let rows = statement.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
    rows.collect()
}
