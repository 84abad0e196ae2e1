//! One X.509 certificate: its bytes and the facts that this program needs.

mod extensions;

pub(super) use extensions::{show_name, show_raw_name};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::der;
use crate::key::PublicKey;

use super::oid::dotted;
use super::{DistinguishedName, Error, SerialNumber, signature};

use extensions::Extensions;

/// The content of a basicConstraints extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the certificate is a certificate authority's.
    pub ca: bool,
    /// How many non-self-issued intermediates may follow; `None` is no limit.
    pub path_length: Option<u32>,
}

/// The bits of a keyUsage extension that this program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyUsage {
    /// digitalSignature.
    pub digital_signature: bool,
    /// keyCertSign.
    pub key_cert_sign: bool,
    /// cRLSign.
    pub crl_sign: bool,
    /// Whether any other bit is set.
    pub other: bool,
}

/// The hash with which a certificate was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureHash {
    /// SHA-256, SHA-384, SHA-512, or an algorithm such as Ed25519 or ML-DSA
    /// that has no weaker choice.
    Strong,
    /// MD5, SHA-1 or older.
    Weak,
    /// An algorithm that is not known here.
    Unknown,
}

/// A parsed X.509 certificate.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    version: u32,
    serial: SerialNumber,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    public_key: PublicKey,
    signature_hash: SignatureHash,
    extensions: Extensions,
}

impl Certificate {
    /// Decodes one DER certificate that fills `der`. `origin` is what messages
    /// call the file.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] for what is no certificate, has bytes behind it, a
    /// serial number that is not a positive number of at most 20 octets, or an
    /// extension twice (RFC 5280 section 4.2).
    pub fn from_der(der: &[u8], origin: &str) -> Result<Self, Error> {
        let damaged = |reason: &str| Error::Damaged {
            origin: origin.to_owned(),
            reason: reason.to_owned(),
        };
        // The parser takes lengths in more octets than they need; a certificate
        // must have one encoding only (X.690 section 10.1).
        if der::sequence(der).is_none_or(|parts| parts.len() != 3) {
            return Err(damaged("it is not DER"));
        }
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| damaged("it does not decode as X.509"))?;
        if !rest.is_empty() {
            return Err(damaged("bytes follow the certificate"));
        }
        let tbs = &parsed.tbs_certificate;
        if tbs.signature != parsed.signature_algorithm {
            return Err(damaged("its two signature algorithms differ"));
        }
        let extensions = Extensions::read(&parsed).map_err(|reason| damaged(&reason))?;
        Ok(Self {
            version: tbs.version.0.saturating_add(1),
            serial: SerialNumber::from_der_content(tbs.raw_serial())
                .ok_or_else(|| damaged("its serial number is zero, negative or too long"))?,
            subject: DistinguishedName::from_der(tbs.subject.as_raw())
                .ok_or_else(|| damaged("its subject name is malformed"))?,
            issuer: DistinguishedName::from_der(tbs.issuer.as_raw())
                .ok_or_else(|| damaged("its issuer name is malformed"))?,
            not_before: time(tbs.validity.not_before.timestamp())
                .ok_or_else(|| damaged("its notBefore is out of range"))?,
            not_after: time(tbs.validity.not_after.timestamp())
                .ok_or_else(|| damaged("its notAfter is out of range"))?,
            public_key: PublicKey::from_spki(tbs.subject_pki.raw)
                .ok_or_else(|| damaged("its public key is malformed"))?,
            signature_hash: signature_hash(&dotted(&parsed.signature_algorithm.algorithm)),
            extensions,
            der: der.to_vec(),
        })
    }

    /// The DER encoding.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The TBSCertificate, DER: what the issuer has signed (RFC 5280 section
    /// 4.1.1.1).
    #[must_use]
    pub fn to_be_signed(&self) -> &[u8] {
        // `from_der` has seen that the encoding is a sequence of three.
        der::sequence(&self.der)
            .and_then(|parts| parts.first().map(|tbs| tbs.encoded))
            .unwrap_or_default()
    }

    /// The X.509 version as people count it: 3 for version 3.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The serial number.
    #[must_use]
    pub const fn serial(&self) -> &SerialNumber {
        &self.serial
    }

    /// Whom the certificate names.
    #[must_use]
    pub const fn subject(&self) -> &DistinguishedName {
        &self.subject
    }

    /// Who issued it.
    #[must_use]
    pub const fn issuer(&self) -> &DistinguishedName {
        &self.issuer
    }

    /// The first second of validity.
    #[must_use]
    pub const fn not_before(&self) -> DateTime<Utc> {
        self.not_before
    }

    /// The last second of validity (it still counts, RFC 5280 section 4.1.2.5).
    #[must_use]
    pub const fn not_after(&self) -> DateTime<Utc> {
        self.not_after
    }

    /// Whether `at` lies within the validity, both ends included.
    #[must_use]
    pub fn is_valid_at(&self, at: DateTime<Utc>) -> bool {
        // A sub-second part after the last second still belongs to it.
        self.not_before <= at && crate::clock::whole_seconds(at) <= self.not_after
    }

    /// The certified public key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The strength of the hash in the issuer's signature.
    #[must_use]
    pub const fn signature_hash(&self) -> SignatureHash {
        self.signature_hash
    }

    /// The basicConstraints extension, when present.
    #[must_use]
    pub const fn basic_constraints(&self) -> Option<BasicConstraints> {
        self.extensions.basic_constraints
    }

    /// Whether basicConstraints says that this is a CA.
    #[must_use]
    pub const fn is_ca(&self) -> bool {
        matches!(
            self.extensions.basic_constraints,
            Some(BasicConstraints { ca: true, .. })
        )
    }

    /// The keyUsage extension, when present.
    #[must_use]
    pub const fn key_usage(&self) -> Option<KeyUsage> {
        self.extensions.key_usage
    }

    /// The OIDs of the extendedKeyUsage extension, dotted, when present.
    #[must_use]
    pub fn extended_key_usage(&self) -> Option<&[String]> {
        self.extensions.extended_key_usage.as_deref()
    }

    /// The subjectKeyIdentifier, when present.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.subject_key_identifier.as_deref()
    }

    /// The keyIdentifier of the authorityKeyIdentifier, when present.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.extensions.authority_key_identifier.as_deref()
    }

    /// What certificates and lists that it signs have to say of its key: its own
    /// subjectKeyIdentifier (RFC 5280 section 4.2.1.1), which another CA may have
    /// computed otherwise than it is done here.
    #[must_use]
    pub fn key_identifier(&self) -> Vec<u8> {
        self.subject_key_identifier()
            .map_or_else(|| self.public_key.key_identifier().to_vec(), <[u8]>::to_vec)
    }

    /// The subject alternative names, each as `DNS:…`, `IP:…` and so on.
    #[must_use]
    pub fn alternative_names(&self) -> &[String] {
        &self.extensions.alternative_names
    }

    /// The first dNSName among the alternative names.
    #[must_use]
    pub fn first_dns_name(&self) -> Option<&str> {
        self.extensions.first_dns_name.as_deref()
    }

    /// The first uniformResourceIdentifier among the alternative names.
    #[must_use]
    pub fn first_uri(&self) -> Option<&str> {
        self.extensions.first_uri.as_deref()
    }

    /// The first directoryName among the alternative names.
    #[must_use]
    pub const fn first_directory_name(&self) -> Option<&DistinguishedName> {
        self.extensions.first_directory_name.as_ref()
    }

    /// OIDs of all critical extensions, sorted by their text.
    #[must_use]
    pub fn critical(&self) -> &[String] {
        &self.extensions.critical
    }

    /// OIDs of extensions with which a certificate is not taken for a CA of ours:
    /// critical ones that say more than what kind of CA it is (RFC 5280 section
    /// 4.2), and name constraints, which what it issues is not compared with
    /// beforehand. Path validation evaluates more of them.
    #[must_use]
    pub fn unhandled(&self) -> &[String] {
        &self.extensions.unhandled
    }

    /// SHA-256 of the DER, lowercase hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    /// Whether subject and issuer are the same name (RFC 5280 section 3.2).
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.subject == self.issuer
    }

    /// Whether `issuer`'s key made this certificate's signature. Names are not
    /// compared.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &PublicKey) -> bool {
        signature::is_of(issuer, &self.der)
    }

    /// The same certificate with another signature. `None` when anything but the
    /// bits of the signature differs.
    pub(super) fn signed_as(mut self, der: Vec<u8>) -> Option<Self> {
        let parts = |der| {
            Some(
                <[_; 3]>::try_from(der::sequence(der)?.as_slice())
                    .ok()?
                    .map(|part: der::Element<'_>| (part.tag, part.encoded)),
            )
        };
        let ([tbs, algorithm, _], [new_tbs, new_algorithm, bits]) =
            (parts(&self.der)?, parts(&der)?);
        if (new_tbs, new_algorithm) != (tbs, algorithm) || bits.0 != der::BIT_STRING {
            return None;
        }
        self.der = der;
        Some(self)
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({}, serial {})", self.subject, self.serial)
    }
}

/// Sorts signature algorithms by the strength of their hash. RSA-PSS is counted
/// as unknown, since its hash stands in its parameters.
pub(super) fn signature_hash(oid: &str) -> SignatureHash {
    match oid {
        // sha256/384/512WithRSAEncryption, ecdsa-with-SHA256/384/512
        "1.2.840.113549.1.1.11"
        | "1.2.840.113549.1.1.12"
        | "1.2.840.113549.1.1.13"
        | "1.2.840.10045.4.3.2"
        | "1.2.840.10045.4.3.3"
        | "1.2.840.10045.4.3.4"
        // Ed25519, ML-DSA-44/65/87
        | "1.3.101.112"
        | "2.16.840.1.101.3.4.3.17"
        | "2.16.840.1.101.3.4.3.18"
        | "2.16.840.1.101.3.4.3.19" => SignatureHash::Strong,
        // md2/md5/sha1/sha224WithRSAEncryption, ecdsa-with-SHA1/SHA224, dsa
        "1.2.840.113549.1.1.2"
        | "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.14"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.1"
        | "1.2.840.10040.4.3"
        | "1.3.14.3.2.29" => SignatureHash::Weak,
        _ => SignatureHash::Unknown,
    }
}

fn time(timestamp: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(timestamp, 0)
}
