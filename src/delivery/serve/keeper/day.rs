//! A simulated day: the clock of a host that sleeps, is set wrong and set right
//! again, and a service that is out, refuses and hangs. Each second is looked
//! at, and none is waited for.

use chrono::{DateTime, Utc};

use super::{Health, Keeper};
use crate::delivery::{Failure, Prospect, Session};
use crate::rolesanywhere::SessionCredentials;
use crate::secret::Secret;

const DAY: i64 = 86_400;

/// What the service does during a part of the day.
#[derive(Clone, Copy)]
enum Weather {
    /// It grants after so many seconds.
    Grants(i64),
    /// It fails after so many seconds, and that may pass.
    Out(i64),
    /// It refuses at once, and somebody has to change something.
    Refuses,
}

/// One day: what the service does from which second on, when the host sleeps,
/// and how far its clock is off from when on. Seconds since the day's begin.
struct Scene {
    life: i64,
    weather: &'static [(i64, Weather)],
    sleeps: &'static [(i64, i64)],
    clock: &'static [(i64, i64)],
}

/// What was seen.
#[derive(Debug, Default)]
struct Seen {
    calls: u64,
    /// Seconds awake in which readers had nothing although a granted session had
    /// not ended.
    withheld: i64,
    /// Seconds awake without a session.
    without: i64,
    /// The first second after each of which a session was granted.
    granted: Vec<i64>,
    reasons: std::collections::BTreeSet<String>,
}

fn last<T: Copy>(steps: &[(i64, T)], second: i64) -> Option<T> {
    steps
        .iter()
        .rev()
        .find(|(from, _)| *from <= second)
        .map(|(_, value)| *value)
}

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap()
}

fn session(obtained: DateTime<Utc>, ends: DateTime<Utc>) -> Session {
    Session {
        credentials: SessionCredentials {
            access_key_id: "ASIAX".to_owned(),
            secret_access_key: Secret::from("s".to_owned()),
            session_token: Secret::from("t".to_owned()),
            expiration: ends,
        },
        obtained,
        role: "arn:aws:iam::123456789012:role/backup".parse().unwrap(),
    }
}

fn failure(prospect: Prospect) -> Failure {
    Failure {
        message: format!("{prospect:?}"),
        hint: None,
        code: 5,
        prospect,
    }
}

fn live(scene: &Scene) -> Seen {
    let mut seen = Seen::default();
    let mut keeper = Keeper::new(at(0));
    // When the answer that is awaited comes, and which it is.
    let mut awaited: Option<(i64, Weather)> = None;
    // The true ends of what was granted.
    let mut ends = Vec::new();
    for second in 0..DAY {
        let asleep = scene
            .sleeps
            .iter()
            .any(|(from, to)| (*from..*to).contains(&second));
        if asleep {
            continue;
        }
        let now = at(second + last(scene.clock, second).unwrap_or(0));
        if let Some((comes, weather)) = awaited
            && second >= comes
        {
            awaited = None;
            let answer = match weather {
                Weather::Grants(_) => {
                    ends.push(at(second + scene.life));
                    seen.granted.push(second);
                    Ok((session(now, at(second + scene.life)), None))
                }
                Weather::Out(_) => Err(failure(Prospect::Passing)),
                Weather::Refuses => Err(failure(Prospect::Lasting)),
            };
            keeper.answered(answer, now, 1.0);
        }
        if awaited.is_none() && keeper.is_due(now) {
            seen.calls += 1;
            keeper.asking(now);
            let weather = last(scene.weather, second).unwrap();
            let delay = match weather {
                Weather::Grants(delay) | Weather::Out(delay) => delay,
                Weather::Refuses => 0,
            };
            awaited = Some((second + delay, weather));
        }
        let view = keeper.view();
        match view.current(now) {
            Some(session) => assert!(now < session.credentials.expiration),
            None => {
                seen.without += 1;
                if ends.iter().any(|end| now < *end) {
                    seen.withheld += 1;
                }
                match view.health(now) {
                    Health::Unavailable(reason) => {
                        assert!(!reason.is_empty());
                        seen.reasons.insert(reason);
                    }
                    other => panic!("{other:?} without a session at {second}"),
                }
            }
        }
    }
    seen
}

/// The longest time after `second` until a session was granted.
fn recovery(seen: &Seen, second: i64) -> i64 {
    let next = seen.granted.iter().find(|granted| **granted >= second);
    next.map_or(i64::MAX, |granted| granted - second)
}

#[test]
fn a_quiet_day_takes_one_call_for_each_half_life() {
    for (life, calls) in [(900, 192), (3600, 48), (43_200, 4)] {
        let seen = live(&Scene {
            life,
            weather: &[(0, Weather::Grants(0))],
            sleeps: &[],
            clock: &[],
        });
        // F18: half of a life, within a tick for each.
        assert!(
            (calls - 2..=calls + 1).contains(&seen.calls),
            "{life}: {seen:?}"
        );
        assert_eq!((seen.without, seen.withheld), (1, 0), "{life}: {seen:?}");
    }
}

#[test]
fn f15_s2_a_day_of_outages_refusals_sleep_and_wrong_clocks() {
    const OUT: i64 = 3 * 3600;
    const BACK: i64 = 3 * 3600 + 25 * 60;
    const LONG_OUT: i64 = 6 * 3600;
    const LONG_BACK: i64 = 8 * 3600;
    const REFUSED: i64 = 12 * 3600;
    const ALLOWED: i64 = 14 * 3600;
    let seen = live(&Scene {
        life: 3600,
        weather: &[
            (0, Weather::Grants(1)),
            (OUT, Weather::Out(45)),
            (BACK, Weather::Grants(20)),
            (LONG_OUT, Weather::Out(10)),
            (LONG_BACK, Weather::Grants(1)),
            (REFUSED, Weather::Refuses),
            (ALLOWED, Weather::Grants(0)),
        ],
        // A lid closed over lunch, and over night.
        sleeps: &[(36_000, 39_000), (60_000, 75_000)],
        // Five minutes ahead, an hour behind, right again.
        clock: &[(78_000, 300), (80_000, -3600), (83_000, 0)],
    });
    assert_eq!(seen.withheld, 0, "{seen:?}");
    // An outage shorter than what is kept in reserve is not noticed; of the
    // others only what is beyond it.
    let long = LONG_BACK - LONG_OUT - 1800;
    let refused = ALLOWED - REFUSED - 1800;
    assert!(seen.without < long + refused + 900, "{seen:?}");
    // A minute is the longest pause while it may pass, five when somebody has to
    // mend it; then comes the service's own delay.
    assert!(recovery(&seen, BACK) <= 45 + 60 + 20, "{seen:?}");
    assert!(recovery(&seen, LONG_BACK) <= 10 + 60 + 1, "{seen:?}");
    assert!(recovery(&seen, ALLOWED) <= 300 + 1, "{seen:?}");
    // Awake again, with a session that has ended meanwhile: at once.
    assert!(recovery(&seen, 75_000) <= 1, "{seen:?}");
    // Every reason that readers were given is one.
    assert!(seen.reasons.contains("Passing"), "{seen:?}");
    assert!(seen.reasons.contains("Lasting"), "{seen:?}");
    // 48 on a quiet day; 60 in an hour without a session at most.
    assert!(seen.calls < 48 + 60 * 3 + 12 * 3, "{seen:?}");
}

#[test]
fn s2_nothing_at_the_start_is_mended_within_a_minute() {
    let seen = live(&Scene {
        life: 3600,
        weather: &[(0, Weather::Out(0)), (600, Weather::Grants(0))],
        sleeps: &[],
        clock: &[],
    });
    assert!(recovery(&seen, 600) <= 60, "{seen:?}");
    assert_eq!(seen.withheld, 0);
}

#[test]
fn f13_l14_a_clock_that_is_set_back_does_not_make_a_pause_longer() {
    let mut keeper = Keeper::new(at(0));
    assert!(keeper.is_due(at(0)));
    keeper.answered(Err(failure(Prospect::Passing)), at(0), 1.0);
    assert!(!keeper.is_due(at(1)));
    // A day back: the pause of two seconds begins anew.
    assert!(!keeper.is_due(at(-DAY)));
    assert!(keeper.is_due(at(-DAY + 2)));
}

#[test]
fn f12_a_session_that_has_ended_when_it_comes_is_a_failure_with_a_pause() {
    let mut keeper = Keeper::new(at(0));
    keeper.answered(Ok((session(at(0), at(3600)), None)), at(0), 0.0);
    keeper.answered(Ok((session(at(1800), at(1799)), None)), at(1800), 0.0);
    // What was good stays.
    assert!(keeper.view().current(at(1800)).is_some());
    assert!(matches!(
        keeper.view().health(at(1800)),
        Health::Degraded(_)
    ));
    assert!(!keeper.is_due(at(1800)));
    assert_eq!(keeper.view().tally.failed, 1);
}

#[test]
fn f12_a_session_that_is_due_when_it_comes_is_not_asked_for_in_a_loop() {
    let mut keeper = Keeper::new(at(0));
    // What a cache gives while AWS is out: good, and due.
    keeper.answered(Ok((session(at(-3000), at(600)), None)), at(0), 0.0);
    assert!(keeper.view().current(at(0)).is_some());
    assert!(matches!(keeper.view().health(at(0)), Health::Degraded(_)));
    assert!(!keeper.is_due(at(29)));
    assert!(keeper.is_due(at(30)));
}

#[test]
fn a_session_that_ends_earlier_does_not_take_the_place_of_a_better_one() {
    let mut keeper = Keeper::new(at(0));
    keeper.answered(Ok((session(at(0), at(3600)), None)), at(0), 0.0);
    keeper.answered(Ok((session(at(-3000), at(600)), None)), at(1), 0.0);
    let held = keeper.view().current(at(1)).unwrap();
    assert_eq!(held.credentials.expiration, at(3600));
    // One that is fresh does, even when it lasts less: the profile was changed.
    keeper.answered(Ok((session(at(2), at(902)), None)), at(2), 0.0);
    let held = keeper.view().current(at(2)).unwrap();
    assert_eq!(held.credentials.expiration, at(902));
}

#[test]
fn what_a_cache_has_kept_is_used_and_is_no_new_session() {
    let mut keeper = Keeper::new(at(0));
    let old = || session(at(-3000), at(600));
    keeper.answered(Ok((old(), Some(failure(Prospect::Passing)))), at(0), 1.0);
    assert!(keeper.view().current(at(0)).is_some());
    let degraded = Health::Degraded("Passing".to_owned());
    assert_eq!(keeper.view().health(at(0)), degraded);
    assert_eq!(
        (keeper.view().tally.granted, keeper.view().tally.failed),
        (0, 1)
    );
    assert_eq!(keeper.next(), at(2));
    // It is not put in its own place again: documents are written once.
    let first = keeper.view().session.clone().unwrap();
    keeper.answered(Ok((old(), Some(failure(Prospect::Passing)))), at(2), 1.0);
    let second = keeper.view().session.clone().unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second));
    // When it has ended, the reason is what readers get.
    let gone = Health::Unavailable("Passing".to_owned());
    assert_eq!(keeper.view().health(at(600)), gone);
}
