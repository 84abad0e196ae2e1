//! A root that is kept apart: two directories, between which a request goes one
//! way and a certificate the other.

mod crash;
mod foreign;
mod places;
mod races;
mod refusals;
mod rollover;
mod sign_ca;
mod story;

use serde_json::Value;

use crate::harness::{Run, Sandbox};

const SECRET: [&str; 2] = ["--passphrase-file", "passphrase"];

/// A root in `vault`, and in `site` an issuing CA that waits for its certificate.
struct Apart {
    sandbox: Sandbox,
    /// SHA-256 of the issuing CA's key, as its machine has shown it.
    key: String,
    /// SHA-256 of the root's certificate, as its machine has shown it.
    root: String,
}

impl Apart {
    fn new() -> Self {
        Self::with(&[])
    }

    /// With further options for both.
    fn with(options: &[&str]) -> Self {
        let sandbox = Sandbox::new();
        let init = |form: &'static str, dir: &'static str| -> Value {
            let fixed = ["ca", "init", form, "--dir", dir, "--name", "Example Corp"];
            json(&sandbox.ok(&[&fixed[..], &["--json"], &SECRET, options].concat()))
        };
        let root = init("--root-only", "vault");
        let issuing = init("--offline-root", "site");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            key: text(&issuing["keyFingerprintSha256"]),
            root: text(&root["root"]["fingerprintSha256"]),
            sandbox,
        }
    }

    /// Both made, signed and installed.
    fn complete() -> Self {
        let apart = Self::new();
        assert_eq!(apart.sign_ca("issuing.pem", &[]).code, 0);
        let installed = apart.install("issuing.pem", &[]);
        assert_eq!(installed.code, 0, "{installed:#?}");
        apart
    }

    /// Certifies the request, whose key was compared.
    fn sign_ca(&self, out: &str, options: &[&str]) -> Run {
        let fixed = ["--out", out, "--key-fingerprint", &self.key];
        sign_ca(&self.sandbox, &[&fixed[..], options].concat())
    }

    /// Installs what the root has signed, whose certificate was compared.
    fn install(&self, cert: &str, options: &[&str]) -> Run {
        let fixed = ["--cert", cert, "--root-fingerprint", &self.root];
        install(&self.sandbox, &[&fixed[..], options].concat())
    }

    /// The state of the first generation.
    fn state(&self) -> String {
        let database = rusqlite::Connection::open(self.sandbox.path("site/inventory.db")).unwrap();
        let sql = "SELECT state FROM authority WHERE generation = 1";
        database.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

fn sign_ca(sandbox: &Sandbox, options: &[&str]) -> Run {
    let fixed = ["ca", "sign-ca", "--dir", "vault"];
    let request = ["--csr", "site/issuing/request.pem"];
    sandbox.run(&[&fixed[..], &request, &SECRET, options].concat())
}

fn install(sandbox: &Sandbox, options: &[&str]) -> Run {
    let fixed = ["ca", "install", "--dir", "site"];
    sandbox.run(&[&fixed[..], &SECRET, options].concat())
}

/// Issues in `site`.
fn issue(sandbox: &Sandbox, name: &str) -> Run {
    let fixed = ["ca", "issue", "--dir", "site", "--cn", name, "--out", name];
    sandbox.run(&[&fixed[..], &SECRET].concat())
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"))
}
