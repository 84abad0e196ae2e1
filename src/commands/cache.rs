//! `windlass cache`

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::cli::{CacheClear, CacheDirectory, CacheList};
use crate::clock::{in_words, rfc3339};
use crate::delivery::Session;

use super::session::{Cache, Remembered, SessionPlan, failure_json};
use super::{Context, Error};

/// Forgets all sessions.
pub(super) fn clear(arguments: &CacheClear, context: &Context) -> Result<(), Error> {
    let cache = find(&arguments.directory, context)?;
    let count = cache.sessions().clear()?;
    let directory = cache.sessions().directory().display();
    match count {
        0 => context
            .printer
            .note(&format!("there are no sessions in {directory}")),
        1 => context
            .printer
            .news(&format!("1 session removed from {directory}")),
        _ => context
            .printer
            .news(&format!("{count} sessions removed from {directory}")),
    }
    Ok(())
}

/// One session of the list.
struct Listed {
    name: String,
    /// The profiles that lead to it.
    profiles: Vec<String>,
    remembered: Remembered,
}

/// Lists them.
pub(super) fn list(arguments: &CacheList, context: &Context) -> Result<(), Error> {
    let cache = find(&arguments.directory, context)?;
    let entries = cache.sessions().entries()?;
    let sessions = context
        .invocation
        .sessions_of_profiles(&context.environment);
    let plans: Vec<(&String, SessionPlan<'_>)> = sessions
        .iter()
        .filter_map(|(name, session)| Some((name, SessionPlan::new(session, context).ok()?)))
        .collect();
    let profiles_of = |name: &str| {
        let leading = plans.iter().filter(|(_, plan)| plan.leads_to(&cache, name));
        leading.map(|(profile, _)| (*profile).clone()).collect()
    };
    let listed: Vec<Listed> = entries
        .iter()
        .map(|entry| {
            Ok(Listed {
                name: entry.name().to_owned(),
                profiles: profiles_of(entry.name()),
                remembered: Remembered::of(entry)?,
            })
        })
        .collect::<Result<_, Error>>()?;
    let now = context.clock.now();
    if arguments.json {
        let shown: Vec<Value> = listed.iter().map(|entry| as_json(entry, now)).collect();
        return context.printer.json(&shown.into());
    }
    context.printer.table(
        &[
            "PROFILE",
            "ACCESS KEY ID",
            "ROLE",
            "VALID FOR",
            "REFRESH IN",
            "LAST FAILURE",
        ],
        listed.iter().map(|entry| as_row(entry, now)),
    )
}

fn as_json(entry: &Listed, now: DateTime<Utc>) -> Value {
    let session = entry.remembered.session.as_ref();
    json!({
        "name": entry.name,
        "profiles": entry.profiles,
        "roleArn": session.map(|session| session.role.as_str()),
        "accessKeyId": session.map(|session| &session.credentials.access_key_id),
        "obtained": session.map(|session| rfc3339(session.obtained)),
        "refresh": session.map(|session| rfc3339(session.life().refresh_at())),
        "expiration": session.map(|session| rfc3339(session.credentials.expiration)),
        "isValid": session.is_some_and(|session| session.life().is_valid(now)),
        "lastFailure": entry.remembered.failure.as_ref().map(failure_json),
    })
}

fn as_row(entry: &Listed, now: DateTime<Utc>) -> Vec<String> {
    let none = || "-".to_owned();
    let left = |until| {
        let left = until - now;
        if left > TimeDelta::zero() {
            in_words(left)
        } else {
            none()
        }
    };
    let of_session = |show: &dyn Fn(&Session) -> String| {
        let session = entry.remembered.session.as_ref();
        session.map_or_else(none, show)
    };
    let profiles = Some(entry.profiles.join(", "));
    let failure = entry.remembered.failure.as_ref();
    vec![
        profiles
            .filter(|names| !names.is_empty())
            .unwrap_or_else(none),
        of_session(&|session| session.credentials.access_key_id.clone()),
        of_session(&|session| session.role.as_str().to_owned()),
        of_session(&|session| left(session.credentials.expiration)),
        of_session(&|session| left(session.life().refresh_at())),
        failure.map_or_else(none, |known| known.failure.message.clone()),
    ]
}

fn find(arguments: &CacheDirectory, context: &Context) -> Result<Cache, Error> {
    Cache::at(arguments.cache_dir.as_deref(), context).ok_or(Error::NoCache)
}
