//! Path validation, case by case: a small public key infrastructure of our own,
//! with the questions that the test suite of NIST (PKITS) asks, in its order.

mod constraints;
mod lists;
pub mod make;
mod policies;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use windlass::pki::{Certificate, Crl, PathQuery, Policy, Revocation, validate_path};

use crate::lint::build::{
    BC, CLIENT_AUTH, EKU, KU, SAN, SKI, common_name, ext, generalized, int, name, printable,
    purposes, seq, tlv, usage, utc, utf8,
};
use make::{Ca, basic};

pub fn at() -> DateTime<Utc> {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

/// A leaf with what is given besides.
pub struct Case<'a> {
    pub leaf: &'a Certificate,
    pub others: Vec<&'a Certificate>,
    pub anchor: &'a Certificate,
    pub lists: Option<Vec<&'a Crl>>,
}

impl<'a> Case<'a> {
    /// The certificates from the leaf to the anchor.
    pub fn of(path: &[&'a Certificate]) -> Self {
        Self {
            leaf: path[0],
            others: path[1..path.len() - 1].to_vec(),
            anchor: path[path.len() - 1],
            lists: None,
        }
    }

    pub fn with(mut self, lists: &[&'a Crl]) -> Self {
        self.lists = Some(lists.to_vec());
        self
    }

    /// What refuses the path that came closest; nothing when there is a valid one.
    pub fn judge(&self, policy: Policy) -> Vec<&'static str> {
        let others: Vec<Certificate> = self.others.iter().map(|one| (*one).clone()).collect();
        let lists: Option<Vec<Crl>> = self
            .lists
            .as_ref()
            .map(|lists| lists.iter().map(|one| (*one).clone()).collect());
        let outcome = validate_path(&PathQuery {
            leaf: self.leaf,
            intermediates: &others,
            anchors: std::slice::from_ref(self.anchor),
            revocation: lists
                .as_deref()
                .map_or(Revocation::Unchecked, Revocation::Covered),
            at: at(),
            policy,
        });
        match outcome {
            Ok(path) => {
                assert_eq!(path[0], self.leaf);
                assert_eq!(*path.last().unwrap(), self.anchor);
                Vec::new()
            }
            Err(error) => {
                let findings = &error.tried()[0].findings;
                assert!(!findings.is_empty());
                findings.iter().map(|finding| finding.flaw.id()).collect()
            }
        }
    }

    /// Both policies say the same.
    #[track_caller]
    pub fn says(&self, expected: &[&str]) {
        for policy in [Policy::Rfc5280, Policy::RolesAnywhere] {
            assert_eq!(self.judge(policy), expected, "{policy:?}");
        }
    }
}

#[test]
fn signatures_are_those_of_the_issuers() {
    let (root, ca, evil) = (Ca::named("Root"), Ca::named("CA"), Ca::named("CA"));
    let anchor = root.root();
    let issuing = root.certify(&ca, |_| {});
    let leaf = ca.leaf(|_| {});
    Case::of(&[&leaf, &issuing, &anchor]).says(&[]);
    Case::of(&[&evil.leaf(|_| {}), &issuing, &anchor]).says(&["bad_signature"]);
    let forged = Ca::named("Root").certify(&ca, |_| {});
    Case::of(&[&leaf, &forged, &anchor]).says(&["bad_signature"]);
    Case::of(&[&leaf, &anchor]).says(&["unknown_issuer"]);
    // An anchor may be an intermediate, and is not asked for its issuer.
    Case::of(&[&leaf, &issuing]).says(&[]);
}

#[test]
fn every_certificate_is_valid_at_the_time() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let anchor = root.root();
    let issuing = root.certify(&ca, |_| {});
    let of_leaf = |begin: &str, end: Vec<u8>| {
        ca.leaf(|leaf| {
            leaf.not_before = utc(begin);
            leaf.not_after = end;
        })
    };
    for (leaf, expected) in [
        (of_leaf("260601000000Z", utc("260601000000Z")), &[][..]),
        (of_leaf("500101000000Z", utc("260701000000Z")), &[]),
        (
            of_leaf("260101000000Z", generalized("20500101000000Z")),
            &[],
        ),
        (
            of_leaf("260601000001Z", utc("261201000000Z")),
            &["not_yet_valid"],
        ),
        (of_leaf("260101000000Z", utc("260531235959Z")), &["expired"]),
        (
            of_leaf("490101000000Z", generalized("20500101000000Z")),
            &["not_yet_valid"],
        ),
        (of_leaf("500101000000Z", utc("990101000000Z")), &["expired"]),
    ] {
        Case::of(&[&leaf, &issuing, &anchor]).says(expected);
    }
    let leaf = ca.leaf(|_| {});
    let old = root.certify(&ca, |ca| ca.not_after = utc("260531235959Z"));
    Case::of(&[&leaf, &old, &anchor]).says(&["expired"]);
    let ended = root.root_with(|root| root.not_after = utc("260531235959Z"));
    Case::of(&[&leaf, &issuing, &ended]).says(&["expired"]);
    // The one that is valid is found beside the one that is not.
    let mut both = Case::of(&[&leaf, &old, &issuing, &anchor]);
    both.says(&[]);
    both.others.reverse();
    both.says(&[]);
}

#[test]
fn names_chain_by_what_they_say() {
    let root = Ca::named("Root");
    let anchor = root.root();
    let o = "2.5.4.10";
    let cn = "2.5.4.3";
    let ca = Ca::new(name(&[
        (o, printable("Good Corp")),
        (cn, printable("Good  CA")),
    ]));
    let issuing = root.certify(&ca, |_| {});
    for (issuer, expected) in [
        (
            name(&[(o, printable("good corp")), (cn, utf8(" GOOD CA "))]),
            &[][..],
        ),
        (name(&[(o, utf8("Good Corp")), (cn, utf8("Good CA"))]), &[]),
        (
            name(&[(cn, printable("Good CA")), (o, printable("Good Corp"))]),
            &["unknown_issuer"],
        ),
        (name(&[(o, printable("Good Corp"))]), &["unknown_issuer"]),
        (
            name(&[(o, printable("GoodCorp")), (cn, printable("Good CA"))]),
            &["unknown_issuer"],
        ),
        (seq(&[]), &["empty_name", "unknown_issuer"]),
    ] {
        let leaf = ca.leaf(|leaf| leaf.issuer = issuer);
        Case::of(&[&leaf, &issuing, &anchor]).says(expected);
    }
}

#[test]
fn a_ca_says_that_it_is_one_and_how_long_its_paths_may_be() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let anchor = root.root();
    let leaf = ca.leaf(|_| {});
    let no_flag = root.certify(&ca, |ca| ca.set(ext(BC, true, seq(&[]))));
    Case::of(&[&leaf, &no_flag, &anchor]).says(&["not_a_ca"]);
    let without = root.certify(&ca, |ca| ca.drop(BC));
    Case::of(&[&leaf, &without, &anchor]).says(&["not_a_ca"]);
    let not_critical = root.certify(&ca, |ca| ca.set(ext(BC, false, basic(None))));
    Case::of(&[&leaf, &not_critical, &anchor]).says(&[]);
    let old = root.certify(&ca, |ca| {
        ca.version = Vec::new();
        ca.without_extensions = true;
    });
    assert!(
        Case::of(&[&leaf, &old, &anchor])
            .judge(Policy::Rfc5280)
            .contains(&"version")
    );
    let old = ca.leaf(|leaf| leaf.version = tlv(0xa0, &int(&[1])));
    let issuing = root.certify(&ca, |_| {});
    Case::of(&[&old, &issuing, &anchor]).says(&["version"]);

    let limited = |length: u8| root.certify(&ca, |ca| ca.set(ext(BC, true, basic(Some(length)))));
    Case::of(&[&leaf, &limited(0), &anchor]).says(&[]);
    let sub = Ca::named("Sub CA");
    let below = ca.certify(&sub, |_| {});
    let deep = sub.leaf(|_| {});
    Case::of(&[&deep, &below, &limited(0), &anchor]).says(&["path_too_long"]);
    Case::of(&[&deep, &below, &limited(1), &anchor]).says(&[]);
    let anchored = root.root_with(|root| root.set(ext(BC, true, basic(Some(0)))));
    Case::of(&[&leaf, &issuing, &anchored]).says(&["path_too_long"]);
    // A self-issued one does not count: the CA has changed its key.
    let renewed = ca.renewed();
    let own = ca.certify(&renewed, |_| {});
    let under_new = renewed.leaf(|_| {});
    Case::of(&[&under_new, &own, &limited(0), &anchor]).says(&[]);
    let other = renewed.certify(&sub, |_| {});
    Case::of(&[&deep, &other, &own, &limited(0), &anchor]).says(&["path_too_long"]);
    Case::of(&[&deep, &other, &own, &limited(1), &anchor]).says(&[]);
}

#[test]
fn keys_are_used_for_what_they_may_be() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let anchor = root.root();
    let leaf = ca.leaf(|_| {});
    for critical in [true, false] {
        let only_lists = root.certify(&ca, |ca| ca.set(ext(KU, critical, tlv(3, &[1, 0x02]))));
        Case::of(&[&leaf, &only_lists, &anchor]).says(&["no_key_cert_sign"]);
    }
    let without = root.certify(&ca, |ca| ca.drop(KU));
    let case = Case::of(&[&leaf, &without, &anchor]);
    assert!(case.judge(Policy::Rfc5280).is_empty());
    assert_eq!(case.judge(Policy::RolesAnywhere), ["no_key_cert_sign"]);

    let issuing = root.certify(&ca, |_| {});
    let purpose = |critical: bool, ids: &[&str]| ext(EKU, critical, purposes(ids));
    let (server, any) = ("1.3.6.1.5.5.7.3.1", "2.5.29.37.0");
    for (found, expected) in [
        (purpose(true, &[CLIENT_AUTH]), &[][..]),
        (purpose(false, &[any]), &[]),
        (purpose(false, &[server, CLIENT_AUTH]), &[]),
        (purpose(false, &[server]), &["not_for_clients"]),
    ] {
        let leaf = ca.leaf(|leaf| leaf.set(found.clone()));
        Case::of(&[&leaf, &issuing, &anchor]).says(expected);
        let issuing = root.certify(&ca, |ca| ca.set(found.clone()));
        let plain = ca.leaf(|leaf| leaf.drop(EKU));
        Case::of(&[&plain, &issuing, &anchor]).says(expected);
    }
}

#[test]
fn what_is_critical_and_not_known_refuses_wherever_it_stands() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let unknown = |critical| ext("1.3.6.1.4.1.55738.666.1", critical, tlv(5, &[]));
    for (critical, expected) in [(true, &["unhandled_critical"][..]), (false, &[])] {
        let anchor = root.root();
        let issuing = root.certify(&ca, |_| {});
        let leaf = ca.leaf(|leaf| leaf.set(unknown(critical)));
        Case::of(&[&leaf, &issuing, &anchor]).says(expected);
        let leaf = ca.leaf(|_| {});
        let odd = root.certify(&ca, |ca| ca.set(unknown(critical)));
        Case::of(&[&leaf, &odd, &anchor]).says(expected);
        let odd = root.root_with(|root| root.set(unknown(critical)));
        Case::of(&[&leaf, &issuing, &odd]).says(expected);
    }
}

#[test]
fn roles_anywhere_asks_more_of_the_leaf() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let (anchor, issuing) = (root.root(), root.certify(&ca, |_| {}));
    let nameless = |critical| {
        ca.leaf(|leaf| {
            leaf.subject = seq(&[]);
            leaf.set(ext(SAN, critical, seq(&[tlv(0x82, b"web.example.com")])));
        })
    };
    for (leaf, by_rfc, by_service) in [
        (
            ca.leaf(|leaf| leaf.drop(KU)),
            &[][..],
            &["leaf_no_key_usage"][..],
        ),
        (
            ca.leaf(|leaf| leaf.set(usage(&[5, 0x20]))),
            &[],
            &["leaf_key_usage"],
        ),
        (
            ca.leaf(|leaf| leaf.set(ext(BC, true, basic(None)))),
            &[],
            &["leaf_ca"],
        ),
        (nameless(true), &[], &["leaf_empty_subject"]),
        (
            nameless(false),
            &["nameless"],
            &["nameless", "leaf_empty_subject"],
        ),
    ] {
        let case = Case::of(&[&leaf, &issuing, &anchor]);
        assert_eq!(case.judge(Policy::Rfc5280), by_rfc);
        assert_eq!(case.judge(Policy::RolesAnywhere), by_service);
    }
}

/// A key identifier says which certificate is tried first, and no more.
#[test]
fn key_identifiers_are_hints() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let anchor = root.root();
    let issuing = root.certify(&ca, |ca| ca.set(ext(SKI, false, tlv(4, &[8; 20]))));
    Case::of(&[&ca.leaf(|_| {}), &issuing, &anchor]).says(&[]);
}

/// CAs that certify each other make no endless paths.
#[test]
fn a_mesh_of_authorities_is_searched_within_the_budget() {
    let cas: Vec<Ca> = (0..12)
        .map(|number| Ca::named(&format!("CA {number}")))
        .collect();
    let mesh: Vec<Certificate> = cas
        .iter()
        .flat_map(|by| cas.iter().map(move |of| (by, of)))
        .filter(|(by, of)| !std::ptr::eq(*by, *of))
        .map(|(by, of)| by.certify(of, |_| {}))
        .collect();
    let leaf = cas[0].leaf(|_| {});
    let stranger = Ca::named("Stranger").root();
    let mut case = Case::of(&[&leaf, &stranger]);
    case.others = mesh.iter().collect();
    case.says(&["budget"]);
    // What leads to the anchor is found first all the same.
    let anchor = cas[0].root();
    case.anchor = &anchor;
    case.says(&[]);
    // Without the leaf's own key there is nothing to search.
    let lonely = common_name("Nobody");
    let leaf = cas[0].leaf(|leaf| leaf.issuer = lonely);
    case.leaf = &leaf;
    case.says(&["unknown_issuer"]);
}

/// What restricts others, with any content and signed as it has to be: nothing
/// panics.
#[test]
fn extensions_with_any_content_are_survived() {
    let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
    let anchor = root.root();
    let octets = || proptest::collection::vec(any::<u8>(), 0..40);
    let tagged = (any::<u8>(), octets()).prop_map(|(tag, content)| tlv(tag, &content));
    let nested = proptest::collection::vec(tagged, 0..4).prop_map(|parts| seq(&parts));
    let trees = (prop_oneof![Just(0xa0_u8), Just(0xa1)], nested.clone())
        .prop_map(|(tag, inner)| seq(&[tlv(tag, &inner)]));
    let value = prop_oneof![octets(), nested, trees];
    let arcs = prop_oneof![Just(17), Just(30), Just(32), Just(33), Just(36), Just(54)];
    proptest!(ProptestConfig::with_cases(300), |(arc in arcs, value in value, list in octets())| {
        let odd = ext(&format!("2.5.29.{arc}"), true, value);
        let issuing = ca_with(&root, &ca, &odd);
        let leaf = ca.leaf(|leaf| {
            leaf.set(ext(SAN, false, seq(&[tlv(0x82, b"a.example"), tlv(0x86, b"urn:x")])));
        });
        if let Some(issuing) = issuing {
            for policy in [Policy::Rfc5280, Policy::RolesAnywhere] {
                Case::of(&[&leaf, &issuing, &anchor]).judge(policy);
            }
        }
        let _ = Crl::read_any(&list, "case");
    });
}

fn ca_with(root: &Ca, ca: &Ca, odd: &crate::lint::build::Extension) -> Option<Certificate> {
    root.try_issue(root.template_for(ca), |cert| cert.set(odd.clone()))
}
