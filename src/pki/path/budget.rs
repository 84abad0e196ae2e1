//! What a search may cost.

use crate::limits;

/// There is nothing left to spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spent;

/// What is left of the work that one query may cost. Whatever loops over input
/// pays here first, so that no set of certificates and lists, however it was
/// made, buys more.
#[derive(Debug)]
pub(super) struct Budget {
    signatures: usize,
    steps: usize,
}

impl Budget {
    pub(super) const fn new() -> Self {
        Self {
            signatures: limits::PATH_BUDGET,
            steps: limits::PATH_STEPS,
        }
    }

    /// Pays for checking one signature.
    pub(super) fn signature(&mut self) -> Result<(), Spent> {
        self.signatures = self.signatures.checked_sub(1).ok_or(Spent)?;
        Ok(())
    }

    /// Pays for so many steps.
    pub(super) fn steps(&mut self, count: usize) -> Result<(), Spent> {
        self.steps = self.steps.checked_sub(count).ok_or(Spent)?;
        Ok(())
    }

    /// Pays for comparing each of these with each of those.
    pub(super) fn pairs(&mut self, these: usize, those: usize) -> Result<(), Spent> {
        self.steps(these.saturating_mul(those))
    }
}
