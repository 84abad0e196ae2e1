//! Who tries a new pair before it is put in force.

use super::shelf::Pair;

/// Who tries a new pair: with Roles Anywhere, by a session that is asked for and
/// not used.
pub trait Probe {
    /// Tries a pair.
    fn probe(&self, pair: &Pair) -> Verdict;
}

/// What came of a trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is good.
    Granted,
    /// It was refused, and why.
    Refused(String),
    /// Nobody said anything about it, and why.
    Unreachable(String),
}
