//! Names that may stand in a subject.
//!
//! Roles Anywhere turns subject attributes into session tags and drops, without
//! a word, those whose characters IAM does not allow in a tag. A trust policy
//! that relies on such a tag then never matches (or, written negatively, always
//! does), so the names are refused here instead.

use std::str::FromStr;

use crate::text;

/// Longest common name, in characters: up to 61 the source identity is
/// `CN=` and the name; above, AWS drops the prefix.
const MAX_COMMON_NAME: usize = 61;

/// Longest organization or organizational unit, in characters (RFC 5280
/// appendix A: ub-organization-name and ub-organizational-unit-name).
const MAX_ATTRIBUTE: usize = 64;

/// A workload's common name: 1 to 61 characters that IAM allows in a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonName(String);

/// An organization or organizational unit: 1 to 64 characters that IAM allows
/// in a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagValue(String);

impl CommonName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TagValue {
    /// The value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CommonName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        check(text, MAX_COMMON_NAME).map(Self)
    }
}

impl FromStr for TagValue {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        check(text, MAX_ATTRIBUTE).map(Self)
    }
}

/// Checks length and characters against `[\p{L}\p{Z}\p{N}_.:/=+\-@]` (IAM and
/// STS tag values).
pub(super) fn check(text: &str, max: usize) -> Result<String, String> {
    let count = text.chars().count();
    if text.trim() != text || count == 0 {
        return Err("it must not be empty, nor begin or end with a space".to_owned());
    }
    if count > max {
        return Err(format!(
            "it has {count} characters, at most {max} are allowed"
        ));
    }
    match text.chars().find(|character| !allowed(*character)) {
        Some(character) => Err(format!(
            "the character '{}' cannot stand in an AWS session tag; letters, digits, spaces and _ . : / = + - @ can",
            character.escape_default()
        )),
        None => Ok(text.to_owned()),
    }
}

/// Of the separators (`\p{Z}`) only the plain space: the others look like it.
/// Of the letters none that show nothing (Hangul fillers).
fn allowed(character: char) -> bool {
    text::is_tag_character(character)
        && (character == ' ' || !character.is_whitespace())
        && !matches!(character, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_aws_would_drop_are_refused() {
        for good in [
            "web-1",
            "db.example.com",
            "Zürich 7",
            "東京",
            "a@b",
            &"x".repeat(61),
        ] {
            assert!(good.parse::<CommonName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            " a",
            "a(b)",
            "a,b",
            "a*b",
            "a\nb",
            "a\u{1b}b",
            "Ⓐ",
            "a\u{345}",
            "a\u{2028}b",
            &"x".repeat(62),
        ] {
            assert!(bad.parse::<CommonName>().is_err(), "{bad:?}");
        }
    }
}
