//! The trust policy is about Roles Anywhere.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::Class;

pub(super) const RULE: Rule = Rule {
    id: "trust-policy-principal",
    sentence: "a statement of the role's trust policy is about the service rolesanywhere.amazonaws.com",
    source: "Roles Anywhere user guide, \"Trust policy\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the role was made for another service, such as EC2",
    remedy: "allow the service rolesanywhere.amazonaws.com in the trust policy",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Principal)
}
