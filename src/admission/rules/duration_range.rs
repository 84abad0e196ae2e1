//! A duration is one that there is.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Known, Message, MissingInput};
use crate::rolesanywhere::SessionDuration;

pub(super) const RULE: Rule = Rule {
    id: "duration-range",
    sentence: "durationSeconds is 900 to 43200",
    source: "Roles Anywhere user guide, \"Authentication: CreateSession\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::Validation,
    message_confidence: Confidence::Assumed,
    cause: "a duration is asked for that no session has",
    remedy: "ask for 900 to 43200 seconds with --session-duration",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let asked = match judging.situation.duration {
        Known::Is(asked) => asked,
        Known::Absent => return Ok(()),
        Known::Unknown => return Err(MissingInput::Duration.into()),
    };
    let (min, max) = (SessionDuration::MIN, SessionDuration::MAX);
    let constraint = if asked < i64::from(min) {
        format!("Member must have value greater than or equal to {min}")
    } else if asked > i64::from(max) {
        format!("Member must have value less than or equal to {max}")
    } else {
        return Ok(());
    };
    let reason = format!("durationSeconds: {constraint}, it is {asked}");
    let answer = Answer::Validation {
        member: "durationSeconds",
        value: asked.to_string(),
        constraint,
    };
    Err(Finding::new(answer, reason).into())
}
