//! At most five certificates come with the leaf.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::limits;

pub(super) const RULE: Rule = Rule {
    id: "chain-length",
    sentence: "at most five certificates come with the leaf",
    source: "Roles Anywhere user guide, \"Signing process\"; how AWS counts them is not documented",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InvalidSignature,
    message_confidence: Confidence::Assumed,
    cause: "the chain's file holds a bundle of CAs",
    remedy: "send the intermediates between the certificate and the trust anchor, and no others",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let count = judging.chain()?.len();
    if count <= limits::MAX_CHAIN {
        return Ok(());
    }
    let reason = format!(
        "X-Amz-X509-Chain has {count} certificates, at most {} are allowed",
        limits::MAX_CHAIN
    );
    Err(Finding::new(Answer::InvalidSignature, reason).into())
}
