//! No revocation list has ended.

use crate::admission::judging::Judging;
use crate::admission::rule::{Checked, Confidence, Finding, Rule, Stage};
use crate::admission::{Answer, Message, MissingInput, StaleLists};
use crate::clock::{rfc3339, whole_seconds};

pub(super) const RULE: Rule = Rule {
    id: "crl-stale",
    sentence: "the next list of a CA of the chain is not overdue",
    source: "RFC 5280 section 5.1.2.5; what AWS does then is not documented",
    confidence: Confidence::Assumed,
    stage: Stage::Session,
    message: Message::UntrustedCertificate,
    message_confidence: Confidence::Assumed,
    cause: "nobody imports the lists that the CA makes",
    remedy: "make and import a new list: `windlass ca crl`, `aws rolesanywhere update-crl`",
    check,
};

fn check(judging: &Judging<'_, '_>) -> Checked {
    let lists = judging.situation.crls.ok_or(MissingInput::Crls)?;
    let (leaf, chain) = (judging.leaf()?, judging.chain()?);
    let now = whole_seconds(judging.now()?);
    let certificates = || std::iter::once(leaf).chain(chain);
    for list in lists {
        let Some(due) = list.head().next_update.filter(|due| *due < now) else {
            continue;
        };
        if !certificates().any(|one| one.issuer() == list.issuer()) {
            continue;
        }
        let issuer = list.issuer();
        let what = format!(
            "the next revocation list of {issuer} was due on {}",
            rfc3339(due)
        );
        match judging.situation.stale_lists {
            StaleLists::Honoured => {}
            StaleLists::NotKnown => {
                let sentence =
                    format!("{what}, and what Roles Anywhere does then is not documented");
                return Err(MissingInput::Documentation(sentence).into());
            }
            StaleLists::Refuse => {
                return Err(Finding::new(Answer::UntrustedCertificate, what).into());
            }
        }
    }
    Ok(())
}
