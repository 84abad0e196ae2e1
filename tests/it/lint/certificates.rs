//! For each rule about certificates one that breaks it and one, as near as may
//! be, that keeps it.

mod extensions;
mod keys;
mod names;

use super::build::*;

/// A rule, who breaks it and who does not.
type Case = (&'static str, Cert, Cert);

fn leaf(change: impl FnOnce(&mut Cert)) -> Cert {
    let mut certificate = Cert::leaf();
    change(&mut certificate);
    certificate
}

fn root(change: impl FnOnce(&mut Cert)) -> Cert {
    let mut certificate = Cert::root();
    change(&mut certificate);
    certificate
}

fn subject(encoded: Vec<u8>) -> Cert {
    leaf(|one| one.subject = encoded)
}

fn attribute(kind: &str, value: Vec<u8>) -> Cert {
    subject(name(&[(kind, value), (CN, utf8("web-1"))]))
}

fn extended(extension: Extension) -> Cert {
    leaf(|one| one.set(extension))
}

fn names(names: &[Vec<u8>]) -> Cert {
    extended(ext(SAN, false, seq(names)))
}

fn dns(text: &str) -> Cert {
    names(&[tlv(0x82, text.as_bytes())])
}

fn uri(text: &str) -> Cert {
    names(&[tlv(0x86, text.as_bytes())])
}

fn email(text: &str) -> Cert {
    names(&[tlv(0x81, text.as_bytes())])
}

fn key(encoded: Vec<u8>) -> Cert {
    leaf(|one| one.key = encoded)
}

fn constrained(trees: &[Vec<u8>]) -> Cert {
    root(|one| one.set(ext(NC, true, seq(trees))))
}

pub fn cases() -> Vec<Case> {
    [
        reading(),
        frame(),
        name_rules(),
        attribute_rules(),
        keys::validity_rules(),
        keys::key_rules(),
        extensions::extension_rules(),
        extensions::usage_rules(),
        extensions::extended_usage_rules(),
        names::identifier_rules(),
        names::alternative_rules(),
        names::constraint_rules(),
    ]
    .concat()
}

fn reading() -> Vec<Case> {
    let good = Cert::leaf;
    let deep = (0..100).fold(Vec::new(), |inside, _| tlv(0x30, &inside));
    vec![
        (
            "not_der",
            leaf(|one| one.serial = int(&[0, 1])),
            leaf(|one| one.serial = int(&[0, 0x81])),
        ),
        (
            "not_der",
            leaf(|one| one.serial = vec![2, 0x81, 1, 5]),
            leaf(|one| one.serial = int(&[5])),
        ),
        ("not_der", leaf(|one| one.serial = int(&[])), good()),
        (
            "not_der",
            leaf(|one| one.outer = seq(&[oid("1.2.3"), deep])),
            good(),
        ),
        (
            "not_der",
            subject(seq(&[tlv(
                0x31,
                &[pair(OU, utf8("a")), pair(CN, utf8("b"))].concat(),
            )])),
            subject(seq(&[tlv(
                0x31,
                &[pair(CN, utf8("b")), pair(OU, utf8("a"))].concat(),
            )])),
        ),
        (
            "not_der",
            leaf(|one| one.key = spki(&[vec![6, 2, 0x2a, 0x80]], &[1])),
            good(),
        ),
        ("trailing_data", leaf(|one| one.tail = vec![0]), good()),
        ("not_certificate", leaf(|one| one.key = Vec::new()), good()),
        (
            "not_certificate",
            leaf(|one| one.unique = tlv(0xa4, &[])),
            good(),
        ),
    ]
}

fn frame() -> Vec<Case> {
    let good = Cert::leaf;
    let both = |encoded: Vec<u8>| {
        leaf(|one| {
            one.inner.clone_from(&encoded);
            one.outer = encoded;
        })
    };
    let sha1 = seq(&[oid("1.2.840.113549.1.1.5"), tlv(5, &[])]);
    vec![
        (
            "version_too_old",
            leaf(|one| {
                one.version = Vec::new();
                one.without_extensions = true;
            }),
            good(),
        ),
        (
            "version_without_extensions",
            leaf(|one| one.version = tlv(0xa0, &int(&[1]))),
            good(),
        ),
        (
            "version_without_extensions",
            leaf(|one| one.version = tlv(0xa0, &int(&[3]))),
            good(),
        ),
        (
            "default_written",
            leaf(|one| one.version = tlv(0xa0, &int(&[0]))),
            good(),
        ),
        (
            "default_written",
            leaf(|one| one.extensions[2].critical = Some(false)),
            good(),
        ),
        (
            "default_written",
            extended(ext(BC, true, seq(&[tlv(1, &[0])]))),
            good(),
        ),
        (
            "unique_identifiers",
            leaf(|one| one.unique = tlv(0x81, &[0, 1])),
            good(),
        ),
        (
            "extensions_empty",
            leaf(|one| one.extensions.clear()),
            leaf(|one| one.without_extensions = true),
        ),
        (
            "serial_zero",
            leaf(|one| one.serial = int(&[0])),
            leaf(|one| one.serial = int(&[1])),
        ),
        (
            "serial_negative",
            leaf(|one| one.serial = int(&[0x80; 9])),
            leaf(|one| one.serial = int(&[0x7f; 9])),
        ),
        (
            "serial_too_long",
            leaf(|one| one.serial = int(&[1; 21])),
            leaf(|one| one.serial = int(&[1; 20])),
        ),
        (
            "serial_short",
            leaf(|one| one.serial = int(&[1; 7])),
            leaf(|one| one.serial = int(&[1; 8])),
        ),
        (
            "signature_algorithms_differ",
            leaf(|one| one.inner = rsa_sha256()),
            both(rsa_sha256()),
        ),
        ("signature_weak", both(sha1), both(rsa_sha256())),
        (
            "signature_weak",
            both(seq(&[oid("1.2.840.10045.4.1")])),
            both(seq(&[oid("1.2.840.10045.4.3.4")])),
        ),
        (
            "signature_weak",
            both(seq(&[oid("1.2.840.113549.1.1.4"), tlv(5, &[])])),
            good(),
        ),
        (
            "signature_not_accepted",
            both(seq(&[oid("1.3.101.112")])),
            both(seq(&[oid("2.16.840.1.101.3.4.3.18")])),
        ),
        (
            "signature_not_accepted",
            both(seq(&[oid("1.2.840.113549.1.1.10"), seq(&[])])),
            both(rsa_sha256()),
        ),
        (
            "signature_parameters",
            both(seq(&[oid("1.2.840.113549.1.1.11")])),
            both(rsa_sha256()),
        ),
        (
            "signature_parameters",
            both(seq(&[oid("1.2.840.10045.4.3.2"), tlv(5, &[])])),
            good(),
        ),
    ]
}

fn name_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let empty = || seq(&[]);
    let repeated = |count: usize| {
        let units = (0..count).map(|number| (OU, utf8(&format!("U{number}"))));
        subject(name(
            &units.chain([(CN, utf8("web-1"))]).collect::<Vec<_>>(),
        ))
    };
    vec![
        ("issuer_empty", leaf(|one| one.issuer = empty()), good()),
        (
            "subject_empty_ca",
            root(|one| one.subject = empty()),
            subject(empty()),
        ),
        (
            "subject_empty",
            subject(empty()),
            root(|one| one.subject = empty()),
        ),
        (
            "subject_empty_san",
            subject(empty()),
            leaf(|one| {
                one.subject = empty();
                one.set(ext(SAN, true, seq(&[tlv(0x82, b"a.example")])));
            }),
        ),
        (
            "subject_no_common_name",
            subject(name(&[(OU, utf8("a"))])),
            good(),
        ),
        (
            "common_names_several",
            subject(name(&[(CN, utf8("a")), (CN, utf8("b"))])),
            good(),
        ),
        (
            "common_name_over_61",
            subject(common_name(&"a".repeat(62))),
            subject(common_name(&"a".repeat(61))),
        ),
        (
            "subject_tag_characters",
            subject(common_name("web (1)")),
            subject(common_name("web_.:/=+-@ Zürich 1")),
        ),
        (
            "subject_tag_characters",
            attribute(OU, utf8("a*b")),
            attribute(OU, utf8("a-b")),
        ),
        (
            "issuer_tag_characters",
            leaf(|one| one.issuer = common_name("Test & Sons")),
            leaf(|one| one.issuer = common_name("Test and Sons")),
        ),
        ("attribute_repeated", repeated(2), repeated(1)),
        (
            "rdn_empty",
            subject(seq(&[tlv(0x31, &[]), tlv(0x31, &pair(CN, utf8("a")))])),
            good(),
        ),
        (
            "rdn_of_several",
            subject(seq(&[tlv(
                0x31,
                &[pair(CN, utf8("b")), pair(OU, utf8("a"))].concat(),
            )])),
            attribute(OU, utf8("a")),
        ),
    ]
}

fn attribute_rules() -> Vec<Case> {
    let serial = "2.5.4.5";
    let domain = "0.9.2342.19200300.100.1.25";
    vec![
        (
            "attribute_too_long",
            attribute(OU, utf8(&"a".repeat(65))),
            attribute(OU, utf8(&"ü".repeat(64))),
        ),
        (
            "attribute_too_long",
            attribute(EMAIL, ia5(&"a".repeat(256))),
            attribute(EMAIL, ia5(&"a".repeat(255))),
        ),
        (
            "attribute_too_long",
            attribute("2.5.4.7", utf8(&"a".repeat(129))),
            attribute("2.5.4.7", utf8(&"a".repeat(128))),
        ),
        (
            "attribute_empty",
            attribute(OU, utf8("")),
            attribute(OU, utf8("a")),
        ),
        (
            "attribute_string_type",
            attribute(COUNTRY, utf8("CH")),
            attribute(COUNTRY, printable("CH")),
        ),
        (
            "attribute_string_type",
            attribute(serial, utf8("1")),
            attribute(serial, printable("1")),
        ),
        (
            "attribute_string_type",
            attribute(EMAIL, utf8("a@b.example")),
            attribute(EMAIL, ia5("a@b.example")),
        ),
        (
            "attribute_string_type",
            attribute(domain, utf8("example")),
            attribute(domain, ia5("example")),
        ),
        (
            "attribute_string_type",
            attribute(OU, ia5("a")),
            attribute(OU, tlv(0x1e, &[0, 65])),
        ),
        (
            "attribute_old_string_type",
            attribute(OU, tlv(0x14, b"a")),
            attribute(OU, printable("a")),
        ),
        (
            "attribute_old_string_type",
            attribute(OU, tlv(0x1e, &[0, 65])),
            attribute(OU, utf8("A")),
        ),
        (
            "attribute_characters",
            attribute(OU, printable("a@b")),
            attribute(OU, printable("a-b")),
        ),
        (
            "attribute_characters",
            attribute(OU, tlv(0x0c, &[0xff])),
            attribute(OU, utf8("ÿ")),
        ),
        (
            "attribute_characters",
            attribute(EMAIL, tlv(0x16, &[0xe9])),
            attribute(EMAIL, ia5("e")),
        ),
        (
            "attribute_characters",
            attribute(OU, tlv(0x1e, &[0xd8, 0])),
            attribute(OU, tlv(0x1e, &[0, 65])),
        ),
        (
            "attribute_country",
            attribute(COUNTRY, printable("Switzerland")),
            attribute(COUNTRY, printable("CH")),
        ),
        (
            "attribute_country",
            attribute(COUNTRY, printable("ch")),
            attribute(COUNTRY, printable("CH")),
        ),
        (
            "attribute_control_character",
            attribute(OU, utf8("a\u{1b}b")),
            attribute(OU, utf8("a b")),
        ),
        (
            "attribute_blanks",
            attribute(OU, utf8("a ")),
            attribute(OU, utf8("a b")),
        ),
        (
            "attribute_blanks",
            attribute(OU, utf8(" a")),
            attribute(OU, utf8("a")),
        ),
    ]
}
