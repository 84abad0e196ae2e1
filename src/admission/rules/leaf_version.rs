//! The certificate has version 3.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::pki::LeafFlaw;

pub(super) const RULE: Rule = Rule {
    id: "leaf-version",
    sentence: "the certificate is X.509 v3",
    source: "Roles Anywhere user guide, \"Signature validation\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InsufficientCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the certificate was made by `openssl x509 -req` without -extfile",
    remedy: "issue it again with extensions, as `windlass ca issue` does",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_leaf_flaw(|flaw| matches!(flaw, LeafFlaw::Version { .. }))
}
