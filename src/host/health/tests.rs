use crate::key::{KeyType, Signer, SoftwareKey, generate};
use crate::pki::{AttributeType, DistinguishedName, IssuerRef, Kind, SerialNumber, Template};
use crate::store::VersionNumber;

use super::super::issuer::Word;
use super::super::seen::{Exposed, Unusable};
use super::super::shelf::Pair;
use super::super::standing::Standing;
use super::super::state::{InForce, State};
use super::super::terms::KeyPolicy;
use super::super::window::ChangeWindows;
use super::*;
use crate::secret::Secret;

fn at(days: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::days(days)
}

fn name(common: &str) -> DistinguishedName {
    DistinguishedName::build(&[(AttributeType::CommonName, common)])
}

/// A certificate from day 0 to day 30 with its root, to day `until`.
struct Made {
    pem: Vec<u8>,
    leaf: Certificate,
    root: Certificate,
}

fn made(until: i64) -> Made {
    let generated = generate(KeyType::P256, "test").unwrap();
    let root_key = generate(KeyType::P256, "root").unwrap().key;
    let sign = |subject: &str, key: &SoftwareKey, not_after, kind| {
        Template {
            subject: &name(subject),
            public_key: key.public_key(),
            serial: &SerialNumber::from_magnitude(&[7]).unwrap(),
            not_before: at(0),
            not_after,
            kind,
        }
        .sign(&IssuerRef {
            name: &name("Root"),
            signer: &root_key,
            key_identifier: &root_key.public_key().key_identifier(),
        })
        .unwrap()
    };
    let leaf = sign(
        "web",
        &generated.key,
        at(30),
        Kind::Leaf { names: Vec::new() },
    );
    let root = sign("Root", &root_key, at(until), Kind::Root);
    Made {
        pem: generated.to_pem().expose().to_vec(),
        leaf,
        root,
    }
}

fn expected(knows_names: bool, roots: Vec<Certificate>) -> Expected {
    Expected {
        terms: Terms {
            common_name: "web".to_owned(),
            organization: None,
            units: Vec::new(),
            names: Vec::new(),
            key_type: KeyType::P256,
            keys: KeyPolicy::New,
            roots,
            rule: Rule::Usual,
            windows: ChangeWindows(Vec::new()),
            host: "host".to_owned(),
        },
        knows_names,
        fixed: None,
    }
}

fn seen(made: &Made, expected: &Expected, state: State, now: DateTime<Utc>) -> Seen {
    let pair = Pair {
        number: VersionNumber::FIRST,
        key: Secret::new(made.pem.clone()),
        fullchain: crate::pki::encode_pem([&made.leaf]).into_bytes(),
    };
    Seen {
        standing: Standing::of(Some(&pair), state, &expected.terms, now, |_| {
            Word::default()
        }),
        key: KeySeen::Fits,
        others: Vec::new(),
        torn: Vec::new(),
        state: None,
        exposed: Vec::new(),
        files: FilesSeen::None,
    }
}

fn advice() -> Advice {
    Advice {
        renew: "it is renewed so".to_owned(),
        anyway: "it is renewed so anyway".to_owned(),
    }
}

/// What is not in order.
fn judged(expected: &Expected, seen: &Seen, now: DateTime<Utc>) -> Vec<(&'static str, Level)> {
    let exam = Exam {
        expected,
        thresholds: Thresholds::default(),
        advice: &advice(),
        at: now,
    };
    examine(&exam, seen)
        .into_iter()
        .filter(|found| found.level != Level::Ok)
        .map(|found| (found.probe, found.level))
        .collect()
}

/// The days of the table of `schedule`: due from 18½ to 20, overdue on 22½, an
/// emergency on 25. Runs stay away for two days before that is told.
#[test]
fn the_life_of_a_certificate_that_nobody_renews() {
    let made = made(3650);
    let expected = expected(true, vec![made.root.clone()]);
    let days = |day: i64| {
        let now = at(day);
        judged(
            &expected,
            &seen(&made, &expected, State::default(), now),
            now,
        )
    };
    for day in [0, 1, 10, 18, 20] {
        assert_eq!(days(day), [], "day {day}");
    }
    let runs = ("runs", Level::Warning);
    assert_eq!(days(23), [("certificate", Level::Warning), runs]);
    for day in [26, 29, 30, 31, 400] {
        assert_eq!(
            days(day),
            [("certificate", Level::Critical), runs],
            "day {day}"
        );
    }
    assert!(days(-1).contains(&("certificate", Level::Critical)));
}

#[test]
fn roots_and_names_count_where_they_are_known() {
    let other = made(3650);
    let made = made(3650);
    let now = at(1);
    let mut strange = expected(true, vec![other.root]);
    strange.terms.common_name = "db".to_owned();
    let found = judged(&strange, &seen(&made, &strange, State::default(), now), now);
    assert_eq!(
        found,
        [("chain", Level::Critical), ("names", Level::Warning)]
    );
    strange.knows_names = false;
    let found = judged(&strange, &seen(&made, &strange, State::default(), now), now);
    assert_eq!(found, []);
}

#[test]
fn an_issuer_that_ends_sooner_is_told_and_decides() {
    let made = made(10);
    let expected = expected(true, vec![made.root.clone()]);
    let of = |now| {
        let mut state = State::default();
        state.in_force = Some(InForce {
            version: 1,
            obtained: at(0),
            issuer_not_after: Some(made.root.not_after()),
            key_made: at(0),
            replaced: None,
        });
        judged(&expected, &seen(&made, &expected, state, now), now)
    };
    assert_eq!(of(at(1)), [("issuer", Level::Warning)]);
    let found = of(at(11));
    for probe in ["certificate", "chain", "issuer"] {
        assert!(found.contains(&(probe, Level::Critical)), "{found:?}");
    }
}

#[test]
fn what_was_seen_besides_has_its_level() {
    let made = made(3650);
    let expected = expected(true, vec![made.root.clone()]);
    let of = |change: &dyn Fn(&mut Seen)| {
        let mut seen = seen(&made, &expected, State::default(), at(1));
        change(&mut seen);
        judged(&expected, &seen, at(1))
    };
    let said = || "said".to_owned();
    let unusable = |is_denied| Unusable {
        why: said(),
        is_denied,
    };
    let open_to = |to| Exposed { said: said(), to };
    let denied = of(&|seen| seen.key = KeySeen::Denied);
    assert_eq!(denied, [("key", Level::Unknown)]);
    let other = of(&|seen| seen.key = KeySeen::Other);
    assert_eq!(other, [("key", Level::Critical)]);
    let mine = of(&|seen| seen.state = Some(unusable(true)));
    assert_eq!(mine, [("state", Level::Unknown)]);
    let damaged = of(&|seen| seen.state = Some(unusable(false)));
    assert_eq!(damaged, [("state", Level::Warning)]);
    let exposed = of(&|seen| seen.exposed = vec![open_to(Whom::Group)]);
    assert_eq!(exposed, [("modes", Level::Warning)]);
    let to_all = of(&|seen| {
        seen.exposed = vec![open_to(Whom::Group), open_to(Whom::Everybody)];
    });
    assert_eq!(to_all, [("modes", Level::Critical)]);
    let files = of(&|seen| seen.files = FilesSeen::Unknown(said()));
    assert_eq!(files, [("files", Level::Unknown)]);
    let unlisted = of(&|seen| seen.exposed = vec![open_to(Whom::Unknown)]);
    assert_eq!(unlisted, [("modes", Level::Unknown)]);
    let stale = of(&|seen| seen.files = FilesSeen::Stale(vec!["a".into()]));
    assert_eq!(stale, [("files", Level::Warning)]);
}

#[test]
fn margins_are_times_and_shares() {
    let margin = |text: &str| text.parse::<Margin>();
    assert_eq!(margin("20%"), Ok(Margin::Share(20)));
    assert_eq!(margin("100%"), Ok(Margin::Share(100)));
    assert_eq!(margin("7d"), Ok(Margin::Time(TimeDelta::days(7))));
    for wrong in ["", "%", "0%", "101%", "-1%", "20 %", "7", "d", "256%"] {
        assert!(margin(wrong).is_err(), "{wrong}");
    }
}
