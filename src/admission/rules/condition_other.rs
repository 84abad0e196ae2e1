//! Every other condition is met.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Topic};

pub(super) const RULE: Rule = Rule {
    id: "condition-other",
    sentence: "the trust policy's other conditions are met",
    source: "IAM user guide, \"IAM JSON policy elements: Condition\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the trust policy has a condition on something that a session of Roles Anywhere does not have",
    remedy: "leave the condition out, or use the keys of Roles Anywhere",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Condition(Topic::Other))
}
