//! What anchor, profile and role must be for a session.

use crate::pki::Certificate;
use crate::rolesanywhere::{ProfileArn, RoleArn, SessionDuration, TrustAnchorArn};

use super::AttributeMapping;
use super::policy::TrustPolicy;

/// A trust anchor.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// Its ARN.
    pub arn: TrustAnchorArn,
    /// Its certificates, one or two.
    pub certificates: Vec<Certificate>,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// A profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its ARN.
    pub arn: ProfileArn,
    /// The roles that it lists.
    pub roles: Vec<RoleArn>,
    /// Its session duration.
    pub duration: SessionDuration,
    /// `acceptRoleSessionName`.
    pub accepts_session_name: bool,
    /// `requireInstanceProperties`, which AWS documents as not used.
    pub require_instance_properties: bool,
    /// `attributeMappings`.
    pub mapping: AttributeMapping,
    /// Whether it is enabled.
    pub enabled: bool,
}

/// An IAM role.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its `MaxSessionDuration`.
    pub max_duration: SessionDuration,
    /// Its trust policy. Without one, Roles Anywhere may assume it for anybody.
    pub trust_policy: Option<TrustPolicy>,
}

impl Profile {
    /// How long a session lasts: as long as is asked for, at most the profile's
    /// duration. A request above it is lowered, not refused (user guide,
    /// "Authentication: CreateSession").
    #[must_use]
    pub fn lasting(&self, asked: Option<SessionDuration>) -> SessionDuration {
        asked.map_or(self.duration, |asked| asked.min(self.duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_as_long_as_profile_and_request_allow() {
        let seconds = |count: u32| SessionDuration::try_from(count).unwrap();
        let profile = Profile {
            arn: "arn:aws:rolesanywhere:us-east-1:123456789012:profile/x"
                .parse()
                .unwrap(),
            roles: Vec::new(),
            duration: seconds(3600),
            accepts_session_name: false,
            require_instance_properties: false,
            mapping: AttributeMapping::default(),
            enabled: true,
        };
        for (asked, lasting) in [
            (None, 3600),
            (Some(900), 900),
            (Some(3600), 3600),
            (Some(43_200), 3600),
        ] {
            assert_eq!(profile.lasting(asked.map(seconds)).seconds(), lasting);
        }
    }
}
