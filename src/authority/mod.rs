//! The certificate authority as an institution: bootstrap, issue, inventory.
//!
//! A CA lives in one directory:
//!
//! ```text
//! DIR/trust-anchor.pem    the certificate to give to Roles Anywhere
//! DIR/root/{cert,key}.pem         key encrypted
//! DIR/issuing/{cert,key}.pem      key encrypted
//! DIR/{root,issuing}/device.json  where the key is, when it is in a device
//! DIR/crl/{issuing,root}.pem      revocation lists, once they were made
//! DIR/inventory.db        every serial number ever reserved
//! DIR/ca.toml             the policy, where there is one
//! ```

mod assess;
mod backup;
mod batch;
mod bootstrap;
mod checkpoint;
mod deliver;
mod draft;
mod health;
mod issue;
mod judge;
mod list_issuer;
mod log;
mod occasion;
mod opened;
mod own_key;
mod passphrase;
mod policy;
mod publish;
mod reconcile;
mod restore;
mod revoke;
mod subject;

pub use assess::{Assessment, ListFacts, ListState, assess, assess_file};
pub use backup::{BackupReport, backup};
pub use batch::{Batch, BatchRow, RowId, RowOutcome, lock_batches, spread};
pub use bootstrap::{Bootstrap, CaName, OwnKey, create};
pub use checkpoint::KeptCheckpoint;
pub use deliver::Delivery;
pub use health::{Finding, HealthPlan, Level, health};
pub use issue::{IssueRequest, Issued, Preview, RequestedKey};
pub use list_issuer::ListIssuer;
pub use log::{CheckpointFault, LogFault, LogReport, log_export, verify_log};
pub use occasion::{Action, Occasion, check_clock, note_export};
pub use opened::Authority;
pub use own_key::{DeviceKey, DeviceOptions, Unlock};
pub use passphrase::{NewPassphrase, Reencrypted, change_passphrase};
pub use policy::{Policy, Profile, Refusal};
pub use publish::{ListPlan, ListSigner, Published};
pub use reconcile::{Reconciled, reconcile};
pub use restore::{RestorePlan, Restored, restore};
pub use revoke::{Revoked, Selection, reason_of, release, revoke};
pub use subject::{CommonName, TagValue};

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use ring::rand::SecureRandom;

use crate::clock::rfc3339;
use crate::pki::SerialNumber;
use crate::{key, pki, store};

/// Names of the files in a CA directory.
const INVENTORY: &str = "inventory.db";
const ISSUING_CERT: &str = "issuing/cert.pem";
const ISSUING_KEY: &str = "issuing/key.pem";
const ROOT_CERT: &str = "root/cert.pem";
const ROOT_KEY: &str = "root/key.pem";
const TRUST_ANCHOR: &str = "trust-anchor.pem";

/// How far certificates are backdated, in seconds: hosts whose clock is a few
/// minutes behind would refuse them otherwise, and SigV4 forgives no more.
const BACKDATE_SECONDS: i64 = 300;

/// Why the authority could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A backup is older than a revocation list that was published.
    #[error(
        "the backup is older than the revocation list {path}: it knows lists up to number {newest}, this is number {number}, and {lacking}"
    )]
    BackupOlder {
        /// The list.
        path: PathBuf,
        /// Its number, decimal.
        number: String,
        /// The newest number that the backup knows; 0 for none.
        newest: i64,
        /// Which revocations the backup lacks, in words.
        lacking: String,
    },
    /// A backup is not whole, or not what was backed up.
    #[error("the backup {path} cannot be relied on: {reason}")]
    BackupUnfit {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
        /// What it comes from.
        #[source]
        source: Option<Box<Self>>,
    },
    /// A file that is to be a checkpoint of the log is none.
    #[error("{path} is no checkpoint of an audit log: {reason}")]
    CheckpointFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The CA's own certificate is not valid now.
    #[error(
        "the {which} certificate is valid from {} to {}, and it is {} now",
        rfc3339(*.not_before), rfc3339(*.not_after), rfc3339(*.at)
    )]
    CaNotValid {
        /// `root` or `issuing`.
        which: &'static str,
        /// First second.
        not_before: DateTime<Utc>,
        /// Last second.
        not_after: DateTime<Utc>,
        /// The time at which it was judged.
        at: DateTime<Utc>,
    },
    /// Rows of a batch failed.
    #[error(
        "{failed} of {rows} rows cannot be issued{}",
        if *stopped { "; nothing was delivered" } else { "" }
    )]
    BatchFailed {
        /// How many.
        failed: usize,
        /// Of how many.
        rows: usize,
        /// Whether the others were not delivered because of them.
        stopped: bool,
    },
    /// The file of a batch is none.
    #[error("{origin}, line {line}: {reason}")]
    BatchFile {
        /// The file.
        origin: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A row of a batch says something that cannot be issued.
    #[error("{reason}")]
    BatchRow {
        /// What it is.
        reason: String,
    },
    /// The new key of a row that was issued is not where it was kept.
    #[error(
        "the key of '{id}' is no longer in {directory}, and its certificate is of no use without it"
    )]
    BatchKeyLost {
        /// The row's name.
        id: String,
        /// The directory of the batch.
        directory: PathBuf,
    },
    /// Another process issues a batch.
    #[error("another process issues a batch from {path}")]
    BatchRunning {
        /// The CA directory.
        path: PathBuf,
    },
    /// Nothing says where certificates, or new keys, are to go.
    #[error("there is no place for what the batch issues")]
    BatchWithoutDirectory,
    /// A key and its certificate in the CA directory do not belong together.
    #[error("{path} is not the key of the certificate beside it")]
    CaKeyMismatch {
        /// The key file.
        path: PathBuf,
    },
    /// A key could not be read, made or used.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// A key of the CA is not encrypted, as every key that was made here is.
    #[error("{path} is not encrypted; it is not the key that was made with this CA")]
    CaKeyNotEncrypted {
        /// The key file.
        path: PathBuf,
    },
    /// The clock is far ahead of everything that the CA has written.
    #[error(
        "the clock says {}, more than a year after the CA last wrote anything ({})",
        rfc3339(*.now), rfc3339(*.mark)
    )]
    ClockAhead {
        /// The latest time in the inventory.
        mark: DateTime<Utc>,
        /// The clock's.
        now: DateTime<Utc>,
    },
    /// The clock is behind what the CA has written already.
    #[error(
        "the clock says {}, but the CA has already written at {}",
        rfc3339(*.now), rfc3339(*.mark)
    )]
    ClockBehind {
        /// The latest time in the inventory.
        mark: DateTime<Utc>,
        /// The clock's.
        now: DateTime<Utc>,
    },
    /// Parts of the CA directory do not belong to each other.
    #[error("{path} does not belong to the certificate authority that it is in: {reason}")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// A key that was given is not certified.
    #[error("the key (SHA-256 {fingerprint}) is not certified: {reason}")]
    KeyRefused {
        /// SHA-256 of its SubjectPublicKeyInfo, lowercase hex.
        fingerprint: String,
        /// Why not.
        reason: String,
    },
    /// Another process changes the passphrase.
    #[error("another process changes the passphrase of the key in {path}")]
    PassphraseChanging {
        /// The directory of the key.
        path: PathBuf,
    },
    /// The policy has several profiles, none of them the default, and none was
    /// named.
    #[error("the policy has several profiles and no default")]
    NoDefaultProfile {
        /// Their names.
        known: Vec<String>,
    },
    /// The policy has no profile of the name.
    #[error("the policy has no profile '{name}'")]
    NoProfile {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// The policy file says something that it cannot say.
    #[error("{path}, line {line}: {reason}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else could write the policy file.
    #[error("{path} can be written by others (mode {mode:04o})")]
    PolicyExposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The policy does not allow it.
    #[error("the policy refuses {0}")]
    Refused(Refusal),
    /// A name that a request asks for, and that cannot be given.
    #[error("{origin} asks for {what}: {reason}")]
    RequestedName {
        /// The request.
        origin: String,
        /// Which name.
        what: String,
        /// Why not.
        reason: String,
    },
    /// What says where a key of the CA is cannot be understood.
    #[error("{path}: {reason}")]
    KeyPlace {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key cannot become that of a CA.
    #[error("{origin} cannot be the key of a CA: {reason}")]
    KeyUnfit {
        /// Where it is.
        origin: String,
        /// Why not.
        reason: &'static str,
    },
    /// A part of the CA directory is missing.
    #[error("{path} is an incomplete certificate authority")]
    Incomplete {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        #[source]
        source: store::Error,
    },
    /// What was to be signed breaks a rule.
    #[error("what was to be signed breaks a rule, and was not signed: {finding}")]
    Lint {
        /// Place, message, rule and source.
        finding: String,
    },
    /// A date of invalidity that is still to come.
    #[error("{} is still to come: it is {} now", rfc3339(*.since), rfc3339(*.now))]
    InvalidSince {
        /// What was given.
        since: DateTime<Utc>,
        /// The clock's.
        now: DateTime<Utc>,
    },
    /// A published list that the inventory does not know of.
    #[error(
        "{path} is the list number {number}, but the newest that the inventory knows of is {newest}"
    )]
    ListAhead {
        /// The file.
        path: PathBuf,
        /// Its number, in decimal.
        number: String,
        /// The newest number of the inventory; 0 when it has none.
        newest: i64,
    },
    /// A list of somebody else is where this one is to be.
    #[error("{path} is a list of {issuer}, not of {own} with its present key")]
    ListForeign {
        /// The file.
        path: PathBuf,
        /// Whose list it is.
        issuer: String,
        /// Whose list is to be there.
        own: String,
    },
    /// A certificate that the CA has not issued.
    #[error("the certificate of {subject} in {path} was not issued by this CA")]
    NotIssued {
        /// The file.
        path: PathBuf,
        /// Whose certificate it is.
        subject: String,
    },
    /// What is where the list is to be is none.
    #[error("what is there would be overwritten")]
    ListUnreadable {
        /// The file and what is wrong with it.
        #[source]
        source: pki::Error,
    },
    /// Nothing in the inventory is meant.
    #[error("the inventory has no certificate '{which}' that could be revoked")]
    NotFound {
        /// What was looked for.
        which: String,
    },
    /// A final revocation cannot be taken back.
    #[error("{serial} is not on hold: it was revoked on {}, {reason}", rfc3339(*.at))]
    NotHeld {
        /// The serial number in hex.
        serial: String,
        /// Why it was revoked.
        reason: pki::RevocationReason,
        /// When.
        at: DateTime<Utc>,
    },
    /// The root is not revoked by a list of its own.
    #[error("the root cannot be revoked: only it could sign the list that says so")]
    RootRevoked,
    /// Several certificates have the name.
    #[error("{count} certificates of '{common_name}' are meant: {certificates}")]
    SeveralNamed {
        /// The common name.
        common_name: String,
        /// How many.
        count: usize,
        /// The serial numbers of the first, with their ends.
        certificates: String,
    },
    /// The directory holds no CA.
    #[error("{path} holds no certificate authority")]
    NoAuthority {
        /// The directory.
        path: PathBuf,
        /// Whether it holds something else.
        occupied: bool,
        /// What is missing.
        #[source]
        source: store::Error,
    },
    /// The new certificate does not lead to the root.
    #[error("the new certificate does not lead to the root")]
    Path(#[source] pki::PathError),
    /// A certificate could not be read or made.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// No randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// A date that X.509 cannot express or that makes no sense.
    #[error("the validity of {what} cannot be expressed")]
    Validity {
        /// Which certificate.
        what: &'static str,
    },
    /// Something could not be kept or read.
    #[error(transparent)]
    Store(#[from] store::Error),
}

/// Opens the inventory of the CA in `directory`.
///
/// # Errors
///
/// [`Error::NoAuthority`] or [`Error::Incomplete`] when there is none,
/// [`Error::Store`] otherwise.
pub fn open_inventory(directory: &Path) -> Result<store::Inventory, Error> {
    store::Inventory::open(&directory.join(INVENTORY))
        .map_err(|source| not_found(directory, source))
}

/// Opens the inventory of the CA in `directory` to look at it, for whoever may
/// read it.
///
/// # Errors
///
/// As [`open_inventory`].
pub fn read_inventory(directory: &Path) -> Result<store::Inventory, Error> {
    store::Inventory::open_to_read(&directory.join(INVENTORY))
        .map_err(|source| not_found(directory, source))
}

/// Tells a directory without a CA from one whose CA lacks a part.
fn not_found(directory: &Path, source: store::Error) -> Error {
    if !source.is_not_found() {
        return Error::Store(source);
    }
    let parts = [
        INVENTORY,
        ISSUING_CERT,
        ISSUING_KEY,
        ROOT_CERT,
        ROOT_KEY,
        TRUST_ANCHOR,
    ];
    let path = directory.to_owned();
    if parts.iter().any(|part| directory.join(part).exists()) {
        return Error::Incomplete { path, source };
    }
    let occupied = std::fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    Error::NoAuthority {
        path,
        occupied,
        source,
    }
}

/// Draws a serial number: an instance byte 0x01–0x7f, then 15 random bytes.
///
/// Sixteen octets fit every limit and keep CRLs small; a positive first byte
/// needs no padding; 120 random bits are far above the 64 that the CA/Browser
/// Forum asks for. The instance byte keeps several servers of one CA apart.
fn draw_serial(random: &dyn SecureRandom, instance: u8) -> Result<SerialNumber, Error> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes).map_err(|_| Error::Random)?;
    bytes[0] = instance.clamp(0x01, 0x7f);
    SerialNumber::from_magnitude(&bytes).ok_or(Error::Random)
}

/// Reads a CA file, with the directory in the error when it is missing.
fn read_ca_file(directory: &Path, name: &str) -> Result<Vec<u8>, Error> {
    store::read_bounded(&directory.join(name), crate::limits::MAX_FILE)
        .map_err(|source| not_found(directory, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_are_sixteen_octets_and_start_with_the_instance() {
        let random = ring::rand::SystemRandom::new();
        let first = draw_serial(&random, 0x2a).unwrap();
        let second = draw_serial(&random, 0x2a).unwrap();
        assert_ne!(first, second);
        for serial in [first, second] {
            assert_eq!(serial.magnitude().len(), 16);
            assert_eq!(serial.magnitude()[0], 0x2a);
        }
        assert_eq!(draw_serial(&random, 0xff).unwrap().magnitude()[0], 0x7f);
        assert_eq!(draw_serial(&random, 0).unwrap().magnitude()[0], 0x01);
    }
}
