//! Profiles: reading the config files, and putting a profile's options behind
//! those that were typed.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use crate::cli::{
    ConfigFile, ConfigProblem, Origin, ProfileBehind, RotationArgs, SessionArgs, Setting,
};
use crate::environment::Environment;
use crate::key::{KeySource, Source};
use crate::limits;
use crate::rolesanywhere::ProxyUrl;
use crate::store::read_with_metadata;
use crate::text::{nearest, printable};

use super::Error;

/// Where the system's config file is.
pub(super) const SYSTEM: &str = "/etc/windlass/config.toml";

/// Options of which one makes the others unsaid, also those of a profile.
pub(super) const EXCLUSIVE: [&[&str]; 9] = [
    &["ca_dir", "issuer_command"],
    // Each of them alone: a certificate leaves the key as it is said.
    &["identity", "certificate"],
    &["identity", "cert_selector"],
    &["identity", "private_key"],
    &["identity", "intermediates"],
    &["identity", "signer_command"],
    &["private_key", "signer_command"],
    &[
        "passphrase_from",
        "passphrase_file",
        "passphrase_fd",
        "passphrase_env",
        "passphrase_credential",
        "pkcs8_password",
        "tpm_key_password",
        "no_tpm_key_password",
    ],
    &["endpoint", "fips", "dual_stack"],
];

/// Whether an option that is said makes another one unsaid.
fn excludes(said: &str, other: &str) -> bool {
    let has_both = |group: &&[&str]| group.contains(&said) && group.contains(&other);
    said != other && EXCLUSIVE.iter().any(has_both)
}

/// Options whose values are files, or sources that may be.
pub(super) const FILES: [&str; 16] = [
    "ca_bundle",
    "ca_dir",
    "cache_dir",
    "cert_file",
    "certificate",
    "chain_file",
    "fullchain_file",
    "identity",
    "intermediates",
    "key_file",
    "passphrase_file",
    "passphrase_from",
    "pkcs11_lib",
    "private_key",
    "session_policy",
    "trust_anchor",
];

/// The config files that there are, the user's before the system's.
#[derive(Debug)]
pub(super) struct Config {
    files: Vec<(PathBuf, ConfigFile)>,
    /// Where was looked.
    places: Vec<PathBuf>,
}

/// A profile that was found.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: String,
    /// The file that has it.
    pub(super) path: PathBuf,
    settings: Vec<Setting>,
}

impl Config {
    /// Reads the given file, which must exist, or those of the user and of the
    /// system, which need not, and looks at every key.
    pub(super) fn read(given: Option<&Path>, environment: &Environment) -> Result<Self, Error> {
        Self::read_as(None, given, environment)
    }

    /// The same for a run by another user: nothing that the file names is run now.
    pub(super) fn read_as(
        owner: Option<u32>,
        given: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let config = Self::read_for_several(owner, given, environment)?;
        for (path, file) in &config.files {
            check_keys(path, file.settings())?;
        }
        Ok(config)
    }

    /// The same for who looks after several profiles: a key that is none stands in the
    /// way of its own profile alone, which [`Self::required`] tells.
    pub(super) fn read_for_several(
        owner: Option<u32>,
        given: Option<&Path>,
        environment: &Environment,
    ) -> Result<Self, Error> {
        let places = match given {
            Some(path) => vec![environment.path(path)],
            None => usual_places(environment),
        };
        let mut files = Vec::new();
        for path in &places {
            match read_file(path, owner) {
                Ok(file) => files.push((path.clone(), file)),
                Err(Error::Store(error)) if given.is_none() && error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self { files, places })
    }

    /// A profile, from the first file that has it.
    pub(super) fn profile(&self, name: &str) -> Option<Profile> {
        self.files.iter().find_map(|(path, file)| {
            Some(Profile {
                name: name.to_owned(),
                path: path.clone(),
                settings: file.profile(name, excludes)?,
            })
        })
    }

    /// The same, where it has to be there and to have known keys only.
    pub(super) fn required(&self, name: &str) -> Result<Profile, Error> {
        let profile = self.profile(name).ok_or_else(|| Error::NoProfile {
            name: name.to_owned(),
            places: self.places.clone(),
            known: self.names(),
        })?;
        check_keys(&profile.path, &profile.settings)?;
        Ok(profile)
    }

    /// There is no profile at all.
    pub(super) fn has_none(&self) -> Error {
        Error::NoProfiles {
            places: self.places.clone(),
        }
    }

    /// The names of all profiles, sorted.
    pub(super) fn names(&self) -> Vec<String> {
        let names = self.files.iter().flat_map(|(_, file)| file.names());
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Where a user's config file is in the home directory.
pub(super) const BELOW_HOME: &str = ".config/windlass/config.toml";

pub(super) fn usual_places(environment: &Environment) -> Vec<PathBuf> {
    let user = user_place(environment);
    user.into_iter().chain([PathBuf::from(SYSTEM)]).collect()
}

/// The user's config file.
pub(super) fn user_place(environment: &Environment) -> Option<PathBuf> {
    let base = environment
        .get("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    match base {
        Some(base) => Some(base.join("windlass/config.toml")),
        None => Some(Path::new(environment.get("HOME")?).join(BELOW_HOME)),
    }
}

/// Reads a file that nobody but its owner, who is this user or root, can write:
/// its values may name programs to run.
fn read_file(path: &Path, other: Option<u32>) -> Result<ConfigFile, Error> {
    let (content, metadata) = read_with_metadata(path, limits::MAX_FILE)?;
    let user = rustix::process::geteuid().as_raw();
    let is_owner = |owner: u32| owner == 0 || owner == user || other == Some(owner);
    if metadata.mode() & 0o022 != 0 || !is_owner(metadata.uid()) {
        return Err(Error::ConfigExposed {
            path: path.to_owned(),
            mode: metadata.mode() & 0o7777,
            owner: metadata.uid(),
        });
    }
    let wrong = |line, problem| Error::Config {
        path: path.to_owned(),
        line,
        problem,
    };
    let text = String::from_utf8(content).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|octet| **octet == b'\n').count();
        wrong(line, ConfigProblem::NotUtf8)
    })?;
    ConfigFile::parse(&text).map_err(|error| wrong(error.line, error.problem))
}

/// Refuses a key that no profile may have.
fn check_keys<'a>(
    path: &Path,
    settings: impl IntoIterator<Item = &'a Setting>,
) -> Result<(), Error> {
    let is_known = |setting: &&Setting| known_keys().any(|key| key == setting.key);
    match settings.into_iter().find(|setting| !is_known(setting)) {
        None => Ok(()),
        Some(setting) => Err(Error::Config {
            path: path.to_owned(),
            line: setting.line,
            problem: unknown(&setting.key),
        }),
    }
}

/// The keys that a profile may have: the options of a session, and those of a
/// rotation.
fn known_keys() -> impl Iterator<Item = &'static str> {
    SessionArgs::PROFILE_KEYS
        .into_iter()
        .chain(RotationArgs::PROFILE_KEYS)
}

/// Why a key is none.
fn unknown(key: &str) -> ConfigProblem {
    let (key, dashes) = (key.to_owned(), key.replace('-', "_"));
    if ["pkcs8_password", "tpm_key_password"].contains(&key.as_str()) {
        ConfigProblem::Secret { key }
    } else if known_keys().any(|key| key == dashes) {
        ConfigProblem::Dashes { key, meant: dashes }
    } else {
        let meant = nearest(&dashes, known_keys());
        ConfigProblem::UnknownKey { key, meant }
    }
}

impl Profile {
    /// Makes the profile's values the defaults of a verb's options. `typed` are
    /// the options as they are without it: what they say makes others unsaid.
    pub(super) fn behind(
        &self,
        mut verb: clap::Command,
        typed: &ArgMatches,
    ) -> Result<clap::Command, Error> {
        let is_typed = |key: &str| is_said(typed, key);
        let is_unsaid = |setting: &Setting| {
            EXCLUSIVE.iter().any(|group| {
                group.contains(&setting.key.as_str()) && group.iter().any(|other| is_typed(other))
            })
        };
        let (_, said): (Vec<_>, Vec<_>) = self.settings.iter().partition(|one| is_unsaid(one));
        self.refuse_two(&said)?;
        for setting in said {
            let Some(argument) = verb.get_arguments().find(|a| *a.get_id() == *setting.key) else {
                continue;
            };
            let values = self.values(setting, argument)?;
            if !values.is_empty() {
                verb = verb.mut_arg(&setting.key, |argument| argument.default_values(values));
            }
        }
        Ok(verb)
    }

    /// The parser lets defaults stand beside each other.
    fn refuse_two(&self, said: &[&Setting]) -> Result<(), Error> {
        for key in ["identity", "ca_dir"] {
            let Some(one) = said.iter().find(|setting| setting.key == key) else {
                continue;
            };
            if let Some(other) = said.iter().find(|other| excludes(key, &other.key)) {
                return Err(Error::Config {
                    path: self.path.clone(),
                    line: one.line.max(other.line),
                    problem: ConfigProblem::Both {
                        key: one.key.clone(),
                        other: other.key.clone(),
                    },
                });
            }
        }
        Ok(())
    }

    /// The values of a key, as they would be typed.
    pub(super) fn said(&self, key: &str) -> Option<String> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        Some(match (setting.is_switch, setting.values.is_empty()) {
            (true, true) => "false".to_owned(),
            _ => setting.values.join(", "),
        })
    }

    /// What an error of the parser says of a value that stands in the profile.
    pub(super) fn blame(&self, error: &clap::Error, typed: &ArgMatches) -> Option<Error> {
        use clap::error::{ContextKind, ContextValue};
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.as_str()),
            _ => None,
        };
        let option = text(ContextKind::InvalidArg)?;
        let key = option
            .trim_start_matches('-')
            .split([' ', '='])
            .next()?
            .replace('-', "_");
        let value = text(ContextKind::InvalidValue)?;
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        if is_said(typed, &key) {
            return None;
        }
        // Not what is no name of a place, but the secret itself.
        let marks = ["-----BEGIN", "pin-value="];
        let is_secret = marks.iter().any(|mark| value.contains(mark))
            || value.contains("://") && value.contains('@');
        let reason = match std::error::Error::source(error) {
            _ if is_secret => "it holds a secret itself".to_owned(),
            Some(reason) => reason.to_string(),
            None => "it is not allowed".to_owned(),
        };
        Some(Error::Value {
            origin: self.origin(setting),
            value: (!is_secret).then(|| printable(value, 400)),
            reason,
        })
    }

    /// What the profile says that was not typed, for errors that are found later.
    pub(super) fn behind_what_was_typed(&self, typed: &ArgMatches) -> ProfileBehind {
        let own = self.settings.iter();
        let own = own.filter(|setting| !is_said(typed, &setting.key));
        ProfileBehind {
            name: self.name.clone(),
            path: self.path.clone(),
            lines: own
                .map(|setting| (setting.key.clone(), setting.line))
                .collect(),
        }
    }

    fn values(&self, setting: &Setting, argument: &Arg) -> Result<Vec<String>, Error> {
        let key = &setting.key;
        let takes_switch = matches!(argument.get_action(), ArgAction::SetTrue);
        if takes_switch != setting.is_switch {
            let wanted = if takes_switch {
                "is true or false"
            } else {
                "is a text, not true or false"
            };
            return Err(self.unsuited(setting, wanted));
        }
        if setting.values.len() > 1 && !matches!(argument.get_action(), ArgAction::Append) {
            return Err(self.unsuited(setting, "takes one value"));
        }
        // It may hold a password, so the parser takes any text and repeats none.
        if key == "proxy"
            && let Some(Err(source)) = setting.values.first().map(|url| url.parse::<ProxyUrl>())
        {
            let origin = self.origin(setting).to_string();
            return Err(Error::ProxyUrl { origin, source });
        }
        let values = setting.values.iter();
        Ok(values.map(|value| self.resolved(key, value)).collect())
    }

    /// A relative path is meant from where the file is: SDKs run the program
    /// anywhere.
    fn resolved(&self, key: &str, value: &str) -> String {
        let is_relative = |text: &str| !text.starts_with(['/', '~']);
        let is_file = match key {
            "certificate" | "intermediates" | "private_key" => matches!(
                value.parse(),
                Ok(KeySource::Material(Source::File(path))) if is_relative(&path.to_string_lossy())
            ),
            "passphrase_from" => {
                value != "tty"
                    && matches!(
                        value.parse(),
                        Ok(Source::File(path)) if is_relative(&path.to_string_lossy())
                    )
            }
            _ => FILES.contains(&key) && is_relative(value),
        };
        match self.path.parent() {
            Some(directory) if is_file => directory.join(value).to_string_lossy().into_owned(),
            _ => value.to_owned(),
        }
    }

    /// Where the profile says something of an option.
    pub(super) fn line_of(&self, key: &str) -> Option<String> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        Some(format!("{}, line {}", self.path.display(), setting.line))
    }

    /// The profile does not go together with what was typed.
    pub(super) fn unusable(&self) -> Error {
        Error::Config {
            path: self.path.clone(),
            line: self.settings.first().map_or(1, |setting| setting.line),
            problem: ConfigProblem::Clash {
                profile: self.name.clone(),
            },
        }
    }

    fn origin(&self, setting: &Setting) -> Origin {
        Origin::Profile {
            key: setting.key.clone(),
            path: self.path.clone(),
            line: setting.line,
        }
    }

    fn unsuited(&self, setting: &Setting, wanted: &'static str) -> Error {
        Error::Config {
            path: self.path.clone(),
            line: setting.line,
            problem: ConfigProblem::Unsuited {
                key: setting.key.clone(),
                wanted,
            },
        }
    }
}

/// Whether an option was typed, or its variable set.
pub(super) fn is_said(matches: &ArgMatches, key: &str) -> bool {
    let is_there = matches.try_contains_id(key).unwrap_or(false);
    is_there
        && matches!(
            matches.value_source(key),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        )
}
