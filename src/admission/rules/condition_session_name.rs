//! The condition on sts:RoleSessionName is met.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Topic};

pub(super) const RULE: Rule = Rule {
    id: "condition-session-name",
    sentence: "the trust policy's conditions on sts:RoleSessionName are met",
    source: "Roles Anywhere user guide, \"Trust policy\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the session's name is the certificate's serial number, unless the profile accepts another one",
    remedy: "send the name that the trust policy wants, or leave the condition out",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| {
        class == Class::Condition(Topic::SessionName)
    })
}
