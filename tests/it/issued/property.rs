//! Whatever a template says, x509-cert reads from the certificate what
//! `windlass` reads from it.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use windlass::key::{GeneratedKey, KeyType, PublicKey, Signer, generate};
use windlass::pki::{
    AttributeType, Certificate as Ours, DistinguishedName, GeneralName, IssuerRef, Kind,
    SerialNumber, Template,
};
use x509_cert::Certificate as Theirs;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier,
};
use x509_cert::time::Time;

use super::profile::{
    COMMON_NAME, ORGANIZATION, ORGANIZATIONAL_UNIT, alternative_names, attributes,
};

/// The key of every issuer and every subject.
static KEY: LazyLock<GeneratedKey> =
    LazyLock::new(|| generate(KeyType::P256, "the test's key").unwrap());

/// What a certificate is to say.
#[derive(Debug)]
pub(crate) struct Wish {
    subject: Vec<(AttributeType, String)>,
    /// As they are typed; `None` asks for an issuing CA.
    names: Option<Vec<String>>,
    pub(crate) not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
    pub(crate) serial: SerialNumber,
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(128)
    })]

    #[test]
    fn two_parsers_read_the_same_certificate(wish in wishes()) {
        let ours = wish.grant();
        let theirs = Theirs::from_der(ours.der()).unwrap();
        assert_eq!(theirs.to_der().unwrap(), ours.der());
        compare_names(&wish, &ours, &theirs);
        compare_validity(&wish, &ours, &theirs);
        compare_keys(&wish, &ours, &theirs);
        compare_usages(&ours, &theirs);
    }
}

impl Wish {
    fn grant(&self) -> Ours {
        let issuer = KEY.key.public_key().key_identifier();
        self.grant_for(
            KEY.key.public_key(),
            &IssuerRef {
                name: &DistinguishedName::build(&[(AttributeType::CommonName, "Issuer")]),
                signer: &KEY.key,
                key_identifier: &issuer,
            },
        )
    }

    /// A certificate for this key, signed by this issuer.
    pub(crate) fn grant_for(&self, public_key: &PublicKey, issuer: &IssuerRef<'_>) -> Ours {
        let subject: Vec<(AttributeType, &str)> = self
            .subject
            .iter()
            .map(|(kind, value)| (*kind, value.as_str()))
            .collect();
        let parse = |name: &String| name.parse::<GeneralName>().unwrap();
        Template {
            subject: &DistinguishedName::build(&subject),
            public_key,
            serial: &self.serial,
            not_before: self.not_before,
            not_after: self.not_after,
            kind: match &self.names {
                None => Kind::Issuing,
                Some(names) => Kind::Leaf {
                    names: names.iter().map(parse).collect(),
                },
            },
        }
        .sign(issuer)
        .unwrap()
    }
}

pub(crate) fn wishes() -> impl Strategy<Value = Wish> {
    let serial = proptest::collection::vec(any::<u8>(), 1..=20)
        .prop_filter_map("too long or zero", |octets| {
            SerialNumber::from_magnitude(&octets)
        });
    let names = proptest::option::weighted(0.8, names());
    (subjects(), names, validities(), serial).prop_map(|(subject, names, validity, serial)| Wish {
        subject,
        names,
        not_before: validity.0,
        not_after: validity.1,
        serial,
    })
}

/// Subjects of the attributes that `ca issue` writes, with every character that
/// it accepts.
fn subjects() -> impl Strategy<Value = Vec<(AttributeType, String)>> {
    let value = r"[\p{L}\p{N}_.:/=+@-]([\p{L}\p{N}_.:/=+@ -]{0,62}[\p{L}\p{N}_.:/=+@-])?";
    let units = proptest::collection::vec(value, 0..4);
    (proptest::option::of(value), units, value).prop_map(|(organization, units, common_name)| {
        let organization = organization.map(|value| (AttributeType::Organization, value));
        let units = units
            .into_iter()
            .map(|unit| (AttributeType::OrganizationalUnit, unit));
        organization
            .into_iter()
            .chain(units)
            .chain([(AttributeType::CommonName, common_name)])
            .collect()
    })
}

/// Names in the syntax of RFC 1034, RFC 3986 and RFC 5321 section 4.1.2
/// (Dot-string).
fn names() -> impl Strategy<Value = Vec<String>> {
    let name = prop_oneof![
        r"DNS:(\*\.)?([a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\.){1,3}[a-z]{2,10}",
        any::<Ipv4Addr>().prop_map(|address| format!("IP:{address}")),
        any::<Ipv6Addr>().prop_map(|address| format!("IP:{address}")),
        r"URI:[a-z][a-z0-9+.-]{0,8}://[a-z]{1,9}\.example(/[A-Za-z0-9._~!$&'()*+,;=:@-]{0,20}){0,3}",
        r"URI:urn:[a-z][a-z0-9]{1,8}:[A-Za-z0-9._~!$&'()*+,;=:@-]{1,30}",
        r"email:[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}(\.[a-z0-9]{1,9})?@([a-z]{1,10}\.){1,2}[a-z]{2,5}",
    ];
    proptest::collection::vec(name, 0..6)
}

/// Validities that begin or end on either side of the end of 2049, where
/// UTCTime ends (RFC 5280 section 4.1.2.5).
fn validities() -> impl Strategy<Value = (DateTime<Utc>, DateTime<Utc>)> {
    let turn: DateTime<Utc> = "2050-01-01T00:00:00Z".parse().unwrap();
    let start = prop_oneof![-3_i64..3, -400_000_i64..400_000];
    let life = prop_oneof![0_i64..6, 0_i64..500_000];
    (start, life).prop_map(move |(start, life)| {
        let start = turn + TimeDelta::seconds(start);
        (start, start + TimeDelta::seconds(life))
    })
}

fn compare_names(wish: &Wish, ours: &Ours, theirs: &Theirs) {
    let tbs = theirs.tbs_certificate();
    assert_eq!(tbs.subject().to_der().unwrap(), ours.subject().der());
    assert_eq!(tbs.issuer().to_der().unwrap(), ours.issuer().der());

    let read = attributes(theirs);
    let shown: Vec<String> = read
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
    assert_eq!(shown.join(", "), ours.subject().to_string());
    let values: Vec<&String> = read.iter().map(|(_, value)| value).collect();
    let asked: Vec<&String> = wish.subject.iter().map(|(_, value)| value).collect();
    assert_eq!(values, asked);
    assert_eq!(
        ours.subject().common_name(),
        asked.last().map(|v| v.as_str())
    );

    assert_eq!(alternative_names(theirs), ours.alternative_names());
    let asked = wish.names.as_deref().unwrap_or_default();
    assert_eq!(ours.alternative_names(), asked);
}

fn compare_validity(wish: &Wish, ours: &Ours, theirs: &Theirs) {
    let validity = theirs.tbs_certificate().validity();
    for (read, at, asked) in [
        (validity.not_before, ours.not_before(), wish.not_before),
        (validity.not_after, ours.not_after(), wish.not_after),
    ] {
        assert_eq!(at, asked);
        let seconds = i64::try_from(read.to_unix_duration().as_secs()).unwrap();
        assert_eq!(seconds, at.timestamp());
        let until_2049 = read.to_date_time().year() < 2050;
        assert_eq!(matches!(read, Time::UtcTime(_)), until_2049, "{read}");
    }
}

fn compare_keys(wish: &Wish, ours: &Ours, theirs: &Theirs) {
    let tbs = theirs.tbs_certificate();
    let serial = SerialNumber::from_der_content(tbs.serial_number().as_bytes());
    assert_eq!(serial.as_ref(), Some(ours.serial()));
    assert_eq!(ours.serial(), &wish.serial);
    let spki = tbs.subject_public_key_info().to_der().unwrap();
    assert_eq!(spki, ours.public_key().spki());
    let (_, subject) = tbs
        .get_extension::<SubjectKeyIdentifier>()
        .unwrap()
        .unwrap();
    assert_eq!(Some(subject.0.as_bytes()), ours.subject_key_identifier());
    let (_, authority) = tbs
        .get_extension::<AuthorityKeyIdentifier>()
        .unwrap()
        .unwrap();
    let authority = authority.key_identifier.unwrap();
    assert_eq!(Some(authority.as_bytes()), ours.authority_key_identifier());
}

fn compare_usages(ours: &Ours, theirs: &Theirs) {
    let tbs = theirs.tbs_certificate();
    let (_, read) = tbs.get_extension::<BasicConstraints>().unwrap().unwrap();
    let constraints = ours.basic_constraints().unwrap();
    assert_eq!(read.ca, constraints.ca);
    assert_eq!(
        read.path_len_constraint.map(u32::from),
        constraints.path_length
    );
    let (_, read) = tbs.get_extension::<KeyUsage>().unwrap().unwrap();
    let usage = ours.key_usage().unwrap();
    assert_eq!(read.digital_signature(), usage.digital_signature);
    assert_eq!(read.key_cert_sign(), usage.key_cert_sign);
    assert_eq!(read.crl_sign(), usage.crl_sign);
    let known = [usage.digital_signature, usage.key_cert_sign, usage.crl_sign];
    let count = known.into_iter().filter(|set| *set).count();
    assert_eq!(usage.other, read.0.into_iter().count() > count);
    let read = tbs.get_extension::<ExtendedKeyUsage>().unwrap();
    let oids = read.map(|(_, usage)| usage.0.iter().map(ToString::to_string).collect::<Vec<_>>());
    assert_eq!(oids.as_deref(), ours.extended_key_usage());
}
