//! Cases about identifiers, alternative names and constraints.

use super::*;

pub fn identifier_rules() -> Vec<Case> {
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

pub fn alternative_rules() -> Vec<Case> {
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

pub fn constraint_rules() -> Vec<Case> {
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
