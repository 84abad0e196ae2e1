//! Variables that SDKs follow before any credential_process.

use super::super::case::Case;
use super::super::finding::{Finding, Standing};

const ID: &str = "shadow";

/// What an SDK takes before it looks into a profile (AWS SDKs and Tools reference
/// guide, "Credential providers"; botocore's chain).
const KEYS: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
];

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let environment = &case.context.environment;
    let set: Vec<&str> = KEYS
        .into_iter()
        .filter(|name| environment.get(name).is_some())
        .collect();
    let mut findings = Vec::new();
    let is_whole = set.contains(&"AWS_ACCESS_KEY_ID") && set.contains(&"AWS_SECRET_ACCESS_KEY");
    if !set.is_empty() {
        let standing = match is_whole {
            true => Standing::Certain,
            false => Standing::Warning,
        };
        let names: Vec<String> = set.iter().map(|name| format!("${name}")).collect();
        let what = format!(
            "SDKs take the keys in {} before any profile, so that windlass is not asked",
            names.join(", ")
        );
        let finding = Finding::new(ID, standing, what)
            .shows_all(names.iter().map(|name| (name.clone(), "is set".to_owned())));
        findings.push(finding.next(format!("unset {}", set.join(" "))));
    }
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE").is_some() {
        let what = "SDKs take $AWS_WEB_IDENTITY_TOKEN_FILE before a credential_process";
        findings.push(
            Finding::new(ID, Standing::Warning, what)
                .shows("$AWS_WEB_IDENTITY_TOKEN_FILE", "is set")
                .next("unset AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN"),
        );
    }
    if findings.is_empty() {
        let what = "no variable holds credentials that SDKs would take first";
        findings.push(Finding::new(ID, Standing::Well, what));
    }
    findings
}
