//! No chain is longer than its CAs allow.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "path-length",
    sentence: "no more CAs stand below a CA than its pathLenConstraint allows",
    source: "RFC 5280 section 6.1.4; whether AWS enforces it is not documented",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "an intermediate CA with pathLenConstraint 0 has signed another CA",
    remedy: "issue from a CA that stands higher, or make the CA again with a greater pathLenConstraint",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        matches!(one.flaw, PathFlaw::PathTooLong { .. })
    })
}
