//! The parameters of a request to IAM, held against the shapes of its service
//! model.

use crate::emulator::query::{Form, QueryRefusal};
use crate::emulator::state::Tag;
use crate::text::{is_tag_character, printable};

/// Most characters of a value that a message repeats.
const SHOWN: usize = 200;

/// Most tags of a role.
const MAX_TAGS: usize = 50;

/// What a text may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Its least and its largest number of characters.
    length: (usize, usize),
    fits: fn(&str) -> bool,
    /// The same in the service's words.
    pattern: &'static str,
}

/// `roleNameType`
pub(super) const ROLE_NAME: Shape = named(64);
/// `policyNameType`
pub(super) const POLICY_NAME: Shape = named(128);
/// `policyDocumentType`
pub(super) const DOCUMENT: Shape = Shape {
    length: (1, 131_072),
    fits: |text| {
        text.chars()
            .all(|one| is_line(one) || (' '..='\u{ff}').contains(&one))
    },
    pattern: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
};
/// `roleDescriptionType`
pub(super) const DESCRIPTION: Shape = Shape {
    length: (0, 1000),
    fits: |text| {
        let printed = |one| (' '..='~').contains(&one) || ('\u{a1}'..='\u{ff}').contains(&one);
        text.chars().all(|one| is_line(one) || printed(one))
    },
    pattern: "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
};
/// `pathType`
pub(super) const PATH: Shape = Shape {
    length: (1, 512),
    fits: |text| {
        let inner = text
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        text == "/" || inner.is_some_and(|inner| !inner.is_empty() && is_visible(inner))
    },
    pattern: "(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F)",
};
/// `pathPrefixType`
pub(super) const PATH_PREFIX: Shape = Shape {
    length: (1, 512),
    fits: |text| text.starts_with('/') && is_visible(text),
    pattern: "\\u002F[\\u0021-\\u007F]*",
};
/// `arnType`
pub(super) const ARN: Shape = Shape {
    length: (20, 2048),
    fits: |_| true,
    pattern: "",
};
/// `markerType`
pub(super) const MARKER: Shape = Shape {
    length: (1, 320),
    fits: |text| text.chars().all(|one| (' '..='\u{ff}').contains(&one)),
    pattern: "[\\u0020-\\u00FF]+",
};
const TAG_KEY: Shape = Shape {
    length: (1, 128),
    fits: |text| text.chars().all(is_tag_character),
    pattern: "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
};
const TAG_VALUE: Shape = Shape {
    length: (0, 256),
    fits: |text| text.chars().all(is_tag_character),
    pattern: "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
};

const fn named(most: usize) -> Shape {
    Shape {
        length: (1, most),
        fits: |text| {
            text.chars()
                .all(|one| one.is_ascii_alphanumeric() || "_+=,.@-".contains(one))
        },
        pattern: "[\\w+=,.@-]+",
    }
}

fn is_line(one: char) -> bool {
    matches!(one, '\t' | '\n' | '\r')
}

fn is_visible(text: &str) -> bool {
    text.chars().all(|one| ('!'..='~').contains(&one))
}

/// The parameters, and what is wrong with those that were asked for so far.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    form: &'a Form,
    found: Vec<String>,
}

impl<'a> Fields<'a> {
    /// Nothing was asked for yet.
    pub(super) const fn of(form: &'a Form) -> Self {
        Self {
            form,
            found: Vec::new(),
        }
    }

    /// A text that has to be there; empty where it is not.
    pub(super) fn need(&mut self, name: &str, shape: Shape) -> &'a str {
        let value = self.may(name, shape);
        if value.is_none() {
            self.found
                .push(violation(name, None, "Member must not be null"));
        }
        value.unwrap_or_default()
    }

    /// A text that may be there.
    pub(super) fn may(&mut self, name: &str, shape: Shape) -> Option<&'a str> {
        let value = self.form.one(name)?;
        let length = value.chars().count();
        let (least, most) = shape.length;
        if length > most {
            let constraint = format!("Member must have length less than or equal to {most}");
            self.found.push(violation(name, Some(value), &constraint));
        }
        if length < least {
            let constraint = format!("Member must have length greater than or equal to {least}");
            self.found.push(violation(name, Some(value), &constraint));
        }
        if !(shape.fits)(value) {
            let pattern = shape.pattern;
            let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
            self.found.push(violation(name, Some(value), &constraint));
        }
        Some(value)
    }

    /// A whole number that may be there.
    pub(super) fn number(&mut self, name: &str, least: u32, most: u32) -> Option<u32> {
        let text = self.form.one(name)?;
        let number = text.parse::<i64>().ok();
        let constraint = match number {
            None => "Member must be an integer".to_owned(),
            Some(number) if number < i64::from(least) => {
                format!("Member must have value greater than or equal to {least}")
            }
            Some(number) if number > i64::from(most) => {
                format!("Member must have value less than or equal to {most}")
            }
            Some(number) => return u32::try_from(number).ok(),
        };
        self.found.push(violation(name, Some(text), &constraint));
        None
    }

    /// A list of tags; empty where there is none.
    pub(super) fn tags(&mut self) -> Vec<Tag> {
        let mut tags = Vec::new();
        for place in self.places("Tags") {
            let key = self.need(&format!("{place}.Key"), TAG_KEY).to_owned();
            let value = self.need(&format!("{place}.Value"), TAG_VALUE).to_owned();
            tags.push(Tag { key, value });
        }
        tags
    }

    /// A list of keys of tags.
    pub(super) fn tag_keys(&mut self) -> Vec<String> {
        let places = self.places("TagKeys");
        let keys = places
            .iter()
            .map(|place| self.need(place, TAG_KEY).to_owned());
        keys.collect()
    }

    /// The names of a list's members.
    fn places(&mut self, list: &str) -> Vec<String> {
        let place = |index: usize| format!("{list}.member.{index}");
        let count = (1..)
            .take_while(|index| {
                let place = place(*index);
                self.form.one(&place).is_some() || self.form.has_any(&format!("{place}."))
            })
            .count();
        if count > MAX_TAGS {
            let constraint = format!("Member must have length less than or equal to {MAX_TAGS}");
            self.found.push(violation(list, Some("…"), &constraint));
        }
        (1..=count.min(MAX_TAGS)).map(place).collect()
    }

    /// Everything that was asked for fits.
    ///
    /// # Errors
    ///
    /// `ValidationError` with all that does not.
    pub(super) fn end(self) -> Result<(), QueryRefusal> {
        let count = self.found.len();
        if count == 0 {
            return Ok(());
        }
        let errors = if count == 1 { "error" } else { "errors" };
        let found = self.found.join("; ");
        let message = format!("{count} validation {errors} detected: {found}");
        Err(QueryRefusal::new(400, "ValidationError", message))
    }
}

/// In the form that IAM has for them, whose members begin in lowercase.
fn violation(name: &str, value: Option<&str>, constraint: &str) -> String {
    let parts: Vec<String> = name.split('.').map(lower_first).collect();
    let value = value.map_or_else(
        || "null".to_owned(),
        |value| format!("'{}'", printable(value, SHOWN)),
    );
    format!(
        "Value {value} at '{}' failed to satisfy constraint: {constraint}",
        parts.join(".")
    )
}

fn lower_first(part: &str) -> String {
    let mut characters = part.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_ascii_lowercase().to_string() + characters.as_str()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::request::Received;

    fn form(text: &str) -> Form {
        Form::read(&Received {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers: Vec::new(),
            body: text.as_bytes().to_vec(),
        })
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let form = form("RoleName=a%20b&MaxSessionDuration=60&Tags.member.1.Key=k");
        let mut fields = Fields::of(&form);
        fields.need("RoleName", ROLE_NAME);
        fields.need("AssumeRolePolicyDocument", DOCUMENT);
        assert_eq!(fields.number("MaxSessionDuration", 3600, 43_200), None);
        assert_eq!(fields.tags().len(), 1);
        let body = fields.end().unwrap_err().body("n", "r");
        for part in [
            "<Code>ValidationError</Code><Message>4 validation errors detected: ",
            "Value 'a b' at 'roleName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w+=,.@-]+; ",
            "Value null at 'assumeRolePolicyDocument' failed to satisfy constraint: Member must not be null",
            "Value '60' at 'maxSessionDuration' failed to satisfy constraint: \
             Member must have value greater than or equal to 3600",
            "Value null at 'tags.member.1.value' failed",
        ] {
            assert!(body.contains(part), "{part}: {body}");
        }
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        for good in ["/", "/a/", "/a/b/"] {
            assert!((PATH.fits)(good), "{good}");
        }
        for bad in ["", "a", "/a", "a/", "//", "/a b/", "/ä/"] {
            assert!(!(PATH.fits)(bad), "{bad}");
        }
    }
}
