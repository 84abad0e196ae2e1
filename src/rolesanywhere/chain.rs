//! Roles that are assumed one after the other, as values that respect AWS's
//! limits (STS API reference, AssumeRole).

use std::fmt;
use std::str::FromStr;

use crate::limits;
use crate::text::is_tag_character;

use super::arn::Partition;
use super::{RoleArn, SessionNameTemplate};

/// Most session tags, and most transitive keys, of one request.
const MAX_TAGS: usize = 50;

/// Most managed policies of one request.
const MAX_POLICY_ARNS: usize = 10;

/// Longest session policy, in characters.
const MAX_POLICY: usize = 2048;

/// How long a session may last that was obtained with another role's session:
/// 900 to 3600 seconds, whatever the role's `MaxSessionDuration` (IAM user
/// guide, "Role chaining").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChainedDuration(u32);

impl ChainedDuration {
    /// Shortest, in seconds.
    pub const MIN: u32 = 900;
    /// Longest, in seconds.
    pub const MAX: u32 = 3600;

    /// The duration in seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The shortest there is: for sessions that only lead to the next role.
    #[must_use]
    pub const fn shortest() -> Self {
        Self(Self::MIN)
    }
}

impl TryFrom<u32> for ChainedDuration {
    type Error = String;

    fn try_from(seconds: u32) -> Result<Self, String> {
        if (Self::MIN..=Self::MAX).contains(&seconds) {
            Ok(Self(seconds))
        } else {
            Err(format!(
                "a session by role chaining lasts {} to {} seconds",
                Self::MIN,
                Self::MAX
            ))
        }
    }
}

impl FromStr for ChainedDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<u32>()
            .map_err(|_| "not a number of seconds".to_owned())?
            .try_into()
    }
}

/// An external id: 2 to 1224 of `[\w+=,.@:/-]`. It is no secret (IAM user guide,
/// "The confused deputy problem").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalId(String);

impl ExternalId {
    /// The id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExternalId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&octet);
        if (2..=1224).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an external id has 2 to 1224 letters, digits and _ + = , . @ : / -".to_owned())
        }
    }
}

/// The key of a session tag: 1 to 128 characters, none of AWS's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagKey(String);

impl TagKey {
    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if !(1..=128).contains(&text.chars().count()) || !text.chars().all(is_tag_character) {
            Err("a tag's key has 1 to 128 letters, digits, blanks and _ . : / = + - @".to_owned())
        } else if text.to_ascii_lowercase().starts_with("aws:") {
            Err("keys that begin with aws: are AWS's own".to_owned())
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

/// A session tag. Its value has at most 256 characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTag {
    key: TagKey,
    value: String,
}

impl SessionTag {
    /// Puts a tag together.
    ///
    /// # Errors
    ///
    /// A sentence about a value that no tag may have.
    pub fn new(key: TagKey, value: &str) -> Result<Self, String> {
        if value.chars().count() > 256 || !value.chars().all(is_tag_character) {
            return Err(
                "a tag's value has at most 256 letters, digits, blanks and _ . : / = + - @"
                    .to_owned(),
            );
        }
        Ok(Self {
            key,
            value: value.to_owned(),
        })
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &TagKey {
        &self.key
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FromStr for SessionTag {
    type Err = String;

    /// `KEY=VALUE`, parted at the first `=`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
        Self::new(key.parse()?, value)
    }
}

/// A session policy: a JSON object of at most 2048 characters up to U+00FF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionPolicy(String);

impl SessionPolicy {
    /// The document.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionPolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let count = text.chars().count();
        if count > MAX_POLICY {
            return Err(format!(
                "it has {count} characters, and a session policy at most {MAX_POLICY}"
            ));
        }
        let allowed = |it: char| matches!(it, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        if !text.chars().all(allowed) {
            return Err("a session policy has no characters beyond U+00FF".to_owned());
        }
        match serde_json::from_str(text) {
            Ok(serde_json::Value::Object(_)) => Ok(Self(text.to_owned())),
            Ok(_) => Err("it is not a JSON object".to_owned()),
            Err(error) => Err(format!("it is not JSON: {error}")),
        }
    }
}

/// The ARN of a managed policy, of AWS or of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyArn(String);

impl PolicyArn {
    /// The ARN as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let account_fits = |account: &str| {
            account == "aws"
                || account.len() == 12 && account.bytes().all(|octet| octet.is_ascii_digit())
        };
        match parts.as_slice() {
            ["arn", partition, "iam", "", account, resource]
                if text.len() <= 2048
                    && Partition::named(partition).is_some()
                    && account_fits(account)
                    && resource.len() > "policy/".len()
                    && resource.starts_with("policy/")
                    && resource.bytes().all(|octet| octet.is_ascii_graphic()) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err("it should look like arn:aws:iam::ACCOUNT:policy/NAME".to_owned()),
        }
    }
}

/// One role of a chain, with what its AssumeRole request says.
#[derive(Clone, Debug)]
pub struct AssumeRole {
    /// The role.
    pub role: RoleArn,
    /// The session's name; by default the certificate's common name.
    pub session_name: SessionNameTemplate,
    /// What the role's trust policy may ask for.
    pub external_id: Option<ExternalId>,
    /// Session tags.
    pub tags: Vec<SessionTag>,
    /// Keys of tags that go on to the next roles.
    pub transitive_tag_keys: Vec<TagKey>,
    /// What the session may do at most.
    pub policy: Option<SessionPolicy>,
    /// Managed policies that say the same.
    pub policy_arns: Vec<PolicyArn>,
    /// How long; by default what is asked for in general for the last role, and
    /// the shortest there is for those before it.
    pub duration: Option<ChainedDuration>,
}

impl AssumeRole {
    /// A role without anything special.
    #[must_use]
    pub fn new(role: RoleArn) -> Self {
        Self {
            role,
            session_name: SessionNameTemplate::default(),
            external_id: None,
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
            duration: None,
        }
    }
}

/// Roles in the order in which they are assumed, each with the session of the
/// one before it.
#[derive(Clone, Debug, Default)]
pub struct RoleChain(Vec<AssumeRole>);

/// Why roles make no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Roles of different partitions never trust each other.
    #[error("the role {role} is in another partition than {first}")]
    Partition {
        /// The role.
        role: String,
        /// The role of the first session.
        first: String,
    },
    /// Too many of something.
    #[error("{count} {what} are given for {role}, at most {max} are allowed")]
    TooMany {
        /// The role.
        role: String,
        /// What.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
    /// One key for two tags; STS does not tell upper from lower case.
    #[error("the tag key '{key}' is given twice for {role}")]
    TagTwice {
        /// The role.
        role: String,
        /// The key.
        key: String,
    },
}

impl RoleChain {
    /// Puts a chain together that begins with the session of `first`.
    ///
    /// # Errors
    ///
    /// [`ChainError`].
    pub fn new(first: &RoleArn, roles: Vec<AssumeRole>) -> Result<Self, ChainError> {
        let counted = |role: &RoleArn, what, count, max| {
            if count <= max {
                return Ok(());
            }
            Err(ChainError::TooMany {
                role: role.to_string(),
                what,
                count,
                max,
            })
        };
        counted(first, "further roles", roles.len(), limits::MAX_ROLE_CHAIN)?;
        for step in &roles {
            let role = &step.role;
            if role.partition() != first.partition() {
                return Err(ChainError::Partition {
                    role: role.to_string(),
                    first: first.to_string(),
                });
            }
            counted(role, "session tags", step.tags.len(), MAX_TAGS)?;
            let transitive = step.transitive_tag_keys.len();
            counted(role, "transitive tag keys", transitive, MAX_TAGS)?;
            let policies = step.policy_arns.len();
            counted(role, "managed policies", policies, MAX_POLICY_ARNS)?;
            unique(role, step.tags.iter().map(SessionTag::key))?;
            unique(role, step.transitive_tag_keys.iter())?;
        }
        Ok(Self(roles))
    }

    /// The roles, in order.
    #[must_use]
    pub fn roles(&self) -> &[AssumeRole] {
        &self.0
    }

    /// Whether there is nothing to assume.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn unique<'a>(role: &RoleArn, keys: impl Iterator<Item = &'a TagKey>) -> Result<(), ChainError> {
    let mut seen: Vec<String> = Vec::new();
    for key in keys {
        let folded = key.as_str().to_lowercase();
        if seen.contains(&folded) {
            return Err(ChainError::TagTwice {
                role: role.to_string(),
                key: key.as_str().to_owned(),
            });
        }
        seen.push(folded);
    }
    Ok(())
}

impl fmt::Display for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleArn {
        format!("arn:aws:iam::123456789012:role/{name}")
            .parse()
            .unwrap()
    }

    #[test]
    fn values_keep_to_awss_limits() {
        assert!("900".parse::<ChainedDuration>().is_ok());
        assert!("3600".parse::<ChainedDuration>().is_ok());
        assert!("899".parse::<ChainedDuration>().is_err());
        assert!("3601".parse::<ChainedDuration>().is_err());

        assert!("a:/@b".parse::<ExternalId>().is_ok());
        assert!("x".repeat(1224).parse::<ExternalId>().is_ok());
        for bad in ["a", "a b", "ä1", &"x".repeat(1225)] {
            assert!(bad.parse::<ExternalId>().is_err(), "{bad}");
        }

        for good in ["a=b", "Kosten Stelle=Zürich 1", "a=", "a=b=c", "aws=x"] {
            assert!(good.parse::<SessionTag>().is_ok(), "{good}");
        }
        let long = (
            format!("{}=x", "k".repeat(129)),
            format!("k={}", "v".repeat(257)),
        );
        for bad in ["a", "=b", "AWS:x=y", "a=b,c", &long.0, &long.1] {
            assert!(bad.parse::<SessionTag>().is_err(), "{bad}");
        }

        assert!(
            "{\"Version\": \"2012-10-17\"}"
                .parse::<SessionPolicy>()
                .is_ok()
        );
        let long = format!("{{\"x\":\"{}\"}}", "y".repeat(2041));
        for bad in ["", "[]", "{", "{\"x\":\"\u{20ac}\"}", &long] {
            assert!(bad.parse::<SessionPolicy>().is_err(), "{bad}");
        }

        for good in [
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
            "arn:aws-cn:iam::123456789012:policy/path/mine",
        ] {
            assert!(good.parse::<PolicyArn>().is_ok(), "{good}");
        }
        for bad in [
            "arn:aws:iam::1:policy/x",
            "arn:aws:iam::aws:role/x",
            "ReadOnlyAccess",
        ] {
            assert!(bad.parse::<PolicyArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn chains_are_checked_as_a_whole() {
        let with = |change: &dyn Fn(&mut AssumeRole)| {
            let mut step = AssumeRole::new(role("b"));
            change(&mut step);
            RoleChain::new(&role("a"), vec![step])
        };
        assert!(with(&|_| ()).is_ok());
        let tag = |text: &str| text.parse::<SessionTag>().unwrap();
        assert!(matches!(
            with(&|step| step.tags = vec![tag("Cost=1"), tag("cost=2")]),
            Err(ChainError::TagTwice { .. })
        ));
        assert!(matches!(
            with(&|step| step.tags = (0..51).map(|it| tag(&format!("k{it}=v"))).collect()),
            Err(ChainError::TooMany { count: 51, .. })
        ));
        assert!(matches!(
            with(&|step| step.role = "arn:aws-cn:iam::123456789012:role/b".parse().unwrap()),
            Err(ChainError::Partition { .. })
        ));
        let many = (0..9).map(|_| AssumeRole::new(role("b"))).collect();
        assert!(matches!(
            RoleChain::new(&role("a"), many),
            Err(ChainError::TooMany { max: 8, .. })
        ));
    }
}
