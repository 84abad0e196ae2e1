//! The profile is in the region that is asked.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "profile-region",
    sentence: "the profile is in the region that is asked",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InvalidProfile,
    message_confidence: Confidence::Confirmed,
    cause: "profile and trust anchor are of different regions",
    remedy: "take a profile of the trust anchor's region, or create one there",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let arn = judging
        .situation
        .profile_arn
        .ok_or(MissingInput::ProfileArn)?;
    let region = judging.situation.region.ok_or(MissingInput::Region)?;
    if arn.region() == region {
        return Ok(());
    }
    let reason = format!(
        "the profile {arn} is in {}, and {region} is asked",
        arn.region()
    );
    Err(Finding::new(Answer::InvalidProfile, reason).into())
}
