//! Rules for all extensions alike: how often, whether critical, what form (RFC
//! 5280 section 4.2).

use crate::der::{self, Element};

use super::form::{BOOLEAN, first_fault};
use super::view::{CertificateView, Extension};
use super::{Check, Level, Notes, Rule, Source, oid, rule};

const SECTION: Source = Source::Standard("RFC 5280 section 4.2");

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "extension_duplicate",
        SECTION,
        "write each extension once",
        Check::Certificate(duplicate),
    ),
    rule(
        Level::Error,
        "extension_malformed",
        Source::Standard("RFC 5280 section 4.2.1"),
        "write what the extension's syntax in RFC 5280 says, in DER",
        Check::Certificate(malformed),
    ),
    rule(
        Level::Error,
        "extension_unknown_critical",
        SECTION,
        "mark it as not critical, or leave it out: whoever does not know it must refuse the certificate",
        Check::Certificate(unknown_critical),
    ),
    rule(
        Level::Error,
        "extension_must_be_critical",
        Source::Standard("RFC 5280 sections 4.2.1.9, 4.2.1.10, 4.2.1.11, 4.2.1.14"),
        "mark it as critical",
        Check::Certificate(must_be_critical),
    ),
    rule(
        Level::Error,
        "extension_must_not_be_critical",
        Source::Standard("RFC 5280 sections 4.2.1.1, 4.2.1.2, 4.2.1.8, 4.2.1.15, 4.2.2"),
        "mark it as not critical",
        Check::Certificate(must_not_be_critical),
    ),
    rule(
        Level::Warning,
        "extension_should_be_critical",
        Source::Standard("RFC 5280 sections 4.2.1.3 and 4.2.1.5"),
        "mark it as critical",
        Check::Certificate(should_be_critical),
    ),
    rule(
        Level::Warning,
        "extension_should_not_be_critical",
        Source::Standard("RFC 5280 sections 4.2.1.6, 4.2.1.7 and 4.2.1.13"),
        "mark it as not critical",
        Check::Certificate(should_not_be_critical),
    ),
];

fn place(extension: &Extension<'_>) -> String {
    format!("extensions.{}", oid::shown(extension.oid))
}

fn duplicate(view: &CertificateView<'_>, notes: &mut Notes) {
    tell_duplicates(&view.extensions, notes);
}

/// Tells the second and every further one of an extension.
pub(super) fn tell_duplicates(extensions: &[Extension<'_>], notes: &mut Notes) {
    for (index, extension) in extensions.iter().enumerate() {
        let mut before = extensions.iter().take(index);
        if before.any(|other| other.oid == extension.oid) {
            notes.say(place(extension), "the extension stands there again");
        }
    }
}

fn malformed(view: &CertificateView<'_>, notes: &mut Notes) {
    for extension in &view.extensions {
        if let Some(reason) = fault_in(extension) {
            notes.say(place(extension), reason);
        }
    }
}

fn unknown_critical(view: &CertificateView<'_>, notes: &mut Notes) {
    for extension in &view.extensions {
        if extension.critical && oid::extension_name(extension.oid).is_none() {
            notes.say(place(extension), "it is critical, and not of RFC 5280");
        }
    }
}

fn must_be_critical(view: &CertificateView<'_>, notes: &mut Notes) {
    let mut wanted = vec![
        oid::NAME_CONSTRAINTS,
        oid::POLICY_CONSTRAINTS,
        oid::INHIBIT_ANY_POLICY,
    ];
    if view.is_ca() {
        wanted.push(oid::BASIC_CONSTRAINTS);
    }
    tell(view, &wanted, false, "it is not critical", notes);
}

fn must_not_be_critical(view: &CertificateView<'_>, notes: &mut Notes) {
    let unwanted = [
        oid::AUTHORITY_KEY_IDENTIFIER,
        oid::SUBJECT_KEY_IDENTIFIER,
        oid::SUBJECT_DIRECTORY_ATTRIBUTES,
        oid::FRESHEST_CRL,
        oid::AUTHORITY_INFO_ACCESS,
        oid::SUBJECT_INFO_ACCESS,
    ];
    tell(view, &unwanted, true, "it is critical", notes);
}

fn should_be_critical(view: &CertificateView<'_>, notes: &mut Notes) {
    let wanted = [oid::KEY_USAGE, oid::POLICY_MAPPINGS];
    tell(view, &wanted, false, "it is not critical", notes);
}

fn should_not_be_critical(view: &CertificateView<'_>, notes: &mut Notes) {
    let mut unwanted = vec![oid::ISSUER_ALT_NAME, oid::CRL_DISTRIBUTION_POINTS];
    // With an empty subject it has to be critical.
    if !view.subject.is_empty() {
        unwanted.push(oid::SUBJECT_ALT_NAME);
    }
    tell(view, &unwanted, true, "it is critical", notes);
}

fn tell(
    view: &CertificateView<'_>,
    which: &[&[u8]],
    critical: bool,
    message: &str,
    notes: &mut Notes,
) {
    for extension in &view.extensions {
        if extension.critical == critical && which.contains(&extension.oid) {
            notes.say(place(extension), message);
        }
    }
}

/// Where the value of a known extension departs from its syntax.
fn fault_in(extension: &Extension<'_>) -> Option<&'static str> {
    oid::extension_name(extension.oid)?;
    if let Some(fault) = first_fault(extension.value) {
        return Some(fault.reason);
    }
    let (element, rest) = der::read(extension.value)?;
    if !rest.is_empty() {
        return Some("something follows its value");
    }
    (!has_syntax(extension.oid, &element)).then_some("its value has another syntax")
}

fn has_syntax(id: &[u8], value: &Element<'_>) -> bool {
    let is_list = |of: fn(&Element<'_>) -> bool| {
        value.tag == der::SEQUENCE
            && der::children(value.content)
                .is_some_and(|parts| !parts.is_empty() && parts.iter().all(of))
    };
    // Fields with tags, in their order, each at most once.
    let has_fields = |tags: &[u8]| {
        value.tag == der::SEQUENCE
            && der::children(value.content).is_some_and(|parts| {
                let mut left = tags.iter();
                parts.iter().all(|part| left.any(|tag| *tag == part.tag))
            })
    };
    match id {
        oid::SUBJECT_KEY_IDENTIFIER => value.tag == der::OCTET_STRING && !value.content.is_empty(),
        oid::KEY_USAGE => value.tag == der::BIT_STRING,
        oid::BASIC_CONSTRAINTS => has_fields(&[BOOLEAN, der::INTEGER]),
        oid::INHIBIT_ANY_POLICY => {
            value.tag == der::INTEGER && !super::basics::is_negative(value.content)
        }
        oid::AUTHORITY_KEY_IDENTIFIER => has_fields(&[0x80, 0xa1, 0x82]),
        // That one of the two is there is a rule of its own.
        oid::NAME_CONSTRAINTS => has_fields(&[0xa0, 0xa1]),
        oid::POLICY_CONSTRAINTS => has_fields(&[0x80, 0x81]) && !value.content.is_empty(),
        // That it is not empty, and what stands in it, are rules of their own.
        oid::SUBJECT_ALT_NAME | oid::ISSUER_ALT_NAME => {
            value.tag == der::SEQUENCE
                && der::children(value.content)
                    .is_some_and(|names| names.iter().all(is_general_name))
        }
        oid::EXTENDED_KEY_USAGE => {
            value.tag == der::SEQUENCE
                && der::children(value.content)
                    .is_some_and(|ids| ids.iter().all(|id| id.tag == der::OBJECT_IDENTIFIER))
        }
        oid::CRL_DISTRIBUTION_POINTS | oid::FRESHEST_CRL => {
            is_list(|point| point.tag == der::SEQUENCE)
        }
        oid::CERTIFICATE_POLICIES => is_list(begins_with_id),
        oid::POLICY_MAPPINGS => is_list(begins_with_id),
        oid::AUTHORITY_INFO_ACCESS | oid::SUBJECT_INFO_ACCESS => is_list(|description| {
            begins_with_id(description)
                && der::children(description.content)
                    .is_some_and(|parts| matches!(&*parts, [_, place] if is_general_name(place)))
        }),
        _ => true,
    }
}

fn begins_with_id(element: &Element<'_>) -> bool {
    element.tag == der::SEQUENCE
        && der::read(element.content).is_some_and(|(first, _)| first.tag == der::OBJECT_IDENTIFIER)
}

/// By its tag (RFC 5280 section 4.2.1.6).
fn is_general_name(element: &Element<'_>) -> bool {
    matches!(
        element.tag,
        0xa0 | 0x81 | 0x82 | 0xa3 | 0xa4 | 0xa5 | 0x86 | 0x87 | 0x88
    )
}
