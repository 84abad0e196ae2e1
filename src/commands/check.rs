//! `windlass check`

mod metrics;

use std::path::{Path, PathBuf};

use crate::cli::{Check as Arguments, Rotate};
use crate::clock::whole_seconds;
use crate::finding::{Finding, Level};
use crate::host::examine_certificate;
use crate::key::{KeySource, Source};
use crate::limits;
use crate::pki::{Certificate, read_certificates};
use crate::store::{self, read_regular};
use crate::text::with_causes;

pub(super) use self::metrics::CHECK;
use super::error::RotateError;
use super::identity::Subject;
use super::monitor::{Found, Monitor, Of, thresholds, told};
use super::{Context, Error};

/// Tells how the identities are, with the exit code of a Nagios plugin.
pub(super) fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    store::outlive_size_limit();
    let margins = (arguments.warn, arguments.critical);
    let thresholds = match thresholds(["warn", "critical"], margins) {
        Ok(thresholds) => thresholds,
        Err(error) => return CHECK.refuse(&error, context),
    };
    let at = whole_seconds(context.clock.now());
    let mut found = Vec::new();
    let typed = arguments.certificate.iter();
    let typed = typed.map(|path| Subjects::Certificate(context.path(path)));
    // Whatever is wrong, a monitor is told of it in its own words.
    let named = match subjects(arguments, context) {
        Ok(named) => named,
        Err(error) => {
            found.push(not_judged(&error).into());
            Vec::new()
        }
    };
    let mut certificates: Vec<PathBuf> = Vec::new();
    for subject in named.into_iter().chain(typed) {
        let (whose, findings) = match subject {
            Subjects::Identity(name, subject) => {
                let judged = subject.judge(thresholds, at);
                (Of::Identity(name), judged.findings)
            }
            Subjects::Unusable(name, finding) => (Of::Identity(name), vec![finding]),
            // A file that is named twice is one.
            Subjects::Certificate(path) if certificates.contains(&path) => continue,
            Subjects::Certificate(path) => {
                let findings = match read(&path) {
                    Ok(certificates) => examine_certificate(&certificates, thresholds, at),
                    Err(finding) => vec![finding],
                };
                let name = path.display().to_string();
                certificates.push(path);
                (Of::Certificate(name), findings)
            }
        };
        found.extend(of(&whose, findings));
    }
    let monitor = Monitor {
        check: CHECK,
        found,
        at,
    };
    monitor.tell(&arguments.answer, context)
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

/// What is looked at.
enum Subjects {
    /// A certificate in a file, which something else renews.
    Certificate(PathBuf),
    /// An identity by its name.
    Identity(String, Box<Subject>),
    /// What is wrong with what a profile says.
    Unusable(String, Finding),
}

/// What is meant but for the certificates that were typed; the identities each once.
fn subjects(arguments: &Arguments, context: &Context) -> Result<Vec<Subjects>, Error> {
    let by_profile = arguments.all || !arguments.profile.is_empty();
    if let (false, Some(identity)) = (by_profile, &arguments.identity) {
        let rules = (arguments.within, arguments.window.clone());
        let subject = Subject::alone(&context.path(identity), rules);
        return Ok(vec![Subjects::Identity(subject.name(), Box::new(subject))]);
    }
    if !by_profile && !arguments.certificate.is_empty() {
        return Ok(Vec::new());
    }
    let rotations = context.invocation.each_rotation(
        &arguments.profile,
        arguments.config.as_deref(),
        &context.environment,
    )?;
    let mut named = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    for (name, asked) in rotations {
        let mut asked = match asked {
            Ok(asked) => asked,
            Err(error) => {
                named.push(Subjects::Unusable(name, not_judged(&error)));
                continue;
            }
        };
        override_by(&mut asked, arguments);
        let config = arguments.config.as_deref();
        match Subject::of_profile(&name, &mut asked, config, context) {
            Ok(None) => named.extend(alone(name, &asked, arguments, context)),
            // Several profiles may have one identity, each with a role of its own.
            Ok(Some(subject)) if seen.contains(&subject.real) => {}
            Ok(Some(subject)) => {
                seen.push(subject.real.clone());
                named.push(Subjects::Identity(name, Box::new(subject)));
            }
            Err(error) => named.push(Subjects::Unusable(name, not_judged(&error))),
        }
    }
    match named.is_empty() && arguments.certificate.is_empty() {
        true => Err(RotateError::NoIdentities.into()),
        false => Ok(named),
    }
}

/// What a profile has instead of an identity: a certificate in a file. What is
/// elsewhere is told of where the profile was named alone: it is not looked at.
fn alone(
    name: String,
    asked: &Rotate,
    arguments: &Arguments,
    context: &Context,
) -> Option<Subjects> {
    let certificate = asked.session.identity.certificate.certificate.as_ref();
    if let Some(Source::File(path)) = certificate.and_then(KeySource::material) {
        return Some(Subjects::Certificate(context.path(path)));
    }
    let text = "the profile names neither an identity nor a file with a certificate; --certificate looks at one that something else renews";
    let finding = Finding::new("options", Level::Unknown, text.to_owned());
    (!arguments.profile.is_empty()).then_some(Subjects::Unusable(name, finding))
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

/// The certificates of a file, the one that has issued no other of them first.
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
    let mut found = read_certificates(content.expose(), &origin)
        .map_err(|error| Finding::new("certificate", Level::Critical, with_causes(&error)))?;
    let has_issued = |one: &Certificate| {
        let mut others = found.iter().filter(|other| other.der() != one.der());
        others.any(|other| other.issuer() == one.subject())
    };
    let leaf = found.iter().position(|one| !has_issued(one)).unwrap_or(0);
    found.rotate_left(leaf);
    Ok(found)
}
