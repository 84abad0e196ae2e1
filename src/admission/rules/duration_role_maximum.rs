//! The session is not longer than the role allows.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Known, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "duration-role-maximum",
    sentence: "the duration, or the profile's where that is smaller, is not above the role's MaxSessionDuration",
    source: "Seen live by its users; Roles Anywhere user guide, \"Authentication: CreateSession\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::DurationExceeded,
    message_confidence: Confidence::Confirmed,
    cause: "the profile allows longer sessions than the role",
    remedy: "ask for less with --session-duration, or `aws iam update-role --role-name NAME --max-session-duration SECONDS`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let role = match judging.situation.role {
        Known::Is(role) => role,
        Known::Absent | Known::Unknown => return Err(MissingInput::Role.into()),
    };
    let max = role.max_duration.ok_or(MissingInput::RoleMaxDuration)?;
    let max = i64::from(max.seconds());
    let of_profile = judging.situation.profile.is();
    let of_profile = of_profile.map(|profile| i64::from(profile.duration.seconds()));
    let asked = judging.situation.duration;
    // The smaller of the two counts, so that either alone may settle it.
    let effective = match (asked, of_profile) {
        (Known::Is(asked), Some(of_profile)) => asked.min(of_profile),
        (Known::Absent, Some(of_profile)) => of_profile,
        (Known::Is(one), None) | (Known::Unknown, Some(one)) if one <= max => one,
        (_, None) => return Err(MissingInput::Profile.into()),
        (Known::Unknown, Some(_)) => return Err(MissingInput::Duration.into()),
    };
    if effective <= max {
        return Ok(());
    }
    let answer = Answer::UnableToAssumeRole {
        role_arn: judging.role_arn()?.to_string(),
        duration: true,
    };
    let reason = format!("the session would last {effective} s, the role allows {max} s");
    Err(Finding::new(answer, reason).into())
}
