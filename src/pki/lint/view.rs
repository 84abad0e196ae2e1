//! A certificate as its encoding has it, for rules to look at.

use chrono::{DateTime, Utc};

use crate::der::{self, Element, Elements};
use crate::limits;

use super::form::{self, TimeForm};
use super::name::NameView;
use super::oid;

/// An AlgorithmIdentifier (RFC 5280 section 4.1.1.2).
#[derive(Clone, Copy)]
pub(super) struct Algorithm<'a> {
    pub(super) encoded: &'a [u8],
    pub(super) oid: &'a [u8],
    pub(super) parameters: Option<Element<'a>>,
}

impl<'a> Algorithm<'a> {
    pub(super) fn read(element: &Element<'a>) -> Option<Self> {
        let parts = as_sequence(element)?;
        let (first, rest) = parts.split_first()?;
        let parameters = match rest {
            [] => None,
            [parameters] => Some(*parameters),
            _ => return None,
        };
        (first.tag == der::OBJECT_IDENTIFIER).then_some(Self {
            encoded: element.encoded,
            oid: first.content,
            parameters,
        })
    }
}

/// One extension (RFC 5280 section 4.2).
#[derive(Clone, Copy)]
pub(super) struct Extension<'a> {
    pub(super) oid: &'a [u8],
    pub(super) critical: bool,
    /// Whether the default FALSE was written out, which DER does not.
    pub(super) default_written: bool,
    pub(super) value: &'a [u8],
}

impl<'a> Extension<'a> {
    pub(super) fn read(element: &Element<'a>) -> Option<Self> {
        let parts = as_sequence(element)?;
        let (oid, critical, value) = match parts.as_slice() {
            [oid, value] => (oid, None, value),
            [oid, critical, value] if critical.tag == form::BOOLEAN => {
                (oid, Some(critical.content != [0]), value)
            }
            _ => return None,
        };
        (oid.tag == der::OBJECT_IDENTIFIER && value.tag == der::OCTET_STRING).then_some(Self {
            oid: oid.content,
            critical: critical.unwrap_or_default(),
            default_written: critical == Some(false),
            value: value.content,
        })
    }

    /// The elements of a value that is a SEQUENCE.
    pub(super) fn elements(&self) -> Option<Elements<'a>> {
        der::sequence(self.value)
    }
}

/// basicConstraints (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy)]
pub(super) struct Basic<'a> {
    pub(super) ca: bool,
    pub(super) default_written: bool,
    /// Content of the INTEGER.
    pub(super) path_length: Option<&'a [u8]>,
}

impl<'a> Basic<'a> {
    fn read(extension: &Extension<'a>) -> Option<Self> {
        let parts = extension.elements()?;
        let (ca, rest) = match parts.split_first() {
            Some((first, rest)) if first.tag == form::BOOLEAN => (Some(first.content), rest),
            _ => (None, parts.as_slice()),
        };
        let path_length = match rest {
            [] => None,
            [length] if length.tag == der::INTEGER => Some(length.content),
            _ => return None,
        };
        Some(Self {
            ca: ca.is_some_and(|content| content != [0]),
            default_written: ca == Some(&[0]),
            path_length,
        })
    }
}

/// The bits of keyUsage, numbered as in RFC 5280 section 4.2.1.3.
#[derive(Clone, Copy)]
pub(super) struct Usage<'a>(&'a [u8]);

impl<'a> Usage<'a> {
    fn read(extension: &Extension<'a>) -> Option<Self> {
        match der::read(extension.value)? {
            (bits, []) if bits.tag == der::BIT_STRING => Some(Self(bits.content)),
            _ => None,
        }
    }

    pub(super) fn has(self, bit: usize) -> bool {
        let octet = self.0.get(1 + bit / 8).copied().unwrap_or_default();
        octet & (0x80 >> (bit % 8)) != 0
    }

    /// The number of the last bit that is set.
    pub(super) fn last(self) -> Option<usize> {
        let bits = self.0.len().saturating_sub(1) * 8;
        (0..bits).rev().find(|bit| self.has(*bit))
    }

    /// Whether zeros at the end, or the count of unused bits, are other than DER
    /// has them in a list of named bits (X.690 section 11.2.2).
    pub(super) fn has_trailing_zeros(self) -> bool {
        let Some((unused, octets)) = self.0.split_first() else {
            return true;
        };
        match octets.last() {
            None => false,
            Some(0) => true,
            Some(last) => last.trailing_zeros() != u32::from(*unused),
        }
    }
}

/// A certificate, element by element.
pub(super) struct CertificateView<'a> {
    /// X.509 version as people count it.
    pub(super) version: u32,
    /// Whether version 1 was written out, which DER does not.
    pub(super) default_version_written: bool,
    /// Content of the INTEGER.
    pub(super) serial: &'a [u8],
    pub(super) inner_algorithm: Algorithm<'a>,
    pub(super) outer_algorithm: Algorithm<'a>,
    pub(super) issuer: NameView<'a>,
    pub(super) subject: NameView<'a>,
    pub(super) not_before: Element<'a>,
    pub(super) not_after: Element<'a>,
    pub(super) key_algorithm: Algorithm<'a>,
    /// The bits of the public key.
    pub(super) key_bits: &'a [u8],
    pub(super) has_unique_identifiers: bool,
    /// Whether the field is there, empty or not.
    pub(super) has_extensions: bool,
    pub(super) extensions: Vec<Extension<'a>>,
    pub(super) basic: Option<Basic<'a>>,
    pub(super) usage: Option<Usage<'a>>,
    /// The subject alternative names; none when they are missing or malformed,
    /// which other rules tell. As the two below, read once for the many rules
    /// that look at them.
    pub(super) names: Elements<'a>,
    /// What the extended key usage names; the same.
    pub(super) purposes: Vec<&'a [u8]>,
    /// Of notBefore and notAfter.
    pub(super) validity: (TimeForm, TimeForm),
    /// The time for which it is judged.
    pub(super) at: DateTime<Utc>,
}

impl<'a> CertificateView<'a> {
    /// `None` when it is not built as a certificate is.
    pub(super) fn read(encoded: &'a [u8], at: DateTime<Utc>) -> Option<Self> {
        let (fields, outer_algorithm) = signed_fields(encoded)?;
        let (version, fields) = match fields.split_first() {
            Some((first, rest)) if first.tag == 0xa0 => (Some(version_in(first)?), rest),
            _ => (None, fields.as_slice()),
        };
        let (head, tail) = fields.split_at_checked(6)?;
        let [serial, inner_algorithm, issuer, validity, subject, key] = head else {
            return None;
        };
        let validity = as_sequence(validity)?;
        let [not_before, not_after] = validity.as_slice() else {
            return None;
        };
        let key = as_sequence(key)?;
        let [key_algorithm, key_bits] = key.as_slice() else {
            return None;
        };
        if serial.tag != der::INTEGER || key_bits.tag != der::BIT_STRING {
            return None;
        }
        let tail = Tail::read(tail)?;
        let find = |wanted| tail.extensions.iter().find(|one| one.oid == wanted);
        let elements = |wanted| {
            find(wanted)
                .and_then(Extension::elements)
                .unwrap_or_default()
        };
        let purposes = elements(oid::EXTENDED_KEY_USAGE);
        Some(Self {
            version: version.unwrap_or(0).saturating_add(1),
            default_version_written: version == Some(0),
            serial: serial.content,
            inner_algorithm: Algorithm::read(inner_algorithm)?,
            outer_algorithm: Algorithm::read(&outer_algorithm)?,
            issuer: NameView::read(issuer.encoded)?,
            subject: NameView::read(subject.encoded)?,
            not_before: *not_before,
            not_after: *not_after,
            key_algorithm: Algorithm::read(key_algorithm)?,
            key_bits: key_bits.content.get(1..)?,
            has_unique_identifiers: tail.has_unique_identifiers,
            has_extensions: tail.has_extensions,
            basic: find(oid::BASIC_CONSTRAINTS).and_then(Basic::read),
            usage: find(oid::KEY_USAGE).and_then(Usage::read),
            names: elements(oid::SUBJECT_ALT_NAME),
            purposes: purposes.iter().map(|purpose| purpose.content).collect(),
            validity: (TimeForm::of(not_before), TimeForm::of(not_after)),
            extensions: tail.extensions,
            at,
        })
    }

    pub(super) fn is_ca(&self) -> bool {
        self.basic.is_some_and(|basic| basic.ca)
    }

    /// Whether issuer and subject are the same name.
    pub(super) fn is_self_issued(&self) -> bool {
        self.subject.encoded == self.issuer.encoded
    }

    pub(super) fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|one| one.oid == oid)
    }

    /// The elements of an extension whose value is a SEQUENCE; none when it is
    /// missing or malformed, which other rules tell.
    pub(super) fn elements(&self, oid: &[u8]) -> Elements<'a> {
        self.extension(oid)
            .and_then(Extension::elements)
            .unwrap_or_default()
    }

    /// The content of subjectKeyIdentifier.
    pub(super) fn subject_key_identifier(&self) -> Option<&'a [u8]> {
        match der::read(self.extension(oid::SUBJECT_KEY_IDENTIFIER)?.value)? {
            (identifier, []) if identifier.tag == der::OCTET_STRING => Some(identifier.content),
            _ => None,
        }
    }
}

/// What follows the public key.
struct Tail<'a> {
    has_unique_identifiers: bool,
    has_extensions: bool,
    extensions: Vec<Extension<'a>>,
}

impl<'a> Tail<'a> {
    fn read(fields: &[Element<'a>]) -> Option<Self> {
        // Each at most once, in this order.
        if !fields.is_sorted_by(|first, second| first.tag & 0x1f < second.tag & 0x1f) {
            return None;
        }
        let mut tail = Self {
            has_unique_identifiers: false,
            has_extensions: false,
            extensions: Vec::new(),
        };
        for field in fields {
            match field.tag {
                0x81 | 0x82 => tail.has_unique_identifiers = true,
                0xa3 => {
                    tail.has_extensions = true;
                    tail.extensions = read_extensions(field)?;
                }
                _ => return None,
            }
        }
        Some(tail)
    }
}

/// The extensions in an explicitly tagged SEQUENCE.
pub(super) fn read_extensions<'a>(field: &Element<'a>) -> Option<Vec<Extension<'a>>> {
    let list = der::sequence(field.content)?;
    if list.len() > limits::MAX_EXTENSIONS {
        return None;
    }
    list.iter().map(Extension::read).collect()
}

/// What certificates and revocation lists have in common (RFC 5280 sections 4.1
/// and 5.1): the fields that are signed, and the algorithm behind them.
pub(super) fn signed_fields(encoded: &[u8]) -> Option<(Elements<'_>, Element<'_>)> {
    let parts = der::sequence(encoded)?;
    let [tbs, algorithm, signature] = parts.as_slice() else {
        return None;
    };
    if signature.tag != der::BIT_STRING {
        return None;
    }
    Some((as_sequence(tbs)?, *algorithm))
}

pub(super) fn as_sequence<'a>(element: &Element<'a>) -> Option<Elements<'a>> {
    if element.tag != der::SEQUENCE {
        return None;
    }
    der::children(element.content)
}

fn version_in(field: &Element<'_>) -> Option<u32> {
    match der::read(field.content)? {
        (number, []) if number.tag == der::INTEGER => match number.content {
            [version] if *version < 0x80 => Some(u32::from(*version)),
            _ => None,
        },
        _ => None,
    }
}
