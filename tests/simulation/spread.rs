//! When a fleet asks its authority: never all together, and less and less so.

use std::sync::Arc;

use super::figures::{chi_square, drawn, histogram, peak, width};
use super::fleet::{Course, courses};
use super::world::{DAY, HOUR, Host, Kind, LIVES, MINUTE, Moment, Outages, Span, reserve};
use super::{fleet, seed};

/// Hosts that suffer nothing, and whose cron runs this often at least.
fn plain(life: Moment, period: Moment) -> impl Iterator<Item = &'static Course> {
    fleet().1.iter().filter(move |course| {
        let host = &course.host;
        host.kind == Kind::Plain && host.life == life && host.cron.period <= period
    })
}

fn hours(moments: Moment) -> f64 {
    f64::from(i32::try_from(moments).unwrap()) / 3600.0
}

/// Where in its span of a twentieth of the life each renewal falls. Runs that are
/// seldom would make it late: those are taken that come often for such a life.
#[test]
fn renewals_are_spread_evenly_over_a_twentieth_of_the_life() {
    for (life, period) in [(30 * DAY, 15 * MINUTE), (90 * DAY, HOUR)] {
        let span = life / 20;
        let places = plain(life, period).flat_map(|course| {
            let renewals = course.renewals.iter().copied();
            let before = std::iter::once(course.host.enrolled).chain(renewals.clone());
            let long = course.host.outages.long.unwrap();
            let due = before.map(move |obtained| obtained + life - reserve(life));
            due.zip(renewals)
                .filter(move |(due, _)| *due < long.from || *due - span > long.until)
                .map(move |(due, renewal)| renewal - (due - span))
        });
        let parts = histogram(places, 0, span / 20, 20);
        let (chi_square, peak) = (chi_square(&parts), peak(&parts));
        eprintln!(
            "life {} days, renewals by hours after the first moment (chi-square {chi_square:.1}, \
             largest part {peak:.2} of the mean):\n{}",
            life / DAY,
            drawn(&parts, |part| format!(
                "{:.1} h",
                hours(span) / 20.0 * f64::from(u32::try_from(part).unwrap())
            ))
        );
        // With 19 degrees of freedom one in ten thousand is above 50.
        assert!(parts.iter().sum::<usize>() > 200);
        assert!(
            chi_square < 50.0 && peak < 1.8,
            "seed {}: {chi_square} {peak}",
            seed()
        );
    }
}

/// Half of the fleet was made in one minute: the more often it is renewed the
/// further it comes apart.
#[test]
fn the_jitter_does_not_collapse() {
    for life in [DAY, 7 * DAY] {
        let span = life / 20;
        let image = || plain(life, HOUR).filter(|course| course.host.is_of_image);
        let long = image().next().unwrap().host.outages.long.unwrap();
        let widths = |from: Moment| -> Vec<Moment> {
            let after = |number: usize| {
                let nth = |course: &Course| {
                    let mut renewals = course.renewals.iter().copied();
                    renewals.by_ref().filter(|at| *at >= from).nth(number)
                };
                width(image().filter_map(nth).collect())
            };
            (0..4).map(after).collect()
        };
        let (first, pressed) = (widths(0), widths(long.until));
        let shown = |widths: &[Moment]| -> Vec<String> {
            widths
                .iter()
                .map(|one| format!("{:.1} h", hours(*one)))
                .collect()
        };
        eprintln!(
            "life {} h, nine tenths of the hosts made in one minute are renewed within {:?}; \
             after an outage of {:.1} h within {:?}",
            life / HOUR,
            shown(&first),
            hours(long.until - long.from),
            shown(&pressed)
        );
        assert!(first[0] > span * 8 / 10, "{first:?} of {span}");
        assert!(first[2] > first[0] * 13 / 10, "{first:?}");
        // Pressed together they are at first, and come apart in the same way.
        assert!(pressed[1] > span * 8 / 10, "{pressed:?} of {span}");
        assert!(pressed[3] > pressed[1] * 11 / 10, "{pressed:?}");
    }
}

/// What the authority is asked by 10,000 hosts.
#[test]
fn the_authority_is_asked_evenly_also_after_an_outage() {
    let all = || {
        fleet()
            .1
            .iter()
            .flat_map(|course| course.asked.iter().copied())
    };
    // Before the first of the long outages. The bound is for a fleet half of which
    // was made in one minute, and a fifth of whose crontabs say '*/5' or '*/15'.
    for (minutes, bound) in [(1, 60.0), (15, 10.0), (60, 7.0)] {
        let count = usize::try_from(14 * DAY / MINUTE / minutes).unwrap();
        let parts = histogram(all(), 5 * DAY, minutes * MINUTE, count);
        let peak = peak(&parts);
        eprintln!(
            "days 5 to 19, requests in {minutes} min: mean {:.1}, most {}, {peak:.1} times the mean",
            f64::from(u32::try_from(parts.iter().sum::<usize>()).unwrap())
                / f64::from(u32::try_from(count).unwrap()),
            parts.iter().max().unwrap()
        );
        assert!(peak < bound, "seed {}: {peak} in {minutes} min", seed());
    }
    for life in LIVES {
        let of = || {
            fleet()
                .1
                .iter()
                .filter(move |course| course.host.life == life)
        };
        let asked = || of().flat_map(|course| course.asked.iter().copied());
        let long = of().next().unwrap().host.outages.long.unwrap();
        let before = histogram(asked(), long.until - HOUR, 5 * MINUTE, 12);
        let after = histogram(asked(), long.until, 5 * MINUTE, 12);
        // Nobody of those that run each hour is left then.
        let often = plain(life, HOUR).flat_map(|course| course.asked.iter().copied());
        let later = histogram(often, long.until + HOUR, HOUR, 3);
        eprintln!(
            "life {} h, requests in 5 min before the end of an outage of {:.1} h, and after it:\n\
             {before:?}\n{after:?}; in the hours then {later:?}",
            life / HOUR,
            hours(long.until - long.from)
        );
        assert!(peak(&after) < 2.5, "seed {}: {after:?}", seed());
        // Each asks once, and all have within the hour.
        let waited = after.iter().sum::<usize>();
        assert!(waited <= of().count() * 11 / 10, "{after:?}");
        assert!(later[1] * 10 < waited, "{after:?} {later:?}");
    }
}

/// A power cut: a thousand hosts whose crontabs say '*/5' boot in the same minute,
/// overdue, and their authority comes back three hours later.
#[test]
fn hosts_that_boot_together_come_apart_while_they_wait() {
    let back = 6 * DAY + 3 * HOUR;
    let outages = Arc::new(Outages {
        ca: vec![Span {
            from: 3 * DAY,
            until: back,
        }],
        ..Outages::default()
    });
    let hosts = (0..1000).map(|number| Host {
        seed: seed() ^ number,
        off: vec![Span {
            from: 3 * DAY,
            until: 6 * DAY,
        }],
        ..Host::plain(number, 7 * DAY, Arc::clone(&outages))
    });
    let courses = courses(hosts.collect(), true);
    let asked = || {
        courses
            .iter()
            .flat_map(|course| course.asked.iter().copied())
    };
    let waiting = histogram(asked(), 6 * DAY, 5 * MINUTE, 36);
    let served = histogram(asked(), back, 5 * MINUTE, 12);
    eprintln!(
        "a thousand hosts boot, requests in 5 min: {waiting:?}; the authority is back: {served:?}"
    );
    assert_eq!(waiting[0], 1000);
    assert_eq!(served.iter().sum::<usize>(), 1000, "{served:?}");
    assert!(peak(&served) < 2.5, "{served:?}");
    let nth = |number: usize| {
        width(
            courses
                .iter()
                .map(|course| course.renewals[number])
                .collect(),
        )
    };
    let widths = [nth(0), nth(1), nth(2), nth(3)];
    let span = 7 * DAY / 20;
    assert!(widths[0] < 2 * HOUR, "{widths:?}");
    assert!(
        widths[1] > span * 8 / 10 && widths[3] > widths[1] * 11 / 10,
        "{widths:?}"
    );
    assert!(courses.iter().all(|course| course.judge.broken.is_empty()));
}
