//! `windlass ca check`

use std::collections::BTreeSet;
use std::ffi::OsString;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::authority::{self, Finding, HealthPlan, Level};
use crate::cli::{CaCheck, CheckFormat, Origin};
use crate::clock::{in_words, rfc3339};
use crate::commands::{Context, Error, Outcome, Printer, ready};
use crate::store::{self, Readers};
use crate::text::{printable, with_causes};

/// How long a reservation may be unsettled.
const UNSETTLED: TimeDelta = TimeDelta::minutes(10);

/// What all metrics begin with.
const PREFIX: &str = "windlass_ca_";

/// Longest sentence of a finding, in characters.
const MOST: usize = 500;

/// Tells how the CA is, with the exit code of a Nagios plugin.
pub(in crate::commands) fn check(arguments: &CaCheck, context: &Context) -> Result<(), Error> {
    if let Err(error) = check_thresholds(arguments) {
        context.printer.error(&error);
        return match check_unknown(&context.printer) {
            Outcome::Command(status) => Err(Error::Ended { status }),
            _ => Err(error),
        };
    }
    let now = context.clock.now();
    let directory = context.path(&arguments.ca.dir);
    let found = authority::health(&HealthPlan {
        directory: &directory,
        at: now,
        warn: arguments.warn,
        critical: arguments.critical,
        leaves: (arguments.leaf_warn, arguments.leaf_critical),
        ended: arguments.ended,
        ended_critical: arguments.ended_critical,
        backup: arguments.backup_age,
        unsettled: UNSETTLED,
        deep: arguments.deep,
    });
    let findings = found.unwrap_or_else(|error| vec![unreadable(&error)]);
    if let Some(path) = &arguments.textfile {
        let path = context.path(path);
        let is_ours = |content: &[u8]| content.starts_with(format!("# HELP {PREFIX}").as_bytes());
        let written =
            ready::check_replaceable(&path, "a file with metrics", is_ours).and_then(|()| {
                // The exporter runs as another user.
                let text = prometheus(&findings, now);
                Ok(store::write_atomic(
                    &path,
                    text.as_bytes(),
                    Readers::Everyone,
                )?)
            });
        if let Err(error) = written {
            context.printer.error(&error);
            return Err(Error::Ended {
                status: Level::Unknown.code(),
            });
        }
    }
    let level = worst(&findings);
    let format = match arguments.json {
        true => CheckFormat::Json,
        false => arguments.format,
    };
    match format {
        CheckFormat::Json => context.printer.json(&json!({
            "level": level.as_str(),
            "at": rfc3339(now),
            "findings": findings.iter().map(as_json).collect::<Vec<_>>(),
        }))?,
        CheckFormat::Nagios => context.printer.data(&nagios(&findings))?,
        CheckFormat::Prometheus => context.printer.data(&prometheus(&findings, now))?,
    }
    match level {
        Level::Ok => Ok(()),
        level => Err(Error::Ended {
            status: level.code(),
        }),
    }
}

/// Refuses a warning that would come after what it is to warn of: there would never
/// be one.
fn check_thresholds(arguments: &CaCheck) -> Result<(), Error> {
    let wrong = |key: &str, value: String, critical: &str| Error::Value {
        origin: Origin::Option {
            key: key.to_owned(),
        },
        value: Some(value),
        reason: format!("a warning comes before what is critical: give more than {critical}"),
    };
    let (warn, critical) = (arguments.warn, arguments.critical);
    if warn < critical {
        let critical = format!("--critical, which is {}", in_words(critical));
        return Err(wrong("warn", in_words(warn), &critical));
    }
    let (warn, critical) = (arguments.leaf_warn, arguments.leaf_critical);
    if warn < critical {
        let critical = format!("--leaf-critical, which is {critical}");
        return Err(wrong("leaf_warn", warn.to_string(), &critical));
    }
    Ok(())
}

/// Whether these arguments are those of `windlass ca check`.
pub(in crate::commands) fn is_check(arguments: &[OsString]) -> bool {
    matches!(arguments, [_, ca, check, ..] if ca == "ca" && check == "check")
}

/// What a monitor understands when it calls this with arguments that are none:
/// that nothing was judged. What is wrong with them stands on stderr.
pub(in crate::commands) fn check_unknown(printer: &Printer) -> Outcome {
    let said = "WINDLASS CA UNKNOWN - the arguments are wrong: see 'windlass ca check --help'\n";
    match printer.data(said) {
        Ok(()) | Err(_) => Outcome::Command(Level::Unknown.code()),
    }
}

/// A CA that is damaged is critical; one that is not there, or that this user
/// may not read, was not judged.
fn unreadable(error: &authority::Error) -> Finding {
    let is_damaged = matches!(
        error,
        authority::Error::Store(
            store::Error::InventoryDamaged { .. } | store::Error::InventoryForeign { .. }
        ) | authority::Error::Incomplete { .. }
    );
    Finding {
        probe: "inventory",
        level: match is_damaged {
            true => Level::Critical,
            false => Level::Unknown,
        },
        text: with_causes(error),
        numbers: Vec::new(),
    }
}

fn worst(findings: &[Finding]) -> Level {
    let levels = findings.iter().map(|finding| finding.level);
    levels.max().unwrap_or(Level::Unknown)
}

/// One line for all, with the numbers behind a bar, and one line for each.
fn nagios(findings: &[Finding]) -> String {
    let level = worst(findings);
    let said: Vec<String> = findings
        .iter()
        .filter(|finding| finding.level == level && level != Level::Ok)
        .map(|finding| plain(&finding.text))
        .collect();
    let said = match said.as_slice() {
        [] => format!("{} things are in order", findings.len()),
        said => said.join("; "),
    };
    let mut text = format!("WINDLASS CA {} - {said}", level.as_str());
    let numbers: Vec<String> = findings
        .iter()
        .flat_map(|finding| &finding.numbers)
        .map(|(name, of, value)| {
            let unit = match name.ends_with("_seconds") {
                true => "s",
                false => "",
            };
            let of = of.as_ref().map_or_else(String::new, |of| format!("_{of}"));
            format!("{}{of}={value}{unit}", name.trim_end_matches("_seconds"))
        })
        .collect();
    if !numbers.is_empty() {
        text.push_str(&format!(" | {}", numbers.join(" ")));
    }
    text.push('\n');
    for finding in findings {
        let (level, probe) = (finding.level.as_str(), finding.probe);
        text.push_str(&format!("{level} {probe}: {}\n", plain(&finding.text)));
    }
    text
}

/// A bar would begin the numbers.
fn plain(text: &str) -> String {
    printable(text, MOST).replace('|', "/")
}

/// The text format of Prometheus 0.0.4; the levels as Nagios counts them.
fn prometheus(findings: &[Finding], now: DateTime<Utc>) -> String {
    let mut probes = BTreeSet::new();
    let mut text = format!(
        "# HELP {PREFIX}level How bad it is: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.\n\
         # TYPE {PREFIX}level gauge\n"
    );
    for finding in findings {
        let same = findings.iter().filter(|other| other.probe == finding.probe);
        let level = same.map(|other| other.level).max().unwrap_or(finding.level);
        if probes.insert(finding.probe) {
            let probe = finding.probe;
            text.push_str(&format!(
                "{PREFIX}level{{probe=\"{probe}\"}} {}\n",
                level.code()
            ));
        }
    }
    let mut names = BTreeSet::new();
    for (name, ..) in findings.iter().flat_map(|finding| &finding.numbers) {
        if !names.insert(*name) {
            continue;
        }
        text.push_str(&format!("# TYPE {PREFIX}{name} gauge\n"));
        let numbers = findings.iter().flat_map(|finding| &finding.numbers);
        for (_, of, value) in numbers.filter(|(other, ..)| other == name) {
            let label = of
                .as_ref()
                .map_or_else(String::new, |of| format!("{{of=\"{of}\"}}"));
            text.push_str(&format!("{PREFIX}{name}{label} {value}\n"));
        }
    }
    text.push_str(&format!(
        "# TYPE {PREFIX}checked_timestamp_seconds gauge\n\
         {PREFIX}checked_timestamp_seconds {}\n",
        now.timestamp()
    ));
    text
}

fn as_json(finding: &Finding) -> serde_json::Value {
    let numbers = finding
        .numbers
        .iter()
        .map(|(name, of, value)| json!({ "name": name, "of": of, "value": value }));
    json!({
        "probe": finding.probe,
        "level": finding.level.as_str(),
        "text": finding.text,
        "numbers": numbers.collect::<Vec<_>>(),
    })
}
