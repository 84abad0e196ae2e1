//! Attempts that are made again: how often, after which pause, and with which
//! clock.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{Clock, whole_seconds};
use crate::limits;
use crate::random;

use super::{Error, Progress, Reply, SUSPICIOUS_SKEW, SessionCredentials};

/// Credentials, and how they were come by.
#[derive(Debug)]
pub struct Granted {
    /// The credentials.
    pub credentials: SessionCredentials,
    /// How far this host's clock is ahead of the service's, from the `Date` of
    /// the answer; negative when it is behind.
    pub clock_ahead: Option<TimeDelta>,
    /// Whether the request had to be dated by the service's clock.
    pub clock_corrected: bool,
    /// How many requests were sent, those of a chain's other roles included.
    pub attempts: u32,
    /// `x-amzn-RequestId` of the answer, for a support case.
    pub request_id: Option<String>,
}

impl Granted {
    /// How far this host's clock is ahead, when it is far enough off for
    /// somebody to mend it.
    #[must_use]
    pub fn suspicious_skew(&self) -> Option<TimeDelta> {
        self.clock_ahead
            .filter(|ahead| ahead.abs() > SUSPICIOUS_SKEW)
    }

    /// What to add to this host's time to get the service's, for the requests
    /// that follow. Zero unless it has proved right.
    pub(super) fn correction(&self) -> TimeDelta {
        match self.clock_ahead {
            Some(ahead) if self.clock_corrected => -ahead,
            _ => TimeDelta::zero(),
        }
    }
}

/// One request that can be made more than once: signed anew each time, since
/// its date is part of the signature.
pub(super) trait Attempt {
    /// Signs the request as of `at` and sends it; `left` tells, after signing,
    /// how long the answer may take.
    fn send(&self, at: DateTime<Utc>, left: &dyn Fn() -> Duration) -> Result<Reply, Error>;

    /// Reads the answer. `now` is the time by which expiry is judged; `ahead`
    /// is how far this host's clock is ahead.
    fn read(
        &self,
        reply: &Reply,
        now: DateTime<Utc>,
        ahead: Option<TimeDelta>,
    ) -> Result<SessionCredentials, Error>;
}

/// What all attempts share.
pub(super) struct Persistence<'a> {
    /// When everything must be over.
    pub(super) until: Instant,
    /// What the first attempt has for the network, however long signing took.
    pub(super) least: Duration,
    /// This host's clock.
    pub(super) clock: &'a dyn Clock,
    /// What to add to its time.
    pub(super) correction: TimeDelta,
    /// Who is told.
    pub(super) observe: &'a dyn Fn(&Progress<'_>),
}

/// What one attempt gave.
struct Outcome {
    result: Result<SessionCredentials, Error>,
    /// From the answer, when there was one.
    clock_ahead: Option<TimeDelta>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Persistence<'_> {
    /// Makes attempts until one succeeds, or another makes no sense. A refusal
    /// that this host's clock explains is followed by attempts that are dated by
    /// the service's.
    ///
    /// # Errors
    ///
    /// The last attempt's [`Error`], within [`Error::Repeated`] when there were
    /// several or when the service named a time to come back. `Date` may come
    /// from a proxy or a cache: when a request by it is refused too, it is the
    /// first refusal.
    pub(super) fn carry_out(&self, attempt: &dyn Attempt) -> Result<Granted, Error> {
        let began = Instant::now();
        let mut attempts = 0;
        let mut correction = self.correction;
        let mut first_refusal = None;
        loop {
            attempts += 1;
            let least = match attempts {
                1 => self.least,
                _ => limits::LEAST_ATTEMPT,
            };
            let known = (!correction.is_zero()).then(|| -correction);
            let outcome = self.once(attempt, correction, least);
            let error = match outcome.result {
                Ok(credentials) => {
                    return Ok(Granted {
                        credentials,
                        clock_ahead: known.or(outcome.clock_ahead),
                        clock_corrected: known.is_some(),
                        attempts,
                        request_id: outcome.request_id,
                    });
                }
                Err(error) => error,
            };
            if let Some(ahead) = error.skew_to_blame()
                && known.is_none()
            {
                (self.observe)(&Progress::CorrectedClock { ahead });
                correction = -ahead;
                first_refusal = Some(error);
                continue;
            }
            let pause = match self.next_pause(&error, attempts, outcome.retry_after) {
                Ok(pause) => pause,
                Err(not_before) => {
                    let error = match (error, first_refusal) {
                        (Error::Denied { .. }, Some(first)) => first,
                        (error, _) => error,
                    };
                    return Err(error.repeated(attempts, began.elapsed(), not_before));
                }
            };
            (self.observe)(&Progress::Retry {
                error: &error,
                attempts,
                pause,
            });
            std::thread::sleep(pause);
        }
    }

    fn once(&self, attempt: &dyn Attempt, correction: TimeDelta, least: Duration) -> Outcome {
        let at = whole_seconds(self.clock.now() + correction);
        let left = || self.left().max(least).min(limits::ATTEMPT_DEADLINE);
        match attempt.send(at, &left) {
            Err(error) => Outcome {
                result: Err(error),
                clock_ahead: None,
                request_id: None,
                retry_after: None,
            },
            Ok(reply) => {
                let now = self.clock.now();
                let clock_ahead = reply.date.map(|date| now - date);
                Outcome {
                    result: attempt.read(&reply, now + correction, clock_ahead),
                    clock_ahead,
                    request_id: reply.shown_request_id(),
                    retry_after: reply.wait_at_least(now),
                }
            }
        }
    }

    /// The pause before the next attempt; `Err` when there is to be none, with
    /// how long the service asked to be left alone.
    fn next_pause(
        &self,
        error: &Error,
        attempts: u32,
        retry_after: Option<Duration>,
    ) -> Result<Duration, Option<DateTime<Utc>>> {
        let not_before = || {
            let wait = retry_after.filter(|wait| !wait.is_zero())?;
            let wait = TimeDelta::from_std(wait).ok()?;
            self.clock.now().checked_add_signed(wait)
        };
        if !error.may_pass() {
            return Err(None);
        }
        let pause = jittered(attempts, random()).max(retry_after.unwrap_or_default());
        let fits = pause.saturating_add(limits::LEAST_ATTEMPT) <= self.left();
        if attempts < limits::MAX_ATTEMPTS && fits {
            Ok(pause)
        } else {
            Err(not_before())
        }
    }

    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }
}

/// Full jitter: anything from nothing up to a bound that doubles with each
/// attempt. `random` is uniform over all its values.
fn jittered(attempts: u32, random: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    let bound = limits::FIRST_RETRY_PAUSE
        .saturating_mul(1 << doublings)
        .min(limits::LONGEST_RETRY_PAUSE);
    bound.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// Without randomness the whole pause is made.
fn random() -> u32 {
    random::octets().map_or(u32::MAX, u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_spread_below_a_bound_that_doubles_up_to_a_cap() {
        for (attempts, bound) in [(1, 200), (2, 400), (3, 800), (6, 5000), (u32::MAX, 5000)] {
            assert_eq!(jittered(attempts, u32::MAX), Duration::from_millis(bound));
            assert_eq!(jittered(attempts, 0), Duration::ZERO);
        }
        let half = jittered(1, u32::MAX / 2);
        assert!(half > Duration::from_millis(99) && half < Duration::from_millis(101));
    }
}
