//! The authorities of a CA that make revocation lists: each says what it has
//! revoked itself.

use std::fmt;
use std::str::FromStr;

use super::{ISSUING_KEY, ROOT_KEY};

/// Whose revocation list is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListIssuer {
    /// The issuing CA's, about workloads.
    Issuing,
    /// The root's, about issuing CAs.
    Root,
}

impl ListIssuer {
    /// Both, the one that is needed every day first.
    pub const ALL: [Self; 2] = [Self::Issuing, Self::Root];

    /// The word on the command line and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuing => "issuing",
            Self::Root => "root",
        }
    }

    /// Where the list is, in the CA's directory.
    pub(super) const fn list_file(self) -> &'static str {
        match self {
            Self::Issuing => "crl/issuing.pem",
            Self::Root => "crl/root.pem",
        }
    }

    pub(super) const fn key_file(self) -> &'static str {
        match self {
            Self::Issuing => ISSUING_KEY,
            Self::Root => ROOT_KEY,
        }
    }
}

impl fmt::Display for ListIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ListIssuer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|issuer| issuer.as_str() == text)
            .ok_or_else(|| "either issuing or root".to_owned())
    }
}
