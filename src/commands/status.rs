//! `windlass status`

use serde_json::{Value, json};

use crate::cli::Status;
use crate::clock::{in_words, rfc3339};

use super::session::{Remembered, SessionPlan, failure_json};
use super::{Context, Error};

/// What is known of one profile's session.
struct Known {
    profile: String,
    role: Option<String>,
    outcome: Result<Remembered, Error>,
}

/// Shows what the cache knows of the profiles' sessions.
pub(super) fn run(arguments: &Status, context: &Context) -> Result<(), Error> {
    let sessions = context.invocation.each_session(
        &arguments.profile,
        arguments.session.config.as_deref(),
        &context.environment,
    )?;
    let known: Vec<Known> = sessions
        .into_iter()
        .map(|(profile, session)| {
            let (role, outcome) = match session {
                Err(error) => (None, Err(error)),
                Ok(session) => {
                    let plan = SessionPlan::new(&session, context);
                    let role = plan.as_ref().ok().map(|plan| plan.role().to_string());
                    (role, plan.and_then(|plan| plan.remembered()))
                }
            };
            Known {
                profile,
                role,
                outcome,
            }
        })
        .collect();
    if arguments.json {
        let shown: Vec<Value> = known.iter().map(|known| as_json(known, context)).collect();
        return context.printer.json(&shown.into());
    }
    let rows = known.iter().map(|known| as_row(known, context));
    context.printer.table(
        &[
            "PROFILE",
            "STATE",
            "VALID FOR",
            "OBTAINED",
            "NEXT REFRESH",
            "LAST FAILURE",
        ],
        rows,
    )
}

fn as_json(known: &Known, context: &Context) -> Value {
    let now = context.clock.now();
    let remembered = known.outcome.as_ref().ok();
    let session = remembered.and_then(|remembered| remembered.session.as_ref());
    let failure = remembered.and_then(|remembered| remembered.failure.as_ref());
    json!({
        "profile": known.profile,
        "roleArn": known.role,
        "state": state(known, context),
        "accessKeyId": session.map(|session| &session.credentials.access_key_id),
        "obtained": session.map(|session| rfc3339(session.obtained)),
        "expiration": session.map(|session| rfc3339(session.credentials.expiration)),
        "nextRefresh": remembered.and_then(|r| r.next_refresh()).map(rfc3339),
        "isValid": session.is_some_and(|session| session.life().is_valid(now)),
        "lastFailure": failure.map(failure_json),
        "error": known.outcome.as_ref().err().map(|error| error.failure().message),
    })
}

fn as_row(known: &Known, context: &Context) -> Vec<String> {
    let now = context.clock.now();
    let none = || "-".to_owned();
    let remembered = known.outcome.as_ref().ok();
    let session = remembered.and_then(|remembered| remembered.session.as_ref());
    let valid = session.filter(|session| session.life().is_valid(now));
    let complaint = match &known.outcome {
        Err(error) => error.failure().message,
        Ok(remembered) => remembered.failure.as_ref().map_or_else(none, |failure| {
            format!(
                "{} ago: {}",
                in_words(now - failure.at),
                failure.failure.message
            )
        }),
    };
    let next = remembered.and_then(|remembered| remembered.next_refresh());
    vec![
        known.profile.clone(),
        state(known, context).to_owned(),
        valid.map_or_else(none, |session| {
            in_words(session.credentials.expiration - now)
        }),
        session.map_or_else(none, |session| {
            format!("{} ago", in_words(now - session.obtained))
        }),
        next.map_or_else(none, |next| {
            if next > now {
                format!("in {}", in_words(next - now))
            } else {
                "at the next use".to_owned()
            }
        }),
        complaint,
    ]
}

/// One word for how it stands.
fn state(known: &Known, context: &Context) -> &'static str {
    let now = context.clock.now();
    match &known.outcome {
        Err(_) => "unusable",
        Ok(remembered) => {
            let is_valid = remembered
                .session
                .as_ref()
                .is_some_and(|session| session.life().is_valid(now));
            match (is_valid, &remembered.failure) {
                (true, None) => "valid",
                (true, Some(_)) => "degraded",
                (false, Some(_)) => "failed",
                (false, None) => "none",
            }
        }
    }
}
