//! The condition on aws:PrincipalTag/x509SAN is met.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Topic};

pub(super) const RULE: Rule = Rule {
    id: "condition-san",
    sentence: "the trust policy's conditions on aws:PrincipalTag/x509SAN are met",
    source: "Roles Anywhere user guide, \"Trust policy\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the certificate has other alternative names than the trust policy wants",
    remedy: "compare with `windlass key show`, and name them as they are",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Condition(Topic::San))
}
