//! Name constraints (PKITS section 4.13).

use crate::lint::build::{
    CN, COUNTRY, EMAIL, Extension, NC, OU, SAN, common_name, ext, ia5, int, name, printable, seq,
    tlv, utf8,
};

use super::Case;
use super::make::Ca;

/// Permitted and excluded subtrees, by the tag and the content of their bases.
fn constraints(permitted: &[(u8, &[u8])], excluded: &[(u8, &[u8])]) -> Extension {
    let subtrees = |bases: &[(u8, &[u8])]| -> Vec<u8> {
        bases
            .iter()
            .flat_map(|(tag, content)| seq(&[tlv(*tag, content)]))
            .collect()
    };
    let parts: Vec<Vec<u8>> = [(0xa0, permitted), (0xa1, excluded)]
        .into_iter()
        .filter(|(_, bases)| !bases.is_empty())
        .map(|(tag, bases)| tlv(tag, &subtrees(bases)))
        .collect();
    ext(NC, true, seq(&parts))
}

/// A leaf with this subject and these names below a CA with these constraints.
#[track_caller]
fn says(limits: &Extension, subject: &[u8], names: &[(u8, &[u8])], expected: &[&str]) {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let anchor = root.root();
    let issuing = root.certify(&ca, |ca| ca.set(limits.clone()));
    let leaf = ca.leaf(|leaf| {
        leaf.subject = subject.to_vec();
        if !names.is_empty() {
            let names: Vec<Vec<u8>> = names.iter().map(|(tag, name)| tlv(*tag, name)).collect();
            leaf.set(ext(SAN, false, seq(&names)));
        }
    });
    Case::of(&[&leaf, &issuing, &anchor]).says(expected);
    // The same when the anchor has them.
    let anchor = root.root_with(|root| root.set(limits.clone()));
    let leaf_of_root = root.leaf(|own| {
        own.subject = subject.to_vec();
        if !names.is_empty() {
            let names: Vec<Vec<u8>> = names.iter().map(|(tag, name)| tlv(*tag, name)).collect();
            own.set(ext(SAN, false, seq(&names)));
        }
    });
    Case::of(&[&leaf_of_root, &anchor]).says(expected);
}

const OUT: &[&str] = &["name_not_permitted"];
const FORBIDDEN: &[&str] = &["name_excluded"];

#[test]
fn directory_names_lie_in_their_subtrees() {
    let base = name(&[(COUNTRY, printable("US")), (OU, printable("Sub tree 1"))]);
    let person = |unit: &str| {
        name(&[
            (COUNTRY, printable("US")),
            (OU, utf8(unit)),
            (CN, utf8("web-1")),
        ])
    };
    let permits = constraints(&[(0xa4, &base)], &[]);
    says(&permits, &person("sub  TREE 1"), &[], &[]);
    says(&permits, &person("Sub tree 2"), &[], OUT);
    says(&permits, &common_name("web-1"), &[], OUT);
    says(
        &permits,
        &person("Sub tree 1"),
        &[(0xa4, &person("Sub tree 1"))],
        &[],
    );
    says(
        &permits,
        &person("Sub tree 1"),
        &[(0xa4, &person("Sub tree 2"))],
        OUT,
    );
    let excludes = constraints(&[], &[(0xa4, &base)]);
    says(&excludes, &person("SUB tree 1"), &[], FORBIDDEN);
    says(&excludes, &person("Sub tree 2"), &[], &[]);
    says(
        &excludes,
        &person("Sub tree 2"),
        &[(0xa4, &person("Sub tree 1"))],
        FORBIDDEN,
    );
    // All, and none.
    let empty = seq(&[]);
    says(
        &constraints(&[(0xa4, &empty)], &[]),
        &common_name("web-1"),
        &[],
        &[],
    );
    says(
        &constraints(&[], &[(0xa4, &empty)]),
        &common_name("web-1"),
        &[],
        FORBIDDEN,
    );
}

#[test]
fn other_forms_lie_in_theirs_and_are_not_looked_for_in_common_names() {
    let web = common_name("web-1");
    let dns = constraints(&[(0x82, b"example.com")], &[]);
    says(&dns, &web, &[(0x82, b"www.Example.com")], &[]);
    says(&dns, &web, &[(0x82, b"www.example.org")], OUT);
    says(
        &dns,
        &web,
        &[(0x82, b"www.example.com"), (0x82, b"x.org")],
        OUT,
    );
    says(&dns, &web, &[(0x81, b"a@x.org"), (0x86, b"urn:x")], &[]);
    says(&dns, &common_name("www.example.org"), &[], &[]);
    let none = constraints(&[], &[(0x82, b"")]);
    says(&none, &web, &[(0x82, b"a.example")], FORBIDDEN);
    let both = constraints(&[(0x82, b"example.com")], &[(0x82, b"secret.example.com")]);
    says(&both, &web, &[(0x82, b"x.secret.example.com")], FORBIDDEN);
    says(&both, &web, &[(0x82, b"*.example.com")], FORBIDDEN);

    let email = constraints(&[(0x81, b".example.com")], &[]);
    says(&email, &web, &[(0x81, b"a@mail.example.com")], &[]);
    says(&email, &web, &[(0x81, b"a@example.com")], OUT);
    // Without one among the alternative names, that of the subject counts.
    let addressed = |address: &str| name(&[(CN, utf8("web-1")), (EMAIL, ia5(address))]);
    says(&email, &addressed("a@mail.example.com"), &[], &[]);
    says(&email, &addressed("a@x.org"), &[], OUT);
    says(
        &email,
        &addressed("a@x.org"),
        &[(0x82, b"www.example.com")],
        OUT,
    );
    says(
        &email,
        &addressed("a@x.org"),
        &[(0x81, b"a@mail.example.com")],
        &[],
    );

    let uri = constraints(&[(0x86, b".example.com")], &[]);
    says(&uri, &web, &[(0x86, b"spiffe://a.example.com/web")], &[]);
    says(&uri, &web, &[(0x86, b"spiffe://example.com/web")], OUT);
    says(&uri, &web, &[(0x86, b"urn:web")], OUT);
    let no_uri = constraints(&[], &[(0x86, b"example.com")]);
    says(&no_uri, &web, &[(0x86, b"https://x.org")], &[]);
    says(&no_uri, &web, &[(0x86, b"urn:web")], FORBIDDEN);

    let network = constraints(&[(0x87, &[192, 0, 2, 0, 255, 255, 255, 0])], &[]);
    says(&network, &web, &[(0x87, &[192, 0, 2, 9])], &[]);
    says(&network, &web, &[(0x87, &[192, 0, 3, 9])], OUT);
    says(&network, &web, &[(0x87, &[0; 16])], OUT);
}

#[test]
fn forms_that_are_not_evaluated_refuse_names_of_theirs() {
    let web = common_name("web-1");
    let other = seq(&[
        crate::lint::build::oid("1.3.6.1.4.1.55738.1"),
        tlv(0xa0, &utf8("x")),
    ]);
    let other = &other[2..];
    for limits in [
        constraints(&[(0xa0, other)], &[]),
        constraints(&[], &[(0xa0, other)]),
    ] {
        says(&limits, &web, &[(0xa0, other)], &["name_unhandled"]);
        says(&limits, &web, &[(0x82, b"www.example.com")], &[]);
    }
}

#[test]
fn malformed_constraints_are_not_passed_over() {
    let web = common_name("web-1");
    let raw = |value: Vec<u8>| ext(NC, false, value);
    let base = tlv(0x82, b"example.com");
    for limits in [
        constraints(&[(0x82, b".example.com")], &[]),
        constraints(&[], &[(0x82, b"*.example.com")]),
        constraints(&[(0x87, &[192, 0, 2, 0])], &[]),
        constraints(&[(0x87, &[192, 0, 2, 0, 255, 0, 255, 0])], &[]),
        constraints(&[(0x81, b"a@b@example.com")], &[]),
        raw(seq(&[tlv(0xa0, &seq(&[base.clone(), tlv(0x80, &[1])]))])),
        raw(seq(&[tlv(0xa0, &seq(&[base, tlv(0x81, &[1])]))])),
    ] {
        says(&limits, &web, &[], &["malformed"]);
    }
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let leaf = ca.leaf(|leaf| leaf.set(constraints(&[(0x82, b"example.com")], &[])));
    let (issuing, anchor) = (root.certify(&ca, |_| {}), root.root());
    Case::of(&[&leaf, &issuing, &anchor]).says(&["constraints_of_leaf"]);
}

#[test]
fn constraints_add_up_and_pass_over_self_issued_intermediates() {
    let (root, ca, sub) = (Ca::named("Root"), Ca::named("CA"), Ca::named("Sub"));
    let anchor = root.root();
    let dns = |domains: &[&[u8]]| {
        let bases: Vec<(u8, &[u8])> = domains.iter().map(|domain| (0x82, *domain)).collect();
        constraints(&bases, &[])
    };
    let leaf =
        |domain: &[u8]| sub.leaf(|leaf| leaf.set(ext(SAN, false, seq(&[tlv(0x82, domain)]))));
    let (wide, narrow): (&[&[u8]], &[&[u8]]) = (&[b"a.example", b"b.example"], &[b"b.example"]);
    for (above, below) in [(wide, narrow), (narrow, wide)] {
        let issuing = root.certify(&ca, |ca| ca.set(dns(above)));
        let between = ca.certify(&sub, |sub| sub.set(dns(below)));
        Case::of(&[&leaf(b"b.example"), &between, &issuing, &anchor]).says(&[]);
        Case::of(&[&leaf(b"a.example"), &between, &issuing, &anchor]).says(OUT);
    }
    // The name of an intermediate has to be permitted, unless it is self-issued.
    let san = ext(SAN, false, seq(&[tlv(0x82, b"c.example")]));
    let issuing = root.certify(&ca, |ca| ca.set(dns(narrow)));
    let between = ca.certify(&sub, |sub| sub.set(san.clone()));
    Case::of(&[&leaf(b"b.example"), &between, &issuing, &anchor]).says(OUT);
    let renewed = ca.renewed();
    let own = ca.certify(&renewed, |own| own.set(san.clone()));
    let under = renewed.leaf(|_| {});
    Case::of(&[&under, &own, &issuing, &anchor]).says(&[]);
    // A self-issued leaf is a leaf.
    let last = ca.certify(&renewed, |own| own.set(san));
    let judged = Case::of(&[&last, &issuing, &anchor]).judge(windlass::pki::Policy::Rfc5280);
    assert_eq!(judged, OUT);
}

/// Thousands of names below thousands of constraints are not compared.
#[test]
fn names_and_constraints_cannot_buy_quadratic_work() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let domains: Vec<String> = (0..2000)
        .map(|number| format!("n{number}.example"))
        .collect();
    let bases: Vec<(u8, &[u8])> = domains.iter().map(|one| (0x82, one.as_bytes())).collect();
    let anchor = root.root();
    let issuing = root.certify(&ca, |ca| ca.set(constraints(&[], &bases)));
    let with = |count: u16| {
        ca.leaf(|leaf| {
            let name = |number: u16| {
                let octets = number.to_be_bytes();
                tlv(
                    0x82,
                    format!("a{}b{}.test", octets[0], octets[1]).as_bytes(),
                )
            };
            let names: Vec<Vec<u8>> = (0..count).map(name).collect();
            leaf.set(ext(SAN, false, seq(&names)));
            leaf.serial = int(&[0x2b]);
        })
    };
    Case::of(&[&with(100), &issuing, &anchor]).says(&[]);
    Case::of(&[&with(2000), &issuing, &anchor]).says(&["budget"]);
}
