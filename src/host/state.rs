//! What is kept of an identity between runs: which version is in force, how far the
//! next one is, and what failed last.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::store::VersionNumber;
use crate::text::printable;

use super::Prospect;
use super::backoff::Failures;
use super::bearing::{Bearing, Fault};
use super::hooks::{HookId, HookOutcome};
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
    /// The last one of them that was a refusal, until what was refused is granted:
    /// that nobody answers afterwards does not take it back.
    pub refusal: Option<Failure>,
    /// Hooks that have still to be run for the version in force.
    pub owed: Owed,
    /// Hooks that were run for it, with success.
    pub hooks_done: Vec<HookId>,
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

impl Step {
    /// What was being done when it was not reached, for people.
    #[must_use]
    pub const fn attempt(self) -> &'static str {
        match self {
            Self::Due => "when it was begun",
            Self::Keyed => "when a key was made",
            Self::Requested => "when the request was made",
            Self::Staged => "when the issuer was asked for a certificate",
            Self::Verified => "when the issuer's answer was judged",
            Self::Probed => "when the new certificate was tried out",
            Self::Switched => "when the new certificate was to be put in force",
            Self::Hooked => "when the hooks were run",
        }
    }

    /// What is done once it is reached, for people.
    #[must_use]
    pub const fn achieved(self) -> &'static str {
        match self {
            Self::Due => "nothing is made yet",
            Self::Keyed => "its key is made",
            Self::Requested => "its request is made, and may have been sent",
            Self::Staged => "the issuer has answered",
            Self::Verified => "the issuer's answer is good",
            Self::Probed => "the new certificate was tried out",
            Self::Switched => "the new certificate is in force",
            Self::Hooked => "the hooks were run",
        }
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
    /// What is at fault, where that is known.
    #[serde(default)]
    pub fault: Option<Fault>,
}

impl Failure {
    pub(super) fn new(at: DateTime<Utc>, step: Step, message: &str, bearing: Bearing) -> Self {
        Self {
            at,
            step,
            message: printable(message, KEPT),
            prospect: bearing.prospect,
            refused: false,
            fault: bearing.fault,
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
    /// Whether there are any.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

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
        let state = serde_json::from_slice::<Self>(content)?.made_printable();
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

    /// Without control characters: whoever can write the file could else speak to the
    /// terminal of whoever reads what was kept.
    fn made_printable(mut self) -> Self {
        let failures = self.last_failure.iter_mut().chain(&mut self.refusal);
        for failure in failures {
            failure.message = printable(&failure.message, KEPT);
        }
        if let Owed::Failed(failed) = &mut self.owed {
            for hook in failed {
                hook.program = printable(&hook.program, KEPT);
                hook.output = printable(&hook.output, limits::MAX_HOOK_OUTPUT + 1);
                hook.failure = hook.failure.take().map(|why| printable(&why, KEPT));
            }
        }
        self
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
    fn what_was_kept_cannot_speak_to_a_terminal() {
        let at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let failure = Failure {
            message: "\u{1b}[2Jall is well\u{7}".to_owned(),
            ..Failure::new(at, Step::Staged, "", Bearing::PASSING)
        };
        let hook: HookOutcome = serde_json::from_value(serde_json::json!({
            "id": "00", "program": "a\u{1b}b", "failure": "c\u{9b}d", "output": "e\rf",
        }))
        .unwrap();
        let state = State {
            last_failure: Some(failure.clone()),
            refusal: Some(failure),
            owed: Owed::Failed(vec![hook]),
            ..State::default()
        };
        let read = State::from_json(&state.to_json()).unwrap();
        let Owed::Failed(hooks) = &read.owed else {
            panic!("{read:#?}");
        };
        let hook = &hooks[0];
        for text in [
            &read.last_failure.as_ref().unwrap().message,
            &read.refusal.as_ref().unwrap().message,
            &hook.program,
            hook.failure.as_ref().unwrap(),
            &hook.output,
        ] {
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        // What is printable stays as it is: it is read and kept at each run.
        assert_eq!(State::from_json(&read.to_json()).unwrap(), read);
    }

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
