//! Where the cache is, and under which name it has a session.

use std::error::Error as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::SessionPlan;
use crate::cli::SessionArgs;
use crate::clock::{in_words, rfc3339};
use crate::commands::Context;
use crate::commands::error::hint_store;
use crate::delivery::CacheEvent;
use crate::store::{CacheEntry, SessionCache, is_own_directory};

/// The sessions of this user.
pub(in crate::commands) struct Cache(SessionCache);

impl Cache {
    /// The cache that the options and the environment lead to; none when it is
    /// not wanted, or this user has no place for it.
    pub(super) fn find(arguments: &SessionArgs, context: &Context) -> Option<Self> {
        if arguments.no_cache {
            return None;
        }
        let found = Self::at(arguments.cache.cache_dir.as_deref(), context);
        if found.is_none() {
            context.printer.note(
                "no cache: neither $XDG_RUNTIME_DIR nor $XDG_CACHE_HOME nor $HOME names a directory of this user",
            );
        }
        found
    }

    /// The cache in this directory, else in the first of the usual ones that
    /// belongs to this user: what `sudo` leaves in the environment is somebody
    /// else's.
    pub(in crate::commands) fn at(given: Option<&Path>, context: &Context) -> Option<Self> {
        if let Some(path) = given {
            return Some(Self(SessionCache::new(context.path(path))));
        }
        let places = [
            ("XDG_RUNTIME_DIR", "windlass"),
            ("XDG_CACHE_HOME", "windlass"),
            ("HOME", ".cache/windlass"),
        ];
        let directory = places.into_iter().find_map(|(name, below)| {
            let base = Path::new(context.environment.get(name)?);
            is_own_directory(base).then(|| base.join(below))
        })?;
        Some(Self(SessionCache::new(directory)))
    }

    /// The directory and what is in it.
    pub(in crate::commands) const fn sessions(&self) -> &SessionCache {
        &self.0
    }

    /// The name of a session: what [`Cache::stem_of`] gives, and a SHA-256 of the
    /// certificate's content, so that the session of the certificate before can be
    /// found.
    pub(super) fn name_of(&self, plan: &SessionPlan<'_>, fingerprint: &str) -> String {
        let certificate = Sha256::digest(fingerprint);
        format!("{}{}", self.stem_of(plan), half(&certificate))
    }

    /// What the names of a session begin with: a SHA-256 of everything that
    /// decides it but the certificate's content.
    pub(super) fn stem_of(&self, plan: &SessionPlan<'_>) -> String {
        let (query, body) = plan.request.encode();
        let mut hash = Sha256::new();
        let mut add = |text: &str| {
            // With their lengths, so that no two lists look alike.
            hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(text);
        };
        add("windlass session 1");
        // Only what follows it at the same place is the certificate after a
        // rotation; another workload's is somebody else's.
        add(&plan.opening.place());
        add(&plan.endpoint.to_string());
        // What somebody in between may have given is not for those who check.
        add(if plan.arguments.no_verify_ssl {
            "unverified"
        } else {
            "verified"
        });
        for (name, value) in &query {
            add(name);
            add(value);
        }
        add(&body);
        if let Some(chain) = &plan.chain {
            add(&chain.endpoint.to_string());
            add(&chain.duration.seconds().to_string());
            // Every field, those that come later too; none of them is secret.
            add(&format!("{:?}", chain.roles.roles()));
        }
        format!("{}-", half(&hash.finalize()))
    }

    /// A session's place.
    pub(super) fn entry(&self, name: &str) -> CacheEntry {
        self.0.entry(name)
    }
}

/// Half of a SHA-256 is more than enough to tell a user's sessions apart.
fn half(digest: &[u8]) -> String {
    hex::encode(&digest[..digest.len() / 2])
}

/// Tells the user what happened on the way to a session.
pub(super) fn tell(event: &CacheEvent<'_>, context: &Context) {
    match event {
        CacheEvent::Unusable(error) => {
            let cause = error.source().map(|cause| format!(": {cause}"));
            let hint = hint_store(error).map(|hint| format!(" ({hint})"));
            context.printer.warning(&format!(
                "going on without the session cache: {error}{}{}",
                cause.unwrap_or_default(),
                hint.unwrap_or_default()
            ));
        }
        CacheEvent::StillValid(failure, until) => context.printer.warning(&format!(
            "no new session ({failure}); the last one is still valid until {}, for {}",
            rfc3339(*until),
            in_words(*until - context.clock.now())
        )),
    }
}
