//! Certificate policies (PKITS sections 4.8 to 4.12), with any policy asked for
//! and none demanded but by the CAs.

use windlass::pki::Certificate;

use crate::lint::build::{Extension, POLICIES, ext, int, oid, purposes, seq, tlv};

use super::Case;
use super::make::Ca;

const MAPPINGS: &str = "2.5.29.33";
const CONSTRAINTS: &str = "2.5.29.36";
const INHIBIT_ANY: &str = "2.5.29.54";

const P1: &str = "2.16.840.1.101.3.2.1.48.1";
const P2: &str = "2.16.840.1.101.3.2.1.48.2";
const ANY: &str = "2.5.29.32.0";

fn policies(ids: &[&str]) -> Extension {
    let each: Vec<Vec<u8>> = ids.iter().map(|id| purposes(&[id])).collect();
    ext(POLICIES, false, seq(&each))
}

/// requireExplicitPolicy and inhibitPolicyMapping.
fn demands(explicit: Option<u8>, mapping: Option<u8>) -> Extension {
    let parts = [(0x80, explicit), (0x81, mapping)];
    let parts: Vec<Vec<u8>> = parts
        .iter()
        .filter_map(|(tag, count)| count.map(|count| tlv(*tag, &[count])))
        .collect();
    ext(CONSTRAINTS, true, seq(&parts))
}

fn maps(pairs: &[(&str, &str)]) -> Extension {
    let pairs: Vec<Vec<u8>> = pairs.iter().map(|(a, b)| seq(&[oid(a), oid(b)])).collect();
    ext(MAPPINGS, true, seq(&pairs))
}

fn no_any(skip: u8) -> Extension {
    ext(INHIBIT_ANY, true, int(&[skip]))
}

/// A root, a CA, one below it and a leaf, each with these extensions.
#[track_caller]
fn says(ca: &[Extension], sub: &[Extension], leaf: &[Extension], expected: &[&str]) {
    let (root, upper, lower) = (Ca::named("Root"), Ca::named("CA"), Ca::named("Sub"));
    let anchor = root.root();
    let set = |cert: &mut crate::lint::build::Cert, all: &[Extension]| {
        all.iter().for_each(|one| cert.set(one.clone()));
    };
    let first: Certificate = root.certify(&upper, |cert| set(cert, ca));
    let second = upper.certify(&lower, |cert| set(cert, sub));
    let last = lower.leaf(|cert| set(cert, leaf));
    Case::of(&[&last, &second, &first, &anchor]).says(expected);
}

const NONE: &[&str] = &["no_policy"];

#[test]
fn a_policy_is_needed_only_where_a_ca_demands_one() {
    let one = || policies(&[P1]);
    says(&[], &[], &[], &[]);
    says(&[one()], &[], &[policies(&[P2])], &[]);
    says(&[one(), demands(Some(0), None)], &[one()], &[one()], &[]);
    says(&[one(), demands(Some(0), None)], &[one()], &[], NONE);
    says(&[one(), demands(Some(0), None)], &[], &[one()], NONE);
    says(&[demands(Some(0), None)], &[one()], &[one()], NONE);
    says(
        &[one(), demands(Some(0), None)],
        &[policies(&[P2])],
        &[one()],
        NONE,
    );
    // So many certificates are passed over.
    says(&[demands(Some(10), None)], &[], &[], &[]);
    says(&[demands(Some(2), None)], &[], &[], NONE);
    says(&[demands(Some(3), None)], &[], &[], &[]);
    says(&[], &[], &[demands(Some(0), None)], NONE);
    says(&[one()], &[one()], &[one(), demands(Some(0), None)], &[]);
}

#[test]
fn any_policy_stands_for_all_unless_it_is_inhibited() {
    let any = || policies(&[ANY]);
    let one = || policies(&[P1]);
    let explicit = || demands(Some(0), None);
    says(&[any(), explicit()], &[any()], &[one()], &[]);
    says(&[one(), explicit()], &[any()], &[one()], &[]);
    says(&[one(), explicit()], &[any()], &[policies(&[P2])], NONE);
    says(&[any(), explicit(), no_any(0)], &[any()], &[one()], NONE);
    says(&[any(), explicit(), no_any(1)], &[any()], &[one()], &[]);
    says(&[any(), explicit(), no_any(1)], &[any()], &[any()], NONE);
    // Without a demand it decides nothing.
    says(&[any(), no_any(0)], &[any()], &[any()], &[]);
}

#[test]
fn mapped_policies_are_those_of_the_issuer() {
    let (one, two) = (|| policies(&[P1]), || policies(&[P2]));
    let explicit = || demands(Some(0), None);
    says(
        &[one(), explicit(), maps(&[(P1, P2)])],
        &[two()],
        &[two()],
        &[],
    );
    says(
        &[one(), explicit(), maps(&[(P1, P2)])],
        &[one()],
        &[one()],
        NONE,
    );
    says(
        &[one(), explicit()],
        &[one(), maps(&[(P1, P2)])],
        &[two()],
        &[],
    );
    let fixed = || demands(Some(0), Some(0));
    says(
        &[one(), fixed()],
        &[one(), maps(&[(P1, P2)])],
        &[two()],
        NONE,
    );
    says(&[one()], &[one(), maps(&[(P1, P2)])], &[two()], &[]);
    // anyPolicy may not be mapped.
    for pair in [(ANY, P1), (P1, ANY)] {
        says(&[one(), maps(&[pair])], &[one()], &[one()], &["malformed"]);
    }
}

#[test]
fn malformed_policies_are_not_passed_over() {
    for odd in [
        policies(&[P1, P1]),
        ext(CONSTRAINTS, false, seq(&[])),
        ext(CONSTRAINTS, false, seq(&[tlv(0x80, &[0xff])])),
        ext(INHIBIT_ANY, false, int(&[0xff])),
    ] {
        let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
        let anchor = root.root();
        let mut template = crate::lint::build::Cert::root();
        template.set(odd.clone());
        // The decoder may have refused it before.
        if Certificate::from_der(&template.encode(), "case").is_err() {
            continue;
        }
        let issuing = root.certify(&ca, |ca| ca.set(odd.clone()));
        Case::of(&[&ca.leaf(|_| {}), &issuing, &anchor]).says(&["malformed"]);
    }
}
