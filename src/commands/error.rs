//! The only place that joins the rooms' errors, and the only one with hints:
//! hints name options, which the lower rooms do not know.

mod authority;
mod emulator_error;
mod endpoint;
mod exchange_error;
mod key_error;
mod pki_error;
mod profile;
mod serve;
mod shared_file;
mod store_error;
mod token;

use std::path::PathBuf;

use crate::delivery::ini::{ProfileNameError, Refusal};
use crate::delivery::{CredentialsFileError, Failure, NotStarted, Unwritable};
use crate::emulator::{ServerError, TlsSetupError, WorldError};
use crate::rolesanywhere::{
    ChainError, EndpointError, ProxyUrlError, Region, TargetError, TrustAnchorArn,
};
use crate::{key, pki, rolesanywhere, store};

use self::authority::{hint_authority, of_authority};
use super::Outcome;
use emulator_error::{hint_server, hint_world};
use endpoint::hint_endpoint;
use exchange_error::{hint_exchange, of_exchange};
use key_error::{hint_key, of_key};
use pki_error::{hint_pki, of_pki};
use profile::{hint_config, hint_missing, no_profile};
use serve::{hint_serve, of_serve};
use shared_file::{hint_credentials_file, hint_refusal, of_credentials_file, of_refusal};
use store_error::{hint_store, of_store};

pub use serve::ServeError;

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
    /// A config file has something that is not allowed there.
    #[error("{path}, line {line}: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
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
    /// No config file has any profile.
    #[error("there is no profile")]
    NoProfiles {
        /// Where was looked.
        places: Vec<PathBuf>,
    },
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
    /// Another process could not obtain the session that both need.
    #[error("another process of windlass got no session a moment ago: {0}")]
    Elsewhere(Failure),
    /// Roles that make no chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// What is said about the last role of a chain, without one.
    #[error("--{option} is given, and no role to assume")]
    NoChain {
        /// The option, without its dashes.
        option: &'static str,
    },
    /// A session that is to last longer than AWS lets it.
    #[error(
        "a session of {seconds} s is asked for with --assume-role, but AWS limits sessions by role chaining to one hour"
    )]
    ChainedTooLong {
        /// What was asked for.
        seconds: u32,
    },
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
    /// The endpoint cannot be called.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Obtaining credentials failed.
    #[error(transparent)]
    Exchange(#[from] rolesanywhere::Error),
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
    },
    /// The command of `exec --serve` has ended: nothing to tell, but its status.
    #[error("the command ended with {status}")]
    Ended {
        /// Its exit status.
        status: u8,
    },
    /// The command that was to be run was not.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// Credentials cannot be written in the form that was asked for.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// This user has no place for a cache.
    #[error("there is no place for a session cache")]
    NoCache,
    /// This user has no home directory.
    #[error("this user has no home directory, neither in $HOME nor in /etc/passwd")]
    NoHome {
        /// The variable that names the file which would be there.
        variable: &'static str,
    },
    /// Nothing says which certificate or key is meant.
    #[error("no certificate and no private key is named")]
    NoIdentity,
    /// No certificate fits the selector.
    #[error("no certificate of {origin} fits --cert-selector; it holds {held}")]
    NothingSelected {
        /// Where was looked.
        origin: String,
        /// What is there.
        held: String,
    },
    /// A path that no command line can hold.
    #[error("{path} cannot be written into a command line")]
    NoCommandLine {
        /// The path.
        path: PathBuf,
    },
    /// A secret would be written into the config file.
    #[error("--{option} is a secret, which does not belong into the config file")]
    SecretInConfig {
        /// The option, without its dashes.
        option: String,
    },
    /// One of AWS's shared files cannot be edited.
    #[error("{path}: {reason}")]
    SharedFile {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: Refusal,
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
    /// The service sent credentials in which no text can be.
    #[error("the credentials are not text")]
    NotText,
    /// Nothing in the inventory fits.
    #[error("the inventory has no certificate '{which}'")]
    NotInInventory {
        /// What was looked for.
        which: String,
    },
    /// A file is in the way that windlass did not write.
    #[error("{path} exists already and is not {what}")]
    InTheWay {
        /// The file.
        path: PathBuf,
        /// What it would have to be.
        what: &'static str,
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
    /// Nothing is served.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The region is malformed.
    #[error("invalid value '{value}' for '--region': {reason}")]
    Region {
        /// What was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The region that was given is not the trust anchor's.
    #[error("the trust anchor is in the region {trust_anchor}, but --region is {given}")]
    RegionMismatch {
        /// The trust anchor's.
        trust_anchor: Region,
        /// What was given.
        given: Region,
    },
    /// The emulator cannot run.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The passphrase and something else are to be read from one pipe.
    #[error("{origin} can be read only once, and not for the passphrase too")]
    ReadTwice {
        /// The standard input, or a descriptor.
        origin: String,
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
    /// What an environment variable names cannot be used.
    #[error("${name} cannot be used")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Why.
        #[source]
        source: Box<Self>,
    },
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

impl Error {
    /// The exit code's meaning.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Authority(error) => of_authority(error),
            Self::Elsewhere(failure) => Outcome::of_code(failure.code),
            Self::Ended { status } => Outcome::Command(*status),
            Self::NotStarted(error) => Outcome::Command(error.status()),
            Self::Unwritable(_) => Outcome::Failed,
            Self::AnchorAlias { .. }
            | Self::Config { .. }
            | Self::ConfigExposed { .. }
            | Self::NoProfile { .. }
            | Self::NoProfiles { .. }
            | Self::Chain(_)
            | Self::ChainedTooLong { .. }
            | Self::NoChain { .. }
            | Self::Endpoint(_)
            | Self::InTheWay { .. }
            | Self::ProxyUrl { .. }
            | Self::Region { .. }
            | Self::RegionMismatch { .. }
            | Self::Missing { .. }
            | Self::NoCache
            | Self::NoHome { .. }
            | Self::NoIdentity
            | Self::NothingSelected { .. }
            | Self::Conflict { .. }
            | Self::NoCommandLine { .. }
            | Self::SecretInConfig { .. }
            | Self::Section { .. }
            | Self::Selector { .. }
            | Self::SessionPolicy { .. }
            | Self::SeveralSelected { .. }
            | Self::ReadTwice { .. }
            | Self::Target(_)
            | Self::World(_) => Outcome::Usage,
            Self::CredentialsFile { reason, .. } => of_credentials_file(reason),
            Self::SharedFile { reason, .. } => of_refusal(reason),
            Self::Daemon(_) => Outcome::Failed,
            Self::Exchange(error) => of_exchange(error),
            Self::Key(error) => of_key(error),
            Self::Serve(error) => of_serve(error),
            Self::NotInInventory { .. } | Self::NotText | Self::Stdout(_) | Self::TlsSetup(_) => {
                Outcome::Failed
            }
            Self::Pki(error) => of_pki(error),
            Self::Server(error) => match error {
                ServerError::NotLoopback { .. } => Outcome::Usage,
                ServerError::Bind { .. } | ServerError::Runtime(_) => Outcome::Failed,
            },
            Self::Store(error) => of_store(error),
            Self::Variable { source, .. } => source.outcome(),
            Self::Verdict(outcome) => *outcome,
            Self::WeakPassphrase { .. } => Outcome::Usage,
        }
    }

    /// What it comes from, the nearest cause first.
    #[must_use]
    pub fn causes(&self) -> Vec<String> {
        std::iter::successors(std::error::Error::source(self), |cause| cause.source())
            .map(ToString::to_string)
            .collect()
    }

    /// AWS's name for the request that it did not grant, for a support case.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        use rolesanywhere::Error as E;
        let Self::Exchange(error) = self else {
            return None;
        };
        // It may be the last attempt's, or that of a role of a chain.
        match error.root() {
            E::Denied { request_id, .. }
            | E::Throttled { request_id, .. }
            | E::Unavailable { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// What to try next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let fixed = |text: &str| Some(text.to_owned());
        match self {
            Self::AnchorAlias { .. } => {
                fixed("give the trust anchor's ARN, which ends in trust-anchor/ID")
            }
            Self::Authority(error) => hint_authority(error),
            Self::Chain(_) => None,
            Self::ChainedTooLong { .. } => fixed(
                "give --session-duration 3600 or less; what the role allows by itself does not matter",
            ),
            Self::NoChain { .. } => fixed("it applies to the last role of --assume-role"),
            Self::ProxyUrl { source, .. } => fixed(match source {
                ProxyUrlError::Malformed | ProxyUrlError::Scheme => {
                    "write it as http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with %40 for an @ in a password"
                }
                ProxyUrlError::Socks => {
                    "name an HTTP proxy with --proxy or $HTTPS_PROXY, or list the endpoint's host in $NO_PROXY and unset the variable"
                }
            }),
            Self::SessionPolicy { .. } => {
                fixed("give a file with one IAM policy as JSON to --session-policy")
            }
            Self::CredentialsFile { reason, .. } => hint_credentials_file(reason),
            Self::Daemon(_) => None,
            Self::Endpoint(error) => hint_endpoint(error),
            Self::Exchange(error) => hint_exchange(error),
            Self::InTheWay { .. } => fixed("nothing was changed; name a new file"),
            Self::Key(error) => hint_key(error),
            Self::NotInInventory { .. } => fixed("'windlass ca list' shows what there is"),
            Self::Pki(error) => hint_pki(error),
            Self::Region { .. } | Self::RegionMismatch { .. } => {
                fixed("leave out --region: the trust anchor's ARN names the region")
            }
            Self::Server(error) => hint_server(error),
            Self::Config { reason, .. } => hint_config(reason),
            Self::ConfigExposed { path, .. } => Some(format!(
                "it may name programs to run, so only root or the user who runs this may own and write it: chmod go-w {}",
                path.display()
            )),
            Self::NoProfiles { places } => Some(no_profile(places, &[])),
            Self::NoProfile { places, known, .. } => Some(no_profile(places, known)),
            Self::Elsewhere(failure) => failure.hint.clone(),
            Self::Missing { option, .. } => Some(hint_missing(option)),
            Self::NotStarted(_) => {
                fixed("the command stands behind --, its name first; it is run without a shell")
            }
            Self::Unwritable(_) => fixed("use another --format"),
            Self::NoCache => fixed(
                "neither $XDG_RUNTIME_DIR nor $XDG_CACHE_HOME nor $HOME names a directory of this user; give --cache-dir",
            ),
            Self::NoHome { variable } => Some(format!("set ${variable}, or $HOME")),
            Self::NoIdentity => fixed("give --certificate, or --private-key"),
            Self::NothingSelected { .. } => fixed(
                "names are compared as text: write all of one, as it is listed here (as RFC 2253 does, the last attribute first)",
            ),
            Self::Conflict { .. } => {
                fixed("nothing was written; remove them, name another --profile, or give --force")
            }
            Self::NoCommandLine { .. } => fixed("give it a path of ordinary characters"),
            Self::SecretInConfig { option } if option == "proxy" => fixed(
                "nothing was written; put user and password of the proxy into $WINDLASS_PROXY",
            ),
            Self::SecretInConfig { .. } => fixed("nothing was written; give --passphrase-file"),
            Self::SharedFile { reason, .. } => hint_refusal(reason),
            Self::Section { .. } => fixed("give the profile another name"),
            Self::Selector { .. } => {
                fixed(r#"write it as [{"Key": "x509Subject", "Value": "CN=NAME"}]"#)
            }
            Self::SeveralSelected { .. } => fixed(
                "add x509Serial to --cert-selector, name one by its PKCS#11 URI, or give --use-latest-expiring-certificate",
            ),
            Self::ReadTwice { .. } => fixed("give one of the sources as a file, fd:N or env:NAME"),
            Self::Ended { .. }
            | Self::NotText
            | Self::Stdout(_)
            | Self::TlsSetup(_)
            | Self::Verdict(_) => None,
            Self::Serve(error) => hint_serve(error),
            Self::Store(error) => hint_store(error),
            Self::Target(_) => fixed(
                "trust anchor, profile and role of one session live in one account, anchor and profile in one region; check --trust-anchor-arn, --profile-arn and --role-arn",
            ),
            Self::Variable { source, .. } => source.hint(),
            Self::WeakPassphrase { .. } => fixed(
                "choose a longer one, for example: (umask 077; openssl rand -base64 24 > FILE)",
            ),
            Self::World(error) => hint_world(error),
        }
    }
}
