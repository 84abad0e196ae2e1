//! A new pair is tried out: Roles Anywhere is asked for a session with it.

use std::time::Instant;

use crate::cli::SessionArgs;
use crate::commands::session::Trial;
use crate::commands::{Context, Error, Outcome};
use crate::host::{Pair, Probe, Verdict};
use crate::key::open_software;
use crate::limits;
use crate::pki::{Identity, Sourced, read_certificates};

/// Roles Anywhere, asked for a session that nobody uses.
pub(super) struct RolesAnywhere<'a> {
    trial: Trial<'a>,
}

impl<'a> RolesAnywhere<'a> {
    /// `None` where the options name no role.
    pub(super) fn new(
        arguments: &'a SessionArgs,
        context: &'a Context,
    ) -> Result<Option<Self>, Error> {
        let is_said = arguments.role_arn.is_some()
            || arguments.profile_arn.is_some()
            || arguments.trust_anchor_arn.is_some();
        is_said
            .then(|| Trial::new(arguments, context))
            .transpose()
            .map(|trial| trial.map(|trial| Self { trial }))
    }

    fn ask(&self, pair: &Pair) -> Result<(), Error> {
        let origin = "the new certificate";
        let key = open_software(pair.key.expose(), "the new key", || Ok(None))?;
        let chain = read_certificates(&pair.fullchain, origin)?;
        let chain = chain.into_iter().map(|certificate| Sourced {
            certificate,
            origin: origin.to_owned(),
        });
        let identity = Identity::new(Box::new(key), chain.collect())?;
        self.trial
            .ask(&identity, Instant::now() + limits::TOTAL_DEADLINE)
    }
}

impl Probe for RolesAnywhere<'_> {
    fn probe(&self, pair: &Pair) -> Verdict {
        let Err(error) = self.ask(pair) else {
            return Verdict::Granted;
        };
        let why = match error.hint() {
            Some(hint) => format!("the new certificate was not accepted: {error} ({hint})"),
            None => format!("the new certificate was not accepted: {error}"),
        };
        match error.outcome() {
            Outcome::Refused | Outcome::Unusable | Outcome::Usage => Verdict::Refused(why),
            _ => Verdict::Unreachable(format!("the new certificate was not tried out: {error}")),
        }
    }
}
