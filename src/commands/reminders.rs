//! Which failures a daemon tells: not each one of an outage, and not the first
//! one alone.

use chrono::{DateTime, TimeDelta, Utc};

use crate::delivery::Cause;

/// How often a failure is told again that stays the same.
const REMINDER: TimeDelta = TimeDelta::minutes(10);

/// What was told of one session: the first failure, one of another kind, and what
/// lasts every ten minutes.
#[derive(Debug, Default)]
pub(super) struct Reminders {
    /// The kind of the failure that was told last, and when.
    last: Option<(Cause, DateTime<Utc>)>,
}

/// How a failure is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// With what to try.
    News,
    /// That it lasts.
    Reminder,
}

impl Reminders {
    /// By its kind: the words of one outage change with each try, as the number
    /// of the request does. `None` for what is known already.
    pub(super) fn of(&mut self, cause: Cause, now: DateTime<Utc>) -> Option<Telling> {
        let telling = match self.last {
            Some((last, at)) if last == cause => {
                if (at..at + REMINDER).contains(&now) {
                    return None;
                }
                Telling::Reminder
            }
            _ => Telling::News,
        };
        self.last = Some((cause, now));
        Some(telling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l15_an_outage_is_told_at_once_and_every_ten_minutes() {
        let at = |minute| DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        let mut told = Reminders::default();
        let lines: Vec<i64> = (0..35)
            .filter(|minute| told.of(Cause::Temporary, at(*minute)).is_some())
            .collect();
        assert_eq!(lines, [0, 10, 20, 30]);
        // A refusal is another matter, and a clock that was set back hides nothing.
        assert_eq!(told.of(Cause::Refused, at(35)), Some(Telling::News));
        assert_eq!(told.of(Cause::Refused, at(36)), None);
        assert_eq!(told.of(Cause::Refused, at(-600)), Some(Telling::Reminder));
    }
}
