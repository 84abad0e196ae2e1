//! `windlass update`

mod daemon;
mod target;

use std::time::Instant;

use serde_json::{Value, json};

use crate::cli::{SessionArgs, Update};
use crate::clock::rfc3339;
use crate::delivery::Session;
use crate::delivery::ini::ProfileName;
use crate::limits;
use crate::store::{self, EditReport, Manner};

use self::target::Target;
use super::session::SessionPlan;
use super::{Context, Error};

/// One section with the session that belongs into it.
struct Wanted {
    section: ProfileName,
    session: SessionArgs,
}

/// Writes sessions into the credentials file, once or until it is told to stop.
pub(super) fn run(arguments: &Update, context: &Context) -> Result<(), Error> {
    store::outlive_size_limit();
    let target = Target::find(arguments, context)?;
    let asked = asked(arguments, context)?;
    if arguments.once {
        return once(asked, &target, arguments.json, context);
    }
    // What only a person can mend is told before anything is kept up.
    let wanted = asked.into_iter().map(|(section, session)| {
        let session = session?;
        Ok(Wanted { section, session })
    });
    let wanted = wanted.collect::<Result<_, Error>>()?;
    daemon::run(wanted, target, arguments.json, context.lasting())
}

/// The sections with their sessions, or with what is wrong with their profiles.
type Asked = Vec<(ProfileName, Result<SessionArgs, Error>)>;

fn asked(arguments: &Update, context: &Context) -> Result<Asked, Error> {
    if !arguments.all {
        let (section, session) = (&arguments.profile, &arguments.session);
        return Ok(vec![(section.clone(), Ok(session.clone()))]);
    }
    let config = arguments.session.config.as_deref();
    let sessions = context
        .invocation
        .each_session(&[], config, &context.environment)?;
    sessions
        .into_iter()
        .map(|(name, session)| {
            let section = name
                .parse()
                .map_err(|reason| Error::Section { name, reason })?;
            Ok((section, session))
        })
        .collect()
}

/// Every section once. One that fails does not keep the others from theirs.
fn once(asked: Asked, target: &Target, json: bool, context: &Context) -> Result<(), Error> {
    let mut failed: Option<Error> = None;
    let mut written = Vec::new();
    let is_alone = asked.len() == 1;
    for (section, session) in asked {
        let obtain = || {
            let session = session?;
            let plan = SessionPlan::new(&session, context)?;
            // Before the service is asked for what could not be kept.
            target.check(&section, &context.printer)?;
            let session = plan.obtain_until(Instant::now() + limits::TOTAL_DEADLINE)?;
            let report = target.write(&section, &session, &context.printer)?;
            Ok(report.map(|report| (session, report)))
        };
        match obtain() {
            // It is only closed where a daemon ends.
            Ok(None) => {}
            Ok(Some((session, report))) => {
                written.push(document(&section, &session, &report));
            }
            Err(error) => {
                if let Some(earlier) = failed.replace(error) {
                    context.printer.error(&earlier);
                }
                if !is_alone {
                    context
                        .printer
                        .warning(&format!("the section [{section}] was not written"));
                }
            }
        }
    }
    if json {
        context.printer.json(&json!({ "written": written }))?;
    }
    failed.map_or(Ok(()), Err)
}

/// What was written, without secrets.
fn document(section: &ProfileName, session: &Session, report: &EditReport) -> Value {
    json!({
        "section": section.as_str(),
        "file": report.path.to_string_lossy(),
        "changed": report.written.is_some(),
        "inPlace": report.written == Some(Manner::InPlace),
        "roleArn": session.role.to_string(),
        "accessKeyId": session.credentials.access_key_id,
        "obtained": rfc3339(session.obtained),
        "expiration": rfc3339(session.credentials.expiration),
    })
}
