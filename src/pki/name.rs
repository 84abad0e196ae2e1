//! Distinguished names, kept byte for byte as they are encoded.

use std::borrow::Cow;
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
    /// Content octets of the type's OBJECT IDENTIFIER.
    oid: Vec<u8>,
    /// The value's whole encoding.
    encoded: Vec<u8>,
    /// Which RDN of the name it stands in.
    rdn: usize,
    short_name: Cow<'static, str>,
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
        for (index, rdn) in der::sequence(encoded)?.into_iter().enumerate() {
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
                    oid: oid.content.to_vec(),
                    encoded: value.encoded.to_vec(),
                    rdn: index,
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
        let built: Vec<Attribute> = attributes
            .iter()
            .enumerate()
            .map(|(rdn, (kind, value))| {
                let tag = match kind {
                    AttributeType::Country => der::PRINTABLE_STRING,
                    _ => der::UTF8_STRING,
                };
                Attribute {
                    oid: kind.oid().to_vec(),
                    encoded: der::write(tag, value.as_bytes()),
                    rdn,
                    short_name: short_name(kind.oid()),
                    value: (*value).to_owned(),
                }
            })
            .collect();
        let rdns: Vec<Vec<u8>> = built
            .iter()
            .map(|attribute| {
                let oid = der::write(der::OBJECT_IDENTIFIER, &attribute.oid);
                let pair = der::write_all(der::SEQUENCE, &[&oid, &attribute.encoded]);
                der::write(der::SET, &pair)
            })
            .collect();
        Self {
            der: der::write(der::SEQUENCE, &rdns.concat()),
            attributes: built,
        }
    }

    /// The name of a workload: O, each OU, and CN, in this order.
    #[must_use]
    pub fn of_workload<'a>(
        organization: Option<&'a str>,
        units: impl Iterator<Item = &'a str>,
        common_name: &'a str,
    ) -> Self {
        let organization = organization.map(|value| (AttributeType::Organization, value));
        let units = units.map(|value| (AttributeType::OrganizationalUnit, value));
        let attributes: Vec<_> = organization
            .into_iter()
            .chain(units)
            .chain([(AttributeType::CommonName, common_name)])
            .collect();
        Self::build(&attributes)
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

    /// Short name (RFC 4519, else the dotted OID) and value of every attribute,
    /// in the order of the encoding.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attributes
            .iter()
            .map(|attribute| (&*attribute.short_name, attribute.value.as_str()))
    }

    /// The name in the string form of RFC 2253: the last RDN first, `+` between
    /// the attributes of one RDN.
    #[must_use]
    pub fn rfc2253(&self) -> String {
        let mut rdns: Vec<Vec<&Attribute>> = Vec::new();
        for attribute in &self.attributes {
            match rdns.last_mut() {
                Some(rdn) if rdn.iter().any(|other| other.rdn == attribute.rdn) => {
                    rdn.push(attribute);
                }
                _ => rdns.push(vec![attribute]),
            }
        }
        write_rdns(&rdns, Style::Rfc2253)
    }

    /// The name as Go's `pkix.Name.String` prints it, with which certificate
    /// selectors were written for the official helper: the well-known
    /// attributes in a fixed order whatever theirs is, those of one type
    /// together, and all others behind them.
    #[must_use]
    pub fn go_string(&self) -> String {
        let is_known = |attribute: &&Attribute| matches!(attribute.oid.as_slice(), [0x55, 0x04, last] if GO_ORDER.contains(last));
        let others = self.attributes.iter().filter(|one| !is_known(one));
        let mut rdns: Vec<Vec<&Attribute>> = others.map(|attribute| vec![attribute]).collect();
        for last in GO_ORDER {
            let of_type: Vec<&Attribute> = self
                .attributes
                .iter()
                .filter(|attribute| attribute.oid == [0x55, 0x04, last])
                .collect();
            match last {
                // Of these Go keeps the last one only, and none if that is empty.
                COMMON_NAME | SERIAL_NUMBER => {
                    let kept = of_type.last().filter(|one| !one.value.is_empty());
                    rdns.extend(kept.map(|one| vec![*one]));
                }
                _ if of_type.is_empty() => {}
                _ => rdns.push(of_type),
            }
        }
        write_rdns(&rdns, Style::Go)
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

/// Last arc of `id-at` for commonName and serialNumber.
const COMMON_NAME: u8 = 3;
const SERIAL_NUMBER: u8 = 5;

/// Last arcs of the attribute types to which Go gives fields of their own, in
/// the order in which it puts them: C, O, OU, L, ST, STREET, POSTALCODE, CN,
/// SERIALNUMBER.
const GO_ORDER: [u8; 9] = [6, 10, 11, 7, 8, 9, 17, COMMON_NAME, SERIAL_NUMBER];

/// Whose string form of a name is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// That of Go's `pkix.RDNSequence.String`.
    Go,
    /// That of RFC 2253.
    Rfc2253,
}

/// Writes RDNs in reverse.
fn write_rdns(rdns: &[Vec<&Attribute>], style: Style) -> String {
    let rdns: Vec<String> = rdns
        .iter()
        .rev()
        .map(|rdn| {
            let pairs: Vec<String> = rdn.iter().map(|one| write_pair(one, style)).collect();
            pairs.join("+")
        })
        .collect();
    rdns.join(",")
}

/// Types without a name in RFC 2253 section 2.3 or in Go's table are dotted
/// OIDs with the value's encoding in hex.
fn write_pair(attribute: &Attribute, style: Style) -> String {
    let name = match attribute.oid.as_slice() {
        [0x55, 0x04, 3] => "CN",
        [0x55, 0x04, 5] => "SERIALNUMBER",
        [0x55, 0x04, 6] => "C",
        [0x55, 0x04, 7] => "L",
        [0x55, 0x04, 8] => "ST",
        [0x55, 0x04, 9] => "STREET",
        [0x55, 0x04, 10] => "O",
        [0x55, 0x04, 11] => "OU",
        [0x55, 0x04, 17] => "POSTALCODE",
        _ if style == Style::Rfc2253 && matches!(&*attribute.short_name, "DC" | "UID") => {
            &attribute.short_name
        }
        oid => {
            let oid = x509_parser::der_parser::oid::Oid::new(oid.into()).to_id_string();
            let encoded = match style {
                Style::Go => encode_as_go(attribute),
                Style::Rfc2253 => attribute.encoded.clone(),
            };
            return format!("{oid}=#{}", hex::encode(encoded));
        }
    };
    let last = attribute.value.chars().count().saturating_sub(1);
    let mut escaped = String::new();
    for (index, character) in attribute.value.chars().enumerate() {
        let special = match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            '#' => index == 0,
            ' ' => index == 0 || index == last,
            _ => false,
        };
        if special {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    format!("{name}={escaped}")
}

/// The value as Go encodes it anew, having forgotten which type of string it
/// was: as PrintableString if its characters allow, else as UTF8String
/// (`encoding/asn1`, which leaves `*` and `&` out of a PrintableString).
fn encode_as_go(attribute: &Attribute) -> Vec<u8> {
    let is_printable =
        |octet: u8| octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&octet);
    let tag = if attribute.value.bytes().all(is_printable) {
        der::PRINTABLE_STRING
    } else {
        der::UTF8_STRING
    };
    der::write(tag, attribute.value.as_bytes())
}

/// Short names of RFC 4519 (and emailAddress of RFC 2985), else the dotted OID.
pub(super) fn short_name(oid: &[u8]) -> Cow<'static, str> {
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
            let oid = x509_parser::der_parser::oid::Oid::new(oid.into());
            return oid.to_id_string().into();
        }
    };
    known.into()
}

/// Decodes the string types of X.520; what is none of them is shown in hex as
/// RFC 4514 does.
pub(super) fn decode_string(tag: u8, content: &[u8]) -> String {
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
    fn selectors_compare_with_rfc_2253_and_with_the_form_of_go() {
        let name = DistinguishedName::build(&[
            (AttributeType::CommonName, " a,b#"),
            (AttributeType::OrganizationalUnit, "First"),
            (AttributeType::Country, "CH"),
            (AttributeType::OrganizationalUnit, "Second"),
        ]);
        assert_eq!(name.rfc2253(), "OU=Second,C=CH,OU=First,CN=\\ a\\,b#");
        assert_eq!(name.go_string(), "CN=\\ a\\,b#,OU=First+OU=Second,C=CH");
        // emailAddress has no name there; two attributes share one RDN.
        let pair = |oid: &[u8], value: &[u8]| {
            der::write_all(
                der::SEQUENCE,
                &[
                    &der::write(der::OBJECT_IDENTIFIER, oid),
                    &der::write(der::UTF8_STRING, value),
                ],
            )
        };
        let email = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01];
        let both = [pair(&[0x55, 4, 3], b"web"), pair(&email, b"x")].concat();
        let encoded = der::write(der::SEQUENCE, &der::write(der::SET, &both));
        let name = DistinguishedName::from_der(&encoded).unwrap();
        assert_eq!(name.rfc2253(), "CN=web+1.2.840.113549.1.9.1=#0c0178");
        assert_eq!(name.go_string(), "CN=web,1.2.840.113549.1.9.1=#130178");
    }

    #[test]
    fn an_escape_sequence_in_a_name_is_not_shown_raw() {
        let name = DistinguishedName::build(&[(AttributeType::CommonName, "a\u{1b}[31mb")]);
        assert_eq!(name.to_string(), "CN=a\\u{1b}[31mb");
    }
}
