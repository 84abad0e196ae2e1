//! What the authorities of a CA are called: each has a directory of its name in
//! the CA's, with its certificate and its key, and a revocation list of its name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::layout::{CERTIFICATE, KEY, LISTS};

/// What an authority signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The certificates of workloads.
    Issuing,
    /// Those of issuing CAs.
    Root,
}

impl Role {
    /// The word on the command line, in JSON and in names.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuing => "issuing",
            Self::Root => "root",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Issuing, Self::Root]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "either issuing or root".to_owned())
    }
}

/// The name of an authority: `issuing` and `root`, and with the number of the
/// generation that brought them `issuing-2` and `root-2`, and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuthorityName {
    role: Role,
    /// From 1.
    generation: u32,
}

impl AuthorityName {
    /// The issuing CA with which a CA begins.
    pub const ISSUING: Self = Self::new(Role::Issuing, 1);
    /// The root with which a CA begins.
    pub const ROOT: Self = Self::new(Role::Root, 1);

    /// The name of the authority that a generation brings.
    #[must_use]
    pub const fn new(role: Role, generation: u32) -> Self {
        Self { role, generation }
    }

    /// What it signs.
    #[must_use]
    pub const fn role(self) -> Role {
        self.role
    }

    /// Its directory in the CA's.
    #[must_use]
    pub fn directory(self, ca: &Path) -> PathBuf {
        ca.join(self.to_string())
    }

    /// Its certificate, as a path in the CA's directory.
    pub(super) fn certificate_file(self) -> String {
        format!("{self}/{CERTIFICATE}")
    }

    /// Its key, as a path in the CA's directory; one in a device has none.
    pub(super) fn key_file(self) -> String {
        format!("{self}/{KEY}")
    }

    /// Its revocation list, as a path in the CA's directory.
    pub fn list_file(self) -> String {
        format!("{LISTS}/{self}.pem")
    }
}

impl fmt::Display for AuthorityName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.generation {
            1 => self.role.fmt(f),
            later => write!(f, "{}-{later}", self.role),
        }
    }
}

impl FromStr for AuthorityName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (role, number) = match text.split_once('-') {
            None => (text, Some(1)),
            Some((role, number)) => (role, number.parse().ok()),
        };
        let named = role.parse().ok().zip(number);
        named
            .map(|(role, generation)| Self { role, generation })
            // Each has one name.
            .filter(|name| name.generation > 0 && name.to_string() == text)
            .ok_or_else(|| "issuing or root, or a later one as issuing-2".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_authority_has_one_name() {
        for name in [
            "issuing",
            "root",
            "issuing-2",
            "root-2",
            "issuing-4294967295",
        ] {
            let parsed: AuthorityName = name.parse().unwrap();
            assert_eq!(parsed.to_string(), name);
        }
        assert_eq!("root".parse(), Ok(AuthorityName::ROOT));
        for wrong in [
            "",
            "issuing-",
            "issuing-0",
            "issuing-1",
            "issuing-02",
            "issuing-+2",
            "Root",
            "-2",
            "leaf",
            "root-2-3",
            "issuing-4294967296",
            "../root",
        ] {
            assert!(wrong.parse::<AuthorityName>().is_err(), "{wrong}");
        }
    }
}
