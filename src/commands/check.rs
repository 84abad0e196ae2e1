//! `windlass check`

mod metrics;
mod subject;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::cli::{Check as Arguments, Rotate};
use crate::clock::whole_seconds;
use crate::finding::{Finding, Level};
use crate::host::{Exam, Thresholds, examine, examine_absent, examine_certificate};
use crate::limits;
use crate::pki::{Certificate, read_certificates};
use crate::store::{self, read_regular};
use crate::text::with_causes;

pub(super) use self::metrics::CHECK;
pub(super) use self::subject::Subject;
use super::error::RotateError;
use super::monitor::{Found, Monitor, Of, Wanted, thresholds, told};
use super::{Context, Error, IdentityError};

/// Tells how the identities are, with the exit code of a Nagios plugin.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    store::outlive_size_limit();
    let margins = (arguments.warn, arguments.critical);
    let thresholds = match thresholds(["warn", "critical"], margins) {
        Ok(thresholds) => thresholds,
        Err(error) => return CHECK.refuse(error, context),
    };
    let at = whole_seconds(context.clock.now());
    let mut found = Vec::new();
    // Whatever is wrong, a monitor is told of it in its own words.
    match subjects(arguments, context) {
        Ok(subjects) => {
            for (name, subject) in subjects {
                let findings = match subject {
                    Ok(subject) => identity(&subject, thresholds, at),
                    Err(finding) => vec![finding],
                };
                found.extend(of(&Of::Identity(name), findings));
            }
        }
        Err(error) => found.push(not_judged(&error).into()),
    }
    for path in &arguments.certificate {
        let path = context.path(path);
        let findings = match read(&path) {
            Ok(certificates) => examine_certificate(&certificates, thresholds, at),
            Err(finding) => vec![finding],
        };
        found.extend(of(&Of::Certificate(path.display().to_string()), findings));
    }
    let monitor = Monitor {
        check: CHECK,
        found,
        at,
    };
    let textfile = arguments.textfile.as_deref();
    let wanted = Wanted::new(arguments.json, arguments.format, textfile);
    monitor.tell(&wanted, context)
}

fn of(of: &Of, findings: Vec<Finding>) -> impl Iterator<Item = Found> {
    findings.into_iter().map(move |finding| Found {
        of: Some(of.clone()),
        finding,
    })
}

/// That what is said of an identity cannot be used.
fn not_judged(error: &Error) -> Finding {
    Finding::new("options", Level::Unknown, told(error))
}

/// An identity by its name, or what is wrong with what its profile says.
type Named = (String, Result<Subject, Finding>);

/// The identities that are meant, each once.
fn subjects(arguments: &Arguments, context: &Context) -> Result<Vec<Named>, Error> {
    let by_profile = arguments.all || !arguments.profile.is_empty();
    if let (false, Some(identity)) = (by_profile, &arguments.identity) {
        let rules = (arguments.within, arguments.window.clone());
        let subject = Subject::alone(&context.path(identity), rules);
        return Ok(vec![(subject.name(), Ok(subject))]);
    }
    if !by_profile && !arguments.certificate.is_empty() {
        return Ok(Vec::new());
    }
    let rotations = context.invocation.each_rotation(
        &arguments.profile,
        arguments.config.as_deref(),
        &context.environment,
    )?;
    let mut named: Vec<Named> = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    for (name, asked) in rotations {
        let subject = asked.and_then(|mut asked| {
            override_by(&mut asked, arguments);
            Subject::of_profile(&name, &mut asked, arguments.config.as_deref(), context)
        });
        match subject {
            Ok(None) if arguments.profile.is_empty() => {}
            Ok(None) => {
                let text = "the profile names no identity; --certificate looks at a certificate that something else renews";
                let finding = Finding::new("options", Level::Unknown, text.to_owned());
                named.push((name, Err(finding)));
            }
            // Several profiles may have one identity, each with a role of its own.
            Ok(Some(subject)) if seen.contains(&subject.real) => {}
            Ok(Some(subject)) => {
                seen.push(subject.real.clone());
                named.push((name, Ok(subject)));
            }
            Err(error) => named.push((name, Err(not_judged(&error)))),
        }
    }
    match named.is_empty() && arguments.certificate.is_empty() {
        true => Err(RotateError::NoIdentities.into()),
        false => Ok(named),
    }
}

/// What was typed goes before what the profile says.
fn override_by(asked: &mut Rotate, arguments: &Arguments) {
    // Several have each their own, whatever a variable says.
    if let ([_], Some(identity)) = (arguments.profile.as_slice(), &arguments.identity) {
        asked.session.identity.identity = Some(identity.clone());
    }
    let rotation = &mut asked.rotation;
    rotation.within = arguments.within.or(rotation.within);
    if !arguments.window.is_empty() {
        rotation.window.clone_from(&arguments.window);
    }
}

fn identity(subject: &Subject, thresholds: Thresholds, at: DateTime<Utc>) -> Vec<Finding> {
    let seen = subject.look(at);
    let standing = seen.as_ref().ok().map(|seen| &seen.standing);
    let renew = subject.renewal(standing);
    let exam = Exam {
        expected: &subject.expected,
        thresholds,
        renew: &renew,
        at,
    };
    let mut findings = match (&seen, subject.absent()) {
        (Ok(seen), None) => examine(&exam, seen),
        (Err(error), _) => vec![Finding::new("identity", level_of(error), told(error))],
        (Ok(seen), Some(error)) => {
            let is_there = matches!(
                error,
                Error::Identity(IdentityError::NoVersion { .. } | IdentityError::NoCurrent { .. })
            );
            let level = match is_there || subject.is_awaited(&error) {
                true => Level::Critical,
                false => Level::Unknown,
            };
            let why = Finding::new("identity", level, subject.absence(&error, &renew));
            examine_absent(&exam, why, is_there.then_some(seen))
        }
    };
    if let Some(problem) = &subject.problem {
        let text = format!("windlass rotate cannot be run with this profile: {problem}");
        findings.push(Finding::new("options", Level::Unknown, text));
    }
    findings
}

/// How bad it is that nothing can be seen of an identity: what this user may not
/// read was not judged.
fn level_of(error: &Error) -> Level {
    match error {
        Error::Store(store::Error::Misled { .. }) => Level::Critical,
        _ => Level::Unknown,
    }
}

/// The certificates of a file.
fn read(path: &Path) -> Result<Vec<Certificate>, Finding> {
    let content = match read_regular(path, limits::MAX_FILE) {
        Ok(Some(content)) => content,
        Ok(None) => {
            let text = format!("{} is not there", path.display());
            return Err(Finding::new("certificate", Level::Unknown, text));
        }
        Err(error) => return Err(Finding::unknown("certificate", &error)),
    };
    let origin = path.display().to_string();
    read_certificates(content.expose(), &origin)
        .map_err(|error| Finding::new("certificate", Level::Critical, with_causes(&error)))
}
