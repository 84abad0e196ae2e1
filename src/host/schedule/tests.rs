//! Due times, urgency, and a fleet.

use proptest::prelude::*;

use crate::pki::SerialNumber;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn life(seconds: i64) -> Life {
    Life {
        obtained: at(0),
        not_after: at(seconds),
        issuer_not_after: None,
    }
}

fn due(life: Life, rule: Rule) -> Due {
    let serial = SerialNumber::from_magnitude(&[1, 2, 3]).unwrap();
    life.due(
        rule,
        &Whose {
            serial: Some(&serial),
            host: "host",
        },
    )
}

fn nominal(life: Life, rule: Rule) -> (i64, Cause) {
    let due = due(life, rule);
    assert_eq!(due.at, due.nominal - due.jitter);
    ((due.nominal - at(0)).num_seconds(), due.cause)
}

#[test]
fn two_thirds_or_half_of_the_life_must_be_over() {
    let usual = |seconds| nominal(life(seconds), Rule::Usual);
    assert_eq!(usual(30 * DAY), (20 * DAY, Cause::TwoThirds));
    assert_eq!(usual(10 * DAY), (10 * DAY - 288_000, Cause::TwoThirds));
    assert_eq!(usual(10 * DAY - 2), (5 * DAY - 1, Cause::Half));
    assert_eq!(usual(24 * HOUR), (12 * HOUR, Cause::Half));
}

#[test]
fn a_margin_that_was_asked_for_replaces_the_share() {
    let within = |margin| nominal(life(30 * DAY), Rule::Within(TimeDelta::seconds(margin)));
    assert_eq!(within(7 * DAY), (23 * DAY, Cause::Within));
    assert_eq!(within(27 * DAY), (3 * DAY, Cause::Within));
    assert_eq!(within(0), (30 * DAY, Cause::Within));
    // Each run would renew.
    for margin in [27 * DAY + 1, 30 * DAY, 45 * DAY] {
        assert_eq!(within(margin), (3 * DAY, Cause::WithinTooLong));
    }
    let endless = nominal(life(30 * DAY), Rule::Within(TimeDelta::MAX));
    assert_eq!(endless, (3 * DAY, Cause::WithinTooLong));
}

#[test]
fn an_issuer_that_ends_first_makes_it_earlier() {
    let by = |issuer| Life {
        issuer_not_after: Some(at(issuer)),
        ..life(30 * DAY)
    };
    let (soon, cause) = nominal(by(12 * DAY), Rule::Usual);
    assert_eq!((soon, cause), (8 * DAY, Cause::IssuerEnds));
    let (later, cause) = nominal(by(40 * DAY), Rule::Usual);
    assert_eq!((later, cause), (20 * DAY, Cause::TwoThirds));
    let due = due(by(12 * DAY), Rule::Within(TimeDelta::days(2)));
    assert_eq!((due.nominal, due.cause), (at(10 * DAY), Cause::IssuerEnds));
    assert_eq!(due.urgency(at(12 * DAY)), Urgency::Expired);
}

#[test]
fn the_longer_it_waits_the_more_urgent_it_is() {
    for (whole, overdue, emergency) in [
        (30 * DAY, 22 * DAY + 12 * HOUR, 25 * DAY),
        (24 * HOUR, 15 * HOUR, 20 * HOUR),
    ] {
        let due = due(life(whole), Rule::Usual);
        let from = [
            (due.life.obtained, Urgency::Healthy),
            (due.at, Urgency::Due),
            (at(overdue + 1), Urgency::Overdue),
            (at(emergency + 1), Urgency::Emergency),
            (at(whole), Urgency::Expired),
        ];
        for (place, (moment, urgency)) in from.iter().enumerate() {
            assert_eq!(due.urgency(*moment), *urgency, "{whole} {place}");
            if let Some((next, _)) = from.get(place + 1) {
                let just_before = *next - TimeDelta::seconds(1);
                assert_eq!(due.urgency(just_before), *urgency, "{whole} {place}");
            }
        }
    }
}

#[test]
fn there_is_no_emergency_before_it_is_due() {
    let due = due(life(30 * DAY), Rule::Within(TimeDelta::days(1)));
    assert_eq!(due.urgency(at(28 * DAY)), Urgency::Healthy);
    assert_eq!(due.urgency(at(29 * DAY)), Urgency::Due);
    assert_eq!(due.urgency(at(29 * DAY + 7 * HOUR)), Urgency::Overdue);
    assert_eq!(due.urgency(at(29 * DAY + 13 * HOUR)), Urgency::Emergency);
}

#[test]
fn a_clock_that_was_set_back_makes_it_due() {
    let month = due(life(30 * DAY), Rule::Usual);
    // The clocks of host and authority may differ.
    assert_eq!(month.urgency(at(-36 * HOUR)), Urgency::Healthy);
    assert_eq!(month.urgency(at(-36 * HOUR - 1)), Urgency::Due);
    assert_eq!(month.urgency(DateTime::UNIX_EPOCH), Urgency::Due);
    assert!(month.is_doubtful(DateTime::UNIX_EPOCH) && !month.is_doubtful(at(0)));
    let hour = due(life(HOUR), Rule::Usual);
    assert_eq!(hour.urgency(at(-300)), Urgency::Healthy);
    assert_eq!(hour.urgency(at(-301)), Urgency::Due);
    // Obtained when the clock was years ahead.
    let ended = due(life(-3 * 365 * DAY), Rule::Usual);
    assert_eq!(ended.urgency(at(-4 * 365 * DAY)), Urgency::Due);
    assert_eq!(ended.urgency(at(0)), Urgency::Expired);
    assert_eq!(ended.jitter, TimeDelta::zero());
}

#[test]
fn it_is_told_again_at_each_rung_below_what_was_left_when_it_was_due() {
    let due = due(life(30 * DAY), Rule::Usual);
    let rung = |left| due.rung(at(30 * DAY - left)).map(|rung| rung.num_seconds());
    assert_eq!(rung(29 * DAY), None);
    assert_eq!(rung(7 * DAY + 1), None);
    assert_eq!(rung(7 * DAY), Some(7 * DAY));
    assert_eq!(rung(2 * DAY), Some(2 * DAY));
    assert_eq!(rung(30 * 60), Some(HOUR));
    assert_eq!(rung(0), Some(0));
    assert_eq!(rung(-DAY), Some(0));
}

#[test]
fn every_look_finds_the_same_time() {
    let first = due(life(30 * DAY), Rule::Usual);
    for _ in 0..1000 {
        assert_eq!(due(life(30 * DAY), Rule::Usual), first);
    }
}

/// 2,000 hosts that were enrolled within one minute.
fn fleet(whole: i64) -> Vec<Due> {
    (0..2000u32)
        .map(|number| {
            let octets = [&[1][..], &number.to_be_bytes()].concat();
            let serial = SerialNumber::from_magnitude(&octets).unwrap();
            let obtained = at(i64::from(number % 60));
            let life = Life {
                obtained,
                not_after: obtained + TimeDelta::seconds(whole),
                issuer_not_after: None,
            };
            let whose = Whose {
                serial: Some(&serial),
                host: &format!("host-{number}"),
            };
            life.due(Rule::Usual, &whose)
        })
        .collect()
}

#[test]
fn a_fleet_is_spread_evenly_over_a_twentieth_of_the_life() {
    let whole = 30 * DAY;
    let span = whole / 20;
    let mut bins = [0u32; 20];
    for due in fleet(whole) {
        let jitter = due.jitter.num_seconds();
        assert!((0..span).contains(&jitter), "{jitter}");
        bins[usize::try_from(jitter * 20 / span).unwrap()] += 1;
    }
    // 100 are expected in each. The sum of squares is that of a chi-squared test
    // with 19 degrees of freedom, which exceeds 43.8 once in a thousand times; the
    // hosts are the same each time.
    let squares: u32 = bins.iter().map(|bin| bin.abs_diff(100).pow(2)).sum();
    assert!(squares < 4380, "{bins:?}");
}

#[test]
fn hosts_of_one_minute_do_not_come_back_in_one_minute() {
    for whole in [30 * DAY, DAY] {
        let mut of_minute = std::collections::BTreeMap::<i64, u32>::new();
        for due in fleet(whole) {
            *of_minute.entry(due.at.timestamp() / 60).or_default() += 1;
        }
        let expected = u32::try_from(2000 * 60 / (whole / 20)).unwrap();
        let most = of_minute.values().copied().max().unwrap();
        assert!(most <= 2 * expected + 10, "{most} instead of {expected}");
    }
}

/// With a number that is drawn anew at each look, frequent looks would narrow the
/// spread.
#[test]
fn the_spread_does_not_depend_on_how_often_it_is_looked() {
    let span = 36 * HOUR;
    for every in [60, 15 * 60, 6 * HOUR] {
        let acted = fleet(30 * DAY).into_iter().map(|due| {
            let first = (20 * DAY - span) / every * every;
            let mut now = due.life.obtained + TimeDelta::seconds(first);
            while !due.urgency(now).is_due() {
                now += TimeDelta::seconds(every);
            }
            now.timestamp()
        });
        let acted: Vec<i64> = acted.collect();
        let width = acted.iter().max().unwrap() - acted.iter().min().unwrap();
        // The looks of hosts that were enrolled within a minute are as far apart.
        let widths = span - every - span / 100..=span + every + 60;
        assert!(widths.contains(&width), "{every}: {width}");
    }
}

proptest! {
    #[test]
    fn it_is_due_within_its_life_and_ever_more_urgent(
        whole in 1i64..4000 * DAY,
        issuer in proptest::option::of(1i64..4000 * DAY),
        margin in proptest::option::of(0i64..4000 * DAY),
        host in "[a-z0-9]{0,32}",
        one in -1000 * DAY..5000 * DAY,
        other in 0i64..1000 * DAY,
    ) {
        let life = Life { issuer_not_after: issuer.map(at), ..life(whole) };
        let rule = margin.map_or(Rule::Usual, |margin| Rule::Within(TimeDelta::seconds(margin)));
        let due = life.due(rule, &Whose { serial: None, host: &host });
        prop_assert!(due.at > life.obtained - TimeDelta::seconds(1) && due.at <= due.nominal);
        prop_assert!(due.nominal <= life.ends());
        prop_assert!(due.jitter <= life.whole() / SPREAD);
        // The clock is right again from the beginning on.
        let (one, other) = (at(one.max(0)), at(one.max(0) + other));
        prop_assert!(due.urgency(one) <= due.urgency(other));
        prop_assert_eq!(due.urgency(one).is_due(), one >= due.at);
        prop_assert_eq!(due.urgency(one) == Urgency::Expired, one >= life.ends());
    }

    #[test]
    fn no_time_makes_it_panic(
        obtained in any::<i32>(),
        not_after in -62_135_596_800i64..253_402_300_800,
        now in -62_135_596_800i64..253_402_300_800,
        margin in any::<i64>(),
    ) {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let life = Life {
            obtained: time(i64::from(obtained)),
            not_after: time(not_after),
            issuer_not_after: None,
        };
        let margin = TimeDelta::milliseconds(margin.max(-i64::MAX));
        for rule in [Rule::Usual, Rule::Within(margin)] {
            let due = due(life, rule);
            let _ = (due.urgency(time(now)), due.rung(time(now)));
        }
    }
}
