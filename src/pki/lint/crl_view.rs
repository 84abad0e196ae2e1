//! A revocation list as its encoding has it, for rules to look at.

use chrono::{DateTime, Utc};

use crate::der::{self, Element};

use super::form::{GENERALIZED_TIME, UTC_TIME};
use super::name::NameView;
use super::view::{Algorithm, Extension, as_sequence, read_extensions, signed_fields};

/// One revoked certificate (RFC 5280 section 5.1.2.6).
pub(super) struct Entry<'a> {
    /// Content of the INTEGER.
    pub(super) serial: &'a [u8],
    pub(super) date: Element<'a>,
    /// The SEQUENCE of its extensions, where there is one.
    extensions: Option<Element<'a>>,
}

impl<'a> Entry<'a> {
    fn read(element: &Element<'a>) -> Option<Self> {
        let parts = as_sequence(element)?;
        let (serial, date, extensions) = match parts.as_slice() {
            [serial, date] => (serial, date, None),
            [serial, date, extensions] if extensions.tag == der::SEQUENCE => {
                (serial, date, Some(*extensions))
            }
            _ => return None,
        };
        (serial.tag == der::INTEGER).then_some(Self {
            serial: serial.content,
            date: *date,
            extensions,
        })
    }

    /// Its extensions; none that are malformed.
    pub(super) fn extensions(&self) -> impl Iterator<Item = Extension<'a>> {
        let list = self
            .extensions
            .and_then(|extensions| der::children(extensions.content));
        list.unwrap_or_default()
            .into_iter()
            .filter_map(|element| Extension::read(&element))
    }

    pub(super) const fn has_extensions(&self) -> bool {
        self.extensions.is_some()
    }
}

/// A revocation list, element by element.
pub(super) struct CrlView<'a> {
    /// X.509 version as people count it.
    pub(super) version: u32,
    pub(super) inner_algorithm: Algorithm<'a>,
    pub(super) outer_algorithm: Algorithm<'a>,
    pub(super) issuer: NameView<'a>,
    pub(super) this_update: Element<'a>,
    pub(super) next_update: Option<Element<'a>>,
    /// Whether the list of revoked certificates is there, empty or not.
    pub(super) has_entries: bool,
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) extensions: Vec<Extension<'a>>,
    /// Octets of the whole list.
    pub(super) octets: usize,
    /// The time for which it is judged.
    pub(super) at: DateTime<Utc>,
}

impl<'a> CrlView<'a> {
    /// `None` when it is not built as a revocation list is (RFC 5280 section
    /// 5.1).
    pub(super) fn read(encoded: &'a [u8], at: DateTime<Utc>) -> Option<Self> {
        let (fields, outer_algorithm) = signed_fields(encoded)?;
        let mut fields = fields.into_iter().peekable();
        let version = match fields.next_if(|field| field.tag == der::INTEGER) {
            None => 1,
            Some(number) => match number.content {
                [number] if *number < 0x80 => u32::from(*number) + 1,
                _ => return None,
            },
        };
        let inner_algorithm = Algorithm::read(&fields.next()?)?;
        let issuer = NameView::read(fields.next()?.encoded)?;
        let is_time = |field: &Element<'_>| matches!(field.tag, UTC_TIME | GENERALIZED_TIME);
        let this_update = fields.next().filter(is_time)?;
        let next_update = fields.next_if(is_time);
        let revoked = fields.next_if(|field| field.tag == der::SEQUENCE);
        let entries = match revoked {
            None => Vec::new(),
            Some(list) => der::children(list.content)?
                .iter()
                .map(Entry::read)
                .collect::<Option<_>>()?,
        };
        let extensions = match fields.next_if(|field| field.tag == 0xa0) {
            None => Vec::new(),
            Some(field) => read_extensions(&field)?,
        };
        if fields.next().is_some() {
            return None;
        }
        Some(Self {
            version,
            inner_algorithm,
            outer_algorithm: Algorithm::read(&outer_algorithm)?,
            issuer,
            this_update,
            next_update,
            has_entries: revoked.is_some(),
            entries,
            extensions,
            octets: encoded.len(),
            at,
        })
    }

    pub(super) fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|one| one.oid == oid)
    }
}
