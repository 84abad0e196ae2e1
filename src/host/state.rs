//! What is kept of an identity between runs: which version is in force, how far the
//! next one is, and what failed last.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::store::VersionNumber;
use crate::text::printable;

use super::backoff::{Failures, Prospect};
use super::hooks::HookOutcome;
use super::telling::Told;

/// How much of a failure's words is kept, in characters.
const KEPT: usize = 600;

/// The highest number of a version: a renewal each second for a century.
const MOST_VERSIONS: u64 = 1 << 32;

/// The format that is written.
const FORMAT: u32 = 1;

/// What is kept, as JSON in `state.json`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct State {
    format: u32,
    /// The version that was put in force last.
    pub in_force: Option<InForce>,
    /// The version that is being made.
    pub next: Option<Next>,
    /// The failures since the last success.
    pub failures: Option<Failures>,
    /// The last one of them.
    pub last_failure: Option<Failure>,
    /// Hooks that have still to be run for the version in force.
    pub owed: Owed,
    /// When a version was put in force last.
    pub last_success: Option<DateTime<Utc>>,
    /// What was told of failures since.
    pub told: Vec<Told>,
}

/// The version in force.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InForce {
    /// Its number.
    pub version: u64,
    /// When its certificate was obtained, by this host's clock: `notBefore` is
    /// earlier, by what the issuer allows for slow clocks.
    pub obtained: DateTime<Utc>,
    /// The first end among the certificates above it.
    pub issuer_not_after: Option<DateTime<Utc>>,
    /// When its key was made.
    pub key_made: DateTime<Utc>,
    /// The serial number of the certificate that it replaced, in hexadecimal.
    pub replaced: Option<String>,
}

/// A version that is being made.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Next {
    /// Its number.
    pub version: u64,
    /// How far it is.
    pub step: Step,
    /// When it was begun.
    pub begun: DateTime<Utc>,
    /// When its key was made.
    pub key_made: DateTime<Utc>,
    /// When its certificate was obtained, from [`Step::Staged`] on.
    pub obtained: Option<DateTime<Utc>>,
    /// The first end among the certificates above it, from [`Step::Verified`] on.
    pub issuer_not_after: Option<DateTime<Utc>>,
    /// The serial number of the certificate that it is to replace, in hexadecimal.
    pub replaces: Option<String>,
}

impl Next {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> VersionNumber {
        // Zero is refused when a state is read.
        VersionNumber::new(self.version).unwrap_or(VersionNumber::FIRST)
    }
}

/// How far a version is. What a step names is done and on disk.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// It is time for it; nothing is made yet.
    Due,
    /// Its key is there.
    Keyed,
    /// Its request is there, and may have been sent.
    Requested,
    /// The issuer's answer is there.
    Staged,
    /// The answer was judged, and the certificates are there as they will be read.
    Verified,
    /// Roles Anywhere gave a session for it, or did not have to.
    Probed,
    /// It is in force, and the fixed files say so too.
    Switched,
    /// What is to be told was told, or is owed.
    Hooked,
}

impl Step {
    /// The word for it, also in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Keyed => "keyed",
            Self::Requested => "requested",
            Self::Staged => "staged",
            Self::Verified => "verified",
            Self::Probed => "probed",
            Self::Switched => "switched",
            Self::Hooked => "hooked",
        }
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure that is remembered.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failure {
    /// When it was.
    pub at: DateTime<Utc>,
    /// What was to be done: the step that was not reached.
    pub step: Step,
    /// What happened, in words.
    pub message: String,
    /// Whether it may pass by itself.
    pub prospect: Prospect,
    /// Whether it was refused, by a CA's policy or by Roles Anywhere.
    #[serde(default)]
    pub refused: bool,
}

impl Failure {
    pub(super) fn new(at: DateTime<Utc>, step: Step, message: &str, prospect: Prospect) -> Self {
        Self {
            at,
            step,
            message: printable(message, KEPT),
            prospect,
            refused: false,
        }
    }
}

/// Which hooks have still to be run for the version in force.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Owed {
    /// None.
    #[default]
    Nothing,
    /// All: nobody knows which of them were.
    All,
    /// Those that have failed, with what they said.
    Failed(Vec<HookOutcome>),
}

impl Owed {
    /// How many have failed, for those who tell; `None` where it is not known.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Nothing => Some(0),
            Self::All => None,
            Self::Failed(failed) => Some(failed.len()),
        }
    }
}

/// A state file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// It is none.
    #[error("it is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// It has a version that nobody comes to.
    #[error("{0} is no number of a version that could be there")]
    Number(u64),
    /// It was written by a later version.
    #[error("it has format {0}, which a later version of windlass wrote")]
    Later(u32),
}

impl State {
    /// Reads what [`Self::to_json`] wrote.
    ///
    /// # Errors
    ///
    /// [`StateError`].
    pub fn from_json(content: &[u8]) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        // First: a later format may have other members.
        let head: Head = serde_json::from_slice(content)?;
        if head.format != FORMAT {
            return Err(StateError::Later(head.format));
        }
        let state: Self = serde_json::from_slice(content)?;
        let numbers = [
            state.in_force.as_ref().map(|known| known.version),
            state.next.as_ref().map(|next| next.version),
        ];
        let is_wrong = |number: &u64| !(1..=MOST_VERSIONS).contains(number);
        match numbers.into_iter().flatten().find(is_wrong) {
            Some(number) => Err(StateError::Number(number)),
            None => Ok(state),
        }
    }

    /// The JSON form.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut shown = serde_json::json!(self);
        shown["format"] = FORMAT.into();
        let mut content = format!("{shown:#}").into_bytes();
        content.push(b'\n');
        content
    }

    /// The number of the version after all that are known.
    pub(super) fn number_after(&self, newest: Option<VersionNumber>) -> VersionNumber {
        let known = self.in_force.as_ref().map_or(0, |known| known.version);
        let newest = known.max(newest.map_or(0, VersionNumber::get));
        VersionNumber::new(newest).map_or(VersionNumber::FIRST, VersionNumber::next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_back_and_one_that_cannot_be_is_refused() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let state = State {
            in_force: Some(InForce {
                version: 7,
                obtained: at,
                issuer_not_after: None,
                key_made: at,
                replaced: Some("0a".to_owned()),
            }),
            owed: Owed::All,
            ..State::default()
        };
        let written = state.to_json();
        let mut read = State::from_json(&written).unwrap();
        read.format = 0;
        assert_eq!(read, state);
        let text = String::from_utf8(written).unwrap();
        for number in ["0", "18446744073709551615"] {
            let wrong = text.replace("\"version\": 7", &format!("\"version\": {number}"));
            let refused = State::from_json(wrong.as_bytes());
            assert!(matches!(refused, Err(StateError::Number(_))), "{refused:?}");
        }
        let later = text.replace("\"format\": 1", "\"format\": 2");
        let refused = State::from_json(later.as_bytes());
        assert!(matches!(refused, Err(StateError::Later(2))), "{refused:?}");
        assert!(matches!(
            State::from_json(b"{"),
            Err(StateError::Damaged(_))
        ));
    }
}
