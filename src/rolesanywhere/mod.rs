//! The IAM Roles Anywhere protocol: ARNs, endpoints, the `AWS4-X509` signature,
//! the CreateSession exchange and the credentials that it yields; and AssumeRole
//! of STS, by which those lead to other roles.

mod arn;
mod assume_role;
mod chain;
mod chained_role;
mod credentials;
mod duration;
mod endpoint;
mod exchange;
mod proxy;
mod region;
mod response;
mod retry;
mod session;
mod session_name;
mod signing;
mod sigv4;
mod sts;
mod sts_response;
mod target;
mod tls;
mod transport;

pub use arn::{ArnError, ProfileArn, RoleArn, TrustAnchorArn};
pub use assume_role::{AssumeRole, ExternalId, PolicyArn, SessionPolicy, SessionTag, TagKey};
pub use chain::{ChainError, RoleChain};
pub use credentials::SessionCredentials;
pub use duration::{Chained, ChainedDuration, Direct, Lasting, SessionDuration, SessionKind};
pub use endpoint::{Endpoint, EndpointError};
pub use exchange::{Exchange, Progress, create_session};
pub use proxy::{NoProxy, Proxy, ProxyUrl, ProxyUrlError, ShownProxy};
pub use region::{Partition, Region};
pub use response::{Reply, RetryAfter, SUSPICIOUS_SKEW};
pub use retry::Granted;
pub use session::{CreateSession, RoleSessionName};
pub use session_name::{SessionNameTemplate, WorkloadNames};
pub use signing::{Algorithm, SignedRequest, SigningError, Unsigned, sign};
pub use sigv4::{HmacSigned, HmacUnsigned, sign_with_secret};
pub use sts::{Chaining, assume_roles};
pub use target::{Target, TargetError};
pub use tls::{ShownCertificate, TlsTrust};
pub use transport::{Outgoing, Transport, TransportSettings};

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::pki;

/// Why no credentials came out of an exchange.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The answer has the status of success but no usable credentials.
    #[error("{host} answered {status} but {reason}")]
    BadResponse {
        /// Who answered.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What is wrong with it; never any of its content.
        reason: String,
    },
    /// A role of the chain could not be assumed.
    #[error("role {hop} of the chain, {role}: {error}")]
    Chained {
        /// Which role of the chain it is, from 1.
        hop: usize,
        /// The role.
        role: RoleArn,
        /// Why.
        error: Box<Self>,
    },
    /// No certificate of the CA bundle can be a TLS root.
    #[error("no certificate of the CA bundle can be a TLS root")]
    CaBundle,
    /// No TCP connection.
    #[error("no connection to {host}: {reason}")]
    Connect {
        /// The endpoint's host and port.
        host: String,
        /// The operating system's words.
        reason: String,
    },
    /// AWS refused.
    #[error(
        "AWS refused with {status} {error_type}: {message}{}{}",
        suffix(" (request id ", .request_id, ")"),
        suffix("; the emulator's reason: ", .emulator_reason, "")
    )]
    Denied {
        /// The HTTP status.
        status: u16,
        /// The error type, such as `AccessDeniedException`.
        error_type: String,
        /// The service's own sentence.
        message: String,
        /// `x-amzn-RequestId`, for a support case.
        request_id: Option<String>,
        /// The reason that AWS does not give, when it was the emulator that
        /// refused.
        emulator_reason: Option<String>,
        /// How far this host's clock is ahead of the service's, from the
        /// answer's `Date`.
        clock_ahead: Option<TimeDelta>,
    },
    /// The name does not resolve.
    #[error("the name {host} does not resolve: {reason}")]
    Dns {
        /// The endpoint's host and port.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// The connection broke while the answer was read.
    #[error("the connection to {host} broke before the answer was complete: {reason}")]
    Interrupted {
        /// The endpoint's host and port.
        host: String,
        /// What happened.
        reason: String,
    },
    /// The answer does not come from AWS: a proxy's page, or something else in
    /// between.
    #[error("{host} answered {status} with {content}, which is not an answer of AWS")]
    NotAws {
        /// The endpoint's host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What kind of content came, with an HTML page's title.
        content: String,
    },
    /// What answers does not speak HTTP.
    #[error("{host} does not answer in HTTP: {reason}")]
    NotHttp {
        /// The endpoint's host and port.
        host: String,
        /// What the parser met.
        reason: String,
    },
    /// The certificate or the key cannot be used.
    #[error(transparent)]
    Pki(#[from] pki::Error),
    /// The proxy cannot be reached, or does not lead to the endpoint.
    #[error(
        "the proxy {proxy} gives no connection to {host}: {}",
        .status.map_or_else(|| .reason.clone(), |status| format!("it answered {status} to CONNECT"))
    )]
    Proxy {
        /// The endpoint's host and port.
        host: String,
        /// The proxy.
        proxy: ShownProxy,
        /// The client's or the operating system's words.
        reason: String,
        /// What the proxy answered to CONNECT, where it is known.
        status: Option<u16>,
    },
    /// Several attempts failed, or the service wants to be left alone for
    /// longer than there is time.
    #[error("{}{error}{}", attempts_made(*.attempts, *.seconds, error), come_back(.not_before))]
    Repeated {
        /// How many requests were sent.
        attempts: u32,
        /// How long all of them took, pauses included, in whole seconds.
        seconds: u64,
        /// When the service wants to be asked again.
        not_before: Option<DateTime<Utc>>,
        /// How the last one failed.
        error: Box<Self>,
    },
    /// Setting up the connection failed before anything was sent.
    #[error("the connection could not be prepared: {reason}")]
    Setup {
        /// What failed.
        reason: String,
    },
    /// The request could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// AWS asks to slow down.
    #[error(
        "AWS answered {status}, too many requests: {message}{}",
        suffix(" (request id ", .request_id, ")")
    )]
    Throttled {
        /// The HTTP status.
        status: u16,
        /// The service's own sentence.
        message: String,
        /// `x-amzn-RequestId`, for a support case.
        request_id: Option<String>,
    },
    /// A deadline passed.
    #[error(
        "{host} did not answer within {seconds} s{}",
        .proxy.as_ref().map(|proxy| format!(", through the proxy {proxy}")).unwrap_or_default()
    )]
    Timeout {
        /// The endpoint's host and port.
        host: String,
        /// The proxy that leads there, which may be what is silent.
        proxy: Option<ShownProxy>,
        /// How long it was waited for, in whole seconds: which deadline passed
        /// depends on how far the exchange had come.
        seconds: u64,
    },
    /// The server's TLS certificate is not trusted, or TLS failed otherwise.
    #[error(
        "TLS with {host} failed: {reason}{}",
        .shown.as_ref().map(|shown| format!("; {shown}")).unwrap_or_default()
    )]
    Tls {
        /// The endpoint's host and port.
        host: String,
        /// The TLS library's words.
        reason: String,
        /// The certificate that was shown, when its issuer is not trusted.
        shown: Option<ShownCertificate>,
        /// What kind of failure it is, which decides the next step.
        problem: TlsProblem,
    },
    /// The service, or something before it, is out of order.
    #[error("{host} answered {status}: {message}{}", suffix(" (request id ", .request_id, ")"))]
    Unavailable {
        /// The endpoint's host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
        /// `x-amzn-RequestId`, for a support case.
        request_id: Option<String>,
    },
}

/// The kinds of TLS failure that ask for different steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsProblem {
    /// The server's certificate is a CA's own, which no server should use.
    CaAsServer,
    /// What answers does not speak TLS.
    NotTls,
    /// The certificate's name, its dates, or anything else.
    Other,
    /// The certificate's issuer is not trusted; another CA bundle can help.
    Untrusted,
}

impl Error {
    /// What went wrong in the end, without how often it was tried and for which
    /// role of a chain.
    #[must_use]
    pub fn root(&self) -> &Self {
        match self {
            Self::Chained { error, .. } | Self::Repeated { error, .. } => error.root(),
            other => other,
        }
    }

    /// Whether another attempt can help. A refusal, a TLS server that is not
    /// trusted and a proxy that wants credentials stay what they are.
    pub(crate) fn may_pass(&self) -> bool {
        match self.root() {
            Self::Connect { .. }
            | Self::Dns { .. }
            | Self::Interrupted { .. }
            | Self::Throttled { .. }
            | Self::Timeout { .. }
            | Self::Unavailable { .. } => true,
            // It says what it will say the next time too, unless it is out of order.
            Self::Proxy { status, .. } => status.is_none_or(|status| status >= 500),
            Self::BadResponse { .. }
            | Self::CaBundle
            | Self::Chained { .. }
            | Self::Denied { .. }
            | Self::NotAws { .. }
            | Self::NotHttp { .. }
            | Self::Pki(_)
            | Self::Repeated { .. }
            | Self::Setup { .. }
            | Self::Signing(_)
            | Self::Tls { .. } => false,
        }
    }

    /// How far this host's clock is ahead, when that explains the refusal.
    /// Roles Anywhere says `Invalid signature` whatever is wrong with one; STS
    /// says `SignatureDoesNotMatch` with a sentence about the dates.
    #[must_use]
    pub fn skew_to_blame(&self) -> Option<TimeDelta> {
        match self.root() {
            Self::Denied {
                message,
                error_type,
                clock_ahead: Some(ahead),
                ..
            } if ahead.abs() > SUSPICIOUS_SKEW => {
                let blamed = message.contains("Invalid signature")
                    || message.contains("Signature expired")
                    || message.contains("Signature not yet current")
                    || error_type == "RequestExpired";
                blamed.then_some(*ahead)
            }
            _ => None,
        }
    }

    fn repeated(self, attempts: u32, took: Duration, not_before: Option<DateTime<Utc>>) -> Self {
        if attempts == 1 && not_before.is_none() {
            return self;
        }
        Self::Repeated {
            attempts,
            seconds: took.as_secs(),
            not_before,
            error: Box::new(self),
        }
    }
}

/// How often it was tried; where it was waited, for how long in all.
fn attempts_made(attempts: u32, seconds: u64, error: &Error) -> String {
    match (attempts, error.root()) {
        (1, _) => String::new(),
        (_, Error::Timeout { .. }) => format!("after {attempts} attempts in {seconds} s: "),
        _ => format!("after {attempts} attempts: "),
    }
}

fn come_back(not_before: &Option<DateTime<Utc>>) -> String {
    not_before
        .map(|time| {
            format!(
                "; it asks not to be called again before {}",
                crate::clock::rfc3339(time)
            )
        })
        .unwrap_or_default()
}

fn suffix(before: &str, value: &Option<String>, after: &str) -> String {
    value
        .as_ref()
        .map(|value| format!("{before}{value}{after}"))
        .unwrap_or_default()
}
