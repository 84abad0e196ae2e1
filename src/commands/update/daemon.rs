//! `windlass update` without `--once`: each section has a thread that keeps it
//! fresh, and a signal ends the program whatever they are waiting for.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;

use crate::clock::{in_words, rfc3339};
use crate::commands::printer::{Incident, Level};
use crate::commands::reminders::{Reminders, Telling};
use crate::commands::session::SessionPlan;
use crate::commands::{Context, Error, Outcome, Printer, stop};
use crate::delivery::ini::ProfileName;
use crate::delivery::keeper::{self, Event, Sink};
use crate::delivery::{Failure, Session};

use super::target::Target;
use super::{Wanted, document};

/// Keeps the sections fresh until SIGTERM or SIGINT.
pub(super) fn run(
    wanted: Vec<Wanted>,
    target: Target,
    json: bool,
    context: &'static Context,
) -> Result<(), Error> {
    // What is wrong with the options does not pass by itself.
    let sections = wanted
        .into_iter()
        .map(|one| {
            let session = Box::leak(Box::new(one.session));
            let context = context.lasting_of(one.section.as_str());
            Ok((one.section, SessionPlan::new(session, context)?, context))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    // Nor does what is wrong with the file at the start. Later somebody may be
    // at work on it, and what is there is kept.
    for (name, ..) in &sections {
        match target.check(name, &context.printer) {
            Err(error) if error.outcome() == Outcome::Usage => return Err(error),
            // It is met again at the first write, and told then.
            _ => {}
        }
    }
    // From here on nothing waits for whoever reads what it says.
    context.printer.queue();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(Error::Daemon)?;
    // The threads outlive this function by a moment when a signal ends it.
    let target = Arc::new(target);
    let outcome = runtime.block_on(async {
        let stop = stop::on_signal().map_err(Error::Daemon)?;
        let (ending, mut ended) = mpsc::unbounded_channel();
        let mut kept = Vec::new();
        for (name, plan, context) in sections {
            let section = Section::new(name, Arc::clone(&target), json, &context.printer);
            kept.push(start(section, plan, context, ending.clone()).map_err(Error::Daemon)?);
        }
        tokio::select! {
            () = stop => Ok(()),
            // Only a defect ends a thread. The others go on, but nobody would
            // notice that one is missing; a service manager starts it anew.
            name = ended.recv() => Err(Error::Daemon(std::io::Error::other(format!(
                "the thread that refreshes [{}] has ended",
                name.as_ref().map_or("?", ProfileName::as_str)
            )))),
        }
    });
    // No other thread begins to write while this one leaves.
    let _settled = target.settle();
    outcome
}

/// Starts the thread of one section. It ends when what is given back is dropped.
fn start(
    mut section: Section,
    plan: SessionPlan<'static>,
    context: &'static Context,
    ending: mpsc::UnboundedSender<ProfileName>,
) -> std::io::Result<Sender<()>> {
    let (stop, stopped) = channel::<()>();
    let ended = Ended {
        name: section.name.clone(),
        ending,
    };
    std::thread::Builder::new().spawn(move || {
        let _ended = ended;
        let mut is_over = |pause| {
            let waited = stopped.recv_timeout(pause);
            !matches!(waited, Err(RecvTimeoutError::Timeout))
        };
        keeper::run(&plan, context.clock.as_ref(), &mut is_over, &mut section);
    })?;
    Ok(stop)
}

/// Says when a thread ends, however it does.
struct Ended {
    name: ProfileName,
    ending: mpsc::UnboundedSender<ProfileName>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.ending.send(self.name.clone());
    }
}

/// One section in the credentials file.
struct Section {
    name: ProfileName,
    target: Arc<Target>,
    json: bool,
    printer: Printer,
    /// The access key that was written last.
    key_id: String,
    told: Reminders,
}

impl Section {
    fn new(name: ProfileName, target: Arc<Target>, json: bool, printer: &Printer) -> Self {
        Self {
            name,
            target,
            json,
            printer: printer.clone(),
            key_id: String::new(),
            told: Reminders::default(),
        }
    }

    /// How the section is called in messages.
    fn shown(&self) -> String {
        format!("[{}] in {}", self.name, self.target.path().display())
    }

    fn failed(
        &mut self,
        failure: &Failure,
        next: DateTime<Utc>,
        until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        let Some(telling) = self.told.of(failure.cause, now) else {
            return;
        };
        let shown = self.shown();
        let state = match until {
            Some(end) if end > now => format!(
                "the credentials of {shown} are good until {}, for {}",
                rfc3339(end),
                in_words(end - now)
            ),
            Some(end) => format!("the credentials of {shown} ended at {}", rfc3339(end)),
            None => format!("{shown} was not written yet"),
        };
        let message = format!(
            "{}; {state}; tried again in {}",
            failure.message,
            in_words(next - now)
        );
        let hint = failure.hint.as_deref();
        self.printer.tell(&Incident {
            level: Level::Warning,
            kind: "failed",
            message: &message,
            cause: Some(failure.cause),
            hint: hint.filter(|_| telling == Telling::News),
        });
    }
}

impl Sink for Section {
    fn deliver(&mut self, session: &Arc<Session>, _now: DateTime<Utc>) -> Result<(), Failure> {
        let written = self.target.write(&self.name, session, &self.printer);
        let Some(report) = written.map_err(|error| error.failure())? else {
            return Ok(());
        };
        self.key_id.clone_from(&session.credentials.access_key_id);
        if self.json {
            self.printer.stream(&document(&self.name, session, &report));
        }
        Ok(())
    }

    fn is_in_place(&mut self) -> bool {
        self.target.has(&self.name, &self.key_id)
    }

    fn report(&mut self, event: Event<'_>, now: DateTime<Utc>) {
        if self.target.is_closed() {
            return;
        }
        let shown = self.shown();
        let (level, kind, message) = match event {
            Event::Delivered { session, next } => (
                Level::Note,
                "delivered",
                format!(
                    "{shown} has the session {}, good until {}; the next one is due at {}",
                    session.credentials.access_key_id,
                    rfc3339(session.credentials.expiration),
                    rfc3339(next)
                ),
            ),
            Event::Unchanged { next } => (
                Level::Note,
                "unchanged",
                format!(
                    "another process is refreshing the session of {shown}; it is looked at again at {}",
                    rfc3339(next)
                ),
            ),
            Event::Recovered { failures, since } => {
                self.told = Reminders::default();
                let since = rfc3339(since);
                let message =
                    format!("{shown} is fresh again, after {failures} failures since {since}");
                (Level::News, "recovered", message)
            }
            Event::Failed {
                failure,
                next,
                until,
            } => return self.failed(failure, next, until, now),
            Event::Ended { at } => (
                Level::Warning,
                "ended",
                format!(
                    "the credentials of {shown} ended at {}, and there are no new ones",
                    rfc3339(at)
                ),
            ),
            Event::Overwritten { next } => (
                Level::Warning,
                "overwritten",
                format!(
                    "somebody else has changed {shown}; it is written again at {}",
                    rfc3339(next)
                ),
            ),
            Event::ClockSetBack { by } => (
                Level::Warning,
                "clockSetBack",
                format!(
                    "the clock was set back by {}; a new session is obtained, since nobody knows when the old one ends",
                    in_words(by)
                ),
            ),
        };
        self.printer.tell(&Incident {
            level,
            kind,
            message: &message,
            cause: None,
            hint: None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Else the other sections would be kept, and this one not, in silence.
    #[test]
    fn a_thread_that_a_defect_ends_says_so() {
        let (ending, mut ended) = mpsc::unbounded_channel();
        let name: ProfileName = "nightly".parse().unwrap();
        let guard = Ended {
            name: name.clone(),
            ending: ending.clone(),
        };
        let thread = std::thread::spawn(move || {
            let _ended = guard;
            panic!("a defect");
        });
        assert!(thread.join().is_err());
        assert_eq!(ended.try_recv().ok(), Some(name));
        drop(ending);
    }
}
