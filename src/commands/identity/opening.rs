//! The identity of a verb that needs it more than once, or perhaps not at all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use crate::cli::IdentityArgs;
use crate::commands::{Context, Error, IdentityError};
use crate::key::{KeySource, Loader, Source};
use crate::pki::{self, Identity};

use super::attempt::Attempt;
use super::managed::Look;
use super::{Plan, Said, Sources};

/// Certificate and key as the options name them, not opened yet.
pub(in crate::commands) struct Opening<'a> {
    plan: Plan<'a>,
    look: Mutex<Look<'a>>,
}

impl<'a> Opening<'a> {
    /// Looks at the options alone.
    pub(in crate::commands) fn new(
        arguments: &'a IdentityArgs,
        context: &'a Context,
    ) -> Result<Self, Error> {
        let plan = Plan::new(Said::identity(arguments), context)?;
        let look = Mutex::new(Look::new(plan.loader()));
        Ok(Self { plan, look })
    }

    /// Takes a new snapshot, and gives what tells its certificate from others:
    /// the SHA-256 of what its place holds, or that place where it is a device,
    /// which is not opened for this. Of a managed identity it is that of the
    /// version in force, also where its key turns out to be of no use and the one
    /// before it helps out: versions do not change any more.
    pub(in crate::commands) fn fingerprint(&self) -> Result<String, Error> {
        let mut look = self.look();
        look.start_anew();
        let digest = |attempt: &Attempt<'_>, loader: &mut Loader<'a>| {
            Ok(loader.digest(&attempt.places.place)?)
        };
        let digest = match &self.plan.sources {
            Sources::Named(places) => look.loader.digest(&places.place)?,
            Sources::Managed(managed) => managed.take(&self.plan, &mut look, &digest)?,
        };
        drop(look);
        Ok(digest.map_or_else(|| self.named(), hex::encode))
    }

    /// The same for whoever only looks: a pipe is left to the program that it is
    /// filled for.
    pub(in crate::commands) fn fingerprint_unless_pipe(&self) -> Result<String, Error> {
        if let Sources::Named(places) = &self.plan.sources
            && let Some(Source::File(path)) = places.place.material()
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
        if plan.said.signer_command().is_some() || !plan.passphrase.is_at_hand() {
            return None;
        }
        if let Sources::Named(places) = &plan.sources {
            let is_file = |source: &KeySource| match source.material() {
                Some(Source::File(path)) => path.is_file(),
                _ => false,
            };
            let sources = [Some(&places.place), places.private_key.as_ref()];
            let mut sources = sources.into_iter().chain([places.intermediates.as_ref()]);
            if !sources.all(|source| source.is_none_or(is_file)) {
                return None;
            }
            let found = Attempt { plan, places }.identity(&mut self.look().loader);
            let Err(Error::Pki(pki::Error::KeyMismatch { .. })) = found else {
                return None;
            };
        }
        // Unless they are being replaced at this moment.
        let error = match self.identity() {
            Err(Error::Identity(IdentityError::Unusable { source, .. })) => *source,
            Err(error) => error,
            Ok(_) => return None,
        };
        match error {
            Error::Pki(error @ pki::Error::KeyMismatch { .. }) => Some(error),
            _ => None,
        }
    }

    /// Where the certificate is, whatever the working directory and the version.
    pub(in crate::commands) fn place(&self) -> String {
        let path = match &self.plan.sources {
            Sources::Managed(managed) => Some(managed.path()),
            Sources::Named(places) => match places.place.material() {
                Some(Source::File(path)) => Some(path.as_path()),
                _ => None,
            },
        };
        match path.map(std::path::absolute) {
            Some(Ok(path)) => path.to_string_lossy().into_owned(),
            Some(Err(_)) | None => self.named(),
        }
    }

    /// Opens the key, reads the certificates and puts them together. While they
    /// do not match the load is tried again for a moment: a rotation replaces
    /// one file after the other.
    pub(in crate::commands) fn identity(&self) -> Result<Identity, Error> {
        let attempt = |attempt: &Attempt<'_>, loader: &mut Loader<'a>| attempt.identity(loader);
        self.plan.retrying_with(&mut self.look(), attempt)
    }

    /// The same, where it is valid at this time.
    pub(in crate::commands) fn valid_identity(&self, at: DateTime<Utc>) -> Result<Identity, Error> {
        let identity = self.identity()?;
        match &self.plan.sources {
            Sources::Named(_) => identity.check_validity(at)?,
            Sources::Managed(managed) => {
                managed.check_validity(&identity, self.look().version.as_ref(), at)?;
            }
        }
        Ok(identity)
    }

    /// The certificate's place as it is named.
    fn named(&self) -> String {
        match &self.plan.sources {
            Sources::Named(places) => places.place.to_string(),
            Sources::Managed(managed) => managed.path().display().to_string(),
        }
    }

    /// What a panic has left behind is replaced by the next snapshot.
    fn look(&self) -> MutexGuard<'_, Look<'a>> {
        self.look.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
