//! What befalls each host: when it runs, sleeps and is wrong about the time, and
//! what the authority, Roles Anywhere and hooks answer. All of it is a function of
//! the seed, the host and the moment; nothing is drawn while hosts run.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use windlass::host::{ChangeWindow, ChangeWindows};
use windlass::pki::SerialNumber;

/// A moment: seconds since the simulation began, by the clock of the authority.
pub type Moment = i64;

pub const MINUTE: Moment = 60;
pub const HOUR: Moment = 60 * MINUTE;
pub const DAY: Moment = 24 * HOUR;

/// How long the simulation lasts.
pub const LASTS: Moment = 90 * DAY;

/// The lives of certificates.
pub const LIVES: [Moment; 4] = [DAY, 7 * DAY, 30 * DAY, 90 * DAY];

/// Of eight hosts, which life each has. Those of a day are the fewest: they make
/// most of the work.
const CLASSES: [usize; 8] = [0, 1, 1, 2, 2, 2, 3, 3];

/// By what the authority dates certificates back.
pub const BACKDATED: Moment = 5 * MINUTE;

/// By what clocks differ that are right.
pub const DRIFT: Moment = 90;

/// What is left of a life when its certificate is due: half of a short one, a third
/// of one of 10 days or more.
pub const fn reserve(life: Moment) -> Moment {
    if life >= 10 * DAY { life / 3 } else { life / 2 }
}

/// The wall clock of the authority: it begins on a Thursday at midnight.
pub fn wall(moment: Moment) -> DateTime<Utc> {
    DateTime::from_timestamp(1_798_675_200 + moment, 0).unwrap()
}

/// Numbers that look random, and are the same wherever the seed is (SplitMix64).
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    /// The numbers of a stream of its own.
    pub fn of(seed: u64, stream: u64) -> Self {
        let mut one = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        one.next();
        one
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `from` up to, and not including, `until`.
    pub fn within(&mut self, from: Moment, until: Moment) -> Moment {
        let width = u64::try_from(until - from).unwrap();
        from + i64::try_from(self.next() % width).unwrap()
    }
}

/// From a moment until before another.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub from: Moment,
    pub until: Moment,
}

impl Span {
    pub const fn lasting(from: Moment, lasts: Moment) -> Self {
        Self {
            from,
            until: from + lasts,
        }
    }
}

/// Whether it is in one of the spans.
fn is_in(spans: &[Span], moment: Moment) -> bool {
    spans
        .iter()
        .any(|span| (span.from..span.until).contains(&moment))
}

/// When everybody's authority, or Roles Anywhere, does not answer.
#[derive(Clone, Debug, Default)]
pub struct Outages {
    pub ca: Vec<Span>,
    /// The one of these that lasts nearly as long as the reserve.
    pub long: Option<Span>,
    pub trial: Vec<Span>,
}

impl Outages {
    /// Short ones every other day, and one of just below the reserve. What is left
    /// of it is the longest pause between tries, and one run of the slowest cron.
    pub fn drawn(seed: u64, life: Moment) -> Self {
        let mut random = Random::of(seed, u64::try_from(life).unwrap());
        let mut short = |count: usize| -> Vec<Span> {
            let one = |_| {
                let from = random.within(0, LASTS);
                Span::lasting(from, random.within(2 * MINUTE, 50 * MINUTE))
            };
            (0..count).map(one).collect()
        };
        let (mut ca, trial) = (short(45), short(30));
        let lasts = match life {
            DAY => 10 * HOUR + 15 * MINUTE,
            life if life < 30 * DAY => reserve(life) - 5 * HOUR,
            life if life < 90 * DAY => reserve(life) - 8 * HOUR,
            life => reserve(life) - 36 * HOUR,
        };
        // The longest lives are due once or twice in the time: it falls on that.
        let from = match life {
            life if life < 90 * DAY => random.within(20 * DAY, 45 * DAY),
            _ => 60 * DAY - random.within(0, DAY),
        };
        let long = Span::lasting(from, lasts);
        ca.push(long);
        Self {
            ca,
            long: Some(long),
            trial,
        }
    }
}

/// What a host suffers besides what befalls all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nothing.
    Plain,
    /// It is off at night, from 20 to 7 o'clock.
    Nights,
    /// It is off from Friday 19 o'clock to Monday 7 o'clock.
    Weekends,
    /// It is suspended for days, shorter than the reserve.
    Suspended,
    /// Its clock is set hours or days back or forward for a while.
    Clock,
    /// The authority refuses it for a while.
    Refused,
    /// Roles Anywhere refuses what is tried out, for a while.
    Untried,
    /// Hooks before and after the change fail for a while.
    Hooks,
    /// It may be changed in a window only.
    Windows,
    /// It is off for longer than its certificate is good.
    Beyond,
}

/// Of a hundred hosts, how many are of a kind; the others are plain.
const SHARES: [(Kind, u64); 9] = [
    (Kind::Nights, 8),
    (Kind::Weekends, 6),
    (Kind::Suspended, 6),
    (Kind::Clock, 6),
    (Kind::Refused, 4),
    (Kind::Untried, 4),
    (Kind::Hooks, 4),
    (Kind::Windows, 6),
    (Kind::Beyond, 4),
];

/// When cron runs: at this offset of each period.
#[derive(Clone, Copy, Debug)]
pub struct Cron {
    pub period: Moment,
    pub offset: Moment,
}

/// A host, with all that will befall it.
#[derive(Debug)]
pub struct Host {
    pub name: String,
    pub seed: u64,
    pub kind: Kind,
    pub life: Moment,
    /// When it has its first certificate. Half of the fleet is made in the first
    /// minute, of one image; the other half has grown before.
    pub enrolled: Moment,
    pub is_of_image: bool,
    pub cron: Cron,
    pub windows: ChangeWindows,
    pub outages: Arc<Outages>,
    pub off: Vec<Span>,
    /// When its clock is wrong, and by how much it is ahead.
    pub wrong: Vec<(Span, Moment)>,
    /// By how much it is ahead otherwise.
    pub drift: Moment,
    pub refused: Vec<Span>,
    pub untried: Vec<Span>,
    pub before_fails: Vec<Span>,
    pub after_fails: Vec<Span>,
}

/// What the authority does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ca {
    Issues,
    Out,
    Refuses,
}

/// What Roles Anywhere does with what is tried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    Grants,
    Refuses,
    Silent,
}

impl Host {
    /// One of a fleet.
    pub fn drawn(seed: u64, number: u64, outages: &[Arc<Outages>; 4]) -> Self {
        let mut random = Random::of(seed, number + 1_000_000);
        let class = CLASSES[usize::try_from(number % 8).unwrap()];
        let life = LIVES[class];
        let mut left = random.next() % 100;
        let kind = SHARES.iter().find(|(_, share)| {
            let is_it = left < *share;
            left = left.wrapping_sub(*share);
            is_it
        });
        let kind = kind.map_or(Kind::Plain, |(kind, _)| *kind);
        let is_of_image = random.next().is_multiple_of(2);
        let mut host = Self {
            seed: random.next(),
            kind,
            is_of_image,
            cron: Cron::drawn(&mut random, kind, life),
            drift: random.within(-DRIFT, DRIFT + 1),
            ..Self::plain(number, life, Arc::clone(&outages[class]))
        };
        host.enrolled = if is_of_image {
            random.within(0, MINUTE)
        } else {
            random.within(-(life - reserve(life)) * 9 / 10, 0)
        };
        host.suffer(&mut random);
        host
    }

    /// One that suffers nothing of its own, and was made when all began.
    pub fn plain(number: u64, life: Moment, outages: Arc<Outages>) -> Self {
        Self {
            name: format!("host-{number}"),
            seed: number,
            kind: Kind::Plain,
            life,
            enrolled: 0,
            is_of_image: true,
            cron: Cron {
                period: 5 * MINUTE,
                offset: 0,
            },
            windows: ChangeWindows::default(),
            outages,
            off: Vec::new(),
            wrong: Vec::new(),
            drift: 0,
            refused: Vec::new(),
            untried: Vec::new(),
            before_fails: Vec::new(),
            after_fails: Vec::new(),
        }
    }

    fn suffer(&mut self, random: &mut Random) {
        let reserve = reserve(self.life);
        let spans = |random: &mut Random, count: usize, least: Moment, most: Moment| {
            let one = |_| Span::lasting(random.within(0, LASTS), random.within(least, most));
            (0..count).map(one).collect::<Vec<_>>()
        };
        match self.kind {
            Kind::Plain | Kind::Nights | Kind::Weekends => {}
            Kind::Suspended => self.off = spans(random, 4, HOUR, reserve * 9 / 10),
            Kind::Beyond => self.off = spans(random, 1, self.life + HOUR, self.life * 2),
            Kind::Refused => self.refused = spans(random, 4, 2 * HOUR, reserve / 2),
            Kind::Untried => self.untried = spans(random, 4, HOUR, reserve / 2),
            Kind::Hooks => {
                self.before_fails = spans(random, 4, HOUR, reserve / 2);
                self.after_fails = spans(random, 4, HOUR, 3 * DAY);
            }
            Kind::Clock => {
                for span in spans(random, 4, 10 * MINUTE, reserve / 2) {
                    let by = random.within(10 * MINUTE, 4 * DAY);
                    let is_ahead = random.next().is_multiple_of(2);
                    self.wrong.push((span, if is_ahead { by } else { -by }));
                }
            }
            Kind::Windows => {
                let text = match (self.life >= 30 * DAY, random.next() % 3) {
                    (true, 0) => "0 3 * * SUN 4h Europe/Berlin",
                    (true, _) => "30 1 * * TUE,THU 3h America/New_York",
                    (false, 0) => "0 2 * * * 3h UTC",
                    (false, _) => "0 22 * * * 4h Asia/Kolkata",
                };
                let window: ChangeWindow = text.parse().unwrap();
                self.windows = ChangeWindows(vec![window]);
            }
        }
    }

    /// Whether it is on.
    pub fn is_awake(&self, moment: Moment) -> bool {
        let of_day = moment.rem_euclid(DAY);
        let of_week = (moment + 3 * DAY).rem_euclid(7 * DAY);
        let sleeps = match self.kind {
            Kind::Nights => !(7 * HOUR..20 * HOUR).contains(&of_day),
            Kind::Weekends => !(7 * HOUR..4 * DAY + 19 * HOUR).contains(&of_week),
            _ => false,
        };
        !(sleeps || is_in(&self.off, moment))
    }

    /// The first run after a moment.
    pub fn next_run(&self, after: Moment) -> Moment {
        let Cron { period, offset } = self.cron;
        let mut run = (after - offset).div_euclid(period) * period + period + offset;
        while !self.is_awake(run) {
            run += period;
        }
        run
    }

    /// By how much its clock is ahead.
    pub fn ahead(&self, moment: Moment) -> Moment {
        let wrong = self.wrong.iter();
        let mut wrong = wrong.filter(|(span, _)| is_in(&[*span], moment));
        wrong.next().map_or(self.drift, |(_, ahead)| *ahead)
    }

    /// What its clock shows.
    pub fn clock(&self, moment: Moment) -> Moment {
        moment + self.ahead(moment)
    }

    /// Whether its clock is right.
    pub fn is_right(&self, moment: Moment) -> bool {
        self.ahead(moment).abs() <= DRIFT
    }

    /// When its clock is set next after a moment, if ever.
    pub fn next_step(&self, after: Moment) -> Option<Moment> {
        let edges = self
            .wrong
            .iter()
            .flat_map(|(span, _)| [span.from, span.until]);
        edges.filter(|edge| *edge > after).min()
    }

    pub fn ca(&self, moment: Moment) -> Ca {
        if is_in(&self.outages.ca, moment) {
            Ca::Out
        } else if is_in(&self.refused, moment) {
            Ca::Refuses
        } else {
            Ca::Issues
        }
    }

    pub fn trial(&self, moment: Moment) -> Trial {
        if is_in(&self.outages.trial, moment) {
            Trial::Silent
        } else if is_in(&self.untried, moment) {
            Trial::Refuses
        } else {
            Trial::Grants
        }
    }

    pub fn before_fails(&self, moment: Moment) -> bool {
        is_in(&self.before_fails, moment)
    }

    pub fn after_fails(&self, moment: Moment) -> bool {
        is_in(&self.after_fails, moment)
    }

    /// The serial number of its certificate of this number.
    pub fn serial(&self, number: u64) -> SerialNumber {
        let mut random = Random::of(self.seed, number);
        let octets = [random.next().to_be_bytes(), random.next().to_be_bytes()].concat();
        SerialNumber::from_magnitude(&octets).unwrap()
    }
}

impl Cron {
    /// Most run each hour at a minute of their own; some at every quarter of an hour
    /// or every five minutes, as crontabs have it, all at the same; and where
    /// a day is no matter, some once a day.
    fn drawn(random: &mut Random, kind: Kind, life: Moment) -> Self {
        let (period, offset) = match random.next() % 10 {
            0 => (15 * MINUTE, 0),
            1 => (5 * MINUTE, 0),
            2 if life >= 90 * DAY && kind != Kind::Windows => {
                (DAY, random.within(8 * HOUR, 18 * HOUR))
            }
            _ => (HOUR, random.within(0, HOUR)),
        };
        Self { period, offset }
    }
}
