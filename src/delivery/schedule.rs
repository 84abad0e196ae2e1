//! When credentials are replaced: well before they end, and after a failure
//! neither at once nor too late.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// What should be left of a session when it is handed out: botocore finds one
/// with less than 15 minutes due for refresh at every use, and with less than 25
/// it may extend what an instance metadata service gave on its own.
const COMFORTABLE: TimeDelta = TimeDelta::minutes(20);

/// Sessions shorter than this cannot keep [`COMFORTABLE`] in reserve without
/// being replaced all the time.
const LONG_ENOUGH: TimeDelta = TimeDelta::minutes(30);

/// What a clock may be set back by without a session that was obtained before
/// looking wrong: steps of a time service, and the pause between two readings.
pub(super) const STEP: TimeDelta = TimeDelta::seconds(5);

/// From when until when a session is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was obtained.
    pub begins: DateTime<Utc>,
    /// When it ends.
    pub ends: DateTime<Utc>,
}

impl Life {
    /// When it should be replaced: at half of its life, and with at least
    /// 20 minutes left when it lasts for half an hour or more.
    #[must_use]
    pub fn refresh_at(&self) -> DateTime<Utc> {
        let whole = self.ends - self.begins;
        let half = whole / 2;
        let reserve = if whole >= LONG_ENOUGH {
            half.max(COMFORTABLE)
        } else {
            half
        };
        self.ends - reserve
    }

    /// Whether it is time to replace it. It is when it seems to begin in the
    /// future: the clock was set back since, or was ahead before, and nobody knows
    /// how much of it is left.
    #[must_use]
    pub fn is_due(&self, now: DateTime<Utc>) -> bool {
        now >= self.refresh_at() || self.begins - now > STEP
    }

    /// What is left of it at most for a clock that shows `now`: nothing begins in
    /// the future, and nothing lasts longer than it did at first.
    ///
    /// One that ended before it began was obtained by a clock that was ahead; how
    /// long it lasts is not known then, and its end stands, which is the
    /// service's.
    #[must_use]
    pub fn as_seen_at(&self, now: DateTime<Utc>) -> Self {
        let begins = self.begins.min(now);
        let whole = self.ends - self.begins;
        let ends = if whole > TimeDelta::zero() {
            self.ends.min(begins + whole)
        } else {
            self.ends
        };
        Self { begins, ends }
    }

    /// The same, not longer than was asked for: what seems to last longer was
    /// obtained by a clock that was behind. This tells when to replace it, not
    /// until when it can be used.
    #[must_use]
    pub fn at_most(&self, longest: TimeDelta) -> Self {
        Self {
            begins: self.begins,
            // What cannot be added up lies beyond every calendar.
            ends: match self.begins.checked_add_signed(longest) {
                Some(ends) => self.ends.min(ends),
                None => self.ends,
            },
        }
    }

    /// Whether it can still be used.
    #[must_use]
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        now < self.ends
    }
}

/// How a failure bears on when the next try is worth it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Prospect {
    /// It may pass by itself: network, throttling, an outage.
    Passing,
    /// Somebody has to change something: a refusal, a damaged certificate.
    Lasting,
}

/// First pause after a failure.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(2);

/// Longest pause after failures that may pass.
const LONGEST_PASSING: TimeDelta = TimeDelta::minutes(1);

/// Longest pause after failures that somebody has to mend.
const LONGEST_LASTING: TimeDelta = TimeDelta::minutes(5);

/// When to try again after failures in a row: twice as long after each, with
/// jitter, up to a cap.
///
/// `failures` counts them, the last one included; `jitter` is a random number
/// from 0 up to 1, so that many hosts do not come back at the same moment.
#[must_use]
pub fn next_try(
    failed: DateTime<Utc>,
    failures: u32,
    prospect: Prospect,
    jitter: f64,
) -> DateTime<Utc> {
    let longest = match prospect {
        Prospect::Passing => LONGEST_PASSING,
        Prospect::Lasting => LONGEST_LASTING,
    };
    let doublings = failures.saturating_sub(1).min(16);
    let pause = (FIRST_PAUSE * (1 << doublings)).min(longest);
    // Half of it is certain, the other half is random.
    let random = jitter.clamp(0.0, 1.0) * 1000.0;
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "0 to 1000"
    )]
    let thousandths = random as i32;
    failed + pause / 2 + pause / 2 * thousandths / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(seconds: i64) -> (Life, TimeDelta) {
        let begins = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let life = Life {
            begins,
            ends: begins + TimeDelta::seconds(seconds),
        };
        (life, life.ends - life.refresh_at())
    }

    #[test]
    fn half_of_the_life_and_twenty_minutes_are_kept_in_reserve() {
        for (seconds, reserve) in [
            (900, 450),
            (1799, 899),
            (1800, 1200),
            (2400, 1200),
            (3600, 1800),
            (43_200, 21_600),
        ] {
            let (life, left) = life(seconds);
            assert!(
                (left.num_seconds() - reserve).abs() <= 1,
                "{seconds}: {left}"
            );
            assert!(!life.is_due(life.begins));
            assert!(life.is_due(life.refresh_at()));
            assert!(life.is_valid(life.refresh_at()) && !life.is_valid(life.ends));
        }
    }

    #[test]
    fn l14_what_begins_in_the_future_is_due_and_lasts_no_longer_than_it_did() {
        let (life, _) = life(3600);
        let at = |seconds| life.begins + TimeDelta::seconds(seconds);
        // A step of a time service is none.
        assert!(!life.is_due(at(-5)));
        assert!(life.is_due(at(-6)) && life.is_valid(at(-6)));
        let ten_hours = life.as_seen_at(at(-36_000));
        assert_eq!(
            (ten_hours.begins, ten_hours.ends),
            (at(-36_000), at(-32_400))
        );
        assert_eq!(life.as_seen_at(at(600)), life);
        assert_eq!(life.as_seen_at(at(4000)), life);
        // Obtained by a clock that was ten hours ahead, which is right again.
        let ahead = Life {
            begins: at(36_000),
            ends: at(3600),
        };
        assert_eq!(ahead.as_seen_at(at(60)).ends, at(3600));
        assert!(ahead.is_due(at(60)) && ahead.is_due(at(36_000)));
        // Obtained by one that was behind by two hours: due in time.
        let behind = Life {
            begins: at(-7200),
            ends: at(3600),
        };
        let hour = TimeDelta::hours(1);
        assert!(!behind.is_due(at(-5400)) && behind.at_most(hour).is_due(at(-5400)));
        assert_eq!(life.at_most(hour), life);
    }

    #[test]
    fn pauses_grow_up_to_a_cap_and_never_vanish() {
        let failed = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let pause =
            |failures, prospect, jitter| next_try(failed, failures, prospect, jitter) - failed;
        assert_eq!(pause(1, Prospect::Passing, 0.0), TimeDelta::seconds(1));
        assert_eq!(pause(2, Prospect::Passing, 1.0), TimeDelta::seconds(4));
        assert_eq!(pause(u32::MAX, Prospect::Passing, 1.0), LONGEST_PASSING);
        assert_eq!(pause(u32::MAX, Prospect::Passing, 0.0), LONGEST_PASSING / 2);
        assert_eq!(pause(40, Prospect::Lasting, 1.0), LONGEST_LASTING);
    }
}
