//! The trust policy allows sts:SetSourceIdentity.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::policy::Action;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::Class;

pub(super) const RULE: Rule = Rule {
    id: "action-set-source-identity",
    sentence: "the role's trust policy allows sts:SetSourceIdentity",
    source: "Roles Anywhere user guide, \"Trust policy\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the trust policy was copied from another service's, which needs sts:AssumeRole alone",
    remedy: "add sts:SetSourceIdentity to the actions of the trust policy",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| {
        class == Class::Action(Action::SetSourceIdentity)
    })
}
