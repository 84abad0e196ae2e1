//! Keeping a session fresh where it was delivered to: when to obtain the next
//! one, whatever the network, the service and the clock do.
//!
//! Time is the wall clock's, looked at every few seconds, since a timer stands
//! still while a machine is suspended. A clock that is set back is noticed by
//! that, and as nobody knows then when the session ends, the next one is obtained
//! at once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Failure, Life, Prospect, Provider, Session, next_try};

/// Longest time between two looks at the clock.
const TICK: Duration = Duration::from_secs(5);

/// How often it is looked whether what was delivered is still there.
const LOOK: TimeDelta = TimeDelta::minutes(1);

/// Most doublings of a pause that make a difference.
const MANY: u32 = 30;

/// What there is to tell.
#[derive(Debug)]
pub enum Event<'a> {
    /// A session was delivered.
    Delivered {
        /// It.
        session: &'a Session,
        /// When the next one is due.
        next: DateTime<Utc>,
    },
    /// The first success after failures.
    Recovered {
        /// How many there were.
        failures: u32,
        /// When the first one was.
        since: DateTime<Utc>,
    },
    /// Obtaining or delivering failed.
    Failed {
        /// Why.
        failure: &'a Failure,
        /// When it is tried again.
        next: DateTime<Utc>,
        /// Until when what was delivered before is good.
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

/// The world of a keeper.
pub trait Surroundings {
    /// The wall clock.
    fn now(&self) -> DateTime<Utc>;

    /// Waits. It may take much longer, as when the machine is suspended. `false`
    /// when it is time to stop.
    fn pause(&self, length: Duration) -> bool;

    /// A random number from 0 up to 1.
    fn jitter(&self) -> f64;

    /// Puts a session where it belongs.
    ///
    /// # Errors
    ///
    /// [`Failure`]; what was there before is then still there.
    fn deliver(&self, session: &Session) -> Result<(), Failure>;

    /// Whether what was delivered last is still there.
    fn is_in_place(&self) -> bool;

    /// Tells somebody.
    fn report(&self, event: Event<'_>);
}

/// Obtains and delivers sessions until [`Surroundings::pause`] says to stop.
/// `longest` is how long a session can last at most: what ends later, ends later
/// by a wrong clock only.
pub fn keep(provider: &dyn Provider, longest: TimeDelta, world: &impl Surroundings) {
    let mut keeper = Keeper::new(longest);
    // One that was obtained and could not be delivered.
    let mut held: Option<Session> = None;
    let mut looked = world.now();
    loop {
        let now = world.now();
        let state = keeper.look(now);
        if let Some(by) = state.set_back {
            held = None;
            world.report(Event::ClockSetBack { by });
        }
        if state.is_due {
            let usable = held.take().filter(|session| !session.life().is_due(now));
            let obtained = usable.map_or_else(|| provider.obtain(), Ok);
            let delivered = obtained.and_then(|session| match world.deliver(&session) {
                Ok(()) => Ok(session),
                Err(failure) => {
                    held = Some(session);
                    Err(failure)
                }
            });
            conclude(&mut keeper, delivered, world);
            looked = world.now();
        }
        if let Some(at) = keeper.ended(world.now()) {
            world.report(Event::Ended { at });
        }
        let since = world.now() - looked;
        if since >= LOOK || since < TimeDelta::zero() {
            looked = world.now();
            let in_place = world.is_in_place();
            if let Some(next) = keeper.found(in_place) {
                world.report(Event::Overwritten { next });
            }
        }
        if !world.pause(keeper.pause(world.now())) {
            return;
        }
    }
}

/// Notes what came of a try.
fn conclude(keeper: &mut Keeper, delivered: Result<Session, Failure>, world: &impl Surroundings) {
    let now = world.now();
    match delivered {
        Ok(session) => {
            if let Some((failures, since)) = keeper.recovered() {
                world.report(Event::Recovered { failures, since });
            }
            let next = keeper.delivered(now, session.life(), world.jitter());
            world.report(Event::Delivered {
                session: &session,
                next,
            });
        }
        Err(failure) => {
            let next = keeper.failed(now, failure.prospect, world.jitter());
            let until = keeper.until();
            world.report(Event::Failed {
                failure: &failure,
                next,
                until,
            });
        }
    }
}

/// What a look at the clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    /// It is time to obtain a session.
    is_due: bool,
    /// The clock was set back by this much.
    set_back: Option<TimeDelta>,
}

/// When what is done, without a clock of its own.
#[derive(Debug)]
struct Keeper {
    longest: TimeDelta,
    /// What was delivered.
    life: Option<Life>,
    /// When the next try is; at once where there is none.
    next: Option<DateTime<Utc>>,
    /// The last look at the clock.
    seen: Option<DateTime<Utc>>,
    /// Failures in a row, and when the first one was.
    failures: u32,
    since: Option<DateTime<Utc>>,
    /// Sessions in a row that were due already when they came.
    stale: u32,
    told_end: bool,
    told_overwritten: bool,
}

impl Keeper {
    const fn new(longest: TimeDelta) -> Self {
        Self {
            longest,
            life: None,
            next: None,
            seen: None,
            failures: 0,
            since: None,
            stale: 0,
            told_end: false,
            told_overwritten: false,
        }
    }

    fn look(&mut self, now: DateTime<Utc>) -> State {
        let set_back = self.seen.map(|seen| seen - now);
        let set_back = set_back.filter(|by| *by > TimeDelta::zero());
        self.seen = Some(now);
        if set_back.is_some() {
            self.next = None;
            self.since = self.since.map(|since| since.min(now));
            self.life = self.life.map(|life| self.believed(life, now));
        }
        State {
            is_due: self.next.is_none_or(|next| now >= next),
            set_back,
        }
    }

    /// When what was delivered has ended: said once.
    fn ended(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let end = self.life.map(|life| life.ends).filter(|end| now >= *end);
        let end = end.filter(|_| !self.told_end);
        self.told_end |= end.is_some();
        end
    }

    /// No session begins in the future or lasts longer than was asked for.
    fn believed(&self, life: Life, now: DateTime<Utc>) -> Life {
        let begins = life.begins.min(now);
        Life {
            begins,
            ends: life.ends.min(begins + self.longest),
        }
    }

    fn delivered(&mut self, now: DateTime<Utc>, life: Life, jitter: f64) -> DateTime<Utc> {
        let life = self.believed(life, now);
        self.life = Some(life);
        self.told_end = false;
        self.told_overwritten = false;
        self.failures = 0;
        self.since = None;
        // The best that the provider has is due already, or the clock is ahead
        // of the service's.
        let next = if life.is_due(now) {
            self.stale = (self.stale + 1).min(MANY);
            next_try(now, self.stale, Prospect::Passing, jitter)
        } else {
            self.stale = 0;
            life.refresh_at()
        };
        self.next = Some(next);
        next
    }

    fn failed(&mut self, now: DateTime<Utc>, prospect: Prospect, jitter: f64) -> DateTime<Utc> {
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(now);
        let next = next_try(now, self.failures.min(MANY), prospect, jitter);
        self.next = Some(next);
        next
    }

    /// The failures that a success ends.
    fn recovered(&self) -> Option<(u32, DateTime<Utc>)> {
        self.since.map(|since| (self.failures, since))
    }

    fn until(&self) -> Option<DateTime<Utc>> {
        self.life.map(|life| life.ends)
    }

    /// Notes whether what was delivered is still there; when it is written
    /// again, where it is not and that has not been told.
    fn found(&mut self, in_place: bool) -> Option<DateTime<Utc>> {
        let tell = !in_place && self.life.is_some() && !self.told_overwritten;
        self.told_overwritten |= tell;
        self.next.filter(|_| tell)
    }

    /// How long to wait before the next look.
    fn pause(&self, now: DateTime<Utc>) -> Duration {
        let left = self.next.map_or(TimeDelta::zero(), |next| next - now);
        let left = left.to_std().unwrap_or_default();
        left.clamp(Duration::from_millis(10), TICK)
    }
}

#[cfg(test)]
mod tests;
