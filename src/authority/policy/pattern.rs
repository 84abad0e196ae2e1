//! What the lists of a policy compare with: one type for each kind of name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Text with `*` for any run of characters: common names and units.
///
/// What is denied is denied in capitals too: a person who reads `Admin` reads
/// `admin`.
pub(super) fn text_matches(pattern: &str, text: &str, is_deny: bool) -> bool {
    let fold = |text: &str| -> Vec<char> {
        if is_deny {
            text.to_lowercase().chars().collect()
        } else {
            text.chars().collect()
        }
    };
    glob(&fold(pattern), &fold(text))
}

/// Whether a pattern can match any name at all: names have the characters of
/// session tags ([`crate::authority::TagValue`]).
pub(super) fn can_match(pattern: &str) -> bool {
    let plain = pattern.replace('*', "");
    plain.is_empty()
        || plain.trim().parse::<crate::authority::TagValue>().is_ok()
        || plain.trim().is_empty()
}

/// Greedy matching that goes back to the last `*` only, so that no pattern takes
/// more than the product of both lengths.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(position) {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, position));
                at += 1;
            }
            Some(same) if same == character => {
                at += 1;
                position += 1;
            }
            _ => match star {
                Some((from, reached)) => {
                    star = Some((from, reached + 1));
                    at = from + 1;
                    position = reached + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

/// A DNS name, or with a dot before it everything below one.
pub(super) fn domain(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_prefix('.').unwrap_or(&lower);
    if name.contains('*') {
        let base = name.trim_start_matches(['*', '.']);
        return Err(format!(
            "write '.{base}' for every name below {base}, and dns.wildcards = false to refuse names with *"
        ));
    }
    match format!("DNS:{name}").parse::<crate::pki::GeneralName>() {
        Ok(_) => Ok(lower),
        Err(reason) => Err(reason),
    }
}

/// Whether a DNS name, in lower case, is in a [`domain`]. A wildcard name is in
/// what it is denied for as soon as one of the names that it stands for is.
pub(super) fn domain_matches(pattern: &str, name: &str, is_deny: bool) -> bool {
    let below = |name: &str, suffix: &str| {
        name.strip_suffix(suffix)
            .is_some_and(|before| !before.is_empty())
    };
    if pattern.starts_with('.') {
        return below(name, pattern);
    }
    if pattern == name {
        return true;
    }
    // '*.example.com' stands for every name one label below example.com.
    is_deny
        && name.strip_prefix('*').is_some_and(|base| {
            pattern
                .strip_suffix(base)
                .is_some_and(|label| !label.is_empty() && !label.contains('.'))
        })
}

/// Whether an email address has a host in a [`domain`].
pub(super) fn email_matches(pattern: &str, address: &str) -> bool {
    let host = address.rsplit_once('@').map(|(_, host)| host);
    host.is_some_and(|host| domain_matches(pattern, &host.to_ascii_lowercase(), false))
}

/// A range of IP addresses (RFC 4632 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let malformed =
            || "not a range of addresses such as 10.0.0.0/8 or 2001:db8::/32".to_owned();
        let address: IpAddr = address.parse().map_err(|_| malformed())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.parse().ok().filter(|bits| *bits <= most),
            None => Some(most),
        };
        let network = Self {
            address,
            bits: bits.ok_or_else(malformed)?,
        };
        if !network.has_no_host_bits() {
            return Err(format!(
                "the address has bits beyond the first {}; is another length meant?",
                network.bits
            ));
        }
        Ok(network)
    }

    fn has_no_host_bits(self) -> bool {
        match self.address {
            IpAddr::V4(address) => {
                u32::from(address)
                    .checked_shl(u32::from(self.bits))
                    .unwrap_or(0)
                    == 0
            }
            IpAddr::V6(address) => {
                u128::from(address)
                    .checked_shl(u32::from(self.bits))
                    .unwrap_or(0)
                    == 0
            }
        }
    }

    /// Whether an address is in what is denied: also by the IPv4 address that an
    /// IPv6 address stands for.
    pub(super) fn denies(self, address: IpAddr) -> bool {
        let within = match address {
            IpAddr::V6(address) => embedded(address).map(IpAddr::V4),
            IpAddr::V4(_) => None,
        };
        self.contains(address)
            || self.has_written(address)
            || within.is_some_and(|address| self.contains(address))
    }

    /// Whether an IPv6 address is in a range of IPv6 as it is written, also one that
    /// stands for an IPv4 address.
    fn has_written(self, address: IpAddr) -> bool {
        let (IpAddr::V6(own), IpAddr::V6(other)) = (self.address, address) else {
            return false;
        };
        let differing = u128::from(own) ^ u128::from(other);
        let beyond = 128 - u32::from(self.bits).min(128);
        differing.checked_shr(beyond).unwrap_or(0) == 0
    }

    /// An IPv4 address in IPv6's clothes (`::ffff:10.0.0.1`) is judged as what it
    /// is.
    pub(super) fn contains(self, address: IpAddr) -> bool {
        let bits = u32::from(self.bits);
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                // A range that was written as IPv6 counts its bits from there.
                let bits = if self.address.is_ipv6() {
                    bits.saturating_sub(96)
                } else {
                    bits
                };
                let differing = u32::from(own) ^ u32::from(other);
                differing.checked_shr(32 - bits.min(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let differing = u128::from(own) ^ u128::from(other);
                differing.checked_shr(128 - bits.min(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// The IPv4 address to which packets for an IPv6 address may go in the end:
/// mapped and compatible addresses (RFC 4291 section 2.5.5), NAT64 (RFC 6052
/// section 2.1) and 6to4 (RFC 3056 section 2).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let ipv4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0 | 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(ipv4(g, h)),
        [0x2002, high, low, ..] => Some(ipv4(high, low)),
        _ => None,
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// The beginning of a URI, with its scheme.
pub(super) fn uri_prefix(text: &str) -> Result<String, String> {
    let has_scheme = text
        .split_once(':')
        .is_some_and(|(scheme, rest)| !scheme.is_empty() && !rest.trim_matches('/').is_empty());
    if !has_scheme || text.contains('*') || !text.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err("not the beginning of a URI, such as spiffe://example.com/web".to_owned());
    }
    Ok(normal_uri(text))
}

/// Whether a URI begins so, at a border: `spiffe://a/web` is not the beginning
/// of `spiffe://a/website`.
///
/// What is denied is denied at every port of its host, and with a dot behind the
/// host, which names the same one.
pub(super) fn uri_matches(prefix: &str, uri: &str, is_deny: bool) -> bool {
    let normal = |uri: &str| match is_deny {
        true => without_defaults(&normal_uri(uri)),
        false => normal_uri(uri),
    };
    let prefix = normal(prefix);
    match normal(uri).strip_prefix(&prefix) {
        Some("") => true,
        Some(rest) => {
            prefix.ends_with(['/', ':', '#', '?'])
                || rest.starts_with(['/', '?', '#'])
                || is_deny && rest.starts_with(':')
        }
        None => false,
    }
}

/// Without what does not tell one place from another: the root's dot behind a
/// host, the port that a scheme has anyway, and an empty path (RFC 3986 section
/// 6.2.3).
fn without_defaults(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else {
        return uri.to_owned();
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let port = authority
        .rfind(':')
        .filter(|_| !authority.ends_with(']'))
        .unwrap_or(authority.len());
    let (host, port) = authority.split_at(port);
    let port = match (scheme, port) {
        (_, ":") | ("https" | "wss", ":443") | ("http" | "ws", ":80") => "",
        (_, other) => other,
    };
    let path = match path.strip_prefix('/') {
        Some(rest) if rest.is_empty() || rest.starts_with(['?', '#']) => rest,
        _ => path,
    };
    format!("{scheme}://{}{port}{path}", host.trim_end_matches('.'))
}

/// RFC 3986 section 6.2.2: scheme and host in lower case, unreserved characters
/// as themselves.
pub(super) fn normal_uri(uri: &str) -> String {
    let decoded = decode_unreserved(uri);
    let head = match decoded.split_once("://") {
        Some((scheme, rest)) => {
            let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            scheme.len() + 3 + authority
        }
        // A URN's namespace has no case either (RFC 8141 section 3.1).
        None => match decoded.get(..4) {
            Some(scheme) if scheme.eq_ignore_ascii_case("urn:") => {
                let name = decoded.get(4..).unwrap_or_default();
                4 + name.find(':').unwrap_or(name.len())
            }
            _ => decoded.find(':').unwrap_or(0),
        },
    };
    match decoded.split_at_checked(head) {
        Some((head, rest)) => head.to_ascii_lowercase() + rest,
        None => decoded,
    }
}

fn decode_unreserved(uri: &str) -> String {
    let mut parts = uri.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let octet = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match octet.map(char::from) {
            Some(character) if character.is_ascii_alphanumeric() || "-._~".contains(character) => {
                decoded.push(character);
                decoded.push_str(part.get(2..).unwrap_or_default());
            }
            Some(_) => {
                decoded.push('%');
                decoded.push_str(&part.get(..2).unwrap_or_default().to_ascii_uppercase());
                decoded.push_str(part.get(2..).unwrap_or_default());
            }
            None => {
                decoded.push('%');
                decoded.push_str(part);
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests;
