//! Subject alternative names as they are typed and shown.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// One subject alternative name (RFC 5280 section 4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GeneralName {
    /// A DNS name, lowercase; a leading `*.` label is allowed.
    Dns(String),
    /// An email address (rfc822Name).
    Email(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI with a scheme, such as a SPIFFE id.
    Uri(String),
}

impl fmt::Display for GeneralName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Email(address) => write!(f, "email:{address}"),
            Self::Ip(address) => write!(f, "IP:{address}"),
            Self::Uri(uri) => write!(f, "URI:{uri}"),
        }
    }
}

impl FromStr for GeneralName {
    type Err = String;

    /// Reads OpenSSL's form `DNS:`, `IP:`, `URI:`, `email:` (any case), or a
    /// bare value whose kind is plain: an IP address, something with `://`,
    /// something with `@`, else a DNS name.
    fn from_str(text: &str) -> Result<Self, String> {
        let typed = text
            .split_once(':')
            .map(|(kind, value)| (kind.to_ascii_lowercase(), value));
        match typed {
            Some((kind, value)) if kind == "dns" => dns(value),
            Some((kind, value)) if kind == "ip" => ip(value),
            Some((kind, value)) if kind == "uri" => uri(value),
            Some((kind, value)) if kind == "email" => email(value),
            _ if text.parse::<IpAddr>().is_ok() => ip(text),
            _ if text.contains("://") => uri(text),
            _ if text.contains('@') => email(text),
            Some((kind, _)) => Err(format!(
                "unknown kind of name '{kind}'; known are DNS, IP, URI and email"
            )),
            None => dns(text),
        }
    }
}

/// RFC 1034 section 3.5 preferred syntax, as RFC 5280 demands, with the
/// underscore that service names use.
fn dns(name: &str) -> Result<GeneralName, String> {
    if name.parse::<IpAddr>().is_ok() {
        return Err("an IP address is no DNS name; write IP: before it".to_owned());
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    if !last.is_empty() && last.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err("it looks like an IP address, but is none".to_owned());
    }
    let lower = name.to_ascii_lowercase();
    let labels = lower.strip_prefix("*.").unwrap_or(&lower);
    let fits = !labels.is_empty()
        && lower.len() <= 253
        && labels.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
        });
    if fits {
        Ok(GeneralName::Dns(lower))
    } else {
        Err("not a DNS name: labels of letters, digits and hyphens, ASCII only (write an international name in its xn-- form)".to_owned())
    }
}

fn ip(address: &str) -> Result<GeneralName, String> {
    address
        .parse()
        .map(GeneralName::Ip)
        .map_err(|_| "not an IP address".to_owned())
}

/// RFC 5280 section 4.2.1.6: an absolute URI, with the characters of RFC 3986,
/// and with a host when it has an authority.
fn uri(text: &str) -> Result<GeneralName, String> {
    let scheme_fits = |scheme: &str| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet))
    };
    let legal = text
        .bytes()
        .all(|octet| octet.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&octet));
    let escapes = text.split('%').skip(1).all(|after| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    let has_host = |rest: &str| match rest.strip_prefix("//") {
        Some(rest) => {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            let host = authority.rsplit('@').next().unwrap_or_default();
            !host.is_empty() && !host.starts_with(':')
        }
        None => !rest.is_empty(),
    };
    match text.split_once(':') {
        Some((scheme, rest))
            if legal && escapes && scheme_fits(scheme) && has_host(rest) && text.len() <= 2048 =>
        {
            Ok(GeneralName::Uri(text.to_owned()))
        }
        _ => Err(
            "not an absolute URI such as spiffe://example.com/web (ASCII, at most 2048 characters)"
                .to_owned(),
        ),
    }
}

/// RFC 5321 section 4.1.2: a Dot-string before the @, a host name after it.
fn email(address: &str) -> Result<GeneralName, String> {
    let is_atom = |atom: &str| {
        !atom.is_empty()
            && atom.bytes().all(|octet| {
                octet.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
            })
    };
    match address.rsplit_once('@') {
        Some((local, domain))
            if local.split('.').all(is_atom) && !domain.starts_with('*') && dns(domain).is_ok() =>
        {
            Ok(GeneralName::Email(address.to_owned()))
        }
        _ => Err("not an email address in ASCII".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_with_and_without_their_prefix() {
        for (typed, shown) in [
            ("web-1.example.com", "DNS:web-1.example.com"),
            ("DNS:*.Example.com", "DNS:*.example.com"),
            ("10.0.0.7", "IP:10.0.0.7"),
            ("2001:db8::1", "IP:2001:db8::1"),
            ("ip:::1", "IP:::1"),
            ("spiffe://example.com/a", "URI:spiffe://example.com/a"),
            ("URI:urn:x:y", "URI:urn:x:y"),
            ("ops@example.com", "email:ops@example.com"),
        ] {
            let name: GeneralName = typed.parse().unwrap();
            assert_eq!(name.to_string(), shown);
        }
    }

    #[test]
    fn malformed_names_are_refused() {
        for bad in [
            "",
            "DNS:",
            "-a.example",
            "a..b",
            "exa mple",
            "zürich.ch",
            "DNS:10.0.0.1",
            "300.1.1.1",
            "IP:10.0.0",
            "URI:foo",
            "email:a@",
            "email:a..b@example.com",
            "email:<a>@example.com",
            "email:a@*.example.com",
            "kind:x",
            "a.*.example",
            "URI:spiffe://a b",
            "URI:https:///x",
            "URI:https://:443/x",
            "URI:https://user@/x",
            "URI:https://?x",
            "URI:https://a/%zz",
            "URI:https://a/<x>",
        ] {
            assert!(bad.parse::<GeneralName>().is_err(), "{bad:?}");
        }
    }
}
