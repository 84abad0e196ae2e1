//! What monitors are told: the findings of a check as a Nagios plugin has them, as
//! metrics of Prometheus and as JSON, and the exit code that goes with them.

use std::collections::BTreeSet;
use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::cli::{CheckFormat, Origin};
use crate::clock::rfc3339;
use crate::finding::{Finding, Level};
use crate::host::{Margin, Thresholds};
use crate::store::{self, Readers};
use crate::text::{counted, first_of, printable, with_causes};

use super::{Context, Error, Outcome, Printer, ready};

/// Longest sentence of a finding, in characters.
const MOST: usize = 500;

/// How many things the first line says of several identities.
const FIRST: usize = 4;

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

/// How the answer is wanted.
pub(super) struct Wanted<'a> {
    format: CheckFormat,
    textfile: Option<&'a Path>,
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

impl<'a> Wanted<'a> {
    /// In this format, or with `--json` in that; and in the file for node_exporter,
    /// where one is asked for.
    pub(super) const fn new(
        is_json: bool,
        format: CheckFormat,
        textfile: Option<&'a Path>,
    ) -> Self {
        let format = match is_json {
            true => CheckFormat::Json,
            false => format,
        };
        Self { format, textfile }
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
    /// that nothing was judged. What is wrong with them stands on stderr.
    pub(super) fn unknown(self, printer: &Printer) -> Outcome {
        let Self { title, verb, .. } = self;
        let said =
            format!("{title} UNKNOWN - the arguments are wrong: see 'windlass {verb} --help'\n");
        match printer.data(&said) {
            Ok(()) | Err(_) => Outcome::Command(Level::Unknown.code()),
        }
    }
}

impl Check {
    /// That options which were understood cannot be used: the same, with what is wrong.
    ///
    /// # Errors
    ///
    /// Always: with the exit code that a monitor understands.
    pub(super) fn refuse(self, error: Error, context: &Context) -> Result<(), Error> {
        context.printer.error(&error);
        match self.unknown(&context.printer) {
            Outcome::Command(status) => Err(Error::Ended { status }),
            _ => Err(error),
        }
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
    pub(super) fn tell(mut self, wanted: &Wanted<'_>, context: &Context) -> Result<(), Error> {
        if let Some(path) = wanted.textfile {
            let path = context.path(path);
            if let Err(error) = self.write(&path) {
                context.printer.error(&error);
                // Whoever reads the numbers there does not have those of now.
                self.found.push(Finding::unknown("textfile", &error).into());
            }
        }
        match wanted.format {
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

    /// One line for all, with the numbers behind a bar, and one line for each; of
    /// several things the worst ones first, since a monitor may cut the rest off.
    fn nagios(&self) -> String {
        let (level, title) = (self.worst(), self.check.title);
        let mut text = format!("{title} {} - {}", level.as_str(), self.summary(level));
        let numbers: Vec<String> = self
            .found
            .iter()
            .flat_map(|found| {
                let numbers = found.finding.numbers.iter();
                // A moment is no quantity to draw.
                let numbers = numbers.filter(|(name, ..)| !name.ends_with("_timestamp_seconds"));
                numbers.map(|(name, of, value)| {
                    let whose = found.of.iter().map(Of::name);
                    performance(name, whose.chain(of.as_deref()), *value)
                })
            })
            .collect();
        if !numbers.is_empty() {
            text.push_str(&format!(" | {}", numbers.join(" ")));
        }
        text.push('\n');
        let mut lines: Vec<&Found> = self.found.iter().collect();
        if lines.iter().any(|found| found.of.is_some()) {
            lines.sort_by_key(|found| std::cmp::Reverse(found.finding.level));
        }
        for Found { of, finding } in lines {
            let (level, probe) = (finding.level.as_str(), finding.probe);
            let of = of
                .as_ref()
                .map_or_else(String::new, |of| format!("{} ", of.name()));
            let of = plain(&of);
            text.push_str(&format!("{level} {of}{probe}: {}\n", plain(&finding.text)));
        }
        text
    }

    /// What is worst, or that nothing is.
    fn summary(&self, level: Level) -> String {
        let worst = self
            .found
            .iter()
            .filter(|found| found.finding.level == level);
        let worst: Vec<&Found> = worst.filter(|_| level != Level::Ok).collect();
        let all: BTreeSet<&Of> = self
            .found
            .iter()
            .filter_map(|found| found.of.as_ref())
            .collect();
        let first = |found: &Found| match &found.of {
            Some(of) => format!("{}: {}", plain(of.name()), plain(&found.finding.text)),
            None => plain(&found.finding.text),
        };
        let said = worst.iter().map(|found| first(found));
        match (worst.len(), all.len()) {
            (0, 0) => format!("{} things are in order", self.found.len()),
            (0, 1) => self.found.first().map_or_else(String::new, first),
            (0, _) => format!(
                "{} things of {} are in order",
                self.found.len(),
                how_many(&all)
            ),
            (_, 0) => said.collect::<Vec<_>>().join("; "),
            (count, _) => first_of(&said.take(FIRST).collect::<Vec<_>>(), count),
        }
    }

    /// The text format of Prometheus 0.0.4; the levels as Nagios counts them.
    fn prometheus(&self) -> String {
        let prefix = self.check.prefix;
        let mut probes = BTreeSet::new();
        let mut text = format!(
            "# HELP {prefix}level How bad it is: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n\
             # TYPE {prefix}level gauge\n"
        );
        for Found { of, finding } in &self.found {
            let probe = finding.probe;
            if !probes.insert((of, probe)) {
                continue;
            }
            let same = self.found.iter();
            let same = same.filter(|other| other.finding.probe == probe && other.of == *of);
            let level = same.map(|other| other.finding.level).max();
            let level = level.unwrap_or(finding.level).code();
            let labels = labels([labelled(of), ("probe", Some(probe))]);
            text.push_str(&format!("{prefix}level{labels} {level}\n"));
        }
        let mut names = BTreeSet::new();
        let numbers = || {
            self.found.iter().flat_map(|found| {
                found
                    .finding
                    .numbers
                    .iter()
                    .map(move |number| (&found.of, number))
            })
        };
        for (_, (name, ..)) in numbers() {
            if !names.insert(*name) {
                continue;
            }
            text.push_str(&self.head(name));
            for (whose, (_, of, value)) in numbers().filter(|(_, (other, ..))| other == name) {
                let labels = labels([labelled(whose), ("of", of.as_deref())]);
                text.push_str(&format!("{prefix}{name}{labels} {value}\n"));
            }
        }
        text.push_str(&format!(
            "{}{prefix}{CHECKED} {}\n",
            self.head(CHECKED),
            self.at.timestamp()
        ));
        text
    }

    fn head(&self, name: &str) -> String {
        let prefix = self.check.prefix;
        let help = self.check.help.iter().find(|(known, _)| *known == name);
        let help = help.map_or_else(String::new, |(_, help)| {
            format!("# HELP {prefix}{name} {help}\n")
        });
        format!("{help}# TYPE {prefix}{name} gauge\n")
    }

    fn json(&self) -> serde_json::Value {
        json!({
            "level": self.worst().as_str(),
            "at": rfc3339(self.at),
            "findings": self.found.iter().map(as_json).collect::<Vec<_>>(),
        })
    }
}

/// The metric that says when it was looked.
pub(super) const CHECKED: &str = "checked_timestamp_seconds";

fn as_json(found: &Found) -> serde_json::Value {
    let finding = &found.finding;
    let numbers = finding
        .numbers
        .iter()
        .map(|(name, of, value)| json!({ "name": name, "of": of, "value": value }));
    let mut shown = json!({
        "probe": finding.probe,
        "level": finding.level.as_str(),
        "text": finding.text,
        "numbers": numbers.collect::<Vec<_>>(),
    });
    if let Some(of) = &found.of {
        shown[of.kind()] = json!(of.name());
    }
    shown
}

/// A number as plugins give it: `name=value` with its unit. A name that is not one
/// word stands in quotes; it may have neither `=` nor `'` (Monitoring Plugins
/// Development Guidelines, performance data).
fn performance<'a>(name: &str, of: impl Iterator<Item = &'a str>, value: i64) -> String {
    let unit = match name.ends_with("_seconds") {
        true => "s",
        false => "",
    };
    let mut label = name.trim_end_matches("_seconds").to_owned();
    for of in of {
        label.push('_');
        label.extend(plain(of).chars().map(|one| match one {
            '=' | '\'' => '_',
            one => one,
        }));
    }
    match label.contains(char::is_whitespace) {
        true => format!("'{label}'={value}{unit}"),
        false => format!("{label}={value}{unit}"),
    }
}

/// What was looked at, as a label; without a value where there is one thing alone.
fn labelled(of: &Option<Of>) -> (&'static str, Option<&str>) {
    match of {
        Some(of) => (of.kind(), Some(of.name())),
        None => ("", None),
    }
}

/// How many identities and certificates these are.
fn how_many(all: &BTreeSet<&Of>) -> String {
    let count = |kind: &str| all.iter().filter(|of| of.kind() == kind).count();
    let identities = match count("identity") {
        0 => None,
        1 => Some("1 identity".to_owned()),
        count => Some(format!("{count} identities")),
    };
    let certificates = match count("certificate") {
        0 => None,
        count => Some(counted(count, "certificate")),
    };
    let both: Vec<String> = identities.into_iter().chain(certificates).collect();
    both.join(" and ")
}

/// Labels as the text format of Prometheus writes them; nothing where none is said.
fn labels<const N: usize>(all: [(&str, Option<&str>); N]) -> String {
    let said = all.into_iter().filter_map(|(name, value)| {
        let value = value?
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        Some(format!("{name}=\"{value}\""))
    });
    match said.collect::<Vec<_>>().join(",") {
        said if said.is_empty() => said,
        said => format!("{{{said}}}"),
    }
}

/// A bar would begin the numbers.
fn plain(text: &str) -> String {
    printable(text, MOST).replace('|', "/")
}

/// What an error says, with what to try.
pub(super) fn told(error: &Error) -> String {
    let said = with_causes(error);
    match error.hint() {
        Some(hint) => format!("{said} ({hint})"),
        None => said,
    }
}
