//! Choosing a certificate by subject, issuer and serial number: the official
//! helper's `--cert-selector`.

use std::str::FromStr;

use serde::Deserialize;

use super::{Certificate, SerialNumber};

/// What a certificate must have. Names are compared as text, with the form that
/// Go prints (for which selectors are written) and with plain RFC 2253.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CertificateSelector {
    issuer: Option<String>,
    serial: Option<SerialNumber>,
    subject: Option<String>,
}

impl CertificateSelector {
    /// Reads the JSON form: a list of objects with `Key` and `Value`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn from_json(text: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Entry {
            #[serde(rename = "Key")]
            key: String,
            #[serde(rename = "Value")]
            value: String,
        }
        let entries: Vec<Entry> = serde_json::from_slice(text)
            .map_err(|error| format!("it is not a JSON list of Key and Value: {error}"))?;
        let pairs = entries
            .iter()
            .map(|entry| (entry.key.as_str(), entry.value.as_str()));
        Self::from_pairs(pairs)
    }

    /// Whether the certificate has all that is asked for.
    #[must_use]
    pub fn matches(&self, certificate: &Certificate) -> bool {
        let same = |wanted: &Option<String>, name: &super::DistinguishedName| {
            wanted
                .as_ref()
                .is_none_or(|wanted| *wanted == name.go_string() || *wanted == name.rfc2253())
        };
        same(&self.subject, certificate.subject())
            && same(&self.issuer, certificate.issuer())
            && self
                .serial
                .as_ref()
                .is_none_or(|serial| serial == certificate.serial())
    }

    fn from_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut selector = Self::default();
        for (key, value) in pairs {
            let value = trimmed(value);
            if value.is_empty() {
                return Err(format!("{} has no value", crate::text::printable(key, 40)));
            }
            // No name has an attribute that is called so.
            if value.contains(",Key=x509") {
                return Err(format!(
                    "after the value of {} comes a space before the next Key=, not a comma",
                    crate::text::printable(key, 40)
                ));
            }
            let twice = match key {
                "x509Issuer" => selector.issuer.replace(value.to_owned()).is_some(),
                "x509Serial" => {
                    let serial = value
                        .parse()
                        .map_err(|reason| format!("x509Serial is {reason}"))?;
                    selector.serial.replace(serial).is_some()
                }
                "x509Subject" => selector.subject.replace(value.to_owned()).is_some(),
                other => {
                    return Err(format!(
                        "unknown key '{}'; known are x509Subject, x509Issuer and x509Serial",
                        crate::text::printable(other, 40)
                    ));
                }
            };
            if twice {
                return Err(format!("{key} stands twice"));
            }
        }
        if selector == Self::default() {
            return Err("it names nothing to look for".to_owned());
        }
        Ok(selector)
    }
}

impl FromStr for CertificateSelector {
    type Err = String;

    /// Reads `Key=x509Subject,Value=CN=web Key=x509Serial,Value=1F`: a value
    /// goes on until the next ` Key=`.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "it is written Key=x509Subject,Value=CN=NAME, the keys with spaces between them, or file://PATH";
        let rest = text.trim_start().strip_prefix("Key=").ok_or(FORM)?;
        let mut pairs = Vec::new();
        let mut from = 0;
        while from <= rest.len() {
            let part = rest.get(from..).unwrap_or_default();
            // The next key begins after white space.
            let end = part.match_indices("Key=").map(|(at, _)| at).find(|at| {
                let before = part.get(..*at).unwrap_or_default();
                before.ends_with(char::is_whitespace)
            });
            let entry = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
            pairs.push(entry.split_once(",Value=").ok_or(FORM)?);
            match end {
                Some(end) => from += end + "Key=".len(),
                None => break,
            }
        }
        Self::from_pairs(pairs.into_iter())
    }
}

/// Without the white space around it, but for a space at the end that a
/// backslash makes a part of the name.
fn trimmed(value: &str) -> &str {
    let value = value.trim_start();
    let end = value.trim_end();
    let escaped = end
        .bytes()
        .rev()
        .take_while(|octet| *octet == b'\\')
        .count()
        % 2
        == 1;
    match value.get(..end.len() + 1) {
        Some(longer) if escaped && longer.ends_with(' ') => longer,
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(
        subject: Option<&str>,
        issuer: Option<&str>,
        serial: Option<&str>,
    ) -> CertificateSelector {
        CertificateSelector {
            issuer: issuer.map(str::to_owned),
            serial: serial.map(|serial| serial.parse().unwrap()),
            subject: subject.map(str::to_owned),
        }
    }

    #[test]
    fn both_forms_are_read() {
        let serial = "15D19632234BF759A32802C0DA88F9E8AFC8702D";
        let all = selector(Some("CN=Subject"), Some("CN=Issuer"), Some(serial));
        let text = format!(
            "Key=x509Subject,Value=CN=Subject Key=x509Issuer,Value=CN=Issuer Key=x509Serial,Value={serial}"
        );
        assert_eq!(text.parse(), Ok(all.clone()));
        let json = format!(
            r#"[{{"Key":"x509Subject","Value":"CN=Subject"}},{{"Key":"x509Issuer","Value":"CN=Issuer"}},{{"Key":"x509Serial","Value":"{serial}"}}]"#
        );
        assert_eq!(CertificateSelector::from_json(json.as_bytes()), Ok(all));
        assert_eq!(
            " \n Key=x509Subject,Value=CN=With Spaces,O=With Spaces  \t Key=x509Issuer,Value=CN=Issuer  \n".parse(),
            Ok(selector(Some("CN=With Spaces,O=With Spaces"), Some("CN=Issuer"), None))
        );
        // Only after white space does a key begin.
        assert_eq!(
            "Key=x509Subject,Value=CN=MasterKey=1".parse(),
            Ok(selector(Some("CN=MasterKey=1"), None, None))
        );
    }

    #[test]
    fn a_space_at_the_end_counts_when_it_is_escaped() {
        for (typed, kept) in [
            (" CN=a  ", "CN=a"),
            ("CN=a\\  ", "CN=a\\ "),
            ("CN=a\\\\ ", "CN=a\\\\"),
            ("CN=a\\", "CN=a\\"),
            ("CN=a\\\u{a0}", "CN=a\\"),
        ] {
            assert_eq!(trimmed(typed), kept);
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for text in [
            "",
            "CN=Subject",
            "Key=x509Subject",
            "Key=x509Subject,Value=",
            "Key=x509Serial,Value=xyz",
            "Key=subject,Value=CN=a",
            "Key=x509Subject,Value=CN=a Key=x509Subject,Value=CN=b",
            "Key=x509Subject,Value=CN=a Key=",
            "Key=x509Subject,Value=CN=a,Key=x509Serial,Value=1F",
        ] {
            assert!(text.parse::<CertificateSelector>().is_err(), "{text:?}");
        }
        for json in [
            "",
            "{}",
            "[]",
            r#"[{"Key":"x509Subject"}]"#,
            r#"[{"Key":"x509Subject","Value":1}]"#,
            r#"[{"Key":"x509Subject","Value":"CN=a","More":1}]"#,
            r#"[{"Key":"x509Subject","Value":"CN=a"},{"Key":"x509Subject","Value":"CN=a"}]"#,
        ] {
            assert!(
                CertificateSelector::from_json(json.as_bytes()).is_err(),
                "{json}"
            );
        }
    }
}
