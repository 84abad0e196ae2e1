//! When a certificate is renewed, and how urgent that is.
//!
//! | moment | of a life of 30 d | of one of 24 h |
//! |---|---|---|
//! | due: 2/3 of the life, below 10 d 1/2 | day 20 | 12 h |
//! | less a share of life/20 that is the host's own | from day 18½ | from 10 h 48 min |
//! | overdue: a quarter of what was left when it was due is gone | day 22½ | 15 h |
//! | an emergency: half of that is gone, and less than life/6 is left | day 25 | 20 h |
//! | expired | day 30 | 24 h |
//!
//! A third of the life, or its half, is time for an authority that is out, a host
//! that sleeps and a person who mends something. Shorter lives have the larger
//! share, since a night is a night for them as well.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::Whose;

/// From here on a third of the life is reserve enough; below it is half (as
/// certbot and Let's Encrypt have it).
const LONG_LIFE: TimeDelta = TimeDelta::days(10);

/// The shares of a life, as what it is divided by.
const SPREAD: i32 = 20;
const EMERGENCY: i32 = 6;

/// Of a life, what is over at least before a certificate is due by
/// [`Rule::Within`].
const LEAST: i32 = 10;

/// What a clock may be set back by without what was obtained before looking
/// wrong, also of a short life.
const STEP: TimeDelta = TimeDelta::minutes(5);

/// Times left at which it is told again that a certificate was not renewed, the
/// ones of certmonger: seldom at first, often at the end.
const LADDER: [TimeDelta; 9] = [
    TimeDelta::days(28),
    TimeDelta::days(7),
    TimeDelta::days(3),
    TimeDelta::days(2),
    TimeDelta::days(1),
    TimeDelta::hours(12),
    TimeDelta::hours(6),
    TimeDelta::hours(2),
    TimeDelta::hours(1),
];

/// From when until when a certificate is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// When it was obtained: by this host's clock, or as the inventory has it. Its
    /// `notBefore` lies earlier, by what the issuer allows for slow clocks.
    pub obtained: DateTime<Utc>,
    /// Its `notAfter`.
    pub not_after: DateTime<Utc>,
    /// The `notAfter` of its issuer, or the first of those of its chain, if that
    /// is known. No path is valid beyond it.
    pub issuer_not_after: Option<DateTime<Utc>>,
}

impl Life {
    /// When nobody accepts it any more: at its end, or at its issuer's.
    #[must_use]
    pub fn ends(&self) -> DateTime<Utc> {
        self.issuer_not_after
            .map_or(self.not_after, |issuer| issuer.min(self.not_after))
    }

    /// How long it lasts, from when it was obtained. Nothing where it had ended
    /// before, as a clock that was ahead makes it look.
    #[must_use]
    pub fn whole(&self) -> TimeDelta {
        (self.ends() - self.obtained).max(TimeDelta::zero())
    }

    /// When it is due for renewal.
    #[must_use]
    pub fn due(&self, rule: Rule, whose: &Whose<'_>) -> Due {
        let (ends, whole) = (self.ends(), self.whole());
        let earliest = self.obtained + whole / LEAST;
        let (nominal, cause) = match rule {
            Rule::Within(margin) => match ends.checked_sub_signed(margin.max(TimeDelta::zero())) {
                Some(nominal) if nominal >= earliest => (nominal, Cause::Within),
                _ => (earliest, Cause::WithinTooLong),
            },
            Rule::Usual if whole >= LONG_LIFE => (ends - whole / 3, Cause::TwoThirds),
            Rule::Usual => (ends - whole / 2, Cause::Half),
        };
        let jitter = whose.share("renewal", 0, whole / SPREAD);
        Due {
            at: nominal - jitter,
            nominal,
            jitter,
            cause: if ends < self.not_after {
                Cause::IssuerEnds
            } else {
                cause
            },
            life: *self,
        }
    }
}

/// What makes a certificate due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Two thirds of its life are over; half, of one that is shorter than 10 days.
    #[default]
    Usual,
    /// Less than this is left. Not before a tenth of its life is over: else each
    /// run would renew what the run before has just obtained.
    Within(TimeDelta),
}

/// By what a certificate is due when it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Half of its life is over; it is shorter than 10 days.
    Half,
    /// Its issuer ends before it does, and the rule was applied to that end.
    IssuerEnds,
    /// Two thirds of its life are over.
    TwoThirds,
    /// Less is left than was asked for.
    Within,
    /// Less is left than was asked for from its beginning on, so that it is due
    /// after a tenth of its life.
    WithinTooLong,
}

/// When a certificate is renewed, and why then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// From when on: the nominal time less the jitter.
    pub at: DateTime<Utc>,
    /// What the rule says.
    pub nominal: DateTime<Utc>,
    /// By how much this host is earlier: up to a twentieth of the life, so that
    /// hosts which were set up together do not come back together.
    pub jitter: TimeDelta,
    /// By what.
    pub cause: Cause,
    pub(super) life: Life,
}

/// How urgent a renewal is, from not at all to too late.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Nothing is to be done.
    Healthy,
    /// It is time.
    Due,
    /// A quarter of the time between being due and the end is gone: runs fail, or
    /// do not take place.
    Overdue,
    /// Half of that time is gone, and less than a sixth of the life is left:
    /// change windows and a probe that nobody answers no longer hold it up.
    Emergency,
    /// It has ended.
    Expired,
}

impl Urgency {
    /// The word for it, also in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Due => "due",
            Self::Overdue => "overdue",
            Self::Emergency => "emergency",
            Self::Expired => "expired",
        }
    }

    /// Whether a renewal is to be tried, if nothing holds it up.
    #[must_use]
    pub fn is_due(self) -> bool {
        self >= Self::Due
    }

    /// Whether nothing but the next try's time may hold a renewal up.
    #[must_use]
    pub fn is_emergency(self) -> bool {
        self >= Self::Emergency
    }
}

impl std::fmt::Display for Urgency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Due {
    /// When the certificate ends, or its issuer.
    #[must_use]
    pub fn ends(&self) -> DateTime<Utc> {
        self.life.ends()
    }

    /// What is left of it; less than nothing once it has ended.
    #[must_use]
    pub fn left(&self, now: DateTime<Utc>) -> TimeDelta {
        self.ends() - now
    }

    /// How urgent a renewal is.
    ///
    /// Where the clocks disagree ([`Due::is_doubtful`]) it is due at least.
    #[must_use]
    pub fn urgency(&self, now: DateTime<Utc>) -> Urgency {
        let left = self.left(now);
        if left <= TimeDelta::zero() {
            Urgency::Expired
        } else if left < self.emergency() {
            Urgency::Emergency
        } else if left < self.overdue() {
            Urgency::Overdue
        } else if now >= self.at || self.is_doubtful(now) {
            Urgency::Due
        } else {
            Urgency::Healthy
        }
    }

    /// Whether the certificate seems to have been obtained in the future, or after
    /// its end: the clock was set back since, or was ahead then, and nobody knows
    /// how much of its life is over. A new one settles it, and if it is now that
    /// the clock is wrong, a new one is refused as not yet valid and nothing is
    /// lost.
    ///
    /// A twentieth of the life is no matter: no schedule is that exact, and
    /// the clocks of host and authority differ.
    #[must_use]
    pub fn is_doubtful(&self, now: DateTime<Utc>) -> bool {
        let whole = self.life.whole();
        whole == TimeDelta::zero() || self.life.obtained - now > (whole / SPREAD).max(STEP)
    }

    /// The last time left at which it is to be told (again) that the certificate
    /// was not renewed; none before the first one, nothing left once it has ended.
    ///
    /// Who tells keeps it, and tells again when it is another: once for each of
    /// 28 d, 7 d, 3 d, 2 d, 1 d, 12 h, 6 h, 2 h and 1 h that is less than what is left
    /// when it is due, also after a clock went back.
    #[must_use]
    pub fn rung(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        let left = self.left(now);
        if left <= TimeDelta::zero() {
            return Some(TimeDelta::zero());
        }
        let rungs = LADDER.into_iter();
        rungs
            .filter(|rung| *rung < self.reserve() && left <= *rung)
            .min()
    }

    /// Below which time left it is overdue.
    pub(super) fn overdue(&self) -> TimeDelta {
        self.reserve() - self.reserve() / 4
    }

    /// Below which time left it is an emergency.
    pub(super) fn emergency(&self) -> TimeDelta {
        (self.reserve() / 2).min(self.life.whole() / EMERGENCY)
    }

    /// What is left of it at the nominal time.
    pub(super) fn reserve(&self) -> TimeDelta {
        self.ends() - self.nominal
    }
}

#[cfg(test)]
mod tests;
