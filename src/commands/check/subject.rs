//! An identity that is looked at: by what its profile says of it, or alone.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::Rotate;
use crate::commands::identity::check_managed;
use crate::commands::monitor::told;
use crate::commands::rotate::{Plan, fixed, host, word};
use crate::commands::{Context, Error, IdentityError};
use crate::host::{
    ChangeWindow, ChangeWindows, Expected, KeyPolicy, Rule, Seen, Standing, Terms, Word,
};
use crate::key::KeyType;
use crate::pki::Certificate;
use crate::store::Versions;
use crate::text::with_causes;

/// An identity, and what is known of what it is to be.
pub(in crate::commands) struct Subject {
    /// Its directory.
    pub(in crate::commands) directory: PathBuf,
    /// The same without links, so that one identity is known as one.
    pub(in crate::commands) real: PathBuf,
    /// The profile that names it.
    pub(in crate::commands) profile: Option<String>,
    pub(in crate::commands) expected: Expected,
    /// Why rotation cannot be run with its profile.
    pub(in crate::commands) problem: Option<Error>,
    /// The directory of the CA beside it, where that issues its certificates.
    ca: Option<PathBuf>,
    /// The words of a command that renews it; `None` where they are not known.
    rotate: Option<String>,
}

/// When it is renewed, as far as it was said.
type Rules = (Option<TimeDelta>, Vec<ChangeWindow>);

impl Subject {
    /// A directory of which nothing else is known.
    pub(in crate::commands) fn alone(path: &Path, rules: Rules) -> Self {
        Self::new(path, None, unnamed(rules))
    }

    /// What a profile says; `None` where it names no identity.
    pub(in crate::commands) fn of_profile(
        name: &str,
        asked: &mut Rotate,
        config: Option<&Path>,
        context: &Context,
    ) -> Result<Option<Self>, Error> {
        let Some(identity) = &asked.session.identity.identity else {
            return Ok(None);
        };
        let path = context.path(identity);
        let rotation = &asked.rotation;
        let mut expected = unnamed((rotation.within, rotation.window.clone()));
        let (mut problem, mut rotate) = (None, None);
        if asked.is_wanted() {
            let mut words = vec!["windlass", "rotate"];
            let config = config.map(|config| config.display().to_string());
            if let Some(config) = &config {
                words.extend(["--config", config]);
            }
            words.extend(["--profile", name]);
            rotate = shlex::try_join(words).ok();
            // Nobody is asked for a session here.
            asked.rotation.no_probe = true;
            match Plan::new(asked, context) {
                Ok(plan) => {
                    expected = Expected {
                        terms: plan.terms,
                        knows_names: true,
                        fixed: plan.fixed,
                    };
                }
                Err(error) => problem = Some(error),
            }
        } else {
            match fixed(asked, context) {
                Ok(files) => expected.fixed = files,
                Err(error) => problem = Some(error),
            }
        }
        Ok(Some(Self {
            problem,
            ca: asked.rotation.ca_dir.as_ref().map(|ca| context.path(ca)),
            rotate,
            ..Self::new(&path, Some(name.to_owned()), expected)
        }))
    }

    fn new(path: &Path, profile: Option<String>, expected: Expected) -> Self {
        let directory = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            real: std::fs::canonicalize(&directory).unwrap_or_else(|_| directory.clone()),
            directory,
            profile,
            expected,
            problem: None,
            ca: None,
            rotate: None,
        }
    }

    /// What it is called: as its profile, or as its directory.
    pub(in crate::commands) fn name(&self) -> String {
        match &self.profile {
            Some(profile) => profile.clone(),
            None => self.directory.display().to_string(),
        }
    }

    /// What is seen of it. Nothing is written, and no lock is taken.
    ///
    /// # Errors
    ///
    /// [`crate::store::Error`] where nothing says which version is in force.
    pub(in crate::commands) fn look(&self, at: DateTime<Utc>) -> Result<Seen, Error> {
        let versions = Versions::for_readers(&self.directory);
        let says = |certificate: &Certificate| match &self.ca {
            Some(ca) => word(ca, certificate),
            None => Word::Nothing,
        };
        Ok(Seen::look(&versions, &self.expected, at, says)?)
    }

    /// Why nothing is in force, if that is so.
    pub(in crate::commands) fn absent(&self) -> Option<Error> {
        check_managed(&self.directory).err()
    }

    /// Whether it is not there, or has nothing in force, and its profile says who
    /// makes the first version.
    pub(in crate::commands) fn is_awaited(&self, error: &Error) -> bool {
        let is_missing = match error {
            Error::Identity(IdentityError::Unread { source, .. }) => {
                source.kind() == std::io::ErrorKind::NotFound
            }
            Error::Identity(IdentityError::NoVersion { .. }) => true,
            _ => false,
        };
        is_missing && self.rotate.is_some()
    }

    /// Why nothing is in force, with what has to be typed.
    pub(in crate::commands) fn absence(&self, error: &Error, renew: &str) -> String {
        match self.is_awaited(error) {
            true => format!("{}: {renew}", with_causes(error)),
            false => told(error),
        }
    }

    /// What has to be typed to renew it now, as a sentence.
    pub(in crate::commands) fn renewal(&self, standing: Option<&Standing>) -> String {
        let force = match standing.and_then(|standing| standing.next_try) {
            Some(_) => " --force",
            None => "",
        };
        match &self.rotate {
            Some(words) => format!("'{words}{force}' renews it"),
            None => {
                let path = self.directory.display();
                format!(
                    "'windlass rotate --identity {path}{force}' renews it, with the options of its cron job"
                )
            }
        }
    }
}

/// What is known where no names are.
fn unnamed((within, window): Rules) -> Expected {
    Expected {
        terms: Terms {
            common_name: String::new(),
            organization: None,
            units: Vec::new(),
            names: Vec::new(),
            key_type: KeyType::P256,
            keys: KeyPolicy::New,
            roots: Vec::new(),
            rule: within.map_or(Rule::Usual, Rule::Within),
            windows: ChangeWindows(window),
            host: host(),
        },
        knows_names: false,
        fixed: None,
    }
}
