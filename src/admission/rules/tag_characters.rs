//! An attribute that a condition needs has characters of a tag.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Dropped};

pub(super) const RULE: Rule = Rule {
    id: "tag-characters",
    sentence: "an attribute that a condition needs has characters of a tag",
    source: "Roles Anywhere user guide, \"Attribute mapping\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnmappedAttributes,
    message_confidence: Confidence::Confirmed,
    cause: "the attribute has a character that no tag may have, such as a parenthesis",
    remedy: "issue the certificate with another value, or leave the condition out",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Tag(Dropped::Characters))
}
