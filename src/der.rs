//! The few DER operations that are not worth a full ASN.1 library: walking
//! tag-length-value elements and writing them.
//!
//! It serves where bytes must be taken or replaced *exactly* as they stand:
//! to tell private key formats apart and to splice names and keys into a
//! to-be-signed certificate. Everything that interprets certificates uses
//! `x509-parser`. Rules: X.690, definite lengths only, minimal lengths only.

use smallvec::SmallVec;

/// Tag of INTEGER.
pub const INTEGER: u8 = 0x02;
/// Tag of BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// Tag of OCTET STRING.
pub const OCTET_STRING: u8 = 0x04;
/// Tag of OBJECT IDENTIFIER.
pub const OBJECT_IDENTIFIER: u8 = 0x06;
/// Tag of ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// Tag of UTF8String.
pub const UTF8_STRING: u8 = 0x0c;
/// Tag of PrintableString.
pub const PRINTABLE_STRING: u8 = 0x13;
/// Tag of SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// Tag of SET.
pub const SET: u8 = 0x31;

/// One element: its tag, its content, and the whole of it as it was encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The identifier octet. High tag numbers (`0x1f`) do not occur in the
    /// structures that are walked here and are refused.
    pub tag: u8,
    /// The content octets.
    pub content: &'a [u8],
    /// Identifier, length and content together.
    pub encoded: &'a [u8],
}

/// The elements of a constructed value. Those of a certificate have hardly ever
/// more than eight, which take no memory of their own.
pub type Elements<'a> = SmallVec<[Element<'a>; 8]>;

/// Reads one element from the front of `input` and gives it with the rest.
/// `None` when the bytes are not DER.
#[must_use]
pub fn read(input: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&tag, after_tag) = input.split_first()?;
    if tag & 0x1f == 0x1f {
        return None;
    }
    let (&first, after_length) = after_tag.split_first()?;
    let (length, body) = if first < 0x80 {
        (usize::from(first), after_length)
    } else {
        let count = usize::from(first & 0x7f);
        if count == 0 || count > 4 {
            return None;
        }
        let octets = after_length.get(..count)?;
        let length = octets
            .iter()
            .fold(0usize, |sum, octet| sum << 8 | usize::from(*octet));
        if length < 0x80 || octets.first() == Some(&0) {
            return None;
        }
        (length, after_length.get(count..)?)
    };
    let content = body.get(..length)?;
    let rest = body.get(length..)?;
    let encoded = input.get(..input.len() - rest.len())?;
    Some((
        Element {
            tag,
            content,
            encoded,
        },
        rest,
    ))
}

/// Reads all elements of a constructed element's content. `None` when any of
/// it is not DER.
#[must_use]
pub fn children(mut content: &[u8]) -> Option<Elements<'_>> {
    let mut elements = Elements::new();
    while !content.is_empty() {
        let (element, rest) = read(content)?;
        elements.push(element);
        content = rest;
    }
    Some(elements)
}

/// Reads exactly one SEQUENCE that fills `input`, and gives its elements.
#[must_use]
pub fn sequence(input: &[u8]) -> Option<Elements<'_>> {
    match read(input)? {
        (element, []) if element.tag == SEQUENCE => children(element.content),
        _ => None,
    }
}

/// Writes one element with the minimal length form.
#[must_use]
pub fn write(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::with_capacity(content.len().saturating_add(6));
    append(&mut encoded, tag, content);
    encoded
}

/// Appends one element with the minimal length form.
pub fn append(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    append_head(out, tag, content.len());
    out.extend_from_slice(content);
}

/// Appends identifier and length of an element whose content follows.
pub fn append_head(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    let octets = length.to_be_bytes();
    let significant: &[u8] = octets
        .iter()
        .position(|octet| *octet != 0)
        .map_or(&[0][..], |first| &octets[first..]);
    if length >= 0x80 {
        // At most eight length octets, so the count fits the low seven bits.
        out.push(0x80 | u8::try_from(significant.len()).unwrap_or(8));
    }
    out.extend_from_slice(significant);
}

/// Writes one constructed element from its parts.
#[must_use]
pub fn write_all(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    write(tag, &parts.concat())
}

/// Writes a non-negative INTEGER from big-endian octets, without superfluous
/// zeros and with the one that keeps it from being negative.
#[must_use]
pub fn write_unsigned(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let significant = octets.get(zeros..).unwrap_or_default();
    match significant.first() {
        Some(first) if *first < 0x80 => write(INTEGER, significant),
        _ => write_all(INTEGER, &[&[0], significant]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_minimal_lengths_and_reads_them_back() {
        for length in [0usize, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let content = vec![7u8; length];
            let encoded = write(OCTET_STRING, &content);
            let (element, rest) = read(&encoded).unwrap();
            assert_eq!(element.content, content);
            assert_eq!(element.encoded, encoded);
            assert!(rest.is_empty());
        }
        assert_eq!(write(OCTET_STRING, &[0; 0x80])[..3], [4, 0x81, 0x80]);
    }

    #[test]
    fn writes_integers_without_superfluous_zeros_and_never_negative() {
        for (octets, expected) in [
            (&[][..], &[2, 1, 0][..]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 0x7f], &[2, 1, 0x7f]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 0, 0x80, 1], &[2, 3, 0, 0x80, 1]),
        ] {
            assert_eq!(write_unsigned(octets), expected);
        }
    }

    #[test]
    fn refuses_what_is_not_der() {
        for bad in [
            &b""[..],
            b"\x30",
            b"\x30\x01",
            b"\x30\x80\x00\x00",
            b"\x30\x81\x01\x00",
            b"\x30\x82\x00\x80",
            b"\x1f\x01\x00",
            b"\x30\x85\x01\x01\x01\x01\x01",
        ] {
            assert_eq!(read(bad), None, "{bad:02x?}");
        }
    }
}
