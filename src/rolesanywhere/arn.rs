//! ARNs as types that cannot be mixed up, and their agreement with each other.

use std::fmt;
use std::str::FromStr;

/// Longest ARN in characters (Roles Anywhere service model).
const MAX_LENGTH: usize = 1011;

/// An AWS partition, with the DNS suffixes of its endpoints (botocore
/// `partitions.json`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partition {
    name: &'static str,
    dns_suffix: &'static str,
    dual_stack_suffix: &'static str,
}

/// Every partition, and how its region names begin. The commercial partition
/// comes last: its regions are those that begin like none of the others.
const PARTITIONS: &[(Partition, &str)] = &[
    (
        partition("aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"),
        "cn-",
    ),
    (
        partition("aws-us-gov", "amazonaws.com", "api.aws"),
        "us-gov-",
    ),
    (
        partition("aws-iso", "c2s.ic.gov", "api.aws.ic.gov"),
        "us-iso-",
    ),
    (
        partition("aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"),
        "us-isob-",
    ),
    (
        partition("aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"),
        "eu-isoe-",
    ),
    (
        partition("aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"),
        "us-isof-",
    ),
    (
        partition("aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"),
        "eusc-",
    ),
    (partition("aws", "amazonaws.com", "api.aws"), ""),
];

const fn partition(
    name: &'static str,
    dns_suffix: &'static str,
    dual_stack_suffix: &'static str,
) -> Partition {
    Partition {
        name,
        dns_suffix,
        dual_stack_suffix,
    }
}

impl Partition {
    /// The name as it stands in ARNs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// The suffix of ordinary host names.
    #[must_use]
    pub const fn dns_suffix(self) -> &'static str {
        self.dns_suffix
    }

    /// The suffix of dual-stack host names.
    #[must_use]
    pub const fn dual_stack_suffix(self) -> &'static str {
        self.dual_stack_suffix
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        PARTITIONS
            .iter()
            .map(|(partition, _)| *partition)
            .find(|partition| partition.name == name)
    }
}

/// A region name, such as `us-east-1`, always bare: `fips-` and `-fips` are
/// no part of it, since the signature's scope must not carry them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition to which a region of this name belongs.
    #[must_use]
    pub fn partition(&self) -> Partition {
        PARTITIONS
            .iter()
            .find(|(_, prefix)| self.0.starts_with(prefix))
            .map_or(PARTITIONS[PARTITIONS.len() - 1].0, |(partition, _)| {
                *partition
            })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('-').collect();
        let words = |words: &[&str]| {
            words.iter().all(|word| {
                !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_lowercase())
            })
        };
        match parts.split_last() {
            Some((number, names))
                if (2..=3).contains(&names.len())
                    && words(names)
                    && (1..=2).contains(&number.len())
                    && number.bytes().all(|octet| octet.is_ascii_digit()) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err("not a region name such as us-east-1".to_owned()),
        }
    }
}

/// Why a text is not the ARN that it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArnError {
    /// The account is not twelve digits.
    #[error("the account '{0}' is not 12 digits")]
    Account(String),
    /// Not six parts with `arn` in front.
    #[error("not an ARN: it should look like {0}")]
    Form(&'static str),
    /// Longer than any ARN.
    #[error("longer than the {MAX_LENGTH} characters of an ARN")]
    Length,
    /// A partition that is not known.
    #[error("the partition '{0}' is not known")]
    Partition(String),
    /// The region belongs to another partition, or is no region.
    #[error("the region '{region}' is not one of the partition {partition}")]
    Region {
        /// What stands in the ARN.
        region: String,
        /// The ARN's partition.
        partition: &'static str,
    },
    /// An ARN of something else.
    #[error("this is the ARN of something else: it should look like {0}")]
    Resource(&'static str),
}

/// The parts that all our ARNs share.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    text: String,
    partition: Partition,
    region: Option<Region>,
    account: String,
    resource: String,
}

impl Parts {
    fn parse(text: &str, service: &str, example: &'static str) -> Result<Self, ArnError> {
        if text.len() > MAX_LENGTH {
            return Err(ArnError::Length);
        }
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, found, region, account, resource] = parts.as_slice() else {
            return Err(ArnError::Form(example));
        };
        if *found != service {
            return Err(ArnError::Resource(example));
        }
        let partition = Partition::named(partition)
            .ok_or_else(|| ArnError::Partition((*partition).to_owned()))?;
        let region = match (*region, service) {
            ("", "iam") => None,
            (region, _) => Some(
                region
                    .parse::<Region>()
                    .ok()
                    .filter(|region| service != "iam" && region.partition() == partition)
                    .ok_or_else(|| ArnError::Region {
                        region: region.to_owned(),
                        partition: partition.name,
                    })?,
            ),
        };
        if account.len() != 12 || !account.bytes().all(|octet| octet.is_ascii_digit()) {
            return Err(ArnError::Account((*account).to_owned()));
        }
        if !resource.bytes().all(|octet| octet.is_ascii_graphic()) {
            return Err(ArnError::Resource(example));
        }
        Ok(Self {
            text: text.to_owned(),
            partition,
            region,
            account: (*account).to_owned(),
            resource: (*resource).to_owned(),
        })
    }

    /// What follows `prefix` in the resource, when it is a usable identifier.
    fn resource_after(&self, prefixes: &[&str]) -> Option<&str> {
        prefixes
            .iter()
            .find_map(|prefix| self.resource.strip_prefix(prefix))
            .filter(|id| {
                !id.is_empty()
                    && id
                        .bytes()
                        .all(|octet| octet.is_ascii_alphanumeric() || b"_-/".contains(&octet))
            })
    }
}

/// Makes one ARN type of the service `rolesanywhere`.
macro_rules! regional_arn {
    ($(#[$doc:meta])* $name:ident, $prefixes:expr, $example:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            parts: Parts,
            region: Region,
        }

        impl $name {
            /// The ARN as it was given.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.parts.text
            }

            /// The region in which the resource lives.
            #[must_use]
            pub const fn region(&self) -> &Region {
                &self.region
            }

            /// The account that owns the resource.
            #[must_use]
            pub fn account(&self) -> &str {
                &self.parts.account
            }

            /// The partition of the account.
            #[must_use]
            pub const fn partition(&self) -> Partition {
                self.parts.partition
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = ArnError;

            fn from_str(text: &str) -> Result<Self, ArnError> {
                const EXAMPLE: &str = $example;
                let parts = Parts::parse(text, "rolesanywhere", EXAMPLE)?;
                if parts.resource_after($prefixes).is_none() {
                    return Err(ArnError::Resource(EXAMPLE));
                }
                match parts.region.clone() {
                    Some(region) => Ok(Self { parts, region }),
                    None => Err(ArnError::Form(EXAMPLE)),
                }
            }
        }
    };
}

regional_arn!(
    /// The ARN of a trust anchor, or its alias ARN.
    TrustAnchorArn,
    &["trust-anchor/", "alias/trust-anchor/"],
    "arn:aws:rolesanywhere:REGION:ACCOUNT:trust-anchor/ID"
);

impl TrustAnchorArn {
    /// Whether it is the alias ARN, which `aws:SourceArn` never holds (user
    /// guide, "Resource aliases").
    #[must_use]
    pub fn is_alias(&self) -> bool {
        self.parts.resource_after(&["alias/"]).is_some()
    }
}

regional_arn!(
    /// The ARN of a profile, or its alias ARN.
    ProfileArn,
    &["profile/", "alias/profile/"],
    "arn:aws:rolesanywhere:REGION:ACCOUNT:profile/ID"
);

/// The ARN of an IAM role, path included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleArn(Parts);

impl RoleArn {
    /// The ARN as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The account that owns the role.
    #[must_use]
    pub fn account(&self) -> &str {
        &self.0.account
    }

    /// The partition of the account.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.0.partition
    }

    /// The role's name without its path.
    #[must_use]
    pub fn role_name(&self) -> &str {
        self.0.resource.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RoleArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        const EXAMPLE: &str = "arn:aws:iam::ACCOUNT:role/NAME";
        let parts = Parts::parse(text, "iam", EXAMPLE)?;
        let named = parts
            .resource
            .strip_prefix("role/")
            .is_some_and(|path| !path.is_empty() && !path.ends_with('/'));
        if named {
            Ok(Self(parts))
        } else {
            Err(ArnError::Resource(EXAMPLE))
        }
    }
}

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
                    trust_anchor: trust_anchor.partition().name,
                    what,
                    other: partition.name,
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
    fn reads_every_form_of_every_partition() {
        for good in [
            ANCHOR,
            "arn:aws:rolesanywhere:eu-west-2:123456789012:alias/trust-anchor/on-prem/main",
            "arn:aws-cn:rolesanywhere:cn-north-1:123456789012:trust-anchor/x",
            "arn:aws-us-gov:rolesanywhere:us-gov-west-1:123456789012:trust-anchor/x",
            "arn:aws-iso-b:rolesanywhere:us-isob-east-1:123456789012:trust-anchor/x",
            "arn:aws-eusc:rolesanywhere:eusc-de-east-1:123456789012:trust-anchor/x",
        ] {
            assert!(good.parse::<TrustAnchorArn>().is_ok(), "{good}");
        }
        let role: RoleArn = "arn:aws:iam::123456789012:role/workloads/app=1"
            .parse()
            .unwrap();
        assert_eq!(role.role_name(), "app=1");
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| text.parse::<TrustAnchorArn>().unwrap_err().to_string();
        assert!(error("nonsense").starts_with("not an ARN"));
        assert!(error("arn:aws:iam::123456789012:role/x").contains("something else"));
        assert!(error(&ANCHOR.replace("trust-anchor", "profile")).contains("something else"));
        assert!(error(&ANCHOR.replace("us-east-1", "cn-north-1")).contains("'cn-north-1'"));
        assert!(error(&ANCHOR.replace("us-east-1", "")).contains("region ''"));
        assert!(error(&ANCHOR.replace("123456789012", "12345")).contains("'12345'"));
        assert!(error(&ANCHOR.replace("arn:aws:", "arn:aws-moon:")).contains("'aws-moon'"));
        assert!(
            "arn:aws:iam::123456789012:role/"
                .parse::<RoleArn>()
                .is_err()
        );
        assert!(
            "arn:aws:iam:us-east-1:123456789012:role/x"
                .parse::<RoleArn>()
                .is_err()
        );
    }

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
