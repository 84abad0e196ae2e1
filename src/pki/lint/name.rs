//! Rules for issuer and subject (RFC 5280 sections 4.1.2.4 and 4.1.2.6).

use std::borrow::Cow;

use crate::der::{self, Element, PRINTABLE_STRING, UTF8_STRING};
use crate::limits;
use crate::pki::name::{decode_string, short_name};
use crate::text::is_tag_character;

use super::form::IA5_STRING;
use super::view::CertificateView;
use super::{ATTRIBUTE_MAPPING, Check, Level, Notes, Rule, Source, TRUST_MODEL, oid, rule};

const NAMES: Source = Source::Standard("RFC 5280 section 4.1.2.4");
const UPPER_BOUNDS: Source = Source::Standard("RFC 5280 appendix A.1");

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "issuer_empty",
        NAMES,
        "give the CA a name",
        Check::Certificate(issuer_empty),
    ),
    rule(
        Level::Error,
        "subject_empty_ca",
        Source::Standard("RFC 5280 section 4.1.2.6"),
        "give the CA a name",
        Check::Certificate(subject_empty_ca),
    ),
    rule(
        Level::Error,
        "subject_empty",
        TRUST_MODEL,
        "give the subject a common name",
        Check::Certificate(subject_empty),
    ),
    rule(
        Level::Error,
        "subject_empty_san",
        Source::Standard("RFC 5280 section 4.1.2.6"),
        "where the subject is empty, add a critical subjectAltName",
        Check::Certificate(subject_empty_san),
    ),
    rule(
        Level::Warning,
        "subject_no_common_name",
        TRUST_MODEL,
        "add a common name: without it the source identity is the serial number, which a renewal changes",
        Check::Certificate(no_common_name),
    ),
    rule(
        Level::Warning,
        "common_names_several",
        TRUST_MODEL,
        "write one common name: which of several is the source identity is not documented",
        Check::Certificate(several_common_names),
    ),
    rule(
        Level::Notice,
        "common_name_over_61",
        TRUST_MODEL,
        "keep it within 61 characters: a source identity has 64, and begins with CN=",
        Check::Certificate(common_name_over_61),
    ),
    rule(
        Level::Warning,
        "subject_tag_characters",
        ATTRIBUTE_MAPPING,
        "use letters, digits, spaces and _ . : / = + - @ only: AWS leaves the tag out in silence, and a condition that something is not equal then holds",
        Check::Certificate(subject_tag_characters),
    ),
    rule(
        Level::Notice,
        "issuer_tag_characters",
        ATTRIBUTE_MAPPING,
        "do not rely on the tag of this attribute: AWS leaves it out in silence",
        Check::Certificate(issuer_tag_characters),
    ),
    rule(
        Level::Notice,
        "attribute_repeated",
        ATTRIBUTE_MAPPING,
        "expect one tag with the values joined by '/', or write the attribute once",
        Check::Certificate(attribute_repeated),
    ),
    rule(
        Level::Error,
        "attribute_too_long",
        UPPER_BOUNDS,
        "shorten the value",
        Check::Certificate(too_long),
    ),
    rule(
        Level::Error,
        "attribute_empty",
        UPPER_BOUNDS,
        "leave the attribute out",
        Check::Certificate(empty_value),
    ),
    rule(
        Level::Error,
        "attribute_string_type",
        UPPER_BOUNDS,
        "PrintableString for country, serialNumber and dnQualifier; IA5String for emailAddress and DC",
        Check::Certificate(string_type),
    ),
    rule(
        Level::Warning,
        "attribute_old_string_type",
        NAMES,
        "write UTF8String or PrintableString",
        Check::Certificate(old_string_type),
    ),
    rule(
        Level::Error,
        "attribute_characters",
        UPPER_BOUNDS,
        "use only characters that the type of string has, or UTF8String",
        Check::Certificate(foreign_characters),
    ),
    rule(
        Level::Error,
        "attribute_country",
        UPPER_BOUNDS,
        "write the two letters of ISO 3166-1",
        Check::Certificate(country),
    ),
    rule(
        Level::Warning,
        "attribute_control_character",
        NAMES,
        "leave control characters out: names are shown on terminals and in logs",
        Check::Certificate(control_character),
    ),
    rule(
        Level::Warning,
        "attribute_blanks",
        Source::Standard("RFC 5280 section 7.1"),
        "trim the value: comparison ignores these blanks, policies and people do not",
        Check::Certificate(blanks),
    ),
    rule(
        Level::Error,
        "rdn_empty",
        NAMES,
        "leave out a RelativeDistinguishedName without an attribute",
        Check::Certificate(rdn_empty),
    ),
    rule(
        Level::Notice,
        "rdn_of_several",
        NAMES,
        "write one attribute to each RelativeDistinguishedName; tools lose the others",
        Check::Certificate(rdn_of_several),
    ),
];

/// `id-at` (RFC 5280 appendix A.1).
const ID_AT: &[u8] = &[0x55, 0x04];
const COMMON_NAME: &[u8] = &[0x55, 0x04, 3];
const COUNTRY: &[u8] = &[0x55, 0x04, 6];
const SERIAL_NUMBER: &[u8] = &[0x55, 0x04, 5];
const DN_QUALIFIER: &[u8] = &[0x55, 0x04, 46];
const EMAIL: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
const DOMAIN_COMPONENT: &[u8] = &[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25];

/// One attribute of a name.
pub(super) struct Attribute<'a> {
    oid: &'a [u8],
    tag: u8,
    value: &'a [u8],
    /// The value decoded, once for the many rules that look at it.
    text: Cow<'a, str>,
    rdn: usize,
}

/// A name as its encoding has it.
pub(super) struct NameView<'a> {
    pub(super) encoded: &'a [u8],
    attributes: Vec<Attribute<'a>>,
    has_empty_rdn: bool,
}

impl<'a> NameView<'a> {
    pub(super) fn read(encoded: &'a [u8]) -> Option<Self> {
        let mut attributes = Vec::new();
        let mut has_empty_rdn = false;
        for (rdn, set) in der::sequence(encoded)?.into_iter().enumerate() {
            if set.tag != der::SET {
                return None;
            }
            has_empty_rdn |= set.content.is_empty();
            for pair in der::children(set.content)? {
                if attributes.len() == limits::MAX_NAME_ATTRIBUTES {
                    return None;
                }
                let parts = der::sequence(pair.encoded)?;
                let [oid, value] = parts.as_slice() else {
                    return None;
                };
                if oid.tag != der::OBJECT_IDENTIFIER {
                    return None;
                }
                attributes.push(Attribute {
                    oid: oid.content,
                    tag: value.tag,
                    value: value.content,
                    text: text_of(value),
                    rdn,
                });
            }
        }
        Some(Self {
            encoded,
            attributes,
            has_empty_rdn,
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    fn common_names(&self) -> impl Iterator<Item = &str> {
        self.attributes
            .iter()
            .filter(|one| one.oid == COMMON_NAME)
            .map(|one| &*one.text)
    }
}

/// As [`decode_string`] has it, borrowed where it stands there as it is.
fn text_of<'a>(value: &Element<'a>) -> Cow<'a, str> {
    match value.tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => String::from_utf8_lossy(value.content),
        _ => decode_string(value.tag, value.content).into(),
    }
}

impl Attribute<'_> {
    /// Whether it has the type of a string, whatever its content.
    const fn is_string(&self) -> bool {
        matches!(
            self.tag,
            UTF8_STRING | PRINTABLE_STRING | IA5_STRING | 0x12 | 0x14 | 0x1c | 0x1e
        )
    }
}

/// Calls `look` with every attribute of both names and its place. A name that is
/// issuer and subject is looked at once.
fn each(
    view: &CertificateView<'_>,
    notes: &mut Notes,
    look: impl Fn(&Attribute<'_>) -> Option<String>,
) {
    let issuer = (!view.is_self_issued()).then_some(("issuer", &view.issuer));
    for (which, name) in issuer.into_iter().chain([("subject", &view.subject)]) {
        for attribute in &name.attributes {
            if let Some(message) = look(attribute) {
                notes.say(format!("{which}.{}", short_name(attribute.oid)), message);
            }
        }
    }
}

fn issuer_empty(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.issuer.is_empty() {
        notes.say("issuer", "the issuer has no name");
    }
}

fn subject_empty_ca(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.subject.is_empty() && view.is_ca() {
        notes.say("subject", "the CA has no name");
    }
}

fn subject_empty(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.subject.is_empty() && !view.is_ca() {
        notes.say("subject", "the subject has no name");
    }
}

fn subject_empty_san(view: &CertificateView<'_>, notes: &mut Notes) {
    let names = view.extension(oid::SUBJECT_ALT_NAME);
    if view.subject.is_empty() && !names.is_some_and(|extension| extension.critical) {
        notes.say(
            "subject",
            "the subject is empty, and no critical subjectAltName names it",
        );
    }
}

fn no_common_name(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() && !view.subject.is_empty() && view.subject.common_names().next().is_none() {
        notes.say("subject", "the subject has no common name");
    }
}

fn several_common_names(view: &CertificateView<'_>, notes: &mut Notes) {
    let count = view.subject.common_names().count();
    if !view.is_ca() && count > 1 {
        notes.say(
            "subject.CN",
            format!("the subject has {count} common names"),
        );
    }
}

fn common_name_over_61(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() {
        return;
    }
    for count in view.subject.common_names().map(|name| name.chars().count()) {
        if (62..=64).contains(&count) {
            notes.say("subject.CN", format!("it has {count} characters"));
        }
    }
}

fn subject_tag_characters(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() {
        untaggable("subject", &view.subject, notes);
    }
}

fn issuer_tag_characters(view: &CertificateView<'_>, notes: &mut Notes) {
    if !view.is_ca() {
        untaggable("issuer", &view.issuer, notes);
    }
}

fn untaggable(which: &str, name: &NameView<'_>, notes: &mut Notes) {
    for attribute in &name.attributes {
        let text = &attribute.text;
        if let Some(character) = text.chars().find(|one| !is_tag_character(*one)) {
            let place = format!("{which}.{}", short_name(attribute.oid));
            let message = format!("no tag may have the character '{character}' of '{text}'");
            notes.say(place, message);
        }
    }
}

fn attribute_repeated(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() {
        return;
    }
    if view.subject.attributes.len() < 2 {
        return;
    }
    let mut told: Vec<&[u8]> = vec![COMMON_NAME];
    for attribute in &view.subject.attributes {
        let same = view.subject.attributes.iter();
        let count = same.filter(|other| other.oid == attribute.oid).count();
        if count > 1 && !told.contains(&attribute.oid) {
            told.push(attribute.oid);
            notes.say(
                format!("subject.{}", short_name(attribute.oid)),
                format!("the attribute stands there {count} times"),
            );
        }
    }
}

/// Most characters of an attribute (RFC 5280 appendix A.1, upper bounds).
fn bound(oid: &[u8]) -> Option<usize> {
    if oid == EMAIL {
        return Some(255);
    }
    match oid::last_arc(oid, ID_AT)? {
        3 | 5 | 10 | 11 | 12 => Some(64),
        7 | 8 | 65 => Some(128),
        4 | 41 | 42 | 43 | 44 => Some(32_768),
        _ => None,
    }
}

fn too_long(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let most = bound(attribute.oid)?;
        // A character has at least one octet.
        if attribute.value.len() <= most {
            return None;
        }
        let count = attribute.text.chars().count();
        (count > most).then(|| format!("it has {count} characters, {most} are allowed"))
    });
}

fn empty_value(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let empty = attribute.is_string() && attribute.value.is_empty();
        empty.then(|| "the value is empty".to_owned())
    });
}

fn string_type(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let fits = match attribute.oid {
            COUNTRY | SERIAL_NUMBER | DN_QUALIFIER => attribute.tag == PRINTABLE_STRING,
            EMAIL | DOMAIN_COMPONENT => attribute.tag == IA5_STRING,
            // RFC 5280 makes each of them a DirectoryString.
            oid if bound(oid).is_some() => {
                matches!(
                    attribute.tag,
                    UTF8_STRING | PRINTABLE_STRING | 0x14 | 0x1c | 0x1e
                )
            }
            _ => true,
        };
        (!fits).then(|| format!("the value has the type of tag {:#04x}", attribute.tag))
    });
}

fn old_string_type(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let name = match attribute.tag {
            0x14 => "TeletexString",
            0x1c => "UniversalString",
            0x1e => "BMPString",
            _ => return None,
        };
        Some(format!("the value is a {name}"))
    });
}

fn foreign_characters(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let value = attribute.value;
        let fits = match attribute.tag {
            PRINTABLE_STRING => value
                .iter()
                .all(|octet| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(octet)),
            UTF8_STRING => std::str::from_utf8(value).is_ok(),
            IA5_STRING => value.is_ascii(),
            0x1e => {
                value.len().is_multiple_of(2)
                    && !value.chunks(2).any(|unit| matches!(unit, [0xd8..=0xdf, _]))
            }
            _ => true,
        };
        (!fits).then(|| "the value has characters that its type of string has not".to_owned())
    });
}

fn country(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let fits = attribute.oid != COUNTRY
            || matches!(attribute.value, [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase());
        (!fits).then(|| format!("'{}' is no code of a country", attribute.text))
    });
}

fn control_character(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let has = attribute.is_string() && attribute.text.chars().any(char::is_control);
        has.then(|| "the value has a control character".to_owned())
    });
}

fn blanks(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, notes, |attribute| {
        let text = &attribute.text;
        (attribute.is_string() && text.trim() != text)
            .then(|| "the value begins or ends with a blank".to_owned())
    });
}

fn rdn_empty(view: &CertificateView<'_>, notes: &mut Notes) {
    for (place, name) in [("issuer", &view.issuer), ("subject", &view.subject)] {
        if name.has_empty_rdn {
            notes.say(place, "a part of the name has no attribute");
        }
    }
}

fn rdn_of_several(view: &CertificateView<'_>, notes: &mut Notes) {
    for (place, name) in [("issuer", &view.issuer), ("subject", &view.subject)] {
        let mut pairs = name.attributes.windows(2);
        if pairs.any(|pair| matches!(pair, [first, second] if first.rdn == second.rdn)) {
            notes.say(place, "a part of the name has several attributes");
        }
    }
}
