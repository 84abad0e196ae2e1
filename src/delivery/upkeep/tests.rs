//! Days of a keeper in milliseconds: a fake service, a fake clock, outages,
//! suspends and clock jumps.

use std::cell::{Cell, RefCell};
use std::sync::Mutex;

use crate::rolesanywhere::{RoleArn, SessionCredentials};
use crate::secret::Secret;

use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/backup";
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The true time in seconds, and by how much the host's clock is wrong.
#[derive(Default)]
struct Time {
    now: i64,
    offset: i64,
}

/// The service: good sessions of `life` seconds, but for its outages.
struct Service<'a> {
    time: &'a Mutex<Time>,
    life: i64,
    outages: Vec<(i64, i64)>,
    prospect: Prospect,
    /// The true times at which it was asked.
    asked: Mutex<Vec<i64>>,
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn seconds(moment: DateTime<Utc>) -> i64 {
    moment.timestamp() - 1_800_000_000
}

impl Provider for Service<'_> {
    fn obtain(&self) -> Result<Session, Failure> {
        let mut time = self.time.lock().unwrap();
        self.asked.lock().unwrap().push(time.now);
        let down = self
            .outages
            .iter()
            .any(|(from, until)| (*from..*until).contains(&time.now));
        // A time-out takes a while.
        time.now += if down { 20 } else { 0 };
        if down {
            return Err(Failure {
                message: "down".to_owned(),
                hint: None,
                code: 5,
                prospect: self.prospect,
            });
        }
        Ok(Session {
            credentials: SessionCredentials {
                access_key_id: format!("ASIA{}", time.now),
                secret_access_key: Secret::from("s".to_owned()),
                session_token: Secret::from("t".to_owned()),
                // The service's clock is right.
                expiration: moment(time.now + self.life),
            },
            obtained: moment(time.now + time.offset),
            role: ROLE.parse::<RoleArn>().unwrap(),
        })
    }
}

/// What happens to the host at a true time.
#[derive(Clone, Copy)]
enum Fate {
    /// Time passes and no program runs.
    Suspend(i64),
    /// The clock is set by that much.
    Set(i64),
    /// Somebody else writes the file.
    Overwrite,
}

struct Host<'a> {
    time: &'a Mutex<Time>,
    ends_at: i64,
    fates: RefCell<Vec<(i64, Fate)>>,
    /// True end of what stands in the file.
    file: Cell<Option<i64>>,
    in_place: Cell<bool>,
    /// Deliveries that fail: the true times.
    locked: Vec<(i64, i64)>,
    /// Seconds during which the file held nothing valid while the host was
    /// awake, from the first delivery on.
    without: Cell<i64>,
    told: RefCell<Vec<(i64, String)>>,
    looks: Cell<u32>,
}

impl Surroundings for Host<'_> {
    fn now(&self) -> DateTime<Utc> {
        let time = self.time.lock().unwrap();
        moment(time.now + time.offset)
    }

    fn pause(&self, length: Duration) -> bool {
        self.looks.set(self.looks.get() + 1);
        let mut time = self.time.lock().unwrap();
        let before = time.now;
        time.now += i64::try_from(length.as_millis().div_ceil(1000)).unwrap();
        if let Some(end) = self.file.get() {
            let gap = time.now - end.max(before);
            self.without.set(self.without.get() + gap.max(0));
        }
        let mut fates = self.fates.borrow_mut();
        while fates.first().is_some_and(|(at, _)| *at <= time.now) {
            match fates.remove(0).1 {
                Fate::Suspend(length) => time.now += length,
                Fate::Set(by) => time.offset += by,
                Fate::Overwrite => self.in_place.set(false),
            }
        }
        time.now < self.ends_at
    }

    fn jitter(&self) -> f64 {
        0.5
    }

    fn deliver(&self, session: &Session) -> Result<(), Failure> {
        let now = self.time.lock().unwrap().now;
        if self
            .locked
            .iter()
            .any(|(from, until)| (*from..*until).contains(&now))
        {
            return Err(Failure {
                message: "locked".to_owned(),
                hint: None,
                code: 5,
                prospect: Prospect::Passing,
            });
        }
        self.file.set(Some(seconds(session.credentials.expiration)));
        self.in_place.set(true);
        Ok(())
    }

    fn is_in_place(&self) -> bool {
        self.in_place.get()
    }

    fn report(&self, event: Event<'_>) {
        let now = self.time.lock().unwrap().now;
        let what = match event {
            Event::Delivered { .. } => "delivered".to_owned(),
            Event::Recovered { failures, since } => {
                format!("recovered {failures} {}", seconds(since))
            }
            Event::Failed { failure, until, .. } => {
                format!("failed {} {}", failure.message, until.is_some())
            }
            Event::Ended { .. } => "ended".to_owned(),
            Event::Overwritten { .. } => "overwritten".to_owned(),
            Event::ClockSetBack { .. } => "set back".to_owned(),
        };
        self.told.borrow_mut().push((now, what));
    }
}

/// What a day was like.
struct Day {
    asked: Vec<i64>,
    without: i64,
    told: Vec<(i64, String)>,
    looks: u32,
}

impl Day {
    fn times(&self, what: &str) -> Vec<i64> {
        let told = self.told.iter().filter(|(_, told)| told.starts_with(what));
        told.map(|(at, _)| *at).collect()
    }
}

/// Lives through a day.
fn live(
    life: i64,
    outages: &[(i64, i64)],
    prospect: Prospect,
    fates: &[(i64, Fate)],
    locked: &[(i64, i64)],
) -> Day {
    let time = Mutex::new(Time::default());
    let service = Service {
        time: &time,
        life,
        outages: outages.to_vec(),
        prospect,
        asked: Mutex::default(),
    };
    let host = Host {
        time: &time,
        ends_at: DAY,
        fates: RefCell::new(fates.to_vec()),
        file: Cell::new(None),
        in_place: Cell::new(false),
        locked: locked.to_vec(),
        without: Cell::new(0),
        told: RefCell::default(),
        looks: Cell::new(0),
    };
    keep(&service, TimeDelta::seconds(life), &host);
    Day {
        asked: service.asked.into_inner().unwrap(),
        without: host.without.get(),
        told: host.told.into_inner(),
        looks: host.looks.get(),
    }
}

fn good_day(life: i64, fates: &[(i64, Fate)]) -> Day {
    live(life, &[], Prospect::Passing, fates, &[])
}

#[test]
fn a_quiet_day_takes_one_session_for_each_half_life() {
    let day = good_day(HOUR, &[]);
    assert_eq!(day.asked.len(), 48);
    assert_eq!(day.without, 0);
    // Short ticks, and no tight loop.
    assert!((17_000..18_000).contains(&day.looks), "{}", day.looks);
    // The shortest session.
    let day = good_day(900, &[]);
    assert!(
        (190..=195).contains(&day.asked.len()),
        "{:?}",
        day.asked.len()
    );
    assert_eq!(day.without, 0);
}

#[test]
fn f11_s2_an_outage_ends_neither_the_keeper_nor_the_credentials() {
    // Ten minutes, from just before a refresh.
    let day = live(HOUR, &[(1790, 2390)], Prospect::Passing, &[], &[]);
    assert_eq!(day.without, 0);
    let failed = day.times("failed down true");
    assert!((8..=30).contains(&failed.len()), "{failed:?}");
    // Recovered within one pause, and told once.
    let recovered = day.times("recovered");
    assert_eq!(recovered.len(), 1);
    assert!((2390..2390 + 61).contains(&recovered[0]), "{recovered:?}");
    assert!(day.times("ended").is_empty());
}

#[test]
fn l15_credentials_that_end_in_an_outage_are_told_once_and_tried_for_on() {
    let day = live(HOUR, &[(1000, 5 * HOUR)], Prospect::Passing, &[], &[]);
    let ended = day.times("ended");
    assert_eq!(ended.len(), 1);
    assert!((HOUR..HOUR + 61).contains(&ended[0]), "{ended:?}");
    let recovered = day.times("recovered")[0];
    assert!(
        (5 * HOUR..5 * HOUR + 61).contains(&recovered),
        "{recovered}"
    );
    // Never more than one try in half of the longest pause, once it is reached.
    let late: Vec<i64> = day
        .asked
        .iter()
        .copied()
        .filter(|at| (2 * HOUR..5 * HOUR).contains(at))
        .collect();
    assert!((130..=240).contains(&late.len()), "{}", late.len());
}

#[test]
fn a_refusal_is_asked_again_less_often_than_an_outage() {
    let tries = |prospect| {
        let day = live(HOUR, &[(0, 6 * HOUR)], prospect, &[], &[]);
        assert_eq!(day.times("ended"), [0; 0], "nothing was there");
        day.times("failed down false").len()
    };
    let (passing, lasting) = (tries(Prospect::Passing), tries(Prospect::Lasting));
    assert!(lasting * 3 < passing, "{lasting} {passing}");
    assert!(lasting > 60, "{lasting}");
}

#[test]
fn f13_l14_after_a_suspend_the_session_is_replaced_at_the_next_tick() {
    let fates = [
        (600, Fate::Suspend(2 * HOUR)),
        (9 * HOUR, Fate::Suspend(HOUR / 2)),
    ];
    let day = good_day(HOUR, &fates);
    let woke = 600 + 2 * HOUR;
    let next = day.asked.iter().find(|at| **at > 600).unwrap();
    assert!((woke..woke + 11).contains(next), "{next}");
    // The tick itself.
    assert!(day.without <= 10, "{}", day.without);
}

#[test]
fn l14_a_clock_that_is_set_wrong_and_right_again_never_lets_a_session_end() {
    for by in [-DAY, -2 * HOUR, -600, 600, 2 * HOUR, 400 * DAY] {
        let fates = [(3 * HOUR, Fate::Set(by)), (9 * HOUR, Fate::Set(-by))];
        let day = good_day(HOUR, &fates);
        assert_eq!(day.without, 0, "{by}");
        // An hour ahead every session looks ended: one try a minute at most.
        assert!(day.asked.len() < 800, "{by}: {}", day.asked.len());
        let back = if by < 0 { 3 * HOUR } else { 9 * HOUR };
        let told = day.times("set back");
        assert_eq!(told.len(), 1, "{by}");
        assert!((back..back + 11).contains(&told[0]), "{by}: {told:?}");
        let asked = day.asked.iter().find(|at| **at >= back).unwrap();
        assert!(*asked < back + 11, "{by}: a new session at {asked}");
    }
}

#[test]
fn a_clock_set_back_in_an_outage_does_not_stop_the_tries() {
    let fates = [(2000, Fate::Set(-DAY))];
    let day = live(HOUR, &[(1000, 3000)], Prospect::Passing, &fates, &[]);
    assert_eq!(day.without, 0);
    let recovered = day.times("recovered")[0];
    assert!((3000..3061).contains(&recovered), "{recovered}");
}

#[test]
fn a_session_that_cannot_be_written_is_kept_and_not_asked_for_again() {
    let day = live(HOUR, &[], Prospect::Passing, &[], &[(1700, 1900)]);
    let (failed, asked) = (day.times("failed locked").len(), &day.asked);
    assert!(failed > 3, "{failed}");
    let meanwhile = asked.iter().filter(|at| (1700..2000).contains(*at)).count();
    assert_eq!(meanwhile, 1, "{asked:?}");
    assert_eq!(day.without, 0);
}

#[test]
fn what_somebody_else_wrote_is_told_once_and_replaced_at_the_next_refresh_only() {
    let day = good_day(HOUR, &[(300, Fate::Overwrite)]);
    let told = day.times("overwritten");
    assert_eq!(told.len(), 1);
    assert!((300..=370).contains(&told[0]), "{told:?}");
    assert_eq!(day.asked[1], 1800);
}

#[test]
fn a_day_with_everything() {
    let fates = [
        (2 * HOUR, Fate::Set(-3 * HOUR)),
        (4 * HOUR, Fate::Suspend(90 * 60)),
        (8 * HOUR, Fate::Set(5 * HOUR)),
        (10 * HOUR, Fate::Overwrite),
        (12 * HOUR, Fate::Set(-2 * HOUR)),
        (14 * HOUR, Fate::Suspend(30)),
    ];
    let outages = [
        (HOUR, HOUR + 1200),
        (6 * HOUR, 6 * HOUR + 1500),
        (20 * HOUR, 20 * HOUR + 60),
    ];
    let day = live(
        HOUR,
        &outages,
        Prospect::Passing,
        &fates,
        &[(16 * HOUR, 16 * HOUR + 600)],
    );
    // The tick after the long suspend, at most.
    assert!(day.without <= 10, "{}", day.without);
    assert!(day.asked.len() < 500, "{}", day.asked.len());
}
