//! One role of a chain as it is typed: its ARN, or a JSON object with what its
//! AssumeRole request says.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Deserialize;

use super::{AssumeRole, RoleArn, SessionTag};

/// The object. Its members are named as in a profile of the config file, where
/// it is an inline table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    role_arn: String,
    session_name: Option<String>,
    external_id: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    transitive_tag_keys: Vec<String>,
    /// The policy itself, as an object or as text.
    policy: Option<serde_json::Value>,
    #[serde(default)]
    policy_arns: Vec<String>,
    duration_seconds: Option<u32>,
}

impl FromStr for AssumeRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !text.trim_start().starts_with('{') {
            let role: Result<RoleArn, _> = text.parse();
            return role.map(Self::new).map_err(|reason| reason.to_string());
        }
        let written: Written = serde_json::from_str(text).map_err(|error| {
            let error = error.to_string();
            // In a config file there are other lines and columns.
            let reason = error.split(" at line ").next().unwrap_or_default();
            format!("not a role to assume: {reason}")
        })?;
        fn named<T: FromStr<Err: std::fmt::Display>>(name: &str, text: &str) -> Result<T, String> {
            text.parse().map_err(|reason| format!("{name}: {reason}"))
        }
        let tag = |(key, value): (&String, &String)| {
            SessionTag::new(named("tags", key)?, value).map_err(|reason| format!("tags: {reason}"))
        };
        let mut role = Self::new(named("role_arn", &written.role_arn)?);
        if let Some(template) = &written.session_name {
            role.session_name = named("session_name", template)?;
        }
        if let Some(id) = &written.external_id {
            role.external_id = Some(named("external_id", id)?);
        }
        role.tags = written.tags.iter().map(tag).collect::<Result<_, _>>()?;
        let keys = written.transitive_tag_keys.iter();
        role.transitive_tag_keys = keys
            .map(|key| named("transitive_tag_keys", key))
            .collect::<Result<_, _>>()?;
        let arns = written.policy_arns.iter();
        role.policy_arns = arns
            .map(|arn| named("policy_arns", arn))
            .collect::<Result<_, _>>()?;
        role.policy = match written.policy {
            None => None,
            Some(serde_json::Value::String(text)) => Some(named("policy", &text)?),
            Some(object) => Some(named("policy", &object.to_string())?),
        };
        role.duration = match written.duration_seconds {
            None => None,
            Some(seconds) => {
                let duration = seconds.try_into();
                Some(duration.map_err(|reason| format!("duration_seconds: {reason}"))?)
            }
        };
        Ok(role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:iam::210987654321:role/restore";

    #[test]
    fn an_object_says_all_that_options_say() {
        let plain: AssumeRole = ARN.parse().unwrap();
        assert_eq!(plain.role.as_str(), ARN);
        let text = format!(
            r#"{{"role_arn":"{ARN}","session_name":"x-{{cn}}","external_id":"on-prem",
            "tags":{{"site":"berlin"}},"transitive_tag_keys":["site"],"duration_seconds":900,
            "policy":{{"Version":"2012-10-17","Statement":[]}},
            "policy_arns":["arn:aws:iam::aws:policy/ReadOnlyAccess"]}}"#
        );
        let role: AssumeRole = text.parse().unwrap();
        assert_eq!(role.role.as_str(), ARN);
        assert_eq!(role.external_id.unwrap().as_str(), "on-prem");
        assert_eq!(role.tags[0].value(), "berlin");
        assert_eq!(role.transitive_tag_keys[0].as_str(), "site");
        assert_eq!(role.duration.unwrap().seconds(), 900);
        assert!(role.policy.unwrap().as_str().contains("2012-10-17"));
        assert_eq!(role.policy_arns.len(), 1);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (member, named) in [
            (r#""external_id":"x""#, "external_id: an external id has"),
            (
                r#""duration_seconds":7200"#,
                "duration_seconds: a session by",
            ),
            (r#""tags":{"aws:x":"y"}"#, "tags: keys that begin"),
            (r#""policy":"[]""#, "policy: it is not a JSON object"),
            (r#""external-id":"xx""#, "unknown field `external-id`"),
            (r#""tags":["x"]"#, "not a role to assume: invalid type"),
        ] {
            let text = format!(r#"{{"role_arn":"{ARN}",{member}}}"#);
            let error = text.parse::<AssumeRole>().unwrap_err();
            assert!(error.contains(named), "{member}: {error}");
        }
        assert!("{}".parse::<AssumeRole>().unwrap_err().contains("role_arn"));
        assert!(
            "restore"
                .parse::<AssumeRole>()
                .unwrap_err()
                .contains("not an ARN")
        );
    }
}
