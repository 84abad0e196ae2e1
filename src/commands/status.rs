//! `windlass status`

mod identities;

use serde_json::{Value, json};

use crate::cli::{SessionArgs, Status};
use crate::clock::{in_words, rfc3339};

use self::identities::Shown;
use super::session::{Remembered, SessionPlan, failure_json};
use super::{Context, Error};

/// What is known of one profile's session.
struct Known {
    profile: String,
    /// Whether the profile says anything of one.
    is_asked_for: bool,
    role: Option<String>,
    outcome: Result<Remembered, Error>,
}

/// Shows what the cache knows of the profiles' sessions, and how their identities
/// stand.
pub(super) fn run(arguments: &Status, context: &Context) -> Result<(), Error> {
    let named = arguments.session.identity.identity.as_ref();
    let by_profile = arguments.all || !arguments.profile.is_empty();
    if let (false, Some(path)) = (by_profile, named) {
        let shown = Shown::alone(&context.path(path), context);
        if arguments.json {
            let check = shown.check_json();
            let shown = json!([{ "profile": null, "rotation": shown.to_json(), "check": check }]);
            return context.printer.json(&shown);
        }
        return identities::print(&[shown], context);
    }
    let known = sessions(arguments, context)?;
    let shown = identities::of_profiles(arguments, context)?;
    if arguments.json {
        let of = |known: &Known| {
            let mut all = shown.iter();
            let shown = all.find(|shown| shown.profile.as_ref() == Some(&known.profile));
            let mut of = as_json(known, context);
            of["rotation"] = json!(shown.map(Shown::to_json));
            of["check"] = json!(shown.map(Shown::check_json));
            of
        };
        let shown: Vec<Value> = known.iter().map(of).collect();
        return context.printer.json(&shown.into());
    }
    let rows: Vec<Vec<String>> = known
        .iter()
        .filter(|known| known.is_asked_for)
        .map(|known| as_row(known, context))
        .collect();
    if !rows.is_empty() || shown.is_empty() {
        context.printer.table(
            &[
                "PROFILE",
                "STATE",
                "VALID FOR",
                "OBTAINED",
                "NEXT REFRESH",
                "LAST FAILURE",
            ],
            rows.iter().cloned(),
        )?;
    }
    if shown.is_empty() {
        return Ok(());
    }
    if !rows.is_empty() {
        context.printer.data("\n")?;
    }
    identities::print(&shown, context)
}

fn sessions(arguments: &Status, context: &Context) -> Result<Vec<Known>, Error> {
    let sessions = context.invocation.each_session(
        &arguments.profile,
        arguments.session.config.as_deref(),
        &context.environment,
    )?;
    let known = sessions
        .into_iter()
        .map(|(profile, session)| match session {
            Err(error) => Known {
                profile,
                is_asked_for: true,
                role: None,
                outcome: Err(error),
            },
            Ok(session) => {
                let plan = SessionPlan::new(&session, context);
                Known {
                    profile,
                    is_asked_for: names_session(&session),
                    role: plan.as_ref().ok().map(|plan| plan.role().to_string()),
                    outcome: plan.and_then(|plan| plan.remembered()),
                }
            }
        });
    Ok(known.collect())
}

/// Whether a profile is for sessions, and not for the renewal of its identity alone.
const fn names_session(session: &SessionArgs) -> bool {
    session.identity.identity.is_none()
        || session.role_arn.is_some()
        || session.profile_arn.is_some()
        || session.trust_anchor_arn.is_some()
}

fn as_json(known: &Known, context: &Context) -> Value {
    let now = context.clock.now();
    let remembered = known.outcome.as_ref().ok();
    let session = remembered.and_then(|remembered| remembered.session.as_ref());
    let failure = remembered.and_then(|remembered| remembered.failure.as_ref());
    json!({
        "profile": known.profile,
        "roleArn": known.role,
        "state": known.is_asked_for.then(|| state(known, context)),
        "accessKeyId": session.map(|session| &session.credentials.access_key_id),
        "obtained": session.map(|session| rfc3339(session.obtained)),
        "expiration": session.map(|session| rfc3339(session.credentials.expiration)),
        "nextRefresh": remembered.and_then(|r| r.next_refresh()).map(rfc3339),
        "isValid": session.is_some_and(|session| session.life().is_valid(now)),
        "lastFailure": failure.map(failure_json),
        "error": known.outcome.as_ref().err().filter(|_| known.is_asked_for).map(|error| error.failure().message),
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
