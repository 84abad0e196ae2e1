//! The trust anchor is in the region that is asked.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "anchor-region",
    sentence: "the trust anchor is in the region that is asked",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::TrustAnchorNotFound,
    message_confidence: Confidence::Confirmed,
    cause: "the region that is configured is another one than the trust anchor's",
    remedy: "leave the region out: the trust anchor's ARN has it",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let arn = judging
        .situation
        .anchor_arn
        .ok_or(MissingInput::AnchorArn)?;
    let region = judging.situation.region.ok_or(MissingInput::Region)?;
    if arn.region() == region {
        return Ok(());
    }
    let reason = format!(
        "the trust anchor {arn} is in {}, and {region} is asked",
        arn.region()
    );
    Err(Finding::new(Answer::TrustAnchorNotFound, reason).into())
}
