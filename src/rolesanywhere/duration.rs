//! How long sessions may last, as numbers that keep to AWS's bounds.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// Where a session comes from, which decides how long it may last.
pub trait SessionKind {
    /// Longest, in seconds.
    const MAX: u32;
    /// What an error calls such a session.
    const NAMED: &'static str;
}

/// Of Roles Anywhere (API reference, CreateSession).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direct {}

impl SessionKind for Direct {
    const MAX: u32 = 43_200;
    const NAMED: &'static str = "a session";
}

/// Obtained with another role's session, whatever the role's
/// `MaxSessionDuration` (IAM user guide, "Role chaining").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chained {}

impl SessionKind for Chained {
    const MAX: u32 = 3600;
    const NAMED: &'static str = "a session by role chaining";
}

/// How long a session may last, in seconds: 900 up to what its kind allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lasting<K>(u32, PhantomData<K>);

/// How long a session of Roles Anywhere may last: 900 to 43200 seconds.
pub type SessionDuration = Lasting<Direct>;

/// How long a session may last that was obtained with another role's session:
/// 900 to 3600 seconds.
pub type ChainedDuration = Lasting<Chained>;

impl<K: SessionKind> Lasting<K> {
    /// Shortest, in seconds.
    pub const MIN: u32 = 900;
    /// Longest, in seconds.
    pub const MAX: u32 = K::MAX;

    /// The shortest there is: for a session that only leads to another role.
    #[must_use]
    pub const fn shortest() -> Self {
        Self(Self::MIN, PhantomData)
    }

    /// The duration in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl Default for SessionDuration {
    /// What Roles Anywhere takes where nothing is said (API reference,
    /// CreateSession): 3600 seconds.
    fn default() -> Self {
        Self(3600, PhantomData)
    }
}

impl<K: SessionKind> TryFrom<u32> for Lasting<K> {
    type Error = String;

    fn try_from(seconds: u32) -> Result<Self, String> {
        if (Self::MIN..=Self::MAX).contains(&seconds) {
            Ok(Self(seconds, PhantomData))
        } else {
            Err(format!(
                "{} lasts {} to {} seconds",
                K::NAMED,
                Self::MIN,
                Self::MAX
            ))
        }
    }
}

impl<K: SessionKind> FromStr for Lasting<K> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<u32>()
            .map_err(|_| "not a number of seconds, as in 3600".to_owned())?
            .try_into()
    }
}

impl<K> fmt::Display for Lasting<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_bounds() {
        for (text, direct, chained) in [
            ("899", false, false),
            ("900", true, true),
            ("3600", true, true),
            ("3601", true, false),
            ("43200", true, false),
            ("43201", false, false),
            ("-900", false, false),
        ] {
            assert_eq!(text.parse::<SessionDuration>().is_ok(), direct, "{text}");
            assert_eq!(text.parse::<ChainedDuration>().is_ok(), chained, "{text}");
        }
        assert_eq!(
            "7200".parse::<ChainedDuration>().unwrap_err(),
            "a session by role chaining lasts 900 to 3600 seconds"
        );
    }
}
