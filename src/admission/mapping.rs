//! Which attributes of a certificate a profile makes session tags of (user guide,
//! "Attribute mapping"; API reference, PutAttributeMapping and
//! DeleteAttributeMapping).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Longest specifier, in characters (API reference, "MappingRule").
const MAX_SPECIFIER: usize = 60;

/// A field of the certificate that can be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CertificateField {
    /// `x509Issuer`
    Issuer,
    /// `x509SAN`
    San,
    /// `x509Subject`
    Subject,
}

impl CertificateField {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Subject, Self::Issuer, Self::San];

    /// Its name in the API, and in the keys of tags.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuer => "x509Issuer",
            Self::San => "x509SAN",
            Self::Subject => "x509Subject",
        }
    }

    /// The field of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.as_str() == name)
    }
}

impl fmt::Display for CertificateField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is mapped of a field: `*`, `CN`, `DNS`, `Name/*` and so on; 0 to 60
/// characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Specifier(String);

impl Specifier {
    /// As it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is compared by: `Name`, `Name/` and `Name/*` are the same.
    fn canonical(&self) -> &str {
        match self.as_str() {
            "Name" | "Name/" => "Name/*",
            other => other,
        }
    }

    /// Whether it is about an attribute, by the part of the tag's key behind the
    /// field: `CN`, `DNS`, `Name/CN`.
    fn includes(&self, field: CertificateField, attribute: &str) -> Mapped {
        let is_name = attribute.starts_with("Name/");
        match (field, self.canonical()) {
            (CertificateField::San, "*") => Mapped::Undocumented,
            (CertificateField::San, "Name/*") if is_name => Mapped::Yes,
            (CertificateField::Subject | CertificateField::Issuer, "*") => Mapped::Yes,
            (_, specifier) if specifier == attribute => Mapped::Yes,
            _ => Mapped::No,
        }
    }
}

impl FromStr for Specifier {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = text.chars().count();
        if count > MAX_SPECIFIER {
            return Err(format!(
                "it has {count} characters, and a specifier has at most {MAX_SPECIFIER}"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// Whether an attribute is mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mapped {
    /// It is not: there is no tag.
    No,
    /// The user guide does not say: a bare `*` of `x509SAN`.
    Undocumented,
    /// It is.
    Yes,
}

/// The mapping of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttributeMapping(BTreeMap<CertificateField, Vec<Specifier>>);

impl AttributeMapping {
    /// One without any rule: no attribute becomes a tag.
    #[must_use]
    pub const fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Replaces the rules of one field, as PutAttributeMapping does.
    pub fn put(&mut self, field: CertificateField, specifiers: Vec<Specifier>) {
        self.0.insert(field, specifiers);
    }

    /// Removes these rules of a field, or the whole field when none are named, as
    /// DeleteAttributeMapping does. Whether AWS keeps a field without a rule is not
    /// documented; it goes here, which makes no difference to tags.
    pub fn delete(&mut self, field: CertificateField, specifiers: &[Specifier]) {
        let Some(rules) = self.0.get_mut(&field) else {
            return;
        };
        rules.retain(|rule| {
            let is_same = |other: &Specifier| other.canonical() == rule.canonical();
            !specifiers.is_empty() && !specifiers.iter().any(is_same)
        });
        if rules.is_empty() {
            self.0.remove(&field);
        }
    }

    /// The fields that have rules, with them.
    pub fn fields(&self) -> impl Iterator<Item = (CertificateField, &[Specifier])> {
        CertificateField::ALL
            .into_iter()
            .filter_map(|field| Some((field, self.0.get(&field)?.as_slice())))
    }

    /// Whether an attribute becomes a tag, by the part of the tag's key behind the
    /// field: `CN` of the subject, `DNS` or `Name/CN` of the SAN.
    #[must_use]
    pub fn maps(&self, field: CertificateField, attribute: &str) -> Mapped {
        let rules = self.0.get(&field).map_or(&[][..], Vec::as_slice);
        let answers = rules.iter().map(|rule| rule.includes(field, attribute));
        answers.max().unwrap_or(Mapped::No)
    }

    /// [`AttributeMapping::maps`] by a tag's whole key, as `x509SAN/Name/CN`.
    pub(super) fn maps_key(&self, key: &str) -> Mapped {
        let parts = key.split_once('/');
        let found = parts.and_then(|(field, rest)| Some((CertificateField::named(field)?, rest)));
        found.map_or(Mapped::No, |(field, rest)| self.maps(field, rest))
    }
}

impl Default for AttributeMapping {
    /// A profile's before anybody has changed it: `*` of subject and issuer; `DNS`,
    /// `URI` and `Name/*` of the alternative names.
    fn default() -> Self {
        let list = |names: &[&str]| {
            let one = |name: &&str| Specifier((*name).to_owned());
            names.iter().map(one).collect::<Vec<_>>()
        };
        Self(BTreeMap::from([
            (CertificateField::Subject, list(&["*"])),
            (CertificateField::Issuer, list(&["*"])),
            (CertificateField::San, list(&["DNS", "URI", "Name/*"])),
        ]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &[&str]) -> Vec<Specifier> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn the_default_maps_what_the_guide_lists() {
        let mapping = AttributeMapping::default();
        for (field, attribute, mapped) in [
            (CertificateField::Subject, "CN", Mapped::Yes),
            (CertificateField::Issuer, "OU", Mapped::Yes),
            (CertificateField::San, "DNS", Mapped::Yes),
            (CertificateField::San, "URI", Mapped::Yes),
            (CertificateField::San, "Name/O", Mapped::Yes),
            (CertificateField::San, "Email", Mapped::No),
        ] {
            assert_eq!(
                mapping.maps(field, attribute),
                mapped,
                "{field} {attribute}"
            );
        }
    }

    #[test]
    fn put_replaces_and_delete_removes() {
        let mut mapping = AttributeMapping::default();
        let (subject, san) = (CertificateField::Subject, CertificateField::San);
        mapping.put(subject, list(&["CN", "OU"]));
        assert_eq!(mapping.maps(subject, "O"), Mapped::No);
        assert_eq!(mapping.maps(subject, "OU"), Mapped::Yes);
        mapping.delete(subject, &list(&["OU", "L"]));
        assert_eq!(mapping.maps(subject, "OU"), Mapped::No);
        assert_eq!(mapping.maps(subject, "CN"), Mapped::Yes);
        mapping.delete(subject, &[]);
        assert!(mapping.fields().all(|(field, _)| field != subject));
        // Three spellings of one specifier.
        mapping.delete(san, &list(&["Name"]));
        assert_eq!(mapping.maps(san, "Name/CN"), Mapped::No);
        mapping.put(san, list(&["Name/CN"]));
        assert_eq!(mapping.maps(san, "Name/CN"), Mapped::Yes);
        assert_eq!(mapping.maps(san, "Name/O"), Mapped::No);
        mapping.put(san, list(&["*"]));
        assert_eq!(mapping.maps(san, "DNS"), Mapped::Undocumented);
    }

    #[test]
    fn a_specifier_has_at_most_sixty_characters() {
        assert!("x".repeat(60).parse::<Specifier>().is_ok());
        assert!("x".repeat(61).parse::<Specifier>().is_err());
    }
}
