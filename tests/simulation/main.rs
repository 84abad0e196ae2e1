//! A fleet simulated: 10,000 hosts with certificates of 24 h, 7 d, 30 d and 90 d
//! for 90 days, with an authority and a Roles Anywhere that fail, hosts that sleep
//! and clocks that are set. What hosts decide is the library's; what they owe is
//! reckoned apart (`judge.rs`).
//!
//! `WINDLASS_SIMULATION_SEED` is the seed; each failure names it.
#![allow(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests read the environment, speak and may panic"
)]

mod figures;
mod fleet;
mod judge;
mod real;
mod sketch;
mod spread;
mod world;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use fleet::{Course, HOSTS, courses, hosts};
use judge::Promise;
use world::{Ca, DAY, HOUR, Host, Kind, LASTS, Moment, Trial};

/// The seed, and the whole fleet after its days.
fn fleet() -> &'static (u64, Vec<Course>) {
    static FLEET: OnceLock<(u64, Vec<Course>)> = OnceLock::new();
    FLEET.get_or_init(|| {
        let seed = seed();
        let began = std::time::Instant::now();
        let courses = courses(hosts(seed, HOSTS), true);
        let renewals: usize = courses.iter().map(|course| course.renewals.len()).sum();
        eprintln!(
            "{HOSTS} hosts, seed {seed}: {renewals} renewals in {:.1} s",
            began.elapsed().as_secs_f64()
        );
        (seed, courses)
    })
}

fn seed() -> u64 {
    let said = std::env::var("WINDLASS_SIMULATION_SEED");
    said.map_or(20_261_123, |seed| {
        seed.parse().expect("the seed is a number")
    })
}

/// No promise of these is broken by anybody.
fn assert_kept(promises: &[Promise]) {
    let (seed, courses) = fleet();
    let broken = courses.iter().flat_map(|course| &course.judge.broken);
    let broken: Vec<&String> = broken
        .filter(|(promise, _)| promises.contains(promise))
        .map(|(_, what)| what)
        .collect();
    let first: Vec<_> = broken.iter().take(5).collect();
    assert!(
        broken.is_empty(),
        "seed {seed}: {} times, as in {first:#?}",
        broken.len()
    );
}

#[test]
fn whoever_is_due_and_can_be_renewed_is_renewed() {
    assert_kept(&[Promise::InTime]);
}

#[test]
fn nobody_is_renewed_early_or_twice_and_windows_are_kept() {
    assert_kept(&[Promise::NotEarly, Promise::InWindows]);
}

#[test]
fn no_host_asks_the_authority_without_end() {
    assert_kept(&[Promise::NoStorm]);
}

#[test]
fn none_expires_but_those_that_had_no_chance() {
    let (seed, courses) = fleet();
    let mut table: BTreeMap<Kind, [usize; 4]> = BTreeMap::new();
    for course in courses {
        let judge = &course.judge;
        let row = table.entry(course.host.kind).or_default();
        row[0] += 1;
        row[1] += course.renewals.len();
        row[2] += judge.expiries.len();
        row[3] = row[3].max(judge.most_asked);
    }
    eprintln!("                hosts  renewals   expired  requests of one host within a day");
    for (kind, [hosts, renewals, expired, asked]) in &table {
        let kind = format!("{kind:?}");
        eprintln!("{kind:<12} {hosts:>8} {renewals:>9} {expired:>9} {asked:>9}");
    }
    // Each outage is shorter than the reserve: a third of the life, or its half.
    let [hosts, _, expired, _] = table[&Kind::Plain];
    assert!(hosts > 4000);
    assert_eq!(expired, 0, "seed {seed}");
    // What is judged takes place: else no promise would be broken either.
    let total = |count: fn(&Course) -> usize| courses.iter().map(count).sum::<usize>();
    assert!(table[&Kind::Beyond][2] > 50 && table[&Kind::Weekends][2] > 50);
    assert!(total(|course| course.judge.emergencies) > 20);
    assert!(total(|course| course.judge.doubtful) > 20);
}

#[test]
fn who_was_away_for_too_long_comes_back_at_the_next_run() {
    let (seed, courses) = fleet();
    let (mut at_once, mut later) = (0, 0);
    for Course { host, judge, .. } in courses {
        for (ended, back) in &judge.expiries {
            let first = host.next_run(*ended - 1);
            if *back == Some(first) {
                at_once += 1;
                continue;
            }
            // Something was in the way of that run or of one shortly before it.
            let until = back.unwrap_or(LASTS);
            let mut runs = std::iter::successors(Some(first), |run| Some(host.next_run(*run)));
            let hindered = |run: &Moment| !could(host, *run) || !could(host, *run - HOUR);
            assert!(
                runs.by_ref()
                    .take_while(|run| *run < until)
                    .any(|run| hindered(&run)),
                "seed {seed}: {} ({:?}) ended {ended} s in and came back {back:?}",
                host.name,
                host.kind
            );
            later += 1;
        }
    }
    eprintln!(
        "of the hosts that had expired {at_once} came back at their next run; {later} could not"
    );
    assert!(at_once > later && later > 0, "seed {seed}");
}

/// Whether nothing but the host itself is in the way of a renewal.
fn could(host: &Host, at: Moment) -> bool {
    host.is_right(at)
        && host.ca(at) == Ca::Issues
        && host.trial(at) == Trial::Grants
        && !host.before_fails(at)
}

/// A host is let rest while its certificate cannot be due.
#[test]
fn looking_at_every_run_comes_to_the_same() {
    let all = |rests: bool| {
        let courses = courses(hosts(seed(), 160), rests).into_iter();
        let mut all: Vec<_> = courses
            .map(|course| (course.host.name, course.renewals, course.asked))
            .collect();
        all.sort();
        all
    };
    assert!(all(true) == all(false), "seed {}", seed());
}

/// And what is simulated is what is done.
#[test]
fn the_real_rotation_decides_the_same() {
    let authority = real::Authority::new();
    let hosts = hosts(seed(), 400);
    let mut left: BTreeMap<(Kind, Moment), bool> = BTreeMap::new();
    let (mut runs, mut renewals) = (0, 0);
    for host in &hosts {
        // One of each kind and life, until it has seen the long outage; and for a
        // week without rest.
        if left.insert((host.kind, host.life), true).is_some() {
            continue;
        }
        let long = host.outages.long.map_or(LASTS, |long| long.until);
        for (until, rests) in [(long + 2 * DAY, true), (host.enrolled + 4 * DAY, false)] {
            let done = real::compare(host, &authority, until, rests);
            runs += done.0;
            renewals += done.1;
        }
    }
    eprintln!(
        "{} hosts both ways: {runs} runs, {renewals} renewals",
        left.len()
    );
    assert!(
        left.len() > 30 && renewals > 500,
        "{} {renewals}",
        left.len()
    );
}
