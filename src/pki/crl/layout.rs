//! Where the parts of a list stand (RFC 5280 section 5.1), and its entries one
//! after the other. It reads what `build` has written, a million entries of it,
//! without building anything; `Crl` reads lists of others with x509-parser.

use chrono::{DateTime, Utc};

use crate::der::{self, Element};
use crate::pki::SerialNumber;

use super::time;

/// `id-ce-cRLNumber`.
pub(super) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
/// `id-ce-cRLReasons`.
pub(super) const REASON_CODE: &[u8] = &[0x55, 0x1d, 21];
/// `id-ce-invalidityDate`.
pub(super) const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
/// `id-ce-authorityKeyIdentifier`.
pub(super) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
/// Tag of `[0]`, constructed: crlExtensions.
pub(super) const EXTENSIONS: u8 = 0xa0;
/// Tag of `[0]`, primitive: keyIdentifier.
pub(super) const KEY_IDENTIFIER: u8 = 0x80;

/// The parts of a TBSCertList.
pub(super) struct Layout<'a> {
    /// The version's content; `[1]` for version 2.
    pub(super) version: &'a [u8],
    /// The algorithm, DER.
    pub(super) algorithm: &'a [u8],
    /// The issuer's name, DER.
    pub(super) issuer: &'a [u8],
    pub(super) this_update: DateTime<Utc>,
    pub(super) next_update: Option<DateTime<Utc>>,
    /// The content of revokedCertificates; `None` when it is absent.
    pub(super) revoked: Option<&'a [u8]>,
    pub(super) extensions: Vec<Extension<'a>>,
}

/// An extension, of a list or of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extension<'a> {
    /// The content of its object identifier.
    pub(super) oid: &'a [u8],
    pub(super) critical: bool,
    pub(super) value: &'a [u8],
}

/// An entry as it stands in a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// The content of the serial number.
    pub(super) serial: &'a [u8],
    pub(super) at: DateTime<Utc>,
    pub(super) reason: Option<u8>,
    pub(super) invalid_since: Option<DateTime<Utc>>,
}

impl<'a> Layout<'a> {
    /// Reads a TBSCertList that fills `tbs`. `None` when it is not one.
    pub(super) fn read(tbs: &'a [u8]) -> Option<Self> {
        let parts = der::sequence(tbs)?;
        let mut parts = parts.iter().copied().peekable();
        let mut next_if = |tags: &[u8]| parts.next_if(|part| tags.contains(&part.tag));
        let version = next_if(&[der::INTEGER]).map_or(&[][..], |part| part.content);
        let algorithm = next_if(&[der::SEQUENCE])?.encoded;
        let issuer = next_if(&[der::SEQUENCE])?.encoded;
        let times = [0x17, time::GENERALIZED_TIME];
        let this_update = time::read(next_if(&times)?)?;
        let next_update = match next_if(&times) {
            Some(element) => Some(time::read(element)?),
            None => None,
        };
        let revoked = next_if(&[der::SEQUENCE]).map(|part| part.content);
        let extensions = match next_if(&[EXTENSIONS]) {
            Some(part) => extensions(part.content)?,
            None => Vec::new(),
        };
        if parts.next().is_some() {
            return None;
        }
        Some(Self {
            version,
            algorithm,
            issuer,
            this_update,
            next_update,
            revoked,
            extensions,
        })
    }

    /// The list's number, unsigned big-endian without leading zeros. `None` when
    /// it has none.
    pub(super) fn number(&self) -> Option<SerialNumber> {
        let value = self.value_of(CRL_NUMBER)?;
        match der::read(value)? {
            (element, []) if element.tag == der::INTEGER => {
                SerialNumber::from_der_content(element.content)
            }
            _ => None,
        }
    }

    /// The key identifier of the authority that signed it.
    pub(super) fn key_identifier(&self) -> Option<&'a [u8]> {
        let parts = der::sequence(self.value_of(AUTHORITY_KEY_IDENTIFIER)?)?;
        let identifier = parts.iter().find(|part| part.tag == KEY_IDENTIFIER)?;
        Some(identifier.content)
    }

    fn value_of(&self, oid: &[u8]) -> Option<&'a [u8]> {
        let found = self.extensions.iter().find(|found| found.oid == oid)?;
        Some(found.value)
    }

    /// The entries; `None` in place of one that is malformed, and after it.
    pub(super) fn entries(&self) -> impl Iterator<Item = Option<Entry<'a>>> {
        let mut rest = self.revoked.unwrap_or_default();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let read = der::read(rest);
            rest = read.map_or(&[][..], |(_, rest)| rest);
            Some(read.and_then(|(element, _)| entry(element)))
        })
    }
}

fn entry(element: Element<'_>) -> Option<Entry<'_>> {
    let (serial, rest) = der::read(element.content)?;
    let (at, rest) = der::read(rest)?;
    if element.tag != der::SEQUENCE || serial.tag != der::INTEGER {
        return None;
    }
    let mut entry = Entry {
        serial: serial.content,
        at: time::read(at)?,
        reason: None,
        invalid_since: None,
    };
    if rest.is_empty() {
        return Some(entry);
    }
    // Nothing is collected: a list may have a million of these.
    let (list, []) = der::read(rest)? else {
        return None;
    };
    let mut rest = list.content;
    while !rest.is_empty() {
        let (element, behind) = der::read(rest)?;
        rest = behind;
        let found = extension(element)?;
        let (value, []) = der::read(found.value)? else {
            return None;
        };
        match (found.oid, found.critical) {
            (REASON_CODE, false) if entry.reason.is_none() => match (value.tag, value.content) {
                (der::ENUMERATED, [code]) => entry.reason = Some(*code),
                _ => return None,
            },
            (INVALIDITY_DATE, false) if entry.invalid_since.is_none() => {
                entry.invalid_since = Some(time::read_generalized(value)?);
            }
            _ => return None,
        }
    }
    Some(entry)
}

/// Reads one `Extensions` that fills `input`.
fn extensions(input: &[u8]) -> Option<Vec<Extension<'_>>> {
    der::sequence(input)?.into_iter().map(extension).collect()
}

fn extension(element: Element<'_>) -> Option<Extension<'_>> {
    let (oid, rest) = der::read(element.content)?;
    let (second, behind) = der::read(rest)?;
    // BOOLEAN; DER leaves FALSE out.
    let (critical, value) = match (second.tag, second.content, behind) {
        (_, _, []) => (false, second),
        (1, [0xff], rest) => match der::read(rest)? {
            (value, []) => (true, value),
            _ => return None,
        },
        _ => return None,
    };
    let tags = (element.tag, oid.tag, value.tag);
    let right = tags == (der::SEQUENCE, der::OBJECT_IDENTIFIER, der::OCTET_STRING);
    right.then_some(Extension {
        oid: oid.content,
        critical,
        value: value.content,
    })
}
