//! Profiles.

use serde::{Deserialize, Serialize};

use crate::admission::AttributeMapping;
use crate::rolesanywhere::SessionDuration;

use super::head::{Head, Kind, Resource};
use super::written;

/// A profile.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::emulator) struct Profile {
    /// Id, name and so on.
    pub(in crate::emulator) head: Head,
    /// The ARNs of its roles, as they were given.
    pub(in crate::emulator) role_arns: Vec<String>,
    /// Its session duration.
    #[serde(with = "written::seconds")]
    pub(in crate::emulator) duration: SessionDuration,
    /// `acceptRoleSessionName`
    pub(in crate::emulator) accepts_session_name: bool,
    /// `requireInstanceProperties`, which the service keeps for later.
    #[serde(default)]
    pub(in crate::emulator) requires_instance_properties: bool,
    /// Which attributes of certificates become tags.
    #[serde(with = "written::mapping")]
    pub(in crate::emulator) mapping: AttributeMapping,
    /// The inline session policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::emulator) session_policy: Option<String>,
    /// ARNs of managed policies that limit the session.
    #[serde(default)]
    pub(in crate::emulator) managed_policy_arns: Vec<String>,
}

impl Resource for Profile {
    const KIND: Kind = Kind::Profile;

    fn head(&self) -> &Head {
        &self.head
    }

    fn head_mut(&mut self) -> &mut Head {
        &mut self.head
    }
}
