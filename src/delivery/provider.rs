//! What the ways out are handed: somebody who gets sessions.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::rolesanywhere::{RoleArn, SessionCredentials};

use super::{Life, Prospect};

/// A session as it is handed out.
#[derive(Debug)]
pub struct Session {
    /// The credentials.
    pub credentials: SessionCredentials,
    /// When they were obtained, by this host's clock.
    pub obtained: DateTime<Utc>,
    /// The role whose session it is: the last one of a chain.
    pub role: RoleArn,
}

impl Session {
    /// From when until when it is good.
    #[must_use]
    pub const fn life(&self) -> Life {
        Life {
            begins: self.obtained,
            ends: self.credentials.expiration,
        }
    }

    /// Another copy, for one more reader.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            credentials: self.credentials.copy(),
            obtained: self.obtained,
            role: self.role.clone(),
        }
    }
}

/// Why there is no session, in words that may be shown to whoever asked for
/// credentials and written to a log. No secret is in them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What happened, with its causes, on one line.
    pub message: String,
    /// What to try next.
    pub hint: Option<String>,
    /// What kind of failure it is.
    pub cause: Cause,
}

/// The kinds of failure that ask for different steps. Exit codes tell the same
/// ones apart.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// None of the others: a defect, or something between here and AWS that
    /// does not speak as it should.
    Failed,
    /// The options, the configuration or a file are wrong.
    Usage,
    /// AWS refused.
    Refused,
    /// A certificate or a key cannot be used.
    Unusable,
    /// The network or the service is out of order.
    Temporary,
}

impl Cause {
    /// Whether it may pass by itself.
    #[must_use]
    pub const fn prospect(self) -> Prospect {
        match self {
            Self::Usage | Self::Refused | Self::Unusable => Prospect::Lasting,
            Self::Failed | Self::Temporary => Prospect::Passing,
        }
    }
}

/// A session that was asked for.
#[derive(Debug)]
pub struct Obtained {
    /// It.
    pub session: Session,
    /// Why it is not a newer one, when a new one was due and could not be had:
    /// it is what was left, and still good.
    pub kept_because: Option<Failure>,
}

impl Failure {
    /// What happened and what to try next, as one sentence.
    #[must_use]
    pub fn in_full(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}; {hint}", self.message),
            None => self.message.clone(),
        }
    }
}

/// Somebody who gets sessions: from Roles Anywhere, or from a cache that other
/// processes share. Certificates are read anew each time, so that a rotation is
/// noticed.
pub trait Provider: Send + Sync {
    /// Gets a session that is not due for replacement, or the best there is.
    /// It may take as long as the network lets it.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    fn obtain(&self) -> Result<Obtained, Failure>;

    /// How long a session lasts that is asked for, at most.
    fn longest(&self) -> TimeDelta;
}
