//! The role exists.

use crate::admission::judging::{Judging, is_there};
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "role-unknown",
    sentence: "there is a role of this ARN",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Confirmed,
    cause: "the role was deleted, or its ARN is mistyped in the profile too",
    remedy: "look with `aws iam get-role --role-name NAME`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    if is_there(&judging.situation.role, MissingInput::Role)? {
        return Ok(());
    }
    Err(Finding::new(judging.unable()?, "no role has this ARN").into())
}
