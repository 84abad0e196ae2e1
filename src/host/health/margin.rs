//! From when on it is told how much is left of a certificate.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{in_words, period};
use crate::finding::{Bound, Level};

use super::super::schedule::Due;

/// How much may be left of a certificate until something is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Margin {
    /// In hundredths of its life.
    Share(u8),
    /// A time.
    Time(TimeDelta),
}

/// When it is told how much is left. Without a margin the schedule of renewals
/// decides: overdue is a warning, an emergency is critical.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    warn: Option<Margin>,
    critical: Option<Margin>,
}

/// A warning that would come after what it is to warn of: there would never be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoWarning {
    /// From when on there is to be a warning.
    pub warn: Margin,
    /// From when on it is critical.
    pub critical: Margin,
}

impl FromStr for Margin {
    type Err = String;

    /// A time as [`period`] reads it, or a share of the life, as in `20%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "how much is left is a time with its unit, as in 7d, or a share of the life, as in 20%"
                .to_owned()
        };
        match text.strip_suffix('%') {
            Some(share) => share
                .parse()
                .ok()
                .filter(|share| (1..=100).contains(share))
                .map(Self::Share)
                .ok_or_else(wrong),
            None => period(text).map(Self::Time).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "{share}%"),
            Self::Time(time) => f.write_str(&in_words(*time)),
        }
    }
}

impl Margin {
    /// How much that is of a life.
    fn of(self, due: &Due) -> TimeDelta {
        match self {
            Self::Share(share) => due.life.whole() / 100 * i32::from(share),
            Self::Time(time) => time,
        }
    }
}

/// Below which time left there is a warning, and it is critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) warn: TimeDelta,
    pub(super) critical: TimeDelta,
}

impl Limits {
    /// As a number is told to a monitor.
    pub(super) fn bounds(self) -> [Option<Bound>; 2] {
        [self.warn, self.critical].map(|limit| Some(Bound::Below(limit.num_seconds())))
    }

    /// By which of them it is so bad.
    pub(super) const fn of(self, level: Level) -> Option<TimeDelta> {
        match level {
            Level::Ok | Level::Unknown => None,
            Level::Warning => Some(self.warn),
            Level::Critical => Some(self.critical),
        }
    }
}

impl Thresholds {
    /// With a warning that comes before what is critical, or at once with it. A time
    /// and a share cannot be compared without a certificate, and are taken as they are.
    ///
    /// # Errors
    ///
    /// [`NoWarning`].
    pub fn new(warn: Option<Margin>, critical: Option<Margin>) -> Result<Self, NoWarning> {
        let is_late = match (warn, critical) {
            (Some(Margin::Share(warn)), Some(Margin::Share(critical))) => warn < critical,
            (Some(Margin::Time(warn)), Some(Margin::Time(critical))) => warn < critical,
            _ => false,
        };
        match (warn, critical) {
            (Some(warn), Some(critical)) if is_late => Err(NoWarning { warn, critical }),
            _ => Ok(Self { warn, critical }),
        }
    }

    /// Where the levels begin for a certificate: as was said, or by its schedule.
    pub(super) fn limits(self, due: &Due) -> Limits {
        let of = |margin: Option<Margin>, usual| margin.map_or(usual, |margin| margin.of(due));
        Limits {
            warn: of(self.warn, due.overdue()),
            critical: of(self.critical, due.emergency()),
        }
    }

    /// How bad it is that so much is left. `urgent` is what the schedule says.
    pub(super) fn level(self, due: &Due, urgent: Level, at: DateTime<Utc>) -> Level {
        let reached = |margin: Option<Margin>, level: Level| match margin {
            Some(margin) if due.left(at) <= margin.of(due) => level,
            Some(_) => Level::Ok,
            None if urgent == level => level,
            None => Level::Ok,
        };
        if due.left(at) <= TimeDelta::zero() {
            return Level::Critical;
        }
        reached(self.warn, Level::Warning).max(reached(self.critical, Level::Critical))
    }
}
