//! What an AssumeRole request says, as values that respect AWS's limits (STS API
//! reference, AssumeRole).

use std::fmt;
use std::str::FromStr;

use crate::text::is_tag_character;

use super::Partition;
use super::{ChainedDuration, RoleArn, SessionNameTemplate};

/// Longest session policy, in characters.
const MAX_POLICY: usize = 2048;

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

impl fmt::Display for TagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_keep_to_awss_limits() {
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
}
