//! A session name is one that STS takes.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Known, Message, MissingInput};
use crate::rolesanywhere::RoleSessionName;
use crate::text::printable;

pub(super) const RULE: Rule = Rule {
    id: "session-name-form",
    sentence: "roleSessionName has 2 to 64 of the letters, digits and _+=,.@-",
    source: "STS API reference, AssumeRole",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::Validation,
    message_confidence: Confidence::Assumed,
    cause: "a host's name with a blank or a slash is sent as the session's name",
    remedy: "give another name with --role-session-name, or none",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let name = match judging.situation.session_name {
        Known::Is(name) => name,
        Known::Absent => return Ok(()),
        Known::Unknown => return Err(MissingInput::SessionName.into()),
    };
    if name.parse::<RoleSessionName>().is_ok() {
        return Ok(());
    }
    let constraint = "Member must satisfy regular expression pattern: [\\w+=,.@-]{2,64}";
    let reason = format!(
        "roleSessionName: {constraint}, it is '{}'",
        printable(name, 100)
    );
    let answer = Answer::Validation {
        member: "roleSessionName",
        value: name.to_owned(),
        constraint: constraint.to_owned(),
    };
    Err(Finding::new(answer, reason).into())
}
