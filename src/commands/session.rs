//! Obtaining a session as the options ask for it: from the cache, else from
//! Roles Anywhere. Every verb that delivers credentials goes this way.

mod cache;
mod plan;
mod trial;

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::SessionArgs;
use crate::clock::rfc3339;
use crate::delivery::{
    self, CacheEvent, Cached, Cause, Failure, KnownFailure, Missed, Obtained, Provider, Session,
    Urgency, read_session,
};
use crate::limits;
use crate::pki::{self, Identity};
use crate::rolesanywhere::{
    Chaining, CreateSession, Endpoint, Exchange, Granted, Progress, Region, RoleArn,
    SessionDuration, Transport, WorkloadNames, assume_roles, create_session,
};
use crate::store::CacheEntry;

pub(super) use self::cache::Cache;
use self::plan::ChainPlan;
pub(super) use self::plan::{endpoint, missing, transport};
pub(super) use self::trial::Trial;
use super::identity::Opening;
use super::network::{tell, warn_of_skew};
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
    chain: Option<ChainPlan>,
    opening: Opening<'a>,
    cache: Option<Cache>,
    /// What a keeper was told last of a cache that cannot be used.
    complaint: Mutex<String>,
}

impl<'a> SessionPlan<'a> {
    /// Puts the options together; nothing is opened.
    ///
    /// # Errors
    ///
    /// For options that are missing, malformed or do not fit together.
    pub(super) fn new(arguments: &'a SessionArgs, context: &'a Context) -> Result<Self, Error> {
        let target = plan::target(arguments)?;
        let endpoint = endpoint(arguments, context, target.region())?;
        let chain = plan::chain(arguments, context, &target)?;
        let (identity, place) = (&arguments.identity, &arguments.identity.certificate);
        if identity.identity.is_none()
            && place.certificate.is_none()
            && place.cert_selector.is_none()
        {
            return Err(missing(arguments, "certificate", "certificate"));
        }
        Ok(Self {
            arguments,
            context,
            request: CreateSession {
                target,
                // With a chain, this session only leads to the next role.
                duration: match chain {
                    Some(_) => SessionDuration::shortest(),
                    None => arguments.session_duration,
                },
                session_name: arguments.role_session_name.clone(),
            },
            endpoint,
            chain,
            opening: Opening::new(&arguments.identity, context)?,
            cache: Cache::find(arguments, context),
            complaint: Mutex::default(),
        })
    }

    /// Whose session it is in the end: that of the last role of a chain.
    pub(super) fn role(&self) -> &RoleArn {
        let steps = self.chain.iter().flat_map(|chain| chain.roles.roles());
        steps
            .last()
            .map_or_else(|| self.request.target.role(), |step| &step.role)
    }

    /// That its key and its certificate do not belong together, as far as files
    /// alone can tell.
    pub(super) fn mismatch(&self) -> Option<pki::Error> {
        self.opening.mismatch()
    }

    /// The region in which it is asked for.
    pub(super) const fn region(&self) -> &Region {
        self.request.target.region()
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
        let name = cache.name_of(self, &fingerprint);
        let cached = Cached {
            entry: cache.entry(&name),
            clock: self.context.clock.as_ref(),
            longest: self.longest(),
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
        let fingerprint = self.opening.fingerprint_unless_pipe()?;
        let Some(cache) = &self.cache else {
            return Err(Error::NoCache);
        };
        let name = cache.name_of(self, &fingerprint);
        Remembered::of(&cache.entry(&name))
    }

    /// Whether this is the session, with this certificate or an earlier one, that
    /// a cache keeps under this name. Nothing is read.
    pub(super) fn leads_to(&self, kept: &Cache, name: &str) -> bool {
        self.cache.as_ref().is_some_and(|cache| {
            cache.sessions().directory() == kept.sessions().directory()
                && name.starts_with(&cache.stem_of(self))
        })
    }

    /// Asks Roles Anywhere.
    fn fetch(&self, until: Instant) -> Result<Session, Error> {
        let (arguments, context) = (self.arguments, self.context);
        // Before the key is used and a connection is opened.
        let identity = self.opening.valid_identity(context.clock.now())?;
        warn_of_short_sessions(arguments.session_duration, context);
        let sts = self.chain.iter().map(|chain| &chain.endpoint);
        let endpoints: Vec<&Endpoint> = sts.chain([&self.endpoint]).collect();
        let transport = Transport::new(&transport(arguments, context, &endpoints)?)?;
        let obtained = context.clock.now();
        let granted = self.exchange(&transport, &identity, until)?;
        warn_of_skew(context, &granted);
        let role = self.role();
        let request = granted.request_id.as_ref();
        context.printer.done(&format!(
            "got a session as {role} until {}{}",
            rfc3339(granted.credentials.expiration),
            request
                .map(|id| format!(" (request id {id})"))
                .unwrap_or_default()
        ));
        Ok(Session {
            credentials: granted.credentials,
            obtained,
            role: role.clone(),
        })
    }

    /// Asks Roles Anywhere only to see whether the session is granted: nothing is
    /// kept, and nothing is said of it but notes.
    pub(super) fn probe(&self, identity: &Identity, until: Instant) -> Result<Granted, Error> {
        let sts = self.chain.iter().map(|chain| &chain.endpoint);
        let endpoints: Vec<&Endpoint> = sts.chain([&self.endpoint]).collect();
        let settings = transport(self.arguments, self.context, &endpoints)?;
        self.exchange(&Transport::new(&settings)?, identity, until)
    }

    /// CreateSession, and AssumeRole for the roles of the chain.
    fn exchange(
        &self,
        transport: &Transport,
        identity: &Identity,
        until: Instant,
    ) -> Result<Granted, Error> {
        let (printer, target) = (&self.context.printer, &self.request.target);
        let clock = self.context.clock.as_ref();
        let observe = |progress: &Progress<'_>| tell(printer, progress);
        printer.note(&format!(
            "asking {} for a session as {}",
            self.endpoint,
            target.role()
        ));
        let exchange = Exchange {
            endpoint: &self.endpoint,
            transport,
            until: Some(until),
            observe: &observe,
        };
        let granted = create_session(exchange, &self.request, identity, clock)?;
        let Some(chain) = &self.chain else {
            return Ok(granted);
        };
        for step in chain.roles.roles() {
            printer.note(&format!(
                "asking {} for a session as {}",
                chain.endpoint, step.role
            ));
        }
        let chaining = Chaining {
            chain: &chain.roles,
            region: target.region(),
            names: &WorkloadNames::of(identity.leaf(), target.trust_anchor().account()),
            duration: chain.duration,
        };
        let exchange = Exchange {
            endpoint: &chain.endpoint,
            ..exchange
        };
        Ok(assume_roles(exchange, &chaining, granted, clock)?)
    }
}

/// What the cache knows of a session.
pub(super) struct Remembered {
    pub(super) session: Option<Session>,
    /// How the last refresh failed, if it did.
    pub(super) failure: Option<KnownFailure>,
}

impl Remembered {
    /// Reads it.
    pub(super) fn of(entry: &CacheEntry) -> Result<Self, Error> {
        Ok(Self {
            session: entry.session()?.as_ref().and_then(read_session),
            failure: entry.failure()?.as_ref().and_then(KnownFailure::read),
        })
    }

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

/// A failure as `--json` shows it.
pub(super) fn failure_json(known: &KnownFailure) -> serde_json::Value {
    serde_json::json!({
        "at": rfc3339(known.at),
        "message": known.failure.message,
        "hint": known.failure.hint,
        "code": Outcome::from(known.failure.cause).code(),
        "inARow": known.count,
        "nextTry": rfc3339(known.next),
    })
}

impl Provider for SessionPlan<'_> {
    fn obtain(&self) -> Result<Obtained, Failure> {
        let reason = RefCell::new(None);
        let observe = |event: CacheEvent<'_>| match event {
            CacheEvent::StillValid(failure, _) => *reason.borrow_mut() = Some(failure.clone()),
            CacheEvent::Unusable(error) => {
                // Whoever keeps a session meets it at each try.
                let said = error.to_string();
                let mut complaint = self
                    .complaint
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                if *complaint != said {
                    cache::tell(&event, self.context);
                    *complaint = said;
                }
            }
        };
        let session = self
            .obtain_observed(Instant::now() + limits::TOTAL_DEADLINE, &observe)
            .map_err(|error| error.failure())?;
        Ok(Obtained {
            session,
            kept_because: reason.into_inner(),
        })
    }

    fn longest(&self) -> TimeDelta {
        let seconds = match &self.chain {
            Some(chain) => chain.duration.seconds(),
            None => self.request.duration.seconds(),
        };
        TimeDelta::seconds(i64::from(seconds))
    }
}

fn warn_of_short_sessions(duration: SessionDuration, context: &Context) {
    if duration.seconds() < SHORT_SESSION {
        context.printer.warning_once(&format!(
            "the AWS CLI and boto3 fetch a session of less than {SHORT_SESSION} s anew at every use"
        ));
    }
}

impl Error {
    /// What whoever waits for credentials is told.
    pub(super) fn failure(&self) -> Failure {
        let parts: Vec<String> = std::iter::once(self.to_string())
            .chain(self.causes())
            .collect();
        Failure {
            message: crate::text::printable(&parts.join(": "), usize::MAX),
            hint: self.hint(),
            cause: match self.outcome() {
                Outcome::Refused => Cause::Refused,
                Outcome::Temporary => Cause::Temporary,
                Outcome::Unusable | Outcome::Expired => Cause::Unusable,
                Outcome::Usage => Cause::Usage,
                Outcome::Done
                | Outcome::Failed
                | Outcome::Undecided
                | Outcome::Changed
                | Outcome::Command(_) => Cause::Failed,
            },
        }
    }
}

/// The document for SDKs.
pub(super) fn process_json(session: &Session) -> Result<crate::secret::Secret, Error> {
    delivery::process_json(&session.credentials).ok_or(Error::NotText)
}
