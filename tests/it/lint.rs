//! `windlass ca lint`: each rule with a case that breaks it and one that does
//! not, hostile input, and what others say of the same certificates.

pub mod build;
mod certificates;
mod command;
mod judges;
mod lists;
mod signing;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use windlass::pki::lint::{Finding, lint_certificate, lint_crl, lint_file, rules};

use build::{Cert, List};

/// The time for which the cases are judged.
fn at() -> DateTime<Utc> {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule().id()).collect()
}

#[test]
fn what_the_cases_start_from_has_no_finding() {
    for certificate in [Cert::leaf(), Cert::root()] {
        let findings = lint_certificate(&certificate.encode(), at());
        assert!(findings.is_empty(), "{findings:#?}");
    }
    let findings = lint_crl(&List::good().encode(), at());
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn each_rule_has_a_case_that_breaks_it_and_one_that_keeps_it() {
    let mut covered = BTreeSet::new();
    let mut wrong = Vec::new();
    let mut judge = |rule: &'static str, bad: Vec<&str>, good: Vec<&str>| {
        covered.insert(rule);
        if !bad.contains(&rule) {
            wrong.push(format!("{rule} is not found, but {bad:?}"));
        }
        if good.contains(&rule) {
            wrong.push(format!("{rule} is found where it is kept"));
        }
    };
    let certificate = |one: &Cert| ids(&lint_certificate(&one.encode(), at()));
    for (rule, bad, good) in certificates::cases() {
        judge(rule, certificate(&bad), certificate(&good));
    }
    let list = |one: &List| ids(&lint_crl(&one.encode(), at()));
    for (rule, bad, good) in lists::cases() {
        judge(rule, list(&bad), list(&good));
    }
    for (rule, bad, good, anchor) in lists::file_cases() {
        let file = |bytes: &[u8]| {
            let linted = lint_file(bytes, "F", anchor, at()).unwrap();
            linted.iter().flat_map(|one| ids(&one.findings)).collect()
        };
        judge(rule, file(&bad), file(&good));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let all: BTreeSet<&str> = rules().map(windlass::pki::lint::Rule::id).collect();
    assert_eq!(covered, all);
    assert_eq!(all.len(), rules().count(), "two rules have one name");
}

/// What a rule says to do stands in one line, and where it comes from is named.
#[test]
fn rules_tell_their_source_and_the_fix() {
    for rule in rules() {
        let source = rule.source();
        let known = ["RFC ", "X.690 ", "CA/Browser Forum ", "Roles Anywhere "];
        assert!(
            known.iter().any(|begin| source.starts_with(begin)),
            "{rule:?}: {source}"
        );
        let fix = rule.fix();
        assert!(!fix.is_empty() && !fix.ends_with('.'), "{rule:?}: {fix}");
        assert!(!rule.id().starts_with("e_"), "{rule:?}");
    }
}

/// One rule names ten places at most, whatever the input has.
#[test]
fn findings_are_bounded() {
    let mut list = List::good();
    let entries = vec![build::reason(0); 5000];
    list.entries = build::seq(&entries);
    let findings = lint_crl(&list.encode(), at());
    assert!(findings.len() < 40, "{}", findings.len());
    let more = findings.iter().find(|one| one.place() == "…").unwrap();
    assert!(
        more.message().starts_with("the same in 49"),
        "{}",
        more.message()
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    })]

    /// Nothing that is done to a certificate or a list makes the linter panic,
    /// and what is cut short is always told.
    #[test]
    fn damage_is_survived(
        which in 0_usize..3,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut encoded = match which {
            0 => Cert::leaf().encode(),
            1 => Cert::root().encode(),
            _ => List::good().encode(),
        };
        for (place, octet) in changes {
            let place = place.index(encoded.len());
            encoded[place] = octet;
        }
        let length = encoded.len();
        if let Some(cut) = cut {
            encoded.truncate(cut.index(length));
        }
        let found = [
            lint_certificate(&encoded, at()),
            lint_crl(&encoded, at()),
        ];
        let _ = lint_file(&encoded, "F", true, at());
        // A certificate is no list, and the other way round.
        prop_assert!(found.iter().any(|findings| !findings.is_empty()));
    }

    #[test]
    fn noise_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = lint_certificate(&bytes, at());
        let _ = lint_crl(&bytes, at());
        let _ = lint_file(&bytes, "F", false, at());
    }
}
