//! Hosts that sleep, and clocks that are set.

use super::*;

#[test]
fn f13_l14_after_a_suspend_the_session_is_replaced_at_the_next_tick() {
    let fates = [(600, Suspend(2 * HOUR)), (9 * HOUR, Suspend(HOUR / 2))];
    let day = good_day(HOUR, &fates);
    let woke = 600 + 2 * HOUR;
    let next = day.asked.iter().find(|at| **at > 600).unwrap();
    assert!((woke..=woke + 1).contains(next), "{next}");
    // The tick itself.
    assert!(day.without <= 2, "{}", day.without);
}

#[test]
fn l14_a_clock_that_is_set_wrong_and_right_again_never_lets_a_session_end() {
    for by in [-DAY, -2 * HOUR, -600, 600, 2 * HOUR, 400 * DAY] {
        let fates = [(3 * HOUR, Set(by)), (9 * HOUR, Set(-by))];
        let day = good_day(HOUR, &fates);
        assert_eq!(day.without, 0, "{by}");
        // An hour ahead every session looks ended: one try a minute at most.
        assert!(day.asked.len() < 800, "{by}: {}", day.asked.len());
        let back = if by < 0 { 3 * HOUR } else { 9 * HOUR };
        let told = day.times("set back");
        assert_eq!(told.len(), 1, "{by}");
        assert!((back..back + 2).contains(&told[0]), "{by}: {told:?}");
        let asked = day.asked.iter().find(|at| **at >= back).unwrap();
        assert!(*asked < back + 2, "{by}: a new session at {asked}");
    }
}

#[test]
fn a_clock_set_back_in_an_outage_does_not_stop_the_tries() {
    let weather = [(0, Grants(0)), (1000, Out(20)), (3000, Grants(0))];
    let day = live(&scene(HOUR, &weather, &[(2000, Set(-DAY))]));
    assert_eq!(day.without, 0);
    let recovered = day.times("recovered")[0];
    let latest = 3000 + unnoticed(20, PASSING);
    assert!((3000..=latest).contains(&recovered), "{recovered}");
}

/// What a time service does to a virtual machine must not cost a session each.
#[test]
fn steps_of_a_time_service_are_no_clock_that_was_set_back() {
    let fates: Vec<_> = (1..1000).map(|n| (n * 60, Set(1 - 2 * (n % 2)))).collect();
    let day = good_day(HOUR, &fates);
    assert!(day.asked.len() <= 49, "{}", day.asked.len());
    assert!(day.times("set back").is_empty());
}
