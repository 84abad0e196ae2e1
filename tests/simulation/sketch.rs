//! A host without keys, certificates and files: it decides by the library's rules
//! (when it is due, how urgent that is, what holds it up) and goes through the
//! steps of a renewal as the real rotation does. `real.rs` runs both side by side
//! and compares them run by run; this one is cheap enough for half a million
//! renewals.

use windlass::host::{Due, Failures, Life, Prospect, Rule, Whose};
use windlass::pki::SerialNumber;

use super::world::{BACKDATED, Ca, Host, Moment, Trial, wall};

/// A certificate that a host holds.
#[derive(Clone, Debug)]
pub struct Held {
    pub serial: SerialNumber,
    /// When it was obtained, by the host's clock.
    pub obtained: Moment,
    pub not_before: Moment,
    pub not_after: Moment,
}

impl Held {
    /// What the authority issues at a moment to a host whose clock shows another.
    fn issued(host: &Host, number: u64, at: Moment, obtained: Moment) -> Self {
        Self {
            serial: host.serial(number),
            obtained,
            not_before: at - BACKDATED,
            not_after: at + host.life,
        }
    }

    fn due(&self, host: &Host) -> Due {
        let life = Life {
            obtained: wall(self.obtained),
            not_after: wall(self.not_after),
            issuer_not_after: None,
        };
        life.due(Rule::Usual, &self.whose(host))
    }

    fn whose<'a>(&'a self, host: &'a Host) -> Whose<'a> {
        Whose {
            serial: Some(&self.serial),
            host: &host.name,
        }
    }

    fn is_valid(&self, now: Moment) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// What a run has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Nothing,
    Held,
    Renewed,
    Failed(Prospect),
}

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    pub act: Act,
    /// Whether the authority was asked.
    pub asked: bool,
}

/// A host as it stands.
#[derive(Clone, Debug)]
pub struct Sketch {
    pub in_force: Held,
    pub failures: Option<Failures>,
    /// A renewal that was begun: its key is there, and perhaps its certificate.
    pub next: Option<Option<Held>>,
    /// Whether a hook has still to be run.
    pub owes: bool,
    /// Whether a trial was refused, and none granted since.
    refused: bool,
    /// How many certificates it was issued.
    issued: u64,
}

impl Sketch {
    /// A host with its first certificate.
    pub fn enrolled(host: &Host) -> Self {
        let at = host.enrolled;
        Self {
            in_force: Held::issued(host, 0, at, host.clock(at)),
            failures: None,
            next: None,
            owes: false,
            refused: false,
            issued: 1,
        }
    }

    /// Whether nothing is left of runs before.
    pub const fn is_at_rest(&self) -> bool {
        self.failures.is_none() && self.next.is_none() && !self.owes
    }

    /// Runs, as cron does.
    pub fn run(&mut self, host: &Host, at: Moment) -> Ran {
        let now = wall(host.clock(at));
        if self.owes {
            self.owes = host.after_fails(at);
        }
        let act = |act| Ran { act, asked: false };
        let due = self.in_force.due(host);
        let urgency = due.urgency(now);
        if !urgency.is_due() && self.next.is_none() {
            return act(Act::Nothing);
        }
        let whose = self.in_force.whose(host);
        let held_up = |failures: Failures| failures.hold_up(Some(due.ends()), &whose, now);
        if self.failures.is_some_and(held_up) || !host.windows.permit(now, urgency) {
            return act(Act::Held);
        }
        let mut asked = false;
        let act = match self.renew(host, at, urgency.is_emergency(), &mut asked) {
            Ok(made) => {
                self.in_force = made;
                self.failures = None;
                self.refused = false;
                self.owes = host.after_fails(at);
                Act::Renewed
            }
            Err(prospect) => {
                self.failures = Some(Failures::after(self.failures, now, prospect));
                Act::Failed(prospect)
            }
        };
        Ran { act, asked }
    }

    /// One renewal. What is left of one that failed is in `next`.
    fn renew(
        &mut self,
        host: &Host,
        at: Moment,
        is_emergency: bool,
        asked: &mut bool,
    ) -> Result<Held, Prospect> {
        let now = host.clock(at);
        let is_of_use = |held: &Held| {
            let urgency = held.due(host).urgency(wall(now));
            held.is_valid(now) && !urgency.is_due()
        };
        let made = match self.next.take().flatten().filter(is_of_use) {
            Some(made) => made,
            None => {
                *asked = true;
                match host.ca(at) {
                    Ca::Issues => {}
                    Ca::Out => {
                        self.next = Some(None);
                        return Err(Prospect::Passing);
                    }
                    Ca::Refuses => return Err(Prospect::Lasting),
                }
                self.issued += 1;
                Held::issued(host, self.issued - 1, at, now)
            }
        };
        if !made.is_valid(now) {
            return Err(Prospect::Lasting);
        }
        let stopped = match host.trial(at) {
            // A refusal stands until it is taken back, however little time is left.
            Trial::Silent if !is_emergency || self.refused => Some(Prospect::Passing),
            Trial::Refuses => {
                self.refused = true;
                Some(Prospect::Lasting)
            }
            Trial::Silent | Trial::Grants => {
                self.refused = false;
                host.before_fails(at).then_some(Prospect::Passing)
            }
        };
        match stopped {
            Some(prospect) => {
                self.next = Some(Some(made));
                Err(prospect)
            }
            None => Ok(made),
        }
    }
}
