//! What keeps a CA from losing anything: its log, its backups, what a crash has
//! left, and what a monitor is told.

mod alone;
mod audit;
mod backup;
mod carried;
mod check;
mod clocks;
mod crash;
mod fleet;
mod forged;
mod storm;

use std::path::Path;

use rusqlite::Connection;
use serde_json::Value;
use windlass::authority::AuthorityName;
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

/// A quota, or a limit of the shell, is an error that is told, and not the end of
/// the process in the middle of what it writes.
#[test]
fn a_limit_on_the_size_of_files_is_told() {
    let sandbox = with_web();
    let limited = |verb: &str| {
        let mut command = std::process::Command::new("bash");
        sandbox.scrub(&mut command);
        let line = format!("ulimit -f 0; exec \"$0\" ca {verb}");
        sandbox.finish({
            command.args(["-c", &line, crate::harness::program()]);
            command
        })
    };
    for verb in [
        "issue --dir ca --cn b --out b --passphrase-file passphrase",
        "revoke --dir ca --cn web --reason superseded",
        "crl --dir ca --passphrase-file passphrase",
        "backup --dir ca --out backup.tar",
        "export --dir ca --jsonl out.jsonl",
    ] {
        let run = limited(verb);
        assert_eq!(run.code, 1, "{verb}: {run:#?}");
        assert!(run.stderr.contains("error: "), "{verb}: {run:#?}");
    }
    assert_eq!(verify(&sandbox, "ca", &[]).code, 0);
}

/// Whoever makes a user namespace is root in it, and not to the audit log.
#[test]
fn root_of_a_user_namespace_is_told_as_such() {
    let sandbox = with_web();
    let mut command = std::process::Command::new("unshare");
    sandbox.scrub(&mut command);
    command.args(["--user", "--map-root-user", crate::harness::program()]);
    command.args([
        "ca",
        "revoke",
        "--dir",
        "ca",
        "--cn",
        "web",
        "--reason",
        "superseded",
    ]);
    let run = sandbox.finish({
        command.env("SUDO_USER", "alice");
        command
    });
    assert_eq!(run.code, 0, "{run:#?}");
    let list = ["ca", "audit", "list", "--dir", "ca", "--format", "jsonl"];
    let log = sandbox
        .ok(&[&list[..], &["--action", "revoke"]].concat())
        .stdout;
    assert!(log.contains("(in a user namespace of uid "), "{log}");
    assert!(!log.contains("alice"), "{log}");
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

/// What an expired CA needs depends on which of its certificates has ended.
#[test]
fn of_an_expired_ca_the_part_that_ended_is_replaced() {
    for (which, next) in [
        (AuthorityName::ISSUING, "'windlass ca rollover prepare'"),
        (AuthorityName::ROOT, "'windlass ca init --dir NEW"),
    ] {
        let at = chrono::DateTime::UNIX_EPOCH;
        let error = windlass::commands::Error::from(windlass::authority::Error::CaNotValid {
            which,
            not_before: at,
            not_after: at,
            at,
        });
        assert!(error.hint().unwrap().contains(next), "{error}");
    }
}
