//! The chain ends at the trust anchor.

use crate::admission::judging::{Judging, ends_at_a_root};
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "chain-to-anchor",
    sentence: "the certificate's chain ends at a certificate of the trust anchor",
    source: "Roles Anywhere user guide, \"Trust model\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Confirmed,
    cause: "the certificate is of another CA than the trust anchor; or of one of the same name with another key",
    remedy: "make a trust anchor of the CA that signs, or name the one that is its",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |path, one| {
        let elsewhere = matches!(one.flaw, PathFlaw::UnknownIssuer { .. }) && ends_at_a_root(path);
        elsewhere
            || matches!(
                one.flaw,
                PathFlaw::BadSignature { .. } | PathFlaw::Budget | PathFlaw::TooManyCertificates
            )
    })
}
