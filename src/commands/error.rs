//! The only place that joins the rooms' errors, and the only one with hints:
//! hints name options, which the lower rooms do not know.

/// Where a passphrase comes from without a terminal, for hints.
macro_rules! passphrase_sources {
    () => {
        "env:NAME, fd:N, cmd:COMMAND or credential:NAME"
    };
}

pub(in crate::commands) mod authority;
pub(in crate::commands) mod batch;
mod configure;
mod doctor;
mod emulator_error;
mod ending;
mod endpoint;
mod exchange_error;
mod hint;
mod identity;
mod install;
mod installation;
mod key_error;
pub(in crate::commands) mod path_flaw;
mod pki_error;
mod profile;
mod rollover;
mod rotate;
mod serve;
mod shared_file;
mod store_error;
mod token;

use std::path::PathBuf;

use crate::cli::{ConfigProblem, Origin};
use crate::delivery::ini::{ProfileNameError, Refusal};
use crate::delivery::{CredentialsFileError, Failure, NotStarted, Unwritable};
use crate::emulator::{ServerError, StateError, TlsSetupError, WorldError, WorldFileError};
use crate::rolesanywhere::{
    ChainError, EndpointError, ProxyUrlError, Region, TargetError, TrustAnchorArn,
};
use crate::{key, pki, rolesanywhere, store};

pub use self::batch::BatchFailed;
pub use self::rotate::RotateError;
use super::Outcome;

pub use configure::ConfigureError;
pub use doctor::DoctorError;
pub(super) use exchange_error::hint_exchange as hint_of_exchange;
pub use identity::IdentityError;
pub use installation::InstallationError;
pub use serve::ServeError;
pub(super) use store_error::hint_store;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An alias where IAM compares with the trust anchor's own ARN.
    #[error("{arn} is an alias, and aws:SourceArn never holds one")]
    AnchorAlias {
        /// What was given.
        arn: TrustAnchorArn,
    },
    /// The authority failed.
    #[error(transparent)]
    Authority(#[from] crate::authority::Error),
    /// Rows of a batch failed.
    #[error(transparent)]
    Batch(#[from] BatchFailed),
    /// Roles that make no chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A session that is to last longer than AWS lets it.
    #[error(
        "a session of {seconds} s is asked for by {origin}, but AWS limits sessions by role chaining to one hour"
    )]
    ChainedTooLong {
        /// What asks for it.
        origin: Origin,
        /// What was asked for.
        seconds: u32,
    },
    /// A config file has something that is not allowed there.
    #[error("{path}, line {line}: {problem}")]
    Config {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: ConfigProblem,
    },
    /// Somebody else could write the config file.
    #[error("{path} could be written by others (mode {mode:04o}, owner {owner})")]
    ConfigExposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// Its owner's user id.
        owner: u32,
    },
    /// The emulator cannot keep its account.
    #[error(transparent)]
    EmulatorState(#[from] StateError),
    /// The emulator cannot read what is to exist.
    #[error(transparent)]
    EmulatorWorld(#[from] WorldFileError),
    /// The linter has found errors; it has told them already.
    #[error("{files}: {errors}{}", .warnings.as_ref().map(|count| format!(", {count}")).unwrap_or_default())]
    Lint {
        /// The files that have some.
        files: String,
        /// How many, in words.
        errors: String,
        /// How many warnings, where they count.
        warnings: Option<String>,
    },
    /// A profile that would not work.
    #[error(transparent)]
    Configure(#[from] ConfigureError),
    /// A file about AWS's side is not what it is taken for.
    #[error(transparent)]
    Doctor(#[from] DoctorError),
    /// Other credentials are configured where a profile is to be named.
    #[error("the profile '{profile}' has other credentials: {with}")]
    Conflict {
        /// The profile.
        profile: String,
        /// What they are, and where.
        with: String,
    },
    /// A session cannot be written into AWS's credentials file.
    #[error("{path}: {reason}")]
    CredentialsFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: CredentialsFileError,
    },
    /// A daemon cannot run.
    #[error("the daemon cannot run")]
    Daemon(#[source] std::io::Error),
    /// Another process could not obtain the session that both need.
    #[error("another process of windlass got no session a moment ago: {0}")]
    Elsewhere(Failure),
    /// The command of `exec --serve` has ended: nothing to tell, but its status.
    #[error("the command ended with {status}")]
    Ended {
        /// Its exit status.
        status: u8,
    },
    /// The endpoint cannot be called.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Obtaining credentials failed.
    #[error(transparent)]
    Exchange(#[from] rolesanywhere::Error),
    /// A directory is no managed identity, or has nothing in force.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Files that make a service of this program.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// A file is in the way that windlass did not write.
    #[error("{path} exists already and is not {what}")]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// What it would have to be.
        what: &'static str,
    },
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] key::Error),
    /// Something that a session needs is said nowhere.
    #[error("no {what} is given")]
    Missing {
        /// What it is.
        what: &'static str,
        /// The option, without its dashes.
        option: &'static str,
        /// The profile that was used and has it not, with its file.
        profile: Option<(String, PathBuf)>,
    },
    /// This user has no place for a cache.
    #[error("there is no place for a session cache")]
    NoCache,
    /// What is said about the last role of a chain, without one.
    #[error("{origin} is given, and no role to assume")]
    NoChain {
        /// What is said.
        origin: Origin,
    },
    /// A path that no command line can hold.
    #[error("{path} cannot be written into a command line")]
    NoCommandLine {
        /// The path.
        path: PathBuf,
    },
    /// This user has no home directory.
    #[error("this user has no home directory, neither in $HOME nor in /etc/passwd")]
    NoHome {
        /// The variable that names the file which would be there.
        variable: &'static str,
    },
    /// Nothing says which certificate or key is meant.
    #[error("no certificate and no private key is named")]
    NoIdentity,
    /// A new passphrase is chosen, and nobody can be asked for it.
    #[error("the new passphrase is given nowhere, and there is no terminal to ask on")]
    NoNewPassphrase,
    /// No config file has the profile.
    #[error("no config file has a profile '{name}'")]
    NoProfile {
        /// The profile.
        name: String,
        /// Where was looked.
        places: Vec<PathBuf>,
        /// The profiles that there are.
        known: Vec<String>,
    },
    /// No config file has any profile.
    #[error("there is no profile")]
    NoProfiles {
        /// Where was looked.
        places: Vec<PathBuf>,
    },
    /// The root that was asked for is not there.
    #[error("{origin} does not hold the root {issuer}, which issued {subject}")]
    NoRoot {
        /// Where was looked.
        origin: String,
        /// The root's name.
        issuer: String,
        /// What it has issued.
        subject: String,
    },
    /// Nothing in the inventory fits.
    #[error("the inventory has no certificate '{which}'")]
    NotInInventory {
        /// What was looked for.
        which: String,
    },
    /// The command that was to be run was not.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// The service sent credentials in which no text can be.
    #[error("the credentials are not text")]
    NotText,
    /// No certificate fits the selector.
    #[error("no certificate of {origin} fits --cert-selector; it holds {held}")]
    NothingSelected {
        /// Where was looked.
        origin: String,
        /// What is there.
        held: String,
    },
    /// What a profile names cannot be used.
    #[error("{origin} cannot be used")]
    OfProfile {
        /// Where it stands.
        origin: Origin,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// An option cannot be written into the config file.
    #[error("an option is not UTF-8, as {path} has to be")]
    OptionNotText {
        /// The file.
        path: PathBuf,
    },
    /// What is only looked at is a pipe, which gives what it has once.
    #[error("{path} is no file that can be read more than once")]
    Pipe {
        /// The pipe or device.
        path: PathBuf,
    },
    /// A certificate cannot be used.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// The proxy that was given is none. Its URL may carry a password, so it is
    /// not repeated.
    #[error("{origin} cannot be used")]
    ProxyUrl {
        /// The option or the variable.
        origin: String,
        /// Why.
        source: ProxyUrlError,
    },
    /// The passphrase and something else are to be read from one pipe.
    #[error("{origin} can be read only once, and not for the passphrase too")]
    ReadTwice {
        /// The standard input, or a descriptor.
        origin: String,
    },
    /// The region that was given is not the trust anchor's.
    #[error("the trust anchor is in the region {trust_anchor}, but {origin} is {given}")]
    RegionMismatch {
        /// Where it was given.
        origin: Origin,
        /// The trust anchor's.
        trust_anchor: Region,
        /// What was given.
        given: Region,
    },
    /// A secret would be written into the config file.
    #[error("--{option} is a secret, which does not belong into the config file")]
    SecretInConfig {
        /// The option, without its dashes.
        option: String,
    },
    /// A profile's name cannot be a section's.
    #[error("the profile '{name}' cannot be a section of AWS's files: {reason}")]
    Section {
        /// The name.
        name: String,
        /// Why not.
        reason: ProfileNameError,
    },
    /// A selector file is not one.
    #[error("{path} is not a certificate selector: {reason}")]
    Selector {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing is served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The emulator cannot run.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A session policy that is none.
    #[error("{path} is not a session policy: {reason}")]
    SessionPolicy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Several certificates of different keys fit.
    #[error("several certificates fit: {certificates}")]
    SeveralSelected {
        /// What they are.
        certificates: String,
    },
    /// One of AWS's shared files cannot be edited.
    #[error("{path}: {reason}")]
    SharedFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Refusal,
    },
    /// stdout cannot be written.
    #[error("stdout cannot be written")]
    Stdout(#[source] std::io::Error),
    /// A file cannot be read or written.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The ARNs disagree.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The emulator got no TLS certificate.
    #[error(transparent)]
    TlsSetup(#[from] TlsSetupError),
    /// Nobody has said that a fingerprint is the right one.
    #[error(
        "{}: the SHA-256 of {what} has to be compared with the one that its machine shows",
        if *declined { "nothing was done, for the answer was not yes" } else { "nobody can be asked here" }
    )]
    Unconfirmed {
        /// Of what.
        what: String,
        /// The option that says it.
        option: &'static str,
        /// Whether somebody was asked.
        declined: bool,
    },
    /// A file of what was to be verified cannot be read: nothing was judged.
    #[error(transparent)]
    Unread(Box<Self>),
    /// Credentials cannot be written in the form that was asked for.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// The value of an option is malformed.
    #[error("{}", origin.complaint(value.as_deref(), reason))]
    Value {
        /// Where it stands.
        origin: Origin,
        /// The value, unless it may be secret.
        value: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// What an environment variable names cannot be used.
    #[error("${name} cannot be used")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<Self>,
    },
    /// An identity was not renewed.
    #[error(transparent)]
    Rotate(#[from] RotateError),
    /// What was to be judged was, and the verdict was printed.
    #[error("the verdict is {}", .0.name())]
    Verdict(Outcome),
    /// A new passphrase is too short.
    #[error("the passphrase has {count} characters, a CA's needs {min}")]
    WeakPassphrase {
        /// How many it has.
        count: usize,
        /// How many it needs.
        min: usize,
    },
    /// The emulated account cannot exist.
    #[error(transparent)]
    World(#[from] WorldError),
}
