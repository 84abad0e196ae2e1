//! An attribute that a condition needs is short enough for a tag.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Dropped};

pub(super) const RULE: Rule = Rule {
    id: "tag-length",
    sentence: "an attribute that a condition needs is short enough for a tag",
    source: "STS API reference, Tag",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnmappedAttributes,
    message_confidence: Confidence::Assumed,
    cause: "the attribute has more than 256 characters, perhaps as several values that are joined",
    remedy: "issue the certificate with shorter values, or leave the condition out",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Tag(Dropped::Length))
}
