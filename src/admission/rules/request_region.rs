//! The request is signed for the region that is asked.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};
use crate::text::printable;

pub(super) const RULE: Rule = Rule {
    id: "request-region",
    sentence: "the request is signed for the region that is asked",
    source: "Roles Anywhere user guide, \"Signing process\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InvalidSignature,
    message_confidence: Confidence::Assumed,
    cause: "the endpoint is given by hand, and is another region's",
    remedy: "leave --endpoint and --region out, or give those of the trust anchor's region",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let signed = judging
        .situation
        .signed_region
        .ok_or(MissingInput::SignedRegion)?;
    let region = judging.situation.region.ok_or(MissingInput::Region)?;
    if signed == region.as_str() {
        return Ok(());
    }
    let reason = format!(
        "the credential's region is {}, this is {region}",
        printable(signed, 50)
    );
    Err(Finding::new(Answer::InvalidSignature, reason).into())
}
