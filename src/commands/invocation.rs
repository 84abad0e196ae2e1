//! What was typed: parsed, with the options of a profile behind it.

mod heard;
mod several;

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use clap::builder::Resettable;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Subcommand};

use crate::cli::{
    Cli, Command, CredentialProcess, HotCommand, ProfileChoice, Reporting, SessionArgs,
};
use crate::environment::Environment;

use self::heard::Heard;
pub(super) use self::several::AskedByProfile;
use super::Error;
use super::config_file::{Config, Profile, is_said};

/// The arguments of this run.
#[derive(Clone, Debug)]
pub struct Invocation {
    arguments: Vec<OsString>,
    heard: Heard,
    /// The user as whom it is run later.
    owner: Option<u32>,
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
            heard: Heard::All,
            owner: None,
        }
    }

    /// The same for a run by this user, who may have a config file that is not root's.
    pub(super) fn for_user(self, owner: Option<u32>) -> Self {
        Self { owner, ..self }
    }

    /// A command line that is run later, by a system that sets none of this program's
    /// variables: those that are set now stand for no options.
    pub(super) fn later(arguments: impl IntoIterator<Item = OsString>) -> Self {
        Self {
            heard: Heard::Nothing,
            ..Self::new(arguments)
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
        let matches = self
            .definition::<Command>(environment)
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
        match self.arguments.as_slice() {
            [_, verb, rest @ ..] if verb == HotCommand::NAME => {
                // A variable may stand for any option.
                let plain = (!environment.has_own()).then(|| CredentialProcess::plain(rest));
                match plain.flatten() {
                    Some(asked) => Ok(Cli {
                        command: Command::CredentialProcess(Box::new(asked)),
                        reporting: Reporting::default(),
                    }),
                    None => self.parse_as::<HotCommand>(environment),
                }
            }
            _ => self.parse_as::<Command>(environment),
        }
    }

    /// The options of the verb as they are in force, with where they come from.
    ///
    /// # Errors
    ///
    /// What is wrong with the config files.
    pub(super) fn in_force(&self, environment: &Environment) -> Result<InForce, Error> {
        let parse = || {
            let matches = self
                .definition::<Command>(environment)
                .try_get_matches_from(&self.arguments)?;
            let cli = read::<Command>(&matches)?;
            match self.profile_of(&matches, &cli, environment)? {
                Some(profile) => {
                    let with = self.matches_with::<Command>(&matches, &profile, environment)?;
                    Ok((with, Some(profile)))
                }
                None => Ok((matches, None)),
            }
        };
        match parse() {
            Ok((matches, profile)) => Ok(InForce {
                matches: innermost(matches),
                profile,
            }),
            Err(Unparsed::Config(error)) => Err(error),
            // It was parsed before.
            Err(Unparsed::Arguments(_)) => Err(Error::NoIdentity),
        }
    }

    fn parse_as<C>(&self, environment: &Environment) -> Result<Cli, Unparsed>
    where
        C: Subcommand + Into<Command>,
    {
        let matches = self
            .definition::<C>(environment)
            .try_get_matches_from(&self.arguments)?;
        let cli = read::<C>(&matches)?;
        match self.profile_of(&matches, &cli, environment)? {
            Some(profile) => self.read_with::<C>(&matches, &profile, environment),
            None => Ok(cli),
        }
    }

    /// The profile that the verb uses, if it uses one.
    fn profile_of(
        &self,
        matches: &ArgMatches,
        cli: &Cli,
        environment: &Environment,
    ) -> Result<Option<Profile>, Error> {
        let Some((session, choice)) = cli.command.session() else {
            return Ok(None);
        };
        let typed = verb_of(matches);
        let (name, is_required) = match choice {
            ProfileChoice::Named(name) => (name, true),
            ProfileChoice::Perhaps(name) => {
                (name, is_said(typed, "profile") && !names_an_arn(typed))
            }
            ProfileChoice::Written(name) => (name, false),
            ProfileChoice::Usual if !names_an_arn(typed) => (ProfileChoice::USUAL, false),
            ProfileChoice::Usual | ProfileChoice::Several => return Ok(None),
        };
        let is_new = |error: &Error| {
            matches!(choice, ProfileChoice::Written(_))
                && matches!(error, Error::Store(error) if error.is_not_found())
        };
        let config = match Config::read_as(self.owner, session.config.as_deref(), environment) {
            // It will be made.
            Err(error) if is_new(&error) => return Ok(None),
            config => config?,
        };
        if is_required {
            config.required(name).map(Some)
        } else {
            Ok(config.profile(name))
        }
    }

    /// The definition of the command line, without the variables that are not to
    /// be heard: those that are set to nothing, which clap would take for values,
    /// and beside `--all` the one that names a profile.
    fn definition<C: Subcommand>(&self, environment: &Environment) -> clap::Command {
        fn clean(command: clap::Command, is_unheard: &dyn Fn(&OsStr) -> bool) -> clap::Command {
            command
                .mut_args(|argument| match argument.get_env() {
                    Some(name) if is_unheard(name) => argument.env(Resettable::Reset),
                    _ => argument,
                })
                .mut_subcommands(|subcommand| clean(subcommand, is_unheard))
        }
        let mut options = self.arguments.iter().take_while(|word| *word != "--");
        let is_all = options.any(|word| word == "--all");
        if self.heard != Heard::All || is_all || environment.has_own_set_to_nothing() {
            clean(Cli::<C>::command(), &|name| {
                self.heard.leaves_out(name)
                    || is_all && name == "WINDLASS_PROFILE"
                    || environment.is_set_to_nothing(name)
            })
        } else {
            Cli::<C>::command()
        }
    }

    /// What is to be done, with a profile's values behind what was typed.
    fn read_with<C>(
        &self,
        typed: &ArgMatches,
        profile: &Profile,
        environment: &Environment,
    ) -> Result<Cli, Unparsed>
    where
        C: Subcommand + Into<Command>,
    {
        let matches = self.matches_with::<C>(typed, profile, environment)?;
        let mut cli = read::<C>(&matches)?;
        if let Some(session) = cli.command.session_mut() {
            let behind = profile.behind_what_was_typed(verb_of(typed));
            session.profile_behind = Some(Arc::new(behind));
        }
        Ok(cli)
    }

    /// Parses again with a profile's values as defaults. A definition that has
    /// parsed already cannot be changed, so it is made anew.
    fn matches_with<C: Subcommand>(
        &self,
        matches: &ArgMatches,
        profile: &Profile,
        environment: &Environment,
    ) -> Result<ArgMatches, Unparsed> {
        let typed = verb_of(matches);
        let path = verb_path(matches);
        let mut wrong = None;
        let definition = mut_verb(self.definition::<C>(environment), &path, |verb| {
            profile.behind(verb, typed).unwrap_or_else(|error| {
                wrong = Some(error);
                // Nothing is parsed with it.
                clap::Command::default()
            })
        });
        if let Some(error) = wrong {
            return Err(error.into());
        }
        definition
            .try_get_matches_from(&self.arguments)
            .map_err(|error| match profile.blame(&error, typed) {
                Some(error) => error.into(),
                None => error.into(),
            })
    }
}

/// The options of a verb, with where they come from.
pub(super) struct InForce {
    /// Those of the verb alone.
    pub(super) matches: ArgMatches,
    /// The profile behind them.
    pub(super) profile: Option<Profile>,
}

/// The names of the verb, the outermost first.
fn verb_path(matches: &ArgMatches) -> Vec<String> {
    std::iter::successors(matches.subcommand(), |(_, inner)| inner.subcommand())
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// What belongs to the verb itself.
fn verb_of(matches: &ArgMatches) -> &ArgMatches {
    matches
        .subcommand()
        .map_or(matches, |(_, inner)| verb_of(inner))
}

fn innermost(mut matches: ArgMatches) -> ArgMatches {
    while let Some((_, inner)) = matches.remove_subcommand() {
        matches = inner;
    }
    matches
}

fn mut_verb(
    definition: clap::Command,
    path: &[String],
    change: impl FnOnce(clap::Command) -> clap::Command,
) -> clap::Command {
    match path {
        [] => definition,
        [verb] => definition.mut_subcommand(verb, change),
        // No verb that needs a session stands deeper than that.
        [verb, inner, ..] => {
            definition.mut_subcommand(verb, |verb| verb.mut_subcommand(inner, change))
        }
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
