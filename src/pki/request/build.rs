//! The requests that are made here: of an issuing CA whose root is elsewhere, and
//! of a workload.
//!
//! Written element by element, as revocation lists are: rcgen would re-encode the
//! name, and the certificate has to come back with the bytes that were asked for.

use std::net::IpAddr;

use crate::der;
use crate::key::Signer;
use crate::pki::{DistinguishedName, Error, GeneralName, signature};

use super::{CertificateRequest, EXTENSION_REQUEST_OID};

/// `id-ce-basicConstraints`, critical, CA:TRUE with path length 0.
const BASIC_CONSTRAINTS: &[u8] =
    b"\x30\x12\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x08\x30\x06\x01\x01\xff\x02\x01\x00";
/// `id-ce-keyUsage`, critical, keyCertSign and cRLSign.
const KEY_USAGE: &[u8] = b"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x01\x06";
/// `id-ce-keyUsage`, critical, digitalSignature.
const SIGNING_USAGE: &[u8] = b"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x07\x80";
/// `id-ce-extKeyUsage`, `id-kp-clientAuth`.
const CLIENT_USAGE: &[u8] =
    b"\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02";
/// `id-ce-subjectAltName`.
const ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 17];
/// `id-ce-subjectKeyIdentifier`.
const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 14];
/// Tag of `[0]`, constructed: the attributes (RFC 2986 section 4.1).
const ATTRIBUTES: u8 = 0xa0;

impl CertificateRequest {
    /// Asks for the certificate of an issuing CA: signed by its own key, read
    /// again and verified. The extensions that such a certificate has are asked
    /// for too (RFC 2985 section 5.4.2); a root that takes none from requests, as
    /// windlass, gives them anyway.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] when the key is of a type that signs no certificates,
    /// when it fails, or when what came out is not what was asked for.
    pub fn of_authority(subject: &DistinguishedName, signer: &dyn Signer) -> Result<Self, Error> {
        let identifier = subject_key_identifier(&signer.public_key().key_identifier());
        let asked = [BASIC_CONSTRAINTS, KEY_USAGE, &identifier].concat();
        Self::make(subject, &asked, signer)
    }

    /// Asks for a workload's certificate with these subject alternative names, for
    /// signing and for authenticating as a client. Signed by its own key, read
    /// again and verified.
    ///
    /// # Errors
    ///
    /// As [`Self::of_authority`].
    pub fn of_workload(
        subject: &DistinguishedName,
        names: &[GeneralName],
        signer: &dyn Signer,
    ) -> Result<Self, Error> {
        let mut asked = [SIGNING_USAGE, CLIENT_USAGE].concat();
        if !names.is_empty() {
            asked.extend(alternative_names(names));
        }
        let request = Self::make(subject, &asked, signer)?;
        let written: Vec<String> = names.iter().map(ToString::to_string).collect();
        if request.names != written {
            return Err(failed(
                "it does not have the names that were to be asked for",
            ));
        }
        Ok(request)
    }

    fn make(subject: &DistinguishedName, asked: &[u8], signer: &dyn Signer) -> Result<Self, Error> {
        let public_key = signer.public_key();
        let (scheme, algorithm) = public_key
            .certificate_scheme()
            .zip(signature::algorithm_identifier(public_key.algorithm()))
            .ok_or_else(|| failed("the key cannot sign requests"))?;
        let version = der::write(der::INTEGER, &[0]);
        let attributes = der::write(ATTRIBUTES, &attribute(asked));
        let info = der::write_all(
            der::SEQUENCE,
            &[&version, subject.der(), public_key.spki(), &attributes],
        );
        let signature = signer
            .sign(scheme, &info)
            .map_err(|source| Error::Request {
                reason: "the key failed".to_owned(),
                source: Some(source),
            })?;
        let bits = der::write(der::BIT_STRING, &[&[0][..], &signature].concat());
        let encoded = der::write_all(der::SEQUENCE, &[&info, algorithm, &bits]);
        let request = Self::from_der(&encoded).map_err(|reason| failed(&reason))?;
        if request.subject != *subject || request.public_key != *public_key {
            return Err(failed("it does not say what was to be asked for"));
        }
        Ok(request)
    }
}

fn failed(reason: &str) -> Error {
    Error::Request {
        reason: reason.to_owned(),
        source: None,
    }
}

/// The attribute that asks for extensions.
fn attribute(extensions: &[u8]) -> Vec<u8> {
    der::write_all(
        der::SEQUENCE,
        &[
            &der::write(der::OBJECT_IDENTIFIER, EXTENSION_REQUEST_OID),
            &der::write(der::SET, &der::write(der::SEQUENCE, extensions)),
        ],
    )
}

fn subject_key_identifier(key_identifier: &[u8]) -> Vec<u8> {
    extension(
        SUBJECT_KEY_IDENTIFIER,
        &der::write(der::OCTET_STRING, key_identifier),
    )
}

/// RFC 5280 section 4.2.1.6: the names are tagged implicitly.
fn alternative_names(names: &[GeneralName]) -> Vec<u8> {
    let mut list = Vec::new();
    for name in names {
        match name {
            GeneralName::Email(address) => der::append(&mut list, 0x81, address.as_bytes()),
            GeneralName::Dns(name) => der::append(&mut list, 0x82, name.as_bytes()),
            GeneralName::Uri(uri) => der::append(&mut list, 0x86, uri.as_bytes()),
            GeneralName::Ip(IpAddr::V4(address)) => {
                der::append(&mut list, 0x87, &address.octets());
            }
            GeneralName::Ip(IpAddr::V6(address)) => {
                der::append(&mut list, 0x87, &address.octets());
            }
        }
    }
    extension(ALTERNATIVE_NAME, &der::write(der::SEQUENCE, &list))
}

fn extension(oid: &[u8], value: &[u8]) -> Vec<u8> {
    der::write_all(
        der::SEQUENCE,
        &[
            &der::write(der::OBJECT_IDENTIFIER, oid),
            &der::write(der::OCTET_STRING, value),
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyType, generate};
    use crate::pki::AttributeType;

    #[test]
    fn a_request_is_read_back_as_it_was_asked_for() {
        let name = DistinguishedName::build(&[
            (AttributeType::Organization, "Zürich & Co"),
            (AttributeType::CommonName, "Zürich & Co Issuing CA"),
        ]);
        for key_type in [KeyType::P256, KeyType::P384, KeyType::Rsa3072] {
            let key = generate(key_type, "key").unwrap().key;
            let made = CertificateRequest::of_authority(&name, &key).unwrap();
            let read = CertificateRequest::read(made.to_pem().as_bytes(), "request").unwrap();
            assert_eq!(read.subject().der(), name.der());
            assert_eq!(read.public_key(), key.public_key());
            let basic = "basicConstraints CA:TRUE asked: ignored";
            assert_eq!(read.ignored()[0], basic);
        }
    }

    #[test]
    fn a_workload_asks_for_its_names_and_for_nothing_that_is_not_granted() {
        let name = DistinguishedName::build(&[(AttributeType::CommonName, "web-01")]);
        let names: Vec<GeneralName> = [
            "DNS:web-01.example.com",
            "IP:192.0.2.7",
            "IP:2001:db8::7",
            "URI:spiffe://example.com/web",
            "email:web@example.com",
        ]
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
        for key_type in [KeyType::P256, KeyType::Rsa2048] {
            let key = generate(key_type, "key").unwrap().key;
            let made = CertificateRequest::of_workload(&name, &names, &key).unwrap();
            let read = CertificateRequest::read(made.to_pem().as_bytes(), "request").unwrap();
            assert_eq!(read.subject().der(), name.der());
            assert_eq!(read.names().len(), names.len());
            let none: [&str; 0] = [];
            assert_eq!(read.ignored(), none);
            let bare = CertificateRequest::of_workload(&name, &[], &key).unwrap();
            assert!(bare.names().is_empty());
        }
    }
}
