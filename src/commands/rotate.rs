//! `windlass rotate`

mod all;
mod came_to;
mod fixed;
mod issuer;
mod plan;
mod shown;
mod trial;

use std::io::IsTerminal;

use crate::cli::Rotate;
use crate::host::{Disk, Rotation, Shelf};
use crate::store::Versions;

use self::came_to::{CameTo, Ran};
pub(super) use self::fixed::fixed;
pub(super) use self::issuer::word;
pub(super) use self::plan::{Plan, host};
use self::shown::held_text;
pub(super) use self::shown::standing_json;
use super::error::RotateError;
use super::{Context, Error, Outcome};

/// Renews what is due, or with `--check` says what is.
pub(super) fn run(arguments: &Rotate, context: &Context) -> Result<(), Error> {
    crate::store::outlive_size_limit();
    if arguments.all {
        return all::run(arguments, context);
    }
    let came_to = one(arguments, context)?;
    if let CameTo::Busy(path) = &came_to {
        let path = path.display();
        context
            .printer
            .note(&format!("another process renews {path} at this moment"));
    }
    if arguments.json {
        context.printer.json(&came_to.to_json())?;
    } else {
        context.printer.data(&came_to.to_text())?;
    }
    let changed = came_to.is_change();
    let mut failed = None;
    for error in came_to.failures() {
        add(&mut failed, error, context);
    }
    conclude(failed, changed, arguments)
}

/// Adds an error to the one with which the command ends: the first, but for that
/// something has expired. The other one is told now.
fn add(failed: &mut Option<Error>, error: Error, context: &Context) {
    let (other, chosen) = match failed.take() {
        None => (None, error),
        Some(earlier)
            if error.outcome() == Outcome::Expired && earlier.outcome() != Outcome::Expired =>
        {
            (Some(earlier), error)
        }
        Some(earlier) => (Some(error), earlier),
    };
    if let Some(other) = other.filter(|other| !matches!(other, Error::Verdict(_))) {
        context.printer.error(&other);
    }
    *failed = Some(chosen);
}

/// How the command ends.
fn conclude(failed: Option<Error>, changed: bool, arguments: &Rotate) -> Result<(), Error> {
    match failed {
        Some(error) => Err(error),
        None if changed && arguments.exit_code => Err(Error::Verdict(Outcome::Changed)),
        None => Ok(()),
    }
}

fn one(arguments: &Rotate, context: &Context) -> Result<CameTo, Error> {
    let plan = Plan::new(arguments, context)?;
    let directory = plan.directory.clone();
    if arguments.check {
        let versions = match Versions::open(&directory) {
            Err(error) if error.is_not_found() => None,
            versions => Some(versions?),
        };
        return Ok(CameTo::Look(Box::new(plan.look(versions)?)));
    }
    let versions = Versions::create(&directory, plan.ownership)?;
    let Some(_lock) = versions.lock()? else {
        return Ok(CameTo::Busy(directory));
    };
    let disk = Disk::new(versions, plan.fixed.clone(), arguments.rotation.keep);
    let rotation = Rotation {
        shelf: &disk,
        issuer: plan.issuer.as_ref(),
        probe: plan.probe(),
        hooks: &plan.hooks,
        terms: &plan.terms,
        clock: context.clock.as_ref(),
        places: &plan.places,
    };
    let of_host = |source| RotateError::Host {
        directory: directory.clone(),
        source,
    };
    let is_answered = arguments.exit_code || arguments.json;
    let is_amiss = || disk.amiss().is_ok_and(|amiss| !amiss.is_nothing());
    let owes = || disk.state().is_ok_and(|state| state.owed.is_any());
    let was_amiss = is_answered && (is_amiss() || owes());
    let report = rotation.run(arguments.force).map_err(of_host)?;
    let tidings = match is_watched(arguments, context) {
        true => None,
        false => Some(report.tidings()),
    };
    if let Some(tidings) = &tidings {
        // What is not kept is told again.
        let _ = rotation.keep_told(&report, tidings);
    }
    for note in tidings.as_ref().map_or(&report.notes, |news| &news.notes) {
        context.printer.warning(note);
    }
    let is_told = tidings.as_ref().is_none_or(|news| news.renewal);
    if let Some(held) = held_text(&directory, &report).filter(|_| is_told) {
        context.printer.warning(&held);
    }
    // What could not be put right stays as it is, and is told at the next run too.
    let is_left = || disk.amiss().map_or(true, |left| !left.is_nothing());
    let put_right = was_amiss && !is_left() && !report.standing.state.owed.is_any();
    let ran = Ran {
        directory,
        report,
        tidings,
        put_right,
    };
    ran.log(context);
    Ok(CameTo::Run(Box::new(ran)))
}

/// Whether somebody wants to hear of this run, whatever was told before.
fn is_watched(arguments: &Rotate, context: &Context) -> bool {
    let is_asked = arguments.force || arguments.exit_code || arguments.json;
    is_asked || context.printer.is_verbose() || std::io::stderr().is_terminal()
}
