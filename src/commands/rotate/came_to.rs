//! What a run for one identity has come to, or a look at it.

use std::path::PathBuf;

use serde_json::json;

use crate::clock::rfc3339;
use crate::commands::error::RotateError;
use crate::commands::{Context, Error};
use crate::host::{self, Amiss, Done, Report, Standing, Tidings};

use super::shown::{looked_json, looked_text, report_json, report_text};

/// What one identity has come to.
pub(super) enum CameTo {
    /// `--check`.
    Look(Box<Look>),
    /// Another process renews it at this moment.
    Busy(PathBuf),
    /// A run.
    Run(Box<Ran>),
}

/// How an identity stands.
pub(super) struct Look {
    pub(super) directory: PathBuf,
    pub(super) standing: Standing,
    /// What is amiss besides, or why that cannot be told.
    pub(super) amiss: Result<Amiss, host::Error>,
    /// Where what is in force is not as the options have it, although that is no
    /// reason to renew it now: a sentence each.
    pub(super) differs: Vec<String>,
}

/// A run.
pub(super) struct Ran {
    pub(super) directory: PathBuf,
    pub(super) report: Report,
    /// What of it is worth telling; everything is where there are none.
    pub(super) tidings: Option<Tidings>,
    /// Whether anything but the certificate was put right, where that was asked for.
    pub(super) put_right: bool,
}

impl Look {
    /// Whether a run would change something.
    fn would_change(&self) -> bool {
        let amiss = self.amiss.as_ref();
        let is_amiss = amiss.is_ok_and(|amiss| !amiss.is_nothing());
        self.standing.is_to_be_renewed() || is_amiss || self.standing.state.owed.is_any()
    }
}

impl Ran {
    /// Leaves a line in the logs of what was done, and of what was not told since it
    /// was told before.
    pub(super) fn log(&self, context: &Context) {
        let directory = self.directory.display();
        let standing = &self.report.standing;
        if let (Done::Renewed { reason, .. }, Some(certificate)) =
            (&self.report.done, &standing.certificate)
        {
            context.printer.done(&format!(
                "renewed the identity in {directory}: {reason}; the certificate has the serial number {} and is valid until {}",
                certificate.serial(),
                rfc3339(certificate.not_after()),
            ));
        }
        if self.report.standing.state.failures.is_some() && self.is_silent() {
            let why = standing.state.last_failure.as_ref();
            let why = why.map_or("", |failure| &failure.message);
            let next = standing.next_try.map_or_else(String::new, |next| {
                format!("; it is tried again from {} on", rfc3339(next))
            });
            context.printer.done(&format!(
                "the identity in {directory} is still not renewed, as was told before: {why}{next}"
            ));
        }
    }

    fn is_silent(&self) -> bool {
        self.tidings.as_ref().is_some_and(|news| !news.renewal)
    }

    /// Why it failed, the worst first; the outcome alone where that was told already.
    fn failures(self) -> Vec<Error> {
        let told = |error: &RotateError| match (&self.tidings, error) {
            (None, _) => true,
            (Some(news), RotateError::Fixed { .. }) => news.fixed,
            (Some(news), RotateError::Hooks { .. }) => !news.hooks.is_empty(),
            (Some(news), _) => news.renewal,
        };
        let errors = RotateError::of(&self.directory, self.report);
        let errors = errors.into_iter().map(|error| match told(&error) {
            true => Error::from(error),
            false => Error::Verdict(Error::from(error).outcome()),
        });
        errors.collect()
    }
}

impl CameTo {
    /// Whether something was renewed or put right, or would be.
    pub(super) fn is_change(&self) -> bool {
        match self {
            Self::Busy(_) => false,
            Self::Look(look) => look.would_change(),
            Self::Run(ran) => ran.put_right || matches!(ran.report.done, Done::Renewed { .. }),
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Busy(path) => json!({ "identity": path, "result": "busy" }),
            Self::Look(look) => looked_json(look),
            Self::Run(ran) => {
                let mut shown = report_json(&ran.directory, &ran.report);
                shown["putRight"] = json!(ran.put_right);
                shown
            }
        }
    }

    /// Nothing where nothing was to be done: cron sends on what is printed.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Busy(_) => String::new(),
            Self::Look(look) => looked_text(look),
            Self::Run(ran) => report_text(&ran.directory, &ran.report),
        }
    }

    /// Why it failed, the worst first.
    pub(super) fn failures(self) -> Vec<Error> {
        match self {
            Self::Busy(_) => Vec::new(),
            Self::Look(look) => {
                let Look {
                    directory, amiss, ..
                } = *look;
                let fixed = |source| RotateError::Fixed { directory, source }.into();
                amiss.err().map(fixed).into_iter().collect()
            }
            Self::Run(ran) => ran.failures(),
        }
    }
}
