//! The IAM Roles Anywhere protocol: ARNs, endpoints, the `AWS4-X509` signature,
//! the CreateSession exchange and the credentials that it yields.

mod arn;
mod credentials;
mod endpoint;
mod exchange;
mod response;
mod session;
mod signing;
mod transport;

pub use arn::{
    ArnError, Partition, ProfileArn, Region, RoleArn, Target, TargetError, TrustAnchorArn,
};
pub use credentials::SessionCredentials;
pub use endpoint::{Endpoint, EndpointError};
pub use exchange::{Exchange, create_session};
pub use response::{Reply, SUSPICIOUS_SKEW};
pub use session::{CreateSession, RoleSessionName, SessionDuration};
pub use signing::{Algorithm, SignedRequest, SigningError, Unsigned, sign};
pub use transport::{TlsTrust, Transport, TransportSettings};

use chrono::TimeDelta;

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
    #[error("the proxy gives no connection to {host}: {reason}")]
    Proxy {
        /// The endpoint's host and port.
        host: String,
        /// The client's or the operating system's words.
        reason: String,
        /// Whether the proxy answered 407.
        wants_credentials: bool,
    },
    /// The proxy's URL is malformed. It may carry a password, so it is not
    /// repeated.
    #[error("the proxy's URL is malformed")]
    ProxyUrl,
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
    #[error("AWS answered {status}, too many requests: {message}")]
    Throttled {
        /// The HTTP status.
        status: u16,
        /// The service's own sentence.
        message: String,
    },
    /// A deadline passed.
    #[error("{host} did not answer within {seconds} s")]
    Timeout {
        /// The endpoint's host and port.
        host: String,
        /// How long it was waited for, in whole seconds: which deadline passed
        /// depends on how far the exchange had come.
        seconds: u64,
    },
    /// The server's TLS certificate is not trusted, or TLS failed otherwise.
    #[error("TLS with {host} failed: {reason}")]
    Tls {
        /// The endpoint's host and port.
        host: String,
        /// The TLS library's words.
        reason: String,
        /// What kind of failure it is, which decides the next step.
        problem: TlsProblem,
    },
    /// The service, or something before it, is out of order.
    #[error("{host} answered {status}: {message}")]
    Unavailable {
        /// The endpoint's host and port.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
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

fn suffix(before: &str, value: &Option<String>, after: &str) -> String {
    value
        .as_ref()
        .map(|value| format!("{before}{value}{after}"))
        .unwrap_or_default()
}
