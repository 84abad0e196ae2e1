//! The session of one profile, kept fresh beside those who read it: what is
//! known, when the next try is, and what a reader is told. Values without a
//! thread and without a clock of their own; [`mod@thread`] gives it both.

#[cfg(test)]
mod day;
mod thread;

pub use thread::{Kept, Notice, keep};

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::in_words;

use super::super::{Failure, Prospect, Session, next_try};

/// How long one is used that is due when it comes, from a clock that is off: it
/// must not be asked for in a loop.
const LEAST_REST: TimeDelta = TimeDelta::seconds(30);

/// What happened with the last try, and how often.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Sessions that were granted.
    pub granted: u64,
    /// Tries that failed.
    pub failed: u64,
}

/// What is known about a profile's session. Readers share it, and it is never
/// changed: a new one takes its place.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The last session that was granted; it may have ended.
    pub session: Option<Arc<Session>>,
    /// Why the last try failed, when it was the last thing that happened.
    pub failure: Option<Arc<Failure>>,
    /// Since when AWS is being asked, while it is.
    pub asking: Option<DateTime<Utc>>,
    /// How often what happened.
    pub tally: Tally,
}

/// A reader's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// There is a session and the last try succeeded.
    Good,
    /// There is a session, but it could not be replaced: the reason.
    Degraded(String),
    /// There is no session: the reason.
    Unavailable(String),
}

impl View {
    /// The session, as long as it is good.
    #[must_use]
    pub fn current(&self, now: DateTime<Utc>) -> Option<&Arc<Session>> {
        self.session
            .as_ref()
            .filter(|session| session.life().is_valid(now))
    }

    /// How the profile stands, with the reason when it is not well.
    #[must_use]
    pub fn health(&self, now: DateTime<Utc>) -> Health {
        match (self.current(now), &self.failure) {
            // A cache hands out what it has while AWS does not answer it.
            (Some(session), None) if session.life().is_due(now) && self.asking.is_none() => {
                Health::Degraded(
                    "the session is due for replacement, and no new one came".to_owned(),
                )
            }
            (Some(_), None) => Health::Good,
            (Some(_), Some(failure)) => Health::Degraded(words(failure)),
            (None, Some(failure)) => Health::Unavailable(words(failure)),
            (None, None) => Health::Unavailable(match (&self.session, self.asking) {
                (_, Some(since)) => {
                    format!(
                        "a session is being asked for since {}",
                        in_words(now - since)
                    )
                }
                (Some(_), None) => "the session has ended; a new one is due".to_owned(),
                (None, None) => "no session has been asked for yet".to_owned(),
            }),
        }
    }
}

/// A failure as one sentence with its next step.
fn words(failure: &Failure) -> String {
    match &failure.hint {
        Some(hint) => format!("{}; {hint}", failure.message),
        None => failure.message.clone(),
    }
}

/// Decides when a session is asked for and what becomes of the answer.
///
/// It goes by the wall clock alone, looked at in short ticks: a monotonic
/// clock stands still while a machine sleeps, and sessions do not.
#[derive(Debug)]
pub struct Keeper {
    view: View,
    next: DateTime<Utc>,
    /// Failures in a row.
    failures: u32,
    looked: DateTime<Utc>,
}

impl Keeper {
    /// One that has nothing yet and is due at once.
    #[must_use]
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            view: View::default(),
            next: now,
            failures: 0,
            looked: now,
        }
    }

    /// What readers may know.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// When the next try is, as things stand.
    #[must_use]
    pub const fn next(&self) -> DateTime<Utc> {
        self.next
    }

    /// Whether it is time to ask. Call it in short ticks.
    pub fn is_due(&mut self, now: DateTime<Utc>) -> bool {
        // A clock that was set back would make a pause last for as long again.
        // It is begun anew; a granted session is judged by its end alone.
        if now < self.looked {
            let pause = (self.next - self.looked).max(TimeDelta::zero());
            self.next = now + pause;
            if let Some(session) = &self.view.session {
                let life = session.life();
                self.next = self.next.min(life.refresh_at().max(now));
            }
        }
        self.looked = now;
        now >= self.next
    }

    /// Notes that AWS is being asked.
    pub fn asking(&mut self, now: DateTime<Utc>) {
        self.view.asking = Some(now);
    }

    /// Notes what came of it. `jitter` is a random number from 0 up to 1.
    ///
    /// A failure leaves the session alone that is there. With a session it says
    /// why that is not a newer one; a session that has ended when it comes
    /// counts as a failure.
    pub fn answered(
        &mut self,
        answer: Result<(Session, Option<Failure>), Failure>,
        now: DateTime<Utc>,
        jitter: f64,
    ) {
        self.view.asking = None;
        self.looked = now;
        let failure = match answer {
            Ok((session, None)) if session.life().is_valid(now) => {
                self.granted(session, now);
                return;
            }
            Ok((session, Some(failure))) => {
                if session.life().is_valid(now) {
                    self.hold(session, now);
                }
                failure
            }
            Ok((session, None)) => already_ended(&session, now),
            Err(failure) => failure,
        };
        self.failures = self.failures.saturating_add(1);
        self.next = next_try(now, self.failures, failure.prospect, jitter);
        self.view.tally.failed += 1;
        self.view.failure = Some(Arc::new(failure));
    }

    fn granted(&mut self, session: Session, now: DateTime<Utc>) {
        self.failures = 0;
        self.view.tally.granted += 1;
        self.view.failure = None;
        let due = session.life().refresh_at();
        self.next = if due > now { due } else { now + LEAST_REST };
        self.hold(session, now);
    }

    /// Puts it in the place of the one that is there, unless that is better:
    /// what comes from a cache may end before it.
    fn hold(&mut self, session: Session, now: DateTime<Utc>) {
        let is_better = match self.view.current(now) {
            Some(held) => {
                session.credentials.expiration > held.credentials.expiration
                    || !session.life().is_due(now)
            }
            None => true,
        };
        if is_better {
            self.view.session = Some(Arc::new(session));
        }
    }
}

fn already_ended(session: &Session, now: DateTime<Utc>) -> Failure {
    let ago = in_words(now - session.credentials.expiration);
    Failure {
        message: format!("the session that came had ended {ago} before, by this host's clock"),
        hint: Some("set the clock of this host (chronyd, ntpd)".to_owned()),
        code: 5,
        prospect: Prospect::Passing,
    }
}
