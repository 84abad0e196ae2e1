//! What exists, in the form in which sessions are judged.

use crate::admission;
use crate::pki::Crl;
use crate::rolesanywhere::RoleArn;

use super::State;
use super::head::Resource as _;

impl State {
    /// The trust anchor that an ARN or an alias ARN names, under its own ARN, as
    /// `aws:SourceArn` has it.
    pub(in crate::emulator) fn anchor_facts(&self, arn: &str) -> Option<admission::Anchor> {
        let anchor = self.find(&self.anchors, arn)?;
        Some(admission::Anchor {
            arn: self.arn_of(anchor).parse().ok()?,
            certificates: anchor.certificates().to_vec(),
            enabled: anchor.head.enabled,
        })
    }

    /// The enabled revocation lists of the trust anchor that an ARN names.
    pub(in crate::emulator) fn crl_facts(&self, arn: &str) -> Vec<Crl> {
        let Some(anchor) = self.find(&self.anchors, arn) else {
            return Vec::new();
        };
        self.crls
            .iter()
            .filter(|list| list.head().enabled && list.anchor == anchor.head.id)
            .map(|list| list.data.list().clone())
            .collect()
    }

    /// The profile that an ARN or an alias ARN names.
    pub(in crate::emulator) fn profile_facts(&self, arn: &str) -> Option<admission::Profile> {
        let profile = self.find(&self.profiles, arn)?;
        let roles = profile.role_arns.iter();
        Some(admission::Profile {
            arn: self.arn_of(profile).parse().ok()?,
            roles: roles.filter_map(|role| role.parse().ok()).collect(),
            duration: profile.duration,
            accepts_session_name: profile.accepts_session_name,
            require_instance_properties: profile.requires_instance_properties,
            mapping: profile.mapping.clone(),
            enabled: profile.head.enabled,
        })
    }

    /// The role of an ARN.
    pub(in crate::emulator) fn role_facts(&self, arn: &RoleArn) -> Option<admission::Role> {
        let role = self.role(arn.as_str())?;
        let policy = role.trust_policy.as_ref();
        Some(admission::Role {
            arn: role.arn.clone(),
            max_duration: role.max_duration,
            trust_policy: policy.map(|text| text.policy().clone()),
        })
    }
}
