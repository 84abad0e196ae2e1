//! What monitors are told: the findings of a check as a Nagios plugin has them, as
//! metrics of Prometheus and as JSON, and the exit code that goes with them.

mod nagios;
mod prometheus;

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::cli::{AnswerArgs, CheckFormat, Origin};
use crate::clock::rfc3339;
use crate::finding::{Finding, Level};
use crate::host::{Margin, Thresholds};
use crate::store::{self, Readers};
use crate::text::with_causes;

pub(super) use self::nagios::line;
use self::nagios::plain;
use super::{Context, Error, Printer, ready};

/// Which check it is.
#[derive(Clone, Copy)]
pub(super) struct Check {
    /// How it is typed, as `ca check`.
    pub(super) verb: &'static str,
    /// What the first line begins with.
    pub(super) title: &'static str,
    /// What all metrics begin with.
    pub(super) prefix: &'static str,
    /// What each metric is, by its name without the prefix.
    pub(super) help: &'static [(&'static str, &'static str)],
}

/// What was looked at, where it may be one of several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    /// An identity, by its profile or directory.
    Identity(String),
    /// A certificate that something else renews, by its file.
    Certificate(String),
}

impl Of {
    fn name(&self) -> &str {
        let (Self::Identity(name) | Self::Certificate(name)) = self;
        name
    }

    /// What it is, as labels and JSON have it.
    const fn kind(&self) -> &'static str {
        match self {
            Self::Identity(_) => "identity",
            Self::Certificate(_) => "certificate",
        }
    }
}

/// What was found, and of which of several things; `None` where there is one alone.
pub(super) struct Found {
    pub(super) of: Option<Of>,
    pub(super) finding: Finding,
}

/// The findings of a check.
pub(super) struct Monitor {
    pub(super) check: Check,
    pub(super) found: Vec<Found>,
    pub(super) at: DateTime<Utc>,
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Self { of: None, finding }
    }
}

impl Check {
    /// What a monitor understands when it calls this with arguments that are none:
    /// that nothing was judged, and why. Gives the exit code.
    pub(super) fn unknown(self, why: &str, printer: &Printer) -> u8 {
        let Self { title, verb, .. } = self;
        let why = plain(why);
        let said = format!("{title} UNKNOWN - {why}; see 'windlass {verb} --help'\n");
        // Whoever does not read it has the code.
        let _ = printer.data(&said);
        Level::Unknown.code()
    }

    /// That options which were understood cannot be used: the same.
    ///
    /// # Errors
    ///
    /// Always: with the exit code that a monitor understands.
    pub(super) fn refuse(self, error: &Error, context: &Context) -> Result<(), Error> {
        context.printer.error(error);
        let status = self.unknown(&with_causes(error), &context.printer);
        Err(Error::Ended { status })
    }
}

/// The thresholds of two options, by their names: the one that warns first.
///
/// # Errors
///
/// [`Error::Value`] where there would never be a warning.
pub(super) fn thresholds(
    [warn, critical]: [&str; 2],
    margins: (Option<Margin>, Option<Margin>),
) -> Result<Thresholds, Error> {
    Thresholds::new(margins.0, margins.1).map_err(|never| Error::Value {
        origin: Origin::Option {
            key: warn.to_owned(),
        },
        value: Some(never.warn.to_string()),
        reason: format!(
            "a warning comes before what is critical: give more than --{critical}, which is {}",
            never.critical
        ),
    })
}

impl Monitor {
    /// Tells the findings, and gives the exit code of a Nagios plugin as the error.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] unless all is well; [`Error::Stdout`].
    pub(super) fn tell(mut self, wanted: &AnswerArgs, context: &Context) -> Result<(), Error> {
        if let Some(path) = &wanted.textfile {
            let path = context.path(path);
            if let Err(error) = self.write(&path) {
                context.printer.error(&error);
                // Whoever reads the numbers there does not have those of now.
                self.found.push(Finding::unknown("textfile", &error).into());
            }
        }
        match wanted.form() {
            _ if wanted.quiet => {}
            CheckFormat::Json => context.printer.json(&self.json())?,
            CheckFormat::Nagios => context.printer.data(&self.nagios())?,
            CheckFormat::Prometheus => context.printer.data(&self.prometheus())?,
        }
        match self.worst() {
            Level::Ok => Ok(()),
            level => Err(Error::Ended {
                status: level.code(),
            }),
        }
    }

    fn write(&self, path: &Path) -> Result<(), Error> {
        let start = format!("# HELP {}", self.check.prefix);
        ready::check_replaceable(path, "a file with metrics", |content| {
            content.starts_with(start.as_bytes())
        })?;
        // The exporter runs as another user.
        let text = self.prometheus();
        Ok(store::write_atomic(
            path,
            text.as_bytes(),
            Readers::Everyone,
        )?)
    }

    fn worst(&self) -> Level {
        let levels = self.found.iter().map(|found| found.finding.level);
        levels.max().unwrap_or(Level::Unknown)
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "level": self.worst().as_str(),
            "at": rfc3339(self.at),
            "findings": self.found.iter().map(|found| as_json(found.of.as_ref(), &found.finding)).collect::<Vec<_>>(),
        })
    }
}

/// The metric that says when it was looked.
pub(super) const CHECKED: &str = "checked_timestamp_seconds";

/// A finding, and whose it is.
pub(super) fn as_json(of: Option<&Of>, finding: &Finding) -> serde_json::Value {
    let numbers = finding
        .numbers
        .iter()
        .map(|one| json!({ "name": one.name, "of": one.of, "value": one.value }));
    let mut shown = json!({
        "probe": finding.probe,
        "level": finding.level.as_str(),
        "text": finding.text,
        "numbers": numbers.collect::<Vec<_>>(),
    });
    if let Some(of) = of {
        shown[of.kind()] = json!(of.name());
    }
    shown
}

/// What an error says, with what to try.
pub(super) fn told(error: &Error) -> String {
    let said = with_causes(error);
    match error.hint() {
        Some(hint) => format!("{said} ({hint})"),
        None => said,
    }
}
