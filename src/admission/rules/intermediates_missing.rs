//! No certificate is missing between the leaf and the trust anchor.

use crate::admission::judging::{Judging, ends_at_a_root};
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "intermediates-missing",
    sentence: "every certificate between the leaf and the trust anchor is sent",
    source: "Roles Anywhere user guide, \"Trust model\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Confirmed,
    cause: "the intermediate CA's certificate is not sent; or the certificate is of another CA than the trust anchor",
    remedy: "give the intermediates with --intermediates; or make a trust anchor of the CA that is named",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |path, one| {
        matches!(one.flaw, PathFlaw::UnknownIssuer { .. }) && !ends_at_a_root(path)
    })
}
