//! The request of an issuing CA whose root is elsewhere.
//!
//! Written element by element, as revocation lists are: rcgen would re-encode the
//! name, and the certificate has to come back with the bytes that were asked for.

use crate::der;
use crate::key::Signer;
use crate::pki::{DistinguishedName, Error, signature};

use super::{CertificateRequest, EXTENSION_REQUEST_OID};

/// `id-ce-basicConstraints`, critical, CA:TRUE with path length 0.
const BASIC_CONSTRAINTS: &[u8] =
    b"\x30\x12\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x08\x30\x06\x01\x01\xff\x02\x01\x00";
/// `id-ce-keyUsage`, critical, keyCertSign and cRLSign.
const KEY_USAGE: &[u8] = b"\x30\x0e\x06\x03\x55\x1d\x0f\x01\x01\xff\x04\x04\x03\x02\x01\x06";
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
        let failed = |reason: &str| Error::Request {
            reason: reason.to_owned(),
            source: None,
        };
        let public_key = signer.public_key();
        let (scheme, algorithm) = public_key
            .certificate_scheme()
            .zip(signature::algorithm_identifier(public_key.algorithm()))
            .ok_or_else(|| failed("the key cannot sign certificates"))?;
        let version = der::write(der::INTEGER, &[0]);
        let attributes = der::write(
            ATTRIBUTES,
            &attribute(&extensions(&public_key.key_identifier())),
        );
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

/// The attribute that asks for extensions.
fn attribute(extensions: &[u8]) -> Vec<u8> {
    der::write_all(
        der::SEQUENCE,
        &[
            &der::write(der::OBJECT_IDENTIFIER, EXTENSION_REQUEST_OID),
            &der::write(der::SET, extensions),
        ],
    )
}

fn extensions(key_identifier: &[u8]) -> Vec<u8> {
    let identifier = der::write_all(
        der::SEQUENCE,
        &[
            &der::write(der::OBJECT_IDENTIFIER, SUBJECT_KEY_IDENTIFIER),
            &der::write(
                der::OCTET_STRING,
                &der::write(der::OCTET_STRING, key_identifier),
            ),
        ],
    );
    der::write_all(der::SEQUENCE, &[BASIC_CONSTRAINTS, KEY_USAGE, &identifier])
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
}
