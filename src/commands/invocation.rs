//! What was typed: parsed, with the options of a profile behind it.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::builder::Resettable;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Subcommand};

use crate::cli::{Cli, Command, HotCommand, ProfileChoice, SessionArgs};
use crate::environment::Environment;

use super::Error;
use super::config::{Config, Profile, is_said};

/// The arguments of this run.
#[derive(Clone, Debug)]
pub struct Invocation {
    arguments: Vec<OsString>,
}

/// Why the arguments are no command.
pub(super) enum Unparsed {
    /// As the parser has it: also when help was asked for.
    Arguments(clap::Error),
    /// The config file.
    Config(Error),
}

impl From<clap::Error> for Unparsed {
    fn from(error: clap::Error) -> Self {
        Self::Arguments(error)
    }
}

impl From<Error> for Unparsed {
    fn from(error: Error) -> Self {
        Self::Config(error)
    }
}

impl Invocation {
    pub(super) fn new(arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            arguments: arguments.into_iter().collect(),
        }
    }

    /// How the program was called.
    pub(super) fn program(&self) -> &OsStr {
        self.arguments
            .first()
            .map_or_else(|| OsStr::new(""), OsString::as_os_str)
    }

    /// The options of the session that were typed, or whose variables are set,
    /// with their values: none of a switch. `None` when they are not text.
    pub(super) fn said(&self, environment: &Environment) -> Option<Vec<(String, Vec<String>)>> {
        let matches = definition::<Command>(environment)
            .try_get_matches_from(&self.arguments)
            .ok()?;
        let (_, typed) = matches.subcommand()?;
        let keys = SessionArgs::PROFILE_KEYS
            .into_iter()
            .chain(SessionArgs::NOT_IN_PROFILES);
        keys.filter(|key| is_said(typed, key))
            .map(|key| {
                let values = typed.get_raw(key).into_iter().flatten();
                let values = values.map(|value| value.to_str().map(str::to_owned));
                let values = values.collect::<Option<Vec<String>>>()?;
                let is_switch = typed.try_get_one::<bool>(key).is_ok();
                let values = if is_switch { Vec::new() } else { values };
                Some((key.to_owned(), values))
            })
            .collect()
    }

    /// The arguments, the program's name first.
    pub(super) fn arguments(&self) -> &[OsString] {
        &self.arguments
    }

    /// What is to be done, with the profile's options where the verb uses one.
    pub(super) fn parse(&self, environment: &Environment) -> Result<Cli, Unparsed> {
        let is_hot = self
            .arguments
            .get(1)
            .is_some_and(|verb| verb == HotCommand::NAME);
        if is_hot {
            self.parse_as::<HotCommand>(environment)
        } else {
            self.parse_as::<Command>(environment)
        }
    }

    /// The session's options with each of these profiles behind them instead,
    /// by the profiles' names; every profile that there is without any name.
    ///
    /// # Errors
    ///
    /// [`Error::NoProfile`], or what is wrong with the config files.
    pub(super) fn sessions(
        &self,
        names: &[String],
        config: Option<&Path>,
        environment: &Environment,
    ) -> Result<Vec<(String, SessionArgs)>, Error> {
        let config = Config::read(config, environment)?;
        let all = config.names();
        if all.is_empty() {
            // Says where was looked.
            config.required(ProfileChoice::USUAL)?;
        }
        let names = if names.is_empty() { &all } else { names };
        let of_profile = |name: &String| {
            let profile = config.required(name)?;
            let session = self.with_profile(&profile, environment)?;
            Ok((profile.name, session))
        };
        names.iter().map(of_profile).collect()
    }

    fn with_profile(
        &self,
        profile: &Profile,
        environment: &Environment,
    ) -> Result<SessionArgs, Error> {
        let parse = || {
            let matches =
                definition::<Command>(environment).try_get_matches_from(&self.arguments)?;
            self.reparse::<Command>(&matches, profile, environment)
        };
        let session = match parse() {
            Ok(cli) => cli.command.into_session(),
            Err(Unparsed::Config(error)) => return Err(error),
            // Without the profile it was parsed before.
            Err(Unparsed::Arguments(_)) => None,
        };
        session.ok_or_else(|| profile.unusable())
    }

    fn parse_as<C>(&self, environment: &Environment) -> Result<Cli, Unparsed>
    where
        C: Subcommand + Into<Command>,
    {
        let matches = definition::<C>(environment).try_get_matches_from(&self.arguments)?;
        let cli = read::<C>(&matches)?;
        let Some((_, typed)) = matches.subcommand() else {
            return Ok(cli);
        };
        let Some((session, choice)) = cli.command.session() else {
            return Ok(cli);
        };
        let (name, is_required) = match choice {
            ProfileChoice::Named(name) => (name, true),
            ProfileChoice::Perhaps(name) => (name, false),
            ProfileChoice::Usual if !names_an_arn(typed) => (ProfileChoice::USUAL, false),
            ProfileChoice::Usual | ProfileChoice::Several => return Ok(cli),
        };
        let is_new = |error: &Error| {
            matches!(&cli.command, Command::Configure(_))
                && matches!(error, Error::Store(error) if error.is_not_found())
        };
        let config = match Config::read(session.config.as_deref(), environment) {
            // It will be made.
            Err(error) if is_new(&error) => return Ok(cli),
            config => config?,
        };
        let profile = if is_required {
            Some(config.required(name)?)
        } else {
            config.profile(name)
        };
        match profile {
            Some(profile) => self.reparse::<C>(&matches, &profile, environment),
            None => Ok(cli),
        }
    }

    /// Parses again with a profile's values as defaults. A definition that has
    /// parsed already cannot be changed, so it is made anew.
    fn reparse<C>(
        &self,
        matches: &ArgMatches,
        profile: &Profile,
        environment: &Environment,
    ) -> Result<Cli, Unparsed>
    where
        C: Subcommand + Into<Command>,
    {
        let Some((verb, typed)) = matches.subcommand() else {
            return Ok(read::<C>(matches)?);
        };
        let mut wrong = None;
        let definition = definition::<C>(environment).mut_subcommand(verb, |verb| {
            profile.behind(verb, typed).unwrap_or_else(|error| {
                wrong = Some(error);
                // Nothing is parsed with it.
                clap::Command::new("")
            })
        });
        if let Some(error) = wrong {
            return Err(error.into());
        }
        let matches = definition
            .try_get_matches_from(&self.arguments)
            .map_err(|error| match profile.blame(&error, typed) {
                Some(error) => error.into(),
                None => Unparsed::from(error),
            })?;
        Ok(read::<C>(&matches)?)
    }
}

/// Whether the session is named by options or variables already.
fn names_an_arn(typed: &ArgMatches) -> bool {
    ["trust_anchor_arn", "profile_arn", "role_arn"]
        .iter()
        .any(|key| is_said(typed, key))
}

fn read<C>(matches: &ArgMatches) -> Result<Cli, clap::Error>
where
    C: Subcommand + Into<Command>,
{
    let cli = Cli::<C>::from_arg_matches(matches)?;
    Ok(Cli {
        command: cli.command.into(),
        reporting: cli.reporting,
    })
}

/// The definition of the command line, without the variables that are set to
/// nothing: clap would take them for values.
fn definition<C: Subcommand>(environment: &Environment) -> clap::Command {
    fn clean(command: clap::Command, environment: &Environment) -> clap::Command {
        command
            .mut_args(|argument| match argument.get_env() {
                Some(name) if environment.is_set_to_nothing(name) => {
                    argument.env(Resettable::Reset)
                }
                _ => argument,
            })
            .mut_subcommands(|subcommand| clean(subcommand, environment))
    }
    if environment.has_own_set_to_nothing() {
        clean(Cli::<C>::command(), environment)
    } else {
        Cli::<C>::command()
    }
}
