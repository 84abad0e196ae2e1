//! Trust anchor, profile and role: named, and of one account, region and
//! partition.

use super::super::case::Case;
use super::super::finding::{Finding, Standing};
use crate::rolesanywhere::{Target, TargetError};

const ID: &str = "arns";

const KEYS: [&str; 3] = ["trust_anchor_arn", "profile_arn", "role_arn"];

pub(super) fn check(case: &Case<'_>) -> Vec<Finding> {
    let session = case.session;
    let is_said = [
        session.trust_anchor_arn.is_some(),
        session.profile_arn.is_some(),
        session.role_arn.is_some(),
    ];
    let missing: Vec<String> = KEYS
        .iter()
        .zip(is_said)
        .filter(|(_, said)| !said)
        .map(|(key, _)| format!("--{}", key.replace('_', "-")))
        .collect();
    if !missing.is_empty() {
        let what = format!(
            "it is not said which session is meant: {}",
            missing.join(", ")
        );
        let place = case.profile.as_ref().map_or_else(
            || "give the option".to_owned(),
            |(name, path)| format!("write it into [profile.{name}] of {path}"),
        );
        return vec![
            Finding::new(ID, Standing::Certain, what)
                .shows_all(case.said(&KEYS))
                .next(format!(
                    "{place}; its ARN is printed by: {}",
                    listing(&missing)
                )),
        ];
    }
    let (Some(anchor), Some(profile), Some(role)) = (
        &session.trust_anchor_arn,
        &session.profile_arn,
        &session.role_arn,
    ) else {
        return Vec::new();
    };
    let target = Target::new(anchor.clone(), profile.clone(), role.clone());
    let mut findings = vec![match &target {
        Ok(target) => Finding::new(
            ID,
            Standing::Well,
            format!(
                "the three ARNs agree: partition {}, account {}, region {}",
                anchor.partition().name(),
                anchor.account(),
                target.region()
            ),
        )
        .shows_all(case.said(&KEYS)),
        Err(error) => disagreement(error).shows_all(case.said(&KEYS)),
    }];
    findings.extend(region(case));
    findings
}

/// The commands that list what is missing.
fn listing(missing: &[String]) -> String {
    let command = |option: &String| match option.as_str() {
        "--trust-anchor-arn" => "aws rolesanywhere list-trust-anchors",
        "--profile-arn" => "aws rolesanywhere list-profiles",
        _ => "aws iam list-roles",
    };
    missing.iter().map(command).collect::<Vec<_>>().join("; ")
}

fn disagreement(error: &TargetError) -> Finding {
    let finding = Finding::new(ID, Standing::Certain, error.to_string());
    finding.next(match error {
        TargetError::Account { .. } => {
            "Roles Anywhere works within one account: take trust anchor, profile and role of the same"
        }
        TargetError::Partition { .. } => {
            "ARNs of aws, aws-cn and aws-us-gov do not go together: take all three of one"
        }
        TargetError::Region { .. } => {
            "take a profile of the trust anchor's region, as 'aws rolesanywhere list-profiles --region REGION' lists them"
        }
    })
}

/// `--region` against the trust anchor's.
fn region(case: &Case<'_>) -> Option<Finding> {
    let given = case.session.region.as_deref()?;
    let anchor = case.session.trust_anchor_arn.as_ref()?;
    let bare = given
        .strip_suffix("-fips")
        .or_else(|| given.strip_prefix("fips-"))
        .unwrap_or(given);
    (bare != anchor.region().as_str()).then(|| {
        let what = format!(
            "the region {given} is asked for, and the trust anchor is in {}",
            anchor.region()
        );
        Finding::new(ID, Standing::Certain, what)
            .shows_all(case.said(&["region", "trust_anchor_arn"]))
            .next("leave --region out: the trust anchor's is taken")
    })
}
