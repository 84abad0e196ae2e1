//! `windlass ca check`

use chrono::TimeDelta;

use crate::authority::{self, HealthPlan};
use crate::cli::CaCheck;
use crate::commands::monitor::{CHECKED, Check, Found, Monitor, thresholds};
use crate::commands::{Context, Error};
use crate::finding::{Finding, Level};
use crate::host::Margin;
use crate::store;
use crate::text::with_causes;

/// How long a reservation may be unsettled.
const UNSETTLED: TimeDelta = TimeDelta::minutes(10);

/// `windlass ca check`, as monitors know it.
pub(in crate::commands) const CHECK: Check = Check {
    verb: "ca check",
    title: "WINDLASS CA",
    prefix: "windlass_ca_",
    help: &[
        (
            "clock_ahead_seconds",
            "How far the last entry of the log is ahead of the clock.",
        ),
        (
            "authority_ends_seconds",
            "How long a certificate of the CA is good still.",
        ),
        (
            "crl_ends_seconds",
            "How long a revocation list is good still.",
        ),
        (
            "unreplaced_certificates",
            "Certificates of workloads that end soon and have no successor.",
        ),
        (
            "ended_unreplaced_certificates",
            "Certificates of workloads that have ended without a successor.",
        ),
        (
            "unsettled_reservations",
            "Serial numbers that were reserved for certificates of which nothing is known.",
        ),
        ("backup_age_seconds", "How old the last backup is."),
        ("log_entries", "Entries of the log."),
        (CHECKED, "When it was looked at."),
    ],
};

/// Tells how the CA is, with the exit code of a Nagios plugin.
pub(in crate::commands) fn check(arguments: &CaCheck, context: &Context) -> Result<(), Error> {
    if let Err(error) = check_thresholds(arguments) {
        return CHECK.refuse(&error, context);
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
    monitor.tell(&arguments.answer, context)
}

/// Refuses warnings that would never be given.
fn check_thresholds(arguments: &CaCheck) -> Result<(), Error> {
    let (warn, critical) = (arguments.warn, arguments.critical);
    let times = (Some(Margin::Time(warn)), Some(Margin::Time(critical)));
    thresholds(["warn", "critical"], times)?;
    let (warn, critical) = (arguments.leaf_warn, arguments.leaf_critical);
    let shares = (Some(Margin::Share(warn)), Some(Margin::Share(critical)));
    thresholds(["leaf_warn", "leaf-critical"], shares).map(drop)
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
    let level = match is_damaged {
        true => Level::Critical,
        false => Level::Unknown,
    };
    Finding::new("inventory", level, with_causes(error))
}
