//! The condition on aws:SourceAccount is met.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Topic};

pub(super) const RULE: Rule = Rule {
    id: "condition-source-account",
    sentence: "the trust policy's conditions on aws:SourceAccount are met",
    source: "Roles Anywhere user guide, \"Trust policy\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the trust policy names another account",
    remedy: "name the trust anchor's account in the condition",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| {
        class == Class::Condition(Topic::SourceAccount)
    })
}
