//! The profile is of the trust anchor's account.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "profile-account",
    sentence: "the profile is of the trust anchor's account",
    source: "Roles Anywhere user guide, \"Trust model\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InvalidProfile,
    message_confidence: Confidence::Assumed,
    cause: "profile and trust anchor are of different accounts",
    remedy: "take a profile of the trust anchor's account, or create one there",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let arn = judging
        .situation
        .profile_arn
        .ok_or(MissingInput::ProfileArn)?;
    let anchor = judging
        .situation
        .anchor_arn
        .ok_or(MissingInput::AnchorArn)?;
    if arn.account() == anchor.account() {
        return Ok(());
    }
    let reason = format!(
        "the profile {arn} is of the account {}, the trust anchor of {}",
        arn.account(),
        anchor.account()
    );
    Err(Finding::new(Answer::InvalidProfile, reason).into())
}
