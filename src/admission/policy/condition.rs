//! One condition: an operator, a key and values.

use super::context::{Fact, RequestContext};
use super::document::Effect;
use super::gap::{Gap, Mismatch, Ternary, all, any};
use super::operators::{Kind, Operator, Quantifier};
use super::variables::{Resolved, Template, Unresolved};

/// What a value stands for.
type Wanted = Result<Resolved, Gap>;

/// A condition of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// The operator; its name when it is not known here.
    pub(super) operator: Result<Operator, String>,
    /// The key, as the policy writes it.
    pub(super) key: String,
    /// The values: one that matches is enough.
    pub(super) values: Vec<Value>,
}

/// A value of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// As the policy writes it.
    pub(super) text: String,
    /// Its parts; else why it is not judged.
    pub(super) template: Result<Template, &'static str>,
}

impl Condition {
    /// Whether the condition is met.
    pub(super) fn holds(&self, context: &RequestContext, effect: Effect) -> Ternary {
        let operator = match &self.operator {
            Ok(operator) => operator,
            Err(name) => {
                let operator = name.clone();
                return Err(Gap::Operator { operator });
            }
        };
        // A key with one value, and one that may have several.
        let (found, single) = match context.fact(&self.key) {
            Fact::Absent(_) => (Vec::new(), true),
            Fact::Many(values) => (values, false),
            Fact::One(value) => (vec![value], true),
            Fact::Unknown(why) => {
                let key = self.key.clone();
                return Err(Gap::Key { key, why });
            }
        };
        if operator.kind == Kind::Null {
            return self.is_null(operator, &found);
        }
        // It stays so whatever its variables stand for.
        if found.is_empty() && self.without_key(operator, &[]) == Ok(false) {
            return Ok(false);
        }
        let (wanted, missing) = self.resolve(operator, context)?;
        let met = if found.is_empty() {
            self.without_key(operator, &wanted)
        } else if operator.quantifier == Quantifier::Single && !single {
            let case = "a key with several values without ForAnyValue or ForAllValues";
            Err(self.undocumented(operator, case))
        } else {
            self.compare(operator, &found, &wanted)
        };
        match missing {
            // "To prevent variables from causing invalid statements, use the
            // ...IfExists condition operator" ("Variables and tags").
            Some(_) if operator.if_exists && found.is_empty() => met,
            Some(missing) => settle(met, missing, operator, effect),
            None => met,
        }
    }

    /// Why the condition is not met.
    pub(super) fn mismatch(&self, context: &RequestContext) -> Mismatch {
        let found = match context.fact(&self.key) {
            Fact::Absent(None) => "not there".to_owned(),
            Fact::Absent(Some(why)) => format!("not there ({why})"),
            Fact::Many(values) => format!("\"{}\"", values.join("\", \"")),
            Fact::One(value) => format!("\"{value}\""),
            Fact::Unknown(why) => format!("not known ({why})"),
        };
        let shown = |value: &Value| {
            let resolved = value.template.as_ref().ok();
            resolved
                .filter(|template| template.has_variables())
                .and_then(|template| template.resolve(context).ok())
                .map_or_else(|| value.text.clone(), |resolved| resolved.text())
        };
        Mismatch::Condition {
            key: self.key.clone(),
            found,
            operator: match &self.operator {
                Ok(operator) => operator.to_string(),
                Err(name) => name.clone(),
            },
            wanted: self.values.iter().map(shown).collect(),
        }
    }

    /// The values with what their variables stand for, and the first variable
    /// that stands for nothing. What is not known of them is an error only where
    /// it can decide.
    fn resolve(
        &self,
        operator: &Operator,
        context: &RequestContext,
    ) -> Result<(Vec<Wanted>, Option<String>), Gap> {
        let mut wanted = Vec::new();
        let mut missing = None;
        for value in &self.values {
            let form = |why| Gap::VariableForm {
                value: value.text.clone(),
                why,
            };
            let template = value.template.as_ref().map_err(|why| form(why))?;
            if template.has_variables() && !operator.takes_variables() {
                return Err(form("this operator takes no variables"));
            }
            match template.resolve(context) {
                Ok(resolved) => wanted.push(Ok(resolved)),
                Err(Unresolved::Absent(variable)) => missing = missing.or(Some(variable)),
                // It could turn out to be absent, which tells on the whole
                // statement, so that no other value decides.
                Err(Unresolved::Gap(gap)) if !operator.negated => return Err(gap),
                Err(Unresolved::Gap(gap)) => wanted.push(Err(gap)),
            }
        }
        Ok((wanted, missing))
    }

    /// A key that is not in the request: a condition is not met then, and a
    /// negated one is ("Condition operators"); with `ForAllValues` it is, with
    /// `ForAnyValue` it is not ("Single-valued vs. multivalued context keys").
    fn without_key(&self, operator: &Operator, wanted: &[Wanted]) -> Ternary {
        let gap = wanted.iter().find_map(|value| value.as_ref().err());
        match operator.quantifier {
            // The variable may turn out to be missing as well.
            Quantifier::All | Quantifier::Single if !operator.if_exists && gap.is_some() => {
                gap.map_or(Ok(false), |gap| Err(gap.clone()))
            }
            Quantifier::All => Ok(true),
            Quantifier::Any if operator.if_exists => Err(self.undocumented(
                operator,
                "ForAnyValue with IfExists for a key that is not there",
            )),
            Quantifier::Any => Ok(false),
            Quantifier::Single => Ok(operator.if_exists || operator.negated),
        }
    }

    fn compare(&self, operator: &Operator, found: &[String], wanted: &[Wanted]) -> Ternary {
        if operator.quantifier != Quantifier::Single && found.iter().any(String::is_empty) {
            return Err(self.undocumented(operator, "an empty value in a set"));
        }
        let one = |value: &String| {
            let matched = any(wanted.iter().map(|wanted| match wanted {
                Ok(wanted) => operator.compare(value, wanted),
                Err(gap) => Err(gap.clone()),
            }))?;
            Ok(matched != operator.negated)
        };
        match operator.quantifier {
            Quantifier::All => all(found.iter().map(one)),
            Quantifier::Any | Quantifier::Single => any(found.iter().map(one)),
        }
    }

    /// `"Null": {key: "true"}` is met when the key is not in the request.
    fn is_null(&self, operator: &Operator, found: &[String]) -> Ternary {
        if found.iter().any(String::is_empty) {
            return Err(self.undocumented(operator, "an empty value"));
        }
        let absent = found.is_empty();
        any(self.values.iter().map(|value| match value.text.as_str() {
            "true" => Ok(absent),
            "false" => Ok(!absent),
            other => Err(Gap::Value {
                operator: operator.to_string(),
                value: other.to_owned(),
                wanted: "true or false",
            }),
        }))
    }

    fn undocumented(&self, operator: &Operator, case: &'static str) -> Gap {
        Gap::Undocumented {
            operator: operator.to_string(),
            key: self.key.clone(),
            case,
        }
    }
}

/// What becomes of a condition, judged by its other values, when a variable has
/// no value. AWS says that this might make the whole statement invalid. Where the
/// other values do not meet the condition, the statement does not match in any
/// case; and a negated condition that allows is taken for invalid, since nothing
/// may be allowed for the lack of a value. All else is not known.
fn settle(met: Ternary, variable: String, operator: &Operator, effect: Effect) -> Ternary {
    match met? {
        false => Ok(false),
        true if effect == Effect::Allow && operator.negated && !operator.if_exists => Ok(false),
        true => Err(Gap::Variable { variable }),
    }
}
