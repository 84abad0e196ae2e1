//! ARNs as types that cannot be mixed up.

use std::fmt;
use std::str::FromStr;

use super::{Partition, Region};

/// Longest ARN in characters (Roles Anywhere service model).
const MAX_LENGTH: usize = 1011;

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
                        partition: partition.name(),
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
}
