//! What keeps a CA from losing anything: its log, its backups, what a crash has
//! left, and what a monitor is told.

mod alone;
mod audit;
mod backup;
mod carried;
mod check;
mod clocks;
mod crash;
mod forged;
mod storm;

use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use windlass::commands::Outcome;
use windlass::store;

use crate::harness::{Run, Sandbox};

/// The secret of every CA that the tests make.
const SECRET: [&str; 2] = ["--passphrase-file", "passphrase"];

/// A CA that has issued to `web`.
fn with_web() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.ca(&[]);
    sandbox.issue("web", &[]);
    sandbox
}

fn verify(sandbox: &Sandbox, directory: &str, options: &[&str]) -> Run {
    sandbox.run(&[&["ca", "audit", "verify", "--dir", directory], options].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:#?}"))
}

/// The database in the hands of somebody who knows SQL, and leaves no trace in
/// the schema.
fn tamper(database: &Path, sql: &str) {
    let connection = Connection::open(database).unwrap();
    let triggers: Vec<String> = connection
        .prepare("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    connection
        .execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; DROP TRIGGER IF EXISTS audit_is_not_changed; \
             DROP TRIGGER IF EXISTS audit_is_not_cut; {sql}; {};",
            triggers.join(";")
        ))
        .unwrap();
}

fn serial_of(sandbox: &Sandbox, name: &str) -> String {
    let shown = sandbox.ok(&["ca", "show", "--dir", "ca", name, "--json"]);
    json(&shown)["serialNumber"].as_str().unwrap().to_owned()
}

/// Whoever is only too early is told so, with the exit code for it.
#[test]
fn what_may_pass_is_told_from_what_is_wrong() {
    let path = Path::new("ca/inventory.db").to_owned();
    for (error, outcome, hint) in [
        (
            store::Error::InventoryBusy { path, seconds: 30 },
            Outcome::Temporary,
            "nothing was written; try again",
        ),
        (
            store::Error::Settled {
                serial: "11".to_owned(),
            },
            Outcome::Temporary,
            "nothing was handed out",
        ),
        (
            store::Error::Archive {
                path: "backup.tar".into(),
                reason: "it ends within root/key.pem".to_owned(),
            },
            Outcome::Unusable,
            "all of it",
        ),
    ] {
        let error = windlass::commands::Error::from(error);
        assert_eq!(error.outcome(), outcome, "{error}");
        assert!(error.hint().unwrap().contains(hint), "{error}");
    }
}
