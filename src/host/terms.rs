//! What an identity is to be, and by which rules it is renewed.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::key::KeyType;
use crate::pki::{Certificate, DistinguishedName, GeneralName};
use crate::text::printable;

use super::schedule::Rule;
use super::window::ChangeWindows;

/// How much of a name is shown, in characters.
const SHOWN: usize = 120;

/// What an identity is to be, and by which rules it is renewed.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The common name of its certificates.
    pub common_name: String,
    /// The organization (O) of their subject.
    pub organization: Option<String>,
    /// The organizational units (OU) of their subject.
    pub units: Vec<String>,
    /// Their subject alternative names.
    pub names: Vec<GeneralName>,
    /// The type of its keys.
    pub key_type: KeyType,
    /// When there is a new key.
    pub keys: KeyPolicy,
    /// The pinned roots.
    pub roots: Vec<Certificate>,
    /// When a certificate is due.
    pub rule: Rule,
    /// When it may be changed.
    pub windows: ChangeWindows,
    /// What tells this host from others: the machine id, or the host's name.
    pub host: String,
}

/// When an identity gets a new key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyPolicy {
    /// With each certificate.
    #[default]
    New,
    /// When it is older than this; `None` for never.
    Reuse(Option<TimeDelta>),
}

impl Terms {
    /// The subject that is asked for.
    #[must_use]
    pub fn subject(&self) -> DistinguishedName {
        DistinguishedName::of_workload(
            self.organization.as_deref(),
            self.units.iter().map(String::as_str),
            &self.common_name,
        )
    }

    /// What a certificate lacks of the names that are asked for, and what it has
    /// besides: of the subject CN, O and OU; what else the issuer adds is its own
    /// affair.
    #[must_use]
    pub fn compare(&self, certificate: &Certificate) -> Compared {
        let subject = self.subject();
        let asked_of: BTreeSet<String> = attributes(&subject).collect();
        let has_of: BTreeSet<String> = attributes(certificate.subject()).collect();
        let asked: BTreeSet<String> = self.names.iter().map(ToString::to_string).collect();
        let has: BTreeSet<String> = certificate.alternative_names().iter().cloned().collect();
        let missing = asked_of.difference(&has_of).chain(asked.difference(&has));
        // Roles Anywhere makes session tags of these.
        let of_tags = |name: &&String| {
            ["CN=", "O=", "OU="]
                .iter()
                .any(|kind| name.starts_with(kind))
        };
        let more = has_of.difference(&asked_of).filter(of_tags);
        Compared {
            missing: missing.map(|name| printable(name, SHOWN)).collect(),
            added: more
                .chain(has.difference(&asked))
                .map(|name| printable(name, SHOWN))
                .collect(),
        }
    }
}

/// How the names of a certificate differ from those that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// What it lacks, with its kind.
    pub missing: Vec<String>,
    /// What it has besides.
    pub added: Vec<String>,
}

impl Compared {
    /// Whether they are the same.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.missing.is_empty() && self.added.is_empty()
    }
}

fn attributes(name: &DistinguishedName) -> impl Iterator<Item = String> {
    name.attributes()
        .map(|(kind, value)| format!("{kind}={value}"))
}
