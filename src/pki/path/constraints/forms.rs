//! The forms of names, and what lies in a subtree of each.

use crate::der;
use crate::pki::path::names::CanonicalName;

use super::{GeneralName, Mailbox, Named};

/// The base of one subtree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subtree {
    /// A domain with all below it; empty for all names.
    Dns(String),
    Email(Hosts),
    /// One address alone.
    Mailbox(Mailbox),
    Uri(Hosts),
    Ip {
        address: Vec<u8>,
        mask: Vec<u8>,
    },
    Directory(CanonicalName),
    /// A form that is not evaluated, by its tag.
    Other(u8),
}

/// Which hosts: RFC 5280 section 4.2.1.10 has the same for email and URIs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// An empty base, of which the RFC says nothing: as for DNS names.
    All,
    /// One host, and none below it.
    One(String),
    /// Every host below a domain, and not the domain itself.
    Below(String),
}

impl Hosts {
    /// `None` when it is no host, nor a domain with a period before it.
    fn read(text: &str) -> Option<Self> {
        match text.strip_prefix('.') {
            None if text.is_empty() => Some(Self::All),
            None => Some(Self::One(host(text)?)),
            Some(domain) => Some(Self::Below(host(domain)?)),
        }
    }

    fn has(&self, host: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => host == one,
            Self::Below(domain) => host != domain && is_below(host, domain),
        }
    }
}

impl Subtree {
    /// Reads a GeneralSubtree.
    pub(super) fn read(element: &der::Element<'_>) -> Option<Self> {
        let parts = der::children(element.content)?;
        let base = match parts.as_slice() {
            [base] => base,
            // A minimum of zero is the default, written out.
            [base, minimum] if minimum.tag == 0x80 && minimum.content == [0] => base,
            _ => return None,
        };
        if element.tag != der::SEQUENCE {
            return None;
        }
        let content = base.content;
        let text = || std::str::from_utf8(content).ok();
        Some(match base.tag {
            0x81 if content.contains(&b'@') => Self::Mailbox(mailbox(content)?),
            0x81 => Self::Email(Hosts::read(text()?)?),
            0x82 if content.is_empty() => Self::Dns(String::new()),
            0x82 => Self::Dns(host(text()?)?),
            0x86 => Self::Uri(Hosts::read(text()?)?),
            0x87 => Self::network(content)?,
            0xa4 => Self::Directory(CanonicalName::read(content)?),
            tag => Self::Other(tag),
        })
    }

    /// An address and a mask of ones before zeros (RFC 4632 section 3.1).
    fn network(content: &[u8]) -> Option<Self> {
        if !matches!(content.len(), 8 | 32) {
            return None;
        }
        let (address, mask) = content.split_at(content.len() / 2);
        let mut bits = mask
            .iter()
            .flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1));
        let is_mask = bits.by_ref().find(|bit| *bit == 0).is_none() || bits.all(|bit| bit == 0);
        is_mask.then(|| Self::Ip {
            address: address.to_vec(),
            mask: mask.to_vec(),
        })
    }

    /// Whether it says anything of names of this form.
    pub(super) fn is_of_form(&self, name: &GeneralName) -> bool {
        match (self, name) {
            (Self::Dns(_), GeneralName::Dns(_))
            | (Self::Email(_) | Self::Mailbox(_), GeneralName::Email(_))
            | (Self::Uri(_), GeneralName::Uri(_))
            | (Self::Ip { .. }, GeneralName::Ip(_))
            | (Self::Directory(_), GeneralName::Directory { .. }) => true,
            // A directory name that cannot be read.
            (Self::Directory(_), GeneralName::Other { tag, .. }) => *tag == 0xa4,
            (Self::Other(own), GeneralName::Other { tag, .. }) => own == tag,
            _ => false,
        }
    }

    /// Whether the name lies in it for certain.
    pub(super) fn permits(&self, name: &GeneralName) -> bool {
        self.has(name).unwrap_or(false)
    }

    /// Whether the name, or one for which it stands, may lie in it. A wildcard
    /// stands for every label: `*.example.com` for one that is excluded below
    /// `example.com`.
    pub(super) fn excludes(&self, name: &GeneralName) -> bool {
        if let (
            Self::Dns(excluded),
            GeneralName::Dns(Named {
                value: Some(name), ..
            }),
        ) = (self, name)
            && let Some(domain) = name.strip_prefix("*.")
            && is_below(excluded, domain)
        {
            return true;
        }
        self.is_of_form(name) && self.has(name).unwrap_or(true)
    }

    /// `None` when the name cannot be read.
    fn has(&self, name: &GeneralName) -> Option<bool> {
        Some(match (self, name) {
            (Self::Dns(domain), GeneralName::Dns(name)) => is_below(name.value.as_ref()?, domain),
            (Self::Email(hosts), GeneralName::Email(name)) => hosts.has(&name.value.as_ref()?.host),
            (Self::Mailbox(one), GeneralName::Email(name)) => name.value.as_ref()? == one,
            (Self::Uri(hosts), GeneralName::Uri(name)) => hosts.has(name.value.as_ref()?),
            (Self::Ip { address, mask }, GeneralName::Ip(name)) => {
                let octets = name.value.as_ref()?;
                octets.len() == address.len()
                    && octets
                        .iter()
                        .zip(address)
                        .zip(mask)
                        .all(|((octet, base), mask)| octet & mask == base & mask)
            }
            (Self::Directory(base), GeneralName::Directory { name, .. }) => name.is_within(base),
            _ => false,
        })
    }
}

/// Whether the name is the domain or lies below it; every name lies below the
/// empty one.
fn is_below(name: &str, domain: &str) -> bool {
    domain.is_empty()
        || name
            .strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A host name in lowercase: the preferred syntax (RFC 1034 section 3.5), with the
/// underscore that is in use.
fn host(text: &str) -> Option<String> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    (text.len() <= 253 && text.split('.').all(is_label)).then(|| text.to_ascii_lowercase())
}

/// A DNS name, which may be a wildcard.
pub(super) fn dns_name(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    match text.strip_prefix("*.") {
        Some(domain) => Some(format!("*.{}", host(domain)?)),
        None => host(text),
    }
}

/// A mailbox (RFC 5321 section 4.1.2), without those that are quoted.
pub(super) fn mailbox(content: &[u8]) -> Option<Mailbox> {
    let text = std::str::from_utf8(content).ok()?;
    let (local, domain) = text.split_once('@')?;
    let is_local = |octet: u8| octet.is_ascii_graphic() && !b"\"(),:;<>@[\\]".contains(&octet);
    (!local.is_empty() && local.bytes().all(is_local)).then_some(())?;
    Some(Mailbox {
        local: local.to_owned(),
        host: host(domain)?,
    })
}

/// The host of a URI (RFC 3986 section 3.2), in lowercase. `None` without an
/// authority and where it is an address: where URIs are constrained, both have to
/// be refused (RFC 5280 section 4.2.1.10).
pub(super) fn uri_host(content: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(content).ok()?;
    let (_, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let server = match authority.rsplit_once('@') {
        Some((_, server)) => server,
        None => authority,
    };
    let name = match server.split_once(':') {
        Some((name, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => name,
        Some(_) => return None,
        None => server,
    };
    let last = name.rsplit('.').next()?;
    let is_address = last.bytes().all(|octet| octet.is_ascii_digit());
    if is_address { None } else { host(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subtree(tag: u8, content: &[u8]) -> Option<Subtree> {
        let encoded = der::write(der::SEQUENCE, &der::write(tag, content));
        Subtree::read(&der::read(&encoded).unwrap().0)
    }

    fn name(tag: u8, content: &[u8]) -> GeneralName {
        let encoded = der::write(tag, content);
        GeneralName::read(&der::read(&encoded).unwrap().0)
    }

    /// Form, base, name, whether it is permitted, whether it is excluded.
    #[test]
    fn each_form_has_its_rule() {
        for (tag, base, text, permits, excludes) in [
            (0x82, "example.com", "example.com", true, true),
            (0x82, "Example.com", "www.example.COM", true, true),
            (0x82, "example.com", "badexample.com", false, false),
            (0x82, "example.com", "com", false, false),
            (0x82, "", "anything", true, true),
            (0x82, "example.com", "*.example.com", true, true),
            (0x82, "bar.example.com", "*.example.com", false, true),
            (0x82, "bar.example.com", "*.foo.example.com", false, false),
            (0x82, "example.com", ".example.com", false, true),
            (0x82, "example.com", "foo.*.com", false, true),
            (0x81, "example.com", "a@example.com", true, true),
            (0x81, "example.com", "a@EXAMPLE.com", true, true),
            (0x81, "example.com", "a@www.example.com", false, false),
            (0x81, ".example.com", "a@www.example.com", true, true),
            (0x81, ".example.com", "a@example.com", false, false),
            (0x81, "a@example.com", "a@Example.com", true, true),
            (0x81, "a@example.com", "A@example.com", false, false),
            (0x81, "*@example.com", "a@example.com", false, false),
            (0x81, "", "a@example.com", true, true),
            (0x81, "example.com", "a@b@example.com", false, true),
            (0x81, "example.com", "example.com", false, true),
            (0x86, "example.com", "https://example.com/x", true, true),
            (
                0x86,
                "example.com",
                "https://u@Example.com:8443?x",
                true,
                true,
            ),
            (0x86, "example.com", "https://www.example.com", false, false),
            (
                0x86,
                ".example.com",
                "spiffe://a.b.example.com/x",
                true,
                true,
            ),
            (0x86, ".example.com", "https://example.com", false, false),
            (0x86, "example.com", "urn:example.com", false, true),
            (0x86, "example.com", "https://192.0.2.1/", false, true),
            (0x86, "example.com", "https://[2001:db8::1]/", false, true),
            (
                0x86,
                "example.com",
                "https://evil.org/@example.com",
                false,
                false,
            ),
        ] {
            let (base, name) = (
                subtree(tag, base.as_bytes()).unwrap(),
                name(tag, text.as_bytes()),
            );
            assert_eq!(base.permits(&name), permits, "{base:?} permits {text}");
            assert_eq!(base.excludes(&name), excludes, "{base:?} excludes {text}");
        }
    }

    #[test]
    fn addresses_lie_in_networks_of_their_family() {
        let net = subtree(0x87, &[192, 0, 2, 0, 255, 255, 255, 0]).unwrap();
        assert!(net.permits(&name(0x87, &[192, 0, 2, 7])));
        assert!(!net.permits(&name(0x87, &[192, 0, 3, 7])));
        assert!(!net.excludes(&name(0x87, &[192, 0, 3, 7])));
        assert!(!net.permits(&name(0x87, &[0; 16])));
        // What is no address is in no network, and in each that is excluded.
        let odd = name(0x87, &[192, 0, 2, 0, 255, 255, 255, 0]);
        assert!(!net.permits(&odd) && net.excludes(&odd));
        let all = subtree(0x87, &[0; 32]).unwrap();
        assert!(all.permits(&name(0x87, &[9; 16])));
        assert!(!all.permits(&name(0x87, &[9; 4])));
    }

    #[test]
    fn a_base_that_is_none_of_its_form_is_not_passed_over() {
        for (tag, content) in [
            (0x82, &b".example.com"[..]),
            (0x82, b"*.example.com"),
            (0x82, b"exa mple.com"),
            (0x82, b"\xff"),
            (0x81, b"a@b@example.com"),
            (0x81, b"@example.com"),
            (0x81, b".."),
            (0x86, b"https://example.com"),
            (0x87, b"\xc0\0\x02\0"),
            (0x87, b"\xc0\0\x02\0\xff\0\xff\0"),
            (0x87, &[0; 17]),
            (0xa4, b"\x31\0"),
        ] {
            assert_eq!(subtree(tag, content), None, "{tag:#x} {content:02x?}");
        }
        let base = der::write(0x82, b"example.com");
        for (distance, reads) in [
            (&b"\x80\x01\0"[..], true),
            (b"\x80\x01\x01", false),
            (b"\x81\x01\0", false),
        ] {
            let encoded = der::write_all(der::SEQUENCE, &[&base, distance]);
            let read = Subtree::read(&der::read(&encoded).unwrap().0);
            assert_eq!(read.is_some(), reads, "{distance:02x?}");
        }
    }
}
