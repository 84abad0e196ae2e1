//! Time is handed in: everything that needs "now" takes a [`Clock`].

use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, DurationRound, TimeDelta, Utc};

/// A source of the current time in UTC.
pub trait Clock: Send + Sync {
    /// The current time, UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that stands still, for judging at a given moment and for tests.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub DateTime<Utc>);

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    /// `Utc::now` would end the program on a machine that has lost its time.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the wall clock is read"
    )]
    fn now(&self) -> DateTime<Utc> {
        of_system(SystemTime::now())
    }
}

/// The machine's time as one that can be reckoned with: what is beyond every
/// certificate is its nearest end.
fn of_system(time: SystemTime) -> DateTime<Utc> {
    let time = match time.duration_since(UNIX_EPOCH) {
        Ok(since) => TimeDelta::from_std(since)
            .ok()
            .and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since))
            .unwrap_or(LAST),
        Err(before) => TimeDelta::from_std(before.duration())
            .ok()
            .and_then(|before| DateTime::UNIX_EPOCH.checked_sub_signed(before))
            .unwrap_or(FIRST),
    };
    time.clamp(FIRST, LAST)
}

/// 0001-01-01T00:00:00Z: before it no date is written (RFC 3339 section 1).
const FIRST: DateTime<Utc> = seconds(-62_135_596_800);

/// 9999-12-31T23:59:59Z, the last second of X.509 (RFC 5280 section 4.1.2.5).
const LAST: DateTime<Utc> = seconds(253_402_300_799);

const fn seconds(since: i64) -> DateTime<Utc> {
    match DateTime::from_timestamp(since, 0) {
        Some(time) => time,
        None => DateTime::UNIX_EPOCH,
    }
}

/// A time by its seconds since 1970, as files and databases keep it. What no
/// certificate could have is the nearest that one can, so that whatever is added to
/// it later is a time too; `None` for a number that is no time at all.
#[must_use]
pub fn from_seconds(since: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(since, 0).map(|time| time.clamp(FIRST, LAST))
}

/// Writes a time as RFC 3339 in UTC with whole seconds and `Z`, the only form
/// that every AWS SDK reads.
#[must_use]
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Cuts a time to whole seconds, which is all that X.509 and SigV4 carry.
#[must_use]
pub fn whole_seconds(time: DateTime<Utc>) -> DateTime<Utc> {
    // Truncation to a second fails only beyond the range of nanoseconds since
    // 1970 (year 2262); such a time is kept as it is.
    time.duration_trunc(TimeDelta::seconds(1)).unwrap_or(time)
}

/// Says how far `delta` is in words of two units at most: `3 days 4 h`,
/// `12 min`, `5 s`. The sign is dropped.
#[must_use]
pub fn in_words(delta: TimeDelta) -> String {
    let seconds = delta.num_seconds().abs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) => format!("{m} min"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} min"),
        (1, 0, _) => "1 day".to_owned(),
        (1, h, _) => format!("1 day {h} h"),
        (d, 0, _) => format!("{d} days"),
        (d, h, _) if d < 10 => format!("{d} days {h} h"),
        (d, ..) => format!("{d} days"),
    }
}

/// Reads a length of time: a whole number with its unit, as in `30d`.
///
/// # Errors
///
/// What is expected, in words.
pub fn period(text: &str) -> Result<TimeDelta, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text.get(number.len()..) {
        Some("s") => Some(1),
        Some("m" | "min") => Some(60),
        Some("h") => Some(3600),
        Some("d") => Some(86_400),
        Some("w") => Some(7 * 86_400),
        _ => None,
    };
    unit.zip(number.parse::<u32>().ok())
        .and_then(|(unit, number)| TimeDelta::try_seconds(unit * i64::from(number)))
        .filter(|period| *period <= TimeDelta::days(100 * 366))
        .ok_or_else(|| {
            "a time is a number with its unit: s, m, h, d or w, up to 100 years, as in 30d"
                .to_owned()
        })
}

/// Says how far a clock is off that is ahead by this much: `15 min ahead of`,
/// `3 h behind`.
#[must_use]
pub fn off_by(ahead: TimeDelta) -> String {
    let direction = if ahead > TimeDelta::zero() {
        "ahead of"
    } else {
        "behind"
    };
    format!("{} {direction}", in_words(ahead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_has_lost_its_time_has_one() {
        let span = |seconds| std::time::Duration::from_secs(seconds);
        for (time, text) in [
            (UNIX_EPOCH - span(1), "1969-12-31T23:59:59Z"),
            (UNIX_EPOCH + span(4_102_444_800), "2100-01-01T00:00:00Z"),
            (UNIX_EPOCH - span(1 << 62), "0001-01-01T00:00:00Z"),
            (UNIX_EPOCH + span(1 << 62), "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(of_system(time)), text);
        }
        let now = SystemClock.now();
        assert!(now > DateTime::UNIX_EPOCH && now < LAST, "{now}");
    }

    #[test]
    fn times_are_those_that_certificates_can_have() {
        for (seconds, text) in [
            (-62_135_596_800, Some("0001-01-01T00:00:00Z")),
            (-1, Some("1969-12-31T23:59:59Z")),
            (253_402_300_799, Some("9999-12-31T23:59:59Z")),
            (253_402_300_800, Some("9999-12-31T23:59:59Z")),
            (-62_135_596_801, Some("0001-01-01T00:00:00Z")),
            (i64::MIN, None),
            (i64::MAX, None),
        ] {
            let shown = from_seconds(seconds).map(rfc3339);
            assert_eq!(shown.as_deref(), text, "{seconds}");
        }
    }

    #[test]
    fn words_name_at_most_two_units() {
        let words = |s| in_words(TimeDelta::seconds(s));
        assert_eq!(words(-5), "5 s");
        assert_eq!(words(12 * 60 + 7), "12 min");
        assert_eq!(words(3_600), "1 h");
        assert_eq!(words(86_400 + 3_600), "1 day 1 h");
        assert_eq!(words(3 * 86_400 + 4 * 3_600 + 59), "3 days 4 h");
        assert_eq!(words(30 * 86_400 + 3_600), "30 days");
    }
}
