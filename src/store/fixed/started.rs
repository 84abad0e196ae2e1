//! An installation at fixed paths from its journal on: how far each file is, and the
//! way forward or back from there.

use std::path::{Path, PathBuf};

use super::super::{Action, Error};
use super::journal::{Entry, Journal};
use super::target::Target;

/// Removes what is hidden of an installation that nothing can complete: keys among
/// it. Its journal stays until the files are what they should be.
pub(super) fn clear_mixed(identity: &Path) -> Result<(), Error> {
    match Journal::read(identity)? {
        Some(journal) => Started::find(identity, journal)?.clear(),
        None => Ok(()),
    }
}

/// How far one file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The new content is ready beside it.
    Ready,
    /// It has the new content, and the old one is known.
    Placed,
    /// It has the new content, and the old one is gone.
    Final,
    /// The new content is nowhere.
    Lost,
    /// Its directory is not there, or not mounted.
    Gone,
    /// The old content was the same, and only owner or mode may be the old one's;
    /// installing again sees to that.
    Same,
}

/// An installation whose journal is written.
pub(super) struct Started<'a> {
    identity: &'a Path,
    /// Each with its place; `None` where its directory is gone.
    files: Vec<(Entry, Option<Target>)>,
}

impl<'a> Started<'a> {
    pub(super) fn find(identity: &'a Path, journal: Journal) -> Result<Self, Error> {
        let files: Result<Vec<_>, Error> = journal
            .files
            .into_iter()
            .map(|entry| Ok((Target::find(entry.path())?, entry)))
            .map(|found| found.map(|(target, entry)| (entry, target)))
            .collect();
        Ok(Self {
            identity,
            files: files?,
        })
    }

    pub(super) fn survey(&self) -> Result<Vec<State>, Error> {
        self.files
            .iter()
            .map(|(entry, target)| match target {
                None => Ok(State::Gone),
                Some(target) => {
                    let (there, hidden) = target.digests()?;
                    Ok(state(entry, there.as_ref(), hidden.as_ref()))
                }
            })
            .collect()
    }

    /// Puts everything in place. Where that cannot be done, what was put there is
    /// taken back.
    pub(super) fn complete(&self) -> Result<(), Error> {
        let states = self.survey()?;
        let put = || {
            if let Some(path) = self.lost(&states) {
                return Err(Error::Io {
                    path,
                    action: Action::Write,
                    source: std::io::ErrorKind::NotFound.into(),
                });
            }
            for (target, _) in self.targets(&states, State::Ready) {
                target.put_in_place()?;
            }
            self.sync()
        };
        if let Err(error) = { put }() {
            // The next run does it, if it cannot be done now.
            let _ = self.take_back();
            return Err(error);
        }
        self.clear()?;
        Journal::forget(self.identity)
    }

    /// Puts everything back as it was, if all that was replaced is there still;
    /// tells whether.
    pub(super) fn take_back(&self) -> Result<bool, Error> {
        let states = self.survey()?;
        if states.contains(&State::Final) || states.contains(&State::Gone) {
            return Ok(false);
        }
        for (target, entry) in self.targets(&states, State::Placed) {
            target.take_back(entry.old.is_some())?;
        }
        self.sync()?;
        self.clear()?;
        Journal::forget(self.identity)?;
        Ok(true)
    }

    /// The path of the first file whose new content is nowhere.
    pub(super) fn lost(&self, states: &[State]) -> Option<PathBuf> {
        let mut files = self.files.iter().zip(states);
        let is_lost = |state| matches!(state, State::Lost | State::Gone);
        let lost = files.find(|(_, state)| is_lost(**state));
        lost.map(|((entry, _), _)| entry.path().to_owned())
    }

    fn targets<'b>(
        &'b self,
        states: &'b [State],
        wanted: State,
    ) -> impl Iterator<Item = (&'b Target, &'b Entry)> {
        self.files
            .iter()
            .zip(states)
            .filter(move |(_, state)| **state == wanted)
            .filter_map(|((entry, target), _)| Some((target.as_ref()?, entry)))
    }

    fn clear(&self) -> Result<(), Error> {
        let mut all = self.files.iter().filter_map(|(_, target)| target.as_ref());
        all.try_for_each(Target::clear)
    }

    fn sync(&self) -> Result<(), Error> {
        let mut all = self.files.iter().filter_map(|(_, target)| target.as_ref());
        all.try_for_each(Target::sync)
    }
}

fn state(entry: &Entry, there: Option<&String>, hidden: Option<&String>) -> State {
    let is_ready = hidden == Some(&entry.new);
    if there == Some(&entry.new) {
        if entry.old.as_ref() == there {
            return if is_ready { State::Ready } else { State::Same };
        }
        return match &entry.old {
            None => State::Placed,
            old if hidden == old.as_ref() => State::Placed,
            _ => State::Final,
        };
    }
    match is_ready {
        true => State::Ready,
        false => State::Lost,
    }
}
