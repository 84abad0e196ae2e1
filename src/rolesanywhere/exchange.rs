//! One CreateSession: encode, sign, send, read, and again when that can help.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::Clock;
use crate::limits;
use crate::pki::Identity;

use super::retry::{Attempt, Persistence};
use super::{
    CreateSession, Endpoint, Error, Granted, Outgoing, Reply, SessionCredentials, Transport,
    Unsigned, signing,
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

impl Exchange<'_> {
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

struct CreateSessionAttempt<'a> {
    exchange: Exchange<'a>,
    request: &'a CreateSession,
    identity: &'a Identity,
    query: Vec<(String, String)>,
    body: String,
}

impl Attempt for CreateSessionAttempt<'_> {
    fn send(&self, at: DateTime<Utc>, left: &dyn Fn() -> Duration) -> Result<Reply, Error> {
        let headers = [
            ("content-type".to_owned(), "application/json".to_owned()),
            ("host".to_owned(), self.exchange.endpoint.authority()),
        ];
        let signed = signing::sign(
            &Unsigned {
                region: self.request.target.region(),
                query: &self.query,
                headers: &headers,
                body: &self.body,
                at,
            },
            self.identity,
        )?;
        let outgoing = Outgoing {
            path: "/sessions",
            query: &signed.canonical_query,
            headers: &signed.headers,
            body: &self.body,
        };
        self.exchange
            .transport
            .send(self.exchange.endpoint, &outgoing, left())
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
