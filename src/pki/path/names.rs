//! Names as RFC 5280 section 7.1 compares them.
//!
//! Which names the service takes for the same is not known. Here it is what the
//! RFC demands: strings are prepared as LDAP does it (RFC 4518), so that case,
//! blanks at the ends or in a row, and the type of string do not count.

use icu_normalizer::ComposingNormalizer;

use crate::der;
use crate::pki::DistinguishedName;

/// Tag of NumericString.
const NUMERIC_STRING: u8 = 0x12;
/// Tag of IA5String.
const IA5_STRING: u8 = 0x16;
/// Tag of UniversalString.
const UNIVERSAL_STRING: u8 = 0x1c;
/// Tag of BMPString.
const BMP_STRING: u8 = 0x1e;

/// A name in the form in which two that match are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct CanonicalName {
    /// Each RDN: its attributes in the order of their canonical bytes, since an
    /// RDN is a set.
    rdns: Vec<Vec<Vec<u8>>>,
}

impl CanonicalName {
    pub(super) fn of(name: &DistinguishedName) -> Option<Self> {
        Self::read(name.der())
    }

    /// Takes an encoded Name. `None` when it is not one.
    pub(super) fn read(encoded: &[u8]) -> Option<Self> {
        let mut rdns = Vec::new();
        for rdn in der::sequence(encoded)? {
            if rdn.tag != der::SET {
                return None;
            }
            let mut attributes = Vec::new();
            for pair in der::children(rdn.content)? {
                let parts = der::children(pair.content)?;
                let [kind, value] = parts.as_slice() else {
                    return None;
                };
                attributes.push(canonical(kind.content, value));
            }
            attributes.sort();
            rdns.push(attributes);
        }
        Some(Self { rdns })
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rdns.is_empty()
    }

    /// Whether it lies in the subtree of `base`: begins with its RDNs (RFC 5280
    /// section 4.2.1.10, X.501 section 9.8).
    pub(super) fn is_within(&self, base: &Self) -> bool {
        self.rdns.starts_with(&base.rdns)
    }
}

/// The octets of an attribute, equal for those that match.
fn canonical(kind: &[u8], value: &der::Element<'_>) -> Vec<u8> {
    let kind = der::write(der::OBJECT_IDENTIFIER, kind);
    match text_of(value).and_then(|text| prepare(&text)) {
        Some(text) => [kind, der::write(der::UTF8_STRING, text.as_bytes())].concat(),
        // What cannot be prepared matches itself alone. The octet before it keeps
        // it from being taken for what was prepared.
        None => [&kind[..], &[0], value.encoded].concat(),
    }
}

/// The characters of a string whose type says what they are. TeletexString does
/// not: it is compared by its encoding, as RFC 5280 section 7.1 allows.
pub(super) fn text_of(value: &der::Element<'_>) -> Option<String> {
    let content = value.content;
    match value.tag {
        der::UTF8_STRING => String::from_utf8(content.to_vec()).ok(),
        der::PRINTABLE_STRING | NUMERIC_STRING | IA5_STRING if content.is_ascii() => {
            String::from_utf8(content.to_vec()).ok()
        }
        BMP_STRING if content.len().is_multiple_of(2) => {
            let units = content.chunks_exact(2);
            let units: Vec<u16> = units
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16(&units).ok()
        }
        UNIVERSAL_STRING if content.len().is_multiple_of(4) => content
            .chunks_exact(4)
            .map(|four| char::from_u32(u32::from_be_bytes([four[0], four[1], four[2], four[3]])))
            .collect(),
        _ => None,
    }
}

/// Prepares a string for being compared without regard to case (RFC 4518
/// section 2). `None` for one with characters that no string may have.
fn prepare(text: &str) -> Option<String> {
    let mapped: String = if text.is_ascii() {
        let mapped = text.chars().filter_map(map);
        mapped.map(|one| one.to_ascii_lowercase()).collect()
    } else {
        let mapped = text.chars().filter_map(map);
        let folded: String = mapped.flat_map(fold).collect();
        let normalizer = ComposingNormalizer::new_nfkc();
        // Normalizing may bring capitals and blanks forth (section 2.2 maps them
        // beforehand by a table of both).
        let normal = normalizer.normalize(&folded);
        let folded: String = normal.chars().filter_map(map).flat_map(fold).collect();
        normalizer.normalize(&folded).into_owned()
    };
    if mapped.chars().any(is_prohibited) {
        return None;
    }
    let words: Vec<&str> = mapped.split(' ').filter(|word| !word.is_empty()).collect();
    Some(words.join(" "))
}

/// Section 2.2: blanks of all kinds become one kind, what is not seen goes.
fn map(character: char) -> Option<char> {
    match character {
        '\t'..='\r' | '\u{85}' => Some(' '),
        '\u{ad}'
        | '\u{34f}'
        | '\u{6dd}'
        | '\u{70f}'
        | '\u{1806}'
        | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2064}'
        | '\u{206a}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffc}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}' => None,
        _ if character.is_control() => None,
        _ if character.is_whitespace() => Some(' '),
        _ => Some(character),
    }
}

/// Full case folding: by way of capitals, which brings those together that have
/// the same ones.
fn fold(character: char) -> impl Iterator<Item = char> {
    character.to_uppercase().flat_map(char::to_lowercase)
}

/// Section 2.4: private use, what is no character, and the replacement for one.
fn is_prohibited(character: char) -> bool {
    let code = u32::from(character);
    matches!(
        character,
        '\u{e000}'..='\u{f8ff}'
            | '\u{f0000}'..='\u{10ffff}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fffd}'
    ) || code & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTABLE: u8 = der::PRINTABLE_STRING;

    /// A name with one common name.
    fn named(tag: u8, content: &[u8]) -> CanonicalName {
        let kind = der::write(der::OBJECT_IDENTIFIER, &[0x55, 4, 3]);
        let pair = der::write_all(der::SEQUENCE, &[&kind, &der::write(tag, content)]);
        let encoded = der::write(der::SEQUENCE, &der::write(der::SET, &pair));
        CanonicalName::read(&encoded).unwrap()
    }

    #[test]
    fn case_blanks_and_the_type_of_string_do_not_count() {
        let plain = named(PRINTABLE, b"Good CA");
        for (tag, content) in [
            (PRINTABLE, &b"good ca"[..]),
            (PRINTABLE, b"  GOOD   CA "),
            (der::UTF8_STRING, b"Good CA"),
            (der::UTF8_STRING, "Good\u{a0}C\u{ad}A".as_bytes()),
            (der::UTF8_STRING, "Ｇood CA".as_bytes()),
            (IA5_STRING, b"Good CA"),
            (BMP_STRING, b"\0G\0o\0o\0d\0 \0C\0A"),
            (
                UNIVERSAL_STRING,
                b"\0\0\0G\0\0\0o\0\0\0o\0\0\0d\0\0\0 \0\0\0C\0\0\0A",
            ),
        ] {
            assert_eq!(named(tag, content), plain, "{tag} {content:02x?}");
        }
        for (tag, content) in [
            (PRINTABLE, &b"GoodCA"[..]),
            (PRINTABLE, b"Good CB"),
            (0x14, b"Good CA"),
            (der::UTF8_STRING, b"Good CA\xff"),
            (BMP_STRING, b"\0G\0o\0"),
        ] {
            assert_ne!(named(tag, content), plain, "{tag} {content:02x?}");
        }
    }

    #[test]
    fn letters_beyond_ascii_are_folded_and_composed() {
        let utf8 = |text: &str| named(der::UTF8_STRING, text.as_bytes());
        assert_eq!(utf8("Zürich"), utf8("ZU\u{308}RICH"));
        assert_eq!(utf8("Straße"), utf8("STRASSE"));
        assert_eq!(utf8("Σίσυφος"), utf8("ΣΊΣΥΦΟΣ"));
        assert_eq!(utf8("ﬁn"), utf8("FIN"));
        assert_ne!(utf8("Zürich"), utf8("Zurich"));
        // What may not be there matches its own encoding alone.
        assert_ne!(utf8("a\u{e000}"), utf8("A\u{e000}"));
        assert_eq!(utf8("a\u{e000}"), utf8("a\u{e000}"));
    }

    #[test]
    fn an_rdn_is_a_set_and_a_name_a_sequence() {
        let pair = |last: u8, text: &str| {
            let kind = der::write(der::OBJECT_IDENTIFIER, &[0x55, 4, last]);
            der::write_all(
                der::SEQUENCE,
                &[&kind, &der::write(PRINTABLE, text.as_bytes())],
            )
        };
        let name = |rdns: &[&[Vec<u8>]]| {
            let rdns: Vec<Vec<u8>> = rdns
                .iter()
                .map(|pairs| der::write(der::SET, &pairs.concat()))
                .collect();
            CanonicalName::read(&der::write(der::SEQUENCE, &rdns.concat())).unwrap()
        };
        let (a, b) = (pair(10, "A"), pair(11, "b"));
        let together = name(&[&[a.clone(), b.clone()]]);
        assert_eq!(together, name(&[&[b.clone(), pair(10, "a")]]));
        let apart = name(&[std::slice::from_ref(&a), std::slice::from_ref(&b)]);
        assert_ne!(apart, together);
        assert_ne!(
            apart,
            name(&[std::slice::from_ref(&b), std::slice::from_ref(&a)])
        );
        assert!(apart.is_within(&name(&[std::slice::from_ref(&a)])));
        assert!(!apart.is_within(&name(&[std::slice::from_ref(&b)])));
        assert!(!together.is_within(&name(&[std::slice::from_ref(&a)])));
        assert!(apart.is_within(&CanonicalName::default()));
    }
}
