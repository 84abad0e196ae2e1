//! When a renewal that failed is tried again.
//!
//! Runs of cron share what stands in the state file, and what is computed from it
//! is the same in each of them. The numbers:
//!
//! - 2 min first, twice as long after each further failure: an authority that is
//!   restarted is back by then, and cron's own runs come every few minutes.
//! - At most 1 h: a fleet of 10,000 hosts that waits for its authority asks three
//!   to six times a second, and is through within an hour of its return.
//! - At most 6 h where somebody has to change something: who has done that does
//!   not wait for the next try.
//! - At most a tenth of the time left: whenever the authority returns, and be it
//!   shortly before the end, there is a try in time.
//! - At most 10 min once it has ended: the host is out of service, and each minute
//!   counts, but less than it takes to fill a log.
//! - Up to half less, by host, certificate and failure: hosts that failed together
//!   do not come back together. And never less than 1 min.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Whose;

/// The pause after the first failure, before the host's share is taken off.
const FIRST: TimeDelta = TimeDelta::minutes(2);

/// The shortest pause.
const LEAST: TimeDelta = TimeDelta::minutes(1);

/// The longest pause after failures that may pass.
const LONGEST_PASSING: TimeDelta = TimeDelta::hours(1);

/// The longest pause after failures that somebody has to mend.
const LONGEST_LASTING: TimeDelta = TimeDelta::hours(6);

/// The longest pause when the certificate has ended.
const LONGEST_EXPIRED: TimeDelta = TimeDelta::minutes(10);

/// Of the time left, the share that one pause may take.
const SHARE_OF_REST: i32 = 10;

/// What a clock may be set back by without a failure looking as if it was still
/// to come.
const STEP: TimeDelta = TimeDelta::minutes(1);

/// How a failure bears on when the next try is worth it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Prospect {
    /// It may pass by itself: network, an outage, a disk that is full.
    Passing,
    /// Somebody has to change something: a refusal, a wrong answer.
    Lasting,
}

/// The failures in a row, as they are kept between runs.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// How many, from 1.
    pub count: u32,
    /// When the last one was.
    pub last: DateTime<Utc>,
    /// How the last one bears on the next try.
    pub prospect: Prospect,
}

impl Failures {
    /// The failures after one more.
    #[must_use]
    pub fn after(before: Option<Self>, last: DateTime<Utc>, prospect: Prospect) -> Self {
        Self {
            count: before.map_or(1, |before| before.count.saturating_add(1)),
            last,
            prospect,
        }
    }

    /// When the next try is due. `ends` is the end of the certificate in force;
    /// `None` while there is none.
    #[must_use]
    pub fn next_try(&self, ends: Option<DateTime<Utc>>, whose: &Whose<'_>) -> DateTime<Utc> {
        let longest = match self.prospect {
            Prospect::Passing => LONGEST_PASSING,
            Prospect::Lasting => LONGEST_LASTING,
        };
        let longest = match ends.map(|ends| ends - self.last) {
            None => longest,
            Some(left) if left <= TimeDelta::zero() => LONGEST_EXPIRED,
            Some(left) => longest.min(left / SHARE_OF_REST),
        };
        let doublings = self.count.saturating_sub(1).min(16);
        let pause = (FIRST * (1 << doublings)).min(longest);
        let pause = pause - whose.share("pause", self.count, pause / 2);
        self.last
            .checked_add_signed(pause.max(LEAST))
            .unwrap_or(self.last)
    }

    /// Whether it is still to be waited for the next try.
    ///
    /// Not when the last failure seems to lie in the future: the clock was set
    /// back since, or was ahead then, and what was computed from it says nothing.
    #[must_use]
    pub fn hold_up(
        &self,
        ends: Option<DateTime<Utc>>,
        whose: &Whose<'_>,
        now: DateTime<Utc>,
    ) -> bool {
        now < self.next_try(ends, whose) && self.last - now <= STEP
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::pki::SerialNumber;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn failures(count: u32, prospect: Prospect) -> Failures {
        Failures {
            count,
            last: at(0),
            prospect,
        }
    }

    /// The shortest and the longest pause in seconds among a thousand hosts.
    fn pauses(failures: Failures, left: Option<i64>) -> (i64, i64) {
        let serial = SerialNumber::from_magnitude(&[7]).unwrap();
        let pauses: Vec<i64> = (0..1000)
            .map(|host| {
                let whose = Whose {
                    serial: Some(&serial),
                    host: &format!("host-{host}"),
                };
                let next = failures.next_try(left.map(at), &whose);
                (next - failures.last).num_seconds()
            })
            .collect();
        (*pauses.iter().min().unwrap(), *pauses.iter().max().unwrap())
    }

    fn near(found: (i64, i64), least: i64, most: i64) {
        // A thousand hosts come within a twentieth of either bound.
        let slack = (most - least) / 20 + 1;
        assert!(
            found.0 >= least
                && found.0 <= least + slack
                && found.1 <= most
                && found.1 >= most - slack,
            "{found:?} instead of {least} to {most}"
        );
    }

    #[test]
    fn pauses_double_up_to_an_hour_and_hosts_are_spread_over_half_of_them() {
        let days = Some(10 * 86_400);
        near(pauses(failures(1, Prospect::Passing), days), 60, 120);
        near(pauses(failures(2, Prospect::Passing), days), 120, 240);
        near(pauses(failures(5, Prospect::Passing), days), 960, 1920);
        near(pauses(failures(6, Prospect::Passing), days), 1800, 3600);
        near(
            pauses(failures(u32::MAX, Prospect::Passing), days),
            1800,
            3600,
        );
        near(
            pauses(failures(40, Prospect::Lasting), days),
            3 * 3600,
            6 * 3600,
        );
        near(
            pauses(failures(40, Prospect::Lasting), None),
            3 * 3600,
            6 * 3600,
        );
    }

    #[test]
    fn the_cap_shrinks_with_the_time_left_but_never_below_a_minute() {
        let of = |left| pauses(failures(40, Prospect::Passing), Some(left));
        near(of(36_000), 1800, 3600);
        near(of(18_000), 900, 1800);
        near(of(3600), 180, 360);
        assert_eq!(of(600), (60, 60));
        assert_eq!(of(1), (60, 60));
        // Afterwards a host neither spins nor gives up.
        near(of(0), 300, 600);
        near(of(-86_400), 300, 600);
    }

    #[test]
    fn a_failure_in_the_future_holds_nothing_up() {
        let whose = Whose {
            serial: None,
            host: "a",
        };
        let failures = failures(40, Prospect::Passing);
        let holds = |seconds| failures.hold_up(None, &whose, at(seconds));
        assert!(holds(0) && holds(1799) && holds(-60));
        assert!(!holds(-61) && !holds(-86_400) && !holds(3600));
    }

    #[test]
    fn failures_are_counted() {
        let first = Failures::after(None, at(0), Prospect::Passing);
        let second = Failures::after(Some(first), at(9), Prospect::Lasting);
        assert_eq!(first, failures(1, Prospect::Passing));
        assert_eq!((second.count, second.last), (2, at(9)));
        let most = failures(u32::MAX, Prospect::Passing);
        let more = Failures::after(Some(most), at(0), Prospect::Passing);
        assert_eq!(more.count, u32::MAX);
    }

    proptest! {
        #[test]
        fn there_is_a_try_before_the_end_from_ten_minutes_on(
            count in any::<u32>(),
            left in -10_000i64..10_000_000,
            host in "[a-z]{0,8}",
            lasting in any::<bool>(),
        ) {
            let prospect = if lasting { Prospect::Lasting } else { Prospect::Passing };
            let whose = Whose { serial: None, host: &host };
            let next = failures(count, prospect).next_try(Some(at(left)), &whose);
            prop_assert!(next - at(0) >= LEAST);
            prop_assert!(next - at(0) <= LONGEST_LASTING);
            if left >= 600 {
                prop_assert!(next - at(0) <= TimeDelta::seconds(left / 10).max(LEAST));
            }
        }
    }
}
