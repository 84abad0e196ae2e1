//! Ordinary SigV4, with the secret of temporary credentials (AWS, "Create a
//! signed AWS API request").

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use ring::hmac;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use crate::secret::Secret;
use crate::text::UNRESERVED;

use super::{Region, SessionCredentials};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What is encoded in a path: as elsewhere, but its slashes stay.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// A POST without a query as it will be sent, without the headers that signing
/// adds.
#[derive(Clone, Copy, Debug)]
pub struct HmacUnsigned<'a> {
    /// The service's name in the credential scope, such as `sts`.
    pub service: &'a str,
    /// The signing region.
    pub region: &'a Region,
    /// The path as it stands in the request line.
    pub path: &'a str,
    /// Headers to send and sign besides date and token: `host` at least. Names
    /// in lowercase.
    pub headers: &'a [(String, String)],
    /// The exact body.
    pub body: &'a str,
    /// When it is signed.
    pub at: DateTime<Utc>,
}

/// A signed request with its intermediate products. The headers hold the
/// session token, so there is no `Debug` that shows them, and they are wiped.
pub struct HmacSigned {
    /// All headers to send, `authorization` included; names in lowercase.
    pub headers: Vec<(String, String)>,
    /// The canonical request, in which the token stands.
    pub canonical_request: Secret,
    /// The string to sign.
    pub string_to_sign: String,
    /// The signature in lowercase hex.
    pub signature: String,
}

impl Drop for HmacSigned {
    fn drop(&mut self) {
        for (_, value) in &mut self.headers {
            value.zeroize();
        }
    }
}

impl std::fmt::Debug for HmacSigned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HmacSigned({})", self.string_to_sign)
    }
}

/// Signs a POST. Credentials without a token are long-lived ones, of which only
/// published test vectors are made here.
#[must_use]
pub fn sign_with_secret(
    request: &HmacUnsigned<'_>,
    credentials: &SessionCredentials,
) -> HmacSigned {
    let date = request.at.format("%Y%m%dT%H%M%SZ").to_string();
    let day = &date[..8];
    let mut headers = request.headers.to_vec();
    headers.push(("x-amz-date".to_owned(), date.clone()));
    if let Some(token) = credentials.session_token.expose_str()
        && !token.is_empty()
    {
        headers.push(("x-amz-security-token".to_owned(), token.to_owned()));
    }
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let lines: String = headers
        .iter()
        .map(|(name, value)| {
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            format!("{name}:{}\n", words.join(" "))
        })
        .collect();
    // Every service but S3 encodes the path once more than it is sent.
    let canonical_request = Secret::from(format!(
        "POST\n{}\n\n{lines}\n{names}\n{}",
        utf8_percent_encode(request.path, PATH),
        hex::encode(Sha256::digest(request.body)),
    ));
    let scope = format!("{day}/{}/{}/aws4_request", request.region, request.service);
    let string_to_sign = format!(
        "{ALGORITHM}\n{date}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical_request.expose())),
    );
    let key = signing_key(&credentials.secret_access_key, day, request);
    let signature = hex::encode(hmac::sign(&key, string_to_sign.as_bytes()));
    headers.push((
        "authorization".to_owned(),
        format!(
            "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            credentials.access_key_id
        ),
    ));
    HmacSigned {
        headers,
        canonical_request,
        string_to_sign,
        signature,
    }
}

/// A key for one day, region and service, so that nothing that leaks from it
/// reaches further.
fn signing_key(secret: &Secret, day: &str, request: &HmacUnsigned<'_>) -> hmac::Key {
    // Room for all of it, so that no growing buffer leaves parts behind.
    let mut first = Vec::with_capacity(4 + secret.expose().len());
    first.extend_from_slice(b"AWS4");
    first.extend_from_slice(secret.expose());
    let first = Secret::new(first);
    let mut key = hmac::Key::new(hmac::HMAC_SHA256, first.expose());
    for part in [
        day,
        request.region.as_str(),
        request.service,
        "aws4_request",
    ] {
        let next = hmac::sign(&key, part.as_bytes());
        key = hmac::Key::new(hmac::HMAC_SHA256, next.as_ref());
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `post-vanilla` and `post-x-www-form-urlencoded` of the SigV4 test suite
    /// that AWS publishes.
    #[test]
    fn vectors_of_the_published_test_suite() {
        let credentials = SessionCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned().into(),
            session_token: Secret::new(Vec::new()),
            expiration: DateTime::UNIX_EPOCH,
        };
        let region: Region = "us-east-1".parse().unwrap();
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let host = header("host", "example.amazonaws.com");
        let form = header("content-type", "application/x-www-form-urlencoded");
        let at = DateTime::parse_from_rfc3339("2015-08-30T12:36:00Z").unwrap();
        for (headers, body, signature) in [
            (
                vec![host.clone()],
                "",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                vec![form, host],
                "Param1=value1",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let request = HmacUnsigned {
                service: "service",
                region: &region,
                path: "/",
                headers: &headers,
                body,
                at: at.with_timezone(&Utc),
            };
            let signed = sign_with_secret(&request, &credentials);
            assert_eq!(signed.signature, signature, "{body}");
        }
    }
}
