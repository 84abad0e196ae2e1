//! Services that are out, refuse, or are being asked by somebody else.

use super::*;

#[test]
fn f18_a_quiet_day_takes_one_session_for_each_half_life() {
    for (life, calls) in [(900, 192), (HOUR, 48), (12 * HOUR, 4)] {
        for place in [File, Memory] {
            let day = live(&Scene {
                place,
                ..scene(life, &[(0, Grants(0))], &[])
            });
            // Half of a life, within a tick for each.
            let asked = day.asked.len();
            assert!((calls - 2..=calls + 1).contains(&asked), "{life}: {asked}");
            assert_eq!((day.without, day.unread, day.withheld), (0, 0, 0), "{life}");
            // Short ticks, and no tight loop.
            assert!((86_000..87_000).contains(&day.looks), "{}", day.looks);
        }
    }
}

#[test]
fn f11_s2_an_outage_ends_neither_the_keeper_nor_the_credentials() {
    // Ten minutes, from just before a refresh; with a cache and without.
    for (weather, failing) in [(Out(20), 20), (Keeps, 0)] {
        let weather = [(0, Grants(0)), (1790, weather), (2390, Grants(0))];
        let day = live(&scene(HOUR, &weather, &[]));
        assert_eq!(day.without, 0);
        let failed = day.times("failed Passing true");
        assert!((8..=30).contains(&failed.len()), "{failed:?}");
        // Recovered after one try and one pause, and told once; what a cache gave
        // in the meantime is no recovery.
        let recovered = day.times("recovered");
        assert_eq!(recovered.len(), 1);
        let latest = 2390 + unnoticed(failing, PASSING);
        assert!((2390..=latest).contains(&recovered[0]), "{recovered:?}");
        assert!(day.times("ended").is_empty());
        // What is there already is not delivered again.
        let delivered: BTreeSet<_> = day.delivered.iter().map(|(_, id)| id).collect();
        assert_eq!(delivered.len(), day.delivered.len());
    }
}

#[test]
fn l15_credentials_that_end_in_an_outage_are_told_once_and_tried_for_on() {
    let weather = [(0, Grants(0)), (1000, Out(20)), (5 * HOUR, Grants(0))];
    let day = live(&scene(HOUR, &weather, &[]));
    let ended = day.times("ended");
    assert_eq!(ended.len(), 1);
    // Told at the next look, which a try under way puts off.
    assert!((HOUR..=HOUR + 20).contains(&ended[0]), "{ended:?}");
    let recovered = day.times("recovered")[0];
    let latest = 5 * HOUR + unnoticed(20, PASSING);
    assert!((5 * HOUR..=latest).contains(&recovered), "{recovered}");
    // Never more than one try in half of the longest pause, once it is reached.
    let late = day.asked.iter();
    let late = late.filter(|at| (2 * HOUR..5 * HOUR).contains(*at)).count();
    assert!((130..=240).contains(&late), "{late}");
}

#[test]
fn s2_nothing_at_the_start_is_mended_within_a_minute() {
    for place in [File, Memory] {
        let day = live(&Scene {
            place,
            ..scene(HOUR, &[(0, Out(0)), (600, Grants(0))], &[])
        });
        assert!(day.recovery(600) <= unnoticed(0, PASSING));
        assert_eq!(day.withheld, 0);
    }
}

#[test]
fn a_refusal_is_asked_again_less_often_than_an_outage() {
    let tries = |weather| {
        let day = live(&scene(HOUR, &[(0, weather), (6 * HOUR, Grants(0))], &[]));
        assert_eq!(day.times("ended"), [0; 0], "nothing was there");
        day.times("failed").len()
    };
    let (passing, lasting) = (tries(Out(0)), tries(Refuses));
    assert!(lasting * 3 < passing, "{lasting} {passing}");
    assert!(lasting > 60, "{lasting}");
}

/// One section of several must not stay unkept in silence.
#[test]
fn a_defect_is_told_and_does_not_end_the_keeper() {
    for place in [File, Memory] {
        let weather = [(0, Grants(0)), (1000, Panics), (2000, Grants(0))];
        let day = live(&Scene {
            place,
            ..scene(HOUR, &weather, &[])
        });
        assert!(day.times("failed a defect of windlass").len() > 2);
        let latest = 2000 + unnoticed(0, PASSING);
        assert!((2000..=latest).contains(&day.times("recovered")[0]));
        assert_eq!((day.without, day.withheld), (0, 0));
    }
}

#[test]
fn f12_what_another_process_is_replacing_is_not_asked_for_in_a_loop() {
    let weather = [(0, Grants(0)), (1800, Elsewhere), (1860, Grants(0))];
    let day = live(&scene(HOUR, &weather, &[]));
    let asked = day.asked.iter().filter(|at| (1800..1860).contains(*at));
    assert!((3..=8).contains(&asked.count()), "{:?}", day.asked);
    assert!(day.times("unchanged").len() > 2);
    assert!(day.times("failed").is_empty() && day.times("recovered").is_empty());
    assert!(day.recovery(1860) <= unnoticed(0, PASSING));
}
