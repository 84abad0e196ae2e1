//! The only place that joins the rooms' errors, and the only one with hints:
//! hints name options, which the lower rooms do not know.

mod authority;
mod emulator;
mod key_error;
mod pki_error;
mod serve;
mod token;

use std::path::{Path, PathBuf};

use crate::clock::in_words;
use crate::delivery::{Failure, NotStarted, Unwritable};
use crate::emulator::{ServerError, TlsSetupError, WorldError};
use crate::rolesanywhere::{
    EndpointError, Region, SUSPICIOUS_SKEW, TargetError, TlsProblem, TrustAnchorArn,
};
use crate::{key, pki, rolesanywhere, store};

use self::authority::{hint_authority, of_authority};
use self::emulator::{hint_server, hint_world};
use super::Outcome;
use super::remedy::remedy;
use key_error::{hint_key, of_key};
use pki_error::{hint_pki, of_pki};
use serve::{hint_serve, of_serve};

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
    /// The command that was to be run was not.
    #[error(transparent)]
    NotStarted(#[from] NotStarted),
    /// Credentials cannot be written in the form that was asked for.
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    /// This user has no place for a cache.
    #[error("there is no place for a session cache")]
    NoCache,
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
    /// A selector file is not one.
    #[error("{path} is not a certificate selector: {reason}")]
    Selector {
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
            Self::NotStarted(error) => Outcome::Command(error.status()),
            Self::Unwritable(_) => Outcome::Failed,
            Self::AnchorAlias { .. }
            | Self::Config { .. }
            | Self::ConfigExposed { .. }
            | Self::NoProfile { .. }
            | Self::Endpoint(_)
            | Self::InTheWay { .. }
            | Self::Region { .. }
            | Self::RegionMismatch { .. }
            | Self::Missing { .. }
            | Self::NoCache
            | Self::NoIdentity
            | Self::NothingSelected { .. }
            | Self::Selector { .. }
            | Self::SeveralSelected { .. }
            | Self::ReadTwice { .. }
            | Self::Target(_)
            | Self::World(_) => Outcome::Usage,
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
            Self::WeakPassphrase { .. } => Outcome::Usage,
        }
    }

    /// AWS's name for the request that it refused, for a support case.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Exchange(rolesanywhere::Error::Denied { request_id, .. }) => {
                request_id.as_deref()
            }
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
            Self::Endpoint(error) => match error {
                EndpointError::Cleartext { .. } => fixed("use https://"),
                EndpointError::Combined => {
                    fixed("leave out --endpoint, or --fips and --dual-stack")
                }
                EndpointError::NoFips { .. } => fixed("leave out --fips"),
                EndpointError::Url { .. } => fixed(
                    "leave out --endpoint (and $AWS_ENDPOINT_URL) to call the region's own endpoint",
                ),
            },
            Self::Exchange(error) => hint_exchange(error),
            Self::InTheWay { .. } => fixed("nothing was changed; name a new file"),
            Self::Key(error) => hint_key(error),
            Self::NotInInventory { .. } => fixed("'windlass ca list' shows what there is"),
            Self::Pki(error) => hint_pki(error),
            Self::Region { .. } | Self::RegionMismatch { .. } => {
                fixed("leave out --region: the trust anchor's ARN names the region")
            }
            Self::Server(error) => hint_server(error),
            Self::Config { .. } => fixed(
                "a profile begins with [profile.NAME]; its keys are names of options with _ for -, as in role_arn",
            ),
            Self::ConfigExposed { path, .. } => Some(format!(
                "it may name programs to run, so only root or the user who runs this may own and write it: chmod go-w {}",
                path.display()
            )),
            Self::NoProfile { places, known, .. } => Some(no_profile(places, known)),
            Self::Elsewhere(failure) => failure.hint.clone(),
            Self::Missing { option, .. } => {
                let (variable, key) = (option.to_ascii_uppercase(), option.replace('-', "_"));
                Some(format!(
                    "give --{option}, set $WINDLASS_{}, or name a --profile of the config file that has {key}",
                    variable.replace('-', "_")
                ))
            }
            Self::NotStarted(_) => {
                fixed("the command stands behind --, its name first; it is run without a shell")
            }
            Self::Unwritable(_) => fixed("use another --format"),
            Self::NoCache => fixed(
                "neither $XDG_RUNTIME_DIR nor $XDG_CACHE_HOME nor $HOME names a directory of this user; give --cache-dir",
            ),
            Self::NoIdentity => fixed("give --certificate, or --private-key"),
            Self::NothingSelected { .. } => fixed(
                "names are compared as text: write all of one, as it is listed here (as RFC 2253 does, the last attribute first)",
            ),
            Self::Selector { .. } => {
                fixed(r#"write it as [{"Key": "x509Subject", "Value": "CN=NAME"}]"#)
            }
            Self::SeveralSelected { .. } => fixed(
                "add x509Serial to --cert-selector, name one by its PKCS#11 URI, or give --use-latest-expiring-certificate",
            ),
            Self::ReadTwice { .. } => fixed("give one of the sources as a file, fd:N or env:NAME"),
            Self::NotText | Self::Stdout(_) | Self::TlsSetup(_) => None,
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

/// Where was looked for a profile, and what is there.
fn no_profile(places: &[PathBuf], known: &[String]) -> String {
    let places: Vec<String> = places
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let looked = places.join(" and ");
    if known.is_empty() {
        return format!("there is no profile at all in {looked}");
    }
    format!("the profiles in {looked} are: {}", known.join(", "))
}

fn of_store(error: &store::Error) -> Outcome {
    match error {
        store::Error::Exists { .. }
        | store::Error::NotSocket { .. }
        | store::Error::Served { .. } => Outcome::Usage,
        store::Error::Io {
            action: store::Action::Read,
            ..
        } => Outcome::Usage,
        store::Error::Io { .. }
        | store::Error::InventoryVersion { .. }
        | store::Error::NotPrivate { .. }
        | store::Error::SerialTaken { .. }
        | store::Error::Sql { .. } => Outcome::Failed,
        store::Error::TooLarge { .. } => Outcome::Usage,
    }
}

fn hint_store(error: &store::Error) -> Option<String> {
    let shown = |path: &PathBuf| path.display().to_string();
    match error {
        store::Error::Exists { path } => Some(format!(
            "nothing was changed; give another directory, or move {} away first",
            shown(path)
        )),
        store::Error::InventoryVersion { .. } => {
            Some("a newer windlass has written it; use that version".to_owned())
        }
        store::Error::Io { path, source, .. } => hint_io(path, source),
        store::Error::NotPrivate { path } => Some(format!(
            "it must belong to the user who runs this, and be closed to all others: chmod go= {}",
            shown(path)
        )),
        store::Error::NotSocket { .. } => {
            Some("nothing was changed; name a new file with --unix-socket".to_owned())
        }
        store::Error::Served { .. } => Some(
            "is windlass serve running already? Give this one its own --unix-socket".to_owned(),
        ),
        store::Error::Sql { path, .. } => Some(format!(
            "is {} a file of windlass, on a local disk with space left?",
            shown(path)
        )),
        store::Error::TooLarge { .. } => Some("is this the right file?".to_owned()),
        store::Error::SerialTaken { .. } => None,
    }
}

/// What to do about a file that the operating system refuses.
fn hint_io(path: &Path, error: &std::io::Error) -> Option<String> {
    match error.kind() {
        std::io::ErrorKind::NotFound => Some(format!("is the path right? {}", path.display())),
        std::io::ErrorKind::PermissionDenied => {
            Some("run as the user who owns it, or change its mode".to_owned())
        }
        std::io::ErrorKind::IsADirectory => {
            Some("this is a directory; name the file in it".to_owned())
        }
        _ => None,
    }
}

fn of_exchange(error: &rolesanywhere::Error) -> Outcome {
    use rolesanywhere::Error as E;
    match error {
        E::Connect { .. }
        | E::Dns { .. }
        | E::Interrupted { .. }
        | E::Proxy {
            wants_credentials: false,
            ..
        }
        | E::Throttled { .. }
        | E::Timeout { .. }
        | E::Unavailable { .. } => Outcome::Temporary,
        E::NotAws { status, .. } if *status >= 500 => Outcome::Temporary,
        E::BadResponse { .. }
        | E::NotAws { .. }
        | E::NotHttp { .. }
        | E::Proxy { .. }
        | E::Setup { .. }
        | E::Tls { .. } => Outcome::Failed,
        E::CaBundle | E::ProxyUrl => Outcome::Usage,
        E::Denied { .. } => Outcome::Refused,
        E::Pki(error) => of_pki(error),
        E::Signing(rolesanywhere::SigningError::Algorithm(_)) => Outcome::Unusable,
        E::Signing(rolesanywhere::SigningError::Key(error)) => of_key(error),
    }
}

fn hint_exchange(error: &rolesanywhere::Error) -> Option<String> {
    use rolesanywhere::Error as E;
    let text = match error {
        E::BadResponse { .. } => {
            "the service or something before it is out of order; try again, and look at what --endpoint leads to"
        }
        E::CaBundle => {
            "give the CA's certificate to --ca-bundle (or $AWS_CA_BUNDLE, $SSL_CERT_FILE)"
        }
        E::Connect { .. } => {
            "is the endpoint reachable from here? $HTTPS_PROXY is honoured; --endpoint names another"
        }
        E::Denied {
            message,
            clock_ahead: Some(ahead),
            ..
        } if ahead.abs() > SUSPICIOUS_SKEW && message.contains("Invalid signature") => {
            let direction = if *ahead > chrono::TimeDelta::zero() {
                "ahead of"
            } else {
                "behind"
            };
            return Some(format!(
                "this host's clock is {} {direction} the service's, which alone makes signatures invalid; set the clock (chronyd, ntpd)",
                in_words(*ahead)
            ));
        }
        E::Denied { message, .. } => return remedy(message).map(str::to_owned),
        E::Dns { .. } => {
            "check the region in the ARNs and this host's DNS; Roles Anywhere does not exist in every region"
        }
        E::Interrupted { .. } => "try again; if it persists, look at what is between here and AWS",
        E::NotAws { status: 407, .. }
        | E::Proxy {
            wants_credentials: true,
            ..
        } => "the proxy asks for credentials: put them into $HTTPS_PROXY",
        E::NotAws { .. } => {
            "a proxy or firewall answered in AWS's place; ask for its rules, or set $HTTPS_PROXY and $NO_PROXY"
        }
        E::NotHttp { .. } => {
            "something else answers there; is the endpoint's port right, or should it be https://?"
        }
        E::Pki(error) => return hint_pki(error),
        E::Proxy { .. } => {
            "is $HTTPS_PROXY right, and does that proxy allow this host? $NO_PROXY names hosts that are reached without it"
        }
        E::ProxyUrl => "write $HTTPS_PROXY as http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT",
        E::Setup { .. } => return None,
        E::Signing(rolesanywhere::SigningError::Algorithm(_)) => {
            "use an RSA key, an EC key on P-256, P-384 or P-521, or an ML-DSA key"
        }
        E::Signing(rolesanywhere::SigningError::Key(error)) => return hint_key(error),
        E::Throttled { .. } => {
            "try again later; CreateSession allows about 10 requests a second for an account and region"
        }
        E::Timeout { .. } => {
            "is the endpoint reachable from here, or does a firewall drop packets? $HTTPS_PROXY is honoured"
        }
        E::Tls { problem, .. } => match problem {
            TlsProblem::CaAsServer => {
                "the server uses a CA's certificate as its own; give it one that its CA has issued, and that CA's certificate to --ca-bundle"
            }
            TlsProblem::NotTls => {
                "what answers there does not speak TLS; is the endpoint's port right, or should it be http://?"
            }
            TlsProblem::Other => "is the endpoint's host name right, and this host's clock?",
            TlsProblem::Untrusted => {
                "if a proxy inspects TLS here, give its root to --ca-bundle or $AWS_CA_BUNDLE"
            }
        },
        E::Unavailable { .. } => "try again later",
    };
    Some(text.to_owned())
}
