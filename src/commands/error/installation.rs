//! Why no service was made of this program.

use std::path::PathBuf;

use crate::commands::Outcome;
use crate::installation::{Fault, Unwritable};
use crate::store::{Action, Error};

use super::store_error::{hint_store, of_store};

/// Why no service was made of this program. Nothing was changed, unless the error of a
/// file says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallationError {
    /// A profile's name is none that files can have.
    #[error(
        "the profile '{}' gives no name for files",
        crate::text::printable(profile, 80)
    )]
    NoName {
        /// The profile.
        profile: String,
    },
    /// It is not for the verb that was named.
    #[error("--{option} is for '{verb}'")]
    NotForVerb {
        /// The option.
        option: &'static str,
        /// The verb.
        verb: &'static str,
    },
    /// The command line that would be run is none.
    #[error("'windlass {line}' cannot be run: {reason}")]
    Options {
        /// The command line.
        line: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What stands in a place, or the disk.
    #[error(transparent)]
    Place(#[from] Fault),
    /// A secret would stand in a file that everybody reads.
    #[error("--{option} holds a secret, and the file is everybody's to read")]
    Secret {
        /// The option.
        option: String,
    },
    /// The format of the file has no way to write it.
    #[error("{place} cannot be written: {source}", place = path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// What cannot be written.
        source: Unwritable,
    },
}

impl InstallationError {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Place(Fault::Store(error)) => of_store(error),
            Self::Place(Fault::Edited { .. } | Fault::Foreign { .. } | Fault::NotAFile { .. }) => {
                Outcome::Failed
            }
            Self::NoName { .. }
            | Self::NotForVerb { .. }
            | Self::Options { .. }
            | Self::Secret { .. }
            | Self::Text { .. } => Outcome::Usage,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let fixed = |text: &str| Some(text.to_owned());
        match self {
            Self::NoName { .. } => fixed("give --name, of letters, digits, _ and -"),
            Self::NotForVerb { option, verb } => {
                Some(format!("leave --{option} away, or give --service {verb}"))
            }
            Self::Options { .. } => {
                fixed("what stands behind -- are options of the verb that is run")
            }
            Self::Place(fault) => hint_fault(fault),
            Self::Secret { .. } => fixed("have it read: --passphrase-file, --load-credential"),
            Self::Text { source, .. } => match source {
                Unwritable::TooLong { .. } => {
                    fixed("say it in a profile of the config file, and name that (--profile)")
                }
                Unwritable::Relative { .. } => fixed("name it from / on"),
                Unwritable::Backslash { word }
                | Unwritable::Blank { word }
                | Unwritable::Control { word }
                    if word.starts_with('/') =>
                {
                    fixed("name a path without it")
                }
                Unwritable::NotText { .. } | Unwritable::Pattern { .. } => {
                    fixed("name a path without it")
                }
                Unwritable::Backslash { .. }
                | Unwritable::Blank { .. }
                | Unwritable::Control { .. } => {
                    fixed("give it another name, or say it in a profile of the config file")
                }
            },
        }
    }
}

fn hint_fault(fault: &Fault) -> Option<String> {
    let fixed = |text: &str| Some(text.to_owned());
    match fault {
        Fault::Edited { path } => Some(format!(
            "nothing was changed; '--print' shows what windlass would write. {}, or give --force",
            // Units alone are read together with others beside them.
            match path.extension() {
                Some(_) => "Keep the change in a file of its own ('systemctl edit')",
                None => "Move it aside",
            }
        )),
        Fault::Foreign { .. } => {
            fixed("nothing was changed; choose another --name, or give --force")
        }
        Fault::NotAFile { path } => Some(format!(
            "nothing was changed; {}, or choose another --name",
            match path.extension() {
                Some(_) => "remove it ('systemctl unmask', if it is a link to /dev/null)",
                None => "move it aside",
            }
        )),
        Fault::Store(error) if error.is_not_found() => fixed(
            "nothing was changed; is what reads the file installed? '--print' shows it without writing, --root makes the directories",
        ),
        Fault::Store(Error::Io {
            action: Action::Sync,
            ..
        }) => fixed(
            "all files have changed, but a crash may undo that: look after the disk, and have it written ('sync')",
        ),
        Fault::Store(error) => hint_store(error),
    }
}
