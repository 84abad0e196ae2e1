//! `windlass rotate --all`: one profile after the other, each by itself.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::{Command, Rotate};
use crate::commands::error::RotateError;
use crate::commands::{Context, Error};

use super::came_to::CameTo;
use super::{Plan, add, conclude, one};

/// A profile's name with its options, or with what is wrong with them.
type Asked = (String, Result<Rotate, Error>);

/// What a profile has come to.
enum Done {
    /// Its identity.
    Came(CameTo),
    /// It has the identity of another profile, which was looked after with that.
    SameAs(PathBuf, String),
}

/// An identity that was looked after, and by which profile.
struct Seen {
    path: PathBuf,
    profile: String,
    asked: Rotate,
}

pub(super) fn run(arguments: &Rotate, context: &Context) -> Result<(), Error> {
    let mut all = Vec::new();
    let mut failed: Option<Error> = None;
    let mut seen: Vec<Seen> = Vec::new();
    let mut asked = asked(arguments, context)?;
    refuse_disputed(&mut asked, context);
    for (name, asked) in asked {
        let done = asked.and_then(|asked| {
            let path = real_directory(&asked, context)?;
            if let Some(other) = seen.iter().find(|other| other.path == path) {
                tell_of_second(&name, &asked, other, context);
                return Ok(Done::SameAs(path, other.profile.clone()));
            }
            let came_to = one(&asked, context);
            seen.push(Seen {
                path,
                profile: name.clone(),
                asked,
            });
            came_to.map(Done::Came)
        });
        match done {
            Ok(done) => all.push((name, done)),
            Err(error) => {
                add(&mut failed, error, context);
                context.printer.warning(&format!(
                    "the identity of the profile {name} was left as it is"
                ));
            }
        }
    }
    let changed = all
        .iter()
        .any(|(_, done)| matches!(done, Done::Came(came_to) if came_to.is_change()));
    if arguments.json {
        let shown: Vec<Value> = all.iter().map(|(name, done)| done.to_json(name)).collect();
        context.printer.json(&shown.into())?;
    } else {
        for (_, done) in &all {
            if let Done::Came(came_to) = done {
                context.printer.data(&came_to.to_text())?;
            }
        }
    }
    for (_, done) in all {
        if let Done::Came(came_to) = done {
            for error in came_to.failures() {
                add(&mut failed, error, context);
            }
        }
    }
    conclude(failed, changed, arguments)
}

impl Done {
    fn to_json(&self, profile: &str) -> Value {
        let mut shown = match self {
            Self::Came(came_to) => came_to.to_json(),
            Self::SameAs(path, other) => {
                json!({ "identity": path, "result": "sameIdentity", "sameAs": other })
            }
        };
        shown["profile"] = json!(profile);
        shown
    }
}

/// Several profiles may have one identity, each with a role of its own. What they say
/// of the identity itself is to be the same: what the second one says besides is not
/// done.
fn tell_of_second(name: &str, asked: &Rotate, other: &Seen, context: &Context) {
    let (path, first) = (other.path.display(), &other.profile);
    if asked.rotation == other.asked.rotation {
        context.printer.note(&format!(
            "the profiles {first} and {name} have the identity in {path}, which is looked after once"
        ));
        return;
    }
    context.printer.warning(&format!(
        "the profiles {first} and {name} have the identity in {path} and say different things of how it is renewed: what {first} says was done, and nothing of what {name} says besides; say it in both, or in {first} alone and leave 'cn', 'ca_dir' and 'issuer_command' out of {name}"
    ));
}

/// The profiles that are meant to have an identity renewed, with their options. One
/// that says which names it is to have and not who certifies it has forgotten that;
/// one that says neither uses an identity that is renewed elsewhere.
fn asked(arguments: &Rotate, context: &Context) -> Result<Vec<Asked>, Error> {
    let config = arguments.session.config.as_deref();
    let commands = context
        .invocation
        .each_command(config, &context.environment)?;
    let is_meant = |asked: &Rotate| {
        let has_identity = asked.session.identity.identity.is_some();
        asked.is_wanted() || has_identity && asked.rotation.cn.is_some()
    };
    let asked = commands
        .into_iter()
        .filter_map(|(name, command)| match command {
            Ok(Command::Rotate(asked)) if is_meant(&asked) => Some((name, Ok(*asked))),
            Ok(_) => {
                context.printer.note(&format!(
                    "the profile {name} says nothing of how an identity is renewed"
                ));
                None
            }
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

/// What a profile wants.
struct Wanted {
    profile: String,
    directory: PathBuf,
    names: Vec<String>,
}

impl Wanted {
    fn of(profile: &str, asked: &Rotate, context: &Context) -> Option<Self> {
        Some(Self {
            profile: profile.to_owned(),
            directory: real_directory(asked, context).ok()?,
            names: names_of(asked),
        })
    }

    fn disputes(&self, directory: &Path, names: &[String]) -> bool {
        self.directory == directory && self.names != names
    }
}

/// Takes away the profiles that want one identity to have different names: each run
/// would renew it for the one and for the other.
fn refuse_disputed(asked: &mut [Asked], context: &Context) {
    let wanted: Vec<Option<Wanted>> = asked
        .iter()
        .map(|(name, asked)| Wanted::of(name, asked.as_ref().ok()?, context))
        .collect();
    for ((_, asked), own) in asked.iter_mut().zip(&wanted) {
        let Some(own) = own else {
            continue;
        };
        let mut others = wanted.iter().flatten();
        if let Some(other) = others.find(|other| other.disputes(&own.directory, &own.names)) {
            *asked = Err(RotateError::Disputed {
                directory: own.directory.clone(),
                profiles: [own.profile.clone(), other.profile.clone()],
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
