//! Partitions and regions: AWS's divisions, which ARNs and host names carry.

use std::fmt;
use std::str::FromStr;

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
