//! Days of a keeper in milliseconds: a service that is out, refuses and hangs, a
//! host that sleeps and whose clock is set wrong and right again, and both places
//! in which sessions are kept: a file, and the memory of `serve`. Each second is
//! looked at, and none is waited for.

mod clocks;
mod everything;
mod outages;
mod places;

use std::collections::BTreeSet;
use std::sync::Mutex;

use crate::delivery::Obtained;
use crate::delivery::serve::view::{Desk, Health, View};
use crate::rolesanywhere::SessionCredentials;
use crate::secret::Secret;

use super::*;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// The longest pauses between tries, in seconds: after a failure that may pass,
/// and after one that somebody has to mend.
const PASSING: i64 = 60;
const LASTING: i64 = 300;

/// The longest time from the end of an outage until the try that succeeds is
/// begun, in seconds. The last one that fails may have begun just before, and
/// then it takes its time, and is followed by the longest pause.
const fn unnoticed(failing: i64, pause: i64) -> i64 {
    if failing == 0 {
        pause
    } else {
        failing - 1 + pause
    }
}

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
