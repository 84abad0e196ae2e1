//! What Roles Anywhere derives from a certificate for the session: source
//! identity, session name and principal tags.

use crate::pki::{Certificate, DistinguishedName};
use crate::text;

use super::{AttributeMapping, Mapped, UnmappedAttributes};

/// One principal tag, under its key without `aws:PrincipalTag/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalTag {
    /// For example `x509Subject/CN`.
    pub key: String,
    /// The value.
    pub value: String,
}

/// The session's identity, as far as the certificate decides it (user guide,
/// "Source identity", "Attribute mapping").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// `sts:SourceIdentity`.
    pub source_identity: String,
    /// Whether the user guide says what the source identity of such a
    /// certificate is: not with several common names, nor with one that has
    /// other characters or another length than a source identity.
    pub source_identity_documented: bool,
    /// The session name, unless the profile accepts one from the request.
    pub session_name: String,
    /// Whether the user guide says what the session name of such a serial number
    /// is: not whether a number of odd length has a leading zero.
    pub session_name_documented: bool,
    /// The tags, in the order of the certificate.
    pub tags: Vec<PrincipalTag>,
    /// Tags that are not set, since their value has characters or a length that
    /// no tag may have.
    pub left_out: Vec<PrincipalTag>,
    /// Tags of attributes for whose types the user guide has no name, under the
    /// name that RFC 4519 has; AWS may set them under another one, or not.
    pub undocumented: Vec<PrincipalTag>,
    /// Tags that are not set, since the profile's mapping leaves them out.
    pub unmapped: Vec<PrincipalTag>,
    /// The alternative names behind the first of their kind, of which there is no
    /// tag: each as the tag that it would have been.
    pub not_first: Vec<PrincipalTag>,
}

impl Principal {
    /// Derives it with a profile's attribute mapping.
    #[must_use]
    pub fn of(leaf: &Certificate, mapping: &AttributeMapping) -> Self {
        let mut tags = Vec::new();
        add_name(&mut tags, "x509Subject", leaf.subject());
        add_name(&mut tags, "x509Issuer", leaf.issuer());
        let single = [("DNS", leaf.first_dns_name()), ("URI", leaf.first_uri())];
        for (kind, value) in single {
            tags.extend(value.map(|value| PrincipalTag {
                key: format!("x509SAN/{kind}"),
                value: value.to_owned(),
            }));
        }
        if let Some(name) = leaf.first_directory_name() {
            add_name(&mut tags, "x509SAN/Name", name);
        }
        let is_mapped = |tag: &PrincipalTag| mapping.maps_key(&tag.key) != Mapped::No;
        let is_documented = |tag: &PrincipalTag| {
            is_documented(tag) && mapping.maps_key(&tag.key) != Mapped::Undocumented
        };
        let (tags, unmapped): (Vec<_>, Vec<_>) = tags.into_iter().partition(is_mapped);
        let (tags, left_out): (Vec<_>, Vec<_>) = tags.into_iter().partition(is_legal);
        let (tags, undocumented) = tags.into_iter().partition(is_documented);
        let session_name = leaf.serial().hex();
        Self {
            source_identity: source_identity(leaf),
            source_identity_documented: has_documented_source_identity(leaf),
            session_name_documented: !session_name.starts_with('0'),
            session_name,
            tags,
            left_out,
            undocumented,
            unmapped,
            not_first: not_first(leaf),
        }
    }
}

impl PrincipalTag {
    /// Whether its value has more characters than a tag's may have.
    pub(super) fn is_too_long(&self) -> bool {
        self.value.chars().count() > 256
    }
}

impl Principal {
    /// The attributes of which AWS tells, where it refuses to assume a role, that
    /// they could not become tags; nothing where there are none. How it counts the
    /// alternative names is taken from the one that was seen, `DNS/2`.
    #[must_use]
    pub fn failed(&self, leaf: &Certificate) -> Option<UnmappedAttributes> {
        let mut failed = UnmappedAttributes::default();
        for tag in &self.left_out {
            let (field, name) = tag.key.split_once('/')?;
            match field {
                "x509Issuer" => failed.issuer.push(name.to_owned()),
                "x509Subject" => failed.subject.push(name.to_owned()),
                _ if name.starts_with("Name/") => failed.san.push(name.to_owned()),
                _ => {}
            }
        }
        let is_left_out = |kind: &str| {
            let mut left_out = self.left_out.iter();
            left_out.any(|tag| tag.key == format!("x509SAN/{kind}"))
        };
        let mut seen = Vec::new();
        for (place, name) in (1..).zip(leaf.alternative_names()) {
            let kind = name.split(':').next().unwrap_or_default();
            if !matches!(kind, "DNS" | "URI") {
                continue;
            }
            if seen.contains(&kind) || is_left_out(kind) {
                failed.san.push(format!("{kind}/{place}"));
            }
            seen.push(kind);
        }
        (failed != UnmappedAttributes::default()).then_some(failed)
    }
}

/// The DNS names and URIs behind the first ones.
fn not_first(leaf: &Certificate) -> Vec<PrincipalTag> {
    let mut found = Vec::new();
    for kind in ["DNS", "URI"] {
        let names = leaf.alternative_names().iter();
        let of_kind = names.filter_map(|name| name.strip_prefix(kind)?.strip_prefix(':'));
        found.extend(of_kind.skip(1).map(|value| PrincipalTag {
            key: format!("x509SAN/{kind}"),
            value: value.to_owned(),
        }));
    }
    found
}

/// `CN=` and the common name up to 61 characters, the bare name up to 64, the
/// serial number without a name (user guide, "Source identity").
fn source_identity(leaf: &Certificate) -> String {
    match leaf.subject().common_name() {
        Some(name) if name.chars().count() <= 61 => format!("CN={name}"),
        Some(name) => name.to_owned(),
        None => format!("ID={}", leaf.serial().hex()),
    }
}

fn has_documented_source_identity(leaf: &Certificate) -> bool {
    let mut names = leaf
        .subject()
        .attributes()
        .filter(|(short_name, _)| *short_name == "CN");
    match (names.next(), names.next()) {
        (None, _) => true,
        (Some((_, name)), None) => {
            (1..=64).contains(&name.chars().count()) && name.chars().all(text::is_tag_character)
        }
        (Some(_), Some(_)) => false,
    }
}

/// One tag for each type of attribute; several values are joined with `/` in the
/// order of the certificate (user guide, "Attribute mapping").
fn add_name(tags: &mut Vec<PrincipalTag>, field: &str, name: &DistinguishedName) {
    let first = tags.len();
    for (short_name, value) in name.attributes() {
        let key = format!("{field}/{short_name}");
        match tags.iter_mut().skip(first).find(|tag| tag.key == key) {
            Some(tag) => {
                tag.value.push('/');
                tag.value.push_str(value);
            }
            None => tags.push(PrincipalTag {
                key,
                value: value.to_owned(),
            }),
        }
    }
}

/// STS, "Tag": a key of up to 128 and a value of up to 256 characters.
fn is_legal(tag: &PrincipalTag) -> bool {
    tag.key.chars().count() <= 128
        && !tag.is_too_long()
        && tag.value.chars().all(text::is_tag_character)
}

/// Whether the user guide ("Attribute mapping") or the API's model names the
/// attribute's type.
fn is_documented(tag: &PrincipalTag) -> bool {
    let name = tag.key.rsplit('/').next().unwrap_or_default();
    matches!(
        name,
        "C" | "CN" | "DNS" | "L" | "O" | "OU" | "ST" | "UID" | "URI"
    )
}
