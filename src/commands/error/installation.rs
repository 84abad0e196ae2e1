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
    /// A group that a list of a unit cannot have, and whose number is not known.
    #[error(
        "{key} = '{}' cannot be written into a unit, and /etc/group has no number for it",
        crate::text::printable(group, 80)
    )]
    NoGroupName {
        /// The key of the profile, which is the option's name with underscores.
        key: &'static str,
        /// The group.
        group: String,
    },
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
    /// What is written would be done each time, or never.
    #[error("--{option} behind -- would be given to 'rotate' at each run")]
    Once {
        /// The option.
        option: &'static str,
    },
    /// A service could change the system.
    #[error("{} is for the system, and the service would be let write to all of it", path.display())]
    TooWide {
        /// The directory.
        path: PathBuf,
    },
    /// The command line that would be run is none.
    #[error("'windlass {verb}' cannot be run with these options: {reason}")]
    Options {
        /// What is run.
        verb: String,
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
            Self::Place(
                Fault::Edited { .. }
                | Fault::Foreign { .. }
                | Fault::NotAFile { .. }
                | Fault::OtherJob { .. }
                | Fault::Outside { .. },
            ) => Outcome::Failed,
            Self::NoGroupName { .. }
            | Self::NoName { .. }
            | Self::NotForVerb { .. }
            | Self::Once { .. }
            | Self::TooWide { .. }
            | Self::Options { .. }
            | Self::Secret { .. }
            | Self::Text { .. } => Outcome::Usage,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let fixed = |text: &str| Some(text.to_owned());
        match self {
            Self::NoGroupName { key, .. } => Some(format!(
                "give {key} the number of the group ('getent group')"
            )),
            Self::NoName { .. } => fixed("give --name, of letters, digits, _ and -"),
            Self::NotForVerb { option, verb } => {
                Some(format!("leave --{option} away, or give --service {verb}"))
            }
            Self::Options { .. } => {
                fixed("what stands behind -- are options of the verb that is run")
            }
            Self::Once { option } => Some(format!(
                "for 'install' itself it stands before --, or leave --{option} away"
            )),
            Self::TooWide { .. } => fixed(
                "name a directory below it (--write-path), and give files at fixed paths, tokens and logs a directory of their own",
            ),
            Self::Place(fault) => hint_fault(fault),
            Self::Secret { option } => Some(match option.as_str() {
                "proxy" => "write it into a profile of a config file that only its user can read, as proxy = 'http://USER:PASSWORD@HOST'".to_owned(),
                _ => "have it read: --passphrase-file, --load-credential".to_owned(),
            }),
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
        Fault::OtherJob { .. } => fixed(
            "nothing was changed; choose another --name for this one, or give --force to lose the other one",
        ),
        Fault::Outside { .. } => fixed(
            "nothing was changed; make a directory there, or a link without / at its beginning",
        ),
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
