//! Judging a request by a trust policy (IAM user guide, "Policy evaluation
//! logic": an explicit deny wins over any allow, and what nothing allows is
//! denied).

use super::context::RequestContext;
use super::document::{Effect, Statement, TrustPolicy};
use super::gap::{Gap, Mismatch, Ternary};
use super::judgement::{Action, ActionJudgement, Applies, Judgement, StatementTrace, Verdict};

impl TrustPolicy {
    /// What the policy says of a session of Roles Anywhere.
    #[must_use]
    pub fn judge(&self, context: &RequestContext) -> Judgement {
        self.judge_for(&Action::ALL, context)
    }

    /// What the policy says of an AssumeRole, and of what it needs besides.
    #[must_use]
    pub fn judge_for(&self, actions: &[Action], context: &RequestContext) -> Judgement {
        let judge = |action: &Action| self.judge_action(*action, context);
        Judgement {
            actions: actions.iter().map(judge).collect(),
        }
    }

    fn judge_action(&self, action: Action, context: &RequestContext) -> ActionJudgement {
        let trace: Vec<StatementTrace> = self
            .statements
            .iter()
            .map(|statement| StatementTrace {
                label: statement.label.clone(),
                effect: statement.effect,
                applies: self.applies(statement, action, context),
            })
            .collect();
        ActionJudgement {
            action,
            verdict: verdict(&trace),
            trace,
        }
    }

    fn applies(&self, statement: &Statement, action: Action, context: &RequestContext) -> Applies {
        // IAM would not have stored it: what it means is anybody's guess.
        if let Some(element) = self.unknown.as_ref().or(statement.unknown.as_ref()) {
            let element = element.clone();
            return Applies::Unknown(Gap::Element { element });
        }
        let mut gap = None;
        let mut not = |answer: Ternary| match answer {
            Ok(answer) => !answer,
            Err(found) => {
                gap.get_or_insert(found);
                false
            }
        };
        if not(statement.principals.includes(context)) {
            let wanted = statement.principals.to_string();
            return Applies::No(match context.caller() {
                Some(caller) => Mismatch::Caller {
                    wanted,
                    caller: caller.arn.clone(),
                },
                None => Mismatch::Principal { wanted },
            });
        }
        if not(Ok(statement.actions.includes(action.as_str()))) {
            let wanted = statement.actions.to_string();
            return Applies::No(Mismatch::Action { wanted });
        }
        let mut conditions = statement.conditions.iter();
        if let Some(failed) =
            conditions.find(|condition| not(condition.holds(context, statement.effect)))
        {
            return Applies::No(failed.mismatch(context));
        }
        gap.map_or(Applies::Yes, Applies::Unknown)
    }
}

fn verdict(trace: &[StatementTrace]) -> Verdict {
    let any = |effect: Effect, found: fn(&Applies) -> bool| {
        trace
            .iter()
            .any(|one| one.effect == effect && found(&one.applies))
    };
    let yes: fn(&Applies) -> bool = |applies| *applies == Applies::Yes;
    let perhaps: fn(&Applies) -> bool = |applies| matches!(applies, Applies::Unknown(_));
    if any(Effect::Deny, yes) {
        Verdict::Denied
    } else if !any(Effect::Allow, yes) && !any(Effect::Allow, perhaps) {
        // Nothing allows it, whatever the statements do that may deny.
        Verdict::NotAllowed
    } else if any(Effect::Deny, perhaps) || !any(Effect::Allow, yes) {
        Verdict::Unknown
    } else {
        Verdict::Allowed
    }
}
