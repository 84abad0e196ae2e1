//! The config file: profiles of options, in TOML.
//!
//! ```toml
//! [defaults]
//! session_duration = 3600
//!
//! [profile.backup]
//! certificate = "/etc/windlass/backup/fullchain.pem"
//! private_key = "/etc/windlass/backup/key.pem"
//! trust_anchor_arn = "arn:aws:rolesanywhere:…"
//! ```
//!
//! A key is the name of an option with underscores. `[defaults]` holds for every
//! profile of the same file.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

/// A config file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigFile {
    defaults: Vec<Setting>,
    profiles: BTreeMap<String, Vec<Setting>>,
}

/// One option with its values, as they would be typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The option's name with underscores.
    pub key: String,
    /// Its values: one, or several of an option that may be repeated; none for a
    /// switch that is off.
    pub values: Vec<String>,
    /// Whether the values are switches and not text.
    pub is_switch: bool,
    /// The line where it stands, from 1.
    pub line: usize,
}

/// Why a file is no config file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ConfigError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub problem: ConfigProblem,
}

/// What is wrong at a place of a config file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigProblem {
    /// Two keys of which a profile can have one.
    #[error("{key} and {other} do not go together")]
    Both {
        /// The one.
        key: String,
        /// The other.
        other: String,
    },
    /// A header as AWS's files have it.
    #[error("[profile {name}] is a header of ~/.aws/config, and not of this file")]
    AwsHeader {
        /// The profile.
        name: String,
    },
    /// The profile as a whole.
    #[error("the profile '{profile}' does not go together with the other options")]
    Clash {
        /// The profile.
        profile: String,
    },
    /// A key with the dashes of the option.
    #[error("'{key}' is written {meant}")]
    Dashes {
        /// The key.
        key: String,
        /// How it is written.
        meant: String,
    },
    /// Below `[profile]` itself.
    #[error("{name} is no profile: a profile begins with [profile.NAME]")]
    NoProfile {
        /// What stands there.
        name: String,
    },
    /// A name that is kept for a table.
    #[error("{name} must be a table")]
    NoTable {
        /// The name.
        name: String,
    },
    /// The file is in another encoding.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Neither a default nor a profile's.
    #[error("'{name}' stands outside of [defaults] and [profile.NAME]")]
    Outside {
        /// The name.
        name: String,
    },
    /// A secret, which does not belong there.
    #[error("{key} would be a secret in this file; use passphrase_from")]
    Secret {
        /// The key.
        key: String,
    },
    /// What the parser says.
    #[error("{message}")]
    Toml {
        /// Its words.
        message: String,
    },
    /// No option has this name.
    #[error("'{key}' is no option that a profile can have")]
    UnknownKey {
        /// The key.
        key: String,
        /// What was perhaps meant.
        meant: Option<&'static str>,
    },
    /// A value of another type.
    #[error("{key} {wanted}")]
    Unsuited {
        /// The key.
        key: String,
        /// What it is or must be.
        wanted: &'static str,
    },
}

impl ConfigFile {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when it is not TOML, or has other tables than `defaults`
    /// and `profile.NAME`. Whether a key is an option is not looked at here.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let ends: Vec<usize> = text.match_indices('\n').map(|(end, _)| end).collect();
        let line_of = |start: usize| 1 + ends.partition_point(|end| *end < start);
        let document = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            let written = text.lines().nth(line - 1).unwrap_or_default();
            let problem = match header_of_aws(written) {
                Some(name) => ConfigProblem::AwsHeader { name },
                None => ConfigProblem::Toml {
                    message: error.message().replace('\n', "; "),
                },
            };
            ConfigError { line, problem }
        })?;
        let mut file = Self::default();
        for (name, value) in document.get_ref() {
            let wrong = |problem| ConfigError {
                line: line_of(name.span().start),
                problem,
            };
            let table = value.get_ref().as_table();
            match (name.get_ref().as_ref(), table) {
                ("defaults", Some(table)) => file.defaults = settings(table, &line_of)?,
                ("profile", Some(profiles)) => {
                    for (name, value) in profiles {
                        let DeValue::Table(table) = value.get_ref() else {
                            return Err(ConfigError {
                                line: line_of(name.span().start),
                                problem: ConfigProblem::NoProfile {
                                    name: name.get_ref().to_string(),
                                },
                            });
                        };
                        let settings = settings(table, &line_of)?;
                        file.profiles.insert(name.get_ref().to_string(), settings);
                    }
                }
                ("defaults" | "profile", None) => {
                    let name = name.get_ref().to_string();
                    return Err(wrong(ConfigProblem::NoTable { name }));
                }
                (other, _) => {
                    let name = other.to_owned();
                    return Err(wrong(ConfigProblem::Outside { name }));
                }
            }
        }
        Ok(file)
    }

    /// The options of a profile, with the file's defaults for what it does not
    /// say; `None` when the file does not have it. `excludes` tells whether a
    /// profile that says the one option wants no default for the other.
    #[must_use]
    pub fn profile(
        &self,
        name: &str,
        excludes: impl Fn(&str, &str) -> bool,
    ) -> Option<Vec<Setting>> {
        let own = self.profiles.get(name)?;
        let is_unsaid = |setting: &&Setting| {
            let mut own = own.iter();
            own.all(|said| said.key != setting.key && !excludes(&said.key, &setting.key))
        };
        let defaults = self.defaults.iter().filter(is_unsaid).cloned();
        Some(own.iter().cloned().chain(defaults).collect())
    }

    /// The names of the profiles, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// Every setting of the file, for checking them all.
    pub fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.defaults.iter().chain(self.profiles.values().flatten())
    }
}

fn settings(
    table: &DeTable<'_>,
    line_of: &impl Fn(usize) -> usize,
) -> Result<Vec<Setting>, ConfigError> {
    let read = |(key, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let key: &std::borrow::Cow<'_, str> = key.get_ref();
        let line = line_of(value.span().start);
        let wrong = |wanted| ConfigError {
            line,
            problem: ConfigProblem::Unsuited {
                key: key.to_string(),
                wanted,
            },
        };
        let value = value.get_ref();
        let is_switch = matches!(value, DeValue::Boolean(_));
        let values = match value {
            DeValue::Boolean(false) => Vec::new(),
            DeValue::Boolean(true) => vec!["true".to_owned()],
            DeValue::Array(values) => values
                .iter()
                .map(|value| scalar(value.get_ref()))
                .collect::<Option<_>>()
                .ok_or_else(|| wrong("must be a list of texts"))?,
            other => {
                vec![
                    scalar(other)
                        .ok_or_else(|| wrong("must be a text, a number, true or false"))?,
                ]
            }
        };
        Ok(Setting {
            key: key.to_string(),
            values,
            is_switch,
            line,
        })
    };
    table.iter().map(read).collect()
}

/// The profile that a header names as AWS's files do: `[profile NAME]`.
fn header_of_aws(line: &str) -> Option<String> {
    let inner = line.trim().strip_prefix('[')?.split(']').next()?;
    let name = inner.trim().strip_prefix("profile")?;
    let bare = name.trim().trim_matches(['"', '\'']);
    (name.starts_with([' ', '\t']) && !bare.is_empty()).then(|| bare.to_owned())
}

/// A value as it would be typed.
fn scalar(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        // An option that takes several facts together is typed as JSON.
        DeValue::Table(_) => json(value).map(|value| value.to_string()),
        _ => None,
    }
}

fn json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    Some(match value {
        DeValue::String(text) => text.to_string().into(),
        DeValue::Integer(number) => number.as_str().parse::<i64>().ok()?.into(),
        DeValue::Boolean(switch) => (*switch).into(),
        DeValue::Array(values) => values
            .iter()
            .map(|value| json(value.get_ref()))
            .collect::<Option<Vec<_>>>()?
            .into(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, value)| Some((key.get_ref().to_string(), json(value.get_ref())?)))
            .collect::<Option<serde_json::Map<_, _>>>()?
            .into(),
        DeValue::Float(_) | DeValue::Datetime(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str, values: &[&str], line: usize) -> Setting {
        Setting {
            key: key.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
            is_switch: false,
            line,
        }
    }

    #[test]
    fn a_profile_goes_before_the_defaults() {
        let file = ConfigFile::parse(
            "[defaults]\nregion = 'a'\nsession_duration = 3_600\n\n[profile.b]\nregion = 'b'\nfips = false\n",
        )
        .unwrap();
        let mut settings = file.profile("b", |_, _| false).unwrap();
        settings.sort_by(|a, b| a.key.cmp(&b.key));
        let mut fips = setting("fips", &[], 7);
        fips.is_switch = true;
        assert_eq!(
            settings,
            [
                fips,
                setting("region", &["b"], 6),
                setting("session_duration", &["3600"], 3),
            ]
        );
        assert_eq!(file.profile("c", |_, _| false), None);
        assert_eq!(file.names().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn lists_repeat_an_option_and_tables_are_json() {
        let file = ConfigFile::parse("[profile.b]\nx = ['1', {b = 'c', d = [1, true]}]\n").unwrap();
        let x = &file.profile("b", |_, _| false).unwrap()[0];
        assert_eq!(x.values, ["1", r#"{"b":"c","d":[1,true]}"#]);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, line) in [
            ("[profile.a]\nx = 1\nx = 2\n", 3),
            ("\nregion = 'a'\n", 2),
            ("[profile]\na = 1\n", 2),
            ("[profile.a]\n\nx = 1.5\n", 3),
            ("[other]\n", 1),
            ("profile = 1\n", 1),
            ("[profile.a\n", 1),
        ] {
            assert_eq!(ConfigFile::parse(text).unwrap_err().line, line, "{text}");
        }
    }
}
