//! Numbers of versions.

use std::str::FromStr;

/// The number of a version, written as the name of its directory: `v0007`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNumber(u64);

/// A text that is no number of a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is no version: it is written as v0007, from v0001 on", crate::text::printable(.0, 40))]
pub struct NoVersionNumber(String);

impl VersionNumber {
    /// The first one, `v0001`.
    pub const FIRST: Self = Self(1);

    /// A number; `None` for zero.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match number {
            0 => None,
            _ => Some(Self(number)),
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number that follows. Nobody comes to the last one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl std::fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{:04}", self.0)
    }
}

impl FromStr for VersionNumber {
    type Err = NoVersionNumber;

    /// Reads what `Display` writes, and nothing else: two names for one number
    /// would be two directories.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix('v')
            .and_then(|digits| digits.parse().ok())
            .and_then(Self::new)
            .filter(|number| number.to_string() == text)
            .ok_or_else(|| NoVersionNumber(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_name() {
        for (number, name) in [(1, "v0001"), (9999, "v9999"), (10_000, "v10000")] {
            let number = VersionNumber::new(number).unwrap();
            assert_eq!(number.to_string(), name);
            assert_eq!(name.parse(), Ok(number));
        }
        for other in [
            "",
            "v",
            "v1",
            "v0000",
            "v00001",
            "V0001",
            "v+001",
            " v0001",
            "v0001/",
            "0001",
            "v99999999999999999999",
        ] {
            assert!(other.parse::<VersionNumber>().is_err(), "{other}");
        }
        let (nine, ten): (VersionNumber, VersionNumber) =
            ("v9999".parse().unwrap(), "v10000".parse().unwrap());
        assert!(nine < ten && nine.next() == ten);
    }
}
