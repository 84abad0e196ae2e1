//! The same arguments with each of several profiles behind them.

use std::path::Path;

use crate::cli::{Command, HotCommand, Rotate, SessionArgs};
use crate::environment::Environment;

use super::heard::Heard;
use super::{Invocation, Unparsed};
use crate::commands::Error;
use crate::commands::config_file::{Config, Profile};

/// A profile's name with the session's options, or with what is wrong with them.
pub(in crate::commands) type OfProfile = (String, Result<SessionArgs, Error>);

/// A profile's name with what is to be done with it, or with what is wrong with
/// its options.
pub(in crate::commands) type AskedByProfile = (String, Result<Command, Error>);

/// A profile's name with what it says of its identity, or with what is wrong with
/// its options.
pub(in crate::commands) type RotationOfProfile = (String, Result<Rotate, Error>);

impl Invocation {
    /// The session's options with each of these profiles behind them instead,
    /// by the profiles' names; every profile that there is without any name.
    ///
    /// # Errors
    ///
    /// [`Error::NoProfile`], or what is wrong with the config files.
    pub(in crate::commands) fn sessions(
        &self,
        names: &[String],
        config: Option<&Path>,
        environment: &Environment,
    ) -> Result<Vec<(String, SessionArgs)>, Error> {
        self.each_session(names, config, environment)?
            .into_iter()
            .map(|(name, session)| Ok((name, session?)))
            .collect()
    }

    /// The same, where a profile that cannot be used stands in the way of no other.
    ///
    /// # Errors
    ///
    /// [`Error::NoProfile`], or what is wrong with the config files as a whole.
    pub(in crate::commands) fn each_session(
        &self,
        names: &[String],
        config: Option<&Path>,
        environment: &Environment,
    ) -> Result<Vec<OfProfile>, Error> {
        let config = Config::read(config, environment)?;
        let all = config.names();
        if all.is_empty() {
            return Err(config.has_none());
        }
        let names = if names.is_empty() { &all } else { names };
        let of_profile = |name: &String| {
            let profile = config.required(name)?;
            let session = self.with_profile(&profile, environment);
            Ok((profile.name, session))
        };
        names.iter().map(of_profile).collect()
    }

    /// What is to be done with each profile that there is behind it instead, by the
    /// profiles' names. One that cannot be used stands in the way of no other.
    ///
    /// # Errors
    ///
    /// What is wrong with the config files as a whole.
    pub(in crate::commands) fn each_command(
        &self,
        config: Option<&Path>,
        environment: &Environment,
    ) -> Result<Vec<AskedByProfile>, Error> {
        let config = Config::read_for_several(self.owner, config, environment)?;
        let names = config.names();
        if names.is_empty() {
            return Err(config.has_none());
        }
        let of_profile = |name: String| {
            let found = config.required(&name);
            let command = found.and_then(|profile| self.command_with(&profile, environment));
            (name, command)
        };
        Ok(names.into_iter().map(of_profile).collect())
    }

    /// What `windlass rotate` is asked by each of these profiles, whatever was typed
    /// here; by every profile that there is without any name. One that is not there or
    /// cannot be used stands in the way of no other. A variable that names an identity
    /// or its certificate is heard for one named profile alone.
    ///
    /// # Errors
    ///
    /// What is wrong with the config files as a whole.
    pub(in crate::commands) fn each_rotation(
        &self,
        names: &[String],
        config: Option<&Path>,
        environment: &Environment,
    ) -> Result<Vec<RotationOfProfile>, Error> {
        let config = Config::read_for_several(self.owner, config, environment)?;
        let all = config.names();
        if all.is_empty() {
            return Err(config.has_none());
        }
        let asking = Self {
            heard: match names {
                [_] => Heard::All,
                _ => Heard::OfSeveral,
            },
            ..Self::new([self.program().to_owned(), "rotate".into()])
        };
        let of_profile = |name: &String| {
            let profile = config.required(name)?;
            match asking.command_with(&profile, environment)? {
                Command::Rotate(asked) => Ok(*asked),
                _ => Err(profile.unusable()),
            }
        };
        let names = if names.is_empty() { &all } else { names };
        Ok(names
            .iter()
            .map(|name| (name.clone(), of_profile(name)))
            .collect())
    }

    /// The sessions to which the profiles of the config files lead, by their
    /// names, as `credential-process` would ask for them. Profiles that cannot be
    /// used are left out.
    pub(in crate::commands) fn sessions_of_profiles(
        &self,
        environment: &Environment,
    ) -> Vec<(String, SessionArgs)> {
        let given = environment.get("WINDLASS_CONFIG").map(Path::new);
        let Ok(config) = Config::read(given, environment) else {
            return Vec::new();
        };
        let asking = Self::new([self.program().to_owned(), HotCommand::NAME.into()]);
        let names = config.names().into_iter();
        names
            .filter_map(|name| {
                let profile = config.profile(&name)?;
                let session = asking.with_profile(&profile, environment).ok()?;
                Some((name, session))
            })
            .collect()
    }

    fn with_profile(
        &self,
        profile: &Profile,
        environment: &Environment,
    ) -> Result<SessionArgs, Error> {
        let mut command = self.command_with(profile, environment)?;
        let session = command.session_mut().cloned();
        session.ok_or_else(|| profile.unusable())
    }

    fn command_with(&self, profile: &Profile, environment: &Environment) -> Result<Command, Error> {
        let parse = || {
            let matches = self
                .definition::<Command>(environment)
                .try_get_matches_from(&self.arguments)?;
            self.read_with::<Command>(&matches, profile, environment)
        };
        match parse() {
            Ok(cli) => Ok(cli.command),
            Err(Unparsed::Config(error)) => Err(error),
            // Without the profile it was parsed before.
            Err(Unparsed::Arguments(_)) => Err(profile.unusable()),
        }
    }
}
