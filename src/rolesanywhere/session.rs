//! What a CreateSession request asks for.

use std::str::FromStr;

use super::{SessionDuration, Target};

/// A role session name: 2 to 64 of `[A-Za-z0-9_+=,.@-]` (STS).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSessionName(String);

impl RoleSessionName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RoleSessionName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |octet: u8| octet.is_ascii_alphanumeric() || b"_+=,.@-".contains(&octet);
        if (2..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("a session name has 2 to 64 letters, digits and _ + = , . @ -".to_owned())
        }
    }
}

/// A CreateSession request, before it is addressed and signed.
#[derive(Clone, Debug)]
pub struct CreateSession {
    /// Which anchor, profile and role.
    pub target: Target,
    /// How long at most; the profile may allow less.
    pub duration: SessionDuration,
    /// A session name, when the profile accepts one.
    pub session_name: Option<RoleSessionName>,
}

impl CreateSession {
    /// The query parameters and the JSON body.
    ///
    /// The ARNs go into the query as the official helper sends them, unless one
    /// of them has a `=`: AWS's guide and the helper disagree on how that is
    /// encoded in a canonical query, and in the body the question does not
    /// arise. The service takes them in either place.
    #[must_use]
    pub fn encode(&self) -> (Vec<(String, String)>, String) {
        let arns = [
            ("profileArn", self.target.profile().as_str()),
            ("roleArn", self.target.role().as_str()),
            ("trustAnchorArn", self.target.trust_anchor().as_str()),
        ];
        let in_body = arns.iter().any(|(_, arn)| arn.contains('='));
        let mut body = serde_json::Map::new();
        body.insert("durationSeconds".into(), self.duration.seconds().into());
        if let Some(name) = &self.session_name {
            body.insert("roleSessionName".into(), name.as_str().into());
        }
        let mut query = Vec::new();
        for (name, arn) in arns {
            if in_body {
                body.insert(name.into(), arn.into());
            } else {
                query.push((name.to_owned(), arn.to_owned()));
            }
        }
        (query, serde_json::Value::Object(body).to_string())
    }
}
