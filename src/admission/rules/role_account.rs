//! The role is of the profile's account.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "role-account",
    sentence: "the role is of the profile's account",
    source: "Roles Anywhere user guide, \"Trust model\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::RoleNotListed,
    message_confidence: Confidence::Assumed,
    cause: "the role is of another account, to which a session of Roles Anywhere cannot lead directly",
    remedy: "take a role of the profile's account, and from there the other one with --assume-role",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let role = judging.role_arn()?;
    let profile = judging
        .situation
        .profile_arn
        .ok_or(MissingInput::ProfileArn)?;
    if role.account() == profile.account() {
        return Ok(());
    }
    let reason = format!(
        "the role {role} is of the account {}, the profile of {}",
        role.account(),
        profile.account()
    );
    Err(Finding::new(Answer::RoleNotListed, reason).into())
}
