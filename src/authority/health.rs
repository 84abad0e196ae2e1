//! What a monitor wants to know of a CA: what ends, what was forgotten, and what
//! cannot be relied on.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

use crate::clock::{in_words, rfc3339};
use crate::finding::{Bound, Finding, Level};
use crate::store::{Ending, GenerationState, Inventory};
use crate::text::{counted, printable, with_causes};

use super::layout::KEY;
use super::occasion::ClockState;
use super::own_key::{has_key, look_at_key};
use super::{
    AuthorityName, Error, Generations, ListState, LogWitness, OwnAuthority, Policy, Role, assess,
    check_alone, read_inventory, reason_of, verify_log,
};

/// However long a workload's certificate lives, it is early enough to warn this
/// long before its end.
const LONGEST_WARNING: TimeDelta = TimeDelta::days(90);

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
    /// How long after its end a certificate without a successor is told.
    pub ended: TimeDelta,
    /// From how many such certificates on it is critical.
    pub ended_critical: u32,
    /// How old a backup may be; the double is critical.
    pub backup: TimeDelta,
    /// How long a reservation may be unsettled.
    pub unsettled: TimeDelta,
    /// Whether all pages and the whole log are read.
    pub deep: bool,
}

/// Looks at a CA. It needs no key.
///
/// # Errors
///
/// [`Error`] when there is no CA, or its inventory cannot be opened.
pub fn health(plan: &HealthPlan<'_>) -> Result<Vec<Finding>, Error> {
    let inventory = read_inventory(plan.directory)?;
    let mut findings = vec![plan.clock(&inventory)];
    match Generations::read(plan.directory, &inventory) {
        Ok(generations) => {
            findings.extend(plan.certificates(&generations, &inventory)?);
            findings.extend(plan.keys(&generations));
            findings.extend(plan.awaited(&generations));
            let listing = generations.listing().into_iter();
            for authority in listing.chain(generations.roots()) {
                findings.extend(plan.list(authority.name));
            }
        }
        Err(error) => findings.push(failed("authorities", &error)),
    }
    findings.push(plan.leaves(&inventory)?);
    findings.push(plan.ended(&inventory)?);
    findings.push(plan.reservations(&inventory)?);
    findings.push(plan.last_backup(&inventory)?);
    findings.push(plan.modes());
    if plan.deep {
        findings.push(pages(&inventory));
        findings.push(log(plan.directory, &inventory));
    }
    inventory.check_unwritten()?;
    Ok(findings)
}

impl HealthPlan<'_> {
    fn clock(&self, inventory: &Inventory) -> Finding {
        let mark = match inventory.time_mark() {
            Ok(mark) => mark,
            Err(error) => return failed("clock", &error.into()),
        };
        let wrong = |what: &str, mark| (Level::Critical, format!("{what} {}", rfc3339(mark)));
        let (level, text) = match mark.map(|mark| (ClockState::of(self.at, mark), mark)) {
            Some((ClockState::Behind, mark)) => {
                wrong("the clock is behind what was written at", mark)
            }
            Some((ClockState::Ahead, mark)) => wrong(
                "the clock is more than a year after what was last written, at",
                mark,
            ),
            Some((ClockState::Fits, _)) | None => {
                (Level::Ok, "the clock fits what was written".to_owned())
            }
        };
        let ahead = mark.map_or(0, |mark| (self.at - mark).num_seconds());
        Finding::new("clock", level, text).with("clock_ahead_seconds", None, ahead)
    }

    /// How bad it is that something ends then.
    fn level_of(&self, end: DateTime<Utc>) -> Level {
        match end - self.at {
            left if left < self.critical => Level::Critical,
            left if left < self.warn => Level::Warning,
            _ => Level::Ok,
        }
    }

    fn certificates(
        &self,
        generations: &Generations,
        inventory: &Inventory,
    ) -> Result<Vec<Finding>, Error> {
        let needed = |one: &OwnAuthority| {
            let mut live = generations.live.iter();
            generations.alone.as_ref() == Some(one)
                || live.any(|generation| {
                    generation.state != GenerationState::Retiring
                        && [&generation.root, &generation.issuing].contains(&one)
                })
        };
        let of = |one: &OwnAuthority| -> Result<Finding, Error> {
            let end = one.certificate.not_after();
            // What is being replaced may end: nothing that it has issued outlives it.
            let (level, what) = match needed(one) {
                true => (self.level_of(end), ""),
                false => (Level::Ok, ", which is being replaced,"),
            };
            let record = inventory.get(one.certificate.serial().magnitude())?;
            let (level, text) = match record.and_then(|record| record.revocation) {
                Some(revocation) => (
                    Level::Critical,
                    format!(
                        "the {} certificate was revoked on {}, {}: nothing is issued under it",
                        one.name,
                        rfc3339(revocation.at),
                        reason_of(revocation)
                    ),
                ),
                None => (
                    level,
                    format!("the {} certificate{what} {}", one.name, ends(end, self.at)),
                ),
            };
            let bound = |least: TimeDelta| needed(one).then_some(Bound::Below(least.num_seconds()));
            Ok(Finding::new("authorities", level, text)
                .with(
                    "authority_ends_seconds",
                    Some(one.name.to_string()),
                    (end - self.at).num_seconds(),
                )
                .bounded(bound(self.warn), bound(self.critical)))
        };
        generations.authorities().into_iter().map(of).collect()
    }

    /// Whether a certificate was asked for that is not there yet.
    fn awaited(&self, generations: &Generations) -> Option<Finding> {
        generations.requested()?;
        let is_active = generations.in_state(GenerationState::Active).is_some();
        let (level, text) = match is_active {
            true => (
                Level::Ok,
                "the next generation waits for its certificate from its root",
            ),
            false => (
                Level::Warning,
                "the CA waits for its certificate from its root: 'windlass ca install'",
            ),
        };
        Some(Finding::new("authorities", level, text.to_owned()))
    }

    /// What the list of an authority is worth. Where the key of a root is
    /// elsewhere its lists are made and watched there.
    fn list(&self, name: AuthorityName) -> Option<Finding> {
        let list = match assess(self.directory, name, self.at) {
            Ok(list) => list,
            Err(error) => return Some(failed("crl", &error)),
        };
        if list.state == ListState::Absent && !has_key(self.directory, name) {
            return None;
        }
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
        let found = Finding::new(
            "crl",
            level,
            format!("the revocation list of {name} {what}"),
        );
        let next = list.facts.and_then(|facts| facts.next_update);
        Some(match next {
            Some(next) => found.with(
                "crl_ends_seconds",
                Some(name.to_string()),
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
        Ok(Finding::new("leaves", level, text)
            .with(
                "unreplaced_certificates",
                Some("warning".to_owned()),
                number(ending.len()),
            )
            .with(
                "unreplaced_certificates",
                Some("critical".to_owned()),
                number(soon),
            ))
    }

    /// Whether the keys are where they are said to be. What is encrypted cannot be
    /// compared with its certificate.
    fn keys(&self, generations: &Generations) -> Vec<Finding> {
        let here = |one: &&OwnAuthority| {
            one.name.role() == Role::Issuing || has_key(self.directory, one.name)
        };
        generations
            .authorities()
            .into_iter()
            .filter(here)
            .map(|one| (one.name, look_at_key(self.directory, one.name)))
            .map(|(issuer, found)| match found {
                Ok(place) => {
                    let text = format!("the {issuer} key is {place}");
                    Finding::new("keys", Level::Ok, text)
                }
                Err(error) => {
                    // Whoever may only look cannot tell.
                    let level = match is_forbidden(&error) {
                        true => Level::Ok,
                        false => Level::Critical,
                    };
                    Finding::new(
                        "keys",
                        level,
                        format!("the {issuer} key: {}", with_causes(&error)),
                    )
                }
            })
            .collect()
    }

    /// Hosts that have let their certificate end.
    fn ended(&self, inventory: &Inventory) -> Result<Finding, Error> {
        let ended = inventory.ending_unreplaced(self.at - self.ended, self.at)?;
        let is_all = !ended.is_empty() && !inventory.has_valid_leaf(self.at)?;
        let is_many = u32::try_from(ended.len()).is_ok_and(|count| count >= self.ended_critical);
        let level = match ended.len() {
            0 => Level::Ok,
            _ if is_all || is_many => Level::Critical,
            _ => Level::Warning,
        };
        let text = match ended.last() {
            None => "no certificate has ended lately without a successor".to_owned(),
            Some(last) => format!(
                "{} ended in the last {} without a successor{}, last that of {}, which {}",
                counted(ended.len(), "certificate"),
                in_words(self.ended),
                if is_all { ", and none is valid" } else { "" },
                named(last),
                ends(last.not_after, self.at)
            ),
        };
        Ok(Finding::new("ended", level, text).with(
            "ended_unreplaced_certificates",
            None,
            number(ended.len()),
        ))
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
        Ok(Finding::new("reservations", level, text).with(
            "unsettled_reservations",
            None,
            number(old),
        ))
    }

    fn last_backup(&self, inventory: &Inventory) -> Result<Finding, Error> {
        let Some(last) = inventory.last_backup()? else {
            let text = "no backup was ever made with 'windlass ca backup'".to_owned();
            return Ok(Finding::new("backup", Level::Warning, text));
        };
        let age = self.at - last;
        let level = match age {
            age if age > self.backup * 2 => Level::Critical,
            age if age > self.backup => Level::Warning,
            _ => Level::Ok,
        };
        let text = format!("the last backup is {} old", in_words(age));
        let bound = |most: TimeDelta| Some(Bound::Above(most.num_seconds()));
        Ok(Finding::new("backup", level, text)
            .with("backup_age_seconds", None, age.num_seconds())
            .bounded(bound(self.backup), bound(self.backup * 2)))
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
            return Finding::new("modes", Level::Critical, error.to_string());
        }
        let is_grave = |path: &PathBuf| path.ends_with(KEY) || path.ends_with(Policy::FILE);
        let level = match open.iter().any(|(path, _)| is_grave(path)) {
            _ if open.is_empty() => Level::Ok,
            true => Level::Critical,
            false => Level::Warning,
        };
        let text = match level {
            Level::Ok => "nobody but the owner has access to the directory".to_owned(),
            _ => format!("others have access to {}", shown.join(", ")),
        };
        Finding::new("modes", level, text)
    }
}

fn is_forbidden(error: &Error) -> bool {
    matches!(
        error,
        Error::Store(crate::store::Error::Io { source, .. })
            if source.kind() == std::io::ErrorKind::PermissionDenied
    )
}

fn look_at_modes(path: &Path, open: &mut Vec<(PathBuf, u32)>) {
    let Ok(metadata) = std::fs::symlink_metadata(path) else {
        return;
    };
    let mode = metadata.permissions().mode() & 0o7777;
    // What the policy says is no secret; who writes it decides what is issued.
    let closed = match path.ends_with(Policy::FILE) {
        true => 0o022,
        false => 0o077,
    };
    if !metadata.is_symlink() && mode & closed != 0 {
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
        Ok(()) => Finding::new("pages", Level::Ok, "the inventory is whole".to_owned()),
        Err(error) => failed("pages", &error.into()),
    }
}

/// What cannot be judged is told beside everything else.
fn log(directory: &Path, inventory: &Inventory) -> Finding {
    let report = match verify_log(directory, inventory, LogWitness::default()) {
        Ok(report) => report,
        Err(error) => return failed("log", &error),
    };
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
    Finding::new("log", level, text).with("log_entries", None, entries)
}

/// That something could not be looked at, which is as bad as can be.
fn failed(probe: &'static str, error: &Error) -> Finding {
    Finding::new(probe, Level::Critical, error.to_string())
}

fn ends(end: DateTime<Utc>, at: DateTime<Utc>) -> String {
    match end - at {
        left if left < TimeDelta::zero() => format!("ended {} ago", in_words(-left)),
        left => format!("ends in {}", in_words(left)),
    }
}

fn named(one: &Ending) -> String {
    printable(&one.common_name, 100)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
