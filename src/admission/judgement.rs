//! Judging a situation by every rule.

use super::judging::Judging;
use super::rule::{Finding, Rule, Stage, Verdict};
use super::rules::RULES;
use super::{Answer, Message, MissingInput, Refusal, Situation};

/// What every rule says, in the order of [`RULES`].
#[derive(Clone, Debug)]
pub struct Judgement {
    /// The rules with their verdicts.
    pub verdicts: Vec<(&'static Rule, Verdict)>,
    /// What AWS answers where it refuses to assume the role.
    unable: Answer,
}

/// Judges by every rule.
#[must_use]
pub fn judge(situation: &Situation<'_>) -> Judgement {
    let judging = Judging::of(situation);
    let judged = RULES.iter().map(|rule| (*rule, rule.verdict(&judging)));
    Judgement {
        verdicts: judged.collect(),
        unable: judging.unable().unwrap_or(Answer::NotFound),
    }
}

impl Judgement {
    /// What refuses, in the order in which AWS is taken to look: the first one is
    /// its answer.
    pub fn denials(&self) -> impl Iterator<Item = (&'static Rule, &Finding)> {
        self.verdicts.iter().filter_map(|(rule, verdict)| {
            let Verdict::Deny(finding) = verdict else {
                return None;
            };
            Some((*rule, finding))
        })
    }

    /// What cannot be told.
    pub fn unknown(&self) -> impl Iterator<Item = (&'static Rule, &MissingInput)> {
        self.verdicts.iter().filter_map(|(rule, verdict)| {
            let Verdict::Unknown(missing) = verdict else {
                return None;
            };
            Some((*rule, missing))
        })
    }

    /// Whether every rule passes.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        let mut verdicts = self.verdicts.iter();
        verdicts.all(|(_, verdict)| *verdict == Verdict::Pass)
    }

    /// The refusal of a session, where one is certain. What is refused while
    /// resources are made is left out.
    #[must_use]
    pub fn denial(&self) -> Option<Refusal> {
        let mut denials = self.denials();
        let (rule, finding) = denials.find(|(rule, _)| rule.stage == Stage::Session)?;
        let reason = with_rule(&finding.reason, rule);
        Some(Refusal::new(finding.answer.clone(), reason))
    }

    /// The refusal of a session by somebody who knows everything that there is to
    /// know, as the emulator does: what hangs on something that AWS does not
    /// document is refused as well.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        self.denial().or_else(|| {
            let mut unknown = self.unknown();
            let (rule, missing) = unknown.find(|(rule, _)| rule.stage == Stage::Session)?;
            let reason = with_rule(&missing.to_string(), rule);
            Some(Refusal::new(self.answer(rule.message), reason))
        })
    }

    fn answer(&self, message: Message) -> Answer {
        match message {
            Message::InsufficientCertificate => Answer::InsufficientCertificate,
            Message::InvalidProfile => Answer::InvalidProfile,
            Message::InvalidSignature => Answer::InvalidSignature,
            Message::Revoked => Answer::Revoked,
            Message::RoleNotListed => Answer::RoleNotListed,
            Message::SessionNameNotAllowed => Answer::SessionNameNotAllowed,
            Message::TrustAnchorDisabled => Answer::TrustAnchorDisabled,
            Message::TrustAnchorNotFound => Answer::TrustAnchorNotFound,
            Message::UntrustedCertificate => Answer::UntrustedCertificate,
            Message::BasicConstraints
            | Message::DurationExceeded
            | Message::UnableToAssumeRole
            | Message::UnmappedAttributes
            | Message::Validation => self.unable.clone(),
        }
    }
}

/// A reason with the rule that it is of.
fn with_rule(reason: &str, rule: &Rule) -> String {
    format!("{reason} (rule {})", rule.id)
}
