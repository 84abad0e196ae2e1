//! The resources that exist in the emulated account.

use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use crate::admission::policy::{PolicyError, TrustPolicy};
use crate::admission::{Anchor, Profile, Role};
use crate::pki::{Certificate, Crl};
use crate::rolesanywhere::{ProfileArn, Region, RoleArn, SessionDuration, TrustAnchorArn};

use super::sessions::Sessions;
use super::sts::Assumable;

/// The account of ARNs that are made up: AWS's own example account.
const EXAMPLE_ACCOUNT: &str = "123456789012";

/// Most certificates in one trust anchor (AWS quota, not adjustable).
const MAX_ANCHOR_CERTIFICATES: usize = 2;

/// What is to exist; ARNs that are not given are made up.
#[derive(Debug)]
pub struct WorldPlan {
    /// Trust anchors: ARN, the file's name for messages, its certificates.
    pub anchors: Vec<(Option<TrustAnchorArn>, String, Vec<Certificate>)>,
    /// Revocation lists, all enabled.
    pub crls: Vec<Crl>,
    /// Profiles; each lists every role. One is made up when there is none.
    pub profiles: Vec<ProfileArn>,
    /// Roles. One is made up when there is none.
    pub roles: Vec<RoleArn>,
    /// The region; by default that of the given ARNs, else `us-east-1`.
    pub region: Option<Region>,
    /// The profiles' session duration.
    pub profile_duration: SessionDuration,
    /// The roles' `MaxSessionDuration`.
    pub role_max_duration: SessionDuration,
    /// The profiles' `acceptRoleSessionName`.
    pub accepts_session_name: bool,
    /// ARNs of anchors and profiles that are disabled.
    pub disabled: Vec<String>,
    /// How far a request's date may be off, either way.
    pub clock_window: TimeDelta,
}

/// The emulated account.
#[derive(Debug)]
pub struct World {
    pub(super) region: Region,
    pub(super) anchors: Vec<Anchor>,
    pub(super) profiles: Vec<Profile>,
    pub(super) roles: Vec<Role>,
    pub(super) crls: Vec<Crl>,
    pub(super) clock_window: TimeDelta,
    pub(super) sessions: Sessions,
    pub(super) assumable: Vec<Assumable>,
    pub(super) session_seconds: Option<u32>,
}

/// Why such an account cannot exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A trust anchor's certificate is no CA's. AWS refuses it with
    /// `Incorrect basic constraints for CA certificate`.
    #[error("{origin} cannot be a trust anchor: the certificate of {subject} {reason}")]
    AnchorNotCa {
        /// The file.
        origin: String,
        /// Whose certificate it is.
        subject: String,
        /// What it lacks.
        reason: &'static str,
    },
    /// More certificates than a trust anchor takes.
    #[error("{origin} holds {count} certificates, a trust anchor takes {MAX_ANCHOR_CERTIFICATES}")]
    AnchorTooLarge {
        /// The file.
        origin: String,
        /// How many it holds.
        count: usize,
    },
    /// An ARN to disable that does not exist.
    #[error("{arn} is to be disabled, but is neither a trust anchor nor a profile here")]
    DisabledUnknown {
        /// The ARN.
        arn: String,
    },
    /// An external id of a role that cannot be assumed.
    #[error("'{given}' is not the ARN of a role that can be assumed, a = and its external id")]
    ExternalIdUnknown {
        /// What was given.
        given: String,
    },
    /// A file that is no trust policy.
    #[error("{origin} is not a trust policy that IAM would store")]
    Policy {
        /// The file.
        origin: String,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// Two trust policies of one role.
    #[error("{role} is given two trust policies")]
    PolicyTwice {
        /// The role, or that it is every role without one.
        role: String,
    },
    /// A trust policy of a role that does not exist.
    #[error("'{given}' is neither a file nor the ARN of a role here, a = and a file")]
    PolicyRoleUnknown {
        /// What was given.
        given: String,
    },
    /// One ARN for two resources.
    #[error("{arn} is given twice")]
    Twice {
        /// The ARN.
        arn: String,
    },
    /// An ARN of another region.
    #[error("{arn} is not in the region {region}")]
    Region {
        /// The ARN.
        arn: String,
        /// The emulated region.
        region: Region,
    },
}

impl World {
    /// Builds the account.
    ///
    /// # Errors
    ///
    /// [`WorldError`].
    pub fn new(plan: WorldPlan) -> Result<Self, WorldError> {
        let region = plan.region.clone().unwrap_or_else(|| {
            let anchors = plan.anchors.iter().filter_map(|(arn, ..)| arn.as_ref());
            let profiles = plan.profiles.iter().map(ProfileArn::region);
            anchors
                .map(TrustAnchorArn::region)
                .chain(profiles)
                .next()
                .cloned()
                .unwrap_or_else(default_region)
        });
        let account = plan
            .anchors
            .iter()
            .filter_map(|(arn, ..)| arn.as_ref().map(TrustAnchorArn::account))
            .chain(plan.profiles.iter().map(ProfileArn::account))
            .chain(plan.roles.iter().map(RoleArn::account))
            .next()
            .unwrap_or(EXAMPLE_ACCOUNT)
            .to_owned();
        let make_up = MakeUp {
            region: &region,
            account: &account,
        };
        let roles = if plan.roles.is_empty() {
            vec![make_up.role()]
        } else {
            plan.roles
        };
        let profile_arns = if plan.profiles.is_empty() {
            vec![make_up.profile()]
        } else {
            plan.profiles
        };
        let mut anchors = Vec::new();
        for (arn, origin, certificates) in plan.anchors {
            check_anchor_certificates(&origin, &certificates)?;
            let arn = arn.unwrap_or_else(|| make_up.anchor(&certificates));
            anchors.push(Anchor {
                enabled: !plan.disabled.iter().any(|other| other == arn.as_str()),
                arn,
                certificates,
            });
        }
        let profiles: Vec<Profile> = profile_arns
            .into_iter()
            .map(|arn| Profile {
                enabled: !plan.disabled.iter().any(|other| other == arn.as_str()),
                arn,
                roles: roles.clone(),
                duration: plan.profile_duration,
                accepts_session_name: plan.accepts_session_name,
            })
            .collect();
        let regional = anchors
            .iter()
            .map(|anchor| (anchor.arn.as_str(), anchor.arn.region()))
            .chain(
                profiles
                    .iter()
                    .map(|profile| (profile.arn.as_str(), profile.arn.region())),
            );
        let known: Vec<(&str, &Region)> = regional.collect();
        if let Some((arn, _)) = known.iter().find(|(_, other)| **other != region) {
            return Err(WorldError::Region {
                arn: (*arn).to_owned(),
                region: region.clone(),
            });
        }
        let twice = known
            .iter()
            .enumerate()
            .find(|(index, (arn, _))| known[..*index].iter().any(|(other, _)| other == arn));
        if let Some((_, (arn, _))) = twice {
            return Err(WorldError::Twice {
                arn: (*arn).to_owned(),
            });
        }
        let unknown = |arn: &&String| !known.iter().any(|(known, _)| known == arn);
        if let Some(arn) = plan.disabled.iter().find(unknown) {
            return Err(WorldError::DisabledUnknown { arn: arn.clone() });
        }
        Ok(Self {
            region,
            anchors,
            profiles,
            roles: roles
                .into_iter()
                .map(|arn| Role {
                    arn,
                    max_duration: plan.role_max_duration,
                    trust_policy: None,
                })
                .collect(),
            crls: plan.crls,
            clock_window: plan.clock_window,
            sessions: Sessions::default(),
            assumable: Vec::new(),
            session_seconds: None,
        })
    }

    /// The same account with roles that sessions may assume. An external id
    /// stands behind the ARN of its role and a `=`.
    ///
    /// # Errors
    ///
    /// [`WorldError::ExternalIdUnknown`] for an external id of another role.
    pub fn with_assumable(
        mut self,
        roles: Vec<RoleArn>,
        external_ids: &[String],
    ) -> Result<Self, WorldError> {
        self.assumable = roles
            .into_iter()
            .map(|role| Assumable {
                role,
                external_id: None,
            })
            .collect();
        for given in external_ids {
            // An ARN may hold a `=` as well.
            let found = self.assumable.iter_mut().find_map(|assumable| {
                let rest = given.strip_prefix(assumable.role.as_str())?;
                Some((rest.strip_prefix('=')?.to_owned(), assumable))
            });
            match found {
                Some((id, assumable)) => assumable.external_id = Some(id),
                None => {
                    return Err(WorldError::ExternalIdUnknown {
                        given: given.clone(),
                    });
                }
            }
        }
        Ok(self)
    }

    /// The file of a trust policy, and the role whose it is: with an ARN and a
    /// `=` before the file, one role's; without, every role's.
    ///
    /// # Errors
    ///
    /// [`WorldError::PolicyRoleUnknown`] for the ARN of another role.
    pub fn policy_file<'a>(
        &self,
        given: &'a str,
    ) -> Result<(Option<RoleArn>, &'a str), WorldError> {
        if !given.starts_with("arn:") {
            return Ok((None, given));
        }
        // An ARN may hold a `=` as well.
        let found = self.role_arns().find_map(|arn| {
            let file = given.strip_prefix(arn.as_str())?.strip_prefix('=')?;
            Some((Some(arn.clone()), file))
        });
        found.ok_or_else(|| WorldError::PolicyRoleUnknown {
            given: given.to_owned(),
        })
    }

    /// The same account with trust policies of its roles: those of one role, and
    /// one of all others.
    ///
    /// # Errors
    ///
    /// [`WorldError::PolicyTwice`].
    pub fn with_trust_policies(
        mut self,
        policies: &[(Option<RoleArn>, TrustPolicy)],
    ) -> Result<Self, WorldError> {
        for (index, (role, _)) in policies.iter().enumerate() {
            if policies[..index].iter().any(|(other, _)| other == role) {
                let every = || "every role without one of its own".to_owned();
                let role = role.as_ref().map_or_else(every, ToString::to_string);
                return Err(WorldError::PolicyTwice { role });
            }
        }
        for role in &mut self.roles {
            let of = |arn: Option<&RoleArn>| {
                let found = policies.iter().find(|(other, _)| other.as_ref() == arn);
                found.map(|(_, policy)| policy.clone())
            };
            role.trust_policy = of(Some(&role.arn)).or_else(|| of(None));
        }
        Ok(self)
    }

    /// The same account whose sessions last for so many seconds, whatever was
    /// asked for.
    #[must_use]
    pub fn with_session_seconds(mut self, seconds: Option<u32>) -> Self {
        self.session_seconds = seconds;
        self
    }

    /// The region.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// The trust anchors' ARNs.
    pub fn anchor_arns(&self) -> impl Iterator<Item = &TrustAnchorArn> {
        self.anchors.iter().map(|anchor| &anchor.arn)
    }

    /// The profiles' ARNs.
    pub fn profile_arns(&self) -> impl Iterator<Item = &ProfileArn> {
        self.profiles.iter().map(|profile| &profile.arn)
    }

    /// The roles' ARNs.
    pub fn role_arns(&self) -> impl Iterator<Item = &RoleArn> {
        self.roles.iter().map(|role| &role.arn)
    }
}

/// A trust anchor takes one or two certificates that are CAs and may sign
/// certificates (user guide, "Trust model" and "Quotas").
fn check_anchor_certificates(origin: &str, certificates: &[Certificate]) -> Result<(), WorldError> {
    if certificates.len() > MAX_ANCHOR_CERTIFICATES {
        return Err(WorldError::AnchorTooLarge {
            origin: origin.to_owned(),
            count: certificates.len(),
        });
    }
    for certificate in certificates {
        let reason = if !certificate.is_ca() {
            "lacks basicConstraints CA:TRUE"
        } else if !certificate
            .key_usage()
            .is_some_and(|usage| usage.key_cert_sign)
        {
            "lacks keyUsage keyCertSign"
        } else {
            continue;
        };
        return Err(WorldError::AnchorNotCa {
            origin: origin.to_owned(),
            subject: certificate.subject().to_string(),
            reason,
        });
    }
    Ok(())
}

/// ARNs that are made up: the same ones at every start for the same anchor, so
/// that a configuration can be kept.
struct MakeUp<'a> {
    region: &'a Region,
    account: &'a str,
}

#[expect(
    clippy::expect_used,
    reason = "region and account come from parsed ARNs, so these are ARNs too"
)]
impl MakeUp<'_> {
    fn anchor(&self, certificates: &[Certificate]) -> TrustAnchorArn {
        let seed: String = certificates.iter().map(Certificate::fingerprint).collect();
        self.regional("trust-anchor", &seed)
            .parse()
            .expect("a trust anchor's ARN")
    }

    fn profile(&self) -> ProfileArn {
        self.regional("profile", "windlass emulated profile")
            .parse()
            .expect("a profile's ARN")
    }

    fn role(&self) -> RoleArn {
        let partition = self.region.partition().name();
        format!("arn:{partition}:iam::{}:role/emulated-role", self.account)
            .parse()
            .expect("a role's ARN")
    }

    fn regional(&self, kind: &str, seed: &str) -> String {
        format!(
            "arn:{}:rolesanywhere:{}:{}:{kind}/{}",
            self.region.partition().name(),
            self.region,
            self.account,
            uuid(seed)
        )
    }
}

/// A UUID of version 8 (RFC 9562) from a hash.
pub(super) fn uuid(seed: impl AsRef<[u8]>) -> String {
    let digest = Sha256::digest(seed.as_ref());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}

#[expect(clippy::expect_used, reason = "the text is a region name")]
fn default_region() -> Region {
    "us-east-1".parse().expect("a region name")
}
