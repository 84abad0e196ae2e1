//! What a list says, read by others: x509-cert, x509-parser, OpenSSL, GnuTLS and
//! pkilint.

use std::process::Command;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use proptest::prelude::*;
use windlass::key::{GeneratedKey, KeyType, Signer, generate};
use windlass::pki::{
    AttributeType, Crl, CrlTemplate, DistinguishedName, IssuerRef, RevocationReason, RevokedEntry,
    SerialNumber, SignedCrl,
};
use x509_cert::crl::CertificateList;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};
use x509_cert::time::Time;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::harness::{Sandbox, capture, tool};

/// The key of every issuer.
static KEY: LazyLock<GeneratedKey> =
    LazyLock::new(|| generate(KeyType::P256, "the test's key").unwrap());

fn sign(template: &CrlTemplate) -> SignedCrl {
    let public_key = KEY.key.public_key();
    template
        .build(&IssuerRef {
            name: &name(),
            signer: &KEY.key,
            key_identifier: &public_key.key_identifier(),
        })
        .unwrap()
        .sign()
        .unwrap()
}

/// Attributes that rcgen would lose.
fn name() -> DistinguishedName {
    DistinguishedName::build(&[
        (AttributeType::OrganizationalUnit, "A"),
        (AttributeType::OrganizationalUnit, "B"),
        (AttributeType::CommonName, "Issuer"),
    ])
}

fn turn() -> DateTime<Utc> {
    "2050-01-01T00:00:00Z".parse().unwrap()
}

/// Times on either side of the end of 2049, where UTCTime ends.
fn times() -> impl Strategy<Value = DateTime<Utc>> {
    prop_oneof![-3_i64..3, -400_000_i64..400_000, -1_000_000_000_i64..0]
        .prop_map(|seconds| turn() + TimeDelta::seconds(seconds))
}

fn entries() -> impl Strategy<Value = Vec<RevokedEntry>> {
    let serial = proptest::collection::vec(any::<u8>(), 1..=20)
        .prop_filter_map("zero", |octets| SerialNumber::from_magnitude(&octets));
    let reason = (0..RevocationReason::ALL.len()).prop_map(|index| RevocationReason::ALL[index]);
    let entry = (serial, times(), reason, proptest::option::of(times())).prop_map(
        |(serial, at, reason, invalid_since)| RevokedEntry {
            serial,
            at,
            reason,
            invalid_since,
        },
    );
    proptest::collection::vec(entry, 0..40).prop_map(|mut entries| {
        entries.sort_by_key(|one| one.serial);
        entries.dedup_by(|one, other| one.serial == other.serial);
        entries
    })
}

fn templates() -> impl Strategy<Value = CrlTemplate> {
    let number = prop_oneof![1_u64..300, Just(u64::MAX), 1_700_000_000_u64..2_900_000_000];
    (number, times(), 1_i64..4_000_000, entries()).prop_map(
        |(number, this_update, life, entries)| CrlTemplate {
            number,
            this_update,
            next_update: this_update + TimeDelta::seconds(life),
            entries,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(128)
    })]

    #[test]
    fn two_parsers_read_what_was_asked_for(template in templates()) {
        let signed = sign(&template);
        read_by_x509_cert(&template, &signed);
        read_by_x509_parser(&template, &signed);
        let ours = Crl::read(signed.to_pem().as_bytes(), "list").unwrap();
        assert!(ours.is_signed_by(KEY.key.public_key()));
        assert_eq!(ours.issuer(), &name());
        assert_eq!(ours.entries(), template.entries.len());
        for entry in &template.entries {
            assert_eq!(ours.reason_of(entry.serial.magnitude()), Some(entry.reason));
        }
    }
}

fn is_time(read: Time, at: DateTime<Utc>) {
    let seconds = i64::try_from(read.to_unix_duration().as_secs()).unwrap();
    assert_eq!(seconds, at.timestamp());
    assert_eq!(matches!(read, Time::UtcTime(_)), at.year() < 2050, "{read}");
}

fn read_by_x509_cert(template: &CrlTemplate, signed: &SignedCrl) {
    let list = CertificateList::<x509_cert::certificate::Rfc5280>::from_der(signed.der()).unwrap();
    assert_eq!(list.to_der().unwrap(), signed.der());
    let tbs = &list.tbs_cert_list;
    assert_eq!(tbs.version, x509_cert::Version::V2);
    assert_eq!(tbs.signature, list.signature_algorithm);
    assert_eq!(tbs.issuer.to_der().unwrap(), name().der());
    is_time(tbs.this_update, template.this_update);
    is_time(tbs.next_update.unwrap(), template.next_update);
    let extensions = tbs.crl_extensions.as_deref().unwrap();
    assert_eq!(extensions.len(), 2);
    assert!(extensions.iter().all(|extension| !extension.critical));
    let value = |oid: &str| {
        let found = extensions.iter().find(|one| one.extn_id.to_string() == oid);
        found.unwrap().extn_value.as_bytes()
    };
    let number = CrlNumber::from_der(value("2.5.29.20")).unwrap();
    let expected = SerialNumber::from_magnitude(&template.number.to_be_bytes());
    assert_eq!(
        SerialNumber::from_der_content(number.0.as_bytes())
            .or_else(|| { SerialNumber::from_magnitude(number.0.as_bytes()) }),
        expected
    );
    let authority = AuthorityKeyIdentifier::from_der(value("2.5.29.35")).unwrap();
    assert_eq!(
        authority.key_identifier.unwrap().as_bytes(),
        KEY.key.public_key().key_identifier()
    );
    assert!(authority.authority_cert_issuer.is_none());

    // Absent, not empty.
    let Some(revoked) = &tbs.revoked_certificates else {
        assert!(template.entries.is_empty());
        return;
    };
    assert_eq!(revoked.len(), template.entries.len());
    assert!(!revoked.is_empty());
    for (read, asked) in revoked.iter().zip(&template.entries) {
        is_time(read.revocation_date, asked.at);
        let extensions = read.crl_entry_extensions.as_deref().unwrap_or_default();
        assert_eq!(read.crl_entry_extensions.is_some(), !extensions.is_empty());
        assert!(extensions.iter().all(|extension| !extension.critical));
        let reason = extensions
            .iter()
            .find(|one| one.extn_id.to_string() == "2.5.29.21")
            .map(|one| {
                let octets = one.extn_value.as_bytes();
                // It reads; the code is its last octet.
                CrlReason::from_der(octets).unwrap();
                octets[2]
            });
        let expected = asked.reason.code();
        assert_eq!(reason, (expected != 0).then_some(expected));
        let since = extensions
            .iter()
            .find(|one| one.extn_id.to_string() == "2.5.29.24")
            .map(|one| {
                let octets = one.extn_value.as_bytes();
                let time = x509_cert::der::asn1::GeneralizedTime::from_der(octets).unwrap();
                i64::try_from(time.to_unix_duration().as_secs()).unwrap()
            });
        assert_eq!(since, asked.invalid_since.map(|since| since.timestamp()));
    }
}

fn read_by_x509_parser(template: &CrlTemplate, signed: &SignedCrl) {
    let (rest, list) = CertificateRevocationList::from_der(signed.der()).unwrap();
    assert!(rest.is_empty());
    let serials: Vec<_> = list
        .iter_revoked_certificates()
        .map(|entry| SerialNumber::from_der_content(entry.raw_serial()).unwrap())
        .collect();
    let asked: Vec<_> = template.entries.iter().map(|one| one.serial).collect();
    assert_eq!(serials, asked);
    for (read, asked) in list.iter_revoked_certificates().zip(&template.entries) {
        assert_eq!(read.revocation_date.timestamp(), asked.at.timestamp());
        let reason = read.reason_code().map(|(_, reason)| reason.0);
        assert_eq!(reason.unwrap_or(0), asked.reason.code());
    }
}

#[test]
fn a_year_that_has_five_digits_is_refused() {
    let far = DateTime::from_timestamp(253_402_300_800, 0).unwrap();
    let public_key = KEY.key.public_key();
    let template = CrlTemplate {
        number: 1,
        this_update: turn(),
        next_update: far,
        entries: Vec::new(),
    };
    let (name, key_identifier) = (name(), public_key.key_identifier());
    let issuer = IssuerRef {
        name: &name,
        signer: &KEY.key,
        key_identifier: &key_identifier,
    };
    let refused = template.build(&issuer).unwrap_err();
    assert!(
        refused.to_string().contains("a date is out of range"),
        "{refused}"
    );
}

/// An entry of every reason, with and without a date of invalidity, on both
/// sides of 2050.
#[test]
fn other_tools_find_nothing_wrong() {
    let sandbox = Sandbox::new();
    let sorts = RevocationReason::ALL
        .into_iter()
        .flat_map(|reason| [None, Some(-700_000), Some(700_000)].map(|since| (reason, since)));
    let mut entries = Vec::new();
    for (index, (reason, since)) in sorts.enumerate() {
        let octets = [&[0x7f - u8::try_from(index).unwrap()][..], &[0xa5; 15]].concat();
        entries.push(RevokedEntry {
            serial: SerialNumber::from_magnitude(&octets).unwrap(),
            at: turn() + TimeDelta::seconds(i64::try_from(index).unwrap() - 10),
            reason,
            invalid_since: since.map(|since| turn() + TimeDelta::seconds(since)),
        });
    }
    for (file, this_update, entries) in [
        ("early.pem", turn() - TimeDelta::days(9000), entries.clone()),
        ("turn.pem", turn() - TimeDelta::days(1), entries.clone()),
        ("late.pem", turn() + TimeDelta::days(1), entries),
        ("empty.pem", turn(), Vec::new()),
    ] {
        let count = entries.len();
        let signed = sign(&CrlTemplate {
            number: 1_790_000_000,
            this_update,
            next_update: this_update + TimeDelta::days(10),
            entries,
        });
        sandbox.write(file, signed.to_pem());
        openssl_reads(&sandbox, file, count);
        certtool_reads(&sandbox, file, count);
        let found = pkilint(&sandbox, file);
        let unexplained: Vec<_> = found
            .iter()
            .filter(|(_, code)| !EXPLAINED.contains(&code.as_str()))
            .collect();
        assert!(unexplained.is_empty(), "{file}: {unexplained:#?}");
    }
    // The linter looks: another extension in the place of the key identifier.
    let signed = sign(&CrlTemplate {
        number: 1,
        this_update: turn(),
        next_update: turn() + TimeDelta::days(1),
        entries: Vec::new(),
    });
    let mut der = signed.der().to_vec();
    let oid = der
        .windows(5)
        .position(|five| five == [6, 3, 0x55, 0x1d, 35]);
    der[oid.unwrap() + 4] = 99;
    sandbox.write("other.pem", pem::encode(&pem::Pem::new("X509 CRL", der)));
    let found = pkilint(&sandbox, "other.pem");
    let codes: Vec<_> = found.iter().map(|(_, code)| code.as_str()).collect();
    assert!(
        codes.contains(&"pkix.authority_key_identifier_missing"),
        "{found:?}"
    );
}

/// What pkilint says of a list that is right.
const EXPLAINED: [&str; 0] = [];

fn pkilint(sandbox: &Sandbox, file: &str) -> Vec<(String, String)> {
    let mut command = Command::new(tool("lint_crl"));
    sandbox.scrub(&mut command);
    command.args(["lint", "--type", "CRL", "--profile", "PKIX"]);
    command.args(["--severity", "NOTICE", "--format", "JSON", file]);
    let run = sandbox.finish(command);
    let report: serde_json::Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:#?}"));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    report["results"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|result| result["finding_descriptions"].as_array().unwrap())
        .map(|finding| (text(&finding["severity"]), text(&finding["code"])))
        .collect()
}

fn openssl_reads(sandbox: &Sandbox, file: &str, count: usize) {
    let mut command = Command::new("openssl");
    sandbox.scrub(&mut command);
    let run = capture(command.args(["crl", "-noout", "-text", "-in", file]));
    assert_eq!(run.code, 0, "{run:#?}");
    assert!(run.stdout.contains("Version 2"), "{run:#?}");
    assert_eq!(run.stdout.matches("Serial Number: ").count(), count);
    assert_eq!(run.stdout.contains("No Revoked Certificates"), count == 0);
}

fn certtool_reads(sandbox: &Sandbox, file: &str, count: usize) {
    let mut command = Command::new("certtool");
    sandbox.scrub(&mut command);
    let run = capture(command.args(["--crl-info", "--infile", file]));
    assert_eq!(run.code, 0, "{run:#?}");
    assert_eq!(run.stdout.matches("Serial Number (hex): ").count(), count);
    assert!(!run.stdout.to_lowercase().contains("error"), "{run:#?}");
}
