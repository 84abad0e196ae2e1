//! The certificate's key is of a kind that Roles Anywhere knows.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::pki::LeafFlaw;

pub(super) const RULE: Rule = Rule {
    id: "leaf-key",
    sentence: "the key is RSA with 2048 bits or more, EC or ML-DSA",
    source: "Roles Anywhere user guide, \"Signature validation\"; the smallest RSA key and the curves are not published",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::InsufficientCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the key is too short, or Ed25519",
    remedy: "make a new key: P-256, or RSA with 2048 bits",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_leaf_flaw(|flaw| matches!(flaw, LeafFlaw::Key { .. }))
}
