//! Every name lies within what its CAs may certify.

use crate::admission::judging::{Judging, is_of_names};
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};

pub(super) const RULE: Rule = Rule {
    id: "name-constraints",
    sentence: "every name lies within the nameConstraints of the CAs above it",
    source: "RFC 5280 section 6.1.4; whether AWS enforces it is not documented",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the certificate has a name that its CA may not certify",
    remedy: "issue it again with names that the CA may certify",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        is_of_names(&one.flaw)
    })
}
