//! What a monitor wants to know of a CA: what ends, what was forgotten, and what
//! cannot be relied on.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{in_words, rfc3339};
use crate::store::{Ending, Inventory};

use super::opened::read_own_certificates;
use super::{
    BACKDATE_SECONDS, Error, ISSUING_KEY, ListIssuer, ListState, LogWitness, ROOT_KEY, assess,
    check_alone, read_inventory, verify_log,
};

/// However long a workload's certificate lives, it is early enough to warn this
/// long before its end.
const LONGEST_WARNING: TimeDelta = TimeDelta::days(90);

/// How bad it is, as Nagios counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing has to be done.
    Ok,
    /// Something has to be done soon.
    Warning,
    /// Something could not be judged.
    Unknown,
    /// Something has to be done now.
    Critical,
}

/// What is looked at, and from when on it is bad.
#[derive(Debug)]
pub struct HealthPlan<'a> {
    /// The directory of the CA.
    pub directory: &'a Path,
    /// Now.
    pub at: DateTime<Utc>,
    /// How long before the end of a CA's certificate there is a warning.
    pub warn: TimeDelta,
    /// How long before that end it is critical.
    pub critical: TimeDelta,
    /// The same two of the workloads' certificates, in hundredths of their life.
    pub leaves: (u8, u8),
    /// How old a backup may be; the double is critical.
    pub backup: TimeDelta,
    /// How long a reservation may be unsettled.
    pub unsettled: TimeDelta,
    /// Whether all pages and the whole log are read.
    pub deep: bool,
}

/// What was found of one thing.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What was looked at, as one word.
    pub probe: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is so, as a sentence without its full stop.
    pub text: String,
    /// Numbers: name with unit, whose it is where there are several, value.
    pub numbers: Vec<(&'static str, Option<&'static str>, i64)>,
}

impl Level {
    /// All of them, by their code.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Warning, Self::Critical, Self::Unknown];

    /// The word that Nagios uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Unknown => "UNKNOWN",
            Self::Critical => "CRITICAL",
        }
    }

    /// The exit code of a Nagios plugin.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

/// Looks at a CA. It needs no key.
///
/// # Errors
///
/// [`Error`] when there is no CA, or its inventory cannot be opened.
pub fn health(plan: &HealthPlan<'_>) -> Result<Vec<Finding>, Error> {
    let inventory = read_inventory(plan.directory)?;
    let mut findings = vec![plan.clock(&inventory)?];
    findings.extend(plan.certificates()?);
    for issuer in [ListIssuer::Issuing, ListIssuer::Root] {
        findings.push(plan.list(issuer)?);
    }
    findings.push(plan.leaves(&inventory)?);
    findings.push(plan.reservations(&inventory)?);
    findings.push(plan.last_backup(&inventory)?);
    findings.push(plan.modes());
    if plan.deep {
        findings.push(pages(&inventory));
        findings.push(log(plan.directory, &inventory)?);
    }
    Ok(findings)
}

impl HealthPlan<'_> {
    fn clock(&self, inventory: &Inventory) -> Result<Finding, Error> {
        let ahead = inventory.time_mark()?.map(|mark| (self.at - mark, mark));
        let (level, text) = match ahead {
            Some((ahead, mark)) if ahead < TimeDelta::seconds(-BACKDATE_SECONDS) => (
                Level::Critical,
                format!("the clock is behind what was written at {}", rfc3339(mark)),
            ),
            Some((ahead, mark)) if ahead > TimeDelta::days(366) => (
                Level::Critical,
                format!(
                    "the clock is more than a year after what was last written, at {}",
                    rfc3339(mark)
                ),
            ),
            _ => (Level::Ok, "the clock fits what was written".to_owned()),
        };
        let ahead = ahead.map_or(0, |(ahead, _)| ahead.num_seconds());
        Ok(finding("clock", level, text).with("clock_ahead_seconds", None, ahead))
    }

    /// How bad it is that something ends then.
    fn level_of(&self, end: DateTime<Utc>) -> Level {
        match end - self.at {
            left if left < self.critical => Level::Critical,
            left if left < self.warn => Level::Warning,
            _ => Level::Ok,
        }
    }

    fn certificates(&self) -> Result<Vec<Finding>, Error> {
        let (root, issuing) = match read_own_certificates(self.directory) {
            Ok(both) => both,
            Err(error) => return Ok(vec![failed("authorities", &error)]),
        };
        let of = |name, certificate: &crate::pki::Certificate| {
            let end = certificate.not_after();
            let text = format!("the {name} certificate {}", ends(end, self.at));
            finding("authorities", self.level_of(end), text).with(
                "authority_ends_seconds",
                Some(name),
                (end - self.at).num_seconds(),
            )
        };
        Ok(vec![of("issuing", &issuing), of("root", &root)])
    }

    fn list(&self, issuer: ListIssuer) -> Result<Finding, Error> {
        let name = issuer.as_str();
        let list = match assess(self.directory, issuer, self.at) {
            Ok(list) => list,
            Err(error) => return Ok(failed("crl", &error)),
        };
        let (level, what) = match &list.state {
            ListState::Current => (Level::Ok, "is current".to_owned()),
            ListState::Due => (Level::Ok, "is past half of its life".to_owned()),
            ListState::Absent => (
                Level::Ok,
                "was never made, and nothing is revoked".to_owned(),
            ),
            ListState::OutOfDate if list.facts.is_none() && list.newest.is_some() => {
                (Level::Critical, "is not there any more".to_owned())
            }
            ListState::OutOfDate if list.facts.is_none() => (
                Level::Warning,
                format!(
                    "was never made, with {} revoked",
                    counted(list.lacking, "certificate")
                ),
            ),
            ListState::OutOfDate => (
                Level::Warning,
                format!(
                    "lacks {}, or their reasons",
                    counted(list.lacking, "revocation")
                ),
            ),
            ListState::Expired => (Level::Critical, "has expired".to_owned()),
            ListState::Unusable { reason } => {
                (Level::Critical, format!("cannot be used: {reason}"))
            }
        };
        let found = finding(
            "crl",
            level,
            format!("the revocation list of {name} {what}"),
        );
        let next = list.facts.and_then(|facts| facts.next_update);
        Ok(match next {
            Some(next) => found.with(
                "crl_ends_seconds",
                Some(name),
                (next - self.at).num_seconds(),
            ),
            None => found,
        })
    }

    fn leaves(&self, inventory: &Inventory) -> Result<Finding, Error> {
        let (warn, critical) = self.leaves;
        let mut ending = inventory.ending_unreplaced(self.at, self.at + LONGEST_WARNING)?;
        ending.retain(|one| one.has_less_than(warn, self.at));
        let soon = ending
            .iter()
            .filter(|one| one.has_less_than(critical, self.at))
            .count();
        let level = match (soon, ending.len()) {
            (0, 0) => Level::Ok,
            (0, _) => Level::Warning,
            _ => Level::Critical,
        };
        let text = match ending.first() {
            None => "no certificate ends soon without a successor".to_owned(),
            Some(first) => format!(
                "{} without a successor ending soon, first that of {}, which {}",
                counted(ending.len(), "certificate"),
                named(first),
                ends(first.not_after, self.at)
            ),
        };
        Ok(finding("leaves", level, text)
            .with(
                "unreplaced_certificates",
                Some("warning"),
                number(ending.len()),
            )
            .with("unreplaced_certificates", Some("critical"), number(soon)))
    }

    fn reservations(&self, inventory: &Inventory) -> Result<Finding, Error> {
        let rows = inventory.unsettled()?;
        let old = rows
            .iter()
            .filter(|row| self.at - row.reserved_at >= self.unsettled)
            .count();
        let (level, text) = match old {
            0 => (Level::Ok, "no reservation is unsettled".to_owned()),
            _ => (
                Level::Warning,
                format!(
                    "{} unsettled: 'windlass ca audit reconcile' settles them",
                    counted(old, "reservation")
                ),
            ),
        };
        Ok(finding("reservations", level, text).with("unsettled_reservations", None, number(old)))
    }

    fn last_backup(&self, inventory: &Inventory) -> Result<Finding, Error> {
        let Some(last) = inventory.last_backup()? else {
            let text = "no backup was ever made with 'windlass ca backup'".to_owned();
            return Ok(finding("backup", Level::Warning, text));
        };
        let age = self.at - last;
        let level = match age {
            age if age > self.backup * 2 => Level::Critical,
            age if age > self.backup => Level::Warning,
            _ => Level::Ok,
        };
        let text = format!("the last backup is {} old", in_words(age));
        Ok(finding("backup", level, text).with("backup_age_seconds", None, age.num_seconds()))
    }

    /// Whether others may read or write what is in the directory.
    fn modes(&self) -> Finding {
        let mut open = Vec::new();
        look_at_modes(self.directory, &mut open);
        let shown: Vec<String> = open
            .iter()
            .take(5)
            .map(|(path, mode)| format!("{} ({mode:04o})", path.display()))
            .collect();
        // The directories above too, and whose everything is.
        if let Err(error) = check_alone(self.directory) {
            return finding("modes", Level::Critical, error.to_string());
        }
        let is_key = |path: &PathBuf| {
            [ROOT_KEY, ISSUING_KEY]
                .iter()
                .any(|key| path.ends_with(key))
        };
        let level = match open.iter().any(|(path, _)| is_key(path)) {
            _ if open.is_empty() => Level::Ok,
            true => Level::Critical,
            false => Level::Warning,
        };
        let text = match level {
            Level::Ok => "nobody but the owner has access to the directory".to_owned(),
            _ => format!("others have access to {}", shown.join(", ")),
        };
        finding("modes", level, text)
    }
}

fn look_at_modes(path: &Path, open: &mut Vec<(PathBuf, u32)>) {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o7777;
    if !metadata.is_symlink() && mode & 0o077 != 0 {
        open.push((path.to_owned(), mode));
    }
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path).into_iter().flatten().flatten() {
            look_at_modes(&entry.path(), open);
        }
    }
}

fn pages(inventory: &Inventory) -> Finding {
    match inventory.check_integrity() {
        Ok(()) => finding("pages", Level::Ok, "the inventory is whole".to_owned()),
        Err(error) => failed("pages", &error.into()),
    }
}

fn log(directory: &Path, inventory: &Inventory) -> Result<Finding, Error> {
    let report = verify_log(directory, inventory, LogWitness::default())?;
    let (level, text) = match report.faults.first() {
        None => (
            Level::Ok,
            format!("the audit log is intact, with {} entries", report.entries),
        ),
        Some(fault) => (
            Level::Critical,
            format!("the audit log is not intact: {fault}"),
        ),
    };
    let entries = i64::try_from(report.entries).unwrap_or(i64::MAX);
    Ok(finding("log", level, text).with("log_entries", None, entries))
}

fn finding(probe: &'static str, level: Level, text: String) -> Finding {
    Finding {
        probe,
        level,
        text,
        numbers: Vec::new(),
    }
}

fn failed(probe: &'static str, error: &Error) -> Finding {
    finding(probe, Level::Critical, error.to_string())
}

impl Finding {
    fn with(mut self, name: &'static str, of: Option<&'static str>, value: i64) -> Self {
        self.numbers.push((name, of, value));
        self
    }
}

fn ends(end: DateTime<Utc>, at: DateTime<Utc>) -> String {
    match end - at {
        left if left < TimeDelta::zero() => format!("ended {} ago", in_words(-left)),
        left => format!("ends in {}", in_words(left)),
    }
}

fn named(one: &Ending) -> String {
    crate::text::printable(&one.common_name, 100)
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
