//! The profile lists the role.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message};

pub(super) const RULE: Rule = Rule {
    id: "role-not-in-profile",
    sentence: "the profile lists the role, by its whole ARN with the path",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::RoleNotListed,
    message_confidence: Confidence::Confirmed,
    cause: "the role was never added to the profile, or its ARN was given without its path",
    remedy: "add it: `aws rolesanywhere update-profile --profile-id ID --role-arns ARN ARN`, which replaces the list",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let role = judging.role_arn()?;
    if judging.profile()?.roles.contains(role) {
        return Ok(());
    }
    let reason = format!("the profile does not list this role, {role}");
    Err(Finding::new(Answer::RoleNotListed, reason).into())
}
