//! A trust anchor may sign certificates.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};

pub(super) const RULE: Rule = Rule {
    id: "anchor-key-usage",
    sentence: "every certificate of the trust anchor has keyUsage with keyCertSign",
    source: "Roles Anywhere user guide, \"Trust model\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Setup,
    message: Message::BasicConstraints,
    message_confidence: Confidence::Assumed,
    cause: "the CA was made with another keyUsage, or without one",
    remedy: "make the CA's certificate again with keyUsage keyCertSign and cRLSign",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    for certificate in judging.anchor_certificates()? {
        let usage = certificate.key_usage();
        if !usage.is_some_and(|usage| usage.key_cert_sign) {
            let subject = certificate.subject();
            let reason =
                format!("the trust anchor's certificate of {subject} lacks keyUsage keyCertSign");
            return Err(Finding::new(Answer::BasicConstraints, reason).into());
        }
    }
    Ok(())
}
