//! Revocation lists (PKITS sections 4.4, 4.5, 4.7, 4.14 and 4.15).

use windlass::pki::{Certificate, Crl, PathQuery, Policy, Revocation, validate_path};

use crate::lint::build::{
    DELTA, Extension, IDP, KU, REASON, common_name, ext, int, seq, tlv, usage, utc,
};

use super::make::{Ca, revoked};
use super::{Case, at};

/// A root, its issuing CA and a leaf, with the serial numbers 11 and 2a.
struct World {
    root: Ca,
    ca: Ca,
    anchor: Certificate,
    issuing: Certificate,
    leaf: Certificate,
    of_root: Crl,
}

impl World {
    fn new() -> Self {
        let (root, ca) = (Ca::named("Root"), Ca::named("CA"));
        Self {
            anchor: root.root(),
            issuing: root.certify(&ca, |_| {}),
            leaf: ca.leaf(|_| {}),
            of_root: root.list(&[0x77], |_| {}),
            root,
            ca,
        }
    }

    #[track_caller]
    fn says(&self, lists: &[&Crl], expected: &[&str]) {
        let path = [&self.leaf, &self.issuing, &self.anchor];
        Case::of(&path).with(lists).says(expected);
    }

    /// What is said with this list of the issuing CA.
    #[track_caller]
    fn says_with(&self, list: &Crl, expected: &[&str]) {
        self.says(&[&self.of_root, list], expected);
    }
}

#[test]
fn every_certificate_below_the_anchor_is_covered_by_a_list_in_force() {
    let world = World::new();
    let ca = &world.ca;
    let good = ca.list(&[0x77], |_| {});
    world.says_with(&good, &[]);
    world.says(&[&world.of_root], &["not_covered"]);
    world.says(&[&good], &["not_covered"]);
    world.says(&[], &["not_covered", "not_covered"]);
    world.says_with(&ca.list(&[], |_| {}), &[]);
    world.says_with(&ca.list(&[0x2a], |_| {}), &["revoked"]);
    world.says(&[&good, &world.root.list(&[0x11], |_| {})], &["revoked"]);
    // The leaf's serial number on the root's list is another certificate's.
    world.says(&[&good, &world.root.list(&[0x2a], |_| {})], &[]);
    // In the wrong name, by the wrong key, and a good one beside it.
    let foreign = Ca::named("CA").list(&[], |_| {});
    world.says_with(&foreign, &["not_covered"]);
    let renamed = ca.list(&[], |list| list.issuer = common_name("Other"));
    world.says_with(&renamed, &["not_covered"]);
    world.says(&[&world.of_root, &foreign, &renamed, &good], &[]);
    // The name in another case is the same.
    world.says_with(&ca.list(&[], |list| list.issuer = common_name("cA ")), &[]);
    for (begin, end, expected) in [
        ("260501000000Z", utc("260601000000Z"), &[][..]),
        ("260501000000Z", utc("260531235959Z"), &["not_covered"]),
        ("260601000001Z", utc("260701000000Z"), &["not_covered"]),
        ("260501000000Z", Vec::new(), &["not_covered"]),
    ] {
        let list = ca.list(&[], |list| {
            list.this_update = utc(begin);
            list.next_update = end.clone();
        });
        world.says_with(&list, expected);
        // Who is on it is revoked however old it is.
        let list = ca.list(&[0x2a], |list| {
            list.this_update = utc(begin);
            list.next_update = end.clone();
        });
        world.says_with(&list, &["revoked"]);
    }
}

#[test]
fn a_list_with_something_unknown_covers_nothing() {
    let world = World::new();
    let ca = &world.ca;
    let unknown = |critical| ext("1.3.6.1.4.1.55738.666.1", critical, tlv(5, &[]));
    world.says_with(&ca.list(&[], |list| list.set(unknown(false))), &[]);
    world.says_with(
        &ca.list(&[], |list| list.set(unknown(true))),
        &["not_covered"],
    );
    let with_entry = |serial, extension: Extension| {
        ca.list(&[], |list| {
            list.entries = seq(&[revoked(serial, &[extension])])
        })
    };
    world.says_with(&with_entry(0x77, unknown(false)), &[]);
    world.says_with(&with_entry(0x77, unknown(true)), &["not_covered"]);
    world.says_with(&with_entry(0x2a, unknown(true)), &["revoked"]);
    // Every reason revokes, a hold too.
    for code in 0..11 {
        let reason = ext(REASON, false, tlv(10, &[code]));
        world.says_with(&with_entry(0x2a, reason), &["revoked"]);
    }
    // Version 1 has no extensions, and what it says cannot be told from version 2.
    world.says_with(
        &ca.list(&[], |list| list.version = Vec::new()),
        &["not_covered"],
    );
    let weak = ca.list(&[], |list| {
        let sha1 = seq(&[crate::lint::build::oid("1.2.840.10045.4.1")]);
        list.inner = sha1.clone();
        list.outer = sha1;
    });
    world.says_with(&weak, &["not_covered"]);
}

#[test]
fn lists_that_are_about_some_certificates_do_not_cover_others() {
    let world = World::new();
    let scoped = |by: &Ca, serials: &[u8], fields: Vec<Vec<u8>>| {
        by.list(serials, |list| list.set(ext(IDP, true, seq(&fields))))
    };
    let flag = |tag| tlv(tag, &[0xff]);
    let good = world.ca.list(&[], |_| {});
    for (fields, of_leaf, of_ca) in [
        (vec![flag(0x81)], &[][..], &["not_covered"][..]),
        (vec![flag(0x82)], &["not_covered"], &[]),
        (vec![flag(0x84)], &["not_covered"], &["not_covered"]),
        (vec![flag(0x85)], &["not_covered"], &["not_covered"]),
        (
            vec![tlv(0x83, &[6, 0x40])],
            &["not_covered"],
            &["not_covered"],
        ),
        (
            vec![tlv(0xa0, &tlv(0xa0, &tlv(0x86, b"http://x.example/crl")))],
            &["not_covered"],
            &["not_covered"],
        ),
    ] {
        world.says_with(&scoped(&world.ca, &[], fields.clone()), of_leaf);
        world.says(&[&good, &scoped(&world.root, &[], fields.clone())], of_ca);
        // Whoever is on it is revoked, unless it may be about another issuer's.
        let listed = scoped(&world.ca, &[0x2a], fields.clone());
        let is_indirect = fields == [flag(0x84)];
        let expected = if is_indirect {
            "not_covered"
        } else {
            "revoked"
        };
        world.says_with(&listed, &[expected]);
    }
    // Of a delta list the entries count, and nothing else does.
    let delta = |serial, extensions: &[Extension]| {
        world.ca.list(&[], |list| {
            list.set(ext(DELTA, true, int(&[1])));
            list.entries = seq(&[revoked(serial, extensions)]);
        })
    };
    let removed = ext(REASON, false, tlv(10, &[8]));
    world.says_with(&delta(0x77, &[]), &["not_covered"]);
    world.says(&[&world.of_root, &good, &delta(0x77, &[])], &[]);
    world.says(&[&world.of_root, &good, &delta(0x2a, &[])], &["revoked"]);
    world.says(&[&world.of_root, &good, &delta(0x2a, &[removed])], &[]);
    // An entry of an indirect list is about the issuer that it names.
    let named = ext("2.5.29.29", true, seq(&[tlv(0xa4, &common_name("Other"))]));
    let indirect = world
        .ca
        .list(&[], |list| list.entries = seq(&[revoked(0x2a, &[named])]));
    world.says_with(&indirect, &["not_covered"]);
}

#[test]
fn lists_are_signed_by_keys_that_may() {
    let world = World::new();
    let good = world.ca.list(&[], |_| {});
    let without = world
        .root
        .certify(&world.ca, |ca| ca.set(usage(&[2, 0x04])));
    let lists = [&world.of_root, &good];
    Case::of(&[&world.leaf, &without, &world.anchor])
        .with(&lists)
        .says(&["not_covered"]);
    // Without the extension the RFC lets it sign.
    let open = world.root.certify(&world.ca, |ca| ca.drop(KU));
    let case = Case::of(&[&world.leaf, &open, &world.anchor]).with(&lists);
    assert!(case.judge(Policy::Rfc5280).is_empty());

    // A key for lists alone, of the same name and below the same anchor.
    let signer = world.ca.renewed();
    let only_lists = |serial: u8| {
        world.root.certify(&signer, |ca| {
            ca.set(usage(&[1, 0x02]));
            ca.serial = int(&[serial]);
        })
    };
    let (own, list) = (only_lists(0x12), signer.list(&[], |_| {}));
    let path = [&world.leaf, &world.issuing, &own, &world.anchor];
    Case::of(&path).with(&[&world.of_root, &list]).says(&[]);
    let listed = signer.list(&[0x2a], |_| {});
    Case::of(&path)
        .with(&[&world.of_root, &listed])
        .says(&["revoked"]);
    // It is revoked itself; it may not sign lists; another root knows it.
    let of_root = world.root.list(&[0x12], |_| {});
    Case::of(&path)
        .with(&[&of_root, &list])
        .says(&["not_covered"]);
    let may_not = world.root.certify(&signer, |ca| ca.set(usage(&[2, 0x04])));
    let path = [&world.leaf, &world.issuing, &may_not, &world.anchor];
    Case::of(&path)
        .with(&[&world.of_root, &list])
        .says(&["not_covered"]);
    let stranger = Ca::named("Stranger");
    let foreign = stranger.certify(&signer, |_| {});
    let path = [&world.leaf, &world.issuing, &foreign, &world.anchor];
    Case::of(&path)
        .with(&[&world.of_root, &list])
        .says(&["not_covered"]);
}

/// After a change of its key a CA signs its lists with the new one, and what the
/// old one has issued is covered by them.
#[test]
fn a_ca_with_a_new_key_signs_lists_for_what_the_old_one_has_issued() {
    let world = World::new();
    let renewed = world.ca.renewed();
    let new = world.root.certify(&renewed, |ca| ca.serial = int(&[0x12]));
    // The old key is certified by the new one.
    let old_by_new = renewed.certify(&world.ca, |ca| ca.serial = int(&[0x13]));
    let path = [&world.leaf, &old_by_new, &new, &world.anchor];
    let list = renewed.list(&[], |_| {});
    Case::of(&path).with(&[&world.of_root, &list]).says(&[]);
    let list = renewed.list(&[0x2a], |_| {});
    Case::of(&path)
        .with(&[&world.of_root, &list])
        .says(&["revoked"]);
    let list = renewed.list(&[0x13], |_| {});
    Case::of(&path)
        .with(&[&world.of_root, &list])
        .says(&["revoked"]);
    // The new key is certified by the old one, which signs the lists.
    let new_by_old = world.ca.certify(&renewed, |ca| ca.serial = int(&[0x14]));
    let leaf = renewed.leaf(|_| {});
    let path = [&leaf, &new_by_old, &world.issuing, &world.anchor];
    let list = world.ca.list(&[], |_| {});
    Case::of(&path).with(&[&world.of_root, &list]).says(&[]);
    let list = world.ca.list(&[0x2a], |_| {});
    Case::of(&path)
        .with(&[&world.of_root, &list])
        .says(&["revoked"]);
}

/// As Roles Anywhere has it: where there is no list, nothing is revoked.
#[test]
fn lists_that_need_not_cover_refuse_only_whom_they_list() {
    let world = World::new();
    let judge = |lists: &[Crl]| {
        validate_path(&PathQuery {
            leaf: &world.leaf,
            intermediates: std::slice::from_ref(&world.issuing),
            anchors: std::slice::from_ref(&world.anchor),
            revocation: Revocation::Listed(lists),
            at: at(),
            policy: Policy::RolesAnywhere,
        })
        .map(|path| path.len())
    };
    assert_eq!(judge(&[]), Ok(3));
    assert_eq!(judge(&[world.root.list(&[0x77], |_| {})]), Ok(3));
    let error = judge(&[world.ca.list(&[0x2a], |_| {})]).unwrap_err();
    assert!(error.is_revocation());
    assert_eq!(
        error.to_string(),
        "serial number 2a of CN=web-1 is revoked by the list of CN=CA"
    );
}
