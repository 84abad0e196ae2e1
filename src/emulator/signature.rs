//! Reading and verifying the `AWS4-X509` signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::pkcs1v15;
use rsa::signature::Verifier;
use sha2::{Digest, Sha256};

use crate::key::{KeyAlgorithm, PublicKey, Scheme};
use crate::limits;
use crate::pki::Certificate;
use crate::rolesanywhere::Algorithm;

use super::canonical::canonical_request;
use super::request::Received;

/// Headers that must be covered by the signature (user guide, "Signing
/// process"); the chain's header too when it is there.
const REQUIRED: [&str; 4] = ["content-type", "host", "x-amz-date", "x-amz-x509"];

/// What the headers claim, decoded but not verified.
#[derive(Debug)]
pub(super) struct Claim {
    algorithm: Algorithm,
    serial: String,
    scope_date: String,
    /// The region in the scope.
    pub(super) scope_region: String,
    signed_names: Vec<String>,
    signature: Vec<u8>,
    date_text: String,
    /// The client's time.
    pub(super) date: DateTime<Utc>,
    /// The certificate of the request.
    pub(super) leaf: Certificate,
    /// The certificates that came with it.
    pub(super) chain: Vec<Certificate>,
}

impl Claim {
    /// Decodes `Authorization`, the date and the certificates.
    ///
    /// # Errors
    ///
    /// A sentence that says what is malformed.
    pub(super) fn read(request: &Received) -> Result<Self, String> {
        let authorization = request.single("authorization")?;
        let (algorithm, fields) = authorization
            .split_once(' ')
            .ok_or("Authorization has no algorithm")?;
        let algorithm = Algorithm::named(algorithm)
            .ok_or("Authorization names an algorithm that does not exist here")?;
        let [mut credential, mut signed, mut signature] = [None; 3];
        for field in fields.split(',') {
            let (name, value) = field
                .trim_matches(' ')
                .split_once('=')
                .ok_or("Authorization has a field without =")?;
            let slot = match name {
                "Credential" => &mut credential,
                "SignedHeaders" => &mut signed,
                "Signature" => &mut signature,
                _ => return Err("Authorization has an unknown field".to_owned()),
            };
            if slot.replace(value).is_some() {
                return Err(format!("Authorization has {name} twice"));
            }
        }
        let (Some(credential), Some(signed), Some(signature)) = (credential, signed, signature)
        else {
            return Err("Authorization lacks Credential, SignedHeaders or Signature".to_owned());
        };
        let scope: Vec<&str> = credential.split('/').collect();
        let [
            serial,
            scope_date,
            scope_region,
            "rolesanywhere",
            "aws4_request",
        ] = scope.as_slice()
        else {
            return Err(
                "Credential is not SERIAL/DATE/REGION/rolesanywhere/aws4_request".to_owned(),
            );
        };
        let (date, date_text) = request.amz_date()?;
        Ok(Self {
            algorithm,
            serial: (*serial).to_owned(),
            scope_date: (*scope_date).to_owned(),
            scope_region: (*scope_region).to_owned(),
            signed_names: signed_names(request, signed)?,
            signature: lowercase_hex(signature)?,
            date_text,
            date,
            leaf: decode(request.single("x-amz-x509")?, "X-Amz-X509")?,
            chain: read_chain(request)?,
        })
    }

    /// Verifies the scope's date, the serial number and the signature.
    ///
    /// # Errors
    ///
    /// A sentence that says which of them failed.
    pub(super) fn verify(&self, request: &Received) -> Result<(), String> {
        if self.scope_date != self.date_text[..8] {
            return Err("the credential's date is not that of X-Amz-Date".to_owned());
        }
        let serial = self.leaf.serial().decimal();
        if self.serial != serial {
            return Err(format!(
                "the credential's serial number is not the certificate's, {serial} in decimal"
            ));
        }
        let key = self.leaf.public_key();
        if Algorithm::for_key(key.algorithm()) != Some(self.algorithm) {
            return Err(format!(
                "the algorithm {} does not fit the certificate's {} key",
                self.algorithm.name(),
                key.algorithm()
            ));
        }
        // SigV4 sorts the names. A client that signed them in the order in
        // which it lists them is understood too.
        let listed: Vec<&str> = self.signed_names.iter().map(String::as_str).collect();
        let mut sorted = listed.clone();
        sorted.sort_unstable();
        if self.fits(request, &sorted)? || (listed != sorted && self.fits(request, &listed)?) {
            return Ok(());
        }
        Err("the signature is not the certificate's key's over this request".to_owned())
    }

    fn fits(&self, request: &Received, names: &[&str]) -> Result<bool, String> {
        let canonical = canonical_request(request, "/sessions", names)?;
        let string_to_sign = format!(
            "{}\n{}\n{}/{}/rolesanywhere/aws4_request\n{}",
            self.algorithm.name(),
            self.date_text,
            self.scope_date,
            self.scope_region,
            hex::encode(Sha256::digest(canonical)),
        );
        let key = self.leaf.public_key();
        let scheme = self.algorithm.scheme();
        Ok(verify(
            key,
            scheme,
            string_to_sign.as_bytes(),
            &self.signature,
        ))
    }
}

/// ECDSA by ring, RSA by the `rsa` crate: each time the library that the client
/// does not sign with.
/// P-521 and ML-DSA have only one library here.
fn verify(key: &PublicKey, scheme: Scheme, message: &[u8], signature: &[u8]) -> bool {
    match key.algorithm() {
        KeyAlgorithm::Rsa { .. } => {
            let Ok(public) = rsa::RsaPublicKey::from_pkcs1_der(key.subject_public_key()) else {
                return false;
            };
            let Ok(signature) = pkcs1v15::Signature::try_from(signature) else {
                return false;
            };
            pkcs1v15::VerifyingKey::<Sha256>::new(public)
                .verify(message, &signature)
                .is_ok()
        }
        _ => key.verify(scheme, message, signature),
    }
}

/// The names in `SignedHeaders`: lowercase, each once, each present, with all
/// that must be signed.
fn signed_names(request: &Received, list: &str) -> Result<Vec<String>, String> {
    let names: Vec<String> = list.split(';').map(str::to_owned).collect();
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() || name.bytes().any(|octet| octet.is_ascii_uppercase()) {
            return Err("SignedHeaders has an empty or uppercase name".to_owned());
        }
        if names[..index].contains(name) {
            return Err(format!("SignedHeaders has {name} twice"));
        }
    }
    let chain = request
        .values("x-amz-x509-chain")
        .next()
        .map(|_| "x-amz-x509-chain");
    for required in REQUIRED.into_iter().chain(chain) {
        if !names.iter().any(|name| name == required) {
            return Err(format!("the header {required} is not signed"));
        }
    }
    for unique in ["content-type", "host", "x-amz-date", "x-amz-x509"] {
        request.single(unique)?;
    }
    Ok(names)
}

fn read_chain(request: &Received) -> Result<Vec<Certificate>, String> {
    if request.values("x-amz-x509-chain").next().is_none() {
        return Ok(Vec::new());
    }
    let entries: Vec<&str> = request.single("x-amz-x509-chain")?.split(',').collect();
    // How many there may be is a rule's; this bounds the work.
    if entries.len() > limits::MAX_CERTIFICATES {
        return Err(format!(
            "X-Amz-X509-Chain has more than {} certificates",
            limits::MAX_CERTIFICATES
        ));
    }
    entries
        .into_iter()
        .map(|entry| decode(entry, "X-Amz-X509-Chain"))
        .collect()
}

fn decode(text: &str, header: &str) -> Result<Certificate, String> {
    let der = STANDARD
        .decode(text)
        .map_err(|_| format!("{header} is not base64 of DER"))?;
    Certificate::from_der(&der, header).map_err(|error| error.to_string())
}

/// Octets in lowercase hex.
///
/// # Errors
///
/// A sentence for whatever else it is.
pub(super) fn lowercase_hex(text: &str) -> Result<Vec<u8>, String> {
    if text.bytes().any(|octet| octet.is_ascii_uppercase()) {
        return Err("Signature is not lowercase hex".to_owned());
    }
    hex::decode(text).map_err(|_| "Signature is not lowercase hex".to_owned())
}
