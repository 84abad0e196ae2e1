//! The profile of our certificates, as x509-cert reads it.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Encode;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::time::Time;

use super::{NAMES, UNITS};

/// id-kp-clientAuth (RFC 5280 section 4.2.1.12).
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
/// The attribute types of a subject (RFC 5280 appendix A.1).
pub(super) const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
pub(super) const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
pub(super) const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
/// The extensions of a leaf (RFC 5280 section 4.2.1).
const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

/// A CA's certificate has exactly what it needs; only the root lacks the
/// authorityKeyIdentifier, which would repeat its own.
pub(super) fn check_ca(certificate: &Certificate, issuer: &Certificate, path_length: Option<u8>) {
    check_common(certificate, issuer);
    let tbs = certificate.tbs_certificate();
    let (critical, constraints) = tbs.get_extension::<BasicConstraints>().unwrap().unwrap();
    assert!(critical);
    assert!(constraints.ca);
    assert_eq!(constraints.path_len_constraint, path_length);
    let (critical, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
    assert!(critical);
    assert_eq!(usage, KeyUsage(KeyUsages::KeyCertSign | KeyUsages::CRLSign));
    let mut expected = vec![BASIC_CONSTRAINTS, KEY_USAGE, SUBJECT_KEY_IDENTIFIER];
    if certificate != issuer {
        expected.push(AUTHORITY_KEY_IDENTIFIER);
    }
    assert_extensions(certificate, expected);
}

/// A leaf with the tests' names says what was asked for and nothing else.
pub(super) fn check_leaf(leaf: &Certificate, issuer: &Certificate, name: &str) {
    check_common(leaf, issuer);
    let tbs = leaf.tbs_certificate();

    // CA:FALSE is the DEFAULT, which DER leaves out: the extension is there, as
    // an empty SEQUENCE.
    let constraints = extension(leaf, BASIC_CONSTRAINTS).unwrap();
    assert!(constraints.critical);
    assert_eq!(constraints.extn_value.as_bytes(), [0x30, 0x00]);
    let (critical, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
    assert!(critical);
    assert_eq!(usage, KeyUsage(KeyUsages::DigitalSignature.into()));
    let (critical, usage) = tbs.get_extension::<ExtendedKeyUsage>().unwrap().unwrap();
    assert!(!critical);
    assert_eq!(usage.0, [CLIENT_AUTH]);
    assert!(!extension(leaf, SUBJECT_ALT_NAME).unwrap().critical);
    assert_eq!(alternative_names(leaf), NAMES);
    assert_extensions(
        leaf,
        vec![
            AUTHORITY_KEY_IDENTIFIER,
            BASIC_CONSTRAINTS,
            EXTENDED_KEY_USAGE,
            KEY_USAGE,
            SUBJECT_ALT_NAME,
            SUBJECT_KEY_IDENTIFIER,
        ],
    );

    let mut subject = vec![(ORGANIZATION, "Example Corp".to_owned())];
    subject.extend(UNITS.map(|unit| (ORGANIZATIONAL_UNIT, unit.to_owned())));
    subject.push((COMMON_NAME, name.to_owned()));
    assert_eq!(attributes(leaf), subject);

    let issuer_validity = issuer.tbs_certificate().validity();
    let validity = tbs.validity();
    let seconds = |time: &Time| time.to_unix_duration().as_secs();
    assert!(seconds(&validity.not_before) >= seconds(&issuer_validity.not_before));
    assert!(seconds(&validity.not_after) <= seconds(&issuer_validity.not_after));
}

fn check_common(certificate: &Certificate, issuer: &Certificate) {
    let tbs = certificate.tbs_certificate();
    assert_eq!(tbs.version(), x509_cert::Version::V3);
    assert_eq!(tbs.signature(), certificate.signature_algorithm());

    let serial = tbs.serial_number().as_bytes();
    assert_eq!(serial.len(), 16, "{serial:02x?}");
    assert!((0x01..=0x7f).contains(&serial[0]), "{serial:02x?}");

    // What is encoded again is what was read (see `read_all`), so these are the
    // bytes of the certificate.
    assert_eq!(
        tbs.issuer().to_der().unwrap(),
        issuer.tbs_certificate().subject().to_der().unwrap()
    );

    let (critical, identifier) = tbs
        .get_extension::<SubjectKeyIdentifier>()
        .unwrap()
        .unwrap();
    assert!(!critical);
    assert_eq!(identifier.0.as_bytes(), key_identifier(certificate));
    match tbs.get_extension::<AuthorityKeyIdentifier>().unwrap() {
        Some((critical, identifier)) => {
            assert!(!critical);
            let value = identifier.key_identifier.unwrap();
            assert_eq!(value.as_bytes(), key_identifier(issuer));
            assert_eq!(identifier.authority_cert_issuer, None);
            assert_eq!(identifier.authority_cert_serial_number, None);
        }
        None => assert_eq!(certificate, issuer, "only a root may lack it"),
    }
}

/// RFC 7093 section 2 method 1: the leftmost 160 bits of the SHA-256 of the
/// public key's BIT STRING, without tag, length and unused bits.
fn key_identifier(certificate: &Certificate) -> Vec<u8> {
    let spki = certificate.tbs_certificate().subject_public_key_info();
    let bits = spki.subject_public_key.as_bytes().unwrap();
    Sha256::digest(bits)[..20].to_vec()
}

fn assert_extensions(certificate: &Certificate, mut expected: Vec<&str>) {
    let extensions = certificate.tbs_certificate().extensions().unwrap();
    let mut found: Vec<String> = extensions
        .iter()
        .map(|extension| extension.extn_id.to_string())
        .collect();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

fn extension<'a>(certificate: &'a Certificate, oid: &str) -> Option<&'a x509_cert::ext::Extension> {
    certificate
        .tbs_certificate()
        .extensions()?
        .iter()
        .find(|extension| extension.extn_id.to_string() == oid)
}

/// The subject's attributes in order, each of which has an RDN of its own.
pub(super) fn attributes(certificate: &Certificate) -> Vec<(ObjectIdentifier, String)> {
    certificate
        .tbs_certificate()
        .subject()
        .iter_rdn()
        .map(|rdn| {
            assert_eq!(rdn.len(), 1);
            let attribute = rdn.iter().next().unwrap();
            let value = attribute.value.value().to_vec();
            (attribute.oid, String::from_utf8(value).unwrap())
        })
        .collect()
}

/// The alternative names in order, in the form in which they are typed.
pub(super) fn alternative_names(certificate: &Certificate) -> Vec<String> {
    let names = certificate
        .tbs_certificate()
        .get_extension::<SubjectAltName>()
        .unwrap();
    let Some((_, SubjectAltName(names))) = names else {
        return Vec::new();
    };
    names
        .iter()
        .map(|name| match name {
            GeneralName::DnsName(name) => format!("DNS:{name}"),
            GeneralName::Rfc822Name(address) => format!("email:{address}"),
            GeneralName::UniformResourceIdentifier(uri) => format!("URI:{uri}"),
            GeneralName::IpAddress(octets) => {
                let octets = octets.as_bytes();
                let address = <[u8; 4]>::try_from(octets)
                    .map(IpAddr::from)
                    .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from))
                    .unwrap();
                format!("IP:{address}")
            }
            other => panic!("unexpected {other:?}"),
        })
        .collect()
}
