//! Every issuer is valid now.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Rule, Stage};
use crate::admission::{Answer, Message};
use crate::pki::PathFlaw;

pub(super) const RULE: Rule = Rule {
    id: "issuer-validity",
    sentence: "every CA of the chain, the trust anchor with them, is valid now",
    source: "Roles Anywhere user guide, \"Trust model\"; with which sentence AWS refuses is not known",
    confidence: Confidence::Confirmed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "a CA of the chain has expired",
    remedy: "roll the CA over, and update the trust anchor",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    judging.without_path_flaw(Answer::UntrustedCertificate, |_, one| {
        let is_of_time = matches!(
            one.flaw,
            PathFlaw::Expired { .. } | PathFlaw::NotYetValid { .. }
        );
        one.place > 0 && is_of_time
    })
}
