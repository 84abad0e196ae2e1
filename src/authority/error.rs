//! Why an authority could not do its work.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::text::printable;
use crate::{key, pki, store};

use super::{AuthorityName, Flaw, ListError, Part, Refusals, RolloverError};

/// Why the authority could not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An authority was named as workloads are.
    #[error("{serial} is the certificate of a CA, {subject}")]
    AuthorityMeant {
        /// The serial number in hex.
        serial: String,
        /// Its subject.
        subject: String,
    },
    /// The CA has no certificate yet.
    #[error("the CA in {path} waits for its certificate: its root is elsewhere")]
    Awaiting {
        /// The directory.
        path: PathBuf,
        /// Its request.
        request: PathBuf,
    },
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
    /// The new key of a row that was issued is not where it was kept.
    #[error("the key of '{id}', whose certificate is {serial}, is not in {directory}")]
    BatchKeyLost {
        /// The serial number of the certificate, in hex.
        serial: String,
        /// The row's name.
        id: String,
        /// The directory of the batch.
        directory: PathBuf,
    },
    /// The directory of a row holds what was not delivered into it.
    #[error(
        "{directory} has the file '{}', which was not delivered there",
        printable(file, 100)
    )]
    BatchOccupied {
        /// The row's directory.
        directory: PathBuf,
        /// The name of the first such file.
        file: String,
    },
    /// A row of a batch says something that cannot be issued.
    #[error("{reason}")]
    BatchRow {
        /// What it is.
        reason: String,
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
    /// A key of the CA is not encrypted, as every key that was made here is.
    #[error("{path} is not encrypted; it is not the key that was made with this CA")]
    CaKeyNotEncrypted {
        /// The key file.
        path: PathBuf,
    },
    /// The CA's own certificate is not valid now.
    #[error(
        "the {which} certificate is valid from {} to {}, and it is {} now",
        rfc3339(*.not_before), rfc3339(*.not_after), rfc3339(*.at)
    )]
    CaNotValid {
        /// Whose.
        which: AuthorityName,
        /// First second.
        not_before: DateTime<Utc>,
        /// Last second.
        not_after: DateTime<Utc>,
        /// The time at which it was judged.
        at: DateTime<Utc>,
    },
    /// The certificate under which the CA issues was revoked.
    #[error("the issuing certificate was revoked on {}, {reason}", rfc3339(*.at))]
    CaRevoked {
        /// Why.
        reason: pki::RevocationReason,
        /// When.
        at: DateTime<Utc>,
    },
    /// A certificate that another machine has made cannot be that of this CA.
    #[error("{origin} cannot be installed: {flaw}")]
    CertificateUnfit {
        /// The file.
        origin: String,
        /// Whose it was to be.
        part: Part,
        /// Why not.
        flaw: Flaw,
    },
    /// A file that is to be a checkpoint of the log is none.
    #[error("{path} is no checkpoint of an audit log: {reason}")]
    CheckpointFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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
    /// A part of the CA directory is missing.
    #[error("{path} is an incomplete certificate authority")]
    Incomplete {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        #[source]
        source: store::Error,
    },
    /// Something would be written into the CA's own directory.
    #[error("{path} is inside of the directory of the CA, {directory}")]
    InsideAuthority {
        /// What would be written.
        path: PathBuf,
        /// The CA's directory.
        directory: PathBuf,
    },
    /// A date of invalidity that is still to come.
    #[error("{} is still to come: it is {} now", rfc3339(*.since), rfc3339(*.now))]
    InvalidSince {
        /// What was given.
        since: DateTime<Utc>,
        /// The clock's.
        now: DateTime<Utc>,
    },
    /// A key could not be read, made or used.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// What says where a key of the CA is cannot be understood.
    #[error("{path}: {reason}")]
    KeyPlace {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A key that was given is not certified.
    #[error("the key (SHA-256 {fingerprint}) is not certified: {reason}")]
    KeyRefused {
        /// SHA-256 of its SubjectPublicKeyInfo, lowercase hex.
        fingerprint: String,
        /// Why not.
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
    /// What was to be signed breaks a rule.
    #[error("what was to be signed breaks a rule, and was not signed: {finding}")]
    Lint {
        /// Place, message, rule and source.
        finding: String,
    },
    /// A revocation list is in the way, or cannot be made.
    #[error(transparent)]
    List(#[from] ListError),
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
    /// No live authority of the CA has the name.
    #[error("the CA has no authority {name} that is live")]
    NoAuthorityNamed {
        /// The name.
        name: AuthorityName,
        /// Those that there are.
        known: Vec<AuthorityName>,
    },
    /// The policy has several profiles, none of them the default, and none was
    /// named.
    #[error("the policy has several profiles and no default")]
    NoDefaultProfile {
        /// Their names.
        known: Vec<String>,
    },
    /// A new key is delivered into a directory, and nowhere else.
    #[error("the new key has no place: only a directory takes one beside its certificate")]
    NoPlaceForKey,
    /// The policy has no profile of the name.
    #[error("the policy has no profile '{name}'")]
    NoProfile {
        /// The name.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// No generation of the CA issues.
    #[error("no generation of the certificate authority in {path} is active")]
    NotActive {
        /// The directory.
        path: PathBuf,
    },
    /// A request that a root is to grant, and that does not ask for a CA.
    #[error("{origin}, the request of {subject}, does not ask for the certificate of a CA")]
    NotForAuthority {
        /// The request.
        origin: String,
        /// The name in it.
        subject: String,
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
    /// A certificate that the CA has not issued.
    #[error("the certificate of {subject} in {path} was not issued by this CA")]
    NotIssued {
        /// The file.
        path: PathBuf,
        /// Whose certificate it is.
        subject: String,
    },
    /// No certificate was asked for that could be installed.
    #[error("the CA in {path} waits for no certificate")]
    NothingRequested {
        /// The directory.
        path: PathBuf,
    },
    /// A fingerprint is not the one that was given.
    #[error("the SHA-256 of {what} is {found}, not {given}")]
    OtherFingerprint {
        /// Of what.
        what: String,
        /// What it is, lowercase hex.
        found: String,
        /// What was given.
        given: String,
    },
    /// Another process changes the passphrase.
    #[error("another process changes the passphrase of the key in {path}")]
    PassphraseChanging {
        /// The directory of the key.
        path: PathBuf,
    },
    /// The new certificate does not lead to the root.
    #[error("the new certificate does not lead to the root")]
    Path(#[source] pki::PathError),
    /// A certificate could not be read or made.
    #[error(transparent)]
    Pki(#[from] pki::Error),
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
    /// No randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The policy does not allow it.
    #[error("the policy refuses {0}")]
    Refused(Refusals),
    /// A request of this name was for something else.
    #[error("the request '{request_id}' was issued as {serial}, for something else: {what}")]
    RequestDiffers {
        /// The name.
        request_id: String,
        /// The serial number that it got, in hex.
        serial: String,
        /// What it was, and what it is now.
        what: String,
    },
    /// What was issued for a request has been revoked.
    #[error(
        "the request '{request_id}' was issued as {serial}, which was revoked on {}, {reason}",
        rfc3339(*.at)
    )]
    RequestRevoked {
        /// The name.
        request_id: String,
        /// The serial number that it got, in hex.
        serial: String,
        /// Why it was revoked.
        reason: pki::RevocationReason,
        /// When.
        at: DateTime<Utc>,
    },
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
    /// A step from one generation to the next is not taken.
    #[error(transparent)]
    Rollover(#[from] RolloverError),
    /// A root that issues no workload certificates.
    #[error("{path} holds a root alone, which issues no workload certificates")]
    RootAlone {
        /// The directory.
        path: PathBuf,
    },
    /// The key of the root is not here.
    #[error("the key of the root of the CA in {path} is kept elsewhere")]
    RootApart {
        /// The directory.
        path: PathBuf,
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
    /// Something could not be kept or read.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A date that X.509 cannot express or that makes no sense.
    #[error("the validity of {what} cannot be expressed")]
    Validity {
        /// Which certificate.
        what: &'static str,
    },
}
