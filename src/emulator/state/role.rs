//! IAM roles, as far as sessions need them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::admission::policy::{PolicyError, TrustPolicy};
use crate::rolesanywhere::{RoleArn, SessionDuration};

use super::head::Tag;
use super::{State, written};
use crate::emulator::sessions::base32;

/// The begin of the id of every role: as of a real one, but for the `0`.
const ID_PREFIX: &str = "AROA0EMULATED0";

/// An IAM role.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct Role {
    /// Its ARN.
    #[serde(with = "written::text")]
    pub(in crate::emulator) arn: RoleArn,
    /// Its `MaxSessionDuration`.
    #[serde(with = "written::seconds")]
    pub(in crate::emulator) max_duration: SessionDuration,
    /// Its trust policy. Without one, Roles Anywhere may assume it for anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::emulator) trust_policy: Option<PolicyText>,
    /// What IAM keeps of it besides, and no session is judged by.
    #[serde(default)]
    pub(in crate::emulator) details: RoleDetails,
}

/// What IAM keeps of a role and no session is judged by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(in crate::emulator) struct RoleDetails {
    /// When it was made.
    pub(in crate::emulator) created_at: DateTime<Utc>,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::emulator) description: Option<String>,
    /// The ARN of its permissions boundary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::emulator) permissions_boundary: Option<String>,
    /// Its tags, in the order in which they were set.
    pub(in crate::emulator) tags: Vec<Tag>,
    /// Its inline policies, by name: their JSON, as it came.
    pub(in crate::emulator) policies: BTreeMap<String, String>,
    /// The ARNs of its managed policies, in the order in which they were attached.
    pub(in crate::emulator) attached: Vec<String>,
}

impl Role {
    /// A role that has nothing but this.
    pub(in crate::emulator) fn new(
        arn: RoleArn,
        max_duration: SessionDuration,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            arn,
            max_duration,
            trust_policy: None,
            details: RoleDetails {
                created_at: at,
                ..RoleDetails::default()
            },
        }
    }

    /// Its id, which one that is made later under the same name does not have.
    pub(in crate::emulator) fn id(&self) -> String {
        role_id(&self.arn, self.details.created_at)
    }

    /// Its name without its path: unique in the account.
    pub(in crate::emulator) fn name(&self) -> &str {
        self.arn.role_name()
    }

    /// Its path: `/`, or between two of them.
    pub(in crate::emulator) fn path(&self) -> &str {
        let resource = self.arn.as_str().split_once(":role").unwrap_or_default().1;
        resource.strip_suffix(self.name()).unwrap_or_default()
    }
}

impl State {
    /// The id of a role, also of one of which nothing but its ARN is known, as of
    /// those in other accounts.
    pub(in crate::emulator) fn role_id(&self, arn: &RoleArn) -> String {
        self.role(arn.as_str())
            .map_or_else(|| role_id(arn, DateTime::UNIX_EPOCH), Role::id)
    }
}

fn role_id(arn: &RoleArn, made: DateTime<Utc>) -> String {
    let digest = Sha256::digest(format!("{arn} {}", made.timestamp_micros()));
    format!("{ID_PREFIX}{}", base32(&digest[..7]))
}

/// A trust policy, with the text in which it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyText {
    text: String,
    policy: TrustPolicy,
}

impl PolicyText {
    /// Reads the JSON of a policy, also percent-encoded, as IAM gives it.
    ///
    /// # Errors
    ///
    /// [`PolicyError`].
    pub fn read(material: &[u8]) -> Result<Self, PolicyError> {
        Self::try_from(String::from_utf8(material.to_vec()).map_err(|_| PolicyError::Encoding)?)
    }

    /// The JSON as it came; percent-encoded, if that is how it came.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &TrustPolicy {
        &self.policy
    }
}

impl TryFrom<String> for PolicyText {
    type Error = PolicyError;

    fn try_from(text: String) -> Result<Self, PolicyError> {
        let policy = TrustPolicy::read(text.as_bytes())?;
        Ok(Self { text, policy })
    }
}

impl From<PolicyText> for String {
    fn from(policy: PolicyText) -> Self {
        policy.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(arn: &str, at: i64) -> Role {
        let max_duration = SessionDuration::try_from(3600).unwrap();
        let at = DateTime::from_timestamp(at, 0).unwrap();
        Role::new(arn.parse().unwrap(), max_duration, at)
    }

    #[test]
    fn paths_and_ids_are_taken_from_the_arn() {
        let plain = role("arn:aws:iam::123456789012:role/web", 0);
        assert_eq!((plain.path(), plain.name()), ("/", "web"));
        let deep = role("arn:aws:iam::123456789012:role/a/b/web", 0);
        assert_eq!((deep.path(), deep.name()), ("/a/b/", "web"));
        assert_eq!(plain.id().len(), 21);
        assert_ne!(plain.id(), deep.id());
        assert_ne!(plain.id(), role(plain.arn.as_str(), 1).id());
        assert!(
            plain
                .id()
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric())
        );
    }

    #[test]
    fn a_role_of_an_earlier_file_is_read() {
        let text = r#"{"arn":"arn:aws:iam::123456789012:role/web","maxDuration":3600}"#;
        let read: Role = serde_json::from_str(text).unwrap();
        assert_eq!(read.details.created_at, DateTime::UNIX_EPOCH);
        let again: Role = serde_json::from_str(&serde_json::to_string(&read).unwrap()).unwrap();
        assert_eq!(again.id(), read.id());
    }
}
