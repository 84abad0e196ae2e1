//! Who signed a request: the ordinary SigV4 of all services but CreateSession.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::rolesanywhere::Region;

use super::hmac::{Expected, HmacClaim};
use super::request::Received;
use super::sessions::Session;
use super::world::World;

/// What is wrong with a request's signature, in the words that all services
/// have; the codes differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unauthenticated {
    /// It has none.
    Missing,
    /// It cannot be read.
    Incomplete(String),
    /// The credentials are not known here.
    Unknown(&'static str),
    /// The scope, the time or the signature.
    Signature(String),
    /// The session is over.
    Expired,
}

impl Unauthenticated {
    /// The sentence in the answer.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Missing => "Request is missing Authentication Token",
            Self::Incomplete(message) | Self::Signature(message) => message,
            Self::Unknown(_) => "The security token included in the request is invalid.",
            Self::Expired => "The security token included in the request is expired",
        }
    }

    /// What is behind it, where the sentence does not say it.
    pub(super) const fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(reason) => Some(reason),
            _ => None,
        }
    }
}

/// The service that a request should be for, and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The region; that of the account but for global services.
    pub(super) region: &'a Region,
    /// The service as it stands in credential scopes.
    pub(super) service: &'static str,
    /// The service's time.
    pub(super) now: DateTime<Utc>,
}

impl World {
    /// Whose credentials signed the request.
    ///
    /// # Errors
    ///
    /// [`Unauthenticated`].
    pub(super) fn authenticate(
        &self,
        request: &Received,
        scope: Scope<'_>,
    ) -> Result<Arc<Session>, Unauthenticated> {
        if request.values("authorization").next().is_none() {
            return Err(Unauthenticated::Missing);
        }
        let claim = HmacClaim::read(request).map_err(Unauthenticated::Incomplete)?;
        let session = self
            .sessions
            .find(&claim.key_id)
            .ok_or(Unauthenticated::Unknown(
                "the access key id was not given out here",
            ))?;
        let token = match request.values("x-amz-security-token").next() {
            None => "",
            Some(_) => request
                .single("x-amz-security-token")
                .map_err(Unauthenticated::Incomplete)?,
        };
        if token != session.token() {
            return Err(Unauthenticated::Unknown(
                "the token is not that of the access key id",
            ));
        }
        let expected = Expected {
            scope,
            session: &session,
            window: self.clock_window,
        };
        claim
            .verify(request, &expected)
            .map_err(Unauthenticated::Signature)?;
        if session.expiration.is_some_and(|end| end <= scope.now) {
            return Err(Unauthenticated::Expired);
        }
        Ok(session)
    }
}
