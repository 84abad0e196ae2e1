//! The client's clock is right.

use chrono::TimeDelta;

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};
use crate::clock::in_words;

pub(super) const RULE: Rule = Rule {
    id: "clock-skew",
    sentence: "the client's clock is right to five minutes",
    source: "Seen live with half an hour, and by one tester with ten minutes; AWS does not publish how far it may be off, and five minutes is what SigV4 has elsewhere",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::InvalidSignature,
    message_confidence: Confidence::Confirmed,
    cause: "the host has no time service, or one that cannot reach its server",
    remedy: "set the clock: `timedatectl set-ntp true`, or `chronyc makestep`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let skew = judging.situation.clock_ahead.ok_or(MissingInput::Clock)?;
    let window = judging.situation.clock_window;
    let window = window.unwrap_or(TimeDelta::minutes(5));
    if skew.abs() <= window {
        return Ok(());
    }
    let direction = if skew > TimeDelta::zero() {
        "ahead"
    } else {
        "behind"
    };
    let reason = format!(
        "the client's clock is {} {direction}, {} are allowed",
        in_words(skew),
        in_words(window)
    );
    Err(Finding::new(Answer::InvalidSignature, reason).into())
}
