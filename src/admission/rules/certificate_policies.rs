//! Where a CA demands a policy, there is one.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "certificate-policies",
    sentence: "where a CA demands a certificate policy, the chain has one",
    source: "RFC 5280 section 6.1.5; whether AWS enforces it is not documented",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "a CA has policyConstraints, and the certificates below it have no such policy",
    remedy: "issue them again with the policy that the CA demands",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        matches!(one.flaw, PathFlaw::NoPolicy { .. })
    })
}
