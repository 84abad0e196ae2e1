//! A run: what was left to be done is done, and the identity is renewed if it is
//! due and nothing holds it up.

use chrono::{DateTime, Utc};

use crate::clock::{Clock, whole_seconds};
use crate::pki::SerialNumber;
use crate::store::VersionNumber;

use super::Error;
use super::backoff::Failures;
use super::bearing::Bearing;
use super::hooks::Hooks;
use super::issuer::{Issuer, Word};
use super::making::{Making, Stopped, Trouble};
use super::places::Places;
use super::probe::Probe;
use super::shelf::{Pair, Part, Shelf};
use super::standing::{Reason, Standing};
use super::state::{Failure, InForce, Next, Owed, State, Step};
use super::terms::Terms;

/// A renewal, with all that it needs.
#[derive(Clone, Copy)]
pub struct Rotation<'a> {
    /// Where the versions are.
    pub shelf: &'a dyn Shelf,
    /// Who certifies.
    pub issuer: &'a dyn Issuer,
    /// Who tries a new pair; `None` when nobody is to.
    pub probe: Option<&'a dyn Probe>,
    /// What is run before and after a change.
    pub hooks: &'a dyn Hooks,
    /// What the identity is to be.
    pub terms: &'a Terms,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Where programs find its files.
    pub places: &'a Places,
}

/// What a run has come to.
#[derive(Debug)]
pub struct Report {
    /// What was done.
    pub done: Done,
    /// How the identity stands now.
    pub standing: Standing,
    /// What is worth telling besides.
    pub notes: Vec<String>,
    /// The hooks that failed after the change, in words each: they are owed.
    pub hooks: Vec<String>,
    /// Why the files at fixed paths are not those of the version in force, where
    /// they could not be replaced. The next run tries it again.
    pub fixed: Option<Error>,
}

/// What could not be done beside the certificate.
struct Left {
    /// Why the files at fixed paths could not be replaced.
    fixed: Option<Error>,
    /// The hooks that failed, in words each.
    hooks: Vec<String>,
}

/// What was done.
#[derive(Debug)]
pub enum Done {
    /// The certificate is not due.
    Nothing,
    /// It is due, and something holds it up.
    Held,
    /// It was renewed.
    Renewed {
        /// Why.
        reason: Reason,
        /// The serial number of the one before.
        before: Option<SerialNumber>,
    },
    /// It could not be renewed; what was in force is in force.
    Failed(Failure),
}

impl Rotation<'_> {
    /// How the identity stands. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error`] when what is kept cannot be read.
    pub fn look(&self) -> Result<Standing, Error> {
        let state = self.shelf.state()?;
        let pair = self.in_force(&state)?;
        Ok(self.standing(pair.as_ref(), state))
    }

    /// Renews the identity if it is due and nothing holds it up, after what runs
    /// before have left to be done. `force`: also when it is not due, a try failed
    /// just now, or no window is open.
    ///
    /// # Errors
    ///
    /// [`Error`] when the disk fails. What was in force is in force.
    pub fn run(&self, force: bool) -> Result<Report, Error> {
        let mut notes = Vec::new();
        let mut state = self.shelf.state()?;
        let pair = self.in_force(&state)?;
        let mut left = self.catch_up(&mut state, pair.as_ref(), &mut notes)?;
        let standing = self.standing(pair.as_ref(), state.clone());
        if standing.word == Word::OnHold {
            notes.push(format!(
                "{} has put the certificate of the identity in {} on hold: it is not renewed until that is taken back",
                self.issuer.name(),
                self.places.identity().display(),
            ));
        }
        let reason = if force {
            Some(Reason::Forced)
        } else {
            standing.reason
        };
        let reason = match reason {
            Some(reason) if force || standing.is_to_be_renewed() => reason,
            reason => {
                return Ok(Report {
                    done: match reason {
                        Some(_) => Done::Held,
                        None => Done::Nothing,
                    },
                    standing,
                    notes,
                    hooks: left.hooks,
                    fixed: left.fixed,
                });
            }
        };
        let before = standing.certificate.as_ref().map(|found| *found.serial());
        let mut making = Making {
            rotation: *self,
            state: &mut state,
            pair: pair.as_ref(),
            standing: &standing,
            forced: force,
            notes: &mut notes,
        };
        let done = match making.carry_out() {
            Ok(()) => Done::Renewed { reason, before },
            Err(Trouble::Disk(error)) => {
                // Kept if the disk can: the next run waits a moment.
                let why = error.to_string();
                let bearing = Bearing {
                    prospect: error.prospect(),
                    fault: None,
                };
                let failure = Failure::new(self.now(), Step::Due, &why, bearing);
                let _ = self.remember(&mut state, failure);
                return Err(error);
            }
            Err(Trouble::Stopped(stopped)) => Done::Failed(self.stop(&mut state, stopped)?),
        };
        let pair = match done {
            Done::Renewed { .. } => {
                let pair = self.shelf.in_force()?;
                left = self.catch_up(&mut state, pair.as_ref(), &mut notes)?;
                pair
            }
            _ => pair,
        };
        Ok(Report {
            done,
            standing: self.standing(pair.as_ref(), state),
            notes,
            hooks: left.hooks,
            fixed: left.fixed,
        })
    }

    /// The version in force. Where there are versions and none of them is, somebody
    /// has to say which it was: to begin anew would make an end of them.
    fn in_force(&self, state: &State) -> Result<Option<Pair>, Error> {
        let pair = self.shelf.in_force()?;
        let begun = state.next.as_ref().map(Next::number);
        match self.shelf.newest()? {
            Some(newest) if pair.is_none() && Some(newest) != begun => {
                let last = state.in_force.as_ref();
                let last = last.and_then(|last| VersionNumber::new(last.version));
                Err(Error::NoCurrent {
                    newest,
                    last: self.if_there(last)?,
                })
            }
            _ => Ok(pair),
        }
    }

    /// A version, if it is there still.
    fn if_there(&self, number: Option<VersionNumber>) -> Result<Option<VersionNumber>, Error> {
        Ok(match number {
            Some(number) => {
                let found = self.shelf.get(number, Part::Fullchain)?;
                found.map(|_| number)
            }
            None => None,
        })
    }

    fn standing(&self, pair: Option<&Pair>, state: State) -> Standing {
        let says = |certificate: &_| self.issuer.word(certificate);
        Standing::of(pair, state, self.terms, self.now(), says)
    }

    fn now(&self) -> DateTime<Utc> {
        whole_seconds(self.clock.now())
    }

    /// Remembers a step that was not reached, and gives up what is of no use.
    fn stop(&self, state: &mut State, stopped: Stopped) -> Result<Failure, Error> {
        let Stopped {
            step,
            why,
            bearing,
            refused,
            spoilt,
        } = stopped;
        let failure = Failure {
            refused,
            ..Failure::new(self.now(), step, &why, bearing)
        };
        let given_up = state.next.take_if(|_| spoilt);
        self.remember(state, failure.clone())?;
        if let Some(next) = given_up {
            self.shelf.discard(Some(next.number()))?;
        }
        Ok(failure)
    }

    fn remember(&self, state: &mut State, failure: Failure) -> Result<(), Error> {
        state.failures = Some(Failures::after(
            state.failures,
            failure.at,
            failure.prospect,
        ));
        // That an issuer refuses does not take back what Roles Anywhere has said.
        let is_later = |known: &Failure| known.step <= failure.step;
        if failure.refused && state.refusal.as_ref().is_none_or(is_later) {
            state.refusal = Some(failure.clone());
        }
        state.last_failure = Some(failure);
        self.shelf.keep(state)
    }

    /// Ends what a run before has put in force: says so in the state, in the fixed
    /// files and to the hooks, and removes what nobody needs. Gives what could not be
    /// done of it, which must not keep anything else from being done.
    fn catch_up(
        &self,
        state: &mut State,
        pair: Option<&Pair>,
        notes: &mut Vec<String>,
    ) -> Result<Left, Error> {
        let number = pair.map(|pair| pair.number);
        if let Some(next) = state.next.take_if(|next| number == Some(next.number())) {
            self.put_in_force(state, &next);
            self.shelf.keep(state)?;
        }
        let fixed = match self.shelf.install() {
            Ok(note) => {
                notes.extend(note);
                None
            }
            Err(error) => Some(error),
        };
        let hooks = match pair {
            Some(pair) => self.pay(state, pair, notes)?,
            None => Vec::new(),
        };
        self.shelf.retire()?;
        Ok(Left { fixed, hooks })
    }

    fn put_in_force(&self, state: &mut State, next: &Next) {
        let now = self.now();
        state.in_force = Some(InForce {
            version: next.version,
            obtained: next.obtained.unwrap_or(now),
            issuer_not_after: next.issuer_not_after,
            key_made: next.key_made,
            replaced: next.replaces.clone(),
        });
        state.last_success = Some(now);
        state.failures = None;
        state.last_failure = None;
        state.refusal = None;
        state.told = Vec::new();
        state.owed = Owed::All;
        state.hooks_done = Vec::new();
    }
}
