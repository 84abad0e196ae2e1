//! The source identity is one that can be set.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::text::is_tag_character;

pub(super) const RULE: Rule = Rule {
    id: "source-identity-form",
    sentence: "the common name has the characters of a source identity",
    source: "Roles Anywhere user guide, \"Source identity\"; a common name with parentheses was refused, with which part at fault is not known",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Assumed,
    cause: "the common name has a character that no source identity may have, such as a parenthesis",
    remedy: "issue the certificate with another common name",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let name = judging.leaf()?.subject().common_name();
    let illegal = name.and_then(|name| name.chars().find(|one| !is_tag_character(*one)));
    let Some(illegal) = illegal else {
        return Ok(());
    };
    let reason = format!(
        "the common name has the character {}, which no source identity may have",
        illegal.escape_default()
    );
    Err(Finding::new(judging.unable()?, reason).into())
}
