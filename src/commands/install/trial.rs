//! The command line that is run later, tried now.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::cli::Command;
use crate::commands::invocation::{AskedByProfile, Invocation, Unparsed};
use crate::commands::{Context, Error, InstallationError, RotateError, config_file};
use crate::environment::Environment;
use crate::installation::Service;
use crate::text::printable;

fn later(words: &[String], context: &Context) -> Invocation {
    let program = context.invocation.program().to_owned();
    Invocation::later(
        [program]
            .into_iter()
            .chain(words.iter().map(OsString::from)),
    )
}

/// Whether the further options name a certificate themselves, so that no profile has
/// to; and what they say.
pub(super) fn is_about_one(
    service: Service,
    options: &[String],
    context: &Context,
) -> Result<(bool, Option<Command>), Error> {
    refuse_secrets(options)?;
    let mut words = vec![service.verb().to_owned()];
    words.extend_from_slice(options);
    let nobody = Environment::default();
    let parsed = match later(&words, context).parse(&nobody) {
        Ok(parsed) => parsed,
        Err(Unparsed::Arguments(error)) => return Err(wrong(&words, &error)),
        Err(Unparsed::Config(_)) => return Ok((false, None)),
    };
    if let Command::Rotate(rotate) = &parsed.command {
        let once = [("force", rotate.force), ("check", rotate.check)];
        if let Some((option, _)) = once.into_iter().find(|(_, is_said)| *is_said) {
            return Err(InstallationError::Once { option }.into());
        }
    }
    let session = parsed.command.session();
    let is_one = session.is_some_and(|(session, _)| {
        let identity = &session.identity;
        identity.identity.is_some()
            || identity.certificate.certificate.is_some()
            || identity.key.private_key.is_some()
    });
    Ok((is_one, Some(parsed.command)))
}

/// Refuses options that are a secret or hold one: the file is everybody's to read, and
/// so is the command line of a process.
fn refuse_secrets(options: &[String]) -> Result<(), Error> {
    const SECRET: [&str; 2] = ["--pkcs8-password", "--tpm-key-password"];
    let mut last = "";
    for word in options {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, value),
            _ if word.starts_with("--") => (word.as_str(), ""),
            _ => (last, word.as_str()),
        };
        last = option;
        let has_user = value.split_once("://").map_or(value, |(_, rest)| rest);
        let has_user = has_user
            .split('/')
            .next()
            .is_some_and(|host| host.contains('@'));
        let holds = ["-----BEGIN", "pin-value="]
            .iter()
            .any(|mark| value.contains(mark))
            || has_user && (option == "--proxy" || value.contains("://"));
        if holds || SECRET.contains(&option) {
            return Err(InstallationError::Secret {
                option: printable(option.trim_start_matches('-'), 80),
            }
            .into());
        }
    }
    Ok(())
}

/// What is wrong with the options; not the line itself, which may be a secret's.
fn wrong(words: &[String], error: &clap::Error) -> Error {
    let text = error.to_string();
    let reason = text.lines().next().unwrap_or_default();
    InstallationError::Options {
        verb: words.first().cloned().unwrap_or_default(),
        reason: printable(reason.trim_start_matches("error: "), 200),
    }
    .into()
}

/// A command line that is tried out.
pub(super) struct Trial<'a> {
    /// As it is run later.
    pub(super) words: &'a [String],
    /// The same with the config file that is read now.
    pub(super) tried: Vec<String>,
    /// Whether the words say everything that a profile would.
    pub(super) needs_none: bool,
    /// The profile that the words name.
    pub(super) named: Option<String>,
    /// The config file, if it is none of the usual ones.
    pub(super) config: Option<PathBuf>,
    /// What the user as whom it runs finds in the environment.
    pub(super) environment: &'a Environment,
    /// That user's number, who may have a config file too.
    pub(super) owner: Option<u32>,
}

impl Trial<'_> {
    /// The verb with each profile's options, and why there are no profiles.
    pub(super) fn run(&self, context: &Context) -> Result<(Vec<Command>, Option<String>), Error> {
        let later = later(&self.tried, context).for_user(self.owner);
        let parsed = match later.parse(self.environment) {
            Err(Unparsed::Arguments(error)) => return Err(wrong(self.words, &error)),
            Ok(parsed) => Ok(parsed.command),
            Err(Unparsed::Config(error)) => Err(error),
        };
        let found = match parsed {
            Ok(command) if self.needs_none => Ok(vec![command]),
            Err(error) => Err(error),
            Ok(_) => later
                .each_command(self.config.as_deref(), self.environment)
                .map(|all| usable(self.asked_for(all), context)),
        };
        match found {
            Ok(commands) => {
                let none = match &self.named {
                    Some(name) => format!(
                        "there is no profile '{}' for it in {}",
                        printable(name, 80),
                        self.places()
                    ),
                    None => format!("{} in {}", RotateError::NoIdentities, self.places()),
                };
                let unknown = commands.is_empty().then_some(none);
                Ok((commands, unknown))
            }
            // A host is often given its units before its profiles.
            Err(Error::NoProfile { name, .. }) => {
                let name = printable(&name, 80);
                let why = format!("there is no profile '{name}' in {}", self.places());
                Ok((Vec::new(), Some(why)))
            }
            Err(Error::NoProfiles { .. }) => {
                let why = format!("there is no profile in {}", self.places());
                Ok((Vec::new(), Some(why)))
            }
            Err(Error::Store(error)) if error.is_not_found() => {
                Ok((Vec::new(), Some(error.to_string())))
            }
            Err(error) => Err(error),
        }
    }

    /// Where was looked.
    fn places(&self) -> String {
        let places = match &self.config {
            Some(path) => vec![path.clone()],
            None => config_file::usual_places(self.environment),
        };
        let places: Vec<String> = places
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        places.join(" or ")
    }

    /// Those of the profile that is named, or all.
    fn asked_for(&self, mut all: Vec<AskedByProfile>) -> Vec<AskedByProfile> {
        all.retain(|(name, _)| self.named.as_ref().is_none_or(|named| named == name));
        all
    }
}

/// Those that can be used; for rotation those that have an identity of
/// its kind.
fn usable(all: Vec<AskedByProfile>, context: &Context) -> Vec<Command> {
    let mut commands = Vec::new();
    for (profile, command) in all {
        match command {
            Ok(Command::Rotate(rotate)) if !rotate.is_wanted() => {}
            Ok(command) => commands.push(command),
            Err(error) => context.printer.warning(&format!(
                "the profile '{}' cannot be used: {error}",
                printable(&profile, 80)
            )),
        }
    }
    commands
}
