//! Every fact that a rule may look at, each known or not.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

use crate::pki::{Certificate, Crl};
use crate::rolesanywhere::{ProfileArn, Region, RoleArn, SessionDuration, TrustAnchorArn};

use super::policy::TrustPolicy;
use super::{Anchor, Profile, Role};

/// What is known of a thing that may be absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known<T> {
    /// It is there.
    Is(T),
    /// It is known that there is none.
    Absent,
    /// Nothing is known of it.
    #[default]
    Unknown,
}

impl<T> Known<T> {
    /// From what somebody knows who knows all: nothing is absence.
    pub fn of(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Self::Is)
    }

    /// The thing, where it is there.
    pub fn is(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Unknown => None,
        }
    }
}

/// What is known of a trust anchor that exists.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnchorFacts<'a> {
    /// Its own ARN, never its alias.
    pub arn: Option<&'a TrustAnchorArn>,
    /// Whether it is enabled.
    pub enabled: Option<bool>,
    /// Its certificates.
    pub certificates: Option<&'a [Certificate]>,
}

impl<'a> From<&'a Anchor> for AnchorFacts<'a> {
    fn from(anchor: &'a Anchor) -> Self {
        Self {
            arn: Some(&anchor.arn),
            enabled: Some(anchor.enabled),
            certificates: Some(&anchor.certificates),
        }
    }
}

/// What is known of a role that exists.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoleFacts<'a> {
    /// Its `MaxSessionDuration`.
    pub max_duration: Option<SessionDuration>,
    /// Its trust policy. Absent: Roles Anywhere may assume it for anybody, which
    /// only the emulator has.
    pub trust_policy: Known<&'a TrustPolicy>,
}

impl<'a> From<&'a Role> for RoleFacts<'a> {
    fn from(role: &'a Role) -> Self {
        Self {
            max_duration: Some(role.max_duration),
            trust_policy: Known::of(role.trust_policy.as_ref()),
        }
    }
}

/// What becomes of sessions once a revocation list's next one is due, which AWS
/// does not document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StaleLists {
    /// Its entries count, and it refuses nobody else.
    Honoured,
    /// It is not known.
    #[default]
    NotKnown,
    /// It refuses every certificate of its issuer.
    Refuse,
}

/// A request, and the account that it meets. Whatever is not known is left at its
/// default, and the rules that need it say so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Situation<'a> {
    /// The service's time.
    pub now: Option<DateTime<Utc>>,
    /// The region whose endpoint is asked.
    pub region: Option<&'a Region>,
    /// How far the client's clock is ahead of the service's; behind is negative.
    pub clock_ahead: Option<TimeDelta>,
    /// How far it may be off, either way; five minutes where nothing is said.
    pub clock_window: Option<TimeDelta>,
    /// The region in the scope of the signature.
    pub signed_region: Option<&'a str>,
    /// Whether the signature is right; else why not.
    pub signature: Option<Result<(), &'a str>>,
    /// The certificate of the request.
    pub leaf: Option<&'a Certificate>,
    /// The certificates that come with it.
    pub chain: Option<&'a [Certificate]>,
    /// The trust anchor that is asked for; perhaps by its alias.
    pub anchor_arn: Option<&'a TrustAnchorArn>,
    /// The profile that is asked for; perhaps by its alias.
    pub profile_arn: Option<&'a ProfileArn>,
    /// The role that is asked for.
    pub role_arn: Option<&'a RoleArn>,
    /// `durationSeconds`, if it is sent, in seconds.
    pub duration: Known<i64>,
    /// `roleSessionName`, if it is sent.
    pub session_name: Known<&'a str>,
    /// `instanceProperties`, if they are sent.
    pub instance_properties: Known<&'a BTreeMap<String, String>>,
    /// The trust anchor of that ARN.
    pub anchor: Known<AnchorFacts<'a>>,
    /// The revocation lists that are imported for it and enabled.
    pub crls: Option<&'a [Crl]>,
    /// What a list does once the next one is due.
    pub stale_lists: StaleLists,
    /// The profile of that ARN.
    pub profile: Known<&'a Profile>,
    /// The role of that ARN.
    pub role: Known<RoleFacts<'a>>,
}

/// What has to be known for a verdict and is not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MissingInput {
    /// The trust anchor itself: whether there is one of the ARN, and what it is.
    Anchor,
    /// The ARN of the trust anchor.
    AnchorArn,
    /// Whether the trust anchor is enabled.
    AnchorEnabled,
    /// The certificates of the trust anchor.
    AnchorCertificates,
    /// The certificates that come with the leaf.
    Chain,
    /// How far the client's clock is off.
    Clock,
    /// The revocation lists that are imported.
    Crls,
    /// AWS does not document it; what, as a sentence without its full stop.
    Documentation(String),
    /// Which duration is asked for.
    Duration,
    /// Which instance properties are sent.
    InstanceProperties,
    /// The certificate of the CA of a revocation list, whose name this is.
    IssuerOfList(String),
    /// The certificate.
    Leaf,
    /// The time.
    Now,
    /// A path to the trust anchor: the certificate's leads nowhere.
    Path,
    /// The profile.
    Profile,
    /// The ARN of the profile.
    ProfileArn,
    /// The region of the endpoint.
    Region,
    /// The role itself: whether there is one of the ARN.
    Role,
    /// The ARN of the role.
    RoleArn,
    /// The role's `MaxSessionDuration`.
    RoleMaxDuration,
    /// Which session name is sent.
    SessionName,
    /// The request's signature: whether it is right.
    Signature,
    /// The region for which the request is signed.
    SignedRegion,
    /// The role's trust policy.
    TrustPolicy,
}

impl fmt::Display for MissingInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentence = match self {
            Self::IssuerOfList(name) => {
                return write!(
                    f,
                    "the certificate of {name}, whose revocation list this is, is not known"
                );
            }
            Self::Anchor => "the trust anchor is not known",
            Self::AnchorArn => "the ARN of the trust anchor is not known",
            Self::AnchorEnabled => "whether the trust anchor is enabled is not known",
            Self::AnchorCertificates => "the certificates of the trust anchor are not known",
            Self::Chain => "the certificates that come with the leaf are not known",
            Self::Clock => "how far the clock is off is not known",
            Self::Crls => "the revocation lists that are imported are not known",
            Self::Documentation(what) => what,
            Self::Duration => "the duration that is asked for is not known",
            Self::InstanceProperties => "the instance properties that are sent are not known",
            Self::Leaf => "the certificate is not known",
            Self::Now => "the time is not known",
            Self::Path => "no path to the trust anchor is known",
            Self::Profile => "the profile is not known",
            Self::ProfileArn => "the ARN of the profile is not known",
            Self::Region => "the region of the endpoint is not known",
            Self::Role => "the role is not known",
            Self::RoleArn => "the ARN of the role is not known",
            Self::RoleMaxDuration => "the role's MaxSessionDuration is not known",
            Self::SessionName => "the session name that is sent is not known",
            Self::Signature => "whether the signature is right is not known",
            Self::SignedRegion => "the region for which the request is signed is not known",
            Self::TrustPolicy => "the role's trust policy is not known",
        };
        f.write_str(sentence)
    }
}
