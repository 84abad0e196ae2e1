//! What is told of an identity that cannot be renewed, and how often.
//!
//! Cron sends on what is printed, and a mail that comes each hour is read by nobody.
//! So what is known already is told again when it matters more, and otherwise
//!
//! | how urgent it is | what may pass by itself | what somebody has to mend |
//! |---|---|---|
//! | due | not again | once a day |
//! | overdue | once a day | once a day |
//! | an emergency, or expired | once an hour | once an hour |
//!
//! Besides, at each rung of [`Due::rung`](super::Due::rung). Hooks and fixed files
//! that fail are told once a day. What was told is kept in the state file, and what
//! was told in the future, before a clock was set back, is told again.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Error;
use super::backoff::Prospect;
use super::issuer::Word;
use super::rotation::{Done, Report, Rotation};
use super::schedule::Urgency;

/// Of how many different failures of a renewal it is known that they were told. What
/// comes besides has words that are new each time, and is taken for one of them.
const MOST_OF_RENEWAL: usize = 8;

/// The same of what fails beside it.
const MOST_BESIDE: usize = 24;

/// Something that was told.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Told {
    about: About,
    /// A hash of its words, which may be anything.
    what: String,
    at: DateTime<Utc>,
    urgency: Urgency,
    /// The rung on which it was told, in seconds that were left.
    rung: Option<i64>,
}

/// What something that was told is about.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum About {
    /// The renewal, or what holds it up.
    Renewal,
    /// Hooks and fixed files.
    Beside,
}

/// What of a run is worth telling those who learn of it only by what it prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tidings {
    /// Whether that it failed, or what holds it up.
    pub renewal: bool,
    /// Whether that the fixed files could not be replaced.
    pub fixed: bool,
    /// Which of the hooks that failed.
    pub hooks: Vec<String>,
    /// What else.
    pub notes: Vec<String>,
    /// What is known to have been told, with this.
    told: Vec<Told>,
}

impl Report {
    /// What of it is worth telling.
    #[must_use]
    pub fn tidings(&self) -> Tidings {
        let standing = &self.standing;
        let now = standing.at;
        let mut telling = Telling {
            before: &standing.state.told,
            told: Vec::new(),
            now,
        };
        let prospect = standing.state.last_failure.as_ref();
        let prospect = prospect.map_or(Prospect::Lasting, |failure| failure.prospect);
        let rung = standing.due.and_then(|due| due.rung(now));
        let renewal = self
            .told_of_renewal()
            .is_some_and(|words| telling.of_renewal(words, standing.urgency, rung, prospect));
        let notes = self.notes.iter().filter(|note| telling.beside(note));
        let notes = notes.cloned().collect();
        let hooks = self.hooks.iter().filter(|hook| telling.beside(hook));
        let hooks = hooks.cloned().collect();
        let fixed = self.fixed.as_ref();
        let fixed = fixed.is_some_and(|error| telling.beside(&error.to_string()));
        if standing.reason.is_some() {
            telling.keep_of_renewal();
        }
        Tidings {
            renewal,
            fixed,
            hooks,
            notes,
            told: telling.told,
        }
    }

    /// What there is to tell of the renewal: the words of the failure, also of the
    /// one that is waited after, or what a window holds up for long.
    fn told_of_renewal(&self) -> Option<&str> {
        let standing = &self.standing;
        match &self.done {
            Done::Failed(failure) => Some(&failure.message),
            Done::Held if standing.next_try.is_some() => {
                let failure = standing.state.last_failure.as_ref();
                Some(failure.map_or("", |failure| &failure.message))
            }
            Done::Held if standing.word == Word::OnHold => Some("hold"),
            Done::Held if standing.urgency >= Urgency::Overdue => Some("window"),
            Done::Held | Done::Nothing | Done::Renewed { .. } => None,
        }
    }
}

impl Rotation<'_> {
    /// Remembers that what is worth telling of a run was told. Nothing is written
    /// where nothing has changed.
    ///
    /// # Errors
    ///
    /// [`Error::Store`]; it is then told again by the next run.
    pub fn keep_told(&self, report: &Report, tidings: &Tidings) -> Result<(), Error> {
        let state = &report.standing.state;
        if state.told == tidings.told {
            return Ok(());
        }
        let mut state = state.clone();
        state.told.clone_from(&tidings.told);
        self.shelf.keep(&state)
    }
}

/// One run's telling.
struct Telling<'a> {
    before: &'a [Told],
    told: Vec<Told>,
    now: DateTime<Utc>,
}

impl Telling<'_> {
    fn of_renewal(
        &mut self,
        words: &str,
        urgency: Urgency,
        rung: Option<TimeDelta>,
        prospect: Prospect,
    ) -> bool {
        let of_renewal = || {
            let before = self.before.iter();
            before.filter(|told| told.about == About::Renewal)
        };
        let what = hash(words);
        let same = of_renewal().find(|told| told.what == what);
        let same = same.or_else(|| {
            let last = of_renewal().max_by_key(|told| told.at);
            last.filter(|_| of_renewal().count() >= MOST_OF_RENEWAL)
        });
        let told = Told {
            about: About::Renewal,
            what: same.map_or(what, |same| same.what.clone()),
            at: self.now,
            urgency,
            rung: rung.map(|rung| rung.num_seconds()),
        };
        self.tell(same, told, pause(urgency, prospect))
    }

    fn beside(&mut self, words: &str) -> bool {
        let what = hash(words);
        let is_it = |told: &&Told| told.about == About::Beside && told.what == what;
        if self.told.len() >= MOST_BESIDE {
            return true;
        }
        let same = self.before.iter().find(is_it);
        let told = Told {
            about: About::Beside,
            what: what.clone(),
            at: self.now,
            urgency: Urgency::Healthy,
            rung: None,
        };
        self.tell(same, told, Some(TimeDelta::days(1)))
    }

    /// Whether it is to be told; remembered is what was told last.
    fn tell(&mut self, same: Option<&Told>, new: Told, pause: Option<TimeDelta>) -> bool {
        let is_known = same.filter(|known| {
            let is_later = pause.is_some_and(|pause| new.at - known.at >= pause);
            let is_nearer = new.rung.is_some() && new.rung != known.rung;
            known.at <= new.at && new.urgency <= known.urgency && !is_nearer && !is_later
        });
        self.told.push(is_known.cloned().unwrap_or(new));
        is_known.is_none()
    }

    /// Remembers the other failures of a renewal that is not through.
    fn keep_of_renewal(&mut self) {
        for known in self.before {
            let is_there = self.told.iter().any(|told| told.what == known.what);
            if known.about == About::Renewal && !is_there {
                self.told.push(known.clone());
            }
        }
    }
}

/// After which time what stays the same is told again; `None` for not by time alone.
const fn pause(urgency: Urgency, prospect: Prospect) -> Option<TimeDelta> {
    match (urgency, prospect) {
        (Urgency::Healthy | Urgency::Due, Prospect::Passing) => None,
        (Urgency::Healthy | Urgency::Due | Urgency::Overdue, _) => Some(TimeDelta::days(1)),
        (Urgency::Emergency | Urgency::Expired, _) => Some(TimeDelta::hours(1)),
    }
}

/// What is the same each time: words up to their first digit, since numbers of
/// processes and requests, and times, are others each time. Two notes of one run that
/// differ in no more, as those of two hooks, are both told.
fn hash(words: &str) -> String {
    let mut hash = Sha256::new();
    for word in words.split_whitespace() {
        let same = word.split(|c: char| c.is_ascii_digit()).next();
        hash.update(same.unwrap_or_default().as_bytes());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..8])
}

#[cfg(test)]
mod tests;
