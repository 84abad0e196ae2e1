//! What the CA may issue: the file `ca.toml` in its directory.
//!
//! ```toml
//! default = "web"
//!
//! [profiles.web]
//! cn.allow = ["web-*"]
//! dns.allow = [".example.com"]
//! dns.deny = ["admin.example.com"]
//! ip.allow = ["10.0.0.0/8"]
//! max_days = 30
//! per_day = 100
//! ```
//!
//! What a list denies is denied whatever is allowed. A list of what is allowed
//! allows nothing else, and an empty one nothing at all; where there is none,
//! everything is allowed.

mod doubts;
mod file;
mod judging;
mod pattern;
mod refusal;
mod uri;

pub use refusal::{Refusal, Refusals};

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::limits;
use crate::store;

use super::{BACKDATE_SECONDS, Error};

use pattern::Network;

/// Life in days where nothing says another.
const DEFAULT_DAYS: u32 = 30;

/// Longest life in days that can be asked for at all.
const MOST_DAYS: u32 = 3650;

/// The profiles under which certificates are issued.
#[derive(Clone, Debug)]
pub struct Policy {
    profiles: Vec<Profile>,
    default: Option<String>,
    /// SHA-256 of the file in lowercase hex; empty where there is none.
    digest: String,
}

/// What may be issued under one name, and what is issued when nothing is said.
#[derive(Clone, Debug)]
pub struct Profile {
    /// `None` is what holds without a policy.
    name: Option<String>,
    cn: Texts,
    /// Whether common names that are ruled may have letters beyond ASCII, of which
    /// many look like those that are denied.
    unicode: bool,
    o: Texts,
    ou: Texts,
    dns: Rule<String>,
    /// Whether DNS names may begin with `*.`.
    wildcards: bool,
    ip: Rule<Network>,
    uri: Rule<String>,
    email: Rule<String>,
    keys: Rule<String>,
    days: u32,
    max_days: u32,
    backdate: u32,
    per_day: Option<u32>,
    valid: Option<u32>,
}

/// What is allowed, and what is denied, of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule<T> {
    allow: Option<Vec<T>>,
    deny: Vec<T>,
}

type Texts = Rule<String>;

impl<T> Default for Rule<T> {
    fn default() -> Self {
        Self {
            allow: None,
            deny: Vec::new(),
        }
    }
}

impl Policy {
    /// The file's name in the directory of a CA.
    pub const FILE: &'static str = "ca.toml";

    /// The policy of the CA in `directory`: its `ca.toml`, or where there is none
    /// what holds without one.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`] with the line of what is wrong,
    /// [`Error::PolicyExposed`] when others could write it.
    pub fn of(directory: &Path) -> Result<Self, Error> {
        let path = directory.join(Self::FILE);
        match Self::read(&path) {
            // A link to what is not there, or not mounted, means a policy.
            Err(Error::Store(error)) if error.is_not_found() && !path.is_symlink() => {
                Ok(Self::built_in())
            }
            read => read,
        }
    }

    /// Reads a policy file.
    ///
    /// # Errors
    ///
    /// As [`Policy::of`], and [`Error::Store`] when there is none.
    pub fn read(path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::MetadataExt;
        let (content, metadata) = store::read_with_metadata(path, limits::MAX_FILE)?;
        if metadata.mode() & 0o022 != 0 {
            return Err(Error::PolicyExposed {
                path: path.to_owned(),
                mode: metadata.mode() & 0o7777,
            });
        }
        Self::parse(&content, path)
    }

    /// Reads the content of a policy file; `path` is what messages call it.
    ///
    /// # Errors
    ///
    /// [`Error::Policy`] with the line of what is wrong.
    pub fn parse(content: &[u8], path: &Path) -> Result<Self, Error> {
        let wrong = |(line, reason)| Error::Policy {
            path: path.to_owned(),
            line,
            reason,
        };
        let text = std::str::from_utf8(content)
            .map_err(|_| wrong((1, "the file is not UTF-8".to_owned())))?;
        let (profiles, default) = file::parse(text).map_err(wrong)?;
        Ok(Self {
            profiles,
            default,
            digest: hex::encode(Sha256::digest(content)),
        })
    }

    fn built_in() -> Self {
        Self {
            profiles: vec![Profile::unrestricted(None)],
            default: None,
            digest: String::new(),
        }
    }

    /// SHA-256 of the file in lowercase hex; empty where there is none.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The profile of this name, or the one that holds when none is named: the
    /// default, or the only one.
    ///
    /// # Errors
    ///
    /// [`Error::NoProfile`] when there is none of the name,
    /// [`Error::NoDefaultProfile`] when there are several and none is the
    /// default.
    pub fn profile(&self, name: Option<&str>) -> Result<&Profile, Error> {
        let wanted = name.or(self.default.as_deref());
        match (wanted, self.profiles.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(Error::NoDefaultProfile {
                known: self.names(),
            }),
            (Some(wanted), profiles) => profiles
                .iter()
                .find(|profile| profile.name.as_deref() == Some(wanted))
                .ok_or_else(|| Error::NoProfile {
                    name: wanted.to_owned(),
                    known: self.names(),
                }),
        }
    }

    /// The names of the profiles, as they stand in the file.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let names = self
            .profiles
            .iter()
            .filter_map(|profile| profile.name.clone());
        names.collect()
    }

    /// Everything that holds, with what the file does not say.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let profiles = self.profiles.iter().map(Profile::to_json);
        json!({
            "digestSha256": (!self.digest.is_empty()).then_some(&self.digest),
            "default": self.profile(None).ok().and_then(Profile::name),
            "profiles": profiles.collect::<Vec<_>>(),
        })
    }
}

impl Policy {
    /// The longest life that any profile gives, in days: the most that it allows,
    /// or where it sets no bound, what it gives when nothing is asked.
    pub(super) fn longest_days(&self) -> u32 {
        let longest = |profile: &Profile| match profile.max_days {
            MOST_DAYS => profile.days,
            bound => bound,
        };
        let lives = self.profiles.iter().map(longest);
        lives.max().unwrap_or(DEFAULT_DAYS)
    }
}

impl Profile {
    /// A profile that restricts nothing, but for the longest life of all.
    fn unrestricted(name: Option<String>) -> Self {
        Self {
            name,
            cn: Rule::default(),
            unicode: false,
            o: Rule::default(),
            ou: Rule::default(),
            dns: Rule::default(),
            wildcards: true,
            ip: Rule::default(),
            uri: Rule::default(),
            email: Rule::default(),
            keys: Rule::default(),
            days: DEFAULT_DAYS,
            max_days: MOST_DAYS,
            backdate: u32::try_from(BACKDATE_SECONDS).unwrap_or(0),
            per_day: None,
            valid: None,
        }
    }

    /// Its name; `None` for what holds without a policy.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The life of a certificate for which no other is asked, in days.
    #[must_use]
    pub const fn days(&self) -> u32 {
        self.days
    }

    /// How far certificates are backdated, in seconds.
    #[must_use]
    pub const fn backdate(&self) -> u32 {
        self.backdate
    }

    /// Most certificates that one requester is given in 24 hours.
    #[must_use]
    pub const fn per_day(&self) -> Option<u32> {
        self.per_day
    }

    /// Most certificates of one requester that are valid at once.
    #[must_use]
    pub const fn valid(&self) -> Option<u32> {
        self.valid
    }

    /// A refusal by a rule of this profile.
    pub(super) fn refusal(&self, rule: &str, value: &str, reason: &str) -> Refusal {
        let rule = match &self.name {
            Some(name) => format!("profiles.{name}.{rule}"),
            None => format!("the built-in {rule}"),
        };
        Refusal {
            rule,
            value: value.to_owned(),
            reason: reason.to_owned(),
        }
    }

    fn to_json(&self) -> Value {
        let texts = |rule: &Texts| json!({ "allow": rule.allow, "deny": rule.deny });
        let shown = |networks: &[Network]| -> Vec<String> {
            networks.iter().map(ToString::to_string).collect()
        };
        json!({
            "name": self.name,
            "cn": {
                "allow": self.cn.allow, "deny": self.cn.deny, "unicode": self.unicode,
            },
            "o": texts(&self.o),
            "ou": texts(&self.ou),
            "dns": {
                "allow": self.dns.allow, "deny": self.dns.deny, "wildcards": self.wildcards,
            },
            "ip": {
                "allow": self.ip.allow.as_deref().map(shown), "deny": shown(&self.ip.deny),
            },
            "uri": texts(&self.uri),
            "email": texts(&self.email),
            "keys": texts(&self.keys),
            "days": self.days,
            "maxDays": self.max_days,
            "backdate": self.backdate,
            "perDay": self.per_day,
            "valid": self.valid,
        })
    }
}

#[cfg(test)]
mod tests;
