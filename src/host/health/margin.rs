//! From when on it is told how much is left of a certificate.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::period;
use crate::finding::Level;

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
    /// From when on there is a warning.
    pub warn: Option<Margin>,
    /// From when on it is critical.
    pub critical: Option<Margin>,
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

impl Margin {
    /// Whether no more than this is left.
    fn is_reached(self, due: &Due, at: DateTime<Utc>) -> bool {
        let margin = match self {
            Self::Share(share) => due.life.whole() / 100 * i32::from(share),
            Self::Time(time) => time,
        };
        due.left(at) <= margin
    }
}

impl Thresholds {
    /// How bad it is that so much is left. `urgent` is what the schedule says.
    pub(super) fn level(self, due: &Due, urgent: Level, at: DateTime<Utc>) -> Level {
        let reached = |margin: Option<Margin>, level: Level| match margin {
            Some(margin) if margin.is_reached(due, at) => level,
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
