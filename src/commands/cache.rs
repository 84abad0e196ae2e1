//! `windlass cache`

use serde_json::json;

use crate::cli::{CacheClear, CacheDirectory, CacheList};
use crate::clock::{in_words, rfc3339};
use crate::delivery::Session;

use super::session::{Cache, Remembered, failure_json};
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
    remembered: Remembered,
}

/// Lists them.
pub(super) fn list(arguments: &CacheList, context: &Context) -> Result<(), Error> {
    let cache = find(&arguments.directory, context)?;
    let entries = cache.sessions().entries()?;
    let listed: Vec<Listed> = entries
        .iter()
        .map(|entry| {
            Ok(Listed {
                name: entry.name().to_owned(),
                remembered: Remembered::of(entry)?,
            })
        })
        .collect::<Result<_, Error>>()?;
    let now = context.clock.now();
    if arguments.json {
        let shown = listed.iter().map(|entry| {
            let session = entry.remembered.session.as_ref();
            json!({
                "name": entry.name,
                "roleArn": session.map(|session| session.role.as_str()),
                "accessKeyId": session.map(|session| &session.credentials.access_key_id),
                "obtained": session.map(|session| rfc3339(session.obtained)),
                "refresh": session.map(|session| rfc3339(session.life().refresh_at())),
                "expiration": session.map(|session| rfc3339(session.credentials.expiration)),
                "isValid": session.is_some_and(|session| session.life().is_valid(now)),
                "lastFailure": entry.remembered.failure.as_ref().map(failure_json),
            })
        });
        return context.printer.json(&shown.collect::<Vec<_>>().into());
    }
    let left = |until| {
        let left = until - now;
        if left > chrono::TimeDelta::zero() {
            in_words(left)
        } else {
            "-".to_owned()
        }
    };
    let row = |entry: &Listed| {
        let of_session = |show: &dyn Fn(&Session) -> String| {
            entry
                .remembered
                .session
                .as_ref()
                .map_or_else(|| "-".to_owned(), show)
        };
        let failure = entry.remembered.failure.as_ref();
        vec![
            of_session(&|session| session.credentials.access_key_id.clone()),
            of_session(&|session| session.role.as_str().to_owned()),
            of_session(&|session| left(session.credentials.expiration)),
            of_session(&|session| left(session.life().refresh_at())),
            failure.map_or_else(|| "-".to_owned(), |known| known.failure.message.clone()),
        ]
    };
    context.printer.table(
        &[
            "ACCESS KEY ID",
            "ROLE",
            "VALID FOR",
            "REFRESH IN",
            "LAST FAILURE",
        ],
        listed.iter().map(row),
    )
}

fn find(arguments: &CacheDirectory, context: &Context) -> Result<Cache, Error> {
    Cache::at(arguments.cache_dir.as_deref(), context).ok_or(Error::NoCache)
}
