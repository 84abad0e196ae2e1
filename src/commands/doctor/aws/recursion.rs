//! Lines that lead back to the profile that they stand in: an SDK that reads them
//! starts itself over and over.

use std::path::Path;

use crate::delivery::ini::{Place, ProfileName};
use crate::store::read_start;

use super::super::finding::{Finding, Standing};
use super::{Files, line};

const ID: &str = "recursion";

/// How much of a script is looked at, in bytes.
const SCRIPT: u64 = 64 * 1024;

pub(super) fn check(files: &Files, profile: &ProfileName) -> Vec<Finding> {
    process(files, profile)
        .into_iter()
        .chain(sources(files, profile))
        .collect()
}

/// A program that reads the same profile.
fn process(files: &Files, profile: &ProfileName) -> Option<Finding> {
    let value = files.command_line(profile)?;
    let words = shlex::split(&value.text)?;
    let is_aws = |word: &str| {
        Path::new(word)
            .file_name()
            .is_some_and(|name| name == "aws")
    };
    let inner: Vec<String> = words
        .iter()
        .flat_map(|word| word.split_whitespace())
        .map(str::to_owned)
        .collect();
    if inner.iter().any(|word| is_aws(word)) {
        let other = inner
            .windows(2)
            .find(|pair| pair[0] == "--profile")
            .map(|pair| pair[1].as_str());
        if other.unwrap_or("default") != profile.as_str() {
            return None;
        }
        let what = format!(
            "the credential_process of '{profile}' runs the AWS CLI, which reads the same profile and runs it again"
        );
        return Some(
            Finding::new(ID, Standing::Certain, what)
                .shows(value.at, format!("{} = ... aws ...", line::KEY))
                .next(format!("let it name another profile: aws --profile NAME, or take the line out of '{profile}'")),
        );
    }
    // Other words may be keys, or pipes that give a passphrase once.
    let is_shell = |word: &String| {
        let name = Path::new(word).file_name();
        name.is_some_and(|name| ["sh", "bash", "dash"].iter().any(|shell| name == *shell))
    };
    let place = usize::from(words.first().is_some_and(is_shell));
    let script = words
        .get(place)
        .filter(|word| is_script_with_aws(Path::new(word)))?;
    (profile.as_str() == "default").then(|| {
        let what = format!(
            "the credential_process of '{profile}' runs the script {script}, which calls the AWS CLI: that reads the same profile and may run it again"
        );
        Finding::new(ID, Standing::Likely, what)
            .shows(value.at, script.clone())
            .next("let the script name another profile in each call: aws --profile NAME")
    })
}

fn is_script_with_aws(path: &Path) -> bool {
    let Ok(start) = read_start(path, SCRIPT) else {
        return false;
    };
    let text = String::from_utf8_lossy(&start);
    let is_call = |line: &str| {
        let line = line.trim_start();
        !line.starts_with('#') && line.contains("aws ") && !line.contains("--profile")
    };
    text.starts_with("#!") && text.lines().any(is_call)
}

/// Profiles that name each other as their source.
fn sources(files: &Files, profile: &ProfileName) -> Option<Finding> {
    let mut way = vec![profile.clone()];
    loop {
        let last = way.last()?;
        let value = files.value(Place::Config, last, "source_profile")?;
        let next: ProfileName = value.text.parse().ok()?;
        if way.contains(&next) {
            // A profile that is its own source is read with its static keys.
            if way.len() == 1
                && files
                    .value(Place::Config, &next, "aws_access_key_id")
                    .is_some()
            {
                return None;
            }
            let names: Vec<String> = way.iter().chain([&next]).map(ToString::to_string).collect();
            let what = format!("source_profile leads in a circle: {}", names.join(" -> "));
            return Some(
                Finding::new(ID, Standing::Certain, what)
                    .shows(value.at, format!("source_profile = {next}"))
                    .next("let source_profile name a profile whose credentials are its own"),
            );
        }
        way.push(next);
    }
}
