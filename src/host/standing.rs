//! How an identity stands: what is in force, when the next one is due, and what
//! holds it up.

use chrono::{DateTime, Utc};

use crate::pki::Certificate;
use crate::store::VersionNumber;

use super::backoff::Failures;
use super::issuer::Word;
use super::schedule::{Cause, Due, Life, Urgency};
use super::shelf::Pair;
use super::spread::Whose;
use super::state::State;
use super::terms::Terms;

/// How an identity stands at a moment.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The version in force.
    pub version: Option<VersionNumber>,
    /// Its certificate, where it can be read.
    pub certificate: Option<Certificate>,
    /// When it is due; `None` without a certificate.
    pub due: Option<Due>,
    /// How urgent a renewal is.
    pub urgency: Urgency,
    /// What the issuer says of its certificate.
    pub word: Word,
    /// Why it is to be renewed now, if it is.
    pub reason: Option<Reason>,
    /// When a renewal that failed is tried again, if that is still to come.
    pub next_try: Option<DateTime<Utc>>,
    /// When a change window opens; `None` while it may be changed, or where none
    /// ever opens.
    pub opens: Option<DateTime<Utc>>,
    /// Whether it may not be changed now.
    pub is_closed: bool,
    /// What is kept between runs.
    pub state: State,
    /// The moment.
    pub at: DateTime<Utc>,
}

/// Why an identity is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is none yet.
    First,
    /// Somebody asked for it.
    Forced,
    /// It is time.
    Life(Cause),
    /// It has ended.
    Ended,
    /// Its issuer has revoked it.
    Revoked,
    /// It is to have other names.
    Names,
    /// What is in force cannot be read.
    Unreadable,
    /// A renewal was begun and is not through.
    Begun,
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::First => "there is no certificate yet",
            Self::Forced => "it was asked for",
            Self::Life(Cause::Half) => "half of its life is over",
            Self::Life(Cause::IssuerEnds) => "its issuer ends before it does",
            Self::Life(Cause::TwoThirds) => "two thirds of its life are over",
            Self::Life(Cause::Within | Cause::WithinTooLong) => "less is left than is asked for",
            Self::Ended => "it has expired",
            Self::Revoked => "its issuer has revoked it",
            Self::Names => "it is to have other names",
            Self::Unreadable => "what is in force cannot be read",
            Self::Begun => "a renewal was begun",
        })
    }
}

impl Standing {
    /// Judges what is in force.
    pub(super) fn of(
        pair: Option<&Pair>,
        state: State,
        terms: &Terms,
        now: DateTime<Utc>,
        says: impl FnOnce(&Certificate) -> Word,
    ) -> Self {
        let certificate = pair.and_then(Pair::certificate);
        let number = pair.map(|pair| pair.number);
        let life = certificate
            .as_ref()
            .map(|found| life(found, number, &state));
        let whose = Whose {
            serial: certificate.as_ref().map(Certificate::serial),
            host: &terms.host,
        };
        let due = life.map(|life| life.due(terms.rule, &whose));
        let urgency = due.map_or(Urgency::Expired, |due| due.urgency(now));
        let word = certificate.as_ref().map(says).unwrap_or_default();
        // What is revoked is of no use until a window opens.
        let is_closed = word != Word::Revoked && !terms.windows.permit(now, urgency);
        let mut standing = Self {
            version: number,
            certificate,
            due,
            urgency,
            word,
            reason: None,
            next_try: None,
            opens: terms.windows.next_opening(now).filter(|_| is_closed),
            is_closed,
            state,
            at: now,
        };
        standing.reason = match pair {
            None => Some(Reason::First),
            Some(pair) if !pair.is_whole() => Some(Reason::Unreadable),
            Some(_) => standing.reason_if_whole(terms),
        };
        let ends = due.map(|due| due.ends());
        let whose = Whose {
            serial: standing.certificate.as_ref().map(Certificate::serial),
            host: &terms.host,
        };
        // Whoever sets an identity up is not kept waiting by a mistake that is mended.
        let held_up = |failures: &Failures| {
            standing.reason != Some(Reason::First) && failures.hold_up(ends, &whose, now)
        };
        let next_try = standing.state.failures.filter(held_up);
        let next_try = next_try.map(|failures| failures.next_try(ends, &whose));
        Self {
            next_try,
            ..standing
        }
    }

    /// Why it is to be renewed, where its key is that of its certificate.
    pub(super) fn reason_if_whole(&self, terms: &Terms) -> Option<Reason> {
        match (&self.certificate, self.due) {
            (None, _) | (_, None) => Some(Reason::Unreadable),
            _ if self.urgency == Urgency::Expired => Some(Reason::Ended),
            _ if self.word == Word::Revoked => Some(Reason::Revoked),
            (_, Some(due)) if self.urgency.is_due() => Some(Reason::Life(due.cause)),
            (Some(found), _) if !terms.compare(found).is_same() => Some(Reason::Names),
            _ if self.state.next.is_some() => Some(Reason::Begun),
            _ => None,
        }
    }

    /// How an identity stands whose directory is not there.
    #[must_use]
    pub fn of_none(terms: &Terms, now: DateTime<Utc>) -> Self {
        Self::of(None, State::default(), terms, now, |_| Word::Nothing)
    }

    /// Whether a run would renew it now.
    #[must_use]
    pub const fn is_to_be_renewed(&self) -> bool {
        let is_held = self.next_try.is_some() || self.is_closed;
        self.reason.is_some() && !is_held && !matches!(self.word, Word::OnHold)
    }

    /// When a certificate that is in force now will be looked at for renewal.
    #[must_use]
    pub fn next(&self) -> Option<DateTime<Utc>> {
        self.next_try
            .or(self.opens)
            .or_else(|| self.due.map(|due| due.at))
    }
}

/// From when until when a certificate is good: as it is remembered, or as well as
/// it says itself.
fn life(certificate: &Certificate, number: Option<VersionNumber>, state: &State) -> Life {
    let known = state.in_force.as_ref();
    let known = known.filter(|known| number.is_some_and(|number| number.get() == known.version));
    Life {
        obtained: known.map_or_else(|| certificate.not_before(), |known| known.obtained),
        not_after: certificate.not_after(),
        issuer_not_after: known.and_then(|known| known.issuer_not_after),
    }
}
