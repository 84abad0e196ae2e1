//! Asking AWS: for a session, or where that makes no sense, whether it can be
//! reached and what time it has.

use std::time::Instant;

use chrono::TimeDelta;

use crate::commands::session::{SessionPlan, endpoint, transport};
use crate::commands::{Context, Error};
use crate::limits;
use crate::pki::{self, Identity};
use crate::rolesanywhere::{Endpoint, Granted, Outgoing, Region, Transport};

use super::case::Case;

/// What came of it.
pub(super) enum Live {
    /// Nobody wanted it.
    NotAsked,
    /// The options do not say what to ask for.
    Unplanned(Error),
    /// There is no identity to ask with; this is what the way there looks like.
    Reached(Way),
    /// The certificate is not valid by this host's clock.
    Invalid(pki::Error, Way),
    /// A session. It is forgotten.
    Granted(Box<Granted>),
    /// No session.
    Failed(Error),
}

/// What a request without a signature showed: how far this host's clock is ahead.
pub(super) type Way = Result<Option<TimeDelta>, Error>;

impl Live {
    /// How far this host's clock is ahead of AWS's, where that was seen.
    pub(super) fn clock_ahead(&self) -> Option<TimeDelta> {
        match self {
            Self::NotAsked | Self::Unplanned(_) => None,
            Self::Reached(way) | Self::Invalid(_, way) => way.as_ref().ok().copied().flatten(),
            Self::Granted(granted) => granted.clock_ahead,
            Self::Failed(Error::Exchange(error)) => match error.root() {
                crate::rolesanywhere::Error::Denied { clock_ahead, .. } => *clock_ahead,
                _ => None,
            },
            Self::Failed(_) => None,
        }
    }
}

pub(super) fn ask(case: &Case<'_>, identity: Option<&Identity>) -> Live {
    if case.asked.is_offline() {
        return Live::NotAsked;
    }
    let plan = match SessionPlan::new(case.session, case.context) {
        Ok(plan) => plan,
        Err(error) => return Live::Unplanned(error),
    };
    let Some(identity) = identity else {
        return Live::Reached(way(case, plan.region()));
    };
    if let Err(error) = identity.check_validity(case.context.clock.now()) {
        return Live::Invalid(error, way(case, plan.region()));
    }
    let until = Instant::now() + limits::TOTAL_DEADLINE;
    match plan.probe(identity, until) {
        Ok(granted) => Live::Granted(Box::new(granted)),
        Err(error) => Live::Failed(error),
    }
}

/// Where it is asked.
pub(super) fn place(case: &Case<'_>) -> Option<Endpoint> {
    let region = case.session.trust_anchor_arn.as_ref()?.region();
    endpoint(case.session, case.context, region).ok()
}

/// A request that any server answers, without a signature: its answer has a date.
fn way(case: &Case<'_>, region: &Region) -> Way {
    let endpoint = endpoint(case.session, case.context, region)?;
    let context: &Context = case.context;
    let settings = transport(case.session, context, &[&endpoint])?;
    let transport = Transport::new(&settings)?;
    let request = Outgoing {
        path: "/",
        query: "",
        headers: &[],
        body: "",
    };
    let reply = transport.get(&endpoint, &request, limits::ATTEMPT_DEADLINE)?;
    let now = context.clock.now();
    Ok(reply.date.map(|date| now - date))
}
