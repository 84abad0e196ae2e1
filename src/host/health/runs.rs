//! Whether renewals take place, and what came of them.

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::rfc3339;
use crate::finding::{Finding, Level};
use crate::pki::Certificate;

use super::super::backoff::{Failures, Prospect};
use super::super::schedule::{Due, Urgency};
use super::super::seen::Unusable;
use super::super::spread::Whose;
use super::{Exam, Seen};

/// From how many failures in a row on it is told, also of what may pass: the first
/// three tries are over within a quarter of an hour.
const FAILURES: u32 = 3;

/// How long runs may stay away, or a renewal may stand still, whatever the life
/// is. A quarter of what is left when a certificate is due, if that is less.
const PATIENCE: TimeDelta = TimeDelta::days(2);

impl Exam<'_> {
    pub(super) fn state(&self, seen: &Seen) -> Finding {
        let (level, text) = match &seen.state {
            None => (
                Level::Ok,
                "what is kept between runs can be read".to_owned(),
            ),
            Some(Unusable {
                why,
                is_denied: true,
            }) => (
                Level::Unknown,
                format!("this user may not read what is kept between runs: {why}"),
            ),
            Some(Unusable {
                why,
                is_denied: false,
            }) => (
                Level::Warning,
                format!("nothing is renewed until what is kept between runs is removed: {why}"),
            ),
        };
        let found = Finding::new("state", level, text);
        match seen.standing.state.last_success {
            Some(last) => found.with("last_success_timestamp_seconds", None, last.timestamp()),
            None => found,
        }
    }

    /// What failed last, and when it is tried again.
    pub(super) fn renewal(&self, seen: &Seen) -> Finding {
        let standing = &seen.standing;
        let Some(failures) = standing.state.failures else {
            let text = "no renewal has failed since the last success".to_owned();
            return Finding::new("renewal", Level::Ok, text).with("failures", None, 0);
        };
        let last = standing.state.last_failure.as_ref();
        let standing_refusal = standing.state.refusal.as_ref();
        let refused = standing_refusal.is_some() || last.is_some_and(|last| last.refused);
        let level = match (refused, failures.prospect) {
            (true, _) => Level::Critical,
            (false, Prospect::Lasting) => Level::Warning,
            _ if failures.count >= FAILURES || standing.urgency >= Urgency::Overdue => {
                Level::Warning
            }
            _ => Level::Ok,
        };
        let what = match refused {
            true => "was refused",
            false => "failed",
        };
        let times = match failures.count {
            1 => String::new(),
            count => format!(" {count} times"),
        };
        let mut text = format!(
            "the renewal {what}{times}, last on {}",
            rfc3339(failures.last)
        );
        if let Some(last) = last {
            text.push_str(&format!(", {}: {}", last.step.attempt(), last.message));
        }
        // That nobody answers does not take it back.
        if let Some(refusal) = standing_refusal.filter(|refusal| Some(*refusal) != last) {
            text.push_str(&format!(
                "; it was refused on {}, {}: {}",
                rfc3339(refusal.at),
                refusal.step.attempt(),
                refusal.message
            ));
        }
        let again = match standing.next_try {
            Some(next) => format!("; it is tried again from {} on", rfc3339(next)),
            None => "; the next run tries it again".to_owned(),
        };
        text.push_str(&again);
        if level == Level::Critical {
            text.push_str(&format!("; {}", self.advice.anyway));
        }
        Finding::new("renewal", level, text).with("failures", None, i64::from(failures.count))
    }

    /// Whether runs take place at all.
    pub(super) fn runs(&self, seen: &Seen) -> Finding {
        let standing = &seen.standing;
        let away = self
            .expected(seen)
            .filter(|expected| self.at - *expected > patience(standing.due.as_ref()));
        let (level, text) = match away {
            Some(expected) => (
                Level::Warning,
                format!(
                    "no run of windlass rotate has tried to renew it since {}: is it in the crontab, or its timer active?",
                    rfc3339(expected)
                ),
            ),
            None => (Level::Ok, "no run is missed".to_owned()),
        };
        Finding::new("runs", level, text)
    }

    /// From when on a run should have tried to renew it and none has; `None` where
    /// none had to.
    fn expected(&self, seen: &Seen) -> Option<DateTime<Utc>> {
        let standing = &seen.standing;
        let due = standing.due?;
        let next = |failures: Failures| {
            let whose = Whose {
                serial: standing.certificate.as_ref().map(Certificate::serial),
                host: &self.expected.terms.host,
            };
            failures.next_try(Some(due.ends()), &whose)
        };
        let failed = standing.state.failures;
        // After a failure, from the next try on; else from when it was due.
        let from = failed.map_or(due.at, next).max(due.at);
        let opened = self.expected.terms.windows.next_opening(from)?;
        (opened <= self.at).then_some(opened)
    }

    pub(super) fn begun(&self, seen: &Seen) -> Option<Finding> {
        let next = seen.standing.state.next.as_ref()?;
        let old = self.at - next.begun > patience(seen.standing.due.as_ref());
        let text = format!(
            "a renewal was begun on {} and is not through: {}",
            rfc3339(next.begun),
            next.step.achieved()
        );
        let level = match old && !seen.standing.is_closed {
            true => Level::Warning,
            false => Level::Ok,
        };
        Some(Finding::new("begun", level, text))
    }
}

/// How long runs may stay away.
fn patience(due: Option<&Due>) -> TimeDelta {
    due.map_or(PATIENCE, |due| PATIENCE.min(due.reserve() / 4))
}
