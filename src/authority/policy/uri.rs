//! What a policy that has rules for URIs does not judge: forms that one reader
//! takes for another name than the next.

use super::pattern::normal_uri;

/// Longest trust domain, in characters (SPIFFE-ID section 2.1).
const LONGEST_DOMAIN: usize = 255;

/// Longest SPIFFE ID, in bytes (SPIFFE-ID section 2.3).
const LONGEST_ID: usize = 2048;

/// Why a URI is not judged, as the end of a sentence that begins with the rule;
/// `None` when it is. A `spiffe:` URI has the syntax of a SPIFFE ID
/// (<https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>, section
/// 2); any other has no part that is read in two ways.
pub(super) fn flaw(uri: &str) -> Option<&'static str> {
    let scheme = uri.split(':').next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case("spiffe") {
        return spiffe_flaw(uri);
    }
    let upper = uri.to_ascii_uppercase();
    if ["%2F", "%25", "%2E", "%5C"]
        .iter()
        .any(|code| upper.contains(code))
        || uri.contains('\\')
    {
        return Some("does not judge URIs with a backslash, or with %2F, %25, %2E or %5C");
    }
    let has_host = ["http", "https", "ws", "wss", "ftp"]
        .iter()
        .any(|one| one.eq_ignore_ascii_case(scheme));
    if has_host && !uri.split_at(scheme.len()).1.starts_with("://") {
        return Some("does not judge URIs of http and the like without // before their host");
    }
    let (authority, path) = parts(uri);
    if authority.contains('@') {
        return Some("does not judge URIs with a user before their host");
    }
    if path.contains("//") {
        return Some("does not judge URIs with // in their path");
    }
    if path.contains(';') {
        return Some("does not judge URIs with ; in their path");
    }
    has_dot_segment(uri).then_some("does not judge URIs with '.' or '..' in their path")
}

/// Authority and path of a URI; all of it is path when there is no authority.
fn parts(uri: &str) -> (&str, &str) {
    let rest = uri.split(['?', '#']).next().unwrap_or_default();
    match rest.split_once("://") {
        Some((_, rest)) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    }
}

fn spiffe_flaw(uri: &str) -> Option<&'static str> {
    let Some(rest) = uri.strip_prefix("spiffe://") else {
        return Some("takes SPIFFE IDs, which begin with spiffe:// in lower case");
    };
    let (domain, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let is_domain =
        |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || b"._-".contains(&octet);
    if domain.is_empty() || domain.len() > LONGEST_DOMAIN || !domain.bytes().all(is_domain) {
        return Some(
            "takes SPIFFE IDs, whose trust domain has lower-case letters, digits and . _ - alone, no user and no port",
        );
    }
    let is_segment = |segment: &str| {
        let fits = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
        !segment.is_empty() && segment != "." && segment != ".." && segment.bytes().all(fits)
    };
    let is_path = path.is_empty() || path.split('/').skip(1).all(is_segment);
    if !is_path || uri.len() > LONGEST_ID {
        return Some(
            "takes SPIFFE IDs, whose path has segments of letters, digits and . _ - alone, none of them empty, '.' or '..', and nothing behind it",
        );
    }
    None
}

/// Whether a URI names a directory by `.` or `..`: what it means then depends on
/// who reads it.
fn has_dot_segment(uri: &str) -> bool {
    let path = normal_uri(uri);
    let path = path.split(['?', '#']).next().unwrap_or_default();
    path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_in_two_ways_is_not_judged() {
        for good in [
            "spiffe://example.com",
            "spiffe://example.com/web/1",
            "spiffe://e_x-1.com/W.b",
            "https://example.com/a/b?c=//d;e",
            "https://example.com:8443/",
            "urn:example:1",
        ] {
            assert_eq!(flaw(good), None, "{good}");
        }
        for bad in [
            "SPIFFE://example.com/web",
            "spiffe://Example.com/web",
            "spiffe:example.com/web",
            "spiffe:///web",
            "spiffe://u@example.com/web",
            "spiffe://example.com:1/web",
            "spiffe://example.com/%77eb",
            "spiffe://example.com/web/",
            "spiffe://example.com//web",
            "spiffe://example.com/web?x",
            "spiffe://example.com/web#x",
            "spiffe://example.com/a/../web",
            "https://u@example.com/a",
            "https://example.com/a%2fb",
            "https://example.com/%252e",
            "https://example.com/%2e%2E/",
            "https://example.com/a\\b",
            "https://example.com/a;b/c",
            "https://example.com//a",
            "https:/example.com/a",
            "HTTPS:example.com/a",
            "https://example.com/a/./b",
        ] {
            assert!(flaw(bad).is_some(), "{bad}");
        }
    }
}
