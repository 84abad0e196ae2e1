//! What to do about options that are missing, and a profile that does not exist.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{ConfigProblem, Reporting};
use crate::text::nearest;

/// Where was looked for a profile, and what is there.
pub(super) fn no_profile(name: &str, places: &[PathBuf], known: &[String]) -> String {
    let places: Vec<String> = places
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    let looked = places.join(" and ");
    if known.is_empty() {
        return format!("'windlass configure' makes one; looked for in {looked}");
    }
    let listed = format!("the profiles in {looked} are: {}", known.join(", "));
    match nearest(name, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean '{meant}'? {listed}"),
        None => listed,
    }
}

pub(super) fn hint_missing(option: &str, profile: Option<&(String, PathBuf)>) -> String {
    let key = option.replace('-', "_");
    let further = match option {
        "issuer-command" | "trust-anchor" => {
            "; a CA on this machine that certifies is named by --ca-dir"
        }
        _ => "",
    };
    let variable = key.to_ascii_uppercase();
    match profile {
        Some((name, path)) => format!(
            "the profile '{name}' of {} has no {key}: put it there, give --{option}, or set $WINDLASS_{variable}{further}",
            path.display()
        ),
        None => format!(
            "give --{option}, set $WINDLASS_{variable}, or name a --profile of the config file that has {key}{further}"
        ),
    }
}

/// What to do about a config file, where the problem does not say it all.
pub(super) fn hint_config(problem: &ConfigProblem) -> Option<String> {
    match problem {
        ConfigProblem::AwsHeader { name } => {
            let is_bare = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            let name = if name.chars().all(is_bare) {
                name.clone()
            } else {
                format!("\"{name}\"")
            };
            Some(format!(
                "write it as [profile.{name}], with a dot; its keys are names of options with _ for -, as in role_arn"
            ))
        }
        ConfigProblem::UnknownKey { key, .. } if is_of_reporting(key) => {
            let (option, variable) = (key.replace('_', "-"), key.to_uppercase());
            Some(format!(
                "it is none of a session's: give --{option}, or set $WINDLASS_{variable}"
            ))
        }
        ConfigProblem::UnknownKey {
            meant: Some(meant), ..
        } => Some(format!("did you mean {meant}?")),
        // Its words say it all.
        ConfigProblem::Toml { message } if message.contains("duplicate") => None,
        ConfigProblem::NoProfile { .. }
        | ConfigProblem::NoTable { .. }
        | ConfigProblem::Outside { .. }
        | ConfigProblem::Toml { .. }
        | ConfigProblem::UnknownKey { meant: None, .. } => Some(
            "a profile begins with [profile.NAME], with a dot; its keys are names of options with _ for -, as in role_arn"
                .to_owned(),
        ),
        ConfigProblem::Both { key, .. } => Some(format!(
            "'{key}' holds certificate, key and chain: keep it alone, or leave it out"
        )),
        ConfigProblem::Clash { .. }
        | ConfigProblem::Dashes { .. }
        | ConfigProblem::NotUtf8
        | ConfigProblem::Secret { .. }
        | ConfigProblem::Unsuited { .. } => None,
    }
}

/// Whether it is an option of every command that says how it speaks, and that a
/// variable can set.
fn is_of_reporting(key: &str) -> bool {
    Reporting::augment_args(clap::Command::default())
        .get_arguments()
        .any(|argument| argument.get_id() == key && argument.get_env().is_some())
}
