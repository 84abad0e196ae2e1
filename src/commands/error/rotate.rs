//! Why an identity was not renewed.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::cli::Origin;
use crate::clock::{in_words, rfc3339};
use crate::commands::Outcome;
use crate::host::{
    self, Bearing, Done, Failure, Fault, Owed, Prospect, Report, Standing, State, Step, Urgency,
    Word,
};

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
    /// Hooks after the change failed: the new certificate is in force.
    #[error("{}", hooks.join("; "))]
    Hooks {
        /// The identity.
        directory: PathBuf,
        /// What each of them came to, in words.
        hooks: Vec<String>,
        /// What that of the first one means.
        bearing: Bearing,
    },
    /// There is no such group.
    #[error("{origin}: there is no group '{group}'")]
    NoGroup {
        /// Where it is said.
        origin: Origin,
        /// Its name.
        group: String,
    },
    /// There is no such user.
    #[error("{origin}: there is no user '{user}'")]
    NoUser {
        /// Where it is said.
        origin: Origin,
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
        /// What it means for what is done next.
        bearing: Bearing,
        /// Whether it was refused, by the policy of a CA or by Roles Anywhere, and
        /// nobody has taken that back.
        refused: bool,
        /// What was being done, where it was tried.
        step: Option<Step>,
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

/// What has failed last; and that it was refused before, which that nobody answers
/// does not take back.
fn with_refusal(failure: &Failure, state: &State) -> String {
    match state.refusal.as_ref().filter(|refusal| *refusal != failure) {
        None => failure.message.clone(),
        Some(refusal) => format!(
            "{}; and it was refused on {}: {}",
            failure.message,
            rfc3339(refusal.at),
            refusal.message
        ),
    }
}

/// What the first hook that is owed means for what is done next.
fn bearing_of(owed: &Owed) -> Bearing {
    let first = match owed {
        Owed::Failed(failed) => failed.iter().find_map(|outcome| outcome.bearing),
        Owed::All | Owed::Nothing => None,
    };
    first.unwrap_or(Bearing::lasting(None))
}

/// The exit code of what stops a renewal, wherever it was met.
const fn of_bearing(bearing: Bearing) -> Outcome {
    match (bearing.prospect, bearing.fault) {
        (Prospect::Passing, _) => Outcome::Temporary,
        (Prospect::Lasting, Some(Fault::Setup)) => Outcome::Usage,
        (Prospect::Lasting, Some(Fault::Unusable)) => Outcome::Unusable,
        (Prospect::Lasting, None) => Outcome::Failed,
    }
}

impl RotateError {
    /// Those of a run, the worst first: that the certificate was not renewed, now or
    /// by a run before after which it waits, and what could not be done beside it.
    pub(in crate::commands) fn of(directory: &Path, report: Report) -> Vec<Self> {
        let Report {
            done,
            standing,
            hooks,
            fixed,
            ..
        } = report;
        let directory = directory.to_owned();
        let mut errors = Vec::new();
        let of_hooks = (!hooks.is_empty()).then(|| Self::Hooks {
            directory: directory.clone(),
            bearing: bearing_of(&standing.state.owed),
            hooks,
        });
        errors.extend(Self::not_renewed(&directory, done, standing));
        errors.extend(fixed.map(|source| Self::Fixed { directory, source }));
        errors.extend(of_hooks);
        errors
    }

    fn not_renewed(directory: &Path, done: Done, standing: Standing) -> Option<Self> {
        let (failure, tried) = match (done, standing.next_try) {
            (Done::Failed(failure), _) => (Some(failure), true),
            (Done::Held, Some(_)) => (standing.state.last_failure.clone(), false),
            (Done::Held, None) if standing.word == Word::OnHold => (None, false),
            _ => return None,
        };
        let is_on_hold = standing.word == Word::OnHold;
        Some(Self::NotRenewed {
            directory: directory.to_owned(),
            bearing: match &failure {
                Some(failure) => Bearing {
                    prospect: failure.prospect,
                    fault: failure.fault,
                },
                None => Bearing::PASSING,
            },
            refused: match &failure {
                Some(failure) => failure.refused || standing.state.refusal.is_some(),
                None => is_on_hold,
            },
            step: failure.as_ref().map(|failure| failure.step),
            message: match failure {
                Some(failure) => with_refusal(&failure, &standing.state),
                None if is_on_hold => "its issuer has put the certificate on hold".to_owned(),
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
            Self::Hooks { bearing, .. } | Self::NotRenewed { bearing, .. } => of_bearing(*bearing),
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
                host::Error::NoCurrent { newest, last } => {
                    let likely = last.unwrap_or(*newest);
                    Some(format!("nothing was changed; {}", relink(directory, likely)))
                }
                host::Error::Key(_) | host::Error::Lost { .. } | host::Error::Pki(_) => None,
            },
            Self::Hooks { directory, .. } => Some(format!(
                "the certificate in {} is good and in force; the next run runs what failed again, without another renewal",
                directory.display()
            )),
            Self::NotRenewed { ends, .. } => {
                let stands = match (ends, self.is_expired()) {
                    (None, _) => "there is no certificate yet".to_owned(),
                    (Some(ends), true) => format!("the certificate ended on {}", rfc3339(*ends)),
                    (Some(ends), false) => {
                        format!("the certificate in force is good until {}", rfc3339(*ends))
                    }
                };
                Some(format!("{stands}{}", self.what_next()))
            }
        }
    }

    /// What brings a renewal about that has failed.
    fn what_next(&self) -> String {
        let Self::NotRenewed {
            bearing,
            ends,
            next_try,
            step,
            ..
        } = self
        else {
            return String::new();
        };
        let mend = match (bearing.fault, step) {
            (Some(Fault::Setup), Some(Step::Staged)) => {
                "; correct what says how the CA is asked (--issuer-command, or --ca-dir and --passphrase-from)"
            }
            (Some(Fault::Setup), Some(Step::Switched)) => "; correct --before-hook",
            _ => "",
        };
        let next = next_try.map_or_else(String::new, |next| {
            format!("; runs from {} on try it again", rfc3339(next))
        });
        // The first one is waited for by nobody: each run tries it.
        let first = match (ends, next_try) {
            (None, None) => "; the next run tries it again",
            _ => "",
        };
        // What passes by itself is not brought about by trying it more often.
        let force = match (bearing.prospect, next_try) {
            (Prospect::Lasting, Some(_)) => {
                ", and once what is wrong is mended --force does not wait for that"
            }
            _ if self.is_expired() => "; --force tries it now",
            _ => "",
        };
        format!("{mend}{next}{first}{force}")
    }
}
