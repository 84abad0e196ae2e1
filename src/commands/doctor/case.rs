//! What is looked at: one session, and where each of its options comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::admission::Message;
use crate::cli::{Doctor, SessionArgs};
use crate::commands::{Context, Error, config};

/// One session with everything that is said of it.
pub(super) struct Case<'a> {
    pub(super) asked: &'a Doctor,
    /// The options that are judged; those of AWS's file where that names them.
    pub(super) session: &'a SessionArgs,
    /// With the command line that the options are from.
    pub(super) context: &'a Context,
    /// Each option that is in force: its value as it may be shown, and where that
    /// comes from.
    settings: BTreeMap<&'static str, (String, String)>,
    /// The profile of windlass's own config file, and that file.
    pub(super) profile: Option<(String, String)>,
}

impl<'a> Case<'a> {
    pub(super) fn new(
        asked: &'a Doctor,
        session: &'a SessionArgs,
        context: &'a Context,
    ) -> Result<Self, Error> {
        let found = context.invocation.in_force(&context.environment)?;
        let settings = config::of_session(&found, context)
            .map(|setting| (setting.key, (setting.value, setting.origin)))
            .collect();
        let profile = found
            .profile
            .map(|profile| (profile.name, profile.path.display().to_string()));
        Ok(Self {
            asked,
            session,
            context,
            settings,
            profile,
        })
    }

    /// Where it cannot be told which session is meant.
    pub(super) fn bare(asked: &'a Doctor, session: &'a SessionArgs, context: &'a Context) -> Self {
        Self {
            asked,
            session,
            context,
            settings: BTreeMap::new(),
            profile: None,
        }
    }

    /// Where an option comes from, and its value: something to show.
    pub(super) fn setting(&self, key: &str) -> Option<(String, String)> {
        let (value, origin) = self.settings.get(key)?;
        Some((origin.clone(), value.clone()))
    }

    /// The files about AWS's side that have to do with one of its messages.
    pub(super) fn files(&self, message: Message) -> Vec<(String, String)> {
        let asked = self.asked;
        let shown = |option: &str, path: Option<&PathBuf>| {
            path.map(|path| (option.to_owned(), path.display().to_string()))
        };
        let anchor = || shown("--trust-anchor-file", asked.trust_anchor_file.as_ref());
        let profile = || shown("--profile-file", asked.profile_file.as_ref());
        let role = || {
            shown("--role-file", asked.role_file.as_ref())
                .or_else(|| shown("--trust-policy-file", asked.trust_policy_file.as_ref()))
        };
        let found = match message {
            Message::TrustAnchorNotFound
            | Message::TrustAnchorDisabled
            | Message::BasicConstraints
            | Message::UntrustedCertificate => anchor(),
            Message::InvalidProfile | Message::RoleNotListed | Message::SessionNameNotAllowed => {
                profile()
            }
            Message::UnableToAssumeRole
            | Message::DurationExceeded
            | Message::UnmappedAttributes => role(),
            Message::Revoked => shown("--crl-file", asked.crl_file.first()),
            Message::InvalidSignature | Message::InsufficientCertificate | Message::Validation => {
                None
            }
        };
        found.into_iter().collect()
    }

    /// Of several options those that are in force.
    pub(super) fn said(&self, keys: &[&str]) -> Vec<(String, String)> {
        keys.iter().filter_map(|key| self.setting(key)).collect()
    }

    /// Every option that is in force, by its name.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&'static str, &str, &str)> {
        self.settings
            .iter()
            .map(|(key, (value, origin))| (*key, value.as_str(), origin.as_str()))
    }
}
