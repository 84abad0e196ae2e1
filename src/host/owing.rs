//! The hooks that are run after a change: what is owed is run until it succeeds.
//!
//! What is owed is the act and not the words of a command: where the one that failed
//! is asked for no more, since somebody has corrected it, what is asked for now and
//! was not run yet takes its place.

use super::Error;
use super::hooks::{HookId, HookOutcome, When, Which};
use super::rotation::Rotation;
use super::shelf::Pair;
use super::state::{Owed, State};

/// Of how many failed hooks the output is kept.
const MOST_OUTPUTS: usize = 20;

impl Rotation<'_> {
    /// Runs the hooks that are owed, and gives those that failed, in words each: they
    /// are owed still, and the next run tries them again.
    pub(super) fn pay(
        &self,
        state: &mut State,
        pair: &Pair,
        notes: &mut Vec<String>,
    ) -> Result<Vec<String>, Error> {
        let before = match &state.owed {
            Owed::Nothing => return Ok(Vec::new()),
            Owed::All => Vec::new(),
            Owed::Failed(failed) => failed.clone(),
        };
        let wanted = self.hooks.wanted(When::After);
        let chosen = chosen(&before, &state.hooks_done, &wanted);
        let which = match &state.owed {
            Owed::Failed(_) => Which::Only(&chosen),
            _ => Which::All,
        };
        let Some(certificate) = pair.certificate() else {
            return Ok(Vec::new());
        };
        let replaced = state
            .in_force
            .as_ref()
            .and_then(|now| now.replaced.as_deref());
        let replaced = replaced.and_then(|hex| hex.parse().ok());
        let facts = self.places.facts(pair.number, &certificate, replaced);
        let mut outcomes = self.hooks.run(When::After, which, &facts);
        let gone = before.into_iter().filter(|one| !wanted.contains(&one.id));
        let gone: Vec<HookOutcome> = gone.collect();
        if wanted.is_empty() {
            // A run that somebody has typed without any hooks: those of the crontab
            // are owed as before.
            outcomes.extend(gone);
        } else {
            notes.extend(gone.iter().map(replaced_by));
        }
        let (failed, succeeded): (Vec<_>, Vec<_>) = outcomes
            .into_iter()
            .partition(|outcome| outcome.failure.is_some());
        let succeeded = succeeded.into_iter().map(|outcome| outcome.id);
        state.hooks_done.extend(succeeded);
        let said = failed.iter().map(told).collect();
        state.owed = match failed.is_empty() {
            true => Owed::Nothing,
            false => Owed::Failed(bounded(failed)),
        };
        self.shelf.keep(state)?;
        Ok(said)
    }
}

/// Which hooks are run for those that failed: these, and where one of them is asked
/// for no more, also whatever was not run yet.
fn chosen(failed: &[HookOutcome], done: &[HookId], wanted: &[HookId]) -> Vec<HookId> {
    let is_replaced = failed.iter().any(|one| !wanted.contains(&one.id));
    let has_failed = |id: &HookId| failed.iter().any(|one| one.id == *id);
    let is_due = |id: &&HookId| has_failed(id) || is_replaced && !done.contains(id);
    wanted.iter().filter(is_due).cloned().collect()
}

/// What is kept has a bound.
fn bounded(mut failed: Vec<HookOutcome>) -> Vec<HookOutcome> {
    for outcome in failed.iter_mut().skip(MOST_OUTPUTS) {
        outcome.output.clear();
    }
    failed
}

fn replaced_by(gone: &HookOutcome) -> String {
    format!(
        "the hook {}, which failed before, is asked for no more and is not owed any longer; what is asked for in its place was run",
        gone.program
    )
}

/// What became of a hook that failed, in words.
pub(super) fn told(outcome: &HookOutcome) -> String {
    let failure = outcome.failure.as_deref().unwrap_or_default();
    let said = match outcome.output.trim() {
        "" => String::new(),
        output => format!(", and said: {output}"),
    };
    format!("the hook {} failed: {failure}{said}", outcome.program)
}
