//! The condition on aws:PrincipalTag/x509Issuer is met.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Topic};

pub(super) const RULE: Rule = Rule {
    id: "condition-issuer",
    sentence: "the trust policy's conditions on aws:PrincipalTag/x509Issuer are met",
    source: "Roles Anywhere user guide, \"Trust policy\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the certificate has another issuer than the trust policy wants: the one that signed it, not the root",
    remedy: "name the issuing CA, as `windlass key show` has it",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Condition(Topic::Issuer))
}
