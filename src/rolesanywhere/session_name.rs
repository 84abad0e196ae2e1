//! Names of chained sessions, made from the certificate.

use std::str::FromStr;

use crate::pki::Certificate;

use super::RoleSessionName;

/// Longest session name, in characters (STS API reference, AssumeRole).
const MAX_LENGTH: usize = 64;

/// What a session name may be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadNames {
    /// The certificate's common name, else its serial number.
    pub common_name: String,
    /// The certificate's serial number in hex.
    pub serial: String,
    /// The account of the trust anchor.
    pub account: String,
}

impl WorkloadNames {
    /// The names of the workload that has this certificate.
    #[must_use]
    pub fn of(leaf: &Certificate, account: &str) -> Self {
        let serial = leaf.serial().hex();
        Self {
            common_name: leaf
                .subject()
                .common_name()
                .map_or_else(|| serial.clone(), str::to_owned),
            serial,
            account: account.to_owned(),
        }
    }
}

/// The name of a session, with `{cn}`, `{serial}` and `{account}` to be filled
/// in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionNameTemplate(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Account,
    CommonName,
    Serial,
    Text(String),
}

impl SessionNameTemplate {
    /// The name for a workload. What STS does not take becomes `-`, and the name
    /// is cut to 64 characters.
    #[must_use]
    pub fn fill(&self, names: &WorkloadNames) -> String {
        let whole: String = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Account => names.account.as_str(),
                Piece::CommonName => names.common_name.as_str(),
                Piece::Serial => names.serial.as_str(),
                Piece::Text(text) => text.as_str(),
            })
            .collect();
        let legal = |it: char| it.is_ascii_alphanumeric() || "_+=,.@-".contains(it);
        let mut name: String = whole
            .chars()
            .map(|it| if legal(it) { it } else { '-' })
            .take(MAX_LENGTH)
            .collect();
        while name.len() < 2 {
            name.push('-');
        }
        name
    }
}

impl Default for SessionNameTemplate {
    /// `{cn}`: CloudTrail then names the workload.
    fn default() -> Self {
        Self(vec![Piece::CommonName])
    }
}

impl From<&RoleSessionName> for SessionNameTemplate {
    fn from(name: &RoleSessionName) -> Self {
        Self(vec![Piece::Text(name.as_str().to_owned())])
    }
}

impl FromStr for SessionNameTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let (name, after) = behind.split_once('}').ok_or("a { has no } behind it")?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name {
                "account" => Piece::Account,
                "cn" => Piece::CommonName,
                "serial" => Piece::Serial,
                _ => return Err("only {cn}, {serial} and {account} are filled in".to_owned()),
            });
            rest = after;
        }
        if rest.contains('}') {
            return Err("a } has no { before it".to_owned());
        }
        pieces.push(Piece::Text(rest.to_owned()));
        if text.is_empty() {
            return Err("a session name is not empty".to_owned());
        }
        Ok(Self(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str, common_name: &str) -> String {
        let names = WorkloadNames {
            common_name: common_name.to_owned(),
            serial: "0a1b".to_owned(),
            account: "123456789012".to_owned(),
        };
        template
            .parse::<SessionNameTemplate>()
            .unwrap()
            .fill(&names)
    }

    #[test]
    fn names_are_filled_in_made_legal_and_cut() {
        assert_eq!(filled("{cn}", "web-1.example"), "web-1.example");
        assert_eq!(
            filled("on-prem_{serial}@{account}", "x"),
            "on-prem_0a1b@123456789012"
        );
        assert_eq!(filled("{cn}", "Zürich / web 1"), "Z-rich---web-1");
        assert_eq!(filled("{cn}", &"a".repeat(70)), "a".repeat(64));
        assert_eq!(filled("{cn}", "a"), "a-");
        assert_eq!(filled("{cn}", ""), "--");
    }

    #[test]
    fn templates_have_known_names_in_braces() {
        for bad in ["", "{", "}", "{host}", "{cn", "cn}", "{}"] {
            assert!(bad.parse::<SessionNameTemplate>().is_err(), "{bad}");
        }
    }
}
