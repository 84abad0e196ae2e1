//! One CreateSession: encode, sign, send, read.

use std::time::Instant;

use crate::clock::{Clock, whole_seconds};
use crate::limits;
use crate::pki::Identity;

use super::{CreateSession, Endpoint, Error, SessionCredentials, Transport, Unsigned, signing};

/// Where and how a session is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// The connection.
    pub transport: &'a Transport,
    /// When it should be over, for a caller whose time has begun before;
    /// `None` leaves it to the transport's own deadline.
    pub until: Option<Instant>,
}

/// Obtains temporary credentials.
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
) -> Result<SessionCredentials, Error> {
    let at = whole_seconds(clock.now());
    identity.check_validity(at)?;
    let (query, body) = request.encode();
    let headers = [
        ("content-type".to_owned(), "application/json".to_owned()),
        ("host".to_owned(), exchange.endpoint.authority()),
    ];
    let signed = signing::sign(
        &Unsigned {
            region: request.target.region(),
            query: &query,
            headers: &headers,
            body: &body,
            at,
        },
        identity,
    )?;
    // A device or a program may have taken long to sign.
    let left = exchange.until.map(|until| {
        let left = until.saturating_duration_since(Instant::now());
        left.max(limits::LEAST_EXCHANGE_DEADLINE)
    });
    exchange
        .transport
        .send(exchange.endpoint, &signed, &body, left)?
        .into_credentials(clock.now())
}
