//! No statement of the trust policy denies.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::Class;

pub(super) const RULE: Rule = Rule {
    id: "trust-policy-deny",
    sentence: "no statement of the role's trust policy denies it",
    source: "IAM user guide, \"Policy evaluation logic\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "a statement with Effect Deny matches",
    remedy: "narrow the statement that denies, or remove it",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Deny)
}
