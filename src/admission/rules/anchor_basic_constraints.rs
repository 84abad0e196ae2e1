//! A trust anchor is a CA.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};

pub(super) const RULE: Rule = Rule {
    id: "anchor-basic-constraints",
    sentence: "every certificate of the trust anchor has basicConstraints CA:TRUE",
    source: "Roles Anywhere user guide, \"Trust model\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Setup,
    message: Message::BasicConstraints,
    message_confidence: Confidence::Confirmed,
    cause: "the file is a server's or a client's certificate, or a CA made by `openssl x509 -req` without extensions",
    remedy: "make the trust anchor of the CA's own certificate, or make the CA again with basicConstraints CA:TRUE",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    for certificate in judging.anchor_certificates()? {
        if !certificate.is_ca() {
            let subject = certificate.subject();
            let reason = format!(
                "the trust anchor's certificate of {subject} lacks basicConstraints CA:TRUE"
            );
            return Err(Finding::new(Answer::BasicConstraints, reason).into());
        }
    }
    Ok(())
}
