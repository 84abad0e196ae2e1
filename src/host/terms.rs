//! What an identity is to be, and by which rules it is renewed.

use chrono::TimeDelta;

use crate::key::KeyType;
use crate::pki::{AttributeType, Certificate, DistinguishedName, GeneralName};

use super::schedule::Rule;
use super::window::ChangeWindows;

/// What an identity is to be, and by which rules it is renewed.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The common name of its certificates.
    pub common_name: String,
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
        DistinguishedName::build(&[(AttributeType::CommonName, &self.common_name)])
    }

    /// Whether a certificate has the names.
    #[must_use]
    pub fn are_in(&self, certificate: &Certificate) -> bool {
        let mut asked: Vec<String> = self.names.iter().map(ToString::to_string).collect();
        let mut has = certificate.alternative_names().to_vec();
        asked.sort_unstable();
        asked.dedup();
        has.sort_unstable();
        has.dedup();
        certificate.subject().common_name() == Some(self.common_name.as_str()) && asked == has
    }
}
