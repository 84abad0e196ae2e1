//! An identity that is looked at: by what its profile says of it, or alone.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::Rotate;
use crate::commands::monitor::told;
use crate::commands::rotate::{Plan, fixed, host, word};
use crate::commands::{Context, Error, IdentityError};
use crate::finding::{Finding, Level};
use crate::host::{
    Advice, ChangeWindow, ChangeWindows, Exam, Expected, KeyPolicy, Rule, Seen, Standing, Terms,
    Thresholds, Word, examine, examine_absent,
};
use crate::key::KeyType;
use crate::pki::Certificate;
use crate::store::{self, Versions};
use crate::text::with_causes;

use super::check_managed;

/// An identity, and what is known of what it is to be.
pub(in crate::commands) struct Subject {
    /// Its directory.
    pub(in crate::commands) directory: PathBuf,
    /// The same without links, so that one identity is known as one.
    pub(in crate::commands) real: PathBuf,
    /// The profile that names it.
    pub(in crate::commands) profile: Option<String>,
    expected: Expected,
    /// Why rotation cannot be run with its profile.
    problem: Option<Error>,
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

    /// What is seen of it, and what that is worth. Nothing is written, and no lock is
    /// taken.
    pub(in crate::commands) fn judge(&self, thresholds: Thresholds, at: DateTime<Utc>) -> Judged {
        let seen = self.look(at);
        let absent = check_managed(&self.directory).err();
        let advice = self.advice(seen.as_ref().ok().map(|seen| &seen.standing));
        let exam = Exam {
            expected: &self.expected,
            thresholds,
            advice: &advice,
            at,
        };
        let mut findings = match (&seen, &absent) {
            (Ok(seen), None) => examine(&exam, seen),
            (Err(error), _) => vec![Finding::new("identity", level_of(error), told(error))],
            (Ok(seen), Some(error)) => {
                let is_there = is_there(error);
                let level = match is_there || self.is_awaited(error) {
                    true => Level::Critical,
                    false => Level::Unknown,
                };
                let why = Finding::new("identity", level, self.absence(error, &advice));
                examine_absent(&exam, why, is_there.then_some(seen))
            }
        };
        if let Some(problem) = &self.problem {
            let text = format!("windlass rotate cannot be run with this profile: {problem}");
            findings.push(Finding::new("options", Level::Unknown, text));
        }
        Judged {
            seen: match absent {
                Some(error) if !is_there(&error) => Err(error),
                _ => seen,
            },
            findings,
        }
    }

    fn look(&self, at: DateTime<Utc>) -> Result<Seen, Error> {
        let versions = Versions::for_readers(&self.directory);
        let says = |certificate: &Certificate| match &self.ca {
            Some(ca) => word(ca, certificate),
            None => Word::Nothing,
        };
        Ok(Seen::look(&versions, &self.expected, at, says)?)
    }

    /// Whether it is not there, or has nothing in force, and its profile says who
    /// makes the first version.
    fn is_awaited(&self, error: &Error) -> bool {
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
    fn absence(&self, error: &Error, advice: &Advice) -> String {
        match self.is_awaited(error) {
            true => format!("{}: {}", with_causes(error), advice.renew),
            false => told(error),
        }
    }

    /// What has to be typed. What would fail again is not typed before it is mended.
    fn advice(&self, standing: Option<&Standing>) -> Advice {
        let has_failed = standing.is_some_and(|standing| standing.state.failures.is_some());
        let first = match (&self.problem, has_failed) {
            (Some(_), _) => "once its profile is put right, ",
            (None, true) => "once what failed is mended, ",
            (None, false) => "",
        };
        let with = |force: &str| match &self.rotate {
            Some(words) => format!("{first}'{words}{force}' renews it"),
            None => {
                let path = self.directory.display();
                format!(
                    "{first}'windlass rotate --identity {path}{force}' renews it, with the options of its cron job"
                )
            }
        };
        let is_held_up = standing.is_some_and(|standing| standing.next_try.is_some());
        Advice {
            renew: with(if is_held_up { " --force" } else { "" }),
            anyway: with(" --force"),
        }
    }
}

/// An identity as it was seen, and what that is worth.
pub(in crate::commands) struct Judged {
    /// What was seen of it, also where it has no version yet; or why there is nothing
    /// to be seen.
    pub(in crate::commands) seen: Result<Seen, Error>,
    /// What a monitor is told.
    pub(in crate::commands) findings: Vec<Finding>,
}

/// Whether it is the directory of an identity that has nothing in force.
const fn is_there(error: &Error) -> bool {
    matches!(
        error,
        Error::Identity(IdentityError::NoVersion { .. } | IdentityError::NoCurrent { .. })
    )
}

/// How bad it is that nothing can be seen of an identity: what this user may not
/// read was not judged.
const fn level_of(error: &Error) -> Level {
    match error {
        Error::Store(store::Error::Misled { .. }) => Level::Critical,
        _ => Level::Unknown,
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
