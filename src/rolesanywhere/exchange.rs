//! One CreateSession: encode, sign, send, read.

use crate::clock::{Clock, whole_seconds};
use crate::pki::Identity;

use super::{CreateSession, Endpoint, Error, SessionCredentials, Transport, Unsigned, signing};

/// Where and how a session is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Exchange<'a> {
    /// The endpoint.
    pub endpoint: &'a Endpoint,
    /// The connection.
    pub transport: &'a Transport,
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
    exchange
        .transport
        .send(exchange.endpoint, &signed, &body)?
        .into_credentials(clock.now())
}
