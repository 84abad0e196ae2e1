//! Change windows: the times at which a host may be changed.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::Timestamp;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

use crate::clock::{period, whole_seconds};
use crate::limits;
use crate::text::{nearest, printable};

use super::Urgency;

/// The fields of cron with what stands in them, for messages, and the words that
/// they may hold.
const FIELDS: [(&str, &str, &[&str]); 5] = [
    ("minute", "0-59", &[]),
    ("hour", "0-23", &[]),
    (
        "day of the month",
        "1-31, or L for the last",
        &["L", "W", "LW"],
    ),
    ("month", "1-12 or JAN-DEC", &MONTHS),
    ("day of the week", "0-7 or SUN-SAT", &WEEKDAYS),
];

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];

const WEEKDAYS: [&str; 8] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT", "L"];

/// The shortest window: runs come every few minutes at best, and an empty one
/// never opens.
const SHORTEST: TimeDelta = TimeDelta::minutes(1);

/// The years in which openings are looked for: those that the parser of cron's
/// fields knows.
const YEARS: std::ops::Range<i32> = 1..4999;

/// The longest one: one month.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// One change window: when it opens, by cron's five fields on the clock of a zone,
/// and how long it stays open. It is written `0 2 * * SUN 3h Europe/Berlin`.
///
/// It is open for as long as was said, whatever the clock on the wall does in the
/// meantime. An opening that the clock leaves out in spring takes place when the
/// clock goes on; one that comes twice in autumn takes place the first time.
/// As in cron, the days of month and week are alternatives where both are given.
#[derive(Clone, PartialEq, Eq)]
pub struct ChangeWindow {
    opens: Cron,
    lasts: TimeDelta,
    zone: TimeZone,
    text: String,
}

/// What is wrong with a change window.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// The duration is none, or out of bounds.
    #[error(
        "its duration is '{}'; it is from 1m to 31d, as in 3h",
        printable(value, 40)
    )]
    Duration {
        /// What was written.
        value: String,
    },
    /// One of cron's fields.
    #[error(
        "its {field} is '{}'; {allowed} can be written there, with *, lists, ranges and steps",
        printable(value, 40)
    )]
    Field {
        /// Which field.
        field: &'static str,
        /// What was written.
        value: String,
        /// What may be.
        allowed: &'static str,
    },
    /// There are such days in no year.
    #[error(
        "it never opens: no day '{}' comes in month '{}'",
        printable(day, 40),
        printable(month, 40)
    )]
    Never {
        /// The day of the month.
        day: String,
        /// The month.
        month: String,
    },
    /// It has not the seven words.
    #[error(
        "it has {words} words instead of 7: cron's five fields, a duration and a time zone, as in '0 2 * * SUN 3h Europe/Berlin'"
    )]
    Words {
        /// How many it has.
        words: usize,
    },
    /// There is no such time zone.
    #[error("its time zone '{}' is not known{}", printable(value, 40), suggestion(meant.as_deref()))]
    Zone {
        /// What was written.
        value: String,
        /// What was perhaps meant.
        meant: Option<String>,
    },
}

fn suggestion(meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("; {meant} is"),
        None => "; zones are named as in UTC or Europe/Berlin".to_owned(),
    }
}

impl FromStr for ChangeWindow {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday, duration, zone] = words[..] else {
            return Err(WindowError::Words { words: words.len() });
        };
        let fields = [minute, hour, day, month, weekday];
        Ok(Self {
            opens: openings(fields)?,
            lasts: period(duration)
                .ok()
                .filter(|lasts| (SHORTEST..=LONGEST).contains(lasts))
                .ok_or_else(|| WindowError::Duration {
                    value: duration.to_owned(),
                })?,
            zone: find_zone(zone)?,
            text: words.join(" "),
        })
    }
}

/// A zone of the rules that are part of the program: a host may have old ones, or
/// none.
fn find_zone(name: &str) -> Result<TimeZone, WindowError> {
    let zones = TimeZoneDatabase::bundled();
    zones.get(name).map_err(|_| {
        let known: Vec<_> = zones.available().collect();
        let meant = nearest(name, known.iter().map(|zone| zone.as_str()));
        WindowError::Zone {
            value: name.to_owned(),
            meant: meant.map(str::to_owned),
        }
    })
}

/// The five fields together, each of which was looked at alone: the parser does
/// not say in which one something is wrong, and would take SUN for a minute.
fn openings(fields: [&str; 5]) -> Result<Cron, WindowError> {
    let parser = CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build();
    for (place, (value, (field, allowed, words))) in fields.iter().zip(FIELDS).enumerate() {
        let mut alone = ["*"; 5];
        alone[place] = value;
        let mut letters = value.split(|c: char| !c.is_ascii_alphabetic());
        let has_its_words = letters.all(|run| run.is_empty() || is_one_of(run, words));
        if !has_its_words || parser.parse(&alone.join(" ")).is_err() {
            return Err(WindowError::Field {
                field,
                value: (*value).to_owned(),
                allowed,
            });
        }
    }
    let never = || WindowError::Never {
        day: fields[2].to_owned(),
        month: fields[3].to_owned(),
    };
    let opens = parser.parse(&fields.join(" ")).map_err(|_| never())?;
    opens
        .find_next_occurrence(&DateTime::UNIX_EPOCH, false)
        .map_err(|_| never())?;
    Ok(opens)
}

fn is_one_of(run: &str, words: &[&str]) -> bool {
    words.iter().any(|word| run.eq_ignore_ascii_case(word))
}

impl fmt::Display for ChangeWindow {
    /// As it was written, with single spaces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ChangeWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChangeWindow({self})")
    }
}

impl ChangeWindow {
    /// Whether it is open: from when it opens on, until before its duration is
    /// over.
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        now.checked_sub_signed(self.lasts)
            .and_then(|before| self.next_opening(before))
            .is_some_and(|opened| opened <= now)
    }

    /// When it opens next after `now`, also while it is open. `None` only
    /// before the year 1 and after the year 4998.
    #[must_use]
    pub fn next_opening(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if !YEARS.contains(&now.year()) {
            return None;
        }
        let now = whole_seconds(now);
        // The walk is over the clock on the wall, as if it was never changed;
        // what it shows before or at this moment has taken place. Of what it shows
        // twice, some is later on the wall and has taken place as well.
        let mut wall = shifted(now, self.zone.to_offset(timestamp(now)?), 1)?;
        for _ in 0..limits::MAX_REPEATED_MINUTES {
            wall = self.opens.find_next_occurrence(&wall, false).ok()?;
            let opening = self.instant(wall)?;
            if opening > now {
                return Some(opening);
            }
        }
        None
    }

    /// When the zone's clock shows this: the first time if it does twice, and the
    /// time at which it goes on if it leaves this out.
    fn instant(&self, wall: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let shown = Offset::UTC.to_datetime(timestamp(wall)?);
        match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => shifted(wall, offset, -1),
            AmbiguousOffset::Fold { before, .. } => shifted(wall, before, -1),
            AmbiguousOffset::Gap { before, .. } => {
                // As if the clock had not been changed: at the change or after it.
                let after = shifted(wall, before, -1)? + TimeDelta::seconds(1);
                let change = self.zone.preceding(timestamp(after)?).next()?;
                DateTime::from_timestamp(change.timestamp().as_second(), 0)
            }
        }
    }
}

fn timestamp(time: DateTime<Utc>) -> Option<Timestamp> {
    Timestamp::from_second(time.timestamp()).ok()
}

/// A time that is later, or earlier, by as much as a zone's clock is ahead.
fn shifted(time: DateTime<Utc>, by: Offset, direction: i32) -> Option<DateTime<Utc>> {
    let seconds = i64::from(by.seconds()) * i64::from(direction);
    time.checked_add_signed(TimeDelta::seconds(seconds))
}

/// All change windows of an identity; without any it may be changed at any time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeWindows(pub Vec<ChangeWindow>);

impl ChangeWindows {
    /// Whether one is open, or none was given.
    #[must_use]
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        self.0.is_empty() || self.0.iter().any(|window| window.is_open(now))
    }

    /// Whether a renewal may take place: in an open window, and in an emergency or
    /// after the end at any time.
    #[must_use]
    pub fn permit(&self, now: DateTime<Utc>, urgency: Urgency) -> bool {
        urgency.is_emergency() || self.is_open(now)
    }

    /// When a renewal may take place that is not an emergency: `now` if it may.
    #[must_use]
    pub fn next_opening(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.is_open(now) {
            return Some(now);
        }
        let openings = self.0.iter();
        openings.filter_map(|window| window.next_opening(now)).min()
    }
}

#[cfg(test)]
mod tests;
