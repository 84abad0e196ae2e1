//! What the failed rows of a batch mean for the batch.

use crate::authority;
use crate::commands::Outcome;

use super::authority::of_authority;

/// Rows of a batch failed; what was wrong with each was told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{failed} of {rows} rows cannot be issued{}",
    if *stopped { "; nothing was delivered" } else { "" }
)]
pub struct BatchFailed {
    failed: usize,
    rows: usize,
    stopped: bool,
    outcome: Outcome,
}

impl BatchFailed {
    /// Of `rows` rows these failed; `stopped` says whether the others were not
    /// delivered because of them. `None` when none failed.
    pub(in crate::commands) fn of<'a>(
        failures: impl Iterator<Item = &'a authority::Error>,
        rows: usize,
        stopped: bool,
    ) -> Option<Self> {
        let mut outcomes = failures.map(of_authority);
        let first = outcomes.next()?;
        let (mut failed, mut outcome) = (1, first);
        for other in outcomes {
            failed += 1;
            if other != first {
                outcome = Outcome::Failed;
            }
        }
        Some(Self {
            failed,
            rows,
            stopped,
            outcome,
        })
    }

    /// What the failed rows have in common, so that a batch of which the policy
    /// refuses rows ends as a single certificate does that it refuses; a failure
    /// without a name where they differ.
    pub(super) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// What to do about the rows.
    pub(super) fn hint(&self) -> String {
        let how = match self.stopped {
            true => "mend these rows, or give --keep-going to issue the others",
            false => "mend these rows and run the same command again",
        };
        format!("{how}; what was issued is not issued twice")
    }
}

/// The word and the code of why a row failed, for programs.
pub(in crate::commands) fn outcome_of_row(error: &authority::Error) -> Outcome {
    of_authority(error)
}
