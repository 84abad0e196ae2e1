//! Keeping a session fresh where it is used: when to obtain the next one,
//! whatever the network, the service and the clock do.
//!
//! Time is the wall clock's, looked at every second, since a timer stands still
//! while a machine is suspended, and sessions do not. A clock that is set back is
//! noticed by that, and as nobody knows then when the session ends, the next one
//! is obtained at once.

#[cfg(test)]
mod day;
mod pace;

pub use pace::{Look, Pace};

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, in_words};
use crate::random;

use super::{Cause, Failure, Provider, Session};

/// What there is to tell.
#[derive(Debug)]
pub enum Event<'a> {
    /// A new session was delivered.
    Delivered {
        /// It.
        session: &'a Session,
        /// When the next one is due.
        next: DateTime<Utc>,
    },
    /// What came is due and no better than what was delivered before: somebody
    /// else is replacing it.
    Unchanged {
        /// When it is asked for again.
        next: DateTime<Utc>,
    },
    /// The first new session after failures; it is told before that one.
    Recovered {
        /// How many there were.
        failures: u32,
        /// When the first one was.
        since: DateTime<Utc>,
    },
    /// Obtaining or delivering failed. What was still good may have been
    /// delivered nevertheless.
    Failed {
        /// Why.
        failure: &'a Failure,
        /// When it is tried again.
        next: DateTime<Utc>,
        /// Until when what was delivered is good.
        until: Option<DateTime<Utc>>,
    },
    /// What was delivered has ended, and there is nothing new.
    Ended {
        /// When it ended.
        at: DateTime<Utc>,
    },
    /// Somebody else has put something else in its place.
    Overwritten {
        /// When it is written again.
        next: DateTime<Utc>,
    },
    /// The clock was set back.
    ClockSetBack {
        /// How far at least.
        by: TimeDelta,
    },
}

/// Where sessions go. Everything is called on the keeper's thread.
pub trait Sink {
    /// A session is being asked for, which may take a while. An event tells what
    /// came of it.
    fn asking(&mut self, _now: DateTime<Utc>) {}

    /// Puts a session where it belongs.
    ///
    /// # Errors
    ///
    /// [`Failure`]; what was there before is then still there.
    fn deliver(&mut self, session: &Arc<Session>, now: DateTime<Utc>) -> Result<(), Failure>;

    /// Whether what was delivered last is still there.
    fn is_in_place(&mut self) -> bool {
        true
    }

    /// Tells somebody.
    fn report(&mut self, event: Event<'_>, now: DateTime<Utc>);
}

/// Obtains and delivers sessions until `stop` says so, which is given how long to
/// wait. It may wait much longer, as when the machine is suspended.
pub fn run(
    provider: &dyn Provider,
    clock: &dyn Clock,
    stop: &mut dyn FnMut(Duration) -> bool,
    sink: &mut dyn Sink,
) {
    let mut keeper = Keeper {
        provider,
        clock,
        sink,
        pace: Pace::new(provider.longest(), clock.now()),
        delivered: None,
        held: None,
    };
    loop {
        keeper.tick();
        if stop(keeper.pace.pause(clock.now())) {
            return;
        }
    }
}

/// A loop at work.
struct Keeper<'a> {
    provider: &'a dyn Provider,
    clock: &'a dyn Clock,
    sink: &'a mut dyn Sink,
    pace: Pace,
    /// What was delivered last.
    delivered: Option<Arc<Session>>,
    /// One that was obtained and could not be delivered.
    held: Option<Arc<Session>>,
}

impl Keeper<'_> {
    fn tick(&mut self) {
        let now = self.clock.now();
        let look = self.pace.look(now);
        if let Some(by) = look.set_back {
            self.held = None;
            self.sink.report(Event::ClockSetBack { by }, now);
        }
        if look.is_due {
            self.sink.asking(now);
            // A defect in one way must not leave it unkept for ever.
            let tried = catch_unwind(AssertUnwindSafe(|| self.obtain()));
            self.conclude(tried.unwrap_or_else(|_| Err(defect())));
        }
        let now = self.clock.now();
        if let Some(at) = self.pace.ended(now) {
            self.sink.report(Event::Ended { at }, now);
        }
        if look.inspects
            && let Some(next) = self.pace.found(self.sink.is_in_place())
        {
            self.sink.report(Event::Overwritten { next }, now);
        }
    }

    /// Obtains a session and delivers it; gives it when it is a new one that has
    /// taken its place, and nothing when it is no better than what is there.
    fn obtain(&mut self) -> Result<Option<Arc<Session>>, Failure> {
        let now = self.clock.now();
        let held = self.held.take();
        let (session, kept_because) = match held.filter(|session| !self.is_due(session, now)) {
            Some(session) => (session, None),
            None => {
                let obtained = self.provider.obtain()?;
                (Arc::new(obtained.session), obtained.kept_because)
            }
        };
        let now = self.clock.now();
        let is_better = self.is_better(&session, now);
        if is_better {
            if let Err(failure) = self.sink.deliver(&session, now) {
                self.held = Some(session);
                return Err(failure);
            }
            self.pace.holds(session.life(), now);
            self.delivered = Some(Arc::clone(&session));
        }
        match kept_because {
            Some(failure) => Err(failure),
            // What is there is better than what the service gives.
            None if !is_better && !session.life().is_valid(now) => {
                Err(already_ended(&session, now))
            }
            None => Ok(is_better.then_some(session)),
        }
    }

    fn is_due(&self, session: &Session, now: DateTime<Utc>) -> bool {
        session.life().at_most(self.provider.longest()).is_due(now)
    }

    /// Whether it should take the place of what was delivered: what comes from a
    /// cache may be the same, or end before it.
    fn is_better(&self, session: &Session, now: DateTime<Utc>) -> bool {
        let Some(old) = &self.delivered else {
            return true;
        };
        let (new, old) = (&session.credentials, &old.credentials);
        let is_another = new.access_key_id != old.access_key_id;
        let lasts_longer =
            self.pace.until().is_none_or(|until| now >= until) || new.expiration > old.expiration;
        !self.is_due(session, now) || (is_another && lasts_longer)
    }

    /// Notes and tells what came of a try.
    fn conclude(&mut self, tried: Result<Option<Arc<Session>>, Failure>) {
        let now = self.clock.now();
        let jitter = random::fraction();
        match tried {
            Ok(Some(session)) => {
                if let Some((failures, since)) = self.pace.failures() {
                    let recovered = Event::Recovered { failures, since };
                    self.sink.report(recovered, now);
                }
                let next = self.pace.renewed(session.life(), now, jitter);
                let session = &session;
                self.sink.report(Event::Delivered { session, next }, now);
            }
            Ok(None) => {
                let next = self.pace.unchanged(now, jitter);
                self.sink.report(Event::Unchanged { next }, now);
            }
            Err(failure) => {
                let next = self.pace.failed(failure.cause.prospect(), now, jitter);
                let failed = Event::Failed {
                    failure: &failure,
                    next,
                    until: self.pace.until(),
                };
                self.sink.report(failed, now);
            }
        }
    }
}

/// Why a session is of no use that came too late, or to a clock that is ahead.
pub(super) fn already_ended(session: &Session, now: DateTime<Utc>) -> Failure {
    let ago = in_words(now - session.credentials.expiration);
    Failure {
        message: format!("the session that came had ended {ago} before, by this host's clock"),
        hint: Some("set the clock of this host (chronyd, ntpd)".to_owned()),
        cause: Cause::Temporary,
    }
}

fn defect() -> Failure {
    Failure {
        message: "a defect of windlass ended the try".to_owned(),
        hint: Some("please report it, with what stderr says".to_owned()),
        cause: Cause::Failed,
    }
}
