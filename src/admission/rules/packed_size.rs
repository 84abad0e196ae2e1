//! The tags fit into a session.

use crate::admission::Message;
use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::text::counted;

/// STS, AssumeRole: most session tags.
const MAX_TAGS: usize = 50;

/// What STS takes of session policies as plain text; of tags it does not say.
const MAX_CHARACTERS: usize = 2048;

pub(super) const RULE: Rule = Rule {
    id: "packed-size",
    sentence: "the session's tags are at most 50, with 2048 characters",
    source: "STS API reference, AssumeRole; how it packs tags, and when they are too many, is not published",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UnableToAssumeRole,
    message_confidence: Confidence::Assumed,
    cause: "the certificate has long names, all of which become tags",
    remedy: "map fewer attributes: `aws rolesanywhere delete-attribute-mapping`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.profile()?;
    let tags = &judging.principal()?.tags;
    let sizes = tags
        .iter()
        .map(|tag| tag.key.chars().count() + tag.value.chars().count());
    let size: usize = sizes.sum();
    if tags.len() <= MAX_TAGS && size <= MAX_CHARACTERS {
        return Ok(());
    }
    let reason = format!(
        "the session would have {} with {size} characters",
        counted(tags.len(), "tag")
    );
    Err(Finding::new(judging.unable()?, reason).into())
}
