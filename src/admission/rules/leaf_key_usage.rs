//! The certificate may sign.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::pki::LeafFlaw;

pub(super) const RULE: Rule = Rule {
    id: "leaf-key-usage",
    sentence: "the certificate has keyUsage with digitalSignature",
    source: "Roles Anywhere user guide, \"Signature validation\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InsufficientCertificate,
    message_confidence: Confidence::Confirmed,
    cause: "the certificate was made without extensions, or from a template for encryption",
    remedy: "issue it again with keyUsage digitalSignature",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_leaf_flaw(|flaw| matches!(flaw, LeafFlaw::KeyUsage | LeafFlaw::NoKeyUsage))
}
