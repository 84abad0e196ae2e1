//! The condition on sts:SourceIdentity is met.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Topic};

pub(super) const RULE: Rule = Rule {
    id: "condition-source-identity",
    sentence: "the trust policy's conditions on sts:SourceIdentity are met",
    source: "Roles Anywhere user guide, \"Trust policy\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the source identity is CN= and the common name, which the trust policy leaves out",
    remedy: "compare with `windlass key show`, and name it as it is",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| {
        class == Class::Condition(Topic::SourceIdentity)
    })
}
