//! A name that a condition needs is the first of its kind.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Dropped};

pub(super) const RULE: Rule = Rule {
    id: "tag-second-san",
    sentence: "a name that a condition needs is the first of its kind",
    source: "Roles Anywhere user guide, \"Attribute mapping\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnmappedAttributes,
    message_confidence: Confidence::Assumed,
    cause: "the DNS name or URI is not the first one of the certificate, and only the first becomes a tag",
    remedy: "issue the certificate with that name first",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Tag(Dropped::NotFirst))
}
