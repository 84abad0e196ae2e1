//! The trust anchor is enabled.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "anchor-disabled",
    sentence: "the trust anchor is enabled",
    source: "Seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::TrustAnchorDisabled,
    message_confidence: Confidence::Confirmed,
    cause: "the trust anchor was created without --enabled, or disabled",
    remedy: "enable it: `aws rolesanywhere enable-trust-anchor --trust-anchor-id ID`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let enabled = judging.anchor()?.enabled;
    if enabled.ok_or(MissingInput::AnchorEnabled)? {
        return Ok(());
    }
    let reason = "the trust anchor is disabled";
    Err(Finding::new(Answer::TrustAnchorDisabled, reason).into())
}
