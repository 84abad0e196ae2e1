//! The limits of a profile: what a requester has had, and whether one more is too
//! many.

use chrono::TimeDelta;

use crate::store::Holder;

use super::policy::{Profile, Refusals};
use super::{Authority, Error, Occasion};

/// What the requester has had under a profile: in 24 hours, and valid now.
pub(super) struct Tally<'a> {
    profile: &'a str,
    issued: u32,
    valid: u32,
}

impl Tally<'_> {
    pub(super) fn is_of(&self, profile: &str) -> bool {
        self.profile == profile
    }

    pub(super) const fn add_one(&mut self) {
        self.issued = self.issued.saturating_add(1);
        self.valid = self.valid.saturating_add(1);
    }
}

impl Authority {
    /// What the limits of a profile say of one more certificate.
    pub(super) fn judge_limits(
        profile: &Profile,
        tally: &Tally<'_>,
        requester: &str,
    ) -> Result<(), Error> {
        let mut refusals = Vec::new();
        let value = format!("one more certificate for {requester}");
        if let Some(most) = profile.per_day().filter(|most| tally.issued >= *most) {
            let why = format!("is {most}, and as many were issued within 24 hours");
            refusals.push(profile.refusal("per_day", &value, &why));
        }
        if let Some(most) = profile.valid().filter(|most| tally.valid >= *most) {
            let why = format!("is {most}, and as many are valid now");
            refusals.push(profile.refusal("valid", &value, &why));
        }
        Refusals::of(refusals).map_or(Ok(()), |refusals| Err(Error::Refused(refusals)))
    }

    pub(super) fn tally<'a>(
        &self,
        profile: &'a Profile,
        occasion: &Occasion<'_>,
    ) -> Result<Tally<'a>, Error> {
        self.tally_without(profile, 0, occasion)
    }

    /// The same, where so many reservations are dead and will be settled.
    pub(super) fn tally_without<'a>(
        &self,
        profile: &'a Profile,
        dead: usize,
        occasion: &Occasion<'_>,
    ) -> Result<Tally<'a>, Error> {
        let dead = u32::try_from(dead).unwrap_or(u32::MAX);
        let mut tally = Tally {
            profile: profile.name().unwrap_or_default(),
            issued: 0,
            valid: 0,
        };
        let holder = Holder {
            requester: occasion.actor,
            profile: tally.profile,
        };
        if let Some(most) = profile.per_day() {
            let since = occasion.at - TimeDelta::days(1);
            let count = self
                .inventory
                .issued_since(holder, since, most.saturating_add(dead))?;
            tally.issued = count.saturating_sub(dead);
        }
        if let Some(most) = profile.valid() {
            let count = self
                .inventory
                .valid_at(holder, occasion.at, most.saturating_add(dead))?;
            tally.valid = count.saturating_sub(dead);
        }
        Ok(tally)
    }

    /// What the limits say now, without reserving anything.
    pub(super) fn foresee_limits(
        &self,
        profile: &Profile,
        occasion: &Occasion<'_>,
    ) -> Result<(), Error> {
        let tally = self.tally(profile, occasion)?;
        Self::judge_limits(profile, &tally, occasion.actor)
    }
}
