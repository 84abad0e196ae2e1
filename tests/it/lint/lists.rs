//! The same for rules about revocation lists, and about files.

use super::build::*;

fn list(change: impl FnOnce(&mut List)) -> List {
    let mut list = List::good();
    change(&mut list);
    list
}

fn entries(entries: &[Vec<u8>]) -> List {
    list(|one| one.entries = seq(entries))
}

fn with(extension: Extension) -> List {
    list(|one| one.set(extension))
}

fn plain(serial: &[u8]) -> Vec<u8> {
    entry(serial, utc("260401000000Z"), &[])
}

fn saying(extension: Extension) -> List {
    entries(&[entry(&[7], utc("260401000000Z"), &[extension])])
}

pub fn cases() -> Vec<(&'static str, List, List)> {
    let mut cases = frame();
    cases.extend(entry_rules());
    cases.extend(extension_rules());
    cases
}

fn frame() -> Vec<(&'static str, List, List)> {
    let good = List::good;
    let both = |encoded: Vec<u8>| {
        list(|one| {
            one.inner.clone_from(&encoded);
            one.outer = encoded;
        })
    };
    let this = |time: Vec<u8>| list(|one| one.this_update = time);
    let next = |time: Vec<u8>| list(|one| one.next_update = time);
    let many = |count: u32| {
        let serials = (0..count).map(|number| plain(&[&[1][..], &number.to_be_bytes()].concat()));
        entries(&serials.collect::<Vec<_>>())
    };
    vec![
        ("not_crl", this(int(&[1])), good()),
        ("crl_version", list(|one| one.version = Vec::new()), good()),
        (
            "crl_signature_algorithms_differ",
            list(|one| one.outer = rsa_sha256()),
            both(rsa_sha256()),
        ),
        (
            "crl_signature_weak",
            both(seq(&[oid("1.2.840.10045.4.1")])),
            good(),
        ),
        (
            "crl_signature_parameters",
            both(seq(&[oid("1.2.840.113549.1.1.11")])),
            both(rsa_sha256()),
        ),
        (
            "crl_issuer_empty",
            list(|one| one.issuer = seq(&[])),
            good(),
        ),
        ("crl_time_form", this(utc("2605010000Z")), good()),
        (
            "crl_time_form",
            next(generalized("20300101000000Z")),
            next(generalized("20500101000000Z")),
        ),
        ("crl_next_update_missing", next(Vec::new()), good()),
        (
            "crl_update_order",
            next(utc("260501000000Z")),
            next(utc("260501000001Z")),
        ),
        (
            "crl_expired",
            next(utc("260531235959Z")),
            next(utc("260601000000Z")),
        ),
        (
            "crl_from_the_future",
            this(utc("260601000001Z")),
            this(utc("260601000000Z")),
        ),
        ("crl_too_large", many(12_000), many(9_000)),
    ]
}

fn entry_rules() -> Vec<(&'static str, List, List)> {
    let good = List::good;
    let code = |number: u8| ext(REASON, false, tlv(10, &[number]));
    let date = |time: Vec<u8>| ext(INVALIDITY, false, time);
    vec![
        (
            "crl_entries_empty",
            entries(&[]),
            list(|one| one.entries = Vec::new()),
        ),
        (
            "crl_without_entries",
            list(|one| one.entries = Vec::new()),
            good(),
        ),
        (
            "crl_entry_duplicate",
            entries(&[plain(&[7]), plain(&[7])]),
            entries(&[plain(&[7]), plain(&[8])]),
        ),
        (
            "crl_entry_serial",
            entries(&[plain(&[0])]),
            entries(&[plain(&[1])]),
        ),
        (
            "crl_entry_serial",
            entries(&[plain(&[0xff])]),
            entries(&[plain(&[1])]),
        ),
        (
            "crl_entry_serial",
            entries(&[plain(&[1; 21])]),
            entries(&[plain(&[1; 20])]),
        ),
        (
            "crl_entry_future",
            entries(&[entry(&[7], utc("260501000001Z"), &[])]),
            entries(&[entry(&[7], utc("260501000000Z"), &[])]),
        ),
        (
            "crl_entry_extensions_version",
            list(|one| one.version = Vec::new()),
            good(),
        ),
        (
            "crl_reason_unspecified",
            entries(&[reason(0)]),
            entries(&[reason(1)]),
        ),
        (
            "crl_reason_unknown",
            entries(&[reason(7)]),
            entries(&[reason(6)]),
        ),
        (
            "crl_reason_unknown",
            entries(&[reason(11)]),
            entries(&[reason(10)]),
        ),
        (
            "crl_reason_unknown",
            saying(ext(REASON, false, int(&[1]))),
            saying(code(1)),
        ),
        (
            "crl_reason_critical",
            saying(ext(REASON, true, tlv(10, &[1]))),
            saying(code(1)),
        ),
        (
            "crl_remove_from_full",
            entries(&[reason(8)]),
            list(|one| {
                one.entries = seq(&[reason(8)]);
                one.set(ext(DELTA, true, int(&[6])));
            }),
        ),
        (
            "crl_invalidity_date",
            saying(date(utc("260101000000Z"))),
            saying(date(generalized("20260101000000Z"))),
        ),
        (
            "crl_invalidity_date",
            saying(ext(INVALIDITY, true, generalized("20260101000000Z"))),
            good(),
        ),
        (
            "crl_entry_critical",
            saying(ext("2.5.29.29", true, seq(&[]))),
            saying(ext("2.5.29.29", false, seq(&[]))),
        ),
    ]
}

fn extension_rules() -> Vec<(&'static str, List, List)> {
    let good = List::good;
    let foreign = "1.3.6.1.4.1.99999.1";
    let number = |octets: &[u8]| with(ext(CRL_NUMBER, false, int(octets)));
    vec![
        (
            "crl_authority_key_identifier_missing",
            list(|one| one.drop(AKI)),
            good(),
        ),
        (
            "crl_authority_key_identifier_missing",
            with(ext(AKI, false, seq(&[]))),
            good(),
        ),
        (
            "crl_number_missing",
            list(|one| one.drop(CRL_NUMBER)),
            good(),
        ),
        (
            "crl_number_critical",
            with(ext(CRL_NUMBER, true, int(&[7]))),
            good(),
        ),
        ("crl_number_form", number(&[0xff]), number(&[0])),
        ("crl_number_form", number(&[1; 21]), number(&[1; 20])),
        (
            "crl_extension_duplicate",
            list(|one| one.extensions.push(ext(CRL_NUMBER, false, int(&[8])))),
            good(),
        ),
        (
            "crl_extension_unknown_critical",
            with(ext(foreign, true, vec![5, 0])),
            with(ext(foreign, false, vec![5, 0])),
        ),
        (
            "crl_idp_not_critical",
            with(ext(IDP, false, seq(&[]))),
            with(ext(IDP, true, seq(&[]))),
        ),
        (
            "crl_delta_not_critical",
            with(ext(DELTA, false, int(&[1]))),
            with(ext(DELTA, true, int(&[1]))),
        ),
        ("crl_partial", with(ext(DELTA, true, int(&[1]))), good()),
        ("crl_partial", with(ext(IDP, true, seq(&[]))), good()),
    ]
}

/// A rule about files, a file that breaks it and one that keeps it, and whether
/// both are to be the bundles of trust anchors.
pub type FileCase = (&'static str, Vec<u8>, Vec<u8>, bool);

fn pem(label: &str, blocks: &[Vec<u8>]) -> Vec<u8> {
    let blocks: Vec<pem::Pem> = blocks
        .iter()
        .map(|block| pem::Pem::new(label, block.clone()))
        .collect();
    pem::encode_many(&blocks).into_bytes()
}

fn bundle(certificates: &[Cert]) -> Vec<u8> {
    let encoded: Vec<Vec<u8>> = certificates.iter().map(Cert::encode).collect();
    pem("CERTIFICATE", &encoded)
}

/// A certificate of `subject`, issued by `issuer`.
fn issued(subject: &str, issuer: &str, base: Cert) -> Cert {
    Cert {
        subject: common_name(subject),
        issuer: common_name(issuer),
        ..base
    }
}

pub fn file_cases() -> Vec<FileCase> {
    let root = || issued("R", "R", Cert::root());
    let ca = |subject: &str, issuer: &str| issued(subject, issuer, Cert::root());
    let leaf = || issued("web-1", "I", Cert::leaf());
    let other = || issued("S", "S", Cert::root());
    let third = || issued("T", "T", Cert::root());
    let large = || {
        let mut root = root();
        root.key = rsa_key(&modulus(64_000), &[1, 0, 1]);
        root
    };
    let line = |length: usize| {
        let mut certificates = vec![issued("web-1", "I0", Cert::leaf())];
        certificates
            .extend((0..length).map(|depth| ca(&format!("I{depth}"), &format!("I{}", depth + 1))));
        bundle(&certificates)
    };
    let crl = List::good().encode();
    vec![
        ("anchor_not_ca", bundle(&[leaf()]), bundle(&[root()]), true),
        (
            "anchor_too_many",
            bundle(&[root(), other(), third()]),
            bundle(&[root(), other()]),
            true,
        ),
        ("anchor_large", bundle(&[large()]), bundle(&[root()]), true),
        (
            "bundle_duplicate",
            bundle(&[leaf(), leaf()]),
            bundle(&[leaf()]),
            false,
        ),
        (
            "chain_order",
            bundle(&[leaf(), other()]),
            bundle(&[leaf(), ca("I", "R")]),
            false,
        ),
        (
            "chain_order",
            bundle(&[leaf(), root(), ca("I", "R")]),
            bundle(&[root(), other()]),
            false,
        ),
        ("chain_long", line(6), line(5), false),
        (
            "chain_with_root",
            bundle(&[leaf(), ca("I", "R"), root()]),
            bundle(&[leaf(), ca("I", "R")]),
            false,
        ),
        ("crl_not_pem", crl.clone(), pem("X509 CRL", &[crl]), false),
    ]
}
