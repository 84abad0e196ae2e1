//! `windlass update` without `--once`: each section has a thread that keeps it
//! fresh, and a signal ends the program whatever they are waiting for.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;

use crate::clock::{Clock, SystemClock, in_words, rfc3339};
use crate::commands::session::SessionPlan;
use crate::commands::{Context, Error, Printer, stop};
use crate::delivery::upkeep::{Event, Surroundings, keep};
use crate::delivery::{Failure, Session};

use super::target::Target;
use super::{Wanted, document};

/// How often a failure is told again that stays the same.
const REMINDER: TimeDelta = TimeDelta::minutes(10);

/// What all sections share.
struct Shared {
    target: Target,
    context: Context,
    json: bool,
    stopping: AtomicBool,
}

/// Keeps the sections fresh until SIGTERM or SIGINT.
pub(super) fn run(
    wanted: Vec<Wanted>,
    target: Target,
    json: bool,
    context: &Context,
) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(Error::Daemon)?;
    // The threads outlive this function by a moment when a signal ends it.
    let shared = Arc::new(Shared {
        target,
        context: Context {
            clock: Box::new(SystemClock),
            invocation: context.invocation.clone(),
            started: Instant::now(),
            environment: context.environment.clone(),
            printer: context.printer.clone(),
        },
        json,
        stopping: AtomicBool::new(false),
    });
    let outcome = runtime.block_on(async {
        let stop = stop::on_signal().map_err(Error::Daemon)?;
        let (alive, mut ended) = mpsc::channel::<()>(1);
        for one in wanted {
            let (shared, alive) = (Arc::clone(&shared), alive.clone());
            std::thread::Builder::new()
                .spawn(move || {
                    let _alive = alive;
                    keep_fresh(&one, &shared)
                })
                .map_err(Error::Daemon)?;
        }
        drop(alive);
        tokio::select! {
            () = stop => Ok(()),
            // All threads are gone, which only a defect can do.
            _ = ended.recv() => Err(Error::Daemon(std::io::Error::other(
                "the threads that refresh the credentials have ended",
            ))),
        }
    });
    shared.stopping.store(true, Ordering::SeqCst);
    shared.target.settle();
    outcome
}

fn keep_fresh(wanted: &Wanted, shared: &Shared) {
    match SessionPlan::new(&wanted.session, &shared.context) {
        Ok(plan) => {
            let section = Section {
                wanted,
                shared,
                key_id: RefCell::default(),
                told: RefCell::default(),
                told_at: Cell::new(None),
            };
            keep(&plan, wanted.longest(), &section);
        }
        Err(error) => shared.context.printer.error(&error),
    }
}

/// One section in the credentials file.
struct Section<'a> {
    wanted: &'a Wanted,
    shared: &'a Shared,
    /// The access key that was written last.
    key_id: RefCell<String>,
    /// The failure that was told last, and when.
    told: RefCell<String>,
    told_at: Cell<Option<DateTime<Utc>>>,
}

impl Section<'_> {
    fn printer(&self) -> &Printer {
        &self.shared.context.printer
    }

    /// How the section is called in messages.
    fn name(&self) -> String {
        let file = self.shared.target.path().display();
        format!("[{}] in {file}", self.wanted.section)
    }

    fn failed(&self, failure: &Failure, next: DateTime<Utc>, until: Option<DateTime<Utc>>) {
        let now = self.now();
        let is_new = *self.told.borrow() != failure.message;
        let is_due = self
            .told_at
            .get()
            .is_none_or(|at| now - at >= REMINDER || now < at);
        if !is_new && !is_due {
            return;
        }
        *self.told.borrow_mut() = failure.message.clone();
        self.told_at.set(Some(now));
        let state = match until {
            Some(end) if end > now => format!(
                "the credentials of {} are good for {} more",
                self.name(),
                in_words(end - now)
            ),
            Some(end) => format!(
                "the credentials of {} ended at {}",
                self.name(),
                rfc3339(end)
            ),
            None => format!("{} was not written yet", self.name()),
        };
        self.printer().warning(&format!(
            "{}; {state}; tried again in {}",
            failure.message,
            in_words(next - now)
        ));
        if let Some(hint) = failure.hint.as_deref().filter(|_| is_new) {
            self.printer().hint(hint);
        }
    }
}

impl Surroundings for Section<'_> {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now()
    }

    fn pause(&self, length: Duration) -> bool {
        std::thread::sleep(length);
        !self.shared.stopping.load(Ordering::SeqCst)
    }

    fn jitter(&self) -> f64 {
        rand::random()
    }

    fn deliver(&self, session: &Session) -> Result<(), Failure> {
        let (section, shared) = (&self.wanted.section, self.shared);
        if shared.stopping.load(Ordering::SeqCst) {
            return Ok(());
        }
        let written = shared.target.write(section, session, self.printer());
        let report = written.map_err(|error| error.failure())?;
        self.key_id
            .borrow_mut()
            .clone_from(&session.credentials.access_key_id);
        if shared.json {
            let line = format!("{}\n", document(section, session, &report));
            self.printer()
                .data(&line)
                .map_err(|error| error.failure())?;
        }
        Ok(())
    }

    fn is_in_place(&self) -> bool {
        let key_id = self.key_id.borrow();
        self.shared.target.has(&self.wanted.section, &key_id)
    }

    fn report(&self, event: Event<'_>) {
        let (printer, name) = (self.printer(), self.name());
        match event {
            Event::Delivered { session, next } => printer.note(&format!(
                "{name} has the session {}, good until {}; the next one is due at {}",
                session.credentials.access_key_id,
                rfc3339(session.credentials.expiration),
                rfc3339(next)
            )),
            Event::Recovered { failures, since } => {
                self.told.borrow_mut().clear();
                self.told_at.set(None);
                printer.news(&format!(
                    "{name} is fresh again, after {failures} failures since {}",
                    rfc3339(since)
                ));
            }
            Event::Failed {
                failure,
                next,
                until,
            } => self.failed(failure, next, until),
            Event::Ended { at } => printer.warning(&format!(
                "the credentials of {name} ended at {}, and there are no new ones",
                rfc3339(at)
            )),
            Event::Overwritten { next } => printer.warning(&format!(
                "somebody else has changed {name}; it is written again at {}",
                rfc3339(next)
            )),
            Event::ClockSetBack { by } => printer.warning(&format!(
                "the clock was set back by {}; a new session is obtained, since nobody knows when the old one ends",
                in_words(by)
            )),
        }
    }
}
