//! Obtaining a session as the options ask for it: from the cache, else from
//! Roles Anywhere. Every verb that delivers credentials goes this way.

mod cache;
mod plan;

use std::cell::RefCell;
use std::time::Instant;

use chrono::{DateTime, Utc};

use crate::cli::SessionArgs;
use crate::clock::rfc3339;
use crate::delivery::{
    self, CacheEvent, Cached, Failure, KnownFailure, Missed, Prospect, Provider, Session, Urgency,
    read_session,
};
use crate::limits;
use crate::rolesanywhere::{
    CreateSession, Endpoint, Exchange, SessionDuration, Target, Transport, create_session,
};

pub(super) use self::cache::Cache;
use super::identity::Opening;
use super::{Context, Error, Outcome};

/// Below this many seconds botocore finds every session due for refresh and
/// asks for it again at each request.
const SHORT_SESSION: u32 = 1200;

/// One session that is wanted, and everything that obtaining it takes.
pub(super) struct SessionPlan<'a> {
    arguments: &'a SessionArgs,
    context: &'a Context,
    request: CreateSession,
    endpoint: Endpoint,
    opening: Opening<'a>,
    cache: Option<Cache>,
}

impl<'a> SessionPlan<'a> {
    /// Puts the options together; nothing is opened.
    ///
    /// # Errors
    ///
    /// For options that are missing, malformed or do not fit together.
    pub(super) fn new(arguments: &'a SessionArgs, context: &'a Context) -> Result<Self, Error> {
        let target = plan::target(arguments)?;
        let endpoint = plan::endpoint(arguments, context, target.region())?;
        if arguments.identity.certificate.is_none() && arguments.identity.cert_selector.is_none() {
            return Err(Error::Missing {
                what: "certificate",
                option: "certificate",
            });
        }
        Ok(Self {
            arguments,
            context,
            request: CreateSession {
                target,
                duration: arguments.session_duration,
                session_name: arguments.role_session_name.clone(),
            },
            endpoint,
            opening: Opening::new(&arguments.identity, context)?,
            cache: Cache::find(arguments, context),
        })
    }

    /// Whose session it is.
    pub(super) const fn target(&self) -> &Target {
        &self.request.target
    }

    /// Obtains the session, by when a caller has to have it.
    pub(super) fn obtain_until(&self, until: Instant) -> Result<Session, Error> {
        self.obtain_observed(until, &|event| cache::tell(&event, self.context))
    }

    /// The same; `observe` is told of what happens with the cache.
    fn obtain_observed(
        &self,
        until: Instant,
        observe: &dyn Fn(CacheEvent<'_>),
    ) -> Result<Session, Error> {
        // The certificate is looked at each time, for it may have been rotated.
        let fingerprint = self.opening.fingerprint()?;
        let Some(cache) = &self.cache else {
            return self.fetch(until);
        };
        let deadline = |urgency| match urgency {
            Urgency::Early => until.min(Instant::now() + limits::EARLY_REFRESH_DEADLINE),
            Urgency::Needed => until,
        };
        let name = cache.name_of(&self.request, &self.endpoint, self.arguments, &fingerprint);
        let cached = Cached {
            entry: cache.entry(&name),
            clock: self.context.clock.as_ref(),
            observe,
        };
        cached
            .obtain(|urgency| self.fetch(deadline(urgency)), Error::failure)
            .map_err(|missed| match missed {
                Missed::Here(error) => error,
                Missed::Elsewhere(failure) => Error::Elsewhere(failure),
            })
    }

    /// What the cache knows of the session, without asking for one.
    pub(super) fn remembered(&self) -> Result<Remembered, Error> {
        let fingerprint = self.opening.fingerprint()?;
        let Some(cache) = &self.cache else {
            return Err(Error::NoCache);
        };
        let name = cache.name_of(&self.request, &self.endpoint, self.arguments, &fingerprint);
        let entry = cache.entry(&name);
        Ok(Remembered {
            session: entry.session()?.as_ref().and_then(read_session),
            failure: entry.failure()?.as_ref().and_then(KnownFailure::read),
        })
    }

    /// Asks Roles Anywhere.
    fn fetch(&self, until: Instant) -> Result<Session, Error> {
        let (arguments, context) = (self.arguments, self.context);
        let identity = self.opening.identity()?;
        // Before the key is used and a connection is opened.
        identity.check_validity(context.clock.now())?;
        warn_of_short_sessions(arguments.session_duration, context);
        let transport = Transport::new(&plan::transport(arguments, context, &self.endpoint)?)?;
        context.printer.note(&format!(
            "asking {} for a session as {}",
            self.endpoint,
            self.request.target.role()
        ));
        let exchange = Exchange {
            endpoint: &self.endpoint,
            transport: &transport,
            until: Some(until),
        };
        let clock = context.clock.as_ref();
        let obtained = clock.now();
        let credentials = create_session(exchange, &self.request, &identity, clock)?;
        context.printer.done(&format!(
            "got a session as {} until {}",
            self.request.target.role(),
            rfc3339(credentials.expiration)
        ));
        Ok(Session {
            credentials,
            obtained,
            role: self.request.target.role().clone(),
        })
    }
}

/// What the cache knows of a session.
pub(super) struct Remembered {
    pub(super) session: Option<Session>,
    /// How the last refresh failed, if it did.
    pub(super) failure: Option<KnownFailure>,
}

impl Remembered {
    /// When a process that needs the session will ask for a new one.
    pub(super) fn next_refresh(&self) -> Option<DateTime<Utc>> {
        let due = self
            .session
            .as_ref()
            .map(|session| session.life().refresh_at());
        let pause = self.failure.as_ref().map(|failure| failure.next);
        due.into_iter().chain(pause).max()
    }
}

impl Provider for SessionPlan<'_> {
    fn obtain(&self) -> Result<Session, Failure> {
        self.obtain_until(Instant::now() + limits::TOTAL_DEADLINE)
            .map_err(|error| error.failure())
    }

    fn obtain_or_keep(&self) -> Result<(Session, Option<Failure>), Failure> {
        let reason = RefCell::new(None);
        let observe = |event: CacheEvent<'_>| match event {
            CacheEvent::StillValid(failure, _) => *reason.borrow_mut() = Some(failure.clone()),
            other @ CacheEvent::Unusable(_) => cache::tell(&other, self.context),
        };
        let session = self
            .obtain_observed(Instant::now() + limits::TOTAL_DEADLINE, &observe)
            .map_err(|error| error.failure())?;
        Ok((session, reason.into_inner()))
    }
}

fn warn_of_short_sessions(duration: SessionDuration, context: &Context) {
    if duration.seconds() < SHORT_SESSION {
        context.printer.warning(&format!(
            "the AWS CLI and boto3 fetch a session of less than {SHORT_SESSION} s anew at every use"
        ));
    }
}

impl Error {
    /// What whoever waits for credentials is told.
    pub(super) fn failure(&self) -> Failure {
        let mut message = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            message.push_str(": ");
            message.push_str(&source.to_string());
            cause = source.source();
        }
        let outcome = self.outcome();
        Failure {
            message: crate::text::printable(&message, usize::MAX),
            hint: self.hint(),
            code: outcome.code(),
            prospect: match outcome {
                Outcome::Refused | Outcome::Unusable | Outcome::Usage => Prospect::Lasting,
                _ => Prospect::Passing,
            },
        }
    }
}

/// The document for SDKs.
pub(super) fn process_json(session: &Session) -> Result<crate::secret::Secret, Error> {
    delivery::process_json(&session.credentials).ok_or(Error::NotText)
}
