//! Revoking, and the lists that tell it to others.

mod authority;
mod crash;
mod forged;
mod lists;
mod publishing;
mod storm;
mod verbs;

use std::fs;

use chrono::{DateTime, Utc};
use windlass::authority::{AuthorityName, ListPlan, ListSigner, Occasion, Published};
use windlass::environment::Environment;
use windlass::pki::Crl;

use crate::ca_state::unlock;
use crate::harness::{PASSPHRASE, Run, Sandbox};

/// The list of the issuing CA in the CA's directory.
const LIST: &str = "ca/crl/issuing.pem";

/// Revokes by common name.
fn revoke(sandbox: &Sandbox, name: &str, reason: &str, options: &[&str]) -> Run {
    let mut arguments = vec!["ca", "revoke", "--dir", "ca", "--cn", name];
    arguments.extend(["--reason", reason]);
    arguments.extend(options);
    sandbox.run(&arguments)
}

/// Makes a list with these options.
fn crl(sandbox: &Sandbox, options: &[&str]) -> Run {
    let mut arguments = vec!["ca", "crl", "--dir", "ca"];
    arguments.extend(["--passphrase-file", "passphrase"]);
    arguments.extend(options);
    sandbox.run(&arguments)
}

/// The exit code of `crl status`, and what it says of the issuing CA's list.
fn status(sandbox: &Sandbox) -> (i32, serde_json::Value) {
    let run = sandbox.run(&["ca", "crl", "status", "--dir", "ca", "--json"]);
    let mut rows: Vec<serde_json::Value> =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
    (run.code, rows.swap_remove(0))
}

fn read_list(sandbox: &Sandbox, file: &str) -> Crl {
    Crl::read(&fs::read(sandbox.path(file)).unwrap(), file).unwrap()
}

/// The list's number.
fn number(list: &Crl) -> u64 {
    let number = list.head().number.as_ref().unwrap();
    number.decimal().parse().unwrap()
}

/// The serial number of the certificate in `name`, unsigned big-endian.
fn serial_of(sandbox: &Sandbox, name: &str) -> Vec<u8> {
    let shown = sandbox.ok(&["ca", "show", "--dir", "ca", name, "--json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown.stdout).unwrap();
    hex::decode(shown["serialNumber"].as_str().unwrap()).unwrap()
}

/// Who does something in a test, and when.
fn occasion(at: DateTime<Utc>) -> Occasion<'static> {
    Occasion {
        actor: "test",
        comment: None,
        at,
        accept_clock: false,
    }
}

/// Makes a list of the issuing CA at a time of the test's choice.
fn publish(
    sandbox: &Sandbox,
    at: DateTime<Utc>,
    force: bool,
) -> Result<Published, windlass::authority::Error> {
    let environment = Environment::default();
    let unlock = unlock(PASSPHRASE, &environment);
    let signer = ListSigner::open(&sandbox.path("ca"), AuthorityName::ISSUING, &unlock).unwrap();
    signer.publish(&ListPlan {
        days: 10,
        out: None,
        force,
        occasion: &occasion(at),
    })
}
