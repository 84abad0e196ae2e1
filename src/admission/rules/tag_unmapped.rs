//! An attribute that a condition needs is mapped by the profile.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::trust::{Class, Dropped};

pub(super) const RULE: Rule = Rule {
    id: "tag-unmapped",
    sentence: "an attribute that a condition needs is mapped by the profile",
    source: "Roles Anywhere user guide, \"Attribute mapping\"",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Assumed,
    cause: "the profile's attribute mapping leaves the attribute out",
    remedy: "add it: `aws rolesanywhere put-attribute-mapping`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let trust = judging.trust()?;
    trust.without(judging, |class| class == Class::Tag(Dropped::Unmapped))
}
