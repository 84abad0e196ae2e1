//! The trust anchor exists.

use crate::admission::judging::{Judging, is_there};
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "anchor-unknown",
    sentence: "there is a trust anchor of this ARN",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::TrustAnchorNotFound,
    message_confidence: Confidence::Confirmed,
    cause: "the ARN is mistyped, or that of a trust anchor that was deleted or is another account's",
    remedy: "take the ARN from `aws rolesanywhere list-trust-anchors`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    if is_there(&judging.situation.anchor, MissingInput::Anchor)? {
        return Ok(());
    }
    let reason = "no trust anchor has this ARN";
    Err(Finding::new(Answer::TrustAnchorNotFound, reason).into())
}
