//! One profile of AWS's files: what stands beside its line, and goes first.

use crate::delivery::ini::{Place, ProfileName};
use crate::text::nearest;

use super::super::case::Case;
use super::super::finding::{Finding, Standing};
use super::{Files, ID, line, recursion};

/// Keys whose credentials SDKs take before those of a process, or that lead to
/// others (AWS SDKs and Tools reference guide, "Standardized credential
/// providers"; botocore's chain), with what they are.
const FIRST: [(&str, &str); 7] = [
    ("web_identity_token_file", "a web identity"),
    ("sso_session", "IAM Identity Center"),
    ("sso_start_url", "IAM Identity Center"),
    ("source_profile", "a role from another profile"),
    ("credential_source", "a role from another source"),
    ("login_session", "a login session"),
    ("aws_access_key_id", "static keys"),
];

pub(super) fn check(files: &Files, profile: &ProfileName, case: &Case<'_>) -> Vec<Finding> {
    let known = files.profiles();
    if !known.contains(profile) {
        return vec![missing(files, profile, &known)];
    }
    let mut findings = first(files, profile);
    findings.extend(line::check(files, profile, case));
    findings.extend(recursion::check(files, profile));
    if findings.is_empty() {
        let what = format!(
            "the profile '{profile}' of AWS's files leads here, and nothing goes before it"
        );
        let line = files.command_line(profile);
        findings.push(
            Finding::new(ID, Standing::Well, what)
                .shows_all(line.map(|line| (line.at.clone(), line::shown(&line)))),
        );
    }
    findings
}

fn missing(files: &Files, profile: &ProfileName, known: &[ProfileName]) -> Finding {
    let what = format!("neither of AWS's files has the profile '{profile}'");
    let names: Vec<&str> = known.iter().map(ProfileName::as_str).collect();
    let listed = match names.is_empty() {
        true => "no profiles".to_owned(),
        false => names.join(", "),
    };
    let meant = nearest(profile.as_str(), names.iter().copied())
        .map(|meant| format!("is '{meant}' meant? windlass doctor --aws-profile {meant}"));
    Finding::new(ID, Standing::Certain, what)
        .shows(files.config.0.display().to_string(), listed)
        .next_if(meant)
        .next(format!(
            "windlass configure --profile {profile} with the options of the session"
        ))
}

/// What SDKs take before the line, in each of the files.
fn first(files: &Files, profile: &ProfileName) -> Vec<Finding> {
    let mut findings = Vec::new();
    for place in [Place::Credentials, Place::Config] {
        for (key, meaning) in FIRST {
            let Some(value) = files.value(place, profile, key) else {
                continue;
            };
            // botocore asks the process before it reads static keys of the config file.
            let standing = match (place, key) {
                (Place::Config, "aws_access_key_id") => Standing::Warning,
                _ => Standing::Certain,
            };
            let what = format!(
                "the profile '{profile}' has {meaning}, which SDKs take before the credential_process, so that windlass is not asked"
            );
            let (path, _) = files.of(place);
            findings.push(
                Finding::new("shadow", standing, what)
                    .shows(value.at, format!("{key} = (not shown)"))
                    .next(format!(
                        "take {key} and what belongs to it out of the profile '{profile}' in {}",
                        path.display()
                    )),
            );
        }
    }
    findings
}
