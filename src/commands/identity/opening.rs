//! The identity of a verb that needs it more than once, or perhaps not at all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cli::IdentityArgs;
use crate::commands::{Context, Error};
use crate::key::{KeySource, Loader, Source};
use crate::pki::{self, Identity};

use super::{Plan, Said};

/// Certificate and key as the options name them, not opened yet.
pub(in crate::commands) struct Opening<'a> {
    plan: Plan<'a>,
    loader: Mutex<Loader<'a>>,
}

impl<'a> Opening<'a> {
    /// Looks at the options alone.
    pub(in crate::commands) fn new(
        arguments: &'a IdentityArgs,
        context: &'a Context,
    ) -> Result<Self, Error> {
        let plan = Plan::new(Said::identity(arguments), context)?;
        let loader = Mutex::new(plan.loader());
        Ok(Self { plan, loader })
    }

    /// Takes a new snapshot, and gives what tells its certificate from others:
    /// the SHA-256 of what its place holds, or that place where it is a device,
    /// which is not opened for this.
    pub(in crate::commands) fn fingerprint(&self) -> Result<String, Error> {
        let mut loader = self.loader();
        loader.start_anew();
        Ok(match loader.digest(&self.plan.place)? {
            Some(digest) => hex::encode(digest),
            None => self.plan.place.to_string(),
        })
    }

    /// The same for whoever only looks: a pipe is left to the program that it is
    /// filled for.
    pub(in crate::commands) fn fingerprint_unless_pipe(&self) -> Result<String, Error> {
        if let Some(Source::File(path)) = self.plan.place.material()
            && std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir())
        {
            return Err(Error::Pipe { path: path.clone() });
        }
        self.fingerprint()
    }

    /// That key and certificate do not belong together, as far as files alone can
    /// tell: no device and no program is asked, and no person.
    pub(in crate::commands) fn mismatch(&self) -> Option<pki::Error> {
        let plan = &self.plan;
        let is_file = |source: &KeySource| match source.material() {
            Some(Source::File(path)) => path.is_file(),
            _ => false,
        };
        let sources = [Some(&plan.place), plan.private_key.as_ref()];
        let mut sources = sources.into_iter().chain([plan.intermediates.as_ref()]);
        if plan.said.signer_command().is_some()
            || !sources.all(|source| source.is_none_or(is_file))
            || !plan.passphrase.is_at_hand()
        {
            return None;
        }
        let found = plan.identity(&mut self.loader());
        let Err(Error::Pki(pki::Error::KeyMismatch { .. })) = found else {
            return None;
        };
        // Unless they are being replaced at this moment.
        match self.identity() {
            Err(Error::Pki(error @ pki::Error::KeyMismatch { .. })) => Some(error),
            _ => None,
        }
    }

    /// Where the certificate is, whatever the working directory.
    pub(in crate::commands) fn place(&self) -> String {
        if let Some(Source::File(path)) = self.plan.place.material()
            && let Ok(path) = std::path::absolute(path)
        {
            return path.to_string_lossy().into_owned();
        }
        self.plan.place.to_string()
    }

    /// Opens the key, reads the certificates and puts them together. While they
    /// do not match the load is tried again for a moment: a rotation replaces
    /// one file after the other.
    pub(in crate::commands) fn identity(&self) -> Result<Identity, Error> {
        let plan = &self.plan;
        plan.retrying_with(&mut self.loader(), |loader| plan.identity(loader))
    }

    /// What a panic has left behind is replaced by the next snapshot.
    fn loader(&self) -> MutexGuard<'_, Loader<'a>> {
        self.loader.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
