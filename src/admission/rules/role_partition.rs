//! The role is of the profile's partition.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "role-partition",
    sentence: "the role is of the profile's partition",
    source: "Roles Anywhere user guide, \"Trust model\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::RoleNotListed,
    message_confidence: Confidence::Assumed,
    cause: "the role's ARN was copied from another partition, such as aws-cn or aws-us-gov",
    remedy: "take the ARN of the role in the profile's account",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let role = judging.role_arn()?;
    let profile = judging
        .situation
        .profile_arn
        .ok_or(MissingInput::ProfileArn)?;
    let (of_role, of_profile) = (role.partition().name(), profile.partition().name());
    if of_role == of_profile {
        return Ok(());
    }
    let reason =
        format!("the role {role} is of the partition {of_role}, the profile of {of_profile}");
    Err(Finding::new(Answer::RoleNotListed, reason).into())
}
