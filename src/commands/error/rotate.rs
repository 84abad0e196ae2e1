//! Why an identity was not renewed.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::cli::Origin;
use crate::clock::{in_words, rfc3339};
use crate::commands::Outcome;
use crate::host::{self, Done, Prospect, Report, Urgency, Word};

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
    #[error("{origin}: {reason}")]
    Mode {
        /// Where it is said.
        origin: Origin,
        /// Which mode, and which it may have.
        reason: UnsafeMode,
    },
    /// Two profiles want one identity to have different names.
    #[error(
        "the profiles {} and {} want the identity in {} to have different names",
        profiles[0],
        profiles[1],
        directory.display()
    )]
    Disputed {
        /// The identity.
        directory: PathBuf,
        /// The profiles.
        profiles: [String; 2],
    },
    /// There is no such group.
    #[error("there is no group '{group}'")]
    NoGroup {
        /// Its name.
        group: String,
    },
    /// There is no such user.
    #[error("there is no user '{user}'")]
    NoUser {
        /// The name.
        user: String,
    },
    /// No profile names one.
    #[error("no profile names an identity and who certifies it")]
    NoIdentities,
    /// A step failed, and is tried again.
    #[error(
        "the identity in {}{} {}{}",
        directory.display(),
        stands(*.urgency, *.ends, *.now),
        if *tried { "was not renewed" } else { "is still not renewed" },
        because(message)
    )]
    NotRenewed {
        /// The identity.
        directory: PathBuf,
        /// What happened; empty when nobody knows.
        message: String,
        /// Whether this run has tried it, and not one before.
        tried: bool,
        /// Whether it may pass by itself.
        prospect: Prospect,
        /// Whether it was refused, by the policy of a CA or by Roles Anywhere.
        refused: bool,
        /// When the certificate in force ends; `None` without one.
        ends: Option<DateTime<Utc>>,
        /// How urgent it is.
        urgency: Urgency,
        /// When that was looked at.
        now: DateTime<Utc>,
        /// When it is tried again.
        next_try: Option<DateTime<Utc>>,
    },
}

/// What there is to say of a certificate before it is said what happened: the more
/// urgent, the more.
fn stands(urgency: Urgency, ends: Option<DateTime<Utc>>, now: DateTime<Utc>) -> String {
    let left = || ends.map_or_else(String::new, |ends| in_words(ends - now));
    match urgency {
        Urgency::Expired if ends.is_some() => " has expired and".to_owned(),
        Urgency::Emergency => format!(" ends in {} and", left()),
        Urgency::Overdue => format!(" is overdue, with {} left, and", left()),
        Urgency::Healthy | Urgency::Due | Urgency::Expired => String::new(),
    }
}

fn because(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}

impl RotateError {
    /// That of a run, if it failed, or waits since one before has.
    pub(in crate::commands) fn of(directory: PathBuf, report: Report) -> Option<Self> {
        let standing = report.standing;
        let (failure, tried) = match (report.done, standing.next_try) {
            (Done::Failed(failure), _) => (Some(failure), true),
            (Done::Held, Some(_)) => (standing.state.last_failure, false),
            (Done::Held, None) if standing.word == Word::OnHold => (None, false),
            _ => {
                let fixed = report.fixed;
                return fixed.map(|source| Self::Fixed { directory, source });
            }
        };
        Some(Self::NotRenewed {
            directory,
            prospect: match &failure {
                Some(failure) => failure.prospect,
                None => Prospect::Passing,
            },
            refused: match &failure {
                Some(failure) => failure.refused,
                None => standing.word == Word::OnHold,
            },
            message: match failure {
                Some(failure) => failure.message,
                None if standing.word == Word::OnHold => {
                    "its issuer has put the certificate on hold".to_owned()
                }
                None => String::new(),
            },
            tried,
            ends: standing.due.map(|due| due.ends()),
            urgency: standing.urgency,
            now: standing.at,
            next_try: standing.next_try,
        })
    }

    /// Whether there was a certificate, and it has ended.
    const fn is_expired(&self) -> bool {
        matches!(
            self,
            Self::NotRenewed {
                ends: Some(_),
                urgency: Urgency::Expired,
                ..
            }
        )
    }

    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Disputed { .. }
            | Self::Mode { .. }
            | Self::NoGroup { .. }
            | Self::NoIdentities
            | Self::NoUser { .. } => Outcome::Usage,
            Self::Fixed { source, .. } | Self::Host { source, .. } => match source {
                host::Error::Store(error) => of_store(error),
                host::Error::NoCurrent { .. } => Outcome::Unusable,
                host::Error::Key(_)
                | host::Error::Lost { .. }
                | host::Error::Pki(_)
                | host::Error::State { .. } => Outcome::Failed,
            },
            Self::NotRenewed { .. } if self.is_expired() => Outcome::Expired,
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
            Self::Mode { reason, .. } => Some(match reason.mode & 0o007 {
                0 => "its owner has to be able to read it, and nobody else to write it".to_owned(),
                _ if reason.what == "the key" => "everybody on this host could use the key; a program of another user gets it by --file-owner, or by --file-group and 0640".to_owned(),
                _ => "nobody but its owner may be able to write it".to_owned(),
            }),
            Self::NoUser { .. } => Some("'getent passwd' lists them; a number is taken too".to_owned()),
            Self::Disputed { .. } => Some(
                "give each an identity of its own, or both the same cn, san, organization and ou".to_owned(),
            ),
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
            Self::NotRenewed {
                ends, next_try, ..
            } => {
                let stands = match (ends, self.is_expired()) {
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
