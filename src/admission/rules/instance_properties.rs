//! Instance properties keep to their bounds.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Known, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "instance-properties",
    sentence: "instanceProperties has at most 50 entries, names and values of 1 to 200 characters",
    source: "Roles Anywhere API reference, InstancePropertyMap",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::Validation,
    message_confidence: Confidence::Assumed,
    cause: "a client sends more of its host than fits",
    remedy: "send fewer or shorter properties, or none",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let properties = match judging.situation.instance_properties {
        Known::Is(properties) => properties,
        Known::Absent => return Ok(()),
        Known::Unknown => return Err(MissingInput::InstanceProperties.into()),
    };
    let sized = |text: &str| (1..=200).contains(&text.chars().count());
    let mut each = properties.iter();
    if properties.len() <= 50 && each.all(|(name, value)| sized(name) && sized(value)) {
        return Ok(());
    }
    let constraint = "Member must have at most 50 entries of 1 to 200 characters";
    let answer = Answer::Validation {
        member: "instanceProperties",
        value: "\u{2026}".to_owned(),
        constraint: constraint.to_owned(),
    };
    Err(Finding::new(answer, format!("instanceProperties: {constraint}")).into())
}
