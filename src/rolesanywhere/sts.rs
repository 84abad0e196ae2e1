//! AssumeRole: from one role's session to another's (STS API reference).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use percent_encoding::utf8_percent_encode;

use crate::clock::Clock;
use crate::limits;

use crate::text::UNRESERVED;

use super::exchange::{Posted, Signed};
use super::retry::{Attempt, Persistence};
use super::{
    AssumeRole, ChainedDuration, Error, Exchange, Granted, HmacSigned, HmacUnsigned, Region, Reply,
    RoleChain, SessionCredentials, WorkloadNames, sign_with_secret,
};

/// The version of the STS API.
const VERSION: &str = "2011-06-15";

/// What a chain of roles is assumed with.
#[derive(Clone, Copy, Debug)]
pub struct Chaining<'a> {
    /// The roles.
    pub chain: &'a RoleChain,
    /// The region whose STS is asked.
    pub region: &'a Region,
    /// What session names are made of.
    pub names: &'a WorkloadNames,
    /// How long the last session is to last.
    pub duration: ChainedDuration,
}

/// Assumes the roles one after the other, the first with the session that was
/// `granted`. An empty chain gives that back. `exchange` is with STS.
///
/// # Errors
///
/// [`Error::Chained`] names the role that could not be assumed.
pub fn assume_roles(
    exchange: Exchange<'_>,
    chaining: &Chaining<'_>,
    granted: Granted,
    clock: &dyn Clock,
) -> Result<Granted, Error> {
    let until = exchange.deadline();
    let roles = chaining.chain.roles();
    let mut current = granted;
    for (index, step) in roles.iter().enumerate() {
        let is_last = index + 1 == roles.len();
        let duration = step.duration.unwrap_or(if is_last {
            chaining.duration
        } else {
            ChainedDuration::shortest()
        });
        let attempt = AssumeRoleAttempt {
            exchange,
            region: chaining.region,
            credentials: &current.credentials,
            body: encode(step, chaining.names, duration),
        };
        let mut next = Persistence {
            until,
            least: limits::LEAST_ATTEMPT,
            clock,
            correction: current.correction(),
            observe: exchange.observe,
        }
        .carry_out(&attempt)
        .map_err(|error| Error::Chained {
            hop: index + 1,
            role: step.role.clone(),
            error: Box::new(error),
        })?;
        next.attempts += current.attempts;
        current = next;
    }
    Ok(current)
}

/// The form that STS's query protocol takes.
fn encode(step: &AssumeRole, names: &WorkloadNames, duration: ChainedDuration) -> String {
    let mut form: Vec<(String, String)> = Vec::new();
    let mut add = |name: String, value: &str| form.push((name, value.to_owned()));
    add("Action".to_owned(), "AssumeRole");
    add("Version".to_owned(), VERSION);
    add("RoleArn".to_owned(), step.role.as_str());
    add("RoleSessionName".to_owned(), &step.session_name.fill(names));
    add(
        "DurationSeconds".to_owned(),
        &duration.seconds().to_string(),
    );
    if let Some(id) = &step.external_id {
        add("ExternalId".to_owned(), id.as_str());
    }
    if let Some(policy) = &step.policy {
        add("Policy".to_owned(), policy.as_str());
    }
    for (index, arn) in (1..).zip(&step.policy_arns) {
        add(format!("PolicyArns.member.{index}.arn"), arn.as_str());
    }
    for (index, tag) in (1..).zip(&step.tags) {
        add(format!("Tags.member.{index}.Key"), tag.key().as_str());
        add(format!("Tags.member.{index}.Value"), tag.value());
    }
    for (index, key) in (1..).zip(&step.transitive_tag_keys) {
        add(format!("TransitiveTagKeys.member.{index}"), key.as_str());
    }
    let pairs: Vec<String> = form
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, UNRESERVED)))
        .collect();
    pairs.join("&")
}

impl Signed for HmacSigned {
    fn headers(&self) -> &[(String, String)] {
        &self.headers
    }
}

struct AssumeRoleAttempt<'a> {
    exchange: Exchange<'a>,
    region: &'a Region,
    credentials: &'a SessionCredentials,
    body: String,
}

impl Attempt for AssumeRoleAttempt<'_> {
    fn send(&self, at: DateTime<Utc>, left: &dyn Fn() -> Duration) -> Result<Reply, Error> {
        let posted = Posted {
            path: "/",
            content_type: "application/x-www-form-urlencoded; charset=utf-8",
            body: &self.body,
        };
        let url = self.exchange.endpoint.url(posted.path, "");
        let sign = |headers: &[(String, String)]| {
            let unsigned = HmacUnsigned {
                service: "sts",
                region: self.region,
                path: url.path(),
                headers,
                body: &self.body,
                at,
            };
            Ok(sign_with_secret(&unsigned, self.credentials))
        };
        self.exchange.post(&posted, sign, left)
    }

    fn read(
        &self,
        reply: &Reply,
        now: DateTime<Utc>,
        ahead: Option<TimeDelta>,
    ) -> Result<SessionCredentials, Error> {
        reply.assumed_role(now, ahead)
    }
}
