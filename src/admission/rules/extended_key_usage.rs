//! The certificate is for clients.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "extended-key-usage",
    sentence: "an extKeyUsage that is there allows clientAuth",
    source: "RFC 5280 section 4.2.1.12; AWS does not list it, and what it does is not known",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "the certificate is a server's",
    remedy: "issue it again with extKeyUsage clientAuth, or without the extension",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        matches!(one.flaw, PathFlaw::NotForClients { .. })
    })
}
