//! `windlass env` and `windlass exec`

use crate::cli::{Env, Exec};
use crate::delivery::{Launch, REGION_NAMES, execute, write_variables};
use crate::limits;
use crate::rolesanywhere::Region;
use crate::store::{Readers, write_atomic};

use super::ready::check_replaceable;
use super::session::SessionPlan;
use super::{Context, Error, serve};

/// Prints a session as environment variables, or writes them to a file.
pub(super) fn env(arguments: &Env, context: &Context) -> Result<(), Error> {
    let plan = SessionPlan::new(&arguments.session, context)?;
    let out = arguments.out.as_deref().map(|path| context.path(path));
    if let Some(path) = &out {
        check_replaceable(path, "a file of windlass env", is_of_variables)?;
    }
    let session = plan.obtain_until(context.started + limits::TOTAL_DEADLINE)?;
    let region = REGION_NAMES.map(|name| (name, region_of(name, &plan, context)));
    let text = write_variables(&session, &region, arguments.format)?;
    match &out {
        Some(path) => Ok(write_atomic(path, text.expose(), Readers::Owner)?),
        None => context.printer.bytes(text.expose()),
    }
}

/// What a variable of the region is to say: what it says already, or its
/// namesake does, else the region in which the session was asked for. SDKs find
/// none elsewhere, since the profile that may have one is taken out of their way.
fn region_of(name: &str, plan: &SessionPlan<'_>, context: &Context) -> Region {
    let said = |name: &str| context.environment.get_str(name)?.parse().ok();
    said(name)
        .or_else(|| REGION_NAMES.into_iter().find_map(said))
        .unwrap_or_else(|| plan.region().clone())
}

/// Whether variables stand there, and nothing else that would be lost.
fn is_of_variables(content: &[u8]) -> bool {
    let text = String::from_utf8_lossy(content);
    let is_own = |line: &str| line.contains("AWS_") || matches!(line.trim(), "{" | "}" | "");
    text.contains("AWS_SESSION_TOKEN") && text.lines().all(is_own)
}

/// Becomes the command.
pub(super) fn exec(arguments: &Exec, context: &Context) -> Result<(), Error> {
    let plan = SessionPlan::new(&arguments.session, context)?;
    // Also where a server follows: without a session the command does not run.
    let session = plan.obtain_until(context.started + limits::TOTAL_DEADLINE)?;
    let launch = Launch {
        command: arguments.command.clone(),
        withheld: withheld(arguments, context),
        region: REGION_NAMES
            .into_iter()
            .filter(|name| context.environment.get(name).is_none())
            .map(|name| (name, region_of(name, &plan, context)))
            .collect(),
    };
    if arguments.serve {
        return serve::beside(launch, &arguments.session, context);
    }
    Err(execute(&launch, &session)?.into())
}

/// The variables in which this program was given secrets.
fn withheld(arguments: &Exec, context: &Context) -> Vec<String> {
    let proxy = "WINDLASS_PROXY";
    let has_password = context
        .environment
        .get_str(proxy)
        .is_some_and(|url| url.contains('@'));
    let mut names = arguments.session.identity.secret_variables();
    names.extend(has_password.then(|| proxy.to_owned()));
    names
}
