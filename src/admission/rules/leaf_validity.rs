//! The certificate is valid now.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::clock::rfc3339;

pub(super) const RULE: Rule = Rule {
    id: "leaf-validity",
    sentence: "the certificate is valid now",
    source: "Roles Anywhere user guide, \"Signature validation\"; with which sentence AWS refuses is not known",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the certificate has not been renewed, or the clock is wrong",
    remedy: "renew it, as `windlass rotate` does in time",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let (leaf, now) = (judging.leaf()?, judging.now()?);
    let subject = leaf.subject();
    let reason = if leaf.is_valid_at(now) {
        return Ok(());
    } else if now < leaf.not_before() {
        let begin = rfc3339(leaf.not_before());
        format!("the certificate of {subject} is not valid before {begin}")
    } else {
        let end = rfc3339(leaf.not_after());
        format!("the certificate of {subject} expired on {end}")
    };
    Err(Finding::new(Answer::UntrustedCertificate, reason).into())
}
