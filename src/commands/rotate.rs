//! `windlass rotate`

mod fixed;
mod issuer;
mod plan;
mod shown;
mod trial;

use std::io::IsTerminal;
use std::path::PathBuf;

use serde_json::json;

use crate::cli::{Command, Rotate};
use crate::host::{self, Amiss, Disk, Done, Report, Rotation, Standing, Tidings};
use crate::store::Versions;

pub(super) use self::fixed::fixed;
pub(super) use self::issuer::word;
pub(super) use self::plan::{Plan, host};
pub(super) use self::shown::standing_json;
use self::shown::{held_text, looked_json, looked_text, report_json, report_text};
use super::error::RotateError;
use super::{Context, Error, Outcome};

/// Renews what is due, or with `--check` says what is.
pub(super) fn run(arguments: &Rotate, context: &Context) -> Result<(), Error> {
    crate::store::outlive_size_limit();
    if !arguments.all {
        let came_to = one(arguments, context)?;
        return came_to.end(arguments, context);
    }
    let mut all = Vec::new();
    let mut failed: Option<Error> = None;
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut asked = asked(arguments, context)?;
    refuse_disputed(&mut asked, context);
    for (name, asked) in asked {
        let done = asked.and_then(|asked| {
            // Several profiles may have one identity, each with a role of its own.
            let path = real_directory(&asked, context)?;
            if seen.contains(&path) {
                return Ok(None);
            }
            seen.push(path);
            one(&asked, context).map(Some)
        });
        match done {
            Ok(None) => {}
            Ok(Some(came_to)) => all.push((name, came_to)),
            Err(error) => {
                add(&mut failed, error, context);
                context.printer.warning(&format!(
                    "the identity of the profile {name} was left as it is"
                ));
            }
        }
    }
    let changed = all.iter().any(|(_, came_to)| came_to.is_change());
    if arguments.json {
        let shown: Vec<_> = all
            .iter()
            .map(|(name, came_to)| {
                let mut shown = came_to.to_json();
                shown["profile"] = json!(name);
                shown
            })
            .collect();
        context.printer.json(&shown.into())?;
    } else {
        for (_, came_to) in &all {
            context.printer.data(&came_to.to_text())?;
        }
    }
    for error in all.into_iter().filter_map(|(_, came_to)| came_to.failure()) {
        add(&mut failed, error, context);
    }
    conclude(failed, changed, arguments)
}

/// Adds an error to the one with which the command ends: the last, but for that
/// something has expired. The other one is told now.
fn add(failed: &mut Option<Error>, error: Error, context: &Context) {
    let (other, last) = match failed.take() {
        None => (None, error),
        Some(earlier) if earlier.outcome() == Outcome::Expired => (Some(error), earlier),
        Some(earlier) => (Some(earlier), error),
    };
    if let Some(other) = other.filter(|other| !matches!(other, Error::Verdict(_))) {
        context.printer.error(&other);
    }
    *failed = Some(last);
}

/// How the command ends.
fn conclude(failed: Option<Error>, changed: bool, arguments: &Rotate) -> Result<(), Error> {
    match failed {
        Some(error) => Err(error),
        None if changed && arguments.exit_code => Err(Error::Verdict(Outcome::Changed)),
        None => Ok(()),
    }
}

/// A profile's name with its options, or with what is wrong with them.
type Asked = (String, Result<Rotate, Error>);

/// The profiles that name an identity and who certifies it, with their options.
fn asked(arguments: &Rotate, context: &Context) -> Result<Vec<Asked>, Error> {
    let config = arguments.session.config.as_deref();
    let commands = context
        .invocation
        .each_command(config, &context.environment)?;
    let asked = commands
        .into_iter()
        .filter_map(|(name, command)| match command {
            Ok(Command::Rotate(asked)) if asked.is_wanted() => Some((name, Ok(*asked))),
            Ok(_) => None,
            Err(error) => Some((name, Err(error))),
        });
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return Err(RotateError::NoIdentities.into());
    }
    Ok(asked)
}

/// Where a profile's identity is, with links followed.
fn real_directory(asked: &Rotate, context: &Context) -> Result<PathBuf, Error> {
    let path = Plan::directory(asked, context)?;
    Ok(std::fs::canonicalize(&path).unwrap_or(path))
}

/// Takes away the profiles that want one identity to have different names: each run
/// would renew it for the one and for the other.
fn refuse_disputed(asked: &mut [Asked], context: &Context) {
    let wanted: Vec<_> = asked
        .iter()
        .map(|(name, asked)| {
            let asked = asked.as_ref().ok()?;
            let path = real_directory(asked, context).ok()?;
            Some((name.clone(), path, names_of(asked)))
        })
        .collect();
    for ((_, asked), own) in asked.iter_mut().zip(&wanted) {
        let Some((name, directory, names)) = own else {
            continue;
        };
        let mut others = wanted.iter().flatten();
        let other = others.find(|(_, path, other)| path == directory && other != names);
        if let Some((other, ..)) = other {
            *asked = Err(RotateError::Disputed {
                directory: directory.clone(),
                profiles: [name.clone(), other.clone()],
            }
            .into());
        }
    }
}

/// The names that an identity is to have.
fn names_of(asked: &Rotate) -> Vec<String> {
    let rotation = &asked.rotation;
    let names = &rotation.names;
    let mut all: Vec<String> = names.san.iter().map(ToString::to_string).collect();
    all.extend(
        rotation
            .cn
            .iter()
            .map(|name| format!("CN={}", name.as_str())),
    );
    all.extend(names.ou.iter().map(|name| format!("OU={}", name.as_str())));
    all.extend(
        names
            .organization
            .iter()
            .map(|name| format!("O={}", name.as_str())),
    );
    all.sort();
    all.dedup();
    all
}

/// What one identity has come to.
enum CameTo {
    /// `--check`: how it stands, and what is amiss besides.
    Look(PathBuf, Box<Standing>, Box<Result<Amiss, host::Error>>),
    /// Another process renews it at this moment.
    Busy(PathBuf),
    /// A run, with what of it is worth telling, without where everything is; and
    /// whether anything but the certificate was put right, where that was asked for.
    Run(PathBuf, Box<Report>, Option<Tidings>, bool),
}

fn one(arguments: &Rotate, context: &Context) -> Result<CameTo, Error> {
    let plan = Plan::new(arguments, context)?;
    let directory = plan.directory.clone();
    if arguments.check {
        let versions = match Versions::open(&directory) {
            Err(error) if error.is_not_found() => None,
            versions => Some(versions?),
        };
        let (standing, amiss) = plan.look(versions)?;
        let (standing, amiss) = (Box::new(standing), Box::new(amiss));
        return Ok(CameTo::Look(directory, standing, amiss));
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
    let is_answered = arguments.exit_code || arguments.json;
    let is_amiss = is_answered && disk.amiss().is_ok_and(|amiss| !amiss.is_nothing());
    let report = rotation
        .run(arguments.force)
        .map_err(|source| RotateError::Host {
            directory: directory.clone(),
            source,
        })?;
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
    let put_right = is_amiss && disk.amiss().is_ok_and(|left| left.is_nothing());
    Ok(CameTo::Run(directory, Box::new(report), tidings, put_right))
}

/// Whether somebody wants to hear of this run, whatever was told before.
fn is_watched(arguments: &Rotate, context: &Context) -> bool {
    let is_asked = arguments.force || arguments.exit_code || arguments.json;
    is_asked || context.printer.is_verbose() || std::io::stderr().is_terminal()
}

impl CameTo {
    /// Whether something was renewed or put right, or would be.
    fn is_change(&self) -> bool {
        match self {
            Self::Busy(_) => false,
            Self::Look(_, standing, amiss) => {
                let is_amiss = amiss
                    .as_ref()
                    .as_ref()
                    .is_ok_and(|amiss| !amiss.is_nothing());
                standing.is_to_be_renewed() || is_amiss
            }
            Self::Run(_, report, _, put_right) => {
                *put_right || matches!(report.done, Done::Renewed { .. })
            }
        }
    }

    fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Busy(path) => json!({ "identity": path, "result": "busy" }),
            Self::Look(path, standing, amiss) => looked_json(path, standing, amiss),
            Self::Run(path, report, _, put_right) => {
                let mut shown = report_json(path, report);
                shown["putRight"] = json!(put_right);
                shown
            }
        }
    }

    /// Nothing where nothing was to be done: cron sends on what is printed.
    fn to_text(&self) -> String {
        match self {
            Self::Busy(_) => String::new(),
            Self::Look(path, standing, amiss) => looked_text(path, standing, amiss),
            Self::Run(path, report, ..) => report_text(path, report),
        }
    }

    /// Why it failed; the outcome alone where that was told already.
    fn failure(self) -> Option<Error> {
        let (directory, report, tidings) = match self {
            Self::Busy(_) => return None,
            Self::Look(directory, _, amiss) => {
                let source = amiss.err()?;
                return Some(RotateError::Fixed { directory, source }.into());
            }
            Self::Run(directory, report, tidings, _) => (directory, report, tidings),
        };
        let error = RotateError::of(directory, *report)?;
        let is_told = tidings.is_none_or(|news| match &error {
            RotateError::Fixed { .. } => news.fixed,
            _ => news.renewal,
        });
        let error = Error::from(error);
        Some(match is_told {
            true => error,
            false => Error::Verdict(error.outcome()),
        })
    }

    fn end(self, arguments: &Rotate, context: &Context) -> Result<(), Error> {
        if let Self::Busy(path) = &self {
            let path = path.display();
            context
                .printer
                .note(&format!("another process renews {path} at this moment"));
        }
        if arguments.json {
            context.printer.json(&self.to_json())?;
        } else {
            context.printer.data(&self.to_text())?;
        }
        let changed = self.is_change();
        conclude(self.failure(), changed, arguments)
    }
}
