//! Condition operators (IAM user guide, "IAM JSON policy elements: Condition
//! operators").

use std::cmp::Ordering;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::gap::{Gap, Ternary};
use super::pattern::{self, Token};
use super::values::{Decimal, Network, time};
use super::variables::Resolved;

/// How many of the request's values have to meet the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantifier {
    /// The key has one value.
    Single,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Arn,
    Binary,
    Bool,
    Date(Order),
    Ip,
    Null,
    Numeric(Order),
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
}

/// Which order of two values meets the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl Order {
    fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::Less => found.is_lt(),
            Self::AtMost => found.is_le(),
            Self::Greater => found.is_gt(),
            Self::AtLeast => found.is_ge(),
        }
    }
}

/// An operator, as the policy writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    name: String,
    pub(super) quantifier: Quantifier,
    pub(super) kind: Kind,
    /// Whether the condition is met when no value of the policy matches.
    pub(super) negated: bool,
    /// Whether it is met when the key is not in the request.
    pub(super) if_exists: bool,
}

impl Operator {
    /// Reads a name. `None`: it is not known here.
    pub(super) fn read(name: &str) -> Option<Self> {
        let (quantifier, rest) = if let Some(rest) = name.strip_prefix("ForAllValues:") {
            (Quantifier::All, rest)
        } else if let Some(rest) = name.strip_prefix("ForAnyValue:") {
            (Quantifier::Any, rest)
        } else {
            (Quantifier::Single, name)
        };
        let (rest, if_exists) = match rest.strip_suffix("IfExists") {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let (kind, negated) = match rest {
            "StringEquals" => (Kind::StringEquals, false),
            "StringNotEquals" => (Kind::StringEquals, true),
            "StringEqualsIgnoreCase" => (Kind::StringEqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Kind::StringEqualsIgnoreCase, true),
            "StringLike" => (Kind::StringLike, false),
            "StringNotLike" => (Kind::StringLike, true),
            "NumericEquals" => (Kind::Numeric(Order::Equal), false),
            "NumericNotEquals" => (Kind::Numeric(Order::Equal), true),
            "NumericLessThan" => (Kind::Numeric(Order::Less), false),
            "NumericLessThanEquals" => (Kind::Numeric(Order::AtMost), false),
            "NumericGreaterThan" => (Kind::Numeric(Order::Greater), false),
            "NumericGreaterThanEquals" => (Kind::Numeric(Order::AtLeast), false),
            "DateEquals" => (Kind::Date(Order::Equal), false),
            "DateNotEquals" => (Kind::Date(Order::Equal), true),
            "DateLessThan" => (Kind::Date(Order::Less), false),
            "DateLessThanEquals" => (Kind::Date(Order::AtMost), false),
            "DateGreaterThan" => (Kind::Date(Order::Greater), false),
            "DateGreaterThanEquals" => (Kind::Date(Order::AtLeast), false),
            "Bool" => (Kind::Bool, false),
            "BinaryEquals" => (Kind::Binary, false),
            "IpAddress" => (Kind::Ip, false),
            "NotIpAddress" => (Kind::Ip, true),
            // The two are documented to be the same.
            "ArnEquals" | "ArnLike" => (Kind::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Kind::Arn, true),
            // A set or an `IfExists` makes no sense with it.
            "Null" if !if_exists && quantifier == Quantifier::Single => (Kind::Null, false),
            _ => return None,
        };
        Some(Self {
            name: name.to_owned(),
            quantifier,
            kind,
            negated,
            if_exists,
        })
    }

    /// Whether a policy variable may stand in its values ("Variables and tags":
    /// the operators on strings and on ARNs).
    pub(super) const fn takes_variables(&self) -> bool {
        matches!(
            self.kind,
            Kind::Arn | Kind::StringEquals | Kind::StringEqualsIgnoreCase | Kind::StringLike
        )
    }

    /// Compares one value of the request with one of the policy, as the operator
    /// without its negation does. [`Kind::Null`] compares nothing.
    pub(super) fn compare(&self, found: &str, wanted: &Resolved) -> Ternary {
        let text = wanted.text();
        match self.kind {
            Kind::StringEquals => Ok(found == text),
            Kind::StringEqualsIgnoreCase => Ok(found.to_lowercase() == text.to_lowercase()),
            Kind::StringLike => Ok(pattern::matches(&self.pattern(wanted)?, found)),
            Kind::Arn => self.compare_arns(found, wanted),
            Kind::Numeric(order) => self
                .both(found, &text, Decimal::read, "a decimal number")
                .map(|(found, wanted)| order.holds(found.cmp(&wanted))),
            Kind::Date(order) => self
                .both(found, &text, time, "a time such as 2026-06-01T12:00:00Z")
                .map(|(found, wanted)| order.holds(found.cmp(&wanted))),
            Kind::Bool => self
                .both(
                    found,
                    &text,
                    |text| text.parse::<bool>().ok(),
                    "true or false",
                )
                .map(|(found, wanted)| found == wanted),
            Kind::Binary => self
                .both(found, &text, |text| STANDARD.decode(text).ok(), "base64")
                .map(|(found, wanted)| found == wanted),
            Kind::Ip => {
                let network = Network::read(&text);
                let network = network.ok_or_else(|| self.value(&text, "an address or network"))?;
                let address = found.parse().map_err(|_| self.value(found, "an address"))?;
                Ok(network.contains(address))
            }
            Kind::Null => Ok(false),
        }
    }

    /// Each of the six parts matches by itself: a `*` does not reach over a
    /// colon, but in the last part.
    fn compare_arns(&self, found: &str, wanted: &Resolved) -> Ternary {
        const ARN: &str = "an ARN of six parts";
        let tokens = self.pattern(wanted)?;
        let patterns: Vec<&[Token]> = tokens
            .splitn(6, |token| *token == Token::Char(':'))
            .collect();
        let parts: Vec<&str> = found.splitn(6, ':').collect();
        if patterns.len() != 6 {
            return Err(self.value(&wanted.text(), ARN));
        }
        if parts.len() != 6 {
            return Err(self.value(found, ARN));
        }
        let mut pairs = patterns.iter().zip(parts);
        Ok(pairs.all(|(pattern, part)| pattern::matches(pattern, part)))
    }

    fn pattern(&self, wanted: &Resolved) -> Result<Vec<Token>, Gap> {
        wanted.pattern().map_err(|why| Gap::VariableForm {
            value: wanted.text(),
            why,
        })
    }

    fn both<T>(
        &self,
        found: &str,
        wanted: &str,
        read: impl Fn(&str) -> Option<T>,
        form: &'static str,
    ) -> Result<(T, T), Gap> {
        let read = |text: &str| read(text).ok_or_else(|| self.value(text, form));
        Ok((read(found)?, read(wanted)?))
    }

    fn value(&self, value: &str, wanted: &'static str) -> Gap {
        Gap::Value {
            operator: self.name.clone(),
            value: value.to_owned(),
            wanted,
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
