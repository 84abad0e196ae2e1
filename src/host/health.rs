//! How an identity is, for a monitor: what was seen of it, judged.
//!
//! Nothing is read here, and the time is handed in. What a level stands for is
//! what a person has to do: nothing, something soon, something now; and that
//! nobody knows, where something could not be read.

mod margin;
mod runs;
mod source;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{in_words, rfc3339};
use crate::finding::{Bound, Finding, Level};
use crate::pki::Certificate;
use crate::store::FixedFiles;
use crate::text::{counted, first_of, printable};

use super::issuer::Word;
use super::schedule::{Due, Life, Rule, Urgency};
use super::seen::{FilesSeen, KeySeen, Seen, Whom};
use super::shelf::Part;
use super::spread::Whose;
use super::state::{Next, Owed};
use super::terms::{Compared, Terms};

use self::margin::Limits;
pub use self::margin::{Margin, NoWarning, Thresholds};
use self::source::{chain, issuer};

/// How long it may take until files and hooks have followed: the longest that a hook
/// may take.
const HOOKS: TimeDelta = TimeDelta::hours(1);

/// How many names are shown.
const SHOWN: usize = 5;

/// What an identity is to be, as far as whoever looks at it knows.
#[derive(Clone, Debug)]
pub struct Expected {
    /// By which rules it is renewed.
    pub terms: Terms,
    /// Whether the names and roots of the terms are those that it is to have, and
    /// not just unknown.
    pub knows_names: bool,
    /// The files at fixed paths that follow it.
    pub fixed: Option<FixedFiles>,
}

/// What has to be typed, as sentences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// To renew what is to be renewed.
    pub renew: String,
    /// To renew what is not due, or before the next try.
    pub anyway: String,
}

/// By what an identity is judged.
#[derive(Clone, Copy, Debug)]
pub struct Exam<'a> {
    /// What it is to be.
    pub expected: &'a Expected,
    /// When it is told how much is left.
    pub thresholds: Thresholds,
    /// What has to be typed to renew it.
    pub advice: &'a Advice,
    /// Now.
    pub at: DateTime<Utc>,
}

/// Judges an identity that has a version in force.
#[must_use]
pub fn examine(exam: &Exam<'_>, seen: &Seen) -> Vec<Finding> {
    let mut found = vec![exam.certificate(seen)];
    found.push(exam.key(seen));
    found.extend(exam.parts(seen));
    if let Some(leaf) = &seen.standing.certificate {
        let roots = match exam.expected.knows_names {
            true => exam.expected.terms.roots.as_slice(),
            false => &[],
        };
        found.push(chain(leaf, &seen.others, roots, exam.at));
        let known = seen.standing.due.and_then(|due| due.life.issuer_not_after);
        found.extend(issuer(leaf, &seen.others, known, exam.at));
        found.extend(exam.names(leaf, seen));
    }
    found.extend(unfinished(exam, seen));
    found.push(exam.hooks(seen));
    found.extend(exam.files(seen));
    found.push(exposed(seen));
    found.push(exam.clock(seen));
    found
}

/// Judges the renewals alone: of an identity that has nothing in force yet, that is
/// all there is.
fn unfinished(exam: &Exam<'_>, seen: &Seen) -> Vec<Finding> {
    let mut found = vec![exam.state(seen)];
    found.push(exam.renewal(seen));
    found.push(exam.runs(seen));
    found.extend(exam.begun(seen));
    found
}

/// Judges an identity that has nothing in force: why that is so, with how bad it
/// is, and what is known of the tries to obtain a certificate.
#[must_use]
pub fn examine_absent(exam: &Exam<'_>, why: Finding, seen: Option<&Seen>) -> Vec<Finding> {
    let mut found = vec![why];
    if let Some(seen) = seen {
        found.push(exam.state(seen));
        found.push(exam.renewal(seen));
        found.extend(exam.begun(seen));
    }
    found
}

/// Judges a certificate that others renew, with those that stand beside it in its
/// file.
#[must_use]
pub fn examine_certificate(
    certificates: &[Certificate],
    thresholds: Thresholds,
    at: DateTime<Utc>,
) -> Vec<Finding> {
    let Some((leaf, others)) = certificates.split_first() else {
        return Vec::new();
    };
    let life = Life {
        obtained: leaf.not_before(),
        not_after: leaf.not_after(),
        issuer_not_after: None,
    };
    let whose = Whose {
        serial: Some(leaf.serial()),
        host: "",
    };
    let due = life.due(Rule::Usual, &whose);
    let level = thresholds.level(&due, level_of(due.urgency(at)), at);
    let limits = thresholds.limits(&due);
    let life = of_life(leaf, &due, (level, limits), at);
    let mut found = vec![with_times(life, &due, limits, at)];
    found.push(chain(leaf, others, &[], at));
    found.extend(issuer(leaf, others, None, at));
    found
}

/// How bad it is, if the schedule decides.
const fn level_of(urgency: Urgency) -> Level {
    match urgency {
        Urgency::Healthy | Urgency::Due => Level::Ok,
        Urgency::Overdue => Level::Warning,
        Urgency::Emergency | Urgency::Expired => Level::Critical,
    }
}

/// What is left of a certificate, with how bad that is, and by what.
fn of_life(
    leaf: &Certificate,
    due: &Due,
    (level, limits): (Level, Limits),
    at: DateTime<Utc>,
) -> Finding {
    let (subject, ends) = (printable(&leaf.subject().to_string(), 200), due.ends());
    let (level, text) = if at < leaf.not_before() {
        let begins = rfc3339(leaf.not_before());
        (Level::Critical, format!("is not valid before {begins}"))
    } else if ends <= at {
        let ago = in_words(at - ends);
        let ended = format!("expired {ago} ago, on {}", rfc3339(ends));
        (Level::Critical, ended)
    } else {
        let left = in_words(ends - at);
        let by = limits.of(level).map_or_else(String::new, |limit| {
            format!(" ({} below {})", level.as_str(), in_words(limit))
        });
        (level, format!("ends in {left}{by}, on {}", rfc3339(ends)))
    };
    let by = match ends < due.life.not_after {
        true => " with its issuer",
        false => "",
    };
    let serial = leaf.serial();
    let text = format!("{subject}, serial number {serial}, {text}{by}");
    Finding::new("certificate", level, text)
}

fn with_times(found: Finding, due: &Due, limits: Limits, at: DateTime<Utc>) -> Finding {
    let [warn, critical] = limits.bounds();
    found
        .with("left_seconds", None, due.left(at).num_seconds())
        .bounded(warn, critical)
        .with("not_after_timestamp_seconds", None, due.ends().timestamp())
}

impl Exam<'_> {
    fn certificate(&self, seen: &Seen) -> Finding {
        let standing = &seen.standing;
        let renew = &self.advice.renew;
        let (Some(leaf), Some(due)) = (&standing.certificate, &standing.due) else {
            let text = format!("what is in force cannot be read as a certificate: {renew}");
            return Finding::new("certificate", Level::Critical, text);
        };
        let urgent = match self.is_awaited(seen) {
            true => Level::Ok,
            false => level_of(standing.urgency),
        };
        let level = self.thresholds.level(due, urgent, self.at);
        let limits = self.thresholds.limits(due);
        let mut found = of_life(leaf, due, (level, limits), self.at);
        found.text.push_str(match standing.word {
            Word::Nothing => "",
            Word::OnHold => "; its issuer has put it on hold, and renews it when that is lifted",
            Word::Revoked => "; its issuer has revoked it",
        });
        if standing.word != Word::Nothing {
            found.level = Level::Critical;
        }
        let then = match standing.urgency {
            Urgency::Healthy | Urgency::Due if standing.word == Word::Revoked => {
                format!(": {renew}")
            }
            Urgency::Healthy => format!("; it is renewed from {} on", rfc3339(due.at)),
            Urgency::Expired => format!(": {renew}"),
            Urgency::Due | Urgency::Overdue | Urgency::Emergency if due.at <= self.at => {
                let since = format!("; it is due since {}", rfc3339(due.at));
                match (found.level, standing.opens) {
                    (Level::Ok, Some(opens)) => {
                        format!("{since}, and its change window opens on {}", rfc3339(opens))
                    }
                    (Level::Ok, None) => since,
                    _ => format!("{since}: {renew}"),
                }
            }
            Urgency::Due | Urgency::Overdue | Urgency::Emergency => String::new(),
        };
        found.text.push_str(&then);
        with_times(found, due, limits, self.at).with(
            "due_timestamp_seconds",
            None,
            due.at.timestamp(),
        )
    }

    /// Whether nothing but a change window holds the renewal up, and that opens
    /// while there is time.
    fn is_awaited(&self, seen: &Seen) -> bool {
        let standing = &seen.standing;
        standing.urgency == Urgency::Overdue
            && standing.state.failures.is_none()
            && standing
                .opens
                .zip(standing.due)
                .is_some_and(|(opens, due)| !due.urgency(opens).is_emergency())
    }

    fn key(&self, seen: &Seen) -> Finding {
        let renew = &self.advice.renew;
        let (level, text) = match &seen.key {
            KeySeen::Denied => (
                Level::Unknown,
                "this user may not read the key: whether it is that of the certificate is not known"
                    .to_owned(),
            ),
            KeySeen::Fits => (
                Level::Ok,
                "key and certificate belong together".to_owned(),
            ),
            KeySeen::Other => (
                Level::Critical,
                format!("the key is not that of the certificate: {renew}"),
            ),
            KeySeen::Unreadable(why) => (
                Level::Critical,
                format!("the key cannot be used: {why}: {renew}"),
            ),
        };
        Finding::new("key", level, text)
    }

    /// Other programs read the certificate, and those above it, from files of their own.
    fn parts(&self, seen: &Seen) -> Option<Finding> {
        seen.standing.certificate.as_ref()?;
        let torn: Vec<&str> = seen.torn.iter().map(|part| part.file()).collect();
        let (level, text) = match torn.as_slice() {
            [] => (Level::Ok, "its files hold the same certificates".to_owned()),
            torn => (
                Level::Critical,
                format!(
                    "{} of the version in force has other certificates than {}, or none: {}",
                    torn.join(" and "),
                    Part::Fullchain.file(),
                    self.advice.anyway
                ),
            ),
        };
        Some(Finding::new("parts", level, text))
    }

    fn names(&self, leaf: &Certificate, seen: &Seen) -> Option<Finding> {
        if !self.expected.knows_names {
            return None;
        }
        let Compared { missing, added } = self.expected.terms.compare(leaf);
        let shown = |names: &[String]| {
            let first: Vec<String> = names.iter().take(SHOWN).cloned().collect();
            first_of(&first, names.len())
        };
        let differs: Vec<String> = [("lacks", missing), ("has besides", added)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(what, names)| format!("{what} {}", shown(&names)))
            .collect();
        let (level, text) = match differs.as_slice() {
            [] => (Level::Ok, "it has the names that are asked for".to_owned()),
            differs => (
                match seen.standing.is_closed {
                    true => Level::Ok,
                    false => Level::Warning,
                },
                format!(
                    "its names are not those that are asked for: it {}; the next renewal changes that",
                    differs.join(" and ")
                ),
            ),
        };
        Some(Finding::new("names", level, text))
    }

    fn hooks(&self, seen: &Seen) -> Finding {
        let state = &seen.standing.state;
        let (level, count, text) = match &state.owed {
            Owed::Nothing => (Level::Ok, 0, "all hooks have been run".to_owned()),
            Owed::All => {
                let level = match self.is_under_way(seen) {
                    true => Level::Ok,
                    false => Level::Warning,
                };
                let text = "the hooks have still to be run for the version in force".to_owned();
                (level, 1, text)
            }
            Owed::Failed(failed) => {
                let first = failed.iter().take(SHOWN).map(|hook| {
                    let why = hook.failure.as_deref().unwrap_or("it failed");
                    format!("{}: {why}", printable(&hook.program, 100))
                });
                let text = format!(
                    "{} failed and run again with the next run: {}",
                    counted(failed.len(), "hook"),
                    first_of(&first.collect::<Vec<_>>(), failed.len())
                );
                (Level::Warning, failed.len(), text)
            }
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        Finding::new("hooks", level, text)
            .with("hooks_owed", None, count)
            .bounded(Some(Bound::Above(0)), None)
    }

    /// Whether a run is putting a version in force at this moment: its files follow
    /// and its hooks are run one after the other.
    fn is_under_way(&self, seen: &Seen) -> bool {
        let state = &seen.standing.state;
        let is_recent = |then: DateTime<Utc>| self.at - then <= HOOKS;
        let is_switched = |next: &Next| Some(next.number()) == seen.standing.version;
        state.owed == Owed::All && state.last_success.is_some_and(is_recent)
            || state.next.as_ref().is_some_and(is_switched)
    }

    fn files(&self, seen: &Seen) -> Option<Finding> {
        let late = match self.is_under_way(seen) {
            true => Level::Ok,
            false => Level::Warning,
        };
        let (level, text) = match &seen.files {
            FilesSeen::None => return None,
            FilesSeen::Same => (
                Level::Ok,
                "the files at fixed paths are those of the version in force".to_owned(),
            ),
            FilesSeen::Pending => (
                late,
                "the files at fixed paths are being replaced, and may be mixed: the next run completes it"
                    .to_owned(),
            ),
            FilesSeen::Stale(paths) => {
                let first = paths.iter().take(SHOWN);
                let first: Vec<String> = first.map(|path| path.display().to_string()).collect();
                let text = format!(
                    "not those of the version in force: {}; the next run replaces them",
                    first_of(&first, paths.len())
                );
                (late, text)
            }
            FilesSeen::Unknown(why) => (
                Level::Unknown,
                format!("the files at fixed paths could not be compared: {why}"),
            ),
        };
        Some(Finding::new("files", level, text))
    }

    fn clock(&self, seen: &Seen) -> Finding {
        let is_doubtful = |due: Due| due.is_doubtful(self.at);
        let (level, text) = match seen.standing.due.is_some_and(is_doubtful) {
            true => (
                Level::Warning,
                "the certificate seems to have been obtained in the future, or after its end: is the clock right?"
                    .to_owned(),
            ),
            false => (Level::Ok, "the clock fits what is kept".to_owned()),
        };
        Finding::new("clock", level, text)
    }
}

/// Who could change or read what is not theirs.
fn exposed(seen: &Seen) -> Finding {
    let levels = seen.exposed.iter().map(|one| match one.to {
        Whom::Group => Level::Warning,
        Whom::Unknown => Level::Unknown,
        Whom::Everybody => Level::Critical,
    });
    let said: Vec<&str> = seen.exposed.iter().map(|one| one.said.as_str()).collect();
    let (level, text) = match levels.max() {
        None => (
            Level::Ok,
            "nobody else can read the key or change the identity".to_owned(),
        ),
        Some(level) => (level, said.join("; ")),
    };
    Finding::new("modes", level, text)
}

#[cfg(test)]
mod tests;
