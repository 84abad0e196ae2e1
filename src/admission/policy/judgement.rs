//! What a trust policy says of the three actions of a session, and why.

use std::fmt;

use super::document::Effect;
use super::gap::{Gap, Mismatch};

/// An action that Roles Anywhere needs (user guide, "Trust model").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// `sts:AssumeRole`
    AssumeRole,
    /// `sts:SetSourceIdentity`
    SetSourceIdentity,
    /// `sts:TagSession`
    TagSession,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::AssumeRole, Self::TagSession, Self::SetSourceIdentity];

    /// Its name in a policy.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AssumeRole => "sts:AssumeRole",
            Self::SetSourceIdentity => "sts:SetSourceIdentity",
            Self::TagSession => "sts:TagSession",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a policy says of one action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A statement allows it, and none denies it.
    Allowed,
    /// A statement denies it.
    Denied,
    /// No statement allows it.
    NotAllowed,
    /// It hangs on something that is not known.
    Unknown,
}

/// Whether a statement matches a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Applies {
    /// It does not, and what is the first thing that does not match.
    No(Mismatch),
    /// It is not known, and why.
    Unknown(Gap),
    /// It does.
    Yes,
}

/// One statement in the judgement of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementTrace {
    /// `statement 1`, with its Sid in brackets.
    pub label: String,
    /// What it does when it matches.
    pub effect: Effect,
    /// Whether it does.
    pub applies: Applies,
}

impl fmt::Display for StatementTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = &self.label;
        match (&self.applies, self.effect) {
            (Applies::Yes, Effect::Allow) => write!(f, "{label} allows it"),
            (Applies::Yes, Effect::Deny) => write!(f, "{label} denies it"),
            (Applies::No(mismatch), _) => write!(f, "{label}: {mismatch}"),
            (Applies::Unknown(gap), _) => write!(f, "{label}: {gap}"),
        }
    }
}

/// What a policy says of one action, and how each statement came to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionJudgement {
    /// The action.
    pub action: Action,
    /// The verdict.
    pub verdict: Verdict,
    /// The statements, in the order of the policy.
    pub trace: Vec<StatementTrace>,
}

impl ActionJudgement {
    /// Why the action is not allowed, or why that is not known; empty when it is
    /// allowed.
    fn because(&self) -> String {
        let matching = |effect: Effect, yes: bool| {
            let found = self.trace.iter().find(|trace| {
                trace.effect == effect
                    && match trace.applies {
                        Applies::Yes => yes,
                        Applies::Unknown(_) => !yes,
                        Applies::No(_) => false,
                    }
            });
            found.map(ToString::to_string).unwrap_or_default()
        };
        match self.verdict {
            Verdict::Allowed => String::new(),
            Verdict::Denied => matching(Effect::Deny, true),
            Verdict::NotAllowed => self.nearest(),
            // A statement that may deny only matters once another one allows.
            Verdict::Unknown => match matching(Effect::Deny, false) {
                text if text.is_empty() => matching(Effect::Allow, false),
                text => text,
            },
        }
    }

    /// The statements that allow and came nearest to matching: those about this
    /// action whose conditions are not met, else those about Roles Anywhere, else
    /// any.
    fn nearest(&self) -> String {
        let rank = |trace: &StatementTrace| match &trace.applies {
            Applies::No(Mismatch::Condition { .. }) => 2,
            Applies::No(Mismatch::Action { .. }) => 1,
            _ => 0,
        };
        let allowing = || {
            self.trace
                .iter()
                .filter(|trace| trace.effect == Effect::Allow)
        };
        let Some(best) = allowing().map(rank).max() else {
            return "no statement allows anything".to_owned();
        };
        let texts: Vec<String> = allowing()
            .filter(|trace| rank(trace) == best)
            .map(ToString::to_string)
            .collect();
        texts.join("; ")
    }
}

impl fmt::Display for ActionJudgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Allowed => "allowed",
            Verdict::Denied => "denied",
            Verdict::NotAllowed => "not allowed",
            Verdict::Unknown => "not known",
        };
        write!(f, "{}: {verdict}", self.action)?;
        for trace in &self.trace {
            write!(f, "\n  {trace}")?;
        }
        Ok(())
    }
}

/// What a policy says of a session: each action by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The three actions, in the order of [`Action::ALL`].
    pub actions: Vec<ActionJudgement>,
}

/// Whether IAM lets Roles Anywhere assume the role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It does.
    Granted,
    /// It does not; and why.
    Refused(String),
    /// It is not known; and why. This is no grant.
    Unknown(String),
}

impl Judgement {
    /// The session needs all three actions. One that is refused decides, whatever
    /// is not known of another.
    #[must_use]
    pub fn decision(&self) -> Decision {
        let is_refused = |verdict| matches!(verdict, Verdict::Denied | Verdict::NotAllowed);
        let refused = self.reasons(is_refused);
        if !refused.is_empty() {
            return Decision::Refused(refused);
        }
        let unknown = self.reasons(|verdict| verdict == Verdict::Unknown);
        if unknown.is_empty() {
            Decision::Granted
        } else {
            Decision::Unknown(unknown)
        }
    }

    /// The reasons of those actions, one for all that share it.
    fn reasons(&self, chosen: impl Fn(Verdict) -> bool) -> String {
        let mut reasons: Vec<(Vec<&str>, String)> = Vec::new();
        for judged in self.actions.iter().filter(|judged| chosen(judged.verdict)) {
            let because = judged.because();
            match reasons.iter_mut().find(|(_, other)| *other == because) {
                Some((actions, _)) => actions.push(judged.action.as_str()),
                None => reasons.push((vec![judged.action.as_str()], because)),
            }
        }
        let texts: Vec<String> = reasons
            .into_iter()
            .map(|(actions, because)| format!("{}: {because}", actions.join(", ")))
            .collect();
        texts.join("; ")
    }
}

impl fmt::Display for Judgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, judged) in self.actions.iter().enumerate() {
            let break_before = if index == 0 { "" } else { "\n" };
            write!(f, "{break_before}{judged}")?;
        }
        Ok(())
    }
}
