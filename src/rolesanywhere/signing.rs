//! The `AWS4-X509` signature: SigV4 with a certificate's key.
//!
//! AWS, "Signing process" of the IAM Roles Anywhere user guide. Two things
//! differ from ordinary SigV4: the string to sign is signed directly with the
//! private key, and the credential names the certificate's serial number in
//! decimal. Every intermediate product is kept in [`SignedRequest`], so that a
//! difference from a test vector points at its step.

use chrono::{DateTime, Utc};
use percent_encoding::utf8_percent_encode;
use sha2::{Digest, Sha256};

use crate::key::{self, Hash, KeyAlgorithm, Scheme};
use crate::pki::Identity;

use crate::text::UNRESERVED;

use super::Region;

/// The signature algorithms of Roles Anywhere. The leaf's *key* decides, never
/// the hash that signed the certificate; ECDSA always goes with SHA-256, on
/// P-384 too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `AWS4-X509-ECDSA-SHA256`
    EcdsaSha256,
    /// `AWS4-X509-MLDSA` (pure ML-DSA, empty context)
    MlDsa,
    /// `AWS4-X509-RSA-SHA256` (PKCS#1 v1.5)
    RsaSha256,
}

impl Algorithm {
    /// The name in the string to sign and the `Authorization` header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EcdsaSha256 => "AWS4-X509-ECDSA-SHA256",
            Self::MlDsa => "AWS4-X509-MLDSA",
            Self::RsaSha256 => "AWS4-X509-RSA-SHA256",
        }
    }

    /// The algorithm of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::EcdsaSha256, Self::MlDsa, Self::RsaSha256]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// The algorithm for a key, when Roles Anywhere has one for it.
    #[must_use]
    pub const fn for_key(key: KeyAlgorithm) -> Option<Self> {
        match key {
            KeyAlgorithm::EcP256 | KeyAlgorithm::EcP384 | KeyAlgorithm::EcP521 => {
                Some(Self::EcdsaSha256)
            }
            KeyAlgorithm::MlDsa44 | KeyAlgorithm::MlDsa65 | KeyAlgorithm::MlDsa87 => {
                Some(Self::MlDsa)
            }
            KeyAlgorithm::Rsa { .. } => Some(Self::RsaSha256),
            KeyAlgorithm::Ed25519 | KeyAlgorithm::Unknown => None,
        }
    }

    /// How the key signs for it.
    #[must_use]
    pub const fn scheme(self) -> Scheme {
        match self {
            Self::EcdsaSha256 => Scheme::DeterministicEcdsa(Hash::Sha256),
            Self::MlDsa => Scheme::MlDsa,
            Self::RsaSha256 => Scheme::RsaPkcs1(Hash::Sha256),
        }
    }
}

/// Why a request could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SigningError {
    /// Roles Anywhere has no algorithm for the key.
    #[error("Roles Anywhere has no signing algorithm for a {0} key")]
    Algorithm(KeyAlgorithm),
    /// The key failed.
    #[error("the request could not be signed")]
    Key(#[source] key::Error),
}

/// A request as it will be sent, without the headers that signing adds.
#[derive(Clone, Debug)]
pub struct Unsigned<'a> {
    /// The signing region.
    pub region: &'a Region,
    /// The query parameters, decoded, in any order.
    pub query: &'a [(String, String)],
    /// Headers to send and sign besides the certificate, chain and date:
    /// `host` and `content-type` at least. Names in lowercase.
    pub headers: &'a [(String, String)],
    /// The exact body.
    pub body: &'a str,
    /// When it is signed.
    pub at: DateTime<Utc>,
}

/// A signed request with every intermediate product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// All headers to send, `authorization` included; names in lowercase.
    pub headers: Vec<(String, String)>,
    /// The query string in canonical form, which is also sent.
    pub canonical_query: String,
    /// The canonical request.
    pub canonical_request: String,
    /// The string to sign.
    pub string_to_sign: String,
    /// The signature in lowercase hex.
    pub signature: String,
}

/// Signs a `POST /sessions`. Nothing is sent: [`create_session`] does both.
///
/// ```
/// use chrono::{TimeZone, Utc};
/// use windlass::pki::Identity;
/// use windlass::rolesanywhere::{CreateSession, SigningError, Target, Unsigned, sign};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // An Identity is made of any Signer and the certificates that were found.
/// fn authorization(identity: &Identity, target: Target) -> Result<String, SigningError> {
///     let region = target.region().clone();
///     let asked = CreateSession {
///         target,
///         duration: Default::default(),
///         session_name: None,
///     };
///     let (query, body) = asked.encode();
///     let request = Unsigned {
///         region: &region,
///         query: &query,
///         headers: &[
///             ("content-type".into(), "application/json".into()),
///             ("host".into(), format!("rolesanywhere.{}.amazonaws.com", region.as_str())),
///         ],
///         body: &body,
///         at: Utc.timestamp_nanos(0),
///     };
///     let signed = sign(&request, identity)?;
///     let header = signed.headers.into_iter().find(|(name, _)| name == "authorization");
///     Ok(header.map(|(_, value)| value).unwrap_or_default())
/// }
/// # use chrono::TimeDelta;
/// # use windlass::key::{KeyType, Signer, generate};
/// # use windlass::pki::*;
/// # let key = generate(KeyType::P256, "a key")?.key;
/// # let name = DistinguishedName::build(&[(AttributeType::CommonName, "web-1")]);
/// # let at = Utc.timestamp_nanos(0);
/// # let certificate = Template {
/// #     subject: &name,
/// #     public_key: key.public_key(),
/// #     serial: &SerialNumber::from_magnitude(&[0x2a; 16]).ok_or("a serial number")?,
/// #     not_before: at,
/// #     not_after: at + TimeDelta::days(1),
/// #     kind: Kind::Leaf { names: Vec::new() },
/// # }
/// # .sign(&IssuerRef {
/// #     name: &name,
/// #     signer: &key,
/// #     key_identifier: &key.public_key().key_identifier(),
/// # })?;
/// # let found = vec![Sourced { origin: "web-1.pem".into(), certificate }];
/// # let identity = Identity::new(Box::new(key), found)?;
/// let target = Target::new(
///     "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555"
///         .parse()?,
///     "arn:aws:rolesanywhere:us-east-1:123456789012:profile/66666666-7777-4888-9999-aaaaaaaaaaaa"
///         .parse()?,
///     "arn:aws:iam::123456789012:role/backup".parse()?,
/// )?;
/// let header = authorization(&identity, target)?;
/// assert!(header.starts_with("AWS4-X509-ECDSA-SHA256 Credential="));
/// # Ok(())
/// # }
/// ```
///
/// [`create_session`]: super::create_session
///
/// # Errors
///
/// [`SigningError`] when there is no algorithm for the key or the key fails.
pub fn sign(request: &Unsigned<'_>, identity: &Identity) -> Result<SignedRequest, SigningError> {
    let key = identity.signer().public_key().algorithm();
    let algorithm = Algorithm::for_key(key).ok_or(SigningError::Algorithm(key))?;
    let date = request.at.format("%Y%m%dT%H%M%SZ").to_string();
    let mut headers = with_certificates(request.headers, identity);
    headers.push(("x-amz-date".to_owned(), date.clone()));
    headers.sort();
    let signed_names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let signed_names = signed_names.join(";");
    let canonical_query = canonical_query(request.query);
    // The path is fixed: a custom endpoint's base path is not signed, as the
    // official helper does it.
    let canonical_request = format!(
        "POST\n/sessions\n{canonical_query}\n{}\n{signed_names}\n{}",
        canonical_headers(&headers),
        hex::encode(Sha256::digest(request.body)),
    );
    let scope = format!(
        "{}/{}/rolesanywhere/aws4_request",
        request.at.format("%Y%m%d"),
        request.region
    );
    let string_to_sign = format!(
        "{}\n{date}\n{scope}\n{}",
        algorithm.name(),
        hex::encode(Sha256::digest(&canonical_request)),
    );
    let signature = identity
        .signer()
        .sign(algorithm.scheme(), string_to_sign.as_bytes())
        .map(hex::encode)
        .map_err(SigningError::Key)?;
    headers.push((
        "authorization".to_owned(),
        format!(
            "{} Credential={}/{scope}, SignedHeaders={signed_names}, Signature={signature}",
            algorithm.name(),
            identity.leaf().serial().decimal(),
        ),
    ));
    Ok(SignedRequest {
        headers,
        canonical_query,
        canonical_request,
        string_to_sign,
        signature,
    })
}

/// Adds `x-amz-x509` and, when there are intermediates, `x-amz-x509-chain`.
fn with_certificates(headers: &[(String, String)], identity: &Identity) -> Vec<(String, String)> {
    use base64::Engine as _;
    let encode = |der: &[u8]| base64::engine::general_purpose::STANDARD.encode(der);
    let mut all = headers.to_vec();
    all.push(("x-amz-x509".to_owned(), encode(identity.leaf().der())));
    if !identity.chain().is_empty() {
        let chain: Vec<String> = identity
            .chain()
            .iter()
            .map(|certificate| encode(certificate.der()))
            .collect();
        all.push(("x-amz-x509-chain".to_owned(), chain.join(",")));
    }
    all
}

/// Sorted by encoded name, then value.
fn canonical_query(query: &[(String, String)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut pairs: Vec<(String, String)> = query
        .iter()
        .map(|(name, value)| (encode(name), encode(value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    pairs.join("&")
}

/// `name:value` lines, each ended by LF; runs of spaces in values collapse.
fn canonical_headers(sorted: &[(String, String)]) -> String {
    sorted
        .iter()
        .map(|(name, value)| {
            let words: Vec<&str> = value.split_ascii_whitespace().collect();
            format!("{name}:{}\n", words.join(" "))
        })
        .collect()
}
