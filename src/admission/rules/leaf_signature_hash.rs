//! The certificate is signed with a hash that counts.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::pki::LeafFlaw;

pub(super) const RULE: Rule = Rule {
    id: "leaf-signature-hash",
    sentence: "the certificate is signed with SHA-256 or better",
    source: "Roles Anywhere user guide, \"Signature validation\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InsufficientCertificate,
    message_confidence: Confidence::Assumed,
    cause: "an old CA signs with SHA-1",
    remedy: "issue it again with SHA-256",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_leaf_flaw(|flaw| matches!(flaw, LeafFlaw::SignatureHash))
}
