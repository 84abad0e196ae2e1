//! What is weak or cannot work in a trust policy, although IAM stores it.

use std::fmt;

use super::condition::Condition;
use super::context::RequestContext;
use super::document::{Effect, Statement, TrustPolicy};
use super::judgement::Action;
use super::operators::{Kind, Quantifier};
use crate::text;

/// Characters of a trust policy that IAM stores without a raised quota.
const DEFAULT_SIZE: usize = 2048;

const TAG: &str = "aws:PrincipalTag/";

/// A rule on trust policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PolicyRule {
    /// `aws:SourceArn` is compared with an alias.
    AliasSourceArn,
    /// `ForAllValues` in a statement that allows.
    ForAllValuesAllows,
    /// `StringLike` without a wildcard.
    LikeWithoutWildcard,
    /// No statement allows one of the three actions.
    MissingAction,
    /// A negated condition on a tag in a statement that allows.
    NegatedTag,
    /// No condition on `aws:SourceArn`.
    NoSourceArn,
    /// More than the default quota.
    Size,
    /// A tag that no session of Roles Anywhere has, or a value that none has.
    TagNeverSet,
    /// Everybody is allowed.
    WildcardPrincipal,
    /// `*` or `?` where they are no wildcards.
    WildcardWithoutLike,
}

impl PolicyRule {
    /// Its name.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::AliasSourceArn => "alias-source-arn",
            Self::ForAllValuesAllows => "for-all-values-allows",
            Self::LikeWithoutWildcard => "like-without-wildcard",
            Self::MissingAction => "missing-action",
            Self::NegatedTag => "negated-tag",
            Self::NoSourceArn => "no-source-arn",
            Self::Size => "size",
            Self::TagNeverSet => "tag-never-set",
            Self::WildcardPrincipal => "wildcard-principal",
            Self::WildcardWithoutLike => "wildcard-without-like",
        }
    }

    /// The page that says so.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::AliasSourceArn => "Roles Anywhere user guide, \"Resource aliases\"",
            Self::ForAllValuesAllows => {
                "IAM user guide, \"Single-valued vs. multivalued context keys\""
            }
            Self::LikeWithoutWildcard | Self::WildcardWithoutLike => {
                "IAM user guide, \"IAM JSON policy elements: Condition operators\""
            }
            Self::MissingAction | Self::NoSourceArn => "Roles Anywhere user guide, \"Trust model\"",
            Self::NegatedTag => "Roles Anywhere user guide, \"Attribute mapping and trust policy\"",
            Self::Size => "IAM user guide, \"IAM and AWS STS quotas\"",
            Self::TagNeverSet => {
                "Roles Anywhere user guide, \"Attribute mapping\"; STS API reference, \"Tag\""
            }
            Self::WildcardPrincipal => "IAM user guide, \"IAM JSON policy elements: Principal\"",
        }
    }
}

/// Something that a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFinding {
    /// The rule.
    pub rule: PolicyRule,
    /// Where: a statement, or the policy.
    pub place: String,
    /// What is so.
    pub text: String,
}

impl fmt::Display for PolicyFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.text, self.rule.id())
    }
}

impl TrustPolicy {
    /// What is weak or cannot work.
    #[must_use]
    pub fn lint(&self) -> Vec<PolicyFinding> {
        let mut findings = Findings(Vec::new());
        let policy = "the policy";
        if self.size > DEFAULT_SIZE {
            let size = self.size;
            findings.add(
                PolicyRule::Size,
                policy,
                format!("it has {size} characters, and IAM stores more than {DEFAULT_SIZE} only with a raised quota"),
            );
        }
        let allowing: Vec<&Statement> = self
            .statements
            .iter()
            .filter(|statement| statement.effect == Effect::Allow && is_about_us(statement))
            .collect();
        let is_missing = |action: &Action| {
            let mut statements = allowing.iter();
            !statements.any(|statement| statement.actions.includes(action.as_str()))
        };
        let missing: Vec<&str> = Action::ALL
            .into_iter()
            .filter(is_missing)
            .map(Action::as_str)
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            findings.add(
                PolicyRule::MissingAction,
                policy,
                format!("no statement allows {missing} to rolesanywhere.amazonaws.com, which every session needs"),
            );
        }
        for statement in &allowing {
            findings.add_allowing(statement);
        }
        for statement in &self.statements {
            for condition in &statement.conditions {
                findings.add_condition(&statement.label, condition);
            }
        }
        findings.0
    }
}

/// Whether a statement may be about Roles Anywhere.
fn is_about_us(statement: &Statement) -> bool {
    statement
        .principals
        .includes(&RequestContext::default())
        .unwrap_or(true)
}

struct Findings(Vec<PolicyFinding>);

impl Findings {
    fn add(&mut self, rule: PolicyRule, place: &str, text: String) {
        self.0.push(PolicyFinding {
            rule,
            place: place.to_owned(),
            text,
        });
    }

    fn add_allowing(&mut self, statement: &Statement) {
        let place = &statement.label;
        if statement.principals.is_everybody() {
            let text =
                "it allows every principal of every account, not rolesanywhere.amazonaws.com alone";
            self.add(PolicyRule::WildcardPrincipal, place, text.to_owned());
        }
        let pins = |condition: &Condition| {
            let positive = |operator: &super::operators::Operator| {
                !operator.negated && !operator.if_exists && operator.kind != Kind::Null
            };
            condition.key.eq_ignore_ascii_case("aws:SourceArn")
                && condition.operator.as_ref().is_ok_and(positive)
        };
        if !statement.conditions.iter().any(pins) {
            let text = "it has no condition on aws:SourceArn, so that every trust anchor of the account may use the role";
            self.add(PolicyRule::NoSourceArn, place, text.to_owned());
        }
        for condition in &statement.conditions {
            let Ok(operator) = &condition.operator else {
                continue;
            };
            let key = &condition.key;
            if operator.quantifier == Quantifier::All {
                let text = format!("{operator} is met when {key} is not there at all");
                self.add(PolicyRule::ForAllValuesAllows, place, text);
            } else if operator.negated && is_tag(key) {
                let text = format!(
                    "{operator} is met by every certificate that does not have {key} at all"
                );
                self.add(PolicyRule::NegatedTag, place, text);
            }
        }
    }

    fn add_condition(&mut self, place: &str, condition: &Condition) {
        let Ok(operator) = &condition.operator else {
            return;
        };
        let key = &condition.key;
        if is_tag(key) && !is_tag_of_ours(key) {
            let text = format!("Roles Anywhere sets no tag {key}");
            self.add(PolicyRule::TagNeverSet, place, text);
        }
        for value in &condition.values {
            let Ok(template) = &value.template else {
                continue;
            };
            let shown = template.text();
            if operator.kind == Kind::StringLike && !template.has_wildcards() {
                let text = format!(
                    "{operator} \"{shown}\" has no wildcard, so that the text itself matches alone"
                );
                self.add(PolicyRule::LikeWithoutWildcard, place, text);
            }
            let is_string = matches!(
                operator.kind,
                Kind::StringEquals | Kind::StringEqualsIgnoreCase
            );
            if is_string && template.has_wildcards() {
                let text = format!("a wildcard in {operator} \"{shown}\" stands for itself alone");
                self.add(PolicyRule::WildcardWithoutLike, place, text);
            } else if is_string && is_tag(key) && !template.has_variables() && !is_tag_value(shown)
            {
                let text = format!(
                    "{key} is never \"{shown}\": a tag has at most 256 characters, which are letters, digits, blanks and _.:/=+-@"
                );
                self.add(PolicyRule::TagNeverSet, place, text);
            }
            let alias = shown.contains(":alias/trust-anchor/");
            if key.eq_ignore_ascii_case("aws:SourceArn") && alias {
                let text = format!(
                    "aws:SourceArn is never an alias such as {shown}, but the trust anchor's own ARN"
                );
                self.add(PolicyRule::AliasSourceArn, place, text);
            }
        }
    }
}

fn is_tag(key: &str) -> bool {
    key.get(..TAG.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(TAG))
}

/// The tags that attribute mappings make.
fn is_tag_of_ours(key: &str) -> bool {
    let tag = key.get(TAG.len()..).unwrap_or_default().to_lowercase();
    ["x509subject/", "x509issuer/", "x509san/name/"]
        .iter()
        .any(|field| tag.len() > field.len() && tag.starts_with(field))
        || matches!(tag.as_str(), "x509san/dns" | "x509san/uri")
}

fn is_tag_value(value: &str) -> bool {
    value.chars().count() <= 256 && value.chars().all(text::is_tag_character)
}
