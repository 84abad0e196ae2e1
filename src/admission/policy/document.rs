//! Reading a trust policy.

use std::fmt;

use percent_encoding::percent_decode_str;

use super::condition::{Condition, Value};
use super::error::PolicyError;
use super::json::Json;
use super::operators::Operator;
use super::pattern::{self, Token};
use super::principal::{Kind, Principals};
use super::variables::Template;
use crate::limits;

/// A role's trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    pub(super) statements: Vec<Statement>,
    /// An element of the document that is not known here.
    pub(super) unknown: Option<String>,
    /// How many characters it has without white space.
    pub(super) size: usize,
}

/// What a statement does when it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows.
    Allow,
    /// It denies, whatever else allows.
    Deny,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// `statement 1 (Sid)`.
    pub(super) label: String,
    pub(super) effect: Effect,
    pub(super) principals: Principals,
    pub(super) actions: Actions,
    pub(super) conditions: Vec<Condition>,
    /// An element that is not known here.
    pub(super) unknown: Option<String>,
}

/// `Action` or `NotAction`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Actions {
    /// Whether it is `NotAction`: every action but these.
    pub(super) excluded: bool,
    /// As the policy writes them.
    pub(super) names: Vec<String>,
    patterns: Vec<Vec<Token>>,
}

impl Actions {
    /// Whether the statement is about an action. Actions are the same in any case
    /// ("IAM JSON policy elements: Action").
    pub(super) fn includes(&self, action: &str) -> bool {
        let action = action.to_lowercase();
        let mut patterns = self.patterns.iter();
        patterns.any(|pattern| pattern::matches(pattern, &action)) != self.excluded
    }
}

impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let except = if self.excluded {
            "every action but "
        } else {
            ""
        };
        write!(f, "{except}{}", self.names.join(", "))
    }
}

impl TrustPolicy {
    /// Reads a policy document as `aws iam get-role --query
    /// Role.AssumeRolePolicyDocument` prints it, or percent-encoded as the API
    /// gives it.
    ///
    /// # Errors
    ///
    /// [`PolicyError`].
    pub fn read(material: &[u8]) -> Result<Self, PolicyError> {
        let max = limits::MAX_TRUST_POLICY;
        let text = std::str::from_utf8(material).map_err(|_| PolicyError::Encoding)?;
        let text = if text.trim_start().starts_with('%') {
            let decoded = percent_decode_str(text.trim()).decode_utf8();
            decoded.map_err(|_| PolicyError::Encoding)?
        } else {
            text.into()
        };
        // IAM does not count white space ("IAM and AWS STS quotas").
        let characters = text.chars().filter(|one| !one.is_whitespace()).count();
        if characters > max {
            return Err(PolicyError::Size { characters, max });
        }
        let json = Json::read(&text).map_err(|error| PolicyError::Json(error.to_string()))?;
        let mut members = Members::of("the document", "the top level", json)?;
        let version = members.take("Version");
        let with_variables = match &version {
            Some(Json::Text(text)) if text == "2012-10-17" => true,
            Some(Json::Text(text)) if text == "2008-10-17" => false,
            // "If you do not include a Version element, the value defaults to
            // 2008-10-17" ("IAM JSON policy elements: Version").
            None => false,
            Some(other) => {
                return Err(members.form("Version", other, "2012-10-17 or 2008-10-17"));
            }
        };
        match members.take("Id") {
            None | Some(Json::Text(_)) => {}
            Some(other) => return Err(members.form("Id", &other, "a text")),
        }
        let statements = match members.take("Statement") {
            Some(Json::List(list)) => list,
            Some(one @ Json::Object(_)) => vec![one],
            Some(other) => return Err(members.form("Statement", &other, "an object or a list")),
            None => return Err(members.missing("Statement")),
        };
        let read = |(index, json)| Statement::read(index, json, with_variables);
        Ok(Self {
            statements: statements
                .into_iter()
                .enumerate()
                .map(read)
                .collect::<Result<_, _>>()?,
            unknown: members.rest(),
            size: characters,
        })
    }
}

impl Statement {
    fn read(index: usize, json: Json, with_variables: bool) -> Result<Self, PolicyError> {
        let number = index + 1;
        let label = format!("statement {number}");
        let mut members = Members::of(&label, &label, json)?;
        match members.take("Sid") {
            None => {}
            Some(Json::Text(sid)) if sid.is_empty() => {}
            Some(Json::Text(sid)) => members.place = format!("{label} ({sid})"),
            Some(other) => return Err(members.form("Sid", &other, "a text")),
        }
        let effect = match members.take("Effect") {
            Some(Json::Text(text)) if text == "Allow" => Effect::Allow,
            Some(Json::Text(text)) if text == "Deny" => Effect::Deny,
            Some(other) => return Err(members.form("Effect", &other, "Allow or Deny")),
            None => return Err(members.missing("Effect")),
        };
        let (excluded, member, json) = members.one_of("Principal", "NotPrincipal")?;
        let principals = Principals {
            excluded,
            listed: principals(&members, member, json)?,
        };
        let (excluded, member, json) = members.one_of("Action", "NotAction")?;
        let names = members.texts(member, json)?;
        let actions = Actions {
            excluded,
            patterns: names
                .iter()
                .map(|name| pattern::tokens(&name.to_lowercase()))
                .collect(),
            names,
        };
        let conditions = match members.take("Condition") {
            None => Vec::new(),
            Some(json) => conditions(&members, json, with_variables)?,
        };
        Ok(Self {
            unknown: members.rest(),
            label: members.place,
            effect,
            principals,
            actions,
            conditions,
        })
    }
}

fn principals(
    members: &Members,
    member: &'static str,
    json: Json,
) -> Result<Vec<(Kind, String)>, PolicyError> {
    let kinds = match json {
        Json::Text(text) if text == "*" => return Ok(vec![(Kind::Aws, text)]),
        Json::Object(kinds) if !kinds.is_empty() => kinds,
        other => {
            return Err(members.form(member, &other, "\"*\" or an object with AWS or Service"));
        }
    };
    no_duplicates(&members.place, member, &kinds)?;
    let mut listed = Vec::new();
    for (name, json) in kinds {
        let names = members.texts(&format!("{member}.{name}"), json)?;
        listed.extend(names.into_iter().map(|text| (Kind::named(&name), text)));
    }
    Ok(listed)
}

fn conditions(
    members: &Members,
    json: Json,
    with_variables: bool,
) -> Result<Vec<Condition>, PolicyError> {
    const OBJECT: &str = "an object";
    let Json::Object(operators) = json else {
        return Err(members.form("Condition", &json, OBJECT));
    };
    no_duplicates(&members.place, "Condition", &operators)?;
    let mut conditions = Vec::new();
    for (operator, json) in operators {
        let place = format!("Condition.{operator}");
        let Json::Object(keys) = json else {
            return Err(members.form(&place, &json, OBJECT));
        };
        no_duplicates(&members.place, &place, &keys)?;
        for (key, json) in keys {
            let values = match json {
                Json::List(values) => values,
                other => vec![other],
            };
            let member = format!("{place}.{key}");
            let value = |json| value(members, &member, json, with_variables);
            conditions.push(Condition {
                operator: Operator::read(&operator).ok_or_else(|| operator.clone()),
                values: values.into_iter().map(value).collect::<Result<_, _>>()?,
                key,
            });
        }
    }
    Ok(conditions)
}

/// Numbers and booleans are their texts. How a number that is not a whole one is
/// written then is IAM's affair.
fn value(
    members: &Members,
    member: &str,
    json: Json,
    with_variables: bool,
) -> Result<Value, PolicyError> {
    let (text, template) = match json {
        Json::Text(text) => {
            let template = if with_variables {
                Template::read(&text)
            } else {
                Ok(Template::plain(&text))
            };
            (text, template)
        }
        Json::Bool(value) => {
            let text = value.to_string();
            (text.clone(), Ok(Template::plain(&text)))
        }
        Json::Number(text, true) => (text.clone(), Ok(Template::plain(&text))),
        Json::Number(text, false) => (text, Err("a number that is not whole belongs in quotes")),
        other => return Err(members.form(member, &other, "a text, a number or a boolean")),
    };
    Ok(Value { text, template })
}

/// The members of an object that are still to be read.
struct Members {
    /// Where the object stands.
    place: String,
    left: Vec<(String, Json)>,
}

impl Members {
    fn of(place: &str, member: &str, json: Json) -> Result<Self, PolicyError> {
        let Json::Object(left) = json else {
            return Err(PolicyError::Form {
                place: "the document".to_owned(),
                member: member.to_owned(),
                value: json.to_string(),
                wanted: "an object",
            });
        };
        let place = place.to_owned();
        no_duplicates(&place, "", &left)?;
        Ok(Self { place, left })
    }

    fn take(&mut self, name: &str) -> Option<Json> {
        let index = self.left.iter().position(|(other, _)| other == name)?;
        Some(self.left.remove(index).1)
    }

    /// What stands under exactly one of two names, and whether it is the second.
    fn one_of(
        &mut self,
        one: &'static str,
        other: &'static str,
    ) -> Result<(bool, &'static str, Json), PolicyError> {
        match (self.take(one), self.take(other)) {
            (Some(json), None) => Ok((false, one, json)),
            (None, Some(json)) => Ok((true, other, json)),
            (Some(_), Some(_)) => Err(PolicyError::Both {
                place: self.place.clone(),
                one,
                other,
            }),
            (None, None) => Err(self.missing(one)),
        }
    }

    /// One text, or a list of them that is not empty.
    fn texts(&self, member: &str, json: Json) -> Result<Vec<String>, PolicyError> {
        const WANTED: &str = "a text or a list of texts";
        let list = match json {
            Json::List(list) if !list.is_empty() => list,
            text @ Json::Text(_) => vec![text],
            other => return Err(self.form(member, &other, WANTED)),
        };
        let text = |json| match json {
            Json::Text(text) => Ok(text),
            other => Err(self.form(member, &other, WANTED)),
        };
        list.into_iter().map(text).collect()
    }

    /// The first member that nobody has read.
    fn rest(&self) -> Option<String> {
        self.left.first().map(|(name, _)| name.clone())
    }

    fn form(&self, member: &str, value: &Json, wanted: &'static str) -> PolicyError {
        PolicyError::Form {
            place: self.place.clone(),
            member: member.to_owned(),
            value: value.to_string(),
            wanted,
        }
    }

    fn missing(&self, member: &'static str) -> PolicyError {
        PolicyError::Missing {
            place: self.place.clone(),
            member,
        }
    }
}

/// Names that differ in their case alone are one: IAM's elements and keys are.
fn no_duplicates(place: &str, member: &str, members: &[(String, Json)]) -> Result<(), PolicyError> {
    let mut seen = std::collections::BTreeSet::new();
    match members
        .iter()
        .find(|(name, _)| !seen.insert(name.to_lowercase()))
    {
        None => Ok(()),
        Some((name, _)) => Err(PolicyError::Duplicate {
            place: if member.is_empty() {
                place.to_owned()
            } else {
                format!("{member} of {place}")
            },
            member: name.clone(),
        }),
    }
}
