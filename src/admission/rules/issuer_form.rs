//! Every issuer is a CA that may sign.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "issuer-form",
    sentence: "every CA of the chain has version 3, basicConstraints CA:TRUE, keyUsage keyCertSign and a signature with SHA-256 or better",
    source: "Roles Anywhere user guide, \"Trust model\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "a client's certificate has been used to sign another one, or the intermediate CA was made without extensions",
    remedy: "make the intermediate CA again as a CA",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        let is_of_issuer = matches!(
            one.flaw,
            PathFlaw::NotACa { .. }
                | PathFlaw::NoKeyCertSign { .. }
                | PathFlaw::Version { .. }
                | PathFlaw::WeakSignature { .. }
        );
        one.place > 0 && is_of_issuer
    })
}
