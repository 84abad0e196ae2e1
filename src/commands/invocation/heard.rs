//! Which variables stand for options.

use std::ffi::OsStr;

/// Which variables stand for options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Each.
    All,
    /// Not those that say which one is meant, or what one alone is: of several each
    /// has its own.
    OfSeveral,
    /// None.
    Nothing,
}

/// The variables that say nothing of several: `windlass rotate --all` refuses the
/// last two.
const OF_ONE: [&str; 3] = ["WINDLASS_PROFILE", "WINDLASS_IDENTITY", "WINDLASS_CN"];

impl Heard {
    /// Whether a variable of this name is not heard.
    pub(super) fn leaves_out(self, name: &OsStr) -> bool {
        match self {
            Self::All => false,
            Self::OfSeveral => OF_ONE.iter().any(|of_one| name == *of_one),
            Self::Nothing => true,
        }
    }
}
