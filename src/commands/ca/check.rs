//! `windlass ca check`

use std::ffi::OsString;

use chrono::TimeDelta;

use crate::authority::{self, HealthPlan};
use crate::cli::{CaCheck, CheckFormat, Origin};
use crate::clock::in_words;
use crate::commands::monitor::{Check, Found, Monitor, Wanted};
use crate::commands::{Context, Error, Outcome};
use crate::finding::{Finding, Level};
use crate::store;
use crate::text::with_causes;

/// How long a reservation may be unsettled.
const UNSETTLED: TimeDelta = TimeDelta::minutes(10);

/// `windlass ca check`, as monitors know it.
pub(in crate::commands) const CHECK: Check = Check {
    verb: "ca check",
    title: "WINDLASS CA",
    prefix: "windlass_ca_",
    help: &[],
    is_ours: |content| content.starts_with(b"# HELP windlass_ca_"),
};

/// Tells how the CA is, with the exit code of a Nagios plugin.
pub(in crate::commands) fn check(arguments: &CaCheck, context: &Context) -> Result<(), Error> {
    if let Err(error) = check_thresholds(arguments) {
        context.printer.error(&error);
        return match CHECK.unknown(&context.printer) {
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
    let monitor = Monitor {
        check: CHECK,
        found: findings.into_iter().map(Found::from).collect(),
        at: now,
    };
    let wanted = Wanted {
        format: match arguments.json {
            true => CheckFormat::Json,
            false => arguments.format,
        },
        textfile: arguments.textfile.as_deref(),
    };
    monitor.tell(&wanted, context)
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
