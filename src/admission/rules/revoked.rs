//! No certificate of the chain is revoked.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "revoked",
    sentence: "no certificate of the chain is on an imported and enabled revocation list",
    source: "Roles Anywhere user guide, \"Revocation\", and seen live by its users",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::Revoked,
    message_confidence: Confidence::Confirmed,
    cause: "the certificate, or a CA above it, was revoked",
    remedy: "find out why with `windlass ca show`, and issue another one",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    if judging.situation.crls.is_none() {
        return Err(MissingInput::Crls.into());
    }
    judging.without_path_flaw(Answer::Revoked, |_, one| {
        matches!(one.flaw, PathFlaw::Revoked { .. })
    })
}
