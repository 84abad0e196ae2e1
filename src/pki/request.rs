//! Requests for certificates (PKCS#10, RFC 2986).
//!
//! Of a request only the key and the names that are asked for are taken: a CA
//! that copies extensions hands out certificates of a CA to whoever asks for
//! them. What is asked for besides is told, so that nobody takes it for granted.

mod build;

use std::borrow::Cow;

use base64::Engine;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::cri_attributes::ParsedCriAttribute;
use x509_parser::extensions::{GeneralName as ParsedName, ParsedExtension, X509Extension};
use x509_parser::prelude::FromDer;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::AlgorithmIdentifier;

use crate::der;
use crate::key::{Contents, Hash, KeyAlgorithm, PublicKey, Scheme, is_pem};
use crate::limits;
use crate::text::printable;

use super::certificate::show_name;
use super::{DistinguishedName, Error};

/// A request whose signature shows that who made it holds the private key.
#[derive(Clone)]
pub struct CertificateRequest {
    der: Vec<u8>,
    subject: DistinguishedName,
    public_key: PublicKey,
    names: Vec<String>,
    ignored: Vec<String>,
    asks_for_authority: bool,
}

impl CertificateRequest {
    /// Reads one request from PEM (`CERTIFICATE REQUEST`, or as older tools
    /// write it `NEW CERTIFICATE REQUEST`), DER, or what programs of Windows write:
    /// PEM in UTF-16, and base64 without the lines around it. Its signature is
    /// verified.
    /// `origin` is what messages call the file.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedRequest`] for what is no request or several, is not
    /// signed by its own key with a hash of the SHA-2 family, or has a key that
    /// Roles Anywhere does not take.
    pub fn read(material: &[u8], origin: &str) -> Result<Self, Error> {
        let refused = |reason: String| Error::DamagedRequest {
            origin: origin.to_owned(),
            reason,
        };
        let material = as_pem_or_der(material).map_err(|reason| refused(reason.to_owned()))?;
        let der = one_der(&material).map_err(refused)?;
        Self::from_der(&der).map_err(refused)
    }

    fn from_der(encoded: &[u8]) -> Result<Self, String> {
        // As with certificates: one encoding only, which the parser does not ask
        // for, and nothing behind it.
        if der::sequence(encoded).is_none_or(|parts| parts.len() != 3) {
            return Err("it is not DER, or bytes follow it".to_owned());
        }
        let (_, parsed) = X509CertificationRequest::from_der(encoded)
            .map_err(|_| "it does not decode as PKCS#10".to_owned())?;
        let info = &parsed.certification_request_info;
        if info.version.0 != 0 {
            return Err(format!("its version is {}, not 0", info.version.0));
        }
        let public_key = PublicKey::from_spki(info.subject_pki.raw)
            .ok_or_else(|| "its public key is malformed".to_owned())?;
        if let Some(flaw) = public_key.flaw() {
            return Err(format!("its key cannot be certified: {flaw}"));
        }
        prove_possession(
            &public_key,
            &parsed.signature_algorithm,
            parsed.signature_value.as_ref(),
            info.raw,
        )?;
        let mut request = Self {
            der: encoded.to_vec(),
            subject: DistinguishedName::from_der(info.subject.as_raw())
                .ok_or_else(|| "its subject name is malformed".to_owned())?,
            public_key,
            names: Vec::new(),
            ignored: Vec::new(),
            asks_for_authority: false,
        };
        request.ignore_attributes();
        request.read_attributes(&parsed)?;
        Ok(request)
    }

    /// The DER encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The request as PEM, with LF line endings (RFC 7468 section 7).
    #[must_use]
    pub fn to_pem(&self) -> String {
        let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
        let block = pem::Pem::new("CERTIFICATE REQUEST", self.der.as_slice());
        pem::encode_config(&block, config)
    }

    /// The name for which a certificate is asked.
    #[must_use]
    pub const fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// The key that is to be certified.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The values that the subject has for an attribute (`CN`, `O`, `OU`), in
    /// order.
    pub fn subject_values<'a>(&'a self, short_name: &'a str) -> impl Iterator<Item = &'a str> {
        let attributes = self.subject.attributes();
        attributes.filter_map(move |(name, value)| (name == short_name).then_some(value))
    }

    /// The subject alternative names that are asked for, in order, as text with
    /// their kind before them. They are not checked yet.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What else is asked for and will not be granted, one phrase each.
    #[must_use]
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Whether it asks for the certificate of a CA: basicConstraints with CA:TRUE.
    #[must_use]
    pub const fn asks_for_authority(&self) -> bool {
        self.asks_for_authority
    }

    fn ignore(&mut self, what: &str) {
        let what = format!("{} asked: ignored", printable(what, 200));
        if !self.ignored.contains(&what) && self.ignored.len() < limits::MAX_LISTED {
            self.ignored.push(what);
        }
    }

    /// Notes what the subject has beside the attributes that are taken.
    fn ignore_attributes(&mut self) {
        let others: Vec<String> = self
            .subject
            .attributes()
            .filter(|(name, _)| !matches!(*name, "CN" | "O" | "OU"))
            .map(|(name, value)| format!("{name}={value} in the subject"))
            .collect();
        others.iter().for_each(|other| self.ignore(other));
    }

    fn read_attributes(&mut self, parsed: &X509CertificationRequest<'_>) -> Result<(), String> {
        let mut seen = false;
        for attribute in parsed.certification_request_info.iter_attributes() {
            match attribute.parsed_attribute() {
                ParsedCriAttribute::ExtensionRequest(_) if seen => {
                    return Err("it has two lists of extensions".to_owned());
                }
                ParsedCriAttribute::ExtensionRequest(asked) => {
                    seen = true;
                    self.read_extensions(&asked.extensions)?;
                }
                // It is between the requester and an older kind of CA, and may
                // be a secret: not even its presence is of interest.
                ParsedCriAttribute::ChallengePassword(_) => {}
                _ if attribute.oid.to_id_string() == EXTENSION_REQUEST => {
                    return Err("its list of extensions is malformed".to_owned());
                }
                _ => self.ignore(&format!("attribute {}", attribute.oid.to_id_string())),
            }
        }
        Ok(())
    }

    fn read_extensions(&mut self, extensions: &[X509Extension<'_>]) -> Result<(), String> {
        if extensions.len() > limits::MAX_EXTENSIONS {
            return Err(format!("it has {} extensions", extensions.len()));
        }
        let mut seen = Vec::new();
        for extension in extensions {
            let oid = extension.oid.to_id_string();
            if seen.contains(&oid) {
                return Err(format!("it has the extension {oid} twice"));
            }
            match extension.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(names) => {
                    self.read_names(&names.general_names)?;
                }
                ParsedExtension::ParseError { .. } => {
                    return Err(format!("its extension {oid} is malformed"));
                }
                other => {
                    self.asks_for_authority |= matches!(
                        other,
                        ParsedExtension::BasicConstraints(basic) if basic.ca
                    );
                    if let Some(what) = beyond(other, &oid) {
                        self.ignore(&what);
                    }
                }
            }
            seen.push(oid);
        }
        Ok(())
    }

    fn read_names(&mut self, names: &[ParsedName<'_>]) -> Result<(), String> {
        if names.len() > limits::MAX_NAMES {
            return Err(format!(
                "it has {} alternative names, at most {} are taken",
                names.len(),
                limits::MAX_NAMES
            ));
        }
        for name in names {
            let shown = show_name(name);
            match name {
                ParsedName::DNSName(_)
                | ParsedName::RFC822Name(_)
                | ParsedName::URI(_)
                | ParsedName::IPAddress(_) => self.names.push(shown),
                _ => self.ignore(&format!("alternative name {shown}")),
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "CertificateRequest({}, {:?})",
            self.subject, self.public_key
        )
    }
}

/// `extensionRequest` (RFC 2985 section 5.4.2).
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";
/// The same, as the content of an OBJECT IDENTIFIER.
const EXTENSION_REQUEST_OID: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e";

/// What programs of Windows write, as others do: text in UTF-16 with its mark as
/// UTF-8, and bare base64 as DER.
fn as_pem_or_der(material: &[u8]) -> Result<Cow<'_, [u8]>, &'static str> {
    if material.trim_ascii().is_empty() {
        return Err("it is empty");
    }
    let unit: Option<fn([u8; 2]) -> u16> = match material {
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        _ => None,
    };
    let text = match (unit, material.get(2..)) {
        (Some(unit), Some(rest)) => {
            let (pairs, odd) = rest.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
            let text = String::from_utf16(&units).ok().filter(|_| odd.is_empty());
            Cow::Owned(
                text.ok_or("it is not UTF-16, as its first bytes say")?
                    .into_bytes(),
            )
        }
        _ => Cow::Borrowed(material.strip_prefix(b"\xef\xbb\xbf").unwrap_or(material)),
    };
    // DER of a sequence in base64 begins so; neither PEM nor DER does.
    if !text.trim_ascii_start().starts_with(b"MI") {
        return Ok(text);
    }
    let digits: Vec<u8> = text
        .iter()
        .copied()
        .filter(|octet| !octet.is_ascii_whitespace())
        .collect();
    let der = base64::engine::general_purpose::STANDARD.decode(digits);
    der.map(Cow::Owned)
        .map_err(|_| "it is neither PEM nor base64")
}

/// The DER of the one request that a file holds.
fn one_der(material: &[u8]) -> Result<Vec<u8>, String> {
    if !is_pem(material) {
        return Ok(material.to_vec());
    }
    let blocks = pem::parse_many(material).map_err(|_| "a PEM block in it does not decode")?;
    let labels: Vec<&str> = blocks.iter().map(pem::Pem::tag).collect();
    let found = Contents::of_labels(&labels).to_string();
    let mut requests = blocks.into_iter().filter(|block| {
        matches!(
            block.tag(),
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST"
        )
    });
    let first = requests.next().ok_or(found)?;
    if requests.next().is_some() {
        return Err("it has several requests; give each its own file".to_owned());
    }
    Ok(first.into_contents())
}

/// What an extension asks for beyond what every certificate has anyway.
fn beyond(extension: &ParsedExtension<'_>, oid: &str) -> Option<String> {
    match extension {
        ParsedExtension::BasicConstraints(basic) if basic.ca => {
            Some("basicConstraints CA:TRUE".to_owned())
        }
        ParsedExtension::BasicConstraints(_) | ParsedExtension::SubjectKeyIdentifier(_) => None,
        ParsedExtension::KeyUsage(usage) if usage.flags == 1 => None,
        ParsedExtension::KeyUsage(usage) => Some(format!("keyUsage {usage}")),
        ParsedExtension::ExtendedKeyUsage(usage) => {
            let beyond_client = usage.any
                || usage.server_auth
                || usage.code_signing
                || usage.email_protection
                || usage.time_stamping
                || usage.ocsp_signing
                || !usage.other.is_empty();
            beyond_client.then(|| "extendedKeyUsage other than clientAuth".to_owned())
        }
        _ => Some(format!("extension {oid}")),
    }
}

/// Checks that the request was signed with the private half of its own key.
fn prove_possession(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &[u8],
    signed: &[u8],
) -> Result<(), String> {
    use KeyAlgorithm as K;
    let oid = algorithm.algorithm.to_id_string();
    // How the nonce was chosen does not matter here.
    let ecdsa = |hash| Ok(Scheme::DeterministicEcdsa(hash));
    let weak = || Err("it is signed with a broken hash; sign it with SHA-256".to_owned());
    let scheme = match (oid.as_str(), key.algorithm()) {
        ("1.2.840.10045.4.3.2", K::EcP256 | K::EcP384 | K::EcP521) => ecdsa(Hash::Sha256),
        ("1.2.840.10045.4.3.3", K::EcP256 | K::EcP384 | K::EcP521) => ecdsa(Hash::Sha384),
        ("1.2.840.10045.4.3.4", K::EcP256 | K::EcP384 | K::EcP521) => ecdsa(Hash::Sha512),
        ("1.2.840.113549.1.1.11", K::Rsa { .. }) => Ok(Scheme::RsaPkcs1(Hash::Sha256)),
        ("1.2.840.113549.1.1.12", K::Rsa { .. }) => Ok(Scheme::RsaPkcs1(Hash::Sha384)),
        ("1.2.840.113549.1.1.13", K::Rsa { .. }) => Ok(Scheme::RsaPkcs1(Hash::Sha512)),
        ("2.16.840.1.101.3.4.3.17", K::MlDsa44)
        | ("2.16.840.1.101.3.4.3.18", K::MlDsa65)
        | ("2.16.840.1.101.3.4.3.19", K::MlDsa87) => Ok(Scheme::MlDsa),
        ("1.2.840.113549.1.1.10", K::Rsa { .. }) => {
            return prove_by_pss(key, algorithm, signature, signed);
        }
        // md5, sha1 and sha224 with RSA; ECDSA with SHA-1 and SHA-224.
        (
            "1.2.840.113549.1.1.4"
            | "1.2.840.113549.1.1.5"
            | "1.2.840.113549.1.1.14"
            | "1.2.840.10045.4.1"
            | "1.2.840.10045.4.3.1",
            _,
        ) => weak(),
        (oid, algorithm) => Err(format!(
            "its signature algorithm {oid} does not fit its key, which is {algorithm}"
        )),
    }?;
    if key.verify(scheme, signed, signature) {
        return Ok(());
    }
    Err("its signature is not that of its own key".to_owned())
}

fn prove_by_pss(
    key: &PublicKey,
    algorithm: &AlgorithmIdentifier<'_>,
    signature: &[u8],
    signed: &[u8],
) -> Result<(), String> {
    let parameters = algorithm.parameters.as_ref();
    let parameters = parameters.and_then(|found| RsaSsaPssParams::try_from(found).ok());
    let hash = match parameters.map(|found| found.hash_algorithm_oid().to_id_string()) {
        Some(oid) if oid == "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        Some(oid) if oid == "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
        Some(oid) if oid == "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
        // SHA-1 where nothing is said (RFC 4055 section 3.1).
        _ => return Err("it is signed with a broken hash; sign it with SHA-256".to_owned()),
    };
    if key.verify_pss(hash, signed, signature) {
        return Ok(());
    }
    Err(
        "its signature is not that of its own key by RSASSA-PSS with a salt as long as the hash"
            .to_owned(),
    )
}
