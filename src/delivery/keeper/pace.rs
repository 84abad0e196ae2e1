//! When what is done: values without a thread and without a clock of their own.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::limits;

use super::super::schedule::STEP;
use super::super::{Life, Prospect, next_try};

/// How often it is looked whether what was delivered is still there.
const INSPECTION: TimeDelta = TimeDelta::minutes(1);

/// What a look at the clock shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// It is time to obtain a session.
    pub is_due: bool,
    /// It is time to look whether what was delivered is still there.
    pub inspects: bool,
    /// The clock was set back by this much.
    pub set_back: Option<TimeDelta>,
}

/// Decides when a session is asked for, by the wall clock alone.
#[derive(Debug)]
pub struct Pace {
    /// How long a session can last: what ends later, ends later by a wrong clock
    /// only.
    longest: TimeDelta,
    /// What was delivered.
    life: Option<Life>,
    /// When the next try is.
    next: DateTime<Utc>,
    /// The latest time that the clock has shown, since it was set back.
    seen: DateTime<Utc>,
    inspected: DateTime<Utc>,
    /// Failures in a row, and when the first one was.
    failures: u32,
    since: Option<DateTime<Utc>>,
    /// Sessions in a row that were due already when they came.
    stale: u32,
    told_end: bool,
    told_overwritten: bool,
}

impl Pace {
    /// One that has nothing yet and is due at once.
    #[must_use]
    pub const fn new(longest: TimeDelta, now: DateTime<Utc>) -> Self {
        Self {
            longest,
            life: None,
            next: now,
            seen: now,
            inspected: now,
            failures: 0,
            since: None,
            stale: 0,
            told_end: false,
            told_overwritten: false,
        }
    }

    /// Looks at the clock. Do it in short ticks.
    pub fn look(&mut self, now: DateTime<Utc>) -> Look {
        let back = self.seen - now;
        let set_back = (back > STEP).then_some(back);
        if set_back.is_some() {
            self.next = if self.failures == 0 {
                now
            } else {
                // The pause begins anew, else it would last for as long again.
                now + (self.next - self.seen).max(TimeDelta::zero())
            };
            self.since = self.since.map(|since| since.min(now));
            self.life = self.life.map(|life| life.as_seen_at(now));
            self.inspected = now;
            self.seen = now;
        }
        self.seen = self.seen.max(now);
        let inspects = now - self.inspected >= INSPECTION;
        if inspects {
            self.inspected = now;
        }
        Look {
            is_due: now >= self.next,
            inspects,
            set_back,
        }
    }

    /// Notes that a session was delivered.
    pub fn holds(&mut self, life: Life, now: DateTime<Utc>) {
        self.life = Some(life.as_seen_at(now));
        self.inspected = now;
        self.told_end = false;
        self.told_overwritten = false;
    }

    /// Notes that what was delivered is new, and when the next one is due.
    /// `jitter` is a random number from 0 up to 1, here and below.
    pub fn renewed(&mut self, life: Life, now: DateTime<Utc>, jitter: f64) -> DateTime<Utc> {
        self.failures = 0;
        self.since = None;
        let life = life.at_most(self.longest);
        if life.is_due(now) {
            // The best that there is, or the clock is ahead of the service's.
            return self.unchanged(now, jitter);
        }
        self.stale = 0;
        self.next = life.refresh_at();
        self.next
    }

    /// Notes that there is nothing new, and when the next try is.
    pub fn unchanged(&mut self, now: DateTime<Utc>, jitter: f64) -> DateTime<Utc> {
        self.stale = self.stale.saturating_add(1);
        self.next = next_try(now, self.stale, Prospect::Passing, jitter);
        self.next
    }

    /// Notes a failure, and when the next try is.
    pub fn failed(&mut self, prospect: Prospect, now: DateTime<Utc>, jitter: f64) -> DateTime<Utc> {
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(now);
        self.next = next_try(now, self.failures, prospect, jitter);
        self.next
    }

    /// Failures in a row, and when the first one was.
    #[must_use]
    pub fn failures(&self) -> Option<(u32, DateTime<Utc>)> {
        self.since.map(|since| (self.failures, since))
    }

    /// Until when what was delivered is good.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.life.map(|life| life.ends)
    }

    /// When what was delivered has ended: said once.
    pub fn ended(&mut self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let end = self.until().filter(|end| now >= *end);
        let end = end.filter(|_| !self.told_end);
        self.told_end |= end.is_some();
        end
    }

    /// Notes whether what was delivered is still there; when it is written
    /// again, where it is not and that has not been told.
    pub fn found(&mut self, in_place: bool) -> Option<DateTime<Utc>> {
        let tell = !in_place && self.life.is_some() && !self.told_overwritten;
        self.told_overwritten |= tell;
        tell.then_some(self.next)
    }

    /// How long to wait before the next look.
    #[must_use]
    pub fn pause(&self, now: DateTime<Utc>) -> Duration {
        let left = (self.next - now).to_std().unwrap_or_default();
        left.clamp(limits::LEAST_KEEPER_TICK, limits::KEEPER_TICK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    fn life(begins: i64, ends: i64) -> Life {
        Life {
            begins: at(begins),
            ends: at(ends),
        }
    }

    #[test]
    fn f13_l14_a_clock_that_is_set_back_does_not_make_a_pause_longer() {
        const DAY: i64 = 86_400;
        let mut pace = Pace::new(TimeDelta::hours(1), at(0));
        assert!(pace.look(at(0)).is_due);
        assert_eq!(pace.failed(Prospect::Passing, at(0), 1.0), at(2));
        assert!(!pace.look(at(1)).is_due);
        // A day back: what is left of the pause begins anew.
        let look = pace.look(at(-DAY));
        assert_eq!(
            (look.is_due, look.set_back),
            (false, Some(TimeDelta::seconds(DAY + 1)))
        );
        assert!(pace.look(at(-DAY + 1)).is_due);
        assert_eq!(pace.look(at(-DAY + 1)).set_back, None, "told once");
    }

    #[test]
    fn l14_what_was_delivered_ends_after_its_own_length_when_the_clock_is_set_back() {
        let mut pace = Pace::new(TimeDelta::hours(1), at(0));
        pace.look(at(0));
        pace.holds(life(0, 3600), at(0));
        assert_eq!(pace.renewed(life(0, 3600), at(0), 0.0), at(1800));
        assert!(pace.look(at(-36_000)).is_due, "a new one at once");
        assert_eq!(pace.until(), Some(at(-32_400)));
        assert_eq!(pace.ended(at(-32_401)), None);
        assert_eq!(pace.ended(at(-32_400)), Some(at(-32_400)));
        assert_eq!(pace.ended(at(-32_399)), None, "told once");
    }

    #[test]
    fn f12_a_session_that_is_due_when_it_comes_is_not_asked_for_in_a_loop() {
        let mut pace = Pace::new(TimeDelta::hours(1), at(0));
        let old = life(-3000, 600);
        pace.holds(old, at(0));
        let pauses: Vec<i64> = (0..7)
            .map(|_| (pace.renewed(old, at(0), 0.0) - at(0)).num_seconds())
            .collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(pace.pause(at(0)), limits::KEEPER_TICK);
        // A good one ends that.
        pace.renewed(life(0, 3600), at(0), 0.0);
        assert_eq!(pace.unchanged(at(0), 0.0), at(1));
    }
}
