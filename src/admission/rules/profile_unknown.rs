//! The profile exists.

use crate::admission::judging::{Judging, is_there};
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "profile-unknown",
    sentence: "there is a profile of this ARN",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::InvalidProfile,
    message_confidence: Confidence::Confirmed,
    cause: "the ARN is mistyped, or that of a profile that was deleted",
    remedy: "take the ARN from `aws rolesanywhere list-profiles`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    if is_there(&judging.situation.profile, MissingInput::Profile)? {
        return Ok(());
    }
    Err(Finding::new(Answer::InvalidProfile, "no profile has this ARN").into())
}
