//! What we issue, judged by other people's code: OpenSSL, webpki, pkilint and,
//! as a second parser, x509-cert.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rustls::pki_types::{CertificateDer, UnixTime};
use sha2::{Digest, Sha256};
use windlass::key::{GeneratedKey, KeyType, generate};
use windlass::pki::{
    AttributeType, DistinguishedName, GeneralName, IssuerRef, Kind, SerialNumber, Template,
};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName as OtherName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::time::Time;

use crate::harness::{Run, Sandbox, tool};

/// Alternative names of all four kinds, deliberately not sorted, two of a kind.
const NAMES: [&str; 7] = [
    "URI:spiffe://example.com/workload/web-1",
    "URI:https://example.com/web-1",
    "DNS:web-1.example.com",
    "IP:2001:db8::7",
    "email:ops@example.com",
    "DNS:alias.example.com",
    "IP:10.0.0.7",
];

/// Organizational units, one of them twice, in an order that sorting would
/// change.
const UNITS: [&str; 4] = ["Security", "Engineering", "Zürich", "Engineering"];

/// id-kp-clientAuth (RFC 5280 section 4.2.1.12).
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
/// The attribute types of a subject (RFC 5280 appendix A.1).
const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANIZATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");
const ORGANIZATIONAL_UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");
/// The extensions of a leaf (RFC 5280 section 4.2.1).
const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const AUTHORITY_KEY_IDENTIFIER: &str = "2.5.29.35";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";

#[test]
fn a_p256_ca_with_p256_and_rsa2048_leaves_satisfies_every_judge() {
    judge("p256", &["p256", "rsa2048"]);
}

#[test]
fn a_p384_ca_with_p384_and_rsa2048_leaves_satisfies_every_judge() {
    judge("p384", &["p384", "rsa2048"]);
}

#[test]
fn an_rsa3072_ca_with_p256_and_p384_leaves_satisfies_every_judge() {
    judge("rsa3072", &["p256", "p384"]);
}

/// Makes a CA and a leaf of each type, and hears all judges about them.
fn judge(ca_type: &str, leaf_types: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.ca(&["--key-type", ca_type]);
    let root = read_one(&sandbox, "ca/trust-anchor.pem");
    let issuing = read_one(&sandbox, "ca/issuing/cert.pem");
    pkilint_finds_only(&sandbox, "ca/trust-anchor.pem", &[]);
    pkilint_finds_only(&sandbox, "ca/issuing/cert.pem", &[]);
    x509_cert_reads_the_profile_of_a_ca(&root, &root, None);
    x509_cert_reads_the_profile_of_a_ca(&issuing, &root, Some(0));

    for leaf_type in leaf_types {
        let mut options = vec!["--key-type", leaf_type, "--organization", "Example Corp"];
        options.extend(UNITS.iter().flat_map(|unit| ["--ou", unit]));
        options.extend(NAMES.iter().flat_map(|name| ["--san", name]));
        sandbox.issue(leaf_type, &options);
        let leaf = read_one(&sandbox, &format!("{leaf_type}/cert.pem"));
        let chain = read_all(&sandbox, &format!("{leaf_type}/chain.pem"));
        let full = read_all(&sandbox, &format!("{leaf_type}/fullchain.pem"));
        assert_eq!(chain, [issuing.clone()]);
        assert_eq!(full, [leaf.clone(), issuing.clone()]);

        openssl_verifies(&sandbox, leaf_type);
        webpki_verifies(&leaf, &issuing, &root);
        pkilint_finds_only(&sandbox, &format!("{leaf_type}/cert.pem"), &DIVERGENCES);
        x509_cert_reads_the_profile_of_a_leaf(&leaf, &issuing, leaf_type);
    }
}

fn openssl_verifies(sandbox: &Sandbox, leaf: &str) {
    let good = openssl_verify(sandbox, leaf, "sslclient");
    assert_eq!(good.code, 0, "{good:#?}");
    assert_eq!(good.stdout, format!("{leaf}/cert.pem: OK\n"));
    assert_eq!(good.stderr, "");
    // The purpose is really judged.
    let bad = openssl_verify(sandbox, leaf, "sslserver");
    assert_ne!(bad.code, 0, "{bad:#?}");
    assert!(
        bad.stderr.contains("unsuitable certificate purpose"),
        "{bad:#?}"
    );
}

fn openssl_verify(sandbox: &Sandbox, leaf: &str, purpose: &str) -> Run {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    command.args(["verify", "-x509_strict", "-no-CApath", "-no-CAstore"]);
    command.args(["-purpose", purpose, "-CAfile", "ca/trust-anchor.pem"]);
    command.args(["-untrusted", &format!("{leaf}/chain.pem")]);
    command.arg(format!("{leaf}/cert.pem"));
    sandbox.finish(command)
}

fn webpki_verifies(leaf: &Certificate, issuing: &Certificate, root: &Certificate) {
    let [leaf_der, issuing_der, root_der] =
        [leaf, issuing, root].map(|certificate| CertificateDer::from(der_of(certificate)));
    let anchor = webpki::anchor_from_trusted_cert(&root_der).unwrap();
    let end_entity = webpki::EndEntityCert::try_from(&leaf_der).unwrap();
    let validity = leaf.tbs_certificate().validity();
    let verify = |at: Duration, usage: webpki::KeyUsage| {
        end_entity
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                std::slice::from_ref(&anchor),
                std::slice::from_ref(&issuing_der),
                UnixTime::since_unix_epoch(at),
                usage,
                None,
                None,
            )
            .map(|_| ())
    };
    let start = validity.not_before.to_unix_duration();
    let end = validity.not_after.to_unix_duration();
    for at in [start, end] {
        assert_eq!(verify(at, webpki::KeyUsage::client_auth()), Ok(()));
    }
    // Time and purpose are really judged.
    let late = end + Duration::from_secs(1);
    assert!(verify(late, webpki::KeyUsage::client_auth()).is_err());
    assert!(verify(start, webpki::KeyUsage::server_auth()).is_err());
}

/// A finding of pkilint: severity, code and message.
type Finding = (String, String, String);

fn pkilint(sandbox: &Sandbox, file: &str) -> Vec<Finding> {
    let mut command = Command::new(tool("lint_pkix_cert"));
    sandbox.scrub(&mut command);
    command.args(["lint", "--severity", "INFO", "--format", "JSON", file]);
    // The exit code is the number of findings.
    let run = sandbox.finish(command);
    let report: serde_json::Value = serde_json::from_str(&run.stdout)
        .unwrap_or_else(|error| panic!("{file}: {error}: {run:#?}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    report["results"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|result| result["finding_descriptions"].as_array().unwrap())
        .map(|finding| {
            (
                text(&finding["severity"]),
                text(&finding["code"]),
                text(&finding["message"]),
            )
        })
        .collect()
}

/// Where pkilint is wrong about a leaf: it knows the syntax of some schemes of
/// URIs only, and `spiffe` is none of them.
const DIVERGENCES: [(&str, &str, &str); 1] = [(
    "ERROR",
    "pkix.invalid_uri_syntax",
    "Invalid URI syntax: \"spiffe://example.com/workload/web-1\"",
)];

/// Nothing at WARNING or above but the divergences; what is below is printed.
fn pkilint_finds_only(sandbox: &Sandbox, file: &str, divergences: &[(&str, &str, &str)]) {
    let findings = pkilint(sandbox, file);
    let (harmless, bad): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|(severity, ..)| severity == "INFO" || severity == "NOTICE");
    let bad: Vec<_> = bad
        .iter()
        .map(|(severity, code, message)| (severity.as_str(), code.as_str(), message.as_str()))
        .collect();
    assert_eq!(bad, divergences, "{file}");
    for (severity, code, message) in &harmless {
        eprintln!("pkilint on {file}: {severity} {code} {message}");
    }
    // That the linter has looked at the extensions: it names the method.
    assert!(
        harmless
            .iter()
            .any(|(_, code, _)| code == "pkix.subject_key_identifier_rfc7093_method_1_identified"),
        "{file}: {harmless:#?}"
    );
}

fn x509_cert_reads_the_profile_of_a_ca(
    certificate: &Certificate,
    issuer: &Certificate,
    path_length: Option<u8>,
) {
    x509_cert_reads_what_all_have(certificate, issuer);
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

fn x509_cert_reads_the_profile_of_a_leaf(leaf: &Certificate, issuer: &Certificate, name: &str) {
    x509_cert_reads_what_all_have(leaf, issuer);
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

fn x509_cert_reads_what_all_have(certificate: &Certificate, issuer: &Certificate) {
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
fn attributes(certificate: &Certificate) -> Vec<(ObjectIdentifier, String)> {
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
fn alternative_names(certificate: &Certificate) -> Vec<String> {
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
            OtherName::DnsName(name) => format!("DNS:{name}"),
            OtherName::Rfc822Name(address) => format!("email:{address}"),
            OtherName::UniformResourceIdentifier(uri) => format!("URI:{uri}"),
            OtherName::IpAddress(octets) => {
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

fn read_one(sandbox: &Sandbox, file: &str) -> Certificate {
    let mut certificates = read_all(sandbox, file);
    assert_eq!(certificates.len(), 1, "{file}");
    certificates.remove(0)
}

/// Reads a PEM file with x509-cert, and makes sure that it lost nothing.
fn read_all(sandbox: &Sandbox, file: &str) -> Vec<Certificate> {
    let pem = fs::read(sandbox.path(file)).unwrap();
    let certificates = Certificate::load_pem_chain(&pem).unwrap();
    let blocks = pem::parse_many(&pem).unwrap();
    assert_eq!(certificates.len(), blocks.len(), "{file}");
    for (certificate, block) in certificates.iter().zip(&blocks) {
        assert_eq!(der_of(certificate), block.contents(), "{file}");
    }
    certificates
}

fn der_of(certificate: &Certificate) -> Vec<u8> {
    certificate.to_der().unwrap()
}

#[test]
fn a_leaf_never_outlives_its_issuer() {
    let sandbox = Sandbox::new();
    sandbox.ca(&["--issuing-years", "1"]);
    let issuing = read_one(&sandbox, "ca/issuing/cert.pem");
    let end = issuing.tbs_certificate().validity().not_after;

    let run = sandbox.issue("long", &["--days", "3650"]);
    assert!(
        run.stderr
            .starts_with("warning: the certificate ends with its CA, on "),
        "{run:#?}"
    );
    let long = read_one(&sandbox, "long/cert.pem");
    assert_eq!(long.tbs_certificate().validity().not_after, end);

    let run = sandbox.issue("short", &["--days", "30"]);
    assert_eq!(run.stderr, "");
    let short = read_one(&sandbox, "short/cert.pem");
    assert_ne!(short.tbs_certificate().validity().not_after, end);
}

/// The issuer and the subject of every certificate of the property test.
static KEY: LazyLock<GeneratedKey> =
    LazyLock::new(|| generate(KeyType::P256, "the test's key").unwrap());

/// Subjects of the attributes that `ca issue` writes, with every character that
/// it accepts.
fn subjects() -> impl Strategy<Value = Vec<(AttributeType, String)>> {
    let value = r"[\p{L}\p{N}_.:/=+@-]([\p{L}\p{N}_.:/=+@ -]{0,62}[\p{L}\p{N}_.:/=+@-])?";
    let organization = proptest::option::of(value);
    let units = proptest::collection::vec(value, 0..4);
    (organization, units, value).prop_map(|(organization, units, common_name)| {
        let mut subject = Vec::new();
        subject.extend(organization.map(|value| (AttributeType::Organization, value)));
        subject.extend(
            units
                .into_iter()
                .map(|unit| (AttributeType::OrganizationalUnit, unit)),
        );
        subject.push((AttributeType::CommonName, common_name));
        subject
    })
}

/// Alternative names as they are typed.
fn names() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        r"DNS:(\*\.)?([a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?\.){1,3}[a-z]{2,10}",
        any::<Ipv4Addr>().prop_map(|address| format!("IP:{address}")),
        any::<Ipv6Addr>().prop_map(|address| format!("IP:{address}")),
        r"URI:[a-z][a-z0-9+.-]{0,8}:[!-~]{3,60}",
        r"email:[!-?A-~]{1,20}@([a-z]{1,10}\.){1,2}[a-z]{2,5}",
    ];
    proptest::collection::vec(name, 0..6)
}

/// Validities that begin or end on either side of the end of 2049, where
/// UTCTime ends (RFC 5280 section 4.1.2.5).
fn validities() -> impl Strategy<Value = (DateTime<Utc>, DateTime<Utc>)> {
    let turn: DateTime<Utc> = "2050-01-01T00:00:00Z".parse().unwrap();
    let near = prop_oneof![-3_i64..3, -400_000_i64..400_000];
    (near, 0_i64..500_000).prop_map(move |(start, life)| {
        let start = turn + TimeDelta::seconds(start);
        (start, start + TimeDelta::seconds(life))
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(128)
    })]

    #[test]
    fn two_parsers_read_the_same_certificate(
        subject in subjects(),
        names in names(),
        (not_before, not_after) in validities(),
        serial in proptest::collection::vec(any::<u8>(), 1..=20)
            .prop_filter_map("not a serial number", |octets| SerialNumber::from_magnitude(&octets)),
        issuing: bool,
    ) {
        let pairs: Vec<(AttributeType, &str)> = subject
            .iter()
            .map(|(kind, value)| (*kind, value.as_str()))
            .collect();
        let subject_name = DistinguishedName::build(&pairs);
        let issuer_name = DistinguishedName::build(&[(AttributeType::CommonName, "Issuer")]);
        let public_key = windlass::key::Signer::public_key(&KEY.key);
        let names = if issuing { Vec::new() } else { names };
        let kind = if issuing {
            Kind::Issuing
        } else {
            let parsed: Result<Vec<GeneralName>, _> =
                names.iter().map(|name| name.parse()).collect();
            Kind::Leaf { names: parsed.unwrap() }
        };
        let ours = Template {
            subject: &subject_name,
            public_key,
            serial: &serial,
            not_before,
            not_after,
            kind,
        }
        .sign(&IssuerRef {
            name: &issuer_name,
            signer: &KEY.key,
            key_identifier: &public_key.key_identifier(),
        })
        .unwrap();

        let theirs = Certificate::from_der(ours.der()).unwrap();
        let tbs = theirs.tbs_certificate();
        prop_assert_eq!(theirs.to_der().unwrap(), ours.der());
        let their_serial = SerialNumber::from_der_content(tbs.serial_number().as_bytes());
        prop_assert_eq!(their_serial.as_ref(), Some(ours.serial()));
        prop_assert_eq!(ours.serial(), &serial);
        prop_assert_eq!(tbs.subject().to_der().unwrap(), ours.subject().der());
        prop_assert_eq!(tbs.issuer().to_der().unwrap(), ours.issuer().der());
        prop_assert_eq!(
            tbs.subject_public_key_info().to_der().unwrap(),
            ours.public_key().spki()
        );

        // What is shown, and what was asked for.
        let shown: Vec<String> = attributes(&theirs)
            .iter()
            .map(|(oid, value)| {
                let kind = match *oid {
                    COMMON_NAME => "CN",
                    ORGANIZATION => "O",
                    ORGANIZATIONAL_UNIT => "OU",
                    _ => "?",
                };
                format!("{kind}={value}")
            })
            .collect();
        prop_assert_eq!(shown.join(", "), ours.subject().to_string());
        let asked: Vec<String> = subject.iter().map(|(_, value)| value.clone()).collect();
        let read: Vec<String> = attributes(&theirs).into_iter().map(|(_, value)| value).collect();
        prop_assert_eq!(read, asked);
        prop_assert_eq!(alternative_names(&theirs), ours.alternative_names());
        prop_assert_eq!(ours.alternative_names(), names);

        for (time, at, asked) in [
            (tbs.validity().not_before, ours.not_before(), not_before),
            (tbs.validity().not_after, ours.not_after(), not_after),
        ] {
            prop_assert_eq!(at, asked);
            let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap();
            prop_assert_eq!(seconds, at.timestamp());
            let until_2049 = time.to_date_time().year() < 2050;
            prop_assert_eq!(matches!(time, Time::UtcTime(_)), until_2049);
        }

        let (_, constraints) = tbs.get_extension::<BasicConstraints>().unwrap().unwrap();
        let ours_constraints = ours.basic_constraints().unwrap();
        prop_assert_eq!(constraints.ca, ours_constraints.ca);
        prop_assert_eq!(
            constraints.path_len_constraint.map(u32::from),
            ours_constraints.path_length
        );
        let (_, usage) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
        let ours_usage = ours.key_usage().unwrap();
        prop_assert_eq!(usage.digital_signature(), ours_usage.digital_signature);
        prop_assert_eq!(usage.key_cert_sign(), ours_usage.key_cert_sign);
        prop_assert_eq!(usage.crl_sign(), ours_usage.crl_sign);
        let usages = tbs
            .get_extension::<ExtendedKeyUsage>()
            .unwrap()
            .map(|(_, usage)| usage.0.iter().map(ToString::to_string).collect::<Vec<_>>());
        prop_assert_eq!(usages.as_deref(), ours.extended_key_usage());
        let (_, identifier) = tbs.get_extension::<SubjectKeyIdentifier>().unwrap().unwrap();
        prop_assert_eq!(Some(identifier.0.as_bytes()), ours.subject_key_identifier());
        let (_, identifier) = tbs.get_extension::<AuthorityKeyIdentifier>().unwrap().unwrap();
        let identifier = identifier.key_identifier.unwrap();
        prop_assert_eq!(Some(identifier.as_bytes()), ours.authority_key_identifier());
    }
}
