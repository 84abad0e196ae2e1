//! All of it in one day.

use super::*;

#[test]
fn f15_s2_a_day_of_outages_refusals_sleep_and_wrong_clocks() {
    const OUT: i64 = 3 * HOUR;
    const BACK: i64 = 3 * HOUR + 25 * 60;
    const LONG_OUT: i64 = 6 * HOUR;
    const LONG_BACK: i64 = 8 * HOUR;
    const REFUSED: i64 = 12 * HOUR;
    const ALLOWED: i64 = 14 * HOUR;
    let weather = [
        (0, Grants(1)),
        (OUT, Out(45)),
        (BACK, Grants(20)),
        (LONG_OUT, Out(10)),
        (LONG_BACK, Grants(1)),
        (REFUSED, Refuses),
        (ALLOWED, Grants(0)),
    ];
    let fates = [
        // A lid closed over lunch, and over night.
        (36_000, Suspend(3000)),
        (60_000, Suspend(15_000)),
        // Five minutes ahead, an hour behind, right again.
        (78_000, Set(300)),
        (80_000, Set(-3900)),
        (83_000, Set(3600)),
    ];
    let day = live(&Scene {
        place: Memory,
        ..scene(HOUR, &weather, &fates)
    });
    assert_eq!(day.withheld, 0);
    // An outage shorter than what is kept in reserve is not noticed; of the
    // others only what is beyond it.
    let long = LONG_BACK - LONG_OUT - 1800;
    let refused = ALLOWED - REFUSED - 1800;
    assert!(day.unread < long + refused + 900, "{}", day.unread);
    // And then comes the service's own delay.
    assert!(day.recovery(BACK) <= unnoticed(45, PASSING) + 20);
    assert!(day.recovery(LONG_BACK) <= unnoticed(10, PASSING) + 1);
    assert!(day.recovery(ALLOWED) <= unnoticed(0, LASTING));
    // Awake again, with a session that has ended meanwhile: at once.
    assert!(day.recovery(75_000) <= 1);
    // Every reason that readers were given is one.
    assert!(day.reasons.contains("Passing"), "{:?}", day.reasons);
    assert!(day.reasons.contains("Lasting"), "{:?}", day.reasons);
    // 48 on a quiet day; 60 in an hour without a session at most.
    assert!(
        day.asked.len() < 48 + 60 * 3 + 12 * 3,
        "{}",
        day.asked.len()
    );
}

#[test]
fn a_day_with_everything() {
    let weather = [
        (0, Grants(0)),
        (HOUR, Out(20)),
        (HOUR + 1200, Grants(0)),
        (6 * HOUR, Keeps),
        (6 * HOUR + 1500, Grants(0)),
        (20 * HOUR, Panics),
        (20 * HOUR + 60, Grants(0)),
    ];
    let fates = [
        (2 * HOUR, Set(-3 * HOUR)),
        (4 * HOUR, Suspend(90 * 60)),
        (8 * HOUR, Set(5 * HOUR)),
        (10 * HOUR, Overwrite),
        (12 * HOUR, Set(-2 * HOUR)),
        (14 * HOUR, Suspend(30)),
    ];
    let day = live(&Scene {
        locked: (16 * HOUR, 16 * HOUR + 600),
        ..scene(HOUR, &weather, &fates)
    });
    // The tick after the long suspend, at most.
    assert!(day.without <= 2, "{}", day.without);
    assert!(day.asked.len() < 500, "{}", day.asked.len());
}
