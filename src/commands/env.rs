//! `windlass env` and `windlass exec`

use crate::cli::{Env, EnvForm, Exec};
use crate::delivery::{Form, execute, write_variables};
use crate::limits;
use crate::store::{Readers, write_atomic};

use super::session::SessionPlan;
use super::{Context, Error, serve};

/// Prints a session as environment variables, or writes them to a file.
pub(super) fn env(arguments: &Env, context: &Context) -> Result<(), Error> {
    let plan = SessionPlan::new(&arguments.session, context)?;
    let session = plan.obtain_until(context.started + limits::TOTAL_DEADLINE)?;
    let form = match arguments.format {
        EnvForm::Dotenv => Form::Dotenv,
        EnvForm::Fish => Form::Fish,
        EnvForm::Json => Form::Json,
        EnvForm::Powershell => Form::Powershell,
        EnvForm::Sh => Form::Sh,
        EnvForm::Systemd => Form::Systemd,
    };
    let text = write_variables(&session, form)?;
    match &arguments.out {
        Some(path) => Ok(write_atomic(
            &context.path(path),
            text.expose(),
            Readers::Owner,
        )?),
        None => context.printer.bytes(text.expose()),
    }
}

/// Becomes the command.
pub(super) fn exec(arguments: &Exec, context: &Context) -> Result<(), Error> {
    let plan = SessionPlan::new(&arguments.session, context)?;
    // Also where a server follows: without a session the command does not run.
    let session = plan.obtain_until(context.started + limits::TOTAL_DEADLINE)?;
    if arguments.serve {
        return serve::beside(arguments, context);
    }
    Err(execute(&arguments.command, &session)?.into())
}
