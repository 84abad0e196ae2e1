//! Proxies: which one, and which hosts are reached without it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use reqwest::Url;
use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use crate::text::printable;

/// The URL of an HTTP proxy. It may carry a user and a password, so neither
/// `Debug` nor any error repeats it.
#[derive(Clone)]
pub struct ProxyUrl(Url);

/// Why a text is no proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyUrlError {
    /// Not a URL of a host.
    #[error("the proxy's URL is malformed")]
    Malformed,
    /// A scheme that is not spoken.
    #[error("the proxy's URL begins neither with http:// nor with https://")]
    Scheme,
    /// A SOCKS proxy.
    #[error("the proxy is a SOCKS proxy, and only HTTP proxies are spoken to")]
    Socks,
}

impl ProxyUrl {
    /// Whether a password stands in it.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.0.password().is_some()
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// The URL without who one is.
    fn bare(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let port = self.0.port().map(|port| format!(":{port}"));
        let text = format!("{}://{host}{}", self.0.scheme(), port.unwrap_or_default());
        printable(&text, 300)
    }

    /// `Proxy-Authorization` for the user in the URL (RFC 7617).
    pub(super) fn authorization(&self) -> Option<HeaderValue> {
        let url = &self.0;
        if url.username().is_empty() && url.password().is_none() {
            return None;
        }
        let user = percent_decode_str(url.username());
        let password = percent_decode_str(url.password().unwrap_or_default());
        let both: Zeroizing<Vec<u8>> = user
            .chain(*b":")
            .chain(password)
            .collect::<Vec<u8>>()
            .into();
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(&both)));
        let mut value = HeaderValue::from_str(&text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// A proxy with where it is configured.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Its URL.
    pub url: ProxyUrl,
    /// The option, the variable or the line of a file that names it.
    pub origin: String,
}

/// A proxy as messages name it: without user and password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownProxy {
    /// Its URL.
    pub url: String,
    /// Whether the URL says who one is.
    pub has_user: bool,
    /// Where it is configured.
    pub origin: String,
}

impl Proxy {
    /// As messages name it.
    #[must_use]
    pub fn shown(&self) -> ShownProxy {
        ShownProxy {
            url: self.url.bare(),
            has_user: !self.url.0.username().is_empty() || self.url.has_password(),
            origin: self.origin.clone(),
        }
    }
}

impl fmt::Display for ShownProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.url, self.origin)
    }
}

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    /// Without a scheme, as in `proxy:3128`, it is `http`, as curl and botocore
    /// have it.
    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let text = text.trim();
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        match scheme.map(str::to_ascii_lowercase).as_deref() {
            Some("http" | "https") | None => {}
            Some(scheme) if scheme.starts_with("socks") => return Err(ProxyUrlError::Socks),
            Some(_) => return Err(ProxyUrlError::Scheme),
        }
        let url = match scheme {
            Some(_) => Url::parse(text),
            None => Url::parse(&format!("http://{text}")),
        };
        url.ok()
            .filter(|url| url.host_str().is_some_and(|host| !host.is_empty()))
            .map(Self)
            .ok_or(ProxyUrlError::Malformed)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyUrl(redacted)")
    }
}

/// Hosts that are reached without the proxy, as curl, Go and botocore write
/// them: names with their subdomains, addresses, networks, each with a port
/// or without, and `*`. What is none of these fits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Hosts {
    All,
    /// A name without its leading dot, in lowercase: it and all below it.
    Domain(String),
    /// An address, and how many of its first bits count.
    Network(IpAddr, u8),
}

impl NoProxy {
    /// Reads a list whose entries are separated by commas or blanks, as other
    /// programs' variables have it: whatever is no entry is left out.
    #[must_use]
    pub fn read(list: &str) -> Self {
        Self(entries(list).filter_map(Rule::read).collect())
    }

    /// Whether the host, as it stands in a URL, is reached without the proxy.
    #[must_use]
    pub fn covers(&self, host: &str, port: u16) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let address = bare.parse::<IpAddr>().ok().map(|it| it.to_canonical());
        let name = bare.trim_end_matches('.').to_ascii_lowercase();
        self.0.iter().any(|rule| {
            rule.port.is_none_or(|wanted| wanted == port)
                && match (&rule.hosts, address) {
                    (Hosts::All, _) => true,
                    (Hosts::Domain(domain), None) => name
                        .strip_suffix(domain.as_str())
                        .is_some_and(|front| front.is_empty() || front.ends_with('.')),
                    (Hosts::Network(network, bits), Some(address)) => {
                        in_network(address, *network, *bits)
                    }
                    _ => false,
                }
        })
    }
}

impl FromStr for NoProxy {
    type Err = String;

    /// Reads such a list where every entry has to be one.
    fn from_str(list: &str) -> Result<Self, String> {
        let read = |entry| {
            Rule::read(entry).ok_or_else(|| {
                format!(
                    "'{entry}' is no name, address or network; write it as in example.com,10.0.0.0/8,host:8443"
                )
            })
        };
        entries(list).map(read).collect::<Result<_, _>>().map(Self)
    }
}

fn entries(list: &str) -> impl Iterator<Item = &str> {
    let entries = list.split([',', ' ', '\t']).map(str::trim);
    entries.filter(|entry| !entry.is_empty())
}

impl Rule {
    fn read(entry: &str) -> Option<Self> {
        if entry.is_empty() {
            return None;
        }
        // A bare IPv6 address has colons that are not before a port.
        if let Some(network) = network(entry) {
            return Some(Self {
                hosts: network,
                port: None,
            });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let hosts = match network(bare) {
            Some(network) => network,
            None if host == "*" => Hosts::All,
            None => {
                let name = host.strip_prefix('*').unwrap_or(host);
                let name = name.trim_matches('.').to_ascii_lowercase();
                if name.is_empty() || name.contains(['*', '/', '[']) {
                    return None;
                }
                Hosts::Domain(name)
            }
        };
        Some(Self { hosts, port })
    }
}

/// How many bits stand before an IPv4 address that is written as an IPv6 one (RFC
/// 4291 section 2.5.5.2).
const MAPPED: u8 = 96;

/// An address, or one with the length of its network's prefix (RFC 4632).
fn network(text: &str) -> Option<Hosts> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text, None),
    };
    let address = address.parse::<IpAddr>().ok()?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(longest);
    if bits > longest {
        return None;
    }
    // IPv4 addresses are compared as such, however they are written.
    Some(match (address, address.to_canonical()) {
        (IpAddr::V6(_), canonical @ IpAddr::V4(_)) if bits >= MAPPED => {
            Hosts::Network(canonical, bits - MAPPED)
        }
        _ => Hosts::Network(address, bits),
    })
}

fn in_network(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    let same = |address: &[u8], network: &[u8]| {
        let (whole, rest) = (usize::from(bits / 8), bits % 8);
        let mask = !(0xff_u8.checked_shr(u32::from(rest)).unwrap_or(0));
        address[..whole] == network[..whole]
            && (rest == 0 || (address[whole] ^ network[whole]) & mask == 0)
    };
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => same(&address.octets(), &network.octets()),
        (IpAddr::V6(address), IpAddr::V6(network)) => same(&address.octets(), &network.octets()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_suffixes_ports_addresses_and_networks() {
        for (list, host, port, covered) in [
            ("example.com", "example.com", 443, true),
            ("example.com", "sts.Example.com", 443, true),
            (".example.com", "sts.example.com", 443, true),
            (".example.com", "example.com", 443, true),
            ("*.example.com", "sts.example.com", 443, true),
            ("example.com", "notexample.com", 443, false),
            ("example.com", "example.com.evil.net", 443, false),
            ("example.com:8443", "example.com", 8443, true),
            ("example.com:8443", "example.com", 443, false),
            ("10.1.2.3", "10.1.2.3", 443, true),
            ("10.1.2.3", "10.1.2.30", 443, false),
            ("10.1.2.3:443", "10.1.2.3", 443, true),
            ("10.1.2.3:443", "10.1.2.3", 8443, false),
            ("10.0.0.0/8", "10.200.0.1", 443, true),
            ("10.0.0.0/8", "11.0.0.1", 443, false),
            ("10.16.0.0/12", "10.31.255.255", 443, true),
            ("10.16.0.0/12", "10.32.0.0", 443, false),
            ("0.0.0.0/0", "192.0.2.1", 443, true),
            ("10.0.0.0/33", "10.0.0.0", 443, false),
            ("2001:db8::/32", "[2001:db8:1::1]", 443, true),
            ("2001:db8::/32", "[2001:db9::1]", 443, false),
            ("2001:db8::1", "[2001:db8::1]", 443, true),
            ("[2001:db8::1]:443", "[2001:db8::1]", 443, true),
            ("[2001:db8::1]:443", "[2001:db8::1]", 444, false),
            ("10.0.0.0/8", "[::ffff:10.1.1.1]", 443, true),
            ("::ffff:10.1.2.3", "[::ffff:10.1.2.3]", 443, true),
            ("::ffff:10.1.2.3", "10.1.2.3", 443, true),
            ("::ffff:10.0.0.0/104", "10.200.0.1", 443, true),
            ("::ffff:10.0.0.0/104", "11.0.0.1", 443, false),
            ("*", "anything.example", 443, true),
            ("*:444", "anything.example", 443, false),
            ("a.example, b.example", "b.example", 443, true),
            ("a.example b.example", "b.example", 443, true),
            ("", "b.example", 443, false),
            (",.,", "b.example", 443, false),
            ("b.example:port", "b.example", 443, false),
            ("10.0.0.0/8", "10.example", 443, false),
        ] {
            assert_eq!(
                NoProxy::read(list).covers(host, port),
                covered,
                "{list} {host}:{port}"
            );
        }
    }

    #[test]
    fn proxies_are_http_and_never_shown() {
        let read = |text: &str| text.parse::<ProxyUrl>();
        for good in ["http://h:3128", "https://h", "h:3128", "HTTP://h"] {
            assert!(read(good).is_ok(), "{good}");
        }
        assert_eq!(read("socks5h://h").unwrap_err(), ProxyUrlError::Socks);
        assert_eq!(read("ftp://h").unwrap_err(), ProxyUrlError::Scheme);
        assert_eq!(read("http://a b").unwrap_err(), ProxyUrlError::Malformed);
        let secret = read("http://mole:hush@h:1").unwrap();
        assert!(secret.has_password());
        assert!(!format!("{secret:?}").contains("hush"));
        let proxy = Proxy {
            url: secret,
            origin: "$HTTPS_PROXY".to_owned(),
        };
        assert_eq!(proxy.shown().to_string(), "http://h:1 ($HTTPS_PROXY)");
        assert!(proxy.shown().has_user);
        assert!(!format!("{proxy:?}").contains("hush"));
        let authorization = |text: &str| {
            let value = read(text).unwrap().authorization()?;
            Some(value.to_str().unwrap().to_owned())
        };
        // RFC 7617 section 2: Aladdin, "open sesame".
        assert_eq!(
            authorization("http://Aladdin:open%20sesame@h").as_deref(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        assert_eq!(authorization("http://h"), None);
    }
}
