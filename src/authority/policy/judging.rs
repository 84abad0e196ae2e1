//! What a profile says of a certificate that is asked for.

use crate::authority::IssueRequest;
use crate::key::KeyAlgorithm;
use crate::pki::GeneralName;

use super::{Profile, Refusal, Rule, pattern, uri};

impl Profile {
    /// Judges names, key and life, and gives everything that a rule refuses: of each
    /// name the first. The limits, which depend on what was issued before, are looked
    /// at when a serial number is reserved.
    pub(in crate::authority) fn judge(
        &self,
        request: &IssueRequest,
        key: KeyAlgorithm,
    ) -> Vec<Refusal> {
        let text =
            |pattern: &String, value: &str, is_deny| pattern::text_matches(pattern, value, is_deny);
        let mut outcomes = vec![self.judge_common_name(request.common_name.as_str())];
        if let Some(value) = &request.organization {
            let shown = format!("the organization '{}'", value.as_str());
            outcomes.push(self.apply("o", &self.o, value.as_str(), &shown, text));
        }
        for unit in &request.organizational_units {
            let shown = format!("the organizational unit '{}'", unit.as_str());
            outcomes.push(self.apply("ou", &self.ou, unit.as_str(), &shown, text));
        }
        outcomes.extend(request.names.iter().map(|name| self.judge_name(name)));
        let word = key_word(key);
        let same = |pattern: &String, value: &str, _| {
            pattern == value || pattern == "rsa" && value.starts_with("rsa")
        };
        let shown = format!("a key of type {word}");
        outcomes.push(self.apply("keys", &self.keys, word.as_str(), &shown, same));
        let days = request.days.unwrap_or(self.days);
        if days > self.max_days {
            let why = format!("is {}", self.max_days);
            let shown = format!("a life of {days} days");
            outcomes.push(Err(self.refusal("max_days", &shown, &why)));
        }
        outcomes.into_iter().filter_map(Result::err).collect()
    }

    fn judge_common_name(&self, name: &str) -> Result<(), Refusal> {
        let shown = format!("the common name '{name}'");
        let is_ruled = self.cn.allow.is_some() || !self.cn.deny.is_empty();
        if is_ruled && !self.unicode && !name.is_ascii() {
            let why = "is not true, and it has other letters than those of ASCII";
            return Err(self.refusal("cn.unicode", &shown, why));
        }
        let text =
            |pattern: &String, value: &str, is_deny| pattern::text_matches(pattern, value, is_deny);
        self.apply("cn", &self.cn, name, &shown, text)
    }

    fn judge_name(&self, name: &GeneralName) -> Result<(), Refusal> {
        let shown = format!("the name {name}");
        match name {
            GeneralName::Dns(value) => {
                if value.starts_with("*.") && !self.wildcards {
                    return Err(self.refusal("dns.wildcards", &shown, "is false"));
                }
                let covers = |pattern: &&String| {
                    pattern::domain_matches(pattern, value, true)
                        && !pattern::domain_matches(pattern, value, false)
                };
                if let Some(covered) = self.dns.deny.iter().find(covers) {
                    let why = format!("lists {covered}, which it would cover");
                    return Err(self.refusal("dns.deny", &shown, &why));
                }
                self.apply(
                    "dns",
                    &self.dns,
                    value.as_str(),
                    &shown,
                    |pattern, value, is_deny| pattern::domain_matches(pattern, value, is_deny),
                )
            }
            GeneralName::Email(value) => self.apply(
                "email",
                &self.email,
                value.as_str(),
                &shown,
                |pattern, value, _| pattern::email_matches(pattern, value),
            ),
            GeneralName::Ip(value) => self.apply(
                "ip",
                &self.ip,
                *value,
                &shown,
                |network, value, is_deny| match is_deny {
                    true => network.denies(value),
                    false => network.contains(value),
                },
            ),
            GeneralName::Uri(value) => {
                let is_ruled = self.uri.allow.is_some() || !self.uri.deny.is_empty();
                if is_ruled && let Some(why) = uri::flaw(value) {
                    let rule = if self.uri.allow.is_some() {
                        "uri.allow"
                    } else {
                        "uri.deny"
                    };
                    return Err(self.refusal(rule, &shown, why));
                }
                self.apply(
                    "uri",
                    &self.uri,
                    value.as_str(),
                    &shown,
                    |prefix, value, is_deny| pattern::uri_matches(prefix, value, is_deny),
                )
            }
        }
    }

    /// Deny wins over allow.
    fn apply<T, V: Copy>(
        &self,
        kind: &str,
        rule: &Rule<T>,
        value: V,
        shown: &str,
        matches: impl Fn(&T, V, bool) -> bool,
    ) -> Result<(), Refusal> {
        if rule
            .deny
            .iter()
            .any(|pattern| matches(pattern, value, true))
        {
            return Err(self.refusal(&format!("{kind}.deny"), shown, "lists it"));
        }
        match &rule.allow {
            Some(allowed) if !allowed.iter().any(|pattern| matches(pattern, value, false)) => {
                Err(self.refusal(&format!("{kind}.allow"), shown, "does not list it"))
            }
            _ => Ok(()),
        }
    }
}

/// The word for a type of key in a policy.
fn key_word(algorithm: KeyAlgorithm) -> String {
    match algorithm {
        KeyAlgorithm::EcP256 => "p256".to_owned(),
        KeyAlgorithm::EcP384 => "p384".to_owned(),
        KeyAlgorithm::EcP521 => "p521".to_owned(),
        KeyAlgorithm::MlDsa44 => "ml-dsa-44".to_owned(),
        KeyAlgorithm::MlDsa65 => "ml-dsa-65".to_owned(),
        KeyAlgorithm::MlDsa87 => "ml-dsa-87".to_owned(),
        KeyAlgorithm::Rsa { bits } => format!("rsa{bits}"),
        KeyAlgorithm::Ed25519 => "ed25519".to_owned(),
        KeyAlgorithm::Unknown => "unknown".to_owned(),
    }
}
