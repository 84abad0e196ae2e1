//! What may be true of the files of a CA and of its workloads at any moment,
//! crash or not. Shared by the modules that kill the program or race it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use p256::pkcs8::DecodePrivateKey;
use windlass::authority::Unlock;
use windlass::environment::Environment;
use windlass::key::PassphraseSource;
use windlass::secret::Secret;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::harness::{PASSPHRASE, Run, Sandbox, program};

/// The files of a workload's directory.
pub const LEAF_FILES: [&str; 4] = ["cert.pem", "chain.pem", "fullchain.pem", "key.pem"];

/// The files of a CA directory; SQLite may keep its own beside the inventory.
pub const CA_FILES: [&str; 6] = [
    "inventory.db",
    "issuing/cert.pem",
    "issuing/key.pem",
    "root/cert.pem",
    "root/key.pem",
    "trust-anchor.pem",
];

/// How a killed program ends: `strace` and `timeout` end by the signal that
/// ended their child, and a time that is over gives 124 or 137.
pub const KILLED: i32 = -1;

/// One row of the inventory: its state, and whether it was delivered.
#[derive(Debug)]
pub struct Row {
    pub state: String,
    pub delivered: bool,
}

/// Whether a target is as it was before or has everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Absent,
    Complete,
}

/// Runs a command under a umask, for a minute at most.
pub fn bounded(sandbox: &Sandbox, umask: &str, arguments: &[&str]) -> Run {
    let mut command = Command::new("/bin/sh");
    sandbox.scrub(&mut command);
    command
        .args(["-c", "umask \"$0\"; exec timeout -k 5 60 \"$@\"", umask])
        .args(arguments);
    sandbox.finish(command)
}

/// The inventory of the CA in `directory`, by serial number.
pub fn inventory(sandbox: &Sandbox, directory: &str) -> BTreeMap<String, Row> {
    let arguments = [program(), "ca", "list", "--dir", directory, "--json"];
    let run = bounded(sandbox, "077", &arguments);
    assert_eq!(run.code, 0, "{run:#?}");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&run.stdout).unwrap();
    let count = rows.len();
    let by_serial: BTreeMap<String, Row> = rows
        .iter()
        .map(|row| {
            let row_state = Row {
                state: row["state"].as_str().unwrap().to_owned(),
                delivered: !row["deliveredAt"].is_null(),
            };
            (row["serialNumber"].as_str().unwrap().to_owned(), row_state)
        })
        .collect();
    assert_eq!(by_serial.len(), count, "a serial number stands twice");
    by_serial
}

/// Every certificate in any file below `directory` is in the inventory as
/// issued.
pub fn assert_inventoried(directory: &Path, rows: &BTreeMap<String, Row>) {
    for (path, serial) in certificates_below(directory) {
        let state = rows.get(&serial).map(|row| row.state.as_str());
        assert_eq!(state, Some("valid"), "{serial} of {}", path.display());
    }
}

/// Serial numbers of the certificates in the files below `directory`.
pub fn certificates_below(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for path in files_below(directory) {
        let Ok(text) = String::from_utf8(fs::read(&path).unwrap()) else {
            continue;
        };
        for block in pem::parse_many(text).unwrap_or_default() {
            if block.tag() == "CERTIFICATE" {
                found.push((path.clone(), serial_of(block.contents())));
            }
        }
    }
    found
}

/// All files below `directory`, hidden ones included.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_below(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

/// Hidden directories that the program left beside its targets.
pub fn hidden_directories(directory: &Path) -> Vec<String> {
    fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.') && name.contains(".windlass-"))
        .collect()
}

/// `path` and everything below it is its owner's alone.
pub fn assert_owner_only(path: &Path) {
    let metadata = fs::symlink_metadata(path).unwrap();
    let mode = metadata.permissions().mode() & 0o7777;
    let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
    assert_eq!(mode, wanted, "mode {mode:o} of {}", path.display());
    if metadata.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            assert_owner_only(&entry.unwrap().path());
        }
    }
}

/// The workload's directory has nothing, or all four files with a key that
/// belongs to the certificate.
pub fn leaf_target(directory: &Path) -> Target {
    if is_bare(directory) {
        return Target::Absent;
    }
    assert_eq!(names_below(directory), LEAF_FILES);
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let certificate = pem::parse(read("cert.pem")).unwrap();
    let (_, parsed) = X509Certificate::from_der(certificate.contents()).unwrap();
    let key = p256::ecdsa::SigningKey::from_pkcs8_pem(&read("key.pem")).unwrap();
    let public = key.verifying_key().to_sec1_point(false);
    assert_eq!(
        parsed.public_key().subject_public_key.data.as_ref(),
        public.as_bytes(),
        "key and certificate in {}",
        directory.display()
    );
    assert_eq!(
        read("fullchain.pem"),
        read("cert.pem") + &read("chain.pem"),
        "{}",
        directory.display()
    );
    Target::Complete
}

/// The CA directory has nothing, or everything that belongs to a CA.
pub fn ca_target(directory: &Path) -> Target {
    if is_bare(directory) {
        return Target::Absent;
    }
    let mut names = names_below(directory);
    names.retain(|name| !matches!(name.as_str(), "inventory.db-shm" | "inventory.db-wal"));
    assert_eq!(names, CA_FILES);
    Target::Complete
}

/// Copies a directory with its modes.
pub fn copy(from: &Path, to: &Path) {
    let status = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(status.unwrap().success());
}

/// What opens the keys of a CA that was made with this passphrase.
pub fn unlock<'a>(passphrase: &str, environment: &'a Environment) -> Unlock<'a> {
    let secret = Arc::new(Secret::new(passphrase.as_bytes().to_vec()));
    let said = Some(PassphraseSource::Given(secret));
    Unlock::new(said, String::new(), environment)
}

/// Waits until the clock shows another second. Within the same second the time
/// mark of an inventory is not written again, and the calls of a run on a CA that
/// was made just now would not be those of a later run.
pub fn await_another_second() {
    let now = Utc::now().timestamp();
    while Utc::now().timestamp() == now {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Issues a certificate to show that the CA works; no leftover may remain.
pub fn assert_works(sandbox: &Sandbox, ca: &str, out: &str) {
    assert!(sandbox.read("passphrase").starts_with(PASSPHRASE));
    let run = bounded(sandbox, "077", &issue_arguments(ca, out));
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(leaf_target(&sandbox.path(out)), Target::Complete);
}

/// The program and its arguments for a workload certificate.
pub fn issue_arguments<'a>(ca: &'a str, out: &'a str) -> Vec<&'a str> {
    let mut arguments = vec![program(), "ca", "issue", "--dir", ca, "--cn", "web"];
    arguments.extend(["--out", out, "--passphrase-file", "passphrase"]);
    arguments
}

fn is_bare(directory: &Path) -> bool {
    !directory.exists() || fs::read_dir(directory).unwrap().next().is_none()
}

fn names_below(directory: &Path) -> Vec<String> {
    files_below(directory)
        .iter()
        .map(|path| path.strip_prefix(directory).unwrap())
        .map(|path| path.to_str().unwrap().to_owned())
        .collect()
}

fn serial_of(der: &[u8]) -> String {
    let (_, certificate) = X509Certificate::from_der(der).unwrap();
    let bytes = certificate.raw_serial();
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(0);
    hex::encode(&bytes[start..])
}
