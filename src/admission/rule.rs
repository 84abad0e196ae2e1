//! What a rule is, and what it can say.

use std::fmt;

use super::judging::Judging;
use super::{Answer, Message, MissingInput, Situation};

/// Whether AWS says so, or somebody has seen it; or whether it is the best guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confidence {
    /// AWS documents the rule, or it was seen of the real service.
    Confirmed,
    /// Nobody has published what AWS does: it may grant the session, or refuse it
    /// with another sentence.
    Assumed,
}

impl Confidence {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Assumed => "assumed",
        }
    }
}

/// When AWS would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// When a trust anchor is created or a revocation list imported.
    Setup,
    /// When a session is asked for.
    Session,
}

/// One thing for which Roles Anywhere refuses.
#[derive(Clone, Copy)]
pub struct Rule {
    /// Its name, in words with dashes: a promise, for those who filter by it.
    pub id: &'static str,
    /// What has to hold, as a sentence without its full stop.
    pub sentence: &'static str,
    /// Where it comes from: a page of AWS, a standard, or who has seen it.
    pub source: &'static str,
    /// How certain it is.
    pub confidence: Confidence,
    /// When AWS would refuse.
    pub stage: Stage,
    /// What AWS would say.
    pub message: Message,
    /// How certain that is: a rule may be documented, and its sentence a guess.
    pub message_confidence: Confidence,
    /// What most often is behind it, as a sentence without its full stop.
    pub cause: &'static str,
    /// What to do about it, as a sentence without its full stop.
    pub remedy: &'static str,
    pub(super) check: fn(&Judging<'_, '_>) -> Checked,
}

impl Rule {
    /// What it says of a situation. Judging by all rules is [`super::judge`]'s,
    /// which builds the certificate's path once for all of them.
    #[must_use]
    pub fn check(&self, situation: &Situation<'_>) -> Verdict {
        self.verdict(&Judging::of(situation))
    }

    pub(super) fn verdict(&self, judging: &Judging<'_, '_>) -> Verdict {
        match (self.check)(judging) {
            Ok(()) => Verdict::Pass,
            Err(Stop::Deny(finding)) => Verdict::Deny(finding),
            Err(Stop::Unknown(missing)) => Verdict::Unknown(missing),
        }
    }
}

/// What a rule's function gives: nothing when it passes.
pub(super) type Checked = Result<(), Stop>;

/// Why a rule does not pass.
pub(super) enum Stop {
    Deny(Finding),
    Unknown(MissingInput),
}

impl From<Finding> for Stop {
    fn from(finding: Finding) -> Self {
        Self::Deny(finding)
    }
}

impl From<MissingInput> for Stop {
    fn from(missing: MissingInput) -> Self {
        Self::Unknown(missing)
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rule({})", self.id)
    }
}

/// What breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What AWS answers.
    pub answer: Answer,
    /// What is so, with the values, as a sentence without its full stop.
    pub reason: String,
}

impl Finding {
    /// A finding.
    #[must_use]
    pub fn new(answer: Answer, reason: impl Into<String>) -> Self {
        Self {
            answer,
            reason: reason.into(),
        }
    }
}

/// What a rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It is broken.
    Deny(Finding),
    /// It cannot be told. This is no pass.
    Unknown(MissingInput),
}
