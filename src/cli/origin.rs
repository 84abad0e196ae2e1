//! Where the value of an option stands, for whoever has to mend it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where the value of an option stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On the command line, or in the option's variable.
    Option {
        /// The option's name with underscores.
        key: String,
    },
    /// In a config file.
    Profile {
        /// The option's name with underscores, as it stands there.
        key: String,
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl Origin {
    /// The option's name with underscores.
    #[must_use]
    pub fn key(&self) -> &str {
        match self {
            Self::Option { key } | Self::Profile { key, .. } => key,
        }
    }

    /// What is told of a value that stands there and is wrong. Without the value,
    /// where it may be secret.
    #[must_use]
    pub fn complaint(&self, value: Option<&str>, reason: &str) -> String {
        let said = |name: &str| match value {
            Some(value) => format!("invalid value '{value}' for {name}: {reason}"),
            None => {
                format!("the value of {name} cannot be used, and is not repeated here: {reason}")
            }
        };
        match self {
            // As the parser writes it.
            Self::Option { .. } => said(&format!("'{self}'")),
            Self::Profile { key, path, line } => {
                format!("{}, line {line}: {}", path.display(), said(key))
            }
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option { key } => write!(f, "--{}", key.replace('_', "-")),
            Self::Profile { key, path, line } => {
                write!(f, "{key} on line {line} of {}", path.display())
            }
        }
    }
}

/// The profile whose values stand behind those that were typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileBehind {
    /// Its name.
    pub name: String,
    /// The file that has it.
    pub path: PathBuf,
    /// The lines of the values that are its own, by their keys.
    pub lines: BTreeMap<String, usize>,
}

impl ProfileBehind {
    /// Where the value of this option stands.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<Origin> {
        self.lines.get(key).map(|line| Origin::Profile {
            key: key.to_owned(),
            path: self.path.clone(),
            line: *line,
        })
    }
}
