//! Every certificate of the chain is well-formed.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "certificate-form",
    sentence: "every certificate of the chain is well-formed",
    source: "RFC 5280 section 4; what AWS does with others is not documented",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the certificate was made by a tool that encodes it wrongly",
    remedy: "see what is wrong with `windlass ca lint`, and issue it again",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        matches!(
            one.flaw,
            PathFlaw::Malformed { .. }
                | PathFlaw::EmptyName { .. }
                | PathFlaw::Nameless { .. }
                | PathFlaw::ConstraintsOfLeaf { .. }
        )
    })
}
