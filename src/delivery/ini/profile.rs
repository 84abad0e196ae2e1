//! Names of profiles, and the sections that stand for them.

use std::str::FromStr;

/// The name of a profile in AWS's shared files: letters, digits, blanks within
/// it and `_ - / . % @ : +` (the characters that all SDKs take).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName(String);

/// Why text names no profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileNameError {
    /// Nothing, or blanks at an end.
    #[error("it is empty, or begins or ends with a blank")]
    Blank,
    /// A character that not all SDKs take.
    #[error("letters, digits, blanks and _ - / . % @ : + are allowed")]
    Character,
    /// `DEFAULT`, whose keys botocore puts into every profile.
    #[error("keys of DEFAULT would be put into every profile by boto3; 'default' is another name")]
    Defaults,
}

impl ProfileName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for ProfileName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ProfileName {
    type Err = ProfileNameError;

    fn from_str(text: &str) -> Result<Self, ProfileNameError> {
        if text.is_empty() || text.trim() != text {
            return Err(ProfileNameError::Blank);
        }
        let allowed = |c: char| c.is_alphanumeric() || "_-/.%@:+ ".contains(c);
        if !text.chars().all(allowed) {
            return Err(ProfileNameError::Character);
        }
        if text == "DEFAULT" {
            return Err(ProfileNameError::Defaults);
        }
        Ok(Self(text.to_owned()))
    }
}

/// Which of the two shared files is meant: they write sections differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `~/.aws/config`: `[profile NAME]`, and `[default]`.
    Config,
    /// `~/.aws/credentials`: `[NAME]`.
    Credentials,
}

impl Place {
    /// What stands between the brackets of a new section.
    #[must_use]
    pub fn header(self, profile: &ProfileName) -> String {
        let name = profile.as_str();
        match self {
            Self::Credentials => name.to_owned(),
            Self::Config if name == "default" => name.to_owned(),
            Self::Config if name.contains(' ') => format!("profile \"{name}\""),
            Self::Config => format!("profile {name}"),
        }
    }

    /// Whether such a header stands for the profile, with blanks around the name
    /// left out as most SDKs do.
    pub(super) fn is_header_of(self, header: &str, profile: &ProfileName) -> bool {
        let trimmed = header.trim();
        match self {
            Self::Credentials => trimmed == profile.as_str(),
            Self::Config => {
                (trimmed == "default" && profile.as_str() == "default")
                    || is_prefixed(trimmed, profile)
            }
        }
    }

    /// The profile for which such a header stands, if it stands for one.
    pub(super) fn profile_of(self, header: &str) -> Option<ProfileName> {
        let trimmed = header.trim();
        let name = match self {
            Self::Credentials => trimmed.to_owned(),
            Self::Config if trimmed == "default" => trimmed.to_owned(),
            Self::Config => match shlex::split(trimmed)?.as_slice() {
                [first, second] if first == "profile" => second.clone(),
                _ => return None,
            },
        };
        name.parse().ok()
    }

    /// Whether botocore finds the profile under such a header too: it takes the
    /// blanks before a name for a part of it.
    pub(super) fn is_exact(self, header: &str) -> bool {
        match self {
            Self::Credentials => header.trim() == header,
            Self::Config => {
                header.trim_start() == header && header.trim() != "default" || header == "default"
            }
        }
    }
}

/// `profile NAME`, quoted as in a shell where the name has blanks.
fn is_prefixed(header: &str, profile: &ProfileName) -> bool {
    header.starts_with("profile")
        && shlex::split(header).is_some_and(
            |words| matches!(words.as_slice(), [first, second] if first == "profile" && second == profile.as_str()),
        )
}

/// Whether `[profile default]` is meant, which goes before `[default]`.
pub(super) fn is_prefixed_default(header: &str) -> bool {
    header.trim_start().starts_with("profile")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_every_sdk_takes() {
        for name in ["default", "web-1", "a b", "x/y.z@w:v+%_", "zürich"] {
            assert_eq!(name.parse::<ProfileName>().unwrap().to_string(), name);
        }
        use ProfileNameError as E;
        for (name, error) in [
            ("", E::Blank),
            (" a", E::Blank),
            ("a\n", E::Blank),
            ("a]b", E::Character),
            ("a\nb", E::Character),
            ("a\"b", E::Character),
            ("a\tb", E::Character),
            ("a#b", E::Character),
            ("DEFAULT", E::Defaults),
        ] {
            assert_eq!(name.parse::<ProfileName>(), Err(error), "{name:?}");
        }
    }

    #[test]
    fn the_two_files_write_headers_differently() {
        let name = |text: &str| text.parse::<ProfileName>().unwrap();
        assert_eq!(Place::Config.header(&name("default")), "default");
        assert_eq!(Place::Config.header(&name("a b")), "profile \"a b\"");
        assert_eq!(Place::Credentials.header(&name("a b")), "a b");
        let config = |header: &str, profile| Place::Config.is_header_of(header, &name(profile));
        assert!(config("profile x", "x") && config("profile  \"x\" ", "x"));
        assert!(config("default", "default") && config("profile default", "default"));
        assert!(!config("x", "x") && !config("profile x y", "x"));
        let credentials =
            |header: &str, profile| Place::Credentials.is_header_of(header, &name(profile));
        assert!(credentials(" x ", "x") && !credentials("profile x", "x"));
        assert!(!credentials("X", "x"));
    }
}
