//! Why an identity was not renewed.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::clock::rfc3339;
use crate::commands::Outcome;
use crate::host::{self, Done, Prospect, Report, Urgency};

use crate::store::UnsafeMode;

use super::identity::relink;
use super::store_error::{hint_store, of_store};

/// Why an identity was not renewed. What was in force is in force.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// This host's own disk or keys.
    #[error("the identity in {} was left as it is", directory.display())]
    Host {
        /// The identity.
        directory: PathBuf,
        /// What stopped it.
        source: host::Error,
    },
    /// The files at fixed paths are not those of the version in force.
    #[error("the files at fixed paths are not those of the identity in {}", directory.display())]
    Fixed {
        /// The identity.
        directory: PathBuf,
        /// What stopped it.
        source: host::Error,
    },
    /// A file at a fixed path would have a mode that it must not have.
    #[error(transparent)]
    Mode(#[from] UnsafeMode),
    /// There is no such group.
    #[error("there is no group '{group}'")]
    NoGroup {
        /// Its name.
        group: String,
    },
    /// No profile names one.
    #[error("no profile names an identity and who certifies it")]
    NoIdentities,
    /// It has ended, and it is still to be waited for the next try.
    #[error(
        "the identity in {} has expired, and is renewed again from {} on{}",
        directory.display(),
        rfc3339(*.next_try),
        because(message)
    )]
    Waiting {
        /// The identity.
        directory: PathBuf,
        /// When it is tried again.
        next_try: DateTime<Utc>,
        /// What failed last; empty when nobody knows.
        message: String,
    },
    /// A step failed, and is tried again.
    #[error("the identity in {} was not renewed: {message}", directory.display())]
    NotRenewed {
        /// The identity.
        directory: PathBuf,
        /// What happened.
        message: String,
        /// Whether it may pass by itself.
        prospect: Prospect,
        /// Whether it was refused, by the policy of a CA or by Roles Anywhere.
        refused: bool,
        /// When the certificate in force ends; `None` without one.
        ends: Option<DateTime<Utc>>,
        /// Whether there is none that is valid.
        is_expired: bool,
        /// When it is tried again.
        next_try: Option<DateTime<Utc>>,
    },
}

fn because(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

impl RotateError {
    /// That of a run, if it failed.
    pub(in crate::commands) fn of(directory: PathBuf, report: Report) -> Option<Self> {
        let standing = report.standing;
        let failure = match (report.done, standing.next_try) {
            (Done::Failed(failure), _) => failure,
            // Quiet as it is otherwise, that has to be heard.
            (Done::Held, Some(next_try)) if standing.urgency == Urgency::Expired => {
                let failure = standing.state.last_failure;
                return Some(Self::Waiting {
                    directory,
                    next_try,
                    message: failure.map(|failure| failure.message).unwrap_or_default(),
                });
            }
            _ => {
                let fixed = report.fixed;
                return fixed.map(|source| Self::Fixed { directory, source });
            }
        };
        Some(Self::NotRenewed {
            directory,
            message: failure.message,
            prospect: failure.prospect,
            refused: failure.refused,
            ends: standing.due.map(|due| due.ends()),
            is_expired: standing.due.is_some() && standing.urgency == Urgency::Expired,
            next_try: standing.next_try,
        })
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Mode(_) | Self::NoGroup { .. } | Self::NoIdentities => Outcome::Usage,
            Self::Fixed { source, .. } | Self::Host { source, .. } => match source {
                host::Error::Store(error) => of_store(error),
                host::Error::NoCurrent { .. } => Outcome::Unusable,
                host::Error::Key(_)
                | host::Error::Lost { .. }
                | host::Error::Pki(_)
                | host::Error::State { .. } => Outcome::Failed,
            },
            Self::Waiting { .. }
            | Self::NotRenewed {
                is_expired: true, ..
            } => Outcome::Expired,
            Self::NotRenewed { refused: true, .. } => Outcome::Refused,
            Self::NotRenewed { prospect, .. } => match prospect {
                Prospect::Passing => Outcome::Temporary,
                Prospect::Lasting => Outcome::Failed,
            },
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        match self {
            Self::NoIdentities => Some(
                "give a profile 'identity', 'cn', and 'ca_dir' or 'issuer_command'; or name one identity with --identity".to_owned(),
            ),
            Self::Mode(_) => None,
            Self::NoGroup { .. } => Some("'getent group' lists them; a number is taken too".to_owned()),
            Self::Fixed { source, directory } | Self::Host { source, directory } => match source {
                host::Error::State { path, .. } => Some(format!(
                    "key and certificate are not touched by it; remove {} and run it again",
                    path.display()
                )),
                host::Error::Store(error) => hint_store(error),
                host::Error::NoCurrent { newest } => {
                    Some(format!("nothing was changed; {}", relink(directory, *newest)))
                }
                host::Error::Key(_) | host::Error::Lost { .. } | host::Error::Pki(_) => None,
            },
            Self::Waiting { .. } => Some("--force tries it now".to_owned()),
            Self::NotRenewed {
                ends,
                is_expired,
                next_try,
                ..
            } => {
                let stands = match (ends, is_expired) {
                    (None, _) => "there is no certificate yet".to_owned(),
                    (Some(ends), true) => format!("the certificate ended on {}", rfc3339(*ends)),
                    (Some(ends), false) => {
                        format!("the certificate in force is good until {}", rfc3339(*ends))
                    }
                };
                let next = next_try.map_or_else(String::new, |next| {
                    format!("; runs from {} on try it again", rfc3339(next))
                });
                Some(format!("{stands}{next}; --force tries it now"))
            }
        }
    }
}
