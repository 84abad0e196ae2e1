//! Names that end in unit files, shell scripts, crontabs and paths.

use std::fmt;
use std::str::FromStr;

/// The longest name of a file or a user that is taken, in characters.
const LONGEST: usize = 64;

fn is_word(text: &str, more: &str) -> bool {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.chars().next().is_some_and(is_usual)
        && text.len() <= LONGEST
        && text.chars().all(|c| is_usual(c) || more.contains(c))
}

/// What the files of an installation are called, without their endings: letters,
/// digits, `_` and `-`. Debian's cron reads no others (cron(8), run-parts(8)), and in
/// units none of them has a meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobName(String);

impl JobName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for JobName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_word(text, "-") {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "a name of files has up to {LONGEST} letters, digits, _ and -, and begins with none of - and ."
        ))
    }
}

impl fmt::Display for JobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a user, of the kind that every format here takes as it stands:
/// letters, digits, `_`, `-` and `.` (systemd.exec(5), "User/Group Name Syntax"). A
/// number is none, since crontab(5) and su(1) take names alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserName(String);

impl UserName {
    /// The name of the user who may do everything.
    pub const ROOT: &'static str = "root";

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the user who may do everything.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0 == Self::ROOT
    }
}

impl FromStr for UserName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_number = text.starts_with(|c: char| c.is_ascii_digit());
        if is_word(text, "-.") && !is_number {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "a user's name has up to {LONGEST} letters, digits, _, - and ., and begins with a letter or _"
        ))
    }
}

/// The name or the number of a group, as a list of a unit takes it: one that has a
/// blank would be several there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupName(String);

impl GroupName {
    /// The name or the number.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GroupName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // The names that Samba gives to machines end with $.
        let name = text.strip_suffix('$').unwrap_or(text);
        if is_word(name, "-.") {
            return Ok(Self(text.to_owned()));
        }
        Err(format!(
            "a group's name has up to {LONGEST} letters, digits, _, - and ."
        ))
    }
}

/// The name of another unit (systemd.unit(5)), of which `%n`, the name of the unit
/// that it stands in, may be a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitName(String);

impl UnitName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UnitName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let kinds = [".service", ".target", ".path", ".socket", ".timer"];
        let plain = text.replace("%n", "n");
        let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.:@\\".contains(c);
        let stem = kinds.iter().find_map(|kind| plain.strip_suffix(kind));
        if stem.is_some_and(|stem| !stem.is_empty())
            && plain.len() < 256
            && plain.chars().all(is_name)
        {
            return Ok(Self(text.to_owned()));
        }
        Err("a unit is named as in mail@%n.service".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_no_format_gives_a_meaning() {
        for good in ["windlass-rotate", "a", "A_1", "7"] {
            assert!(good.parse::<JobName>().is_ok(), "{good}");
        }
        for wrong in [
            "",
            "-a",
            ".a",
            "a.b",
            "a b",
            "a/b",
            "a%i",
            "a\n",
            "ä",
            "a@b",
            &"a".repeat(65),
        ] {
            assert!(wrong.parse::<JobName>().is_err(), "{wrong}");
        }
        for good in ["root", "_apt", "www-data", "a.b", "systemd-network"] {
            assert!(good.parse::<UserName>().is_ok(), "{good}");
        }
        for wrong in [
            "", "0", "-root", "root x", "root\n*", "a%b", "a;b", "$(id)", "a:b", "a\\b", "../x",
        ] {
            assert!(wrong.parse::<UserName>().is_err(), "{wrong}");
        }
        for good in ["a.service", "mail@%n.service", "x\\x2dy@1.target"] {
            assert!(good.parse::<UnitName>().is_ok(), "{good}");
        }
        for wrong in [
            "",
            "a",
            ".service",
            "a b.service",
            "%H.service",
            "a\n.service",
            "a/b.service",
        ] {
            assert!(wrong.parse::<UnitName>().is_err(), "{wrong}");
        }
    }
}
