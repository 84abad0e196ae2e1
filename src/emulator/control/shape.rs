//! What a request may hold, and finding everything in it that it may not: the
//! service counts its validation errors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::refused::Violation;

/// A member of a structure or of a request.
#[derive(Debug)]
pub(super) struct Member {
    /// Its name.
    pub(super) name: &'static str,
    /// Whether it must be there.
    pub(super) required: bool,
    /// What it may hold.
    pub(super) shape: &'static Shape,
}

/// What a value may be (service model of Roles Anywhere, version 2018-05-10).
#[derive(Debug)]
pub(super) enum Shape {
    /// Bytes in base64: 1 to so many.
    Blob(usize),
    /// A boolean.
    Boolean,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// An integer, from and to.
    Integer(Option<(i64, i64)>),
    /// At most so many of a shape.
    List(usize, &'static Self),
    /// A structure.
    Structure(&'static [Member]),
    /// A text.
    Text(Text),
}

/// What a text may be.
#[derive(Debug)]
pub(super) struct Text {
    /// Least characters.
    pub(super) min: usize,
    /// Most characters.
    pub(super) max: usize,
    /// Its form.
    pub(super) pattern: Option<Pattern>,
    /// Whether messages do not repeat it.
    pub(super) is_sensitive: bool,
}

/// A form as the service's messages name it.
#[derive(Debug)]
pub(super) struct Pattern {
    /// The regular expression.
    pub(super) expression: &'static str,
    /// Whether all of a text fits it.
    pub(super) fits: fn(&str) -> bool,
}

/// What is wrong with the members of a request.
pub(super) fn violations(members: &[Member], input: &Map<String, Value>) -> Vec<Violation> {
    let mut found = Found(Vec::new());
    found.structure(members, input, "");
    found.0
}

struct Found(Vec<Violation>);

impl Found {
    fn structure(&mut self, members: &[Member], input: &Map<String, Value>, at: &str) {
        for member in members {
            let place = match at {
                "" => member.name.to_owned(),
                at => format!("{at}.{}", member.name),
            };
            match input.get(member.name) {
                None | Some(Value::Null) => {
                    if member.required {
                        self.add(place, None, "Member must not be null".to_owned());
                    }
                }
                Some(value) => self.value(member.shape, value, &place),
            }
        }
    }

    fn value(&mut self, shape: &Shape, value: &Value, at: &str) {
        match (shape, value) {
            (Shape::Text(text), Value::String(given)) => self.text(text, given, at),
            (Shape::Choice(known), Value::String(given)) => {
                if !known.contains(&given.as_str()) {
                    let constraint =
                        format!("Member must satisfy enum value set: [{}]", known.join(", "));
                    self.add(at.to_owned(), Some(given.clone()), constraint);
                }
            }
            (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Integer(range), Value::Number(given)) if given.is_i64() => {
                let given = given.as_i64().unwrap_or_default();
                let constraint = match range {
                    Some((min, _)) if given < *min => {
                        format!("Member must have value greater than or equal to {min}")
                    }
                    Some((_, max)) if given > *max => {
                        format!("Member must have value less than or equal to {max}")
                    }
                    _ => return,
                };
                self.add(at.to_owned(), Some(given.to_string()), constraint);
            }
            (Shape::Blob(max), Value::String(given)) => match STANDARD.decode(given) {
                Ok(bytes) => self.length(bytes.len(), (1, *max), given, at),
                Err(_) => self.kind(value, "base64", at),
            },
            (Shape::List(max, item), Value::Array(items)) => {
                self.length(items.len(), (0, *max), &value.to_string(), at);
                for (index, value) in items.iter().enumerate() {
                    self.value(item, value, &format!("{at}.{}.member", index + 1));
                }
            }
            (Shape::Structure(members), Value::Object(input)) => self.structure(members, input, at),
            (Shape::Text(_) | Shape::Choice(_) | Shape::Blob(_), _) => {
                self.kind(value, "a string", at);
            }
            (Shape::Boolean, _) => self.kind(value, "a boolean", at),
            (Shape::Integer(_), _) => self.kind(value, "an integer", at),
            (Shape::List(..), _) => self.kind(value, "a list", at),
            (Shape::Structure(_), _) => self.kind(value, "a structure", at),
        }
    }

    fn text(&mut self, text: &Text, given: &str, at: &str) {
        let before = self.0.len();
        self.length(given.chars().count(), (text.min, text.max), given, at);
        if let Some(pattern) = &text.pattern
            && !(pattern.fits)(given)
        {
            let constraint = format!(
                "Member must satisfy regular expression pattern: {}",
                pattern.expression
            );
            self.add(at.to_owned(), Some(given.to_owned()), constraint);
        }
        for violation in self.0.iter_mut().skip(before) {
            violation.is_sensitive = text.is_sensitive;
        }
    }

    fn length(&mut self, length: usize, (min, max): (usize, usize), given: &str, at: &str) {
        let constraint = if length < min {
            format!("Member must have length greater than or equal to {min}")
        } else if length > max {
            format!("Member must have length less than or equal to {max}")
        } else {
            return;
        };
        self.add(at.to_owned(), Some(given.to_owned()), constraint);
    }

    /// AWS's own words for a value of another type are not known.
    fn kind(&mut self, value: &Value, expected: &str, at: &str) {
        let constraint = format!("Member must be {expected}");
        self.add(at.to_owned(), Some(value.to_string()), constraint);
    }

    fn add(&mut self, at: String, value: Option<String>, constraint: String) {
        self.0.push(Violation {
            at,
            value,
            is_sensitive: false,
            constraint,
        });
    }
}
