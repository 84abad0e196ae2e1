//! What is run, and as whom.

use std::path::PathBuf;

use crate::text::printable;

use super::name::{JobName, UserName};
use super::quote::{self, Unwritable};

/// The verb that is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `windlass rotate`: from time to time, to its end.
    Rotate,
    /// `windlass serve`: always.
    Serve,
    /// `windlass update`: always.
    Update,
}

impl Service {
    /// The verb, as it is typed.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Serve => "serve",
            Self::Update => "update",
        }
    }

    /// What it does, in a few words.
    pub(super) const fn purpose(self) -> &'static str {
        match self {
            Self::Rotate => "Renew workload certificates when they are due",
            Self::Serve => "Serve AWS credentials on this host",
            Self::Update => "Keep AWS credentials in the shared credentials file",
        }
    }
}

/// What is run, and as whom.
#[derive(Clone, Debug)]
pub struct Job {
    /// The verb.
    pub service: Service,
    /// What its files are called.
    pub name: JobName,
    /// The profile that it is for; none where it is for all, or for what its words say.
    pub profile: Option<String>,
    /// As whom it runs.
    pub user: UserName,
    /// The program, by an absolute path.
    pub program: PathBuf,
    /// Everything behind the program, the verb first.
    pub words: Vec<String>,
    /// The file to which it appends what it has to say.
    pub log_file: Option<PathBuf>,
}

impl Job {
    /// What tells it from other jobs in a file of its own: another verb, user or profile
    /// is another job.
    pub(super) fn identity(&self) -> String {
        let profile = match &self.profile {
            Some(profile) => format!(" for the profile '{}'", printable(profile, 200)),
            None => String::new(),
        };
        format!("{} as {}{profile}", self.service.verb(), self.user.as_str())
    }

    pub(super) fn program(&self) -> Result<&str, Unwritable> {
        quote::path(&self.program)
    }

    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }
}
