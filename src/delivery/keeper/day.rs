//! Days of a keeper in milliseconds: a service that is out, refuses and hangs, a
//! host that sleeps and whose clock is set wrong and right again, and both places
//! in which sessions are kept: a file, and the memory of `serve`. Each second is
//! looked at, and none is waited for.

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::delivery::Obtained;
use crate::delivery::serve::view::{Desk, Health, View};
use crate::rolesanywhere::SessionCredentials;
use crate::secret::Secret;

use super::*;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What the service does from a true time on.
#[derive(Clone, Copy)]
enum Weather {
    /// It grants after so many seconds.
    Grants(i64),
    /// It fails after so many seconds, and that may pass.
    Out(i64),
    /// It refuses at once, and somebody has to change something.
    Refuses,
    /// As when it is out, and a cache has the last session still.
    Keeps,
    /// Another process is at it: the last session comes without a word.
    Elsewhere,
    /// A defect.
    Panics,
}
use Weather::{Elsewhere, Grants, Keeps, Out, Panics, Refuses};

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
use Fate::{Overwrite, Set, Suspend};

/// Where sessions go.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    File,
    Memory,
}
use Place::{File, Memory};

/// What a day is like. Times are true, in seconds from its begin.
struct Scene {
    place: Place,
    life: i64,
    weather: Vec<(i64, Weather)>,
    fates: Vec<(i64, Fate)>,
    /// When nothing can be delivered.
    locked: (i64, i64),
}

fn scene(life: i64, weather: &[(i64, Weather)], fates: &[(i64, Fate)]) -> Scene {
    Scene {
        place: File,
        life,
        weather: weather.to_vec(),
        fates: fates.to_vec(),
        locked: (0, 0),
    }
}

/// The world, and what was seen in it.
#[derive(Default)]
struct World {
    now: i64,
    /// By how much the host's clock is wrong.
    offset: i64,
    fates: Vec<(i64, Fate)>,
    /// The last session that was granted, and the true ends of all.
    cache: Option<Session>,
    ends: Vec<i64>,
    /// The true end of what stands in the file.
    file: Option<i64>,
    overwritten: bool,
    view: View,
    /// The true times at which it was asked, and granted.
    asked: Vec<i64>,
    granted: Vec<i64>,
    /// Seconds awake in which the file held nothing valid, from the first
    /// delivery on; in which readers had nothing; and had nothing although a
    /// session had not ended.
    without: i64,
    unread: i64,
    withheld: i64,
    reasons: BTreeSet<String>,
    told: Vec<(i64, String)>,
    delivered: Vec<(i64, String)>,
    looks: u32,
}

impl World {
    fn host(&self) -> DateTime<Utc> {
        moment(self.now + self.offset)
    }

    /// Lets time pass, second for second.
    fn pass(&mut self, seconds: i64, place: Place) {
        for _ in 0..seconds {
            self.now += 1;
            self.without += i64::from(self.file.is_some_and(|end| self.now > end));
            if place == Memory {
                self.read();
            }
            while self.fates.first().is_some_and(|(at, _)| *at <= self.now) {
                match self.fates.remove(0).1 {
                    Suspend(length) => self.now += length,
                    Set(by) => self.offset += by,
                    Overwrite => self.overwritten = true,
                }
            }
        }
    }

    /// What a reader of the memory gets.
    fn read(&mut self) {
        let now = self.host();
        match self.view.current(now) {
            Some(session) => assert!(now < session.credentials.expiration),
            None => {
                self.unread += 1;
                let is_withheld = self.ends.iter().any(|end| now < moment(*end));
                self.withheld += i64::from(is_withheld);
                match self.view.health(now) {
                    Health::Unavailable(reason) => {
                        assert!(!reason.is_empty());
                        self.reasons.insert(reason);
                    }
                    other => panic!("{other:?} without a session at {}", self.now),
                }
            }
        }
    }

    fn times(&self, what: &str) -> Vec<i64> {
        let told = self.told.iter().filter(|(_, told)| told.starts_with(what));
        told.map(|(at, _)| *at).collect()
    }

    /// The longest time after `second` until a session was granted.
    fn recovery(&self, second: i64) -> i64 {
        let next = self.granted.iter().find(|granted| **granted >= second);
        next.map_or(i64::MAX, |granted| granted - second)
    }
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn failure(message: &str, cause: Cause) -> Failure {
    Failure {
        message: message.to_owned(),
        hint: None,
        cause,
    }
}

struct Host<'a> {
    scene: &'a Scene,
    world: &'a Mutex<World>,
}

impl Clock for Host<'_> {
    fn now(&self) -> DateTime<Utc> {
        self.world.lock().unwrap().host()
    }
}

impl Provider for Host<'_> {
    fn obtain(&self) -> Result<Obtained, Failure> {
        let (now, obtained) = {
            let mut world = self.world.lock().unwrap();
            let now = world.now;
            world.asked.push(now);
            (now, world.host())
        };
        let weather = self.scene.weather.iter().rev();
        let weather = weather.clone().find(|(from, _)| *from <= now).unwrap().1;
        assert!(!matches!(weather, Panics), "a defect");
        let mut world = self.world.lock().unwrap();
        match weather {
            Grants(delay) => {
                world.pass(delay, self.scene.place);
                let end = world.now + self.scene.life;
                let session = Session {
                    credentials: SessionCredentials {
                        access_key_id: format!("ASIA{}", world.now),
                        secret_access_key: Secret::from("s".to_owned()),
                        session_token: Secret::from("t".to_owned()),
                        // The service's clock is right.
                        expiration: moment(end),
                    },
                    obtained,
                    role: "arn:aws:iam::123456789012:role/backup".parse().unwrap(),
                };
                let now = world.now;
                world.granted.push(now);
                world.ends.push(end);
                world.cache = Some(session.copy());
                Ok(Obtained {
                    session,
                    kept_because: None,
                })
            }
            Out(delay) => {
                world.pass(delay, self.scene.place);
                Err(failure("Passing", Cause::Temporary))
            }
            Refuses => Err(failure("Lasting", Cause::Refused)),
            Keeps | Elsewhere => match &world.cache {
                Some(session) if session.life().is_valid(obtained) => Ok(Obtained {
                    session: session.copy(),
                    kept_because: matches!(weather, Keeps)
                        .then(|| failure("Passing", Cause::Temporary)),
                }),
                _ => Err(failure("Passing", Cause::Temporary)),
            },
            Panics => unreachable!(),
        }
    }

    fn longest(&self) -> TimeDelta {
        TimeDelta::seconds(self.scene.life)
    }
}

/// The file, or the memory, with a log of what is told.
struct Shelf<'a, P> {
    host: &'a Host<'a>,
    desk: Desk<P>,
}

impl<P: Fn(&View, Option<crate::delivery::serve::Notice>)> Sink for Shelf<'_, P> {
    fn asking(&mut self, now: DateTime<Utc>) {
        self.desk.asking(now);
    }

    fn deliver(&mut self, session: &Arc<Session>, now: DateTime<Utc>) -> Result<(), Failure> {
        let (from, until) = self.host.scene.locked;
        if (from..until).contains(&self.host.world.lock().unwrap().now) {
            return Err(failure("locked", Cause::Temporary));
        }
        if self.host.scene.place == Memory {
            self.desk.deliver(session, now)?;
        }
        let mut world = self.host.world.lock().unwrap();
        let end = session.credentials.expiration - moment(0);
        world.file = Some(end.num_seconds());
        world.overwritten = false;
        let delivered = (world.now, session.credentials.access_key_id.clone());
        world.delivered.push(delivered);
        Ok(())
    }

    fn is_in_place(&mut self) -> bool {
        !self.host.world.lock().unwrap().overwritten
    }

    fn report(&mut self, event: Event<'_>, now: DateTime<Utc>) {
        let what = match &event {
            Event::Delivered { .. } => "delivered".to_owned(),
            Event::Unchanged { .. } => "unchanged".to_owned(),
            Event::Recovered { failures, .. } => format!("recovered {failures}"),
            Event::Failed { failure, until, .. } => {
                format!("failed {} {}", failure.message, until.is_some())
            }
            Event::Ended { .. } => "ended".to_owned(),
            Event::Overwritten { .. } => "overwritten".to_owned(),
            Event::ClockSetBack { .. } => "set back".to_owned(),
        };
        {
            let mut world = self.host.world.lock().unwrap();
            let at = world.now;
            world.told.push((at, what));
        }
        self.desk.report(event, now);
    }
}

/// Lives through a day.
fn live(scene: &Scene) -> World {
    let world = Mutex::new(World {
        fates: scene.fates.clone(),
        ..World::default()
    });
    let host = Host {
        scene,
        world: &world,
    };
    let desk = Desk::new(|view: &View, _| world.lock().unwrap().view = view.clone());
    let mut stop = |pause: Duration| {
        let mut world = world.lock().unwrap();
        world.looks += 1;
        let seconds = pause.as_millis().div_ceil(1000);
        world.pass(seconds.try_into().unwrap(), scene.place);
        world.now >= DAY
    };
    let mut shelf = Shelf { host: &host, desk };
    run(&host, &host, &mut stop, &mut shelf);
    drop(shelf);
    world.into_inner().unwrap()
}

fn good_day(life: i64, fates: &[(i64, Fate)]) -> World {
    live(&scene(life, &[(0, Grants(0))], fates))
}

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
    for weather in [Out(20), Keeps] {
        let weather = [(0, Grants(0)), (1790, weather), (2390, Grants(0))];
        let day = live(&scene(HOUR, &weather, &[]));
        assert_eq!(day.without, 0);
        let failed = day.times("failed Passing true");
        assert!((8..=30).contains(&failed.len()), "{failed:?}");
        // Recovered within one pause, and told once; what a cache gave in the
        // meantime is no recovery.
        let recovered = day.times("recovered");
        assert_eq!(recovered.len(), 1);
        assert!((2390..2390 + 61).contains(&recovered[0]), "{recovered:?}");
        assert!(day.times("ended").is_empty());
        // What is there already is not delivered again.
        let delivered: BTreeSet<_> = day.delivered.iter().map(|(_, id)| id).collect();
        assert_eq!(delivered.len(), day.delivered.len());
    }
}

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
    // A minute is the longest pause while it may pass, five when somebody has to
    // mend it; then comes the service's own delay.
    assert!(day.recovery(BACK) <= 45 + 60 + 20);
    assert!(day.recovery(LONG_BACK) <= 10 + 60 + 1);
    assert!(day.recovery(ALLOWED) <= 300 + 1);
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
fn l15_credentials_that_end_in_an_outage_are_told_once_and_tried_for_on() {
    let weather = [(0, Grants(0)), (1000, Out(20)), (5 * HOUR, Grants(0))];
    let day = live(&scene(HOUR, &weather, &[]));
    let ended = day.times("ended");
    assert_eq!(ended.len(), 1);
    assert!((HOUR..HOUR + 61).contains(&ended[0]), "{ended:?}");
    let recovered = day.times("recovered")[0];
    assert!(
        (5 * HOUR..5 * HOUR + 61).contains(&recovered),
        "{recovered}"
    );
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
        assert!(day.recovery(600) <= 60);
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
    assert!((3000..3061).contains(&recovered), "{recovered}");
}

/// What a time service does to a virtual machine must not cost a session each.
#[test]
fn steps_of_a_time_service_are_no_clock_that_was_set_back() {
    let fates: Vec<_> = (1..1000).map(|n| (n * 60, Set(1 - 2 * (n % 2)))).collect();
    let day = good_day(HOUR, &fates);
    assert!(day.asked.len() <= 49, "{}", day.asked.len());
    assert!(day.times("set back").is_empty());
}

#[test]
fn a_session_that_cannot_be_written_is_kept_and_not_asked_for_again() {
    let day = live(&Scene {
        locked: (1700, 1900),
        ..scene(HOUR, &[(0, Grants(0))], &[])
    });
    let (failed, asked) = (day.times("failed locked").len(), &day.asked);
    assert!(failed > 3, "{failed}");
    let meanwhile = asked.iter().filter(|at| (1700..2000).contains(*at)).count();
    assert_eq!(meanwhile, 1, "{asked:?}");
    assert_eq!(day.without, 0);
}

#[test]
fn what_somebody_else_wrote_is_told_once_and_replaced_at_the_next_refresh_only() {
    let day = good_day(HOUR, &[(300, Overwrite)]);
    let told = day.times("overwritten");
    assert_eq!(told.len(), 1);
    assert!((300..=370).contains(&told[0]), "{told:?}");
    assert_eq!(day.asked[1], 1800);
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
        assert!((2000..2061).contains(&day.times("recovered")[0]));
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
    assert!(day.recovery(1860) <= 60);
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
