//! The profile lists roles.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};

pub(super) const RULE: Rule = Rule {
    id: "profile-without-roles",
    sentence: "the profile lists a role",
    source: "The message of AWS, which speaks of an empty profile",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::InvalidProfile,
    message_confidence: Confidence::Assumed,
    cause: "the profile was created with an empty list of roles",
    remedy: "give it the role: `aws rolesanywhere update-profile --profile-id ID --role-arns ARN`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    if !judging.profile()?.roles.is_empty() {
        return Ok(());
    }
    Err(Finding::new(Answer::InvalidProfile, "the profile lists no role").into())
}
