//! PKCS#11 URIs (RFC 7512): which object, in which token, through which module.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::limits;
use crate::secret::Secret;

/// A PKCS#11 URI (RFC 7512 section 2.3).
///
/// What it does not name, it does not restrict. Its `Display` is a complete
/// URI in a fixed order that never holds the `pin-value`; its `Debug` does not
/// show that either. Vendor-specific attributes are read over.
#[derive(Clone, Debug, Default)]
pub struct Pkcs11Uri {
    pub(super) token: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) model: Option<String>,
    pub(super) library_manufacturer: Option<String>,
    pub(super) library_description: Option<String>,
    /// Major and minor number.
    pub(super) library_version: Option<(u8, u8)>,
    pub(super) slot_description: Option<String>,
    pub(super) slot_manufacturer: Option<String>,
    pub(super) slot_id: Option<u64>,
    /// The object's CKA_LABEL.
    pub(super) object: Option<String>,
    pub(super) kind: Option<ObjectKind>,
    /// The object's CKA_ID, any octets.
    pub(super) id: Option<Vec<u8>>,
    pub(super) pin_source: Option<String>,
    pub(super) pin_value: Option<Arc<Secret>>,
    pub(super) module_name: Option<String>,
    pub(super) module_path: Option<PathBuf>,
}

/// The `type` attribute: the class of object that a URI names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// `cert`: a certificate.
    Certificate,
    /// `data`: application data.
    Data,
    /// `private`: a private key.
    Private,
    /// `public`: a public key.
    Public,
    /// `secret-key`: a symmetric key.
    SecretKey,
}

/// Why a text is not a PKCS#11 URI. No message holds a value: it could be a
/// PIN, or the end of one that was not percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Pkcs11UriError {
    /// A character that must be percent-encoded.
    #[error("the value of '{attribute}' holds a character that must be percent-encoded")]
    Character {
        /// The attribute.
        attribute: String,
    },
    /// An attribute stands twice.
    #[error("the attribute '{attribute}' stands twice")]
    Duplicate {
        /// The attribute.
        attribute: String,
    },
    /// A percent sign without two hexadecimal digits.
    #[error("the value of '{attribute}' holds a '%' without two hexadecimal digits")]
    Encoding {
        /// The attribute.
        attribute: String,
    },
    /// A part that is not `name=value`.
    #[error("part {position} of the {component} is not NAME=VALUE")]
    Malformed {
        /// `path` or `query`.
        component: &'static str,
        /// Which part, counted from one.
        position: usize,
    },
    /// The text does not begin with `pkcs11:`.
    #[error("it does not begin with 'pkcs11:'")]
    Scheme,
    /// The text is too long.
    #[error("it is longer than {} bytes", limits::MAX_PKCS11_URI)]
    TooLong,
    /// Both `pin-source` and `pin-value` are given (RFC 7512 section 2.4).
    #[error("it has both 'pin-source' and 'pin-value'")]
    TwoPins,
    /// An attribute of the path that RFC 7512 does not know.
    #[error("the path has no attribute '{attribute}'")]
    Unknown {
        /// The attribute.
        attribute: String,
    },
    /// An attribute of the query that RFC 7512 does not know.
    #[error(
        "the attribute in part {position} of the query is unknown; the query takes pin-source, pin-value, module-name and module-path, and '&' in a value is written %26"
    )]
    UnknownQuery {
        /// Which part, counted from one.
        position: usize,
    },
    /// A value that its attribute does not take.
    #[error("the value of '{attribute}' is not {expected}")]
    Value {
        /// The attribute.
        attribute: String,
        /// What it takes.
        expected: &'static str,
    },
}

const SCHEME: &str = "pkcs11:";

impl Pkcs11Uri {
    /// Whether it holds a PIN, which whoever can read the URI can read too.
    #[must_use]
    pub const fn has_pin_value(&self) -> bool {
        self.pin_value.is_some()
    }

    /// Whether the text means to be a PKCS#11 URI and not a file's name. What
    /// has a `pin-value` is one even with a mistyped scheme: as a file's name it
    /// would be shown, with the PIN, in the message that there is no such file.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        without_scheme(text).is_some() || text.contains("pin-value=")
    }

    /// Whether it restricts nothing, so that any object of any token fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.to_string() == SCHEME
    }

    /// The library, or the directory of it, that the URI names (`module-path`,
    /// RFC 7512 section 2.4).
    #[must_use]
    pub fn module_path(&self) -> Option<&Path> {
        self.module_path.as_deref()
    }

    /// The class of object that the URI names, if it names one.
    #[must_use]
    pub const fn kind(&self) -> Option<ObjectKind> {
        self.kind
    }
}

impl FromStr for Pkcs11Uri {
    type Err = Pkcs11UriError;

    fn from_str(text: &str) -> Result<Self, Pkcs11UriError> {
        if text.len() > limits::MAX_PKCS11_URI {
            return Err(Pkcs11UriError::TooLong);
        }
        let rest = without_scheme(text).ok_or(Pkcs11UriError::Scheme)?;
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let mut uri = Self::default();
        let mut seen = Vec::new();
        for part in parts(path, ';', "path") {
            let (_, name, value) = part?;
            // RFC 7512 section 2.3: no name stands twice in the path.
            once(&mut seen, name)?;
            uri.take_path(name, Value::new(name, value, Component::Path)?)?;
        }
        let mut seen = Vec::new();
        for part in parts(query.unwrap_or_default(), '&', "query") {
            let (position, name, value) = part?;
            // Vendors may repeat theirs in the query.
            if is_vendors(name) {
                continue;
            }
            if !QUERY_NAMES.contains(&name) {
                return Err(Pkcs11UriError::UnknownQuery { position });
            }
            once(&mut seen, name)?;
            uri.take_query(name, Value::new(name, value, Component::Query)?)?;
        }
        if uri.pin_source.is_some() && uri.pin_value.is_some() {
            return Err(Pkcs11UriError::TwoPins);
        }
        Ok(uri)
    }
}

impl Pkcs11Uri {
    fn take_path(&mut self, name: &str, value: Value<'_>) -> Result<(), Pkcs11UriError> {
        match name {
            "token" => self.token = Some(value.text()?),
            "manufacturer" => self.manufacturer = Some(value.text()?),
            "serial" => self.serial = Some(value.text()?),
            "model" => self.model = Some(value.text()?),
            "library-manufacturer" => self.library_manufacturer = Some(value.text()?),
            "library-description" => self.library_description = Some(value.text()?),
            "library-version" => {
                let version = version(&value.text()?);
                let expected = "a version such as 2 or 2.6";
                self.library_version = Some(version.ok_or_else(|| value.not(expected))?);
            }
            "slot-description" => self.slot_description = Some(value.text()?),
            "slot-manufacturer" => self.slot_manufacturer = Some(value.text()?),
            "slot-id" => {
                let number = digits(&value.text()?);
                self.slot_id = Some(number.ok_or_else(|| value.not("a decimal number"))?);
            }
            "object" => self.object = Some(value.text()?),
            "type" => {
                let kind = ObjectKind::of_name(&value.text()?);
                let expected = "one of cert, data, private, public and secret-key";
                self.kind = Some(kind.ok_or_else(|| value.not(expected))?);
            }
            "id" => self.id = Some(value.octets()),
            _ if is_vendors(name) => {}
            _ => {
                return Err(Pkcs11UriError::Unknown {
                    attribute: crate::text::printable(name, 40),
                });
            }
        }
        Ok(())
    }

    fn take_query(&mut self, name: &str, value: Value<'_>) -> Result<(), Pkcs11UriError> {
        match name {
            "pin-source" => self.pin_source = Some(value.text()?),
            "pin-value" => self.pin_value = Some(Arc::new(Secret::new(value.octets()))),
            "module-name" => self.module_name = Some(value.text()?),
            _ => self.module_path = Some(PathBuf::from(value.text()?)),
        }
        Ok(())
    }
}

impl fmt::Display for Pkcs11Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Option<String>| {
            value
                .as_deref()
                .map(|text| utf8_percent_encode(text, &RESERVED).to_string())
        };
        let version = |(major, minor)| format!("{major}.{minor}");
        let path = [
            ("library-manufacturer", text(&self.library_manufacturer)),
            ("library-description", text(&self.library_description)),
            ("library-version", self.library_version.map(version)),
            ("slot-manufacturer", text(&self.slot_manufacturer)),
            ("slot-description", text(&self.slot_description)),
            ("slot-id", self.slot_id.map(|number| number.to_string())),
            ("model", text(&self.model)),
            ("manufacturer", text(&self.manufacturer)),
            ("serial", text(&self.serial)),
            ("token", text(&self.token)),
            ("id", self.id.as_deref().map(encode_id)),
            ("object", text(&self.object)),
            ("type", self.kind.map(|kind| kind.name().to_owned())),
        ];
        let module_path = self
            .module_path
            .as_deref()
            .and_then(Path::to_str)
            .map(|path| utf8_percent_encode(path, &RESERVED_IN_QUERY).to_string());
        let pin_source = self
            .pin_source
            .as_deref()
            .map(|source| utf8_percent_encode(source, &RESERVED_IN_QUERY).to_string());
        let query = [
            ("pin-source", pin_source),
            ("module-name", text(&self.module_name)),
            ("module-path", module_path),
        ];
        f.write_str(SCHEME)?;
        write_parts(f, path, "", ";")?;
        write_parts(f, query, "?", "&")
    }
}

impl ObjectKind {
    const ALL: [Self; 5] = [
        Self::Certificate,
        Self::Data,
        Self::Private,
        Self::Public,
        Self::SecretKey,
    ];

    /// The word that stands for it in a URI.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certificate => "cert",
            Self::Data => "data",
            Self::Private => "private",
            Self::Public => "public",
            Self::SecretKey => "secret-key",
        }
    }

    fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Certificate => "certificate",
            Self::Data => "data object",
            Self::Private => "private key",
            Self::Public => "public key",
            Self::SecretKey => "secret key",
        })
    }
}

const QUERY_NAMES: [&str; 4] = ["module-name", "module-path", "pin-source", "pin-value"];

/// All but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Paths in the query keep their slashes and `file:` its colon.
const RESERVED_IN_QUERY: AsciiSet = RESERVED.remove(b'/').remove(b':');

/// The text after the scheme, whose letters have no case (RFC 3986 section 3.1).
fn without_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// Splits a component into positions, names and encoded values.
fn parts<'a>(
    text: &'a str,
    separator: char,
    component: &'static str,
) -> impl Iterator<Item = Result<(usize, &'a str, &'a str), Pkcs11UriError>> {
    let whole = (!text.is_empty()).then_some(text);
    whole
        .into_iter()
        .flat_map(move |text| text.split(separator))
        .zip(1..)
        .map(move |(part, position)| match part.split_once('=') {
            Some((name, value)) if !name.is_empty() => Ok((position, name, value)),
            _ => Err(Pkcs11UriError::Malformed {
                component,
                position,
            }),
        })
}

fn once<'a>(seen: &mut Vec<&'a str>, name: &'a str) -> Result<(), Pkcs11UriError> {
    if seen.contains(&name) {
        return Err(Pkcs11UriError::Duplicate {
            attribute: crate::text::printable(name, 40),
        });
    }
    seen.push(name);
    Ok(())
}

/// Whether a name is a vendor's. The grammar (RFC 7512 section 2.3) lets it be
/// any name, in the examples it has a prefix and a hyphen. A prefix is demanded
/// here, and it may not be one of the standard's own: else a mistyped `objekt`
/// or `slot-nr` would widen the search without a word.
fn is_vendors(name: &str) -> bool {
    let fits = name
        .bytes()
        .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
    match name.split_once('-') {
        Some((prefix, word)) if fits && !word.is_empty() => {
            !prefix.is_empty() && !["library", "module", "pin", "slot"].contains(&prefix)
        }
        _ => false,
    }
}

#[derive(Clone, Copy)]
enum Component {
    Path,
    Query,
}

/// A value whose characters and percent-encoding are right.
struct Value<'a> {
    attribute: &'a str,
    encoded: &'a str,
}

impl<'a> Value<'a> {
    fn new(
        attribute: &'a str,
        encoded: &'a str,
        component: Component,
    ) -> Result<Self, Pkcs11UriError> {
        let attribute_name = || crate::text::printable(attribute, 40);
        // pk11-res-avail of RFC 7512 section 2.3, and what each component adds.
        let further: &[u8] = match component {
            Component::Path => b"&",
            Component::Query => b"/?|",
        };
        let mut octets = encoded.bytes();
        while let Some(octet) = octets.next() {
            if octet == b'%' {
                let digits = [octets.next(), octets.next()];
                if !digits
                    .iter()
                    .all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
                {
                    return Err(Pkcs11UriError::Encoding {
                        attribute: attribute_name(),
                    });
                }
            } else if !octet.is_ascii_alphanumeric()
                && !b"-._~:[]@!$'()*+,=".contains(&octet)
                && !further.contains(&octet)
            {
                return Err(Pkcs11UriError::Character {
                    attribute: attribute_name(),
                });
            }
        }
        Ok(Self { attribute, encoded })
    }

    fn octets(&self) -> Vec<u8> {
        // Full size at once: growing would leave copies of a PIN behind.
        let mut decoded = Vec::with_capacity(self.encoded.len());
        decoded.extend(percent_decode_str(self.encoded));
        decoded
    }

    fn text(&self) -> Result<String, Pkcs11UriError> {
        match percent_decode_str(self.encoded).decode_utf8() {
            Ok(text) if !text.contains('\0') => Ok(text.into_owned()),
            _ => Err(self.not("UTF-8 text")),
        }
    }

    fn not(&self, expected: &'static str) -> Pkcs11UriError {
        Pkcs11UriError::Value {
            attribute: self.attribute.to_owned(),
            expected,
        }
    }
}

/// A number without the sign that `parse` would take.
fn digits<N: FromStr>(text: &str) -> Option<N> {
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// `M` or `M.N`; the minor number is 0 when it is left out (section 2.3).
fn version(text: &str) -> Option<(u8, u8)> {
    let (major, minor) = text.split_once('.').unwrap_or((text, "0"));
    Some((digits(major)?, digits(minor)?))
}

/// Every octet encoded: section 2.3 recommends it for the whole value.
fn encode_id(id: &[u8]) -> String {
    id.iter().map(|octet| format!("%{octet:02X}")).collect()
}

fn write_parts<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    parts: [(&str, Option<String>); N],
    first: &str,
    between: &str,
) -> fmt::Result {
    let mut before = first;
    for (name, value) in parts {
        if let Some(value) = value {
            write!(f, "{before}{name}={value}")?;
            before = between;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
