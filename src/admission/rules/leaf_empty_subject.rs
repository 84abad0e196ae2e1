//! The certificate has a subject.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::pki::LeafFlaw;

pub(super) const RULE: Rule = Rule {
    id: "leaf-empty-subject",
    sentence: "the certificate's subject is not empty",
    source: "Roles Anywhere user guide, \"Signature validation\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InsufficientCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the names are in subjectAltName alone",
    remedy: "issue it again with a subject, such as a CN",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_leaf_flaw(|flaw| matches!(flaw, LeafFlaw::EmptySubject))
}
