//! The three ARNs of a session, and their agreement with each other.

use super::{ProfileArn, Region, RoleArn, TrustAnchorArn};

/// The three ARNs of a session, known to agree with each other.
#[derive(Clone, Debug)]
pub struct Target {
    trust_anchor: TrustAnchorArn,
    profile: ProfileArn,
    role: RoleArn,
}

/// Two ARNs that cannot belong to one session: everything that Roles Anywhere
/// uses lives in one account and, but for the role, in one region.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// Different accounts.
    #[error("the trust anchor is in the account {trust_anchor}, but {what} is in {other}")]
    Account {
        /// The trust anchor's.
        trust_anchor: String,
        /// `the profile` or `the role`.
        what: &'static str,
        /// Its account.
        other: String,
    },
    /// Different partitions.
    #[error("the trust anchor is in the partition {trust_anchor}, but {what} is in {other}")]
    Partition {
        /// The trust anchor's.
        trust_anchor: &'static str,
        /// `the profile` or `the role`.
        what: &'static str,
        /// Its partition.
        other: &'static str,
    },
    /// Different regions.
    #[error("the trust anchor is in the region {trust_anchor}, but the profile's is {other}")]
    Region {
        /// The trust anchor's.
        trust_anchor: Region,
        /// The profile's.
        other: Region,
    },
}

impl Target {
    /// Puts three ARNs together.
    ///
    /// # Errors
    ///
    /// [`TargetError`] names the two that disagree.
    pub fn new(
        trust_anchor: TrustAnchorArn,
        profile: ProfileArn,
        role: RoleArn,
    ) -> Result<Self, TargetError> {
        let others = [
            ("the profile", profile.partition(), profile.account()),
            ("the role", role.partition(), role.account()),
        ];
        for (what, partition, account) in others {
            if partition != trust_anchor.partition() {
                return Err(TargetError::Partition {
                    trust_anchor: trust_anchor.partition().name(),
                    what,
                    other: partition.name(),
                });
            }
            if account != trust_anchor.account() {
                return Err(TargetError::Account {
                    trust_anchor: trust_anchor.account().to_owned(),
                    what,
                    other: account.to_owned(),
                });
            }
        }
        if profile.region() != trust_anchor.region() {
            return Err(TargetError::Region {
                trust_anchor: trust_anchor.region().clone(),
                other: profile.region().clone(),
            });
        }
        Ok(Self {
            trust_anchor,
            profile,
            role,
        })
    }

    /// The trust anchor.
    #[must_use]
    pub const fn trust_anchor(&self) -> &TrustAnchorArn {
        &self.trust_anchor
    }

    /// The profile.
    #[must_use]
    pub const fn profile(&self) -> &ProfileArn {
        &self.profile
    }

    /// The role.
    #[must_use]
    pub const fn role(&self) -> &RoleArn {
        &self.role
    }

    /// The region of the session: that of the trust anchor.
    #[must_use]
    pub const fn region(&self) -> &Region {
        self.trust_anchor.region()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANCHOR: &str = "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/11111111-2222-4333-8444-555555555555";

    #[test]
    fn arns_that_disagree_are_refused() {
        let anchor: TrustAnchorArn = ANCHOR.parse().unwrap();
        let profile = |text: &str| -> ProfileArn {
            ANCHOR
                .replace("trust-anchor", "profile")
                .replace("us-east-1:123456789012", text)
                .parse()
                .unwrap()
        };
        let role: RoleArn = "arn:aws:iam::123456789012:role/x".parse().unwrap();
        let foreign: RoleArn = "arn:aws:iam::999999999999:role/x".parse().unwrap();
        let good = profile("us-east-1:123456789012");
        assert!(Target::new(anchor.clone(), good.clone(), role.clone()).is_ok());
        assert!(matches!(
            Target::new(
                anchor.clone(),
                profile("us-east-2:123456789012"),
                role.clone()
            ),
            Err(TargetError::Region { .. })
        ));
        assert!(matches!(
            Target::new(anchor.clone(), profile("us-east-1:999999999999"), role),
            Err(TargetError::Account {
                what: "the profile",
                ..
            })
        ));
        assert!(matches!(
            Target::new(anchor, good, foreign),
            Err(TargetError::Account {
                what: "the role",
                ..
            })
        ));
    }
}
