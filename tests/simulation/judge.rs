//! What a host owes whoever relies on it, in arithmetic of its own: nothing here
//! asks the library when something is due.

use windlass::host::{ChangeWindows, Prospect};

use super::sketch::{Act, Held, Ran, Sketch};
use super::world::{BACKDATED, Ca, DAY, DRIFT, HOUR, Host, MINUTE, Moment, Trial, reserve, wall};

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// Who is due and can be renewed is renewed, at the first run for which the
    /// pause after a failure may not last any more.
    InTime,
    /// Nobody is renewed before it is due, or twice within a tenth of a life.
    NotEarly,
    /// Windows are kept, but for emergencies.
    InWindows,
    /// Nobody asks the authority more often than its pauses allow.
    NoStorm,
}

/// Of the time left, what one pause may take at most; and otherwise.
const SHARE_OF_REST: Moment = 10;
const LONGEST_PASSING: Moment = HOUR;
const LONGEST_LASTING: Moment = 6 * HOUR;
const LONGEST_EXPIRED: Moment = 10 * MINUTE;

/// Requests within a day: with more than half a day left two an hour, and those
/// that come quicker at first; nearer to the end, as a clock that is set may have
/// it too, and after it one in five minutes.
const MOST_A_DAY: usize = 60;
const MOST_AT_THE_END: usize = 290;

/// What is known of a host's certificate, as the authority sees it.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// When it was obtained, by the host's clock and by the authority's.
    obtained: Moment,
    truly: Moment,
    ends: Moment,
}

/// A failure.
#[derive(Clone, Copy, Debug)]
struct Failed {
    at: Moment,
    prospect: Prospect,
    was_right: bool,
}

/// The judge of one host.
#[derive(Debug)]
pub struct Judge {
    known: Known,
    failed: Option<Failed>,
    /// Whether the last trial that anybody answered was a refusal: then silence is no
    /// leave to go without one.
    is_refused: bool,
    /// Whether the clock was set since the certificate was obtained.
    is_shaken: bool,
    is_expired: bool,
    asked: Vec<Moment>,
    /// The most requests within a day.
    pub most_asked: usize,
    /// When certificates ended that were in force, and when the host came back.
    pub expiries: Vec<(Moment, Option<Moment>)>,
    /// Renewals outside of a window, in an emergency.
    pub emergencies: usize,
    /// Renewals since the clocks disagreed about when the certificate was obtained.
    pub doubtful: usize,
    pub broken: Vec<(Promise, String)>,
}

impl Judge {
    pub fn of(first: &Held) -> Self {
        let known = Known::of(first);
        Self {
            known,
            failed: None,
            is_refused: false,
            is_shaken: known.is_odd(),
            is_expired: false,
            asked: Vec::new(),
            most_asked: 0,
            expiries: Vec::new(),
            emergencies: 0,
            doubtful: 0,
            broken: Vec::new(),
        }
    }

    /// The first moment at which the certificate may be renewed, by the host's
    /// clock: a twentieth of its life before it is due.
    pub fn earliest(&self) -> Moment {
        self.known.nominal() - self.known.whole() / 20
    }

    /// Looks at a run of a host; `had_begun` says whether a renewal was under way.
    pub fn look(&mut self, host: &Host, after: &Sketch, had_begun: bool, (at, ran): (Moment, Ran)) {
        self.is_shaken |= !host.is_right(at);
        if at >= self.known.ends && !self.is_expired {
            self.is_expired = true;
            self.expiries.push((self.known.ends, None));
        }
        if ran.asked {
            self.count(host, at);
        }
        match ran.act {
            Act::Renewed => self.renewed(host, &after.in_force, had_begun, at),
            Act::Failed(prospect) => {
                self.check_chance(host, at, ran);
                self.is_refused = match host.trial(at) {
                    Trial::Refuses => self.is_refused || prospect == Prospect::Lasting,
                    Trial::Silent => self.is_refused,
                    Trial::Grants => false,
                };
                self.failed = Some(Failed {
                    at,
                    prospect,
                    was_right: host.is_right(at),
                });
            }
            Act::Nothing | Act::Held => self.check_chance(host, at, ran),
        }
    }

    fn breaks(&mut self, promise: Promise, host: &Host, at: Moment, what: &str) {
        let text = format!(
            "{} ({:?}, life {} h, cron {:?}) {:.3} days in: {what}; {:?}, failed {:?}",
            host.name,
            host.kind,
            host.life / HOUR,
            host.cron,
            in_days(at),
            self.known,
            self.failed
        );
        self.broken.push((promise, text));
    }

    fn renewed(&mut self, host: &Host, made: &Held, had_begun: bool, at: Moment) {
        self.is_refused = false;
        let now = host.clock(at);
        if !had_begun && !self.is_shaken && now < self.earliest() - 1 {
            self.breaks(Promise::NotEarly, host, at, "renewed before it was due");
        }
        if !self.is_shaken && at - self.known.truly < host.life / 10 {
            self.breaks(Promise::NotEarly, host, at, "renewed twice");
        }
        if !is_open(&host.windows, now) {
            if is_emergency(&self.known, now) {
                self.emergencies += 1;
            } else {
                self.breaks(
                    Promise::InWindows,
                    host,
                    at,
                    "renewed outside of its windows",
                );
            }
        }
        self.doubtful += usize::from(self.known.is_doubtful(now));
        if let Some(last) = self.expiries.last_mut().filter(|_| self.is_expired) {
            last.1 = Some(at);
        }
        self.known = Known::of(made);
        self.failed = None;
        self.is_expired = false;
        self.is_shaken = !host.is_right(at) || self.known.is_odd();
    }

    /// Whether a host that was not renewed in this run had to be.
    fn check_chance(&mut self, host: &Host, at: Moment, ran: Ran) {
        let now = host.clock(at);
        let is_due = now > self.known.nominal() || self.known.is_doubtful(now);
        let could = host.is_right(at)
            && host.ca(at) == Ca::Issues
            && !host.before_fails(at)
            && match host.trial(at) {
                Trial::Grants => true,
                Trial::Silent => is_emergency(&self.known, now) && !self.is_refused,
                Trial::Refuses => false,
            }
            && (is_open(&host.windows, now) || is_emergency(&self.known, now));
        let ends = self.known.ends;
        let has_waited = self.failed.is_none_or(|failed| at >= failed.until(ends));
        if is_due && could && has_waited {
            let what = format!("not renewed: {ran:?}");
            self.breaks(Promise::InTime, host, at, &what);
        }
    }

    /// Counts a request, and the others of the last 24 hours.
    fn count(&mut self, host: &Host, at: Moment) {
        self.asked.retain(|asked| *asked > at - DAY);
        self.asked.push(at);
        self.most_asked = self.most_asked.max(self.asked.len());
        let most = if self.known.ends - at > 12 * HOUR && !self.is_shaken {
            MOST_A_DAY
        } else {
            MOST_AT_THE_END
        };
        if self.asked.len() > most {
            let what = format!("asked {} times within a day", self.asked.len());
            self.breaks(Promise::NoStorm, host, at, &what);
        }
    }
}

impl Known {
    const fn of(held: &Held) -> Self {
        Self {
            obtained: held.obtained,
            truly: held.not_before + BACKDATED,
            ends: held.not_after,
        }
    }

    /// Whether it was obtained by a clock that was wrong.
    const fn is_odd(&self) -> bool {
        (self.obtained - self.truly).abs() > DRIFT
    }

    fn whole(&self) -> Moment {
        (self.ends - self.obtained).max(0)
    }

    fn nominal(&self) -> Moment {
        self.ends - reserve(self.whole())
    }

    /// Whether it seems to have been obtained in the future.
    fn is_doubtful(&self, now: Moment) -> bool {
        let whole = self.whole();
        whole == 0 || self.obtained - now > (whole / 20).max(5 * MINUTE)
    }
}

fn is_open(windows: &ChangeWindows, now: Moment) -> bool {
    let mut all = windows.0.iter();
    windows.0.is_empty() || all.any(|window| window.is_open(wall(now)))
}

/// Less than a sixth of the life is left, which is less than half of either reserve
/// as well; or nothing.
fn is_emergency(known: &Known, now: Moment) -> bool {
    let left = known.ends - now;
    left * 6 < known.whole() || left <= 0
}

impl Failed {
    /// How long the pause after it may last.
    fn until(&self, ends: Moment) -> Moment {
        let longest = match self.prospect {
            Prospect::Passing => LONGEST_PASSING,
            Prospect::Lasting => LONGEST_LASTING,
        };
        let left = ends - self.at;
        let pause = if !self.was_right {
            longest
        } else if left > DRIFT_AND_MORE {
            longest.min((left + DRIFT_AND_MORE) / SHARE_OF_REST)
        } else {
            longest.min(LONGEST_EXPIRED)
        };
        self.at + pause.max(MINUTE)
    }
}

/// What a clock that is right may make of the time left.
const DRIFT_AND_MORE: Moment = 2 * DRIFT;

fn in_days(at: Moment) -> f64 {
    f64::from(i32::try_from(at).unwrap()) / 86_400.0
}
