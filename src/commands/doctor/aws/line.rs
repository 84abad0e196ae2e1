//! The line of a profile, as botocore splits it and as a shell runs it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::delivery::ini::{Place, ProfileName};
use crate::text::printable;

use super::super::case::Case;
use super::super::finding::{Finding, Standing};
use super::{Files, Value, is_known, session_of};

pub(super) const KEY: &str = "credential_process";
const ID: &str = "credential-process";

/// What a shell understands and botocore hands to the program as a word.
const SHELL_WORDS: [&str; 8] = ["|", "||", "&&", ";", ">", "2>", "<", "&"];

/// Options whose values are files.
const FILE_OPTIONS: [&str; 5] = [
    "--certificate",
    "--private-key",
    "--intermediates",
    "--ca-bundle",
    "--config",
];

pub(super) fn check(files: &Files, profile: &ProfileName, case: &Case<'_>) -> Vec<Finding> {
    let Some(value) = files.command_line(profile) else {
        return vec![none(files, profile)];
    };
    let mut findings = form(&value);
    let Some(words) = shlex::split(&value.text).filter(|words| !words.is_empty()) else {
        return findings;
    };
    findings.extend(program(&words, &value, case));
    findings.extend(relative(&words, &value));
    if findings.iter().any(|finding| finding.standing.is_wrong()) {
        return findings;
    }
    findings.extend(match session_of(&value, case.context) {
        Some(Ok(_)) => None,
        Some(Err(reason)) => {
            let what = format!("windlass refuses the options of the line: {reason}");
            let finding = Finding::new(ID, Standing::Certain, what).shows(&value.at, shown(&value));
            Some(finding.next(format!("windlass configure --profile {profile} writes one that fits")))
        }
        None => {
            let what = "the line runs a program that is neither windlass nor aws_signing_helper, which cannot be judged";
            let finding = Finding::new(ID, Standing::Unknown, what).shows(&value.at, shown(&value));
            Some(finding.next("run the line by hand: it has to print one JSON document and nothing else"))
        }
    });
    findings
}

/// A profile that names no process.
fn none(files: &Files, profile: &ProfileName) -> Finding {
    let (path, _) = files.of(Place::Config);
    let what = format!("the profile '{profile}' of AWS's files has no credential_process");
    Finding::new(ID, Standing::Certain, what)
        .shows(path.display().to_string(), format!("[profile {profile}]"))
        .next(format!(
            "windlass configure --profile {profile} with the options of the session"
        ))
}

/// What is wrong with the line as text.
fn form(value: &Value) -> Vec<Finding> {
    let certain = |what: &str, next: &str| {
        Finding::new(ID, Standing::Certain, what)
            .shows(&value.at, shown(value))
            .next(next)
    };
    let one_line = "write all of it on one line; the options belong into windlass's config file, where there is room: windlass configure";
    if value.is_continued || value.text.trim_end().ends_with('\\') {
        return vec![certain(
            "credential_process goes on in the next line, which SDKs do not read",
            one_line,
        )];
    }
    let Some(words) = shlex::split(&value.text) else {
        return vec![certain(
            "a quote of credential_process is not closed",
            "close it: a path with blanks stands between two of the same quotes",
        )];
    };
    if words.is_empty() {
        return vec![certain("credential_process is empty", one_line)];
    }
    let mut findings = Vec::new();
    if let Some(word) = words.iter().find(|word| is_shell(word)) {
        // A variable, or a password that looks like one.
        let word = match word.contains(['$', '`']) {
            true => "a word with $ or `".to_owned(),
            false => format!("'{}'", printable(word, 60)),
        };
        let what = format!(
            "credential_process holds {word}, which the AWS CLI and boto3 hand to the program instead of a shell"
        );
        let next =
            "put what a shell has to do into a script, and name that; or write it as sh -c '...'";
        findings.push(certain(&what, next));
    }
    if words.iter().any(|word| word.starts_with('#')) {
        findings.push(certain(
            "what stands behind # is no comment here: the AWS CLI and boto3 hand it to the program",
            "put the comment on a line of its own",
        ));
    }
    findings
}

/// Whether a shell would read more into a word than stands there.
fn is_shell(word: &str) -> bool {
    SHELL_WORDS.contains(&word)
        || word.contains("$(")
        || word.contains('`')
        || word.ends_with(';')
        || word.starts_with('~')
        || word.starts_with('$')
}

/// Whether the program is there and can be run.
fn program(words: &[String], value: &Value, case: &Case<'_>) -> Option<Finding> {
    let name = words.first()?;
    if is_shell(name) {
        return None;
    }
    let finding =
        |what: String| Finding::new(ID, Standing::Certain, what).shows(&value.at, shown(value));
    let path = Path::new(name);
    let found: Option<PathBuf> = match path.components().count() {
        1 => on_path(name, case),
        _ => path.exists().then(|| path.to_owned()),
    };
    let Some(found) = found else {
        let what = match path.components().count() {
            1 => format!("no directory of $PATH has the program {name}"),
            _ => format!("the program {name} does not exist"),
        };
        let own = crate::commands::configure::program(case.context).ok();
        let next = own.map(|own| format!("this program is {}: write that", own.display()));
        return Some(finding(what).next_if(next));
    };
    let metadata = std::fs::metadata(&found).ok()?;
    if metadata.is_dir() || metadata.permissions().mode() & 0o111 == 0 {
        let what = format!("{} cannot be run: it is no program", found.display());
        return Some(finding(what).next(format!("chmod +x {}", found.display())));
    }
    None
}

fn on_path(name: &str, case: &Case<'_>) -> Option<PathBuf> {
    let path = case.context.environment.get_str("PATH").unwrap_or_default();
    let candidates = path
        .split(':')
        .map(|directory| Path::new(directory).join(name));
    candidates.into_iter().find(|candidate| candidate.is_file())
}

/// Paths that mean another file in every directory.
fn relative(words: &[String], value: &Value) -> Option<Finding> {
    let is_relative = |path: &str| {
        !path.starts_with('/') && !path.starts_with("~/") && !path.contains(':') && path != "-"
    };
    let mut found: Vec<String> = words
        .first()
        .filter(|program| program.contains('/') && is_relative(program))
        .cloned()
        .into_iter()
        .collect();
    for pair in words.windows(2) {
        if FILE_OPTIONS.contains(&pair[0].as_str()) && is_relative(&pair[1]) {
            found.push(format!("{} {}", pair[0], pair[1]));
        }
    }
    (!found.is_empty()).then(|| {
        let what = "credential_process has relative paths, which are another file in each directory that a program runs in";
        Finding::new(ID, Standing::Warning, what)
            .shows(&value.at, found.join(", "))
            .next("write absolute paths")
    })
}

/// The line, unless something in it is secret; of a program whose options are not
/// known, its name alone.
pub(super) fn shown(value: &Value) -> String {
    let words = shlex::split(&value.text).unwrap_or_default();
    if let [program, _, ..] = words.as_slice()
        && !is_known(program)
    {
        return format!("{} ...", printable(program, 300));
    }
    let secrets = [
        "--pkcs8-password",
        "--tpm-key-password",
        "--proxy",
        "pin-value",
    ];
    let is_secret = words
        .iter()
        .any(|word| secrets.iter().any(|secret| word.contains(secret)));
    match is_secret {
        true => "(not shown: it holds a secret)".to_owned(),
        false => printable(&value.text, 300),
    }
}
