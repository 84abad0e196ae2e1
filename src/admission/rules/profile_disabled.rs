//! The profile is enabled.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};

pub(super) const RULE: Rule = Rule {
    id: "profile-disabled",
    sentence: "the profile is enabled",
    source: "Roles Anywhere API reference, EnableProfile; with which sentence AWS refuses is not known",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InvalidProfile,
    message_confidence: Confidence::Assumed,
    cause: "the profile was created without --enabled, or disabled",
    remedy: "enable it: `aws rolesanywhere enable-profile --profile-id ID`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    if judging.profile()?.enabled {
        return Ok(());
    }
    Err(Finding::new(Answer::InvalidProfile, "the profile is disabled").into())
}
