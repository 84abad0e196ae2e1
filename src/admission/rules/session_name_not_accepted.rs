//! The profile accepts the session name.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Known, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "session-name-not-accepted",
    sentence: "the profile has acceptRoleSessionName, or no session name is sent",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::SessionNameNotAllowed,
    message_confidence: Confidence::Confirmed,
    cause: "a session name is configured, and the profile was created without --accept-role-session-name",
    remedy: "leave --role-session-name out, or `aws rolesanywhere update-profile --profile-id ID --accept-role-session-name`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    if judging.situation.session_name == Known::Absent || judging.profile()?.accepts_session_name {
        return Ok(());
    }
    if judging.situation.session_name == Known::Unknown {
        return Err(MissingInput::SessionName.into());
    }
    let reason = "the profile has acceptRoleSessionName false";
    Err(Finding::new(Answer::SessionNameNotAllowed, reason).into())
}
