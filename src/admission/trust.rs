//! What of a role's trust policy refuses a session, sorted by what it is about, so
//! that each kind has a rule of its own.

use crate::rolesanywhere::RoleSessionName;

use super::judging::Judging;
use super::policy::{
    Action, ActionJudgement, Applies, Effect, Fact, Gap, Mismatch, RequestContext, Review,
    TrustPolicy, Verdict,
};
use super::rule::{Checked, Finding};
use super::{Known, MissingInput, Principal, PrincipalTag};

/// What a condition is about, by its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Issuer,
    Other,
    San,
    SessionName,
    SourceAccount,
    SourceArn,
    SourceIdentity,
    Subject,
}

/// Why there is no tag of an attribute that would meet the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dropped {
    Characters,
    Length,
    NotFirst,
    Unmapped,
}

impl Dropped {
    const ALL: [Self; 4] = [
        Self::Characters,
        Self::Length,
        Self::NotFirst,
        Self::Unmapped,
    ];
}

/// What of a policy is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// No statement is about the action.
    Action(Action),
    /// A condition is not met.
    Condition(Topic),
    /// A statement denies.
    Deny,
    /// No statement is about Roles Anywhere.
    Principal,
    /// A condition on a tag would be met, if there were that tag.
    Tag(Dropped),
}

/// One thing that is in the way, of one action.
#[derive(Debug)]
struct Problem {
    class: Class,
    action: Action,
    text: String,
    /// Whether it refuses; else it is not known.
    is_certain: bool,
}

/// What a trust policy says of a session.
#[derive(Debug, Default)]
pub(super) struct Trust {
    problems: Vec<Problem>,
}

/// What every action is judged with.
struct Asked<'p> {
    policy: &'p TrustPolicy,
    context: RequestContext,
    principal: &'p Principal,
    /// Whether the profile is known, which decides what becomes a tag.
    is_mapping_known: bool,
}

impl Trust {
    pub(super) fn of(judging: &Judging<'_, '_>) -> Result<Self, MissingInput> {
        let role = match judging.situation.role {
            Known::Is(role) => role,
            Known::Absent => return Err(MissingInput::Role),
            Known::Unknown => return Err(MissingInput::TrustPolicy),
        };
        let policy = match role.trust_policy {
            Known::Is(policy) => policy,
            Known::Absent => return Ok(Self::default()),
            Known::Unknown => return Err(MissingInput::TrustPolicy),
        };
        let asked = Asked {
            policy,
            context: context(judging)?,
            principal: judging.principal()?,
            is_mapping_known: judging.profile().is_ok(),
        };
        let mut trust = Self::default();
        for judged in policy.judge(&asked.context).actions {
            trust.add(&asked, &judged);
        }
        Ok(trust)
    }

    fn add(&mut self, asked: &Asked<'_>, judged: &ActionJudgement) {
        let action = judged.action;
        let mut put = |class, text: String, is_certain| {
            self.problems.push(Problem {
                class,
                action,
                text,
                is_certain,
            });
        };
        if judged.verdict == Verdict::Allowed {
            return;
        }
        let is_unknown = judged.verdict == Verdict::Unknown;
        let denying = judged.trace.iter().filter(|one| one.effect == Effect::Deny);
        for trace in denying {
            match trace.applies {
                Applies::Yes => put(Class::Deny, trace.to_string(), true),
                Applies::Unknown(_) if is_unknown => put(Class::Deny, trace.to_string(), false),
                _ => {}
            }
        }
        if judged.verdict == Verdict::Denied || allows(judged) {
            return;
        }
        let reviews = asked.policy.review(action, &asked.context);
        let Some(nearest) = reviews.iter().map(Review::distance).min() else {
            put(
                Class::Principal,
                "no statement allows anything".to_owned(),
                true,
            );
            return;
        };
        let chosen = reviews.iter().enumerate();
        for (index, review) in chosen.filter(|(_, review)| review.distance() == nearest) {
            for problem in &review.problems {
                let text = format!("{}: {problem}", review.label);
                put(asked.class(action, index, problem), text, true);
            }
            for (key, gap) in review.gaps.iter().filter(|_| is_unknown) {
                let text = format!("{}: {gap}", review.label);
                let is_of_tag = key.as_deref().and_then(tag_of).is_some();
                // The tag may be there, or be left out for any reason.
                if is_of_tag && !asked.is_mapping_known {
                    for why in Dropped::ALL {
                        put(Class::Tag(why), text.clone(), false);
                    }
                }
                put(class_of_gap(key.as_deref(), gap), text, false);
            }
        }
    }

    /// Denies for what is in the way of this class.
    pub(super) fn without(&self, judging: &Judging<'_, '_>, is_mine: fn(Class) -> bool) -> Checked {
        let certain = self.texts(is_mine, true);
        if !certain.is_empty() {
            let reason = format!("the trust policy does not allow {certain}");
            return Err(Finding::new(judging.unable()?, reason).into());
        }
        let unclear = self.texts(is_mine, false);
        if unclear.is_empty() {
            return Ok(());
        }
        let sentence =
            format!("whether the trust policy allows this cannot be told here: {unclear}");
        Err(MissingInput::Documentation(sentence).into())
    }

    /// The texts of a class, each with the actions that it is about.
    fn texts(&self, is_mine: fn(Class) -> bool, is_certain: bool) -> String {
        let mut grouped: Vec<(Vec<&str>, &str)> = Vec::new();
        for problem in &self.problems {
            if problem.is_certain != is_certain || !is_mine(problem.class) {
                continue;
            }
            let action = problem.action.as_str();
            match grouped.iter_mut().find(|(_, text)| *text == problem.text) {
                Some((actions, _)) => actions.push(action),
                None => grouped.push((vec![action], &problem.text)),
            }
        }
        let texts: Vec<String> = grouped
            .into_iter()
            .map(|(actions, text)| format!("{}: {text}", actions.join(", ")))
            .collect();
        texts.join("; ")
    }
}

impl Asked<'_> {
    fn class(&self, action: Action, statement: usize, problem: &Mismatch) -> Class {
        match problem {
            Mismatch::Action { .. } => Class::Action(action),
            Mismatch::Caller { .. } | Mismatch::Principal { .. } => Class::Principal,
            Mismatch::Condition { key, .. } => self
                .dropped(action, statement, key)
                .map_or_else(|| Class::Condition(topic(key)), Class::Tag),
        }
    }

    /// Whether the condition would be met if an attribute that AWS leaves out had
    /// its tag, and why it is left out.
    fn dropped(&self, action: Action, statement: usize, key: &str) -> Option<Dropped> {
        let name = tag_of(key)?;
        let of_key = |tag: &&PrincipalTag| tag.key.eq_ignore_ascii_case(name);
        let lists = [
            (&self.principal.left_out, None),
            (&self.principal.unmapped, Some(Dropped::Unmapped)),
            (&self.principal.not_first, Some(Dropped::NotFirst)),
        ];
        for (list, why) in lists {
            for tag in list.iter().filter(of_key) {
                let fact = Fact::One(tag.value.clone());
                let with_it = self.context.clone().with(key, fact);
                let reviews = self.policy.review(action, &with_it);
                let is_met = reviews.get(statement).is_some_and(|review| {
                    !review.problems.iter().any(|problem| {
                        matches!(problem, Mismatch::Condition { key: other, .. } if other == key)
                    })
                });
                if is_met {
                    let of_value = match tag.is_too_long() {
                        true => Dropped::Length,
                        false => Dropped::Characters,
                    };
                    return Some(why.unwrap_or(of_value));
                }
            }
        }
        None
    }
}

/// Whether a statement allows the action, so that only one that may deny it is in
/// the way.
fn allows(judged: &ActionJudgement) -> bool {
    let mut trace = judged.trace.iter();
    trace.any(|one| one.effect == Effect::Allow && one.applies == Applies::Yes)
}

/// The request, as far as it is known.
fn context(judging: &Judging<'_, '_>) -> Result<RequestContext, MissingInput> {
    let name = match judging.situation.session_name {
        Known::Is(text) => text.parse::<RoleSessionName>().ok(),
        Known::Absent | Known::Unknown => None,
    };
    let mut context = RequestContext::of_session(
        judging.anchor_arn()?,
        judging.principal()?,
        name.as_ref(),
        judging.now()?,
    );
    let unknown = |what: &str| Fact::Unknown(what.to_owned());
    if judging.situation.session_name == Known::Unknown {
        let what = "the session name that is sent is not known";
        context = context.with("sts:RoleSessionName", unknown(what));
    }
    if judging.profile().is_err() {
        context = context.without_tags("the profile's attribute mapping is not known");
    }
    Ok(context)
}

fn class_of_gap(key: Option<&str>, gap: &Gap) -> Class {
    match (key, gap) {
        (Some(key), _) => Class::Condition(topic(key)),
        (None, Gap::Principal { .. }) => Class::Principal,
        (None, _) => Class::Condition(Topic::Other),
    }
}

/// The tag that a key is about.
fn tag_of(key: &str) -> Option<&str> {
    const PREFIX: &str = "aws:PrincipalTag/";
    let (prefix, name) = key.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then_some(name)
}

fn topic(key: &str) -> Topic {
    if let Some(tag) = tag_of(key) {
        let field = tag.split('/').next().unwrap_or_default();
        return match field.to_ascii_lowercase().as_str() {
            "x509issuer" => Topic::Issuer,
            "x509san" => Topic::San,
            "x509subject" => Topic::Subject,
            _ => Topic::Other,
        };
    }
    match key.to_ascii_lowercase().as_str() {
        "aws:sourceaccount" => Topic::SourceAccount,
        "aws:sourcearn" => Topic::SourceArn,
        "sts:rolesessionname" => Topic::SessionName,
        "aws:sourceidentity" | "sts:sourceidentity" => Topic::SourceIdentity,
        _ => Topic::Other,
    }
}
