//! What all resources have: id, name, alias, tags and times.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What sort of resource it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::emulator) enum Kind {
    /// A revocation list.
    Crl,
    /// A profile.
    Profile,
    /// A subject.
    Subject,
    /// A trust anchor.
    TrustAnchor,
}

impl Kind {
    /// How it stands in an ARN.
    pub(in crate::emulator) const fn segment(self) -> &'static str {
        match self {
            Self::Crl => "crl",
            Self::Profile => "profile",
            Self::Subject => "subject",
            Self::TrustAnchor => "trust-anchor",
        }
    }

    /// What a message calls it.
    pub(in crate::emulator) const fn noun(self) -> &'static str {
        match self {
            Self::Crl => "CRL",
            Self::Profile => "profile",
            Self::Subject => "subject",
            Self::TrustAnchor => "trust anchor",
        }
    }
}

/// What can be found by an id, an ARN or an alias.
pub(in crate::emulator) trait Resource {
    /// What sort it is.
    const KIND: Kind;

    /// What it has in common with others.
    fn head(&self) -> &Head;

    /// The same, to change it.
    fn head_mut(&mut self) -> &mut Head;
}

/// What all resources have in common.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct Head {
    /// Unique among its sort; a UUID unless it was given by an option.
    pub(in crate::emulator) id: String,
    /// It grows with each resource that is made, and is where a list goes on.
    pub(in crate::emulator) number: u64,
    /// Its name, not unique.
    pub(in crate::emulator) name: String,
    /// Whether it is enabled.
    pub(in crate::emulator) enabled: bool,
    /// When it was made.
    pub(in crate::emulator) created_at: DateTime<Utc>,
    /// When it was changed last.
    pub(in crate::emulator) updated_at: DateTime<Utc>,
    /// Its alias, unique among its sort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::emulator) alias: Option<Alias>,
    /// Its tags, in the order in which they were set.
    #[serde(default)]
    pub(in crate::emulator) tags: Vec<Tag>,
}

impl Head {
    /// The head of an enabled resource that is made at a time.
    pub(in crate::emulator) const fn new(
        id: String,
        number: u64,
        name: String,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            number,
            name,
            enabled: true,
            created_at: at,
            updated_at: at,
            alias: None,
            tags: Vec::new(),
        }
    }
}

/// A tag of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::emulator) struct Tag {
    /// Its key.
    pub(in crate::emulator) key: String,
    /// Its value.
    pub(in crate::emulator) value: String,
}

/// Why a text is no alias.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::emulator) enum AliasError {
    /// Characters, length or slashes.
    #[error(
        "an alias has 1 to 256 characters: a letter, then letters, digits, _, - and single / that do not end it"
    )]
    Form,
    /// `aws/` at its begin.
    #[error("aliases that begin with aws/ are reserved")]
    Reserved,
}

/// A resource's alias (user guide, "Resource aliases").
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(in crate::emulator) struct Alias(String);

impl Alias {
    /// The alias.
    pub(in crate::emulator) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Alias {
    type Error = AliasError;

    fn try_from(text: String) -> Result<Self, AliasError> {
        let has_form = text.len() <= 256
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b"_-/".contains(&octet))
            && !text.contains("//")
            && !text.ends_with('/');
        if !has_form {
            return Err(AliasError::Form);
        }
        let begin = text.get(..4).unwrap_or_default();
        if begin.eq_ignore_ascii_case("aws/") {
            return Err(AliasError::Reserved);
        }
        Ok(Self(text))
    }
}

impl From<Alias> for String {
    fn from(alias: Alias) -> Self {
        alias.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_have_the_documented_form() {
        let read = |text: &str| Alias::try_from(text.to_owned()).map(String::from);
        for good in ["a", "on-prem/main", "A_1", "aws", "awsome/x", "a--"] {
            assert_eq!(read(good).as_deref(), Ok(good));
        }
        let long = "a".repeat(257);
        for bad in ["", "1a", "-a", "a/", "a//b", "a b", "ä", &long] {
            assert_eq!(read(bad), Err(AliasError::Form), "{bad}");
        }
        for reserved in ["aws/x", "AwS/x"] {
            assert_eq!(read(reserved), Err(AliasError::Reserved));
        }
    }
}
