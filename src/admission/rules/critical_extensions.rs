//! Every critical extension is one that is evaluated.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "critical-extensions",
    sentence: "every critical extension is one that is evaluated",
    source: "RFC 5280 section 4.2; which ones AWS knows is not documented",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the CA adds an extension of its own and marks it critical",
    remedy: "issue it again with that extension not critical",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        matches!(one.flaw, PathFlaw::UnhandledCritical { .. })
    })
}
