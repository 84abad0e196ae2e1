//! What was not met, and what cannot be known.

use std::fmt;

/// What keeps an answer from being known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gap {
    /// An element that is not known here.
    #[error("it has the element '{element}', which is not judged here")]
    Element {
        /// Its name.
        element: String,
    },
    /// A key whose value only AWS knows.
    #[error("{key} is not known here: {why}")]
    Key {
        /// The key.
        key: String,
        /// Why.
        why: String,
    },
    /// An operator that is not known here.
    #[error("the operator '{operator}' is not known here")]
    Operator {
        /// Its name.
        operator: String,
    },
    /// A principal of whom AWS does not say whether it is Roles Anywhere.
    #[error("the principal \"{principal}\" is not judged here: {why}")]
    Principal {
        /// The principal.
        principal: String,
        /// Why.
        why: &'static str,
    },
    /// A case that AWS does not document.
    #[error("{operator} on {key}: AWS does not document {case}")]
    Undocumented {
        /// The operator.
        operator: String,
        /// The key.
        key: String,
        /// The case.
        case: &'static str,
    },
    /// A value that the operator cannot compare.
    #[error("{operator} cannot compare \"{value}\", which is not {wanted}")]
    Value {
        /// The operator.
        operator: String,
        /// The value, of the policy or of the request.
        value: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A variable that is not there, in a place where AWS says only that this may
    /// make the statement invalid.
    #[error(
        "the variable ${{{variable}}} has no value: AWS says only that the statement might be invalid"
    )]
    Variable {
        /// The key.
        variable: String,
    },
    /// A `${…}` that is no variable.
    #[error("\"{value}\" has a ${{…}} that is not judged here: {why}")]
    VariableForm {
        /// The value.
        value: String,
        /// Why.
        why: &'static str,
    },
}

/// The first thing of a statement that did not match.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// It is not about the action.
    Action {
        /// What the policy has.
        wanted: String,
    },
    /// A condition is not met.
    Condition {
        /// The key, as the policy writes it.
        key: String,
        /// Its value in the request: quoted, or that it is not there and why.
        found: String,
        /// The operator.
        operator: String,
        /// The policy's values, with what its variables stand for.
        wanted: Vec<String>,
    },
    /// It is not about whoever asks by AssumeRole.
    Caller {
        /// What the policy has.
        wanted: String,
        /// Who asks, as an ARN.
        caller: String,
    },
    /// It is not about Roles Anywhere.
    Principal {
        /// What the policy has.
        wanted: String,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Action { wanted } => write!(f, "it is about {wanted}"),
            Self::Condition {
                key,
                found,
                operator,
                wanted,
            } => {
                write!(f, "{key} is {found}, the policy wants {operator} ")?;
                for (index, value) in wanted.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}\"{value}\"")?;
                }
                Ok(())
            }
            Self::Caller { wanted, caller } => write!(f, "it is about {wanted}, not {caller}"),
            Self::Principal { wanted } => {
                write!(f, "it is about {wanted}, not rolesanywhere.amazonaws.com")
            }
        }
    }
}

/// Yes, no, or what keeps the answer from being known.
pub(super) type Ternary = Result<bool, Gap>;

/// Whether one of them is so: one that is decides, whatever is not known.
pub(super) fn any(answers: impl Iterator<Item = Ternary>) -> Ternary {
    decide(answers, true)
}

/// Whether all of them are so: one that is not decides, whatever is not known.
pub(super) fn all(answers: impl Iterator<Item = Ternary>) -> Ternary {
    decide(answers, false)
}

fn decide(answers: impl Iterator<Item = Ternary>, decisive: bool) -> Ternary {
    let mut gap = None;
    for answer in answers {
        match answer {
            Ok(value) if value == decisive => return Ok(decisive),
            Ok(_) => {}
            Err(found) => {
                gap.get_or_insert(found);
            }
        }
    }
    gap.map_or(Ok(!decisive), Err)
}
