//! Windows as they are written, and the days on which clocks are changed.

use chrono_tz::Tz;
use proptest::prelude::*;

use super::*;

fn window(text: &str) -> ChangeWindow {
    match text.parse() {
        Ok(window) => window,
        Err(error) => panic!("{text}: {error}"),
    }
}

fn at(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

/// Each opening from one moment until another.
fn openings(text: &str, from: &str, until: &str) -> Vec<String> {
    let window = window(text);
    let mut now = at(from);
    let mut found = Vec::new();
    while let Some(next) = window.next_opening(now).filter(|next| *next < at(until)) {
        assert!(next > now, "{text} at {now}");
        found.push(crate::clock::rfc3339(next));
        now = next;
    }
    found
}

#[test]
fn a_window_is_open_from_its_opening_until_its_duration_is_over() {
    let sunday = window("0 2 * * SUN 3h Europe/Berlin");
    // A Sunday in winter.
    for (moment, open) in [
        ("2026-11-22T00:59:59.999Z", false),
        ("2026-11-22T01:00:00Z", true),
        ("2026-11-22T01:00:00.5Z", true),
        ("2026-11-22T03:59:59.999Z", true),
        ("2026-11-22T04:00:00Z", false),
        ("2026-11-23T01:00:00Z", false),
    ] {
        assert_eq!(sunday.is_open(at(moment)), open, "{moment}");
    }
    let next = sunday.next_opening(at("2026-11-22T01:00:00Z"));
    assert_eq!(next, Some(at("2026-11-29T01:00:00Z")));
    let next = sunday.next_opening(at("2026-11-22T00:59:59.5Z"));
    assert_eq!(next, Some(at("2026-11-22T01:00:00Z")));
    // Longer than its distance: never closed.
    let always = window("0 * * * * 2h UTC");
    assert!(always.is_open(at("2026-11-22T00:30:00Z")));
}

#[test]
fn an_opening_that_the_clock_leaves_out_takes_place_when_it_goes_on() {
    // In Berlin 02:00 to 03:00 does not exist on 2026-03-29; 03:00 is 01:00Z.
    for (text, expected) in [
        ("0 2 * * * 1h Europe/Berlin", vec!["2026-03-29T01:00:00Z"]),
        ("30 2 * * * 1h Europe/Berlin", vec!["2026-03-29T01:00:00Z"]),
        (
            "0 1,2 * * * 1h Europe/Berlin",
            vec!["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"],
        ),
        (
            "*/30 1-3 * * * 1h Europe/Berlin",
            vec![
                "2026-03-29T00:00:00Z",
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:00:00Z",
                "2026-03-29T01:30:00Z",
            ],
        ),
    ] {
        let found = openings(text, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z");
        assert_eq!(found, expected, "{text}");
    }
    // By the rule, long after the last year of any table.
    let found = openings(
        "30 2 26 MAR * 1h Europe/Berlin",
        "2090-01-01T00:00:00Z",
        "2090-12-31T00:00:00Z",
    );
    assert_eq!(found, ["2090-03-26T01:00:00Z"]);
    // Midnight does not exist in Cairo on 2026-04-24.
    let found = openings(
        "0 0 24 APR * 1h Africa/Cairo",
        "2026-01-01T00:00:00Z",
        "2026-12-31T00:00:00Z",
    );
    assert_eq!(found, ["2026-04-23T22:00:00Z"]);
    // A day did not exist in Samoa.
    let found = openings(
        "0 12 30 DEC * 1h Pacific/Apia",
        "2011-12-01T00:00:00Z",
        "2012-01-31T00:00:00Z",
    );
    assert_eq!(found, ["2011-12-30T10:00:00Z"]);
}

#[test]
fn an_opening_that_comes_twice_takes_place_the_first_time() {
    // In Berlin 02:00 to 03:00 comes twice on 2026-10-25: 00:00Z and 01:00Z.
    for (text, expected) in [
        ("0 2 * * * 3h Europe/Berlin", vec!["2026-10-25T00:00:00Z"]),
        (
            "30 1-3 * * * 1h Europe/Berlin",
            vec![
                "2026-10-24T23:30:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T02:30:00Z",
            ],
        ),
    ] {
        let found = openings(text, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z");
        assert_eq!(found, expected, "{text}");
    }
    // Three hours are three hours: until 03:00Z, when the clock shows 04:00.
    let night = window("0 2 * * * 3h Europe/Berlin");
    assert!(night.is_open(at("2026-10-25T02:59:59Z")));
    assert!(!night.is_open(at("2026-10-25T03:00:00Z")));
    // From within the second of the two hours.
    let next = window("* 2 * * * 1m Europe/Berlin").next_opening(at("2026-10-25T01:10:00Z"));
    assert_eq!(next, Some(at("2026-10-26T01:00:00Z")));
}

#[test]
fn days_are_cron_s() {
    let of = |text: &str| openings(text, "2026-10-31T23:59:00Z", "2026-12-01T00:00:00Z");
    assert_eq!(
        of("0 0 15 * SUN 1h UTC").len(),
        5,
        "the days of month and week are alternatives; the 15th is a Sunday"
    );
    assert_eq!(of("0 0 13 * SUN 1h UTC").len(), 6);
    assert_eq!(of("0 0 L * * 1h UTC"), ["2026-11-30T00:00:00Z"]);
    assert_eq!(of("0 0 * * SUN#2 1h UTC"), ["2026-11-08T00:00:00Z"]);
    assert_eq!(of("0 0 * nov mon-fri/2 1h UTC").len(), 13);
    assert_eq!(of("0 0 * * 7 1h UTC"), of("0 0 * * 0 1h UTC"));
}

#[test]
fn it_is_written_as_it_was_read() {
    let text = "0  2 * *\tsun 3h  Europe/Berlin";
    let read = window(text);
    assert_eq!(read.to_string(), "0 2 * * sun 3h Europe/Berlin");
    assert_eq!(window(&read.to_string()), read);
}

#[test]
fn what_is_wrong_is_named() {
    let wrong = |text: &str| text.parse::<ChangeWindow>().unwrap_err().to_string();
    for (text, part) in [
        ("", "it has 0 words instead of 7"),
        ("0 2 * * SUN", "it has 5 words instead of 7"),
        ("0 2 * * SUN 3h", "it has 6 words instead of 7"),
        ("0 0 2 * * SUN 3h UTC", "it has 8 words instead of 7"),
        ("60 2 * * SUN 3h UTC", "its minute is '60'; 0-59 can"),
        ("SUN 2 * * SUN 3h UTC", "its minute is 'SUN'"),
        ("0 25 * * SUN 3h UTC", "its hour is '25'; 0-23 can"),
        ("0 @daily * * SUN 3h UTC", "its hour is '@daily'"),
        ("0 2 32 * SUN 3h UTC", "its day of the month is '32'; 1-31"),
        ("0 2 * 13 SUN 3h UTC", "its month is '13'; 1-12 or JAN-DEC"),
        ("0 2 * MON SUN 3h UTC", "its month is 'MON'"),
        ("0 2 * * SUNDAY 3h UTC", "its day of the week is 'SUNDAY'"),
        (
            "0 2 * * 8 3h UTC",
            "its day of the week is '8'; 0-7 or SUN-SAT",
        ),
        (
            "0 2 30 2 * 3h UTC",
            "it never opens: no day '30' comes in month '2'",
        ),
        (
            "0 2 * * SUN 3 UTC",
            "its duration is '3'; it is from 1m to 31d",
        ),
        ("0 2 * * SUN 0h UTC", "its duration is '0h'"),
        ("0 2 * * SUN 32d UTC", "its duration is '32d'"),
        (
            "0 2 * * SUN 3h Europe/Berln",
            "its time zone 'Europe/Berln' is not known; Europe/Berlin is",
        ),
        (
            "0 2 * * SUN 3h \u{1b}[2J",
            "its time zone '\\u{1b}[2J' is not known; zones are",
        ),
    ] {
        let said = wrong(text);
        assert!(said.starts_with(part), "{text}: {said}");
    }
}

#[test]
fn no_window_closes_nothing_and_an_emergency_opens_all() {
    let none = ChangeWindows::default();
    let now = at("2026-11-23T12:00:00Z");
    assert!(none.permit(now, Urgency::Due));
    assert_eq!(none.next_opening(now), Some(now));
    let two = ChangeWindows(vec![
        window("0 2 * * SUN 3h UTC"),
        window("0 22 * * * 1h UTC"),
    ]);
    assert!(!two.permit(now, Urgency::Due) && !two.permit(now, Urgency::Overdue));
    assert!(two.permit(now, Urgency::Emergency) && two.permit(now, Urgency::Expired));
    assert_eq!(two.next_opening(now), Some(at("2026-11-23T22:00:00Z")));
    let open = at("2026-11-22T03:00:00Z");
    assert!(two.is_open(open) && two.permit(open, Urgency::Due));
    assert_eq!(two.next_opening(open), Some(open));
}

#[test]
fn the_end_of_calendars_is_no_panic() {
    let window = window("0 2 29 FEB * 31d Pacific/Kiritimati");
    for moment in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
        let _ = (window.is_open(moment), window.next_opening(moment));
    }
}

/// What a window is, in the plainest words, and with another library's zones:
/// every minute since it may have opened is shown to the zone's clock.
fn is_open_by_minutes(hour: u32, lasts: i64, zone: Tz, now: DateTime<Utc>) -> bool {
    use chrono::Timelike;
    let start = now.timestamp() - now.timestamp().rem_euclid(60);
    let mut seen = std::collections::BTreeSet::new();
    // Two hours earlier, so that it is known what the clock has shown before.
    let minutes = (-(lasts + 120)..=0).map(|back| {
        let moment = DateTime::from_timestamp(start + 60 * back, 0).unwrap();
        (back, moment.with_timezone(&zone).naive_local())
    });
    let minutes: Vec<_> = minutes.collect();
    let mut open = false;
    for (place, (back, shown)) in minutes.iter().enumerate() {
        let is_first = seen.insert(*shown);
        let before = place.checked_sub(1).and_then(|place| minutes.get(place));
        let left_out = before.is_some_and(|(_, before)| {
            let mut between = *before + TimeDelta::minutes(1);
            let mut found = false;
            while between < *shown {
                found |= between.hour() == hour && between.minute() == 0;
                between += TimeDelta::minutes(1);
            }
            found
        });
        let opens = is_first && shown.hour() == hour && shown.minute() == 0 || left_out;
        open |= opens && -back < lasts;
    }
    open
}

proptest! {
    #[test]
    fn it_is_what_the_clock_of_the_zone_shows(
        zone in prop::sample::select(vec![
            "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "UTC",
            "America/St_Johns", "Asia/Kathmandu",
        ]),
        hour in 0u32..24,
        lasts in 1i64..300,
        // The days around the changes of these zones, and others.
        day in prop::sample::select(vec![
            "2026-03-08", "2026-03-29", "2026-04-05", "2026-04-24", "2026-06-01", "2026-10-04",
            "2026-10-25", "2026-10-30", "2026-11-01",
        ]),
        minute in -1440i64..2880,
    ) {
        let now = at(&format!("{day}T00:00:00Z")) + TimeDelta::minutes(minute);
        let zone: Tz = zone.parse().unwrap();
        let window = window(&format!("0 {hour} * * * {lasts}m {zone}"));
        prop_assert_eq!(window.is_open(now), is_open_by_minutes(hour, lasts, zone, now));
        let next = window.next_opening(now).unwrap();
        prop_assert!(next > now && window.is_open(next));
        prop_assert!(next - now <= TimeDelta::hours(26));
    }
}
