//! The signature is the certificate's key's.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "signature",
    sentence: "the signature over the request is right, and made by the certificate's key",
    source: "Roles Anywhere user guide, \"Signing process\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InvalidSignature,
    message_confidence: Confidence::Confirmed,
    cause: "the key is another certificate's, or something between changes the request",
    remedy: "compare key and certificate with `windlass key show`, and go round the proxy",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    match judging.situation.signature {
        Some(Ok(())) => Ok(()),
        Some(Err(reason)) => Err(Finding::new(Answer::InvalidSignature, reason).into()),
        None => Err(MissingInput::Signature.into()),
    }
}
