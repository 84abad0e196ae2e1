//! Distinguished names, kept byte for byte as they are encoded.

use std::fmt;

use crate::der;
use crate::text::printable;

/// The attribute types that a subject is built from. Their short names are
/// those of RFC 4519, which Roles Anywhere uses in its session tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttributeType {
    /// `C`, countryName.
    Country,
    /// `CN`, commonName.
    CommonName,
    /// `O`, organizationName.
    Organization,
    /// `OU`, organizationalUnitName.
    OrganizationalUnit,
}

impl AttributeType {
    const fn oid(self) -> &'static [u8] {
        match self {
            Self::Country => &[0x55, 0x04, 0x06],
            Self::CommonName => &[0x55, 0x04, 0x03],
            Self::Organization => &[0x55, 0x04, 0x0a],
            Self::OrganizationalUnit => &[0x55, 0x04, 0x0b],
        }
    }
}

/// One attribute of a name, in the order of the encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Attribute {
    short_name: String,
    value: String,
}

/// A distinguished name (RFC 5280 section 4.1.2.4).
///
/// Two names are equal when their encodings are, which is how issuer and
/// subject are matched: a CA copies its own subject's bytes into every
/// certificate that it issues.
#[derive(Clone)]
pub struct DistinguishedName {
    der: Vec<u8>,
    attributes: Vec<Attribute>,
}

impl DistinguishedName {
    /// Takes an encoded Name. `None` when it is not one.
    #[must_use]
    pub fn from_der(encoded: &[u8]) -> Option<Self> {
        let mut attributes = Vec::new();
        for rdn in der::sequence(encoded)? {
            if rdn.tag != der::SET {
                return None;
            }
            for pair in der::children(rdn.content)? {
                let parts = der::children(pair.content)?;
                let [oid, value] = parts.as_slice() else {
                    return None;
                };
                if oid.tag != der::OBJECT_IDENTIFIER {
                    return None;
                }
                attributes.push(Attribute {
                    short_name: short_name(oid.content),
                    value: decode_string(value.tag, value.content),
                });
            }
        }
        Some(Self {
            der: encoded.to_vec(),
            attributes,
        })
    }

    /// Builds a name with one attribute per RDN, in the order given. Values are
    /// UTF8String, the country PrintableString as RFC 5280 demands.
    #[must_use]
    pub fn build(attributes: &[(AttributeType, &str)]) -> Self {
        let rdns: Vec<Vec<u8>> = attributes
            .iter()
            .map(|(kind, value)| {
                let tag = match kind {
                    AttributeType::Country => der::PRINTABLE_STRING,
                    _ => der::UTF8_STRING,
                };
                let pair = der::write_all(
                    der::SEQUENCE,
                    &[
                        &der::write(der::OBJECT_IDENTIFIER, kind.oid()),
                        &der::write(tag, value.as_bytes()),
                    ],
                );
                der::write(der::SET, &pair)
            })
            .collect();
        Self {
            der: der::write(der::SEQUENCE, &rdns.concat()),
            attributes: attributes
                .iter()
                .map(|(kind, value)| Attribute {
                    short_name: short_name(kind.oid()),
                    value: (*value).to_owned(),
                })
                .collect(),
        }
    }

    /// The encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// Whether the name has no attribute at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// The first common name.
    #[must_use]
    pub fn common_name(&self) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.short_name == "CN")
            .map(|attribute| attribute.value.as_str())
    }
}

impl PartialEq for DistinguishedName {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for DistinguishedName {}

impl fmt::Display for DistinguishedName {
    /// Writes `O=Example Corp, CN=web-1` in the order of the certificate, with
    /// control characters escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attributes.is_empty() {
            return f.write_str("(empty name)");
        }
        for (index, attribute) in self.attributes.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let value = printable(&attribute.value, 128);
            write!(f, "{separator}{}={value}", attribute.short_name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DistinguishedName({self})")
    }
}

/// Short names of RFC 4519 (and emailAddress of RFC 2985), else the dotted OID.
fn short_name(oid: &[u8]) -> String {
    let known = match oid {
        [0x55, 0x04, 0x03] => "CN",
        [0x55, 0x04, 0x04] => "SN",
        [0x55, 0x04, 0x05] => "serialNumber",
        [0x55, 0x04, 0x06] => "C",
        [0x55, 0x04, 0x07] => "L",
        [0x55, 0x04, 0x08] => "ST",
        [0x55, 0x04, 0x09] => "street",
        [0x55, 0x04, 0x0a] => "O",
        [0x55, 0x04, 0x0b] => "OU",
        [0x55, 0x04, 0x0c] => "title",
        [0x55, 0x04, 0x2a] => "GN",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        _ => {
            return x509_parser::der_parser::oid::Oid::new(oid.into()).to_id_string();
        }
    };
    known.to_owned()
}

/// Decodes the string types of X.520; what is none of them is shown in hex as
/// RFC 4514 does.
fn decode_string(tag: u8, content: &[u8]) -> String {
    match tag {
        der::UTF8_STRING | der::PRINTABLE_STRING | 0x12 | 0x16 => {
            String::from_utf8_lossy(content).into_owned()
        }
        // TeletexString in the wild is Latin-1.
        0x14 => content.iter().map(|octet| char::from(*octet)).collect(),
        0x1e => {
            let units: Vec<u16> = content
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            String::from_utf16_lossy(&units)
        }
        _ => format!("#{}", hex::encode(content)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_built_name_reads_back_with_repeated_attributes_in_order() {
        let name = DistinguishedName::build(&[
            (AttributeType::Country, "CH"),
            (AttributeType::Organization, "Example Corp"),
            (AttributeType::OrganizationalUnit, "Security"),
            (AttributeType::OrganizationalUnit, "Zürich"),
            (AttributeType::CommonName, "web-1"),
        ]);
        let read = DistinguishedName::from_der(name.der()).unwrap();
        assert_eq!(read, name);
        assert_eq!(
            read.to_string(),
            "C=CH, O=Example Corp, OU=Security, OU=Zürich, CN=web-1"
        );
        assert_eq!(read.common_name(), Some("web-1"));
    }

    #[test]
    fn an_escape_sequence_in_a_name_is_not_shown_raw() {
        let name = DistinguishedName::build(&[(AttributeType::CommonName, "a\u{1b}[31mb")]);
        assert_eq!(name.to_string(), "CN=a\\u{1b}[31mb");
    }
}
