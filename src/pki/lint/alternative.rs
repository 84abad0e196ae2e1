//! Rules for subjectAltName (RFC 5280 section 4.2.1.6).

use std::borrow::Cow;

use crate::der::{self, Element};
use crate::text::is_tag_character;

use super::view::CertificateView;
use super::{ATTRIBUTE_MAPPING, Check, Level, Notes, Rule, Source, oid, rule};

const SECTION: Source = Source::Standard("RFC 5280 section 4.2.1.6");

/// Tags of a GeneralName.
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const DIRECTORY: u8 = 0xa4;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

/// Longest value of a session tag, in characters (STS API, "Tag").
const MOST_TAG: usize = 256;

pub(super) const RULES: &[Rule] = &[
    rule(
        Level::Error,
        "san_empty",
        SECTION,
        "write a name, or leave the extension out",
        Check::Certificate(empty),
    ),
    rule(
        Level::Error,
        "san_not_ascii",
        SECTION,
        "write international names as xn-- labels, and URIs with % escapes",
        Check::Certificate(not_ascii),
    ),
    rule(
        Level::Error,
        "san_dns",
        SECTION,
        "write labels of 1 to 63 letters, digits and hyphens, 253 characters in all; an address is an iPAddress",
        Check::Certificate(dns),
    ),
    rule(
        Level::Notice,
        "san_dns_underscore",
        SECTION,
        "use no underscore in names of hosts; some verifiers refuse it",
        Check::Certificate(underscore),
    ),
    rule(
        Level::Error,
        "san_ip",
        SECTION,
        "write 4 octets for IPv4 and 16 for IPv6, without a mask",
        Check::Certificate(ip),
    ),
    rule(
        Level::Error,
        "san_uri",
        SECTION,
        "write an absolute URI, with a host when it has an authority",
        Check::Certificate(uri),
    ),
    rule(
        Level::Error,
        "san_email",
        SECTION,
        "write local-part@host, without a name or angle brackets",
        Check::Certificate(email),
    ),
    rule(
        Level::Error,
        "san_directory_name",
        SECTION,
        "write a name that is not empty",
        Check::Certificate(directory_name),
    ),
    rule(
        Level::Notice,
        "san_duplicate",
        SECTION,
        "write each name once",
        Check::Certificate(duplicate),
    ),
    rule(
        Level::Notice,
        "san_later_of_kind",
        ATTRIBUTE_MAPPING,
        "put the name that policies look at first: only the first DNS name, URI and directory name become tags",
        Check::Certificate(later_of_kind),
    ),
    rule(
        Level::Notice,
        "san_tag_characters",
        ATTRIBUTE_MAPPING,
        "do not rely on the tag of this name: AWS leaves a value out that no tag may have",
        Check::Certificate(tag_characters),
    ),
];

const PLACE: &str = "extensions.subjectAltName";

fn text<'a>(name: &Element<'a>) -> Cow<'a, str> {
    String::from_utf8_lossy(name.content)
}

fn each(
    view: &CertificateView<'_>,
    tag: u8,
    notes: &mut Notes,
    look: impl Fn(&str) -> Option<&'static str>,
) {
    for name in &view.names {
        if name.tag == tag && name.content.is_ascii() {
            let text = text(name);
            if let Some(wrong) = look(&text) {
                notes.say(PLACE, format!("'{text}' {wrong}"));
            }
        }
    }
}

fn empty(view: &CertificateView<'_>, notes: &mut Notes) {
    let extension = view.extension(oid::SUBJECT_ALT_NAME);
    if extension.is_some_and(|one| one.value == [der::SEQUENCE, 0]) {
        notes.say(PLACE, "there is no name in it");
    }
}

fn not_ascii(view: &CertificateView<'_>, notes: &mut Notes) {
    for name in &view.names {
        if matches!(name.tag, EMAIL | DNS | URI) && !name.content.is_ascii() {
            notes.say(PLACE, format!("'{}' is not ASCII", text(name)));
        }
    }
}

fn dns(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, DNS, notes, |name| wrong_host(name, true));
}

/// What is wrong with the name of a host (RFC 1034 section 3.5, RFC 1123 section
/// 2.1); underscores are another rule's.
fn wrong_host(name: &str, wildcard: bool) -> Option<&'static str> {
    if name.is_empty() || name.trim() != name {
        return Some("is blank, or has blanks around it");
    }
    if name.len() > 253 {
        return Some("is longer than 253 characters");
    }
    if name.parse::<std::net::IpAddr>().is_ok() {
        return Some("is an address");
    }
    let labels = match name.strip_prefix("*.") {
        Some(labels) if wildcard => labels,
        _ => name,
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b"-_".contains(&octet))
    };
    (!labels.split('.').all(is_label)).then_some("has a label that no host has")
}

fn underscore(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, DNS, notes, |name| {
        name.contains('_').then_some("has an underscore")
    });
}

fn ip(view: &CertificateView<'_>, notes: &mut Notes) {
    for name in &view.names {
        let count = name.content.len();
        if name.tag == IP && !matches!(count, 4 | 16) {
            notes.say(PLACE, format!("an address has {count} octets"));
        }
    }
}

fn uri(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, URI, notes, wrong_uri);
}

/// RFC 3986 appendix A, as far as section 4.2.1.6 needs it.
fn wrong_uri(uri: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return Some("is relative");
    };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet));
    if !is_scheme {
        return Some("is relative");
    }
    let legal = uri
        .bytes()
        .all(|octet| octet.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&octet));
    let escapes = uri.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if !legal || !escapes {
        return Some("has characters that no URI has");
    }
    let authority = rest.strip_prefix("//").map(|rest| {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        authority
            .rsplit_once('@')
            .map_or(authority, |(_, host)| host)
    });
    match authority {
        Some(host) if host.is_empty() || host.starts_with(':') => Some("has no host"),
        None if rest.is_empty() => Some("has nothing after its scheme"),
        _ => None,
    }
}

fn email(view: &CertificateView<'_>, notes: &mut Notes) {
    each(view, EMAIL, notes, |address| {
        let fits = address.rsplit_once('@').is_some_and(|(local, host)| {
            !local.is_empty()
                && !local.contains(|one: char| one.is_ascii_control() || "<> ".contains(one))
                && wrong_host(host, false).is_none()
        });
        (!fits).then_some("is no address")
    });
}

fn directory_name(view: &CertificateView<'_>, notes: &mut Notes) {
    for name in &view.names {
        let inner = der::sequence(name.content);
        if name.tag == DIRECTORY && inner.is_none_or(|rdns| rdns.is_empty()) {
            notes.say(PLACE, "a directory name is empty or malformed");
        }
    }
}

fn duplicate(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.names.len() < 2 {
        return;
    }
    let mut seen = std::collections::HashSet::new();
    for name in &view.names {
        if !seen.insert(name.encoded) {
            notes.say(PLACE, format!("'{}' stands there again", text(name)));
        }
    }
}

fn later_of_kind(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() {
        return;
    }
    for (tag, kind) in [
        (DNS, "DNS names"),
        (URI, "URIs"),
        (DIRECTORY, "directory names"),
    ] {
        let count = view.names.iter().filter(|name| name.tag == tag).count();
        if count > 1 {
            notes.say(PLACE, format!("it has {count} {kind}"));
        }
    }
}

fn tag_characters(view: &CertificateView<'_>, notes: &mut Notes) {
    if view.is_ca() {
        return;
    }
    for tag in [DNS, URI] {
        if let Some(name) = view.names.iter().find(|name| name.tag == tag) {
            let text = text(name);
            if !text.chars().all(is_tag_character) || text.chars().count() > MOST_TAG {
                notes.say(PLACE, format!("'{text}' cannot be the value of a tag"));
            }
        }
    }
}
