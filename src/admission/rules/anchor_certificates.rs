//! A trust anchor has one certificate, or two.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::limits;
use crate::text::counted;

pub(super) const RULE: Rule = Rule {
    id: "anchor-certificates",
    sentence: "a trust anchor has one or two certificates",
    source: "Roles Anywhere user guide, \"Quotas\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Setup,
    message: Message::Validation,
    message_confidence: Confidence::Assumed,
    cause: "the file is a bundle of every CA there is, or of a whole chain",
    remedy: "keep the CA that signs the clients' certificates, and during a rollover its successor",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let count = judging.anchor_certificates()?.len();
    if (1..=limits::MAX_ANCHOR_CERTIFICATES).contains(&count) {
        return Ok(());
    }
    let answer = Answer::Validation {
        member: "source",
        value: count.to_string(),
        constraint: format!(
            "Member must have length less than or equal to {}",
            limits::MAX_ANCHOR_CERTIFICATES
        ),
    };
    let reason = format!("the trust anchor has {}", counted(count, "certificate"));
    Err(Finding::new(answer, reason).into())
}
