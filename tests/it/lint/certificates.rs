//! For each rule about certificates one that breaks it and one, as near as may
//! be, that keeps it.

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
        validity_rules(),
        key_rules(),
        extension_rules(),
        usage_rules(),
        extended_usage_rules(),
        identifier_rules(),
        alternative_rules(),
        constraint_rules(),
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

fn validity_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let begin = |time: Vec<u8>| leaf(|one| one.not_before = time);
    let end = |time: Vec<u8>| leaf(|one| one.not_after = time);
    vec![
        (
            "validity_order",
            begin(utc("270101000000Z")),
            begin(utc("261231235959Z")),
        ),
        ("time_no_seconds", begin(utc("2601010000Z")), good()),
        (
            "time_fraction",
            end(generalized("20610101000000.5Z")),
            end(generalized("20610101000000Z")),
        ),
        ("time_not_utc", end(utc("261231235959+0100")), good()),
        (
            "time_not_utc",
            end(generalized("20610101000000")),
            end(generalized("20610101000000Z")),
        ),
        ("time_malformed", end(utc("261331235959Z")), good()),
        ("time_malformed", end(int(&[1])), good()),
        ("time_malformed", end(utc("2x1231235959Z")), good()),
        (
            "time_type",
            end(generalized("20491231235959Z")),
            end(generalized("20500101000000Z")),
        ),
        (
            "life_long",
            end(utc("300101000000Z")),
            end(utc("280101000000Z")),
        ),
        (
            "life_long",
            root(|one| one.not_after = generalized("20610101000000Z")),
            root(|one| one.not_after = utc("490101000000Z")),
        ),
        (
            "life_without_end",
            end(generalized("99991231235959Z")),
            end(generalized("99991231235958Z")),
        ),
        (
            "expired",
            end(utc("260531235959Z")),
            end(utc("260601000000Z")),
        ),
        (
            "not_yet_valid",
            begin(utc("260601000001Z")),
            begin(utc("260601000000Z")),
        ),
    ]
}

fn key_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let f4: &[u8] = &[1, 0, 1];
    let p256 = "1.2.840.10045.3.1.7";
    let edwards = || spki(&[oid("1.3.101.112")], &[7; 32]);
    let ml_dsa = |parameters: &[Vec<u8>]| {
        let algorithm = [&[oid("2.16.840.1.101.3.4.3.17")], parameters].concat();
        key(spki(&algorithm, &[7; 1312]))
    };
    let null_rsa = |parameters: &[Vec<u8>]| {
        let numbers = seq(&[int(&modulus(2048)), int(&[1, 0, 1])]);
        key(spki(
            &[&[oid("1.2.840.113549.1.1.1")], parameters].concat(),
            &numbers,
        ))
    };
    let even = |mut modulus: Vec<u8>| {
        *modulus.last_mut().unwrap() &= 0xfe;
        modulus
    };
    vec![
        ("key_not_accepted", key(edwards()), ml_dsa(&[])),
        (
            "key_not_accepted",
            key(spki(&[oid("1.2.840.10040.4.1")], &[7; 32])),
            good(),
        ),
        ("key_parameters", null_rsa(&[]), null_rsa(&[tlv(5, &[])])),
        (
            "key_parameters",
            key(spki(&[oid("1.2.840.10045.2.1")], &point(4, 64))),
            good(),
        ),
        (
            "key_parameters",
            key(spki(&[oid("1.2.840.10045.2.1"), seq(&[])], &point(4, 64))),
            good(),
        ),
        ("key_parameters", ml_dsa(&[tlv(5, &[])]), ml_dsa(&[])),
        (
            "rsa_malformed",
            key(spki(
                &[oid("1.2.840.113549.1.1.1"), tlv(5, &[])],
                &int(&[1]),
            )),
            good(),
        ),
        (
            "rsa_malformed",
            key(rsa_key(&[0x81; 256], f4)),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_malformed",
            key(rsa_key(&even(modulus(2048)), f4)),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_exponent_even",
            key(rsa_key(&modulus(2048), &[1, 0, 0])),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_exponent_small",
            key(rsa_key(&modulus(2048), &[3])),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_exponent_small",
            key(rsa_key(&modulus(2048), &[0, 0xff, 0xff])),
            key(rsa_key(&modulus(2048), &[1, 0, 3])),
        ),
        (
            "rsa_short",
            key(rsa_key(&modulus(2047), f4)),
            key(rsa_key(&modulus(2048), f4)),
        ),
        (
            "rsa_odd_size",
            key(rsa_key(&modulus(2049), f4)),
            key(rsa_key(&modulus(2056), f4)),
        ),
        (
            "ec_curve",
            key(ec_key("1.3.132.0.10", &point(4, 64))),
            key(ec_key("1.3.132.0.35", &point(4, 132))),
        ),
        ("ec_point", key(ec_key(p256, &point(2, 32))), good()),
        (
            "ec_point",
            key(ec_key("1.3.132.0.34", &point(4, 64))),
            key(ec_key("1.3.132.0.34", &point(4, 96))),
        ),
    ]
}

fn extension_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let foreign = "1.3.6.1.4.1.99999.1";
    let san = || seq(&[tlv(0x82, b"a.example")]);
    let with_root = |extension: Extension| root(|one| one.set(extension));
    let malformed = |id: &str, value: Vec<u8>| {
        (
            "extension_malformed",
            extended(ext(id, false, value)),
            good(),
        )
    };
    let demoted = |id: &str| {
        let id = oid(id);
        root(|one| {
            one.extensions
                .iter_mut()
                .filter(|other| other.oid == id)
                .for_each(|other| other.critical = None)
        })
    };
    vec![
        (
            "extension_duplicate",
            leaf(|one| {
                one.extensions
                    .push(ext(EKU, false, purposes(&[CLIENT_AUTH])))
            }),
            good(),
        ),
        malformed(KU, int(&[1])),
        malformed(SKI, tlv(4, &[])),
        malformed(SAN, seq(&[tlv(0x8b, b"a")])),
        malformed(BC, seq(&[int(&[1]), tlv(1, &[0xff])])),
        malformed(EKU, seq(&[int(&[1])])),
        malformed(AKI, seq(&[tlv(0x82, &[1]), tlv(0x80, &[1])])),
        malformed(NC, seq(&[tlv(0xa3, &[])])),
        malformed(CRLDP, seq(&[])),
        malformed(POLICIES, seq(&[seq(&[int(&[1])])])),
        malformed(AIA, seq(&[seq(&[oid("1.2.3")])])),
        malformed("2.5.29.54", int(&[0xff])),
        malformed("2.5.29.36", seq(&[])),
        malformed(SAN, [san(), vec![0]].concat()),
        (
            "extension_malformed",
            extended(ext(KU, true, vec![3, 0x81, 2, 7, 0x80])),
            good(),
        ),
        (
            "extension_unknown_critical",
            extended(ext(foreign, true, vec![5, 0])),
            extended(ext(foreign, false, vec![5, 0])),
        ),
        ("extension_must_be_critical", demoted(BC), Cert::root()),
        (
            "extension_must_be_critical",
            with_root(ext(
                NC,
                false,
                seq(&[tlv(0xa0, &seq(&[tlv(0x82, b"a.example")]))]),
            )),
            with_root(ext(
                NC,
                true,
                seq(&[tlv(0xa0, &seq(&[tlv(0x82, b"a.example")]))]),
            )),
        ),
        (
            "extension_must_be_critical",
            with_root(ext("2.5.29.54", false, int(&[0]))),
            with_root(ext("2.5.29.54", true, int(&[0]))),
        ),
        (
            "extension_must_not_be_critical",
            extended(ext(AKI, true, seq(&[tlv(0x80, &[9; 20])]))),
            good(),
        ),
        (
            "extension_must_not_be_critical",
            extended(ext(SKI, true, tlv(4, &[9; 20]))),
            good(),
        ),
        ("extension_should_be_critical", demoted(KU), Cert::root()),
        (
            "extension_should_not_be_critical",
            extended(ext(SAN, true, san())),
            extended(ext(SAN, false, san())),
        ),
        (
            "extension_should_not_be_critical",
            extended(ext(IAN, true, san())),
            extended(ext(IAN, false, san())),
        ),
    ]
}

fn usage_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let using = |octets: &[u8]| extended(usage(octets));
    let ca_using = |octets: &[u8]| root(|one| one.set(usage(octets)));
    let basic = |parts: &[Vec<u8>]| ext(BC, true, seq(parts));
    let ca = || tlv(1, &[0xff]);
    let limited = |octets: &[u8]| {
        root(|one| {
            one.set(basic(&[ca(), int(&[0])]));
            one.set(usage(octets));
        })
    };
    let rsa = |octets: &[u8]| {
        leaf(|one| {
            one.key = rsa_key(&modulus(2048), &[1, 0, 1]);
            one.set(usage(octets));
        })
    };
    vec![
        (
            "basic_constraints_missing",
            leaf(|one| one.drop(BC)),
            good(),
        ),
        (
            "path_length_without_ca",
            extended(basic(&[int(&[0])])),
            limited(&[1, 6]),
        ),
        (
            "path_length_without_cert_sign",
            limited(&[1, 2]),
            limited(&[1, 6]),
        ),
        (
            "path_length_negative",
            root(|one| one.set(basic(&[ca(), int(&[0xff])]))),
            limited(&[1, 6]),
        ),
        ("cert_sign_without_ca", using(&[2, 0x84]), ca_using(&[2, 4])),
        (
            "ca_key_usage_missing",
            root(|one| one.drop(KU)),
            leaf(|one| one.drop(KU)),
        ),
        ("ca_without_cert_sign", ca_using(&[1, 2]), Cert::root()),
        ("ca_without_crl_sign", ca_using(&[2, 4]), Cert::root()),
        (
            "leaf_without_digital_signature",
            leaf(|one| one.drop(KU)),
            good(),
        ),
        ("leaf_without_digital_signature", using(&[5, 0x20]), good()),
        ("leaf_with_crl_sign", using(&[1, 0x82]), Cert::root()),
        ("key_usage_empty", using(&[0]), good()),
        ("key_usage_empty", using(&[0, 0]), good()),
        ("key_usage_encoding", using(&[0, 0x80]), good()),
        (
            "key_usage_encoding",
            using(&[7, 0x80, 0]),
            using(&[7, 0x80, 0x80]),
        ),
        (
            "key_usage_unknown_bit",
            using(&[6, 0x80, 0x40]),
            using(&[7, 0x88, 0x80]),
        ),
        (
            "key_usage_only_without_agreement",
            using(&[0, 0x81]),
            using(&[0, 0x89]),
        ),
        (
            "key_usage_unfit_for_key",
            using(&[5, 0xa0]),
            rsa(&[5, 0xa0]),
        ),
        (
            "key_usage_unfit_for_key",
            rsa(&[3, 0x88]),
            using(&[3, 0x88]),
        ),
        (
            "key_usage_unfit_for_key",
            leaf(|one| {
                one.key = spki(&[oid("2.16.840.1.101.3.4.3.17")], &[7; 1312]);
                one.set(usage(&[3, 0x88]));
            }),
            leaf(|one| one.key = spki(&[oid("2.16.840.1.101.3.4.3.17")], &[7; 1312])),
        ),
    ]
}

fn extended_usage_rules() -> Vec<Case> {
    let good = Cert::leaf;
    let server = "1.3.6.1.5.5.7.3.1";
    let eku = |critical: bool, ids: &[&str]| extended(ext(EKU, critical, purposes(ids)));
    vec![
        ("extended_key_usage_empty", eku(false, &[]), good()),
        (
            "extended_key_usage_duplicate",
            eku(false, &[CLIENT_AUTH, CLIENT_AUTH]),
            eku(false, &[CLIENT_AUTH, server]),
        ),
        ("extended_key_usage_any", eku(false, &[ANY_EKU]), good()),
        (
            "extended_key_usage_any_critical",
            eku(true, &[ANY_EKU]),
            eku(false, &[ANY_EKU]),
        ),
        (
            "extended_key_usage_critical",
            eku(true, &[CLIENT_AUTH]),
            good(),
        ),
        (
            "leaf_without_client_auth",
            eku(false, &[server]),
            eku(false, &[ANY_EKU]),
        ),
    ]
}

fn identifier_rules() -> Vec<Case> {
    use sha1::Digest as _;
    let good = Cert::leaf;
    let authority = |parts: &[Vec<u8>]| extended(ext(AKI, false, seq(parts)));
    let ski = |value: &[u8]| extended(ext(SKI, false, tlv(4, value)));
    let sha1 = sha1::Sha1::digest(point(4, 64)).to_vec();
    let mut short = sha1[12..].to_vec();
    short[0] = 0x40 | (short[0] & 0x0f);
    let mut other = short.clone();
    other[0] ^= 0x80;
    let id = || tlv(0x80, &[9; 20]);
    let issuer = || tlv(0xa1, &tlv(0xa4, &common_name("Root")));
    let serial = || tlv(0x82, &[7]);
    vec![
        (
            "subject_key_identifier_missing_ca",
            root(|one| one.drop(SKI)),
            leaf(|one| one.drop(SKI)),
        ),
        (
            "subject_key_identifier_missing",
            leaf(|one| one.drop(SKI)),
            root(|one| one.drop(SKI)),
        ),
        ("subject_key_identifier_method", ski(&[9; 20]), ski(&sha1)),
        ("subject_key_identifier_method", ski(&other), ski(&short)),
        (
            "authority_key_identifier_missing",
            leaf(|one| one.drop(AKI)),
            Cert::root(),
        ),
        (
            "authority_key_identifier_no_key_id",
            authority(&[issuer(), serial()]),
            good(),
        ),
        (
            "authority_key_identifier_issuer",
            authority(&[id(), issuer(), serial()]),
            good(),
        ),
        (
            "authority_key_identifier_half",
            authority(&[id(), issuer()]),
            authority(&[id(), issuer(), serial()]),
        ),
    ]
}

fn alternative_rules() -> Vec<Case> {
    let good = || dns("a.example");
    let long = ["a"; 127].join(".");
    let directory = |inner: Vec<u8>| names(&[tlv(0xa4, &inner)]);
    let two = |first: &[u8], second: &[u8]| names(&[tlv(0x82, first), tlv(0x82, second)]);
    vec![
        ("san_empty", names(&[]), good()),
        (
            "san_not_ascii",
            dns("zürich.example"),
            dns("xn--zrich-kva.example"),
        ),
        ("san_dns", dns(""), good()),
        ("san_dns", dns(" "), good()),
        ("san_dns", dns("10.0.0.1"), good()),
        ("san_dns", dns("-a.example"), dns("a-b.example")),
        ("san_dns", dns("a..example"), good()),
        ("san_dns", dns("a.example."), good()),
        ("san_dns", dns("a.*.example"), dns("*.a.example")),
        (
            "san_dns",
            dns(&format!("{}.example", "a".repeat(64))),
            dns(&format!("{}.example", "a".repeat(63))),
        ),
        ("san_dns", dns(&format!("{long}.a")), dns(&long)),
        ("san_dns_underscore", dns("_a.example"), good()),
        (
            "san_ip",
            names(&[tlv(0x87, &[10, 0, 0, 1, 255, 0, 0, 0])]),
            names(&[tlv(0x87, &[10, 0, 0, 1]), tlv(0x87, &[1; 16])]),
        ),
        ("san_uri", uri("/relative"), uri("urn:a:b")),
        ("san_uri", uri("https:///x"), uri("https://a.example:1/x")),
        ("san_uri", uri("https://a/%zz"), uri("https://a/%20")),
        ("san_uri", uri("urn:"), uri("spiffe://example/web")),
        (
            "san_email",
            email("Web <a@b.example>"),
            email("a@b.example"),
        ),
        ("san_email", email("a"), email("a+b@b.example")),
        (
            "san_directory_name",
            directory(seq(&[])),
            directory(common_name("a")),
        ),
        (
            "san_duplicate",
            two(b"a.example", b"a.example"),
            two(b"a.example", b"b.example"),
        ),
        (
            "san_later_of_kind",
            two(b"a.example", b"b.example"),
            names(&[tlv(0x82, b"a.example"), tlv(0x86, b"urn:a:b")]),
        ),
        (
            "san_tag_characters",
            dns("*.a.example"),
            two(b"a.example", b"*.a.example"),
        ),
        (
            "san_tag_characters",
            uri(&format!("urn:a:{}", "b".repeat(251))),
            uri(&format!("urn:a:{}", "b".repeat(250))),
        ),
    ]
}

fn constraint_rules() -> Vec<Case> {
    let tree = |inside: &[Vec<u8>]| tlv(0xa0, &seq(inside));
    let host = || tlv(0x82, b"a.example");
    let good = || constrained(&[tree(&[host()])]);
    let policy = |id: &str| seq(&[oid(id)]);
    let policies = |list: &[Vec<u8>]| extended(ext(POLICIES, false, seq(list)));
    let points = |inside: &[Vec<u8>]| extended(ext(CRLDP, false, seq(&[seq(inside)])));
    let place = || tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"http://a.example/crl")));
    let access = seq(&[seq(&[
        oid("1.3.6.1.5.5.7.48.1"),
        tlv(0x86, b"http://a.example"),
    ])]);
    vec![
        (
            "name_constraints_on_leaf",
            extended(ext(NC, true, seq(&[tree(&[host()])]))),
            good(),
        ),
        ("name_constraints_empty", constrained(&[]), good()),
        (
            "name_constraints_empty",
            constrained(&[tlv(0xa0, &[])]),
            good(),
        ),
        (
            "name_constraints_distance",
            constrained(&[tree(&[host(), tlv(0x80, &[1])])]),
            good(),
        ),
        (
            "name_constraints_form",
            constrained(&[tree(&[tlv(0x82, b".a.example")])]),
            good(),
        ),
        (
            "name_constraints_form",
            constrained(&[tree(&[tlv(0x87, &[10, 0, 0, 0, 255, 0, 255, 0])])]),
            constrained(&[tree(&[tlv(0x87, &[10, 0, 0, 0, 255, 128, 0, 0])])]),
        ),
        (
            "name_constraints_form",
            constrained(&[tree(&[tlv(0x87, &[10, 0, 0, 0])])]),
            good(),
        ),
        ("name_constraints_undocumented", good(), Cert::root()),
        (
            "policy_duplicate",
            policies(&[policy("1.2.3"), policy("1.2.3")]),
            policies(&[policy("1.2.3"), policy("1.2.4")]),
        ),
        (
            "distribution_point_without_name",
            points(&[tlv(0x81, &[1, 2])]),
            points(&[place()]),
        ),
        (
            "distribution_points_unused",
            points(&[place()]),
            Cert::leaf(),
        ),
        (
            "authority_info_access_unused",
            extended(ext(AIA, false, access)),
            Cert::leaf(),
        ),
    ]
}
