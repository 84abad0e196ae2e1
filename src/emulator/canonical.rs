//! The verifier's own canonical request, rebuilt from the bytes that arrived
//! (AWS General Reference, "Create a signed AWS API request", steps 1 and 2).

use sha2::{Digest, Sha256};

use super::request::{Received, query_pairs};

/// Rebuilds the canonical request for the operation's path, which is signed
/// without any base path, and a list of signed header names.
///
/// # Errors
///
/// A sentence when a part cannot be canonicalised or a named header is absent.
pub(super) fn canonical_request(
    request: &Received,
    path: &str,
    signed_names: &[&str],
) -> Result<String, String> {
    let mut lines = vec![
        request.method.clone(),
        path.to_owned(),
        canonical_query(&request.query)?,
    ];
    for name in signed_names {
        let values: Vec<String> = request
            .values(name)
            .map(collapse)
            .collect::<Result<_, _>>()?;
        if values.is_empty() {
            return Err(format!("the signed header {name} is not in the request"));
        }
        lines.push(format!("{name}:{}", values.join(",")));
    }
    lines.push(String::new());
    lines.push(signed_names.join(";"));
    lines.push(hex::encode(Sha256::digest(&request.body)));
    Ok(lines.join("\n"))
}

/// The path as every service but S3 has it signed: what is encoded on the wire
/// is encoded once more.
pub(super) fn canonical_path(path: &str) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| encode(segment.as_bytes()))
        .collect();
    segments.join("/")
}

/// Decodes, sorts by name and value, and encodes anew.
fn canonical_query(query: &str) -> Result<String, String> {
    let mut pairs: Vec<(String, String)> = query_pairs(query)
        .ok_or("the query has a % without two hex digits")?
        .into_iter()
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    let mut canonical = String::new();
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            canonical.push('&');
        }
        canonical.push_str(name);
        canonical.push('=');
        canonical.push_str(value);
    }
    Ok(canonical)
}

/// RFC 3986 encoding, uppercase, with the unreserved characters as they are.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut encoded = String::with_capacity(bytes.len() * 3);
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(*byte));
            }
            _ => {
                encoded.push('%');
                for nibble in [byte >> 4, byte & 0x0f] {
                    let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                    encoded.push(digit.to_ascii_uppercase());
                }
            }
        }
    }
    encoded
}

/// Trims a header value and folds inner runs of spaces into one.
fn collapse(value: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(value).map_err(|_| "a signed header is not UTF-8")?;
    let mut folded = String::with_capacity(text.len());
    let mut pending = false;
    for character in text.trim_matches([' ', '\t']).chars() {
        if character == ' ' || character == '\t' {
            pending = true;
        } else {
            if pending {
                folded.push(' ');
                pending = false;
            }
            folded.push(character);
        }
    }
    Ok(folded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_is_decoded_sorted_and_encoded() {
        assert_eq!(
            canonical_query("b=%7e2&a=x/y&a=%2b+").unwrap(),
            "a=%2B%2B&a=x%2Fy&b=~2"
        );
        assert_eq!(canonical_query("").unwrap(), "");
        assert_eq!(canonical_query("flag").unwrap(), "flag=");
        assert!(canonical_query("a=%zz").is_err());
        assert!(canonical_query("a=%4").is_err());
    }

    #[test]
    fn paths_are_encoded_once_more() {
        assert_eq!(canonical_path("/"), "/");
        assert_eq!(canonical_path("/crl/a%3Ab%2Fc"), "/crl/a%253Ab%252Fc");
        assert_eq!(canonical_path("/x~y/z"), "/x~y/z");
    }

    #[test]
    fn header_values_are_folded_and_joined() {
        let request = Received {
            method: "POST".into(),
            path: "/sessions".into(),
            query: String::new(),
            headers: vec![
                ("a".into(), b"  one   two ".to_vec()),
                ("b".into(), b"x".to_vec()),
                ("a".into(), b"three".to_vec()),
            ],
            body: Vec::new(),
        };
        let canonical = canonical_request(&request, "/sessions", &["a", "b"]).unwrap();
        assert!(
            canonical.contains("\na:one two,three\nb:x\n\na;b\n"),
            "{canonical}"
        );
        assert!(canonical_request(&request, "/sessions", &["c"]).is_err());
    }
}
