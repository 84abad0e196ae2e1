//! Sessions that processes share: one of them asks AWS, the others use what it
//! got, and while AWS cannot be reached what is still valid is used.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::{Clock, rfc3339};
use crate::limits;
use crate::random;
use crate::rolesanywhere::SessionCredentials;
use crate::secret::Secret;
use crate::store::{self, CacheEntry, CacheLock};

use super::{Failure, Session, next_try};

/// How much depends on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// There is one that is still valid: it is not worth much waiting.
    Early,
    /// There is none.
    Needed,
}

/// Something on the way to a session that whoever asked for it should know.
#[derive(Debug)]
pub enum CacheEvent<'a> {
    /// The cache cannot be used; the session was or will be obtained without it.
    Unusable(&'a store::Error),
    /// The refresh failed, now or a moment ago, and a session is used that is
    /// still valid until then.
    StillValid(&'a Failure, DateTime<Utc>),
}

/// Why there is no session.
#[derive(Debug)]
pub enum Missed<E> {
    /// It could not be obtained.
    Here(E),
    /// Another process could not obtain it, while this one waited.
    Elsewhere(Failure),
}

/// One session in the cache, and the way to use it.
pub struct Cached<'a> {
    /// Its place.
    pub entry: CacheEntry,
    /// The time.
    pub clock: &'a dyn Clock,
    /// How long a session lasts that is asked for, at most.
    pub longest: TimeDelta,
    /// Who is told of what happens.
    pub observe: &'a dyn Fn(CacheEvent<'_>),
}

impl std::fmt::Debug for Cached<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.entry.fmt(f)
    }
}

impl Cached<'_> {
    /// Gives the kept session while it is not due; else obtains one by `fetch`,
    /// in one process at a time. Where that fails, a session that is still
    /// valid is given.
    ///
    /// # Errors
    ///
    /// [`Missed`], when there is no valid session.
    pub fn obtain<E>(
        &self,
        fetch: impl FnOnce(Urgency) -> Result<Session, E>,
        explain: impl Fn(&E) -> Failure,
    ) -> Result<Session, Missed<E>> {
        let began = self.clock.now();
        let mut is_broken = false;
        match self.kept(&mut is_broken) {
            Some(session) if !self.is_due(&session, self.clock.now()) => return Ok(session),
            _ => {}
        }
        let lock = match self.turn(&mut is_broken) {
            Turn::Ours(lock) => Some(lock),
            Turn::Alone => None,
            Turn::Theirs(session) => return Ok(*session),
        };
        // Another process may have been here in the meantime.
        let kept = self.valid(&mut is_broken);
        let now = self.clock.now();
        let kept = match kept {
            Some(session) if !self.is_due(&session, now) => return Ok(session),
            // What is used where nothing new comes.
            other => other.or_else(|| self.before_rotation()),
        };
        let known = self.known_failure();
        match (kept, &known) {
            (Some(session), Some(known)) if known.is_too_early(now) => {
                Ok(self.still_valid(session, &known.failure))
            }
            // Not one of a clock that was ahead.
            (None, Some(known)) if lock.is_some() && (began..=now).contains(&known.at) => {
                Err(Missed::Elsewhere(known.failure.clone()))
            }
            (kept, known) => {
                let count = known.as_ref().map_or(0, |known| known.count);
                self.refresh(lock.as_ref(), kept, count, (fetch, explain))
            }
        }
    }

    /// Waits for the right to refresh, or for whoever has it.
    fn turn(&self, is_broken: &mut bool) -> Turn<'_> {
        let began = Instant::now();
        loop {
            match self.entry.try_lock() {
                Ok(Some(lock)) => return Turn::Ours(lock),
                Ok(None) => {}
                Err(error) => {
                    self.tell_unusable(&error, is_broken);
                    return Turn::Alone;
                }
            }
            // Whoever has the lock refreshes it.
            if let Some(session) = self.valid(is_broken) {
                return Turn::Theirs(Box::new(session));
            }
            if began.elapsed() > limits::CACHE_WAIT {
                return Turn::Alone;
            }
            std::thread::sleep(limits::CACHE_POLL);
        }
    }

    /// Obtains a session; where that fails, `kept` is given, which was valid a
    /// moment ago. `failures` is how many there were in a row.
    fn refresh<E>(
        &self,
        lock: Option<&CacheLock<'_>>,
        kept: Option<Session>,
        failures: u32,
        (fetch, explain): (
            impl FnOnce(Urgency) -> Result<Session, E>,
            impl Fn(&E) -> Failure,
        ),
    ) -> Result<Session, Missed<E>> {
        let urgency = if kept.is_some() {
            Urgency::Early
        } else {
            Urgency::Needed
        };
        let error = match fetch(urgency) {
            Ok(session) => {
                if let Some(lock) = lock {
                    self.keep(lock, &session);
                }
                return Ok(session);
            }
            Err(error) => error,
        };
        let failure = explain(&error);
        if let Some(lock) = lock {
            self.remember(lock, failure.clone(), failures);
        }
        // It may have ended in the meantime.
        match kept.filter(|session| session.life().is_valid(self.clock.now())) {
            Some(session) => Ok(self.still_valid(session, &failure)),
            None => Err(Missed::Here(error)),
        }
    }

    fn is_due(&self, session: &Session, now: DateTime<Utc>) -> bool {
        session.life().at_most(self.longest).is_due(now)
    }

    fn still_valid(&self, session: Session, failure: &Failure) -> Session {
        let until = session.life().as_seen_at(self.clock.now()).ends;
        (self.observe)(CacheEvent::StillValid(failure, until));
        session
    }

    fn tell_unusable(&self, error: &store::Error, is_broken: &mut bool) {
        if !std::mem::replace(is_broken, true) {
            (self.observe)(CacheEvent::Unusable(error));
        }
    }

    /// What is kept and valid.
    fn valid(&self, is_broken: &mut bool) -> Option<Session> {
        let now = self.clock.now();
        self.kept(is_broken)
            .filter(|session| session.life().is_valid(now))
    }

    /// What is kept, if it can be read. What cannot is told once.
    fn kept(&self, is_broken: &mut bool) -> Option<Session> {
        match self.entry.session() {
            Ok(content) => read(&content?),
            Err(error) => {
                self.tell_unusable(&error, is_broken);
                None
            }
        }
    }

    /// A valid session that was obtained with another certificate: the one before
    /// a rotation.
    fn before_rotation(&self) -> Option<Session> {
        let now = self.clock.now();
        let siblings = self.entry.siblings().unwrap_or_default();
        siblings
            .iter()
            .filter_map(|entry| read(&entry.session().ok()??))
            .filter(|session| session.life().is_valid(now))
            .max_by_key(|session| session.credentials.expiration)
    }

    fn known_failure(&self) -> Option<KnownFailure> {
        KnownFailure::read(&self.entry.failure().ok()??)
    }

    fn keep(&self, lock: &CacheLock<'_>, session: &Session) {
        let Some(content) = write(session) else {
            return;
        };
        if let Err(error) = lock.keep(&content) {
            (self.observe)(CacheEvent::Unusable(&error));
        }
    }

    fn remember(&self, lock: &CacheLock<'_>, failure: Failure, before: u32) {
        let at = self.clock.now();
        let count = before.saturating_add(1);
        let next = next_try(at, count, failure.cause.prospect(), random::fraction());
        let known = KnownFailure {
            failure,
            at,
            count,
            next,
        };
        // Without it every process tries by itself, as without a cache.
        if let Ok(content) = serde_json::to_vec(&known) {
            let _ = lock.keep_failure(&content);
        }
    }
}

/// Who refreshes a session.
enum Turn<'a> {
    /// This process, for itself: the cache cannot be written, or another process
    /// takes too long.
    Alone,
    /// This process, for all.
    Ours(CacheLock<'a>),
    /// Another one, and what it will replace is still valid.
    Theirs(Box<Session>),
}

/// A failure that processes share.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct KnownFailure {
    /// What failed.
    pub failure: Failure,
    /// When it failed last.
    pub at: DateTime<Utc>,
    /// How often in a row.
    pub count: u32,
    /// When the next try is worth it.
    pub next: DateTime<Utc>,
}

impl KnownFailure {
    /// Reads what [`Cached::obtain`] has kept.
    #[must_use]
    pub fn read(content: &Secret) -> Option<Self> {
        serde_json::from_slice(content.expose()).ok()
    }

    /// Whether another try would come too soon. Where the clock was set back it
    /// does not.
    fn is_too_early(&self, now: DateTime<Utc>) -> bool {
        (self.at..self.next).contains(&now)
    }
}

/// A session as it stands in the cache.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    version: u8,
    role_arn: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
    obtained: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    version: u8,
    role_arn: String,
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: DateTime<Utc>,
    obtained: DateTime<Utc>,
}

/// The version of this form.
const VERSION: u8 = 1;

fn write(session: &Session) -> Option<Secret> {
    let credentials = &session.credentials;
    let written = Written {
        version: VERSION,
        role_arn: session.role.as_str(),
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose_str()?,
        session_token: credentials.session_token.expose_str()?,
        expiration: rfc3339(credentials.expiration),
        obtained: rfc3339(session.obtained),
    };
    // Room for all of it, so that no growing buffer leaves parts behind.
    let length = written.secret_access_key.len() + written.session_token.len();
    let mut content = Vec::with_capacity(length + 4096);
    serde_json::to_writer(&mut content, &written).ok()?;
    Some(Secret::new(content))
}

/// Reads a session of the cache. One that is damaged, empty or of another
/// version is none: it is obtained anew.
#[must_use]
pub fn read(content: &Secret) -> Option<Session> {
    let kept: Kept = serde_json::from_slice(content.expose()).ok()?;
    // Secrets first, so that whatever fails below wipes them.
    let secret_access_key = Secret::from(kept.secret_access_key);
    let session_token = Secret::from(kept.session_token);
    let is_whole = kept.version == VERSION
        && !kept.access_key_id.is_empty()
        && !secret_access_key.expose().is_empty()
        && !session_token.expose().is_empty();
    is_whole.then_some(())?;
    Some(Session {
        credentials: SessionCredentials {
            access_key_id: kept.access_key_id,
            secret_access_key,
            session_token,
            expiration: kept.expiration,
        },
        obtained: kept.obtained,
        role: kept.role_arn.parse().ok()?,
    })
}
