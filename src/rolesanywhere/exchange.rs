//! One CreateSession: encode, sign, send, read, and again when that can help.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::limits;
use crate::pki::Identity;

use super::retry::{Attempt, Persistence};
use super::{
    CreateSession, Endpoint, Error, Granted, Outgoing, Reply, SessionCredentials, SignedRequest,
    Transport, Unsigned, signing,
};

/// What happens on the way to credentials, for whoever wants to tell of it.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A refusal is explained by this host's clock; the request is made again,
    /// dated by the service's.
    CorrectedClock {
        /// How far this host's clock is ahead of the service's.
        ahead: TimeDelta,
    },
    /// An attempt has failed in a way that may pass, and another follows.
    Retry {
        /// How it failed.
        error: &'a Error,
        /// How many attempts there were so far.
        attempts: u32,
        /// How long the next one is put off.
        pause: Duration,
    },
}

/// Where and how a session is asked for.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// The connection.
    pub transport: &'a Transport,
    /// When it should be over, all attempts and pauses included, for a caller
    /// whose time has begun before; `None` leaves it to the transport's own
    /// deadline.
    pub until: Option<Instant>,
    /// Who is told what happens on the way.
    pub observe: &'a dyn Fn(&Progress<'_>),
}

impl std::fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Exchange({})", self.endpoint)
    }
}

/// A request before it is addressed and signed.
pub(super) struct Posted<'a> {
    /// The operation's path.
    pub(super) path: &'a str,
    /// `Content-Type`.
    pub(super) content_type: &'a str,
    /// The body.
    pub(super) body: &'a str,
}

/// What a signature adds to a request.
pub(super) trait Signed {
    /// All headers to send.
    fn headers(&self) -> &[(String, String)];

    /// The query to send, encoded.
    fn query(&self) -> &str {
        ""
    }
}

impl Exchange<'_> {
    /// Sends one request to the endpoint. `sign` is given the headers that it has
    /// before; `left` tells, after that, how long the answer may take.
    pub(super) fn post<S: Signed>(
        &self,
        request: &Posted<'_>,
        sign: impl FnOnce(&[(String, String)]) -> Result<S, Error>,
        left: &dyn Fn() -> Duration,
    ) -> Result<Reply, Error> {
        let headers = [
            ("content-type".to_owned(), request.content_type.to_owned()),
            ("host".to_owned(), self.endpoint.authority()),
        ];
        let signed = sign(&headers)?;
        let outgoing = Outgoing {
            path: request.path,
            query: signed.query(),
            headers: signed.headers(),
            body: request.body,
        };
        self.transport.send(self.endpoint, &outgoing, left())
    }

    /// When everything is over, seen from now. Key and certificate may have taken
    /// long to load: something is left for the network all the same.
    pub(super) fn deadline(&self) -> Instant {
        let now = Instant::now();
        let own = now + self.transport.total_deadline();
        match self.until {
            Some(until) => until.max(now + limits::LEAST_EXCHANGE_DEADLINE).min(own),
            None => own,
        }
    }
}

/// Obtains temporary credentials: by several attempts where a failure may pass,
/// and by one that is dated by the service's clock where this host's clock
/// explains a refusal.
///
/// ```no_run
/// use windlass::clock::SystemClock;
/// use windlass::pki::Identity;
/// use windlass::rolesanywhere::{
///     CreateSession, Endpoint, Error, Exchange, SessionCredentials, Target, Transport,
///     TransportSettings, create_session,
/// };
///
/// fn credentials(
///     identity: &Identity,
///     target: Target,
/// ) -> Result<SessionCredentials, Box<dyn std::error::Error>> {
///     let exchange = Exchange {
///         endpoint: &Endpoint::of_region(target.region(), false, false)?,
///         transport: &Transport::new(&TransportSettings::default())?,
///         until: None,
///         observe: &|progress| eprintln!("{progress:?}"),
///     };
///     let asked = CreateSession {
///         target,
///         duration: Default::default(),
///         session_name: None,
///     };
///     Ok(create_session(exchange, &asked, identity, &SystemClock)?.credentials)
/// }
/// ```
///
/// # Errors
///
/// [`Error`]. A leaf that is not valid now is reported before anything is
/// sent.
pub fn create_session(
    exchange: Exchange<'_>,
    request: &CreateSession,
    identity: &Identity,
    clock: &dyn Clock,
) -> Result<Granted, Error> {
    identity.check_validity(clock.now())?;
    let (query, body) = request.encode();
    let attempt = CreateSessionAttempt {
        exchange,
        request,
        identity,
        query,
        body,
    };
    Persistence {
        until: exchange.deadline(),
        // A device or a program may take long to sign.
        least: limits::LEAST_EXCHANGE_DEADLINE,
        clock,
        correction: TimeDelta::zero(),
        observe: exchange.observe,
    }
    .carry_out(&attempt)
}

impl Signed for SignedRequest {
    fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    fn query(&self) -> &str {
        &self.canonical_query
    }
}

struct CreateSessionAttempt<'a> {
    exchange: Exchange<'a>,
    request: &'a CreateSession,
    identity: &'a Identity,
    query: Vec<(String, String)>,
    body: String,
}

impl Attempt for CreateSessionAttempt<'_> {
    fn send(&self, at: DateTime<Utc>, left: &dyn Fn() -> Duration) -> Result<Reply, Error> {
        let posted = Posted {
            path: "/sessions",
            content_type: "application/json",
            body: &self.body,
        };
        let sign = |headers: &[(String, String)]| {
            let unsigned = Unsigned {
                region: self.request.target.region(),
                query: &self.query,
                headers,
                body: &self.body,
                at,
            };
            Ok(signing::sign(&unsigned, self.identity)?)
        };
        self.exchange.post(&posted, sign, left)
    }

    fn read(
        &self,
        reply: &Reply,
        now: DateTime<Utc>,
        ahead: Option<TimeDelta>,
    ) -> Result<SessionCredentials, Error> {
        reply.credentials(now, ahead)
    }
}
