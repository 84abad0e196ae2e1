//! The certificate is not a CA's.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::pki::LeafFlaw;

pub(super) const RULE: Rule = Rule {
    id: "leaf-ca",
    sentence: "the certificate's basicConstraints do not say CA:TRUE",
    source: "Roles Anywhere user guide, \"Trust model\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InsufficientCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the certificate is a CA's own, or self-signed with the defaults of `openssl req -x509`",
    remedy: "issue a certificate for the client by the CA",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_leaf_flaw(|flaw| matches!(flaw, LeafFlaw::Ca))
}
