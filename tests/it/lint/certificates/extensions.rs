//! Cases about the form of extensions, and about what a key may be used for.

use super::*;

pub fn extension_rules() -> Vec<Case> {
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

pub fn usage_rules() -> Vec<Case> {
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

pub fn extended_usage_rules() -> Vec<Case> {
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
