//! A revocation list is signed by the CA that it names.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput};

pub(super) const RULE: Rule = Rule {
    id: "crl-foreign",
    sentence: "a revocation list is signed by the CA whose name it has",
    source: "Roles Anywhere user guide, \"Revocation\"",
    confidence: Confidence::Assumed,
    stage: Stage::Setup,
    message: Message::Validation,
    message_confidence: Confidence::Assumed,
    cause: "the list is of another CA of the same name, or of the CA's key before it was changed",
    remedy: "make the list with the key of the CA that is the trust anchor, and import it again",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let lists = judging.situation.crls.ok_or(MissingInput::Crls)?;
    let anchors = judging.anchor_certificates()?;
    let known = || {
        anchors
            .iter()
            .chain(judging.situation.chain.unwrap_or_default())
    };
    for list in lists {
        let mut of_name = known()
            .filter(|one| one.subject() == list.issuer())
            .peekable();
        let is_known = of_name.peek().is_some();
        if of_name.any(|one| list.is_signed_by(one.public_key())) {
            continue;
        }
        // A CA of the name may come with the leaf.
        judging.chain()?;
        if !is_known {
            return Err(MissingInput::IssuerOfList(list.issuer().to_string()).into());
        }
        let issuer = list.issuer();
        let reason =
            format!("the revocation list of {issuer} was not signed with the key of that CA");
        let answer = Answer::Validation {
            member: "crlData",
            value: "\u{2026}".to_owned(),
            constraint: "Member must be signed by the CA of the trust anchor".to_owned(),
        };
        return Err(Finding::new(answer, reason).into());
    }
    Ok(())
}
