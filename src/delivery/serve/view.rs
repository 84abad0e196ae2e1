//! What is known of one profile's session, and what a reader is told of it.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use chrono::{DateTime, Utc};

use crate::clock::{Clock, in_words};
use crate::limits;

use super::super::keeper::{self, Event, Sink, already_ended};
use super::super::{Failure, Provider, Session};

/// What happened with the last try, and how often.
#[derive(Clone, Debug, Default)]
pub(in crate::delivery) struct Tally {
    /// Sessions that were granted.
    pub(in crate::delivery) granted: u64,
    /// Tries that failed.
    pub(in crate::delivery) failed: u64,
}

/// What is known about a profile's session. Readers share it, and it is never
/// changed: a new one takes its place.
#[derive(Clone, Debug, Default)]
pub(in crate::delivery) struct View {
    /// The last session that was granted; it may have ended.
    pub(in crate::delivery) session: Option<Arc<Session>>,
    /// Why the last try failed, when it was the last thing that happened.
    pub(in crate::delivery) failure: Option<Arc<Failure>>,
    /// Since when tries bring nothing better than a session that is due, without
    /// any of them failing.
    pub(in crate::delivery) overdue: Option<DateTime<Utc>>,
    /// Since when AWS is being asked, while it is.
    pub(in crate::delivery) asking: Option<DateTime<Utc>>,
    /// How often what happened.
    pub(in crate::delivery) tally: Tally,
}

/// A reader's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::delivery) enum Health {
    /// There is a session and the last try succeeded.
    Good,
    /// There is a session, but it could not be replaced when it was due: the
    /// reason.
    Degraded(String),
    /// There is no session: the reason.
    Unavailable(String),
}

impl View {
    /// The session, as long as it is good.
    #[must_use]
    pub(in crate::delivery) fn current(&self, now: DateTime<Utc>) -> Option<&Arc<Session>> {
        self.session
            .as_ref()
            .filter(|session| session.life().is_valid(now))
    }

    /// How the profile stands, with the reason when it is not well.
    #[must_use]
    pub(in crate::delivery) fn health(&self, now: DateTime<Utc>) -> Health {
        // That it is due is no failure yet, nor that another process is about to
        // replace it.
        let is_overdue = self
            .overdue
            .is_some_and(|since| now - since >= limits::OVERDUE);
        match (self.current(now), &self.failure) {
            (Some(_), None) if is_overdue => Health::Degraded(
                "the session is due for replacement, and no new one came".to_owned(),
            ),
            (Some(_), None) => Health::Good,
            (Some(_), Some(failure)) => Health::Degraded(failure.in_full()),
            (None, Some(failure)) => Health::Unavailable(failure.in_full()),
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

/// Something that the log should know.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A session was granted.
    Granted,
    /// None was, for this reason.
    Failed(Arc<Failure>),
}

/// A keeper at work. Dropping it lets its thread end once AWS has answered.
#[derive(Debug)]
pub(in crate::delivery) struct Keeping {
    _stop: Sender<()>,
}

/// Starts to keep a session, on a thread of its own, since asking for one blocks.
///
/// `publish` is given every new state, with what happened when something did;
/// it is called on the keeper's thread and should be quick.
///
/// # Errors
///
/// When the operating system gives no thread.
pub(in crate::delivery) fn keep(
    name: &str,
    provider: Arc<dyn Provider>,
    clock: Arc<dyn Clock>,
    publish: impl Fn(&View, Option<Notice>) + Send + 'static,
) -> io::Result<Keeping> {
    let (stop, stopped) = channel::<()>();
    // Names of threads have 15 characters at most.
    let name: String = name.chars().filter(char::is_ascii).take(9).collect();
    std::thread::Builder::new()
        .name(format!("keep-{name}"))
        .spawn(move || {
            let mut is_over = |pause| {
                let waited = stopped.recv_timeout(pause);
                !matches!(waited, Err(RecvTimeoutError::Timeout))
            };
            let mut desk = Desk::new(publish);
            keeper::run(provider.as_ref(), clock.as_ref(), &mut is_over, &mut desk);
        })?;
    Ok(Keeping { _stop: stop })
}

/// Keeps the view of one profile, and hands it to those who read it.
pub(in crate::delivery) struct Desk<P> {
    view: View,
    publish: P,
}

impl<P: Fn(&View, Option<Notice>)> Desk<P> {
    pub(in crate::delivery) fn new(publish: P) -> Self {
        Self {
            view: View::default(),
            publish,
        }
    }
}

impl<P: Fn(&View, Option<Notice>)> Sink for Desk<P> {
    fn asking(&mut self, now: DateTime<Utc>) {
        self.view.asking = Some(now);
        (self.publish)(&self.view, None);
    }

    /// Readers get it with the event that follows. One that has ended by this
    /// host's clock is none to them.
    fn deliver(&mut self, session: &Arc<Session>, now: DateTime<Utc>) -> Result<(), Failure> {
        if !session.life().is_valid(now) {
            return Err(already_ended(session, now));
        }
        self.view.session = Some(Arc::clone(session));
        Ok(())
    }

    fn report(&mut self, event: Event<'_>, now: DateTime<Utc>) {
        let notice = match event {
            Event::Delivered { session, .. } => {
                self.view.failure = None;
                if session.life().is_due(now) {
                    self.view.overdue.get_or_insert(now);
                } else {
                    self.view.overdue = None;
                }
                self.view.tally.granted += 1;
                Some(Notice::Granted)
            }
            Event::Failed { failure, .. } => {
                let failure = Arc::new(failure.clone());
                self.view.failure = Some(Arc::clone(&failure));
                self.view.overdue = None;
                self.view.tally.failed += 1;
                Some(Notice::Failed(failure))
            }
            Event::Unchanged { .. } => {
                self.view.overdue.get_or_insert(now);
                None
            }
            // What the view and its failure say of themselves.
            Event::Recovered { .. }
            | Event::Ended { .. }
            | Event::Overwritten { .. }
            | Event::ClockSetBack { .. } => return,
        };
        self.view.asking = None;
        (self.publish)(&self.view, notice);
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use crate::rolesanywhere::SessionCredentials;
    use crate::secret::Secret;

    use super::super::super::{Cause, Obtained};
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
    }

    /// Answers, the last one first, each at its time.
    struct Script(std::sync::Mutex<Vec<(Session, Option<Failure>)>>);

    impl Provider for Script {
        fn obtain(&self) -> Result<Obtained, Failure> {
            let (session, kept_because) = self.0.lock().unwrap().remove(0);
            Ok(Obtained {
                session,
                kept_because,
            })
        }

        fn longest(&self) -> TimeDelta {
            TimeDelta::hours(1)
        }
    }

    /// A session with this letter in its key, and the times of its life.
    fn session(letter: char, begins: i64, ends: i64) -> Session {
        Session {
            credentials: SessionCredentials {
                access_key_id: format!("ASIA{letter}"),
                secret_access_key: Secret::from("s".to_owned()),
                session_token: Secret::from("t".to_owned()),
                expiration: at(ends),
            },
            obtained: at(begins),
            role: "arn:aws:iam::123456789012:role/backup".parse().unwrap(),
        }
    }

    fn out() -> Failure {
        Failure {
            message: "out".to_owned(),
            hint: None,
            cause: Cause::Temporary,
        }
    }

    /// The views after each answer, which all come at the same moment: after
    /// each pause the next one is due.
    fn views(now: i64, answers: Vec<(Session, Option<Failure>)>) -> Vec<View> {
        struct Steps(std::sync::Mutex<DateTime<Utc>>);
        impl Clock for Steps {
            fn now(&self) -> DateTime<Utc> {
                *self.0.lock().unwrap()
            }
        }
        let count = answers.len();
        let (clock, script) = (Steps(at(now).into()), Script(answers.into()));
        let seen = std::sync::Mutex::new(Vec::new());
        let mut desk = Desk::new(|view: &View, _| {
            if view.asking.is_none() {
                seen.lock().unwrap().push(view.clone());
            }
        });
        let mut stop = |pause| {
            *clock.0.lock().unwrap() += pause;
            seen.lock().unwrap().len() == count
        };
        keeper::run(&script, &clock, &mut stop, &mut desk);
        drop(desk);
        seen.into_inner().unwrap()
    }

    #[test]
    fn f12_a_session_that_has_ended_when_it_comes_is_a_failure_and_what_was_good_stays() {
        // The second comes when the first is due.
        let seen = views(
            0,
            vec![
                (session('A', 0, 3600), None),
                (session('B', 1800, 1799), None),
            ],
        );
        assert!(seen[1].current(at(1800)).is_some());
        assert!(
            matches!(seen[1].health(at(1800)), Health::Degraded(reason) if reason.contains("had ended"))
        );
        assert_eq!((seen[1].tally.granted, seen[1].tally.failed), (1, 1));
    }

    /// The keeper looks at the clock once a second, and then AWS takes its time.
    #[test]
    fn a_session_that_becomes_due_is_no_failure() {
        let seen = views(0, vec![(session('A', 0, 3600), None)]);
        for second in [1799, 1800, 1801, 1860, 3599] {
            let asking = View {
                asking: Some(at(1801)),
                ..seen[0].clone()
            };
            for view in [&seen[0], &asking] {
                assert_eq!(view.health(at(second)), Health::Good, "{second}");
            }
        }
        let ended = seen[0].health(at(3600));
        assert!(matches!(ended, Health::Unavailable(_)), "{ended:?}");
    }

    /// As long as another process is at it, the cache has the old one.
    #[test]
    fn what_another_process_is_replacing_is_no_failure_until_it_takes_long() {
        let old = || (session('A', 0, 3600), None);
        let seen = views(1800, vec![old(), old(), (session('B', 1800, 5400), None)]);
        for view in &seen[..2] {
            assert_eq!(view.health(at(1810)), Health::Good);
            assert!(matches!(view.health(at(1870)), Health::Degraded(_)));
        }
        assert_eq!(seen[2].health(at(1870)), Health::Good);
    }

    #[test]
    fn what_is_due_when_it_comes_is_used_and_said() {
        let seen = views(0, vec![(session('A', -3000, 600), None)]);
        assert!(seen[0].current(at(0)).is_some());
        assert_eq!(seen[0].health(at(0)), Health::Good);
        // Unless nothing else comes for a while.
        assert_eq!(seen[0].health(at(59)), Health::Good);
        assert!(matches!(seen[0].health(at(60)), Health::Degraded(_)));
    }

    #[test]
    fn a_session_that_ends_earlier_does_not_take_the_place_of_a_better_one() {
        let seen = views(
            0,
            vec![
                (session('A', 0, 3600), None),
                (session('B', -3000, 2000), Some(out())),
                // One that is fresh does, even when it lasts less: the profile
                // was changed.
                (session('C', 1800, 2700), None),
            ],
        );
        let keys = seen.iter().map(|view| {
            let session = view.session.as_ref().unwrap();
            session.credentials.access_key_id.as_str()
        });
        assert_eq!(keys.collect::<Vec<_>>(), ["ASIAA", "ASIAA", "ASIAC"]);
    }

    #[test]
    fn what_a_cache_has_kept_is_used_and_is_no_new_session() {
        let old = || (session('A', -3000, 600), Some(out()));
        let seen = views(0, vec![old(), old()]);
        assert!(seen[0].current(at(0)).is_some());
        assert_eq!(seen[0].health(at(0)), Health::Degraded("out".to_owned()));
        assert_eq!((seen[1].tally.granted, seen[1].tally.failed), (0, 2));
        // It is not put in its own place again: documents are written once.
        let held = |view: &View| view.session.clone().unwrap();
        assert!(Arc::ptr_eq(&held(&seen[0]), &held(&seen[1])));
        // When it has ended, the reason is what readers get.
        let gone = Health::Unavailable("out".to_owned());
        assert_eq!(seen[1].health(at(600)), gone);
    }
}
