//! A revocation list is small enough to be imported.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};
use crate::limits;

pub(super) const RULE: Rule = Rule {
    id: "crl-size",
    sentence: "a revocation list has at most 300000 bytes",
    source: "Roles Anywhere API reference, ImportCrl",
    confidence: Confidence::Confirmed,
    stage: Stage::Setup,
    message: Message::Validation,
    message_confidence: Confidence::Assumed,
    cause: "the list has collected every certificate that was ever revoked",
    remedy: "leave out of the list what has expired, or issue from a new CA",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let lists = judging.situation.crls.ok_or(MissingInput::Crls)?;
    for list in lists {
        let length = list.pem_length();
        if length > limits::MAX_IMPORTED_CRL {
            let constraint = format!(
                "Member must have length less than or equal to {}",
                limits::MAX_IMPORTED_CRL
            );
            let answer = Answer::Validation {
                member: "crlData",
                value: "\u{2026}".to_owned(),
                constraint,
            };
            let reason = format!(
                "the revocation list of {} has {length} bytes as PEM, and Roles Anywhere imports at most {}",
                list.issuer(),
                limits::MAX_IMPORTED_CRL
            );
            return Err(Finding::new(answer, reason).into());
        }
    }
    Ok(())
}
