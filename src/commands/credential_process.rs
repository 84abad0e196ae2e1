//! `windlass credential-process`

use crate::cli::CredentialProcess;
use crate::limits;

use super::session::{SessionPlan, process_json};
use super::{Context, Error};

/// Obtains credentials and prints them as one JSON document.
pub(super) fn run(arguments: &CredentialProcess, context: &Context) -> Result<(), Error> {
    let plan = SessionPlan::new(&arguments.session, context)?;
    let session = plan.obtain_until(context.started + limits::TOTAL_DEADLINE)?;
    context.printer.bytes(process_json(&session)?.expose())
}
