//! Time is handed in: everything that needs "now" takes a [`Clock`].

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
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where the wall clock is read"
    )]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
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
