//! Roles that are assumed one after the other, within AWS's limits (STS API
//! reference, AssumeRole).

use crate::limits;

use super::{AssumeRole, RoleArn, SessionTag, TagKey};

/// Most session tags, and most transitive keys, of one request.
const MAX_TAGS: usize = 50;

/// Most managed policies of one request.
const MAX_POLICY_ARNS: usize = 10;

/// Roles in the order in which they are assumed, each with the session of the
/// one before it.
#[derive(Clone, Debug, Default)]
pub struct RoleChain(Vec<AssumeRole>);

/// Why roles make no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// Roles of different partitions never trust each other.
    #[error("the role {role} is in another partition than {first}")]
    Partition {
        /// The role.
        role: String,
        /// The role of the first session.
        first: String,
    },
    /// Too many of something.
    #[error("{count} {what} are given for {role}, at most {max} are allowed")]
    TooMany {
        /// The role.
        role: String,
        /// What.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many are allowed.
        max: usize,
    },
    /// One key for two tags; STS does not tell upper from lower case.
    #[error("the tag key '{key}' is given twice for {role}")]
    TagTwice {
        /// The role.
        role: String,
        /// The key.
        key: String,
    },
}

impl RoleChain {
    /// Puts a chain together that begins with the session of `first`.
    ///
    /// # Errors
    ///
    /// [`ChainError`].
    pub fn new(first: &RoleArn, roles: Vec<AssumeRole>) -> Result<Self, ChainError> {
        let counted = |role: &RoleArn, what, count, max| {
            if count <= max {
                return Ok(());
            }
            Err(ChainError::TooMany {
                role: role.to_string(),
                what,
                count,
                max,
            })
        };
        counted(first, "further roles", roles.len(), limits::MAX_ROLE_CHAIN)?;
        for step in &roles {
            let role = &step.role;
            if role.partition() != first.partition() {
                return Err(ChainError::Partition {
                    role: role.to_string(),
                    first: first.to_string(),
                });
            }
            counted(role, "session tags", step.tags.len(), MAX_TAGS)?;
            let transitive = step.transitive_tag_keys.len();
            counted(role, "transitive tag keys", transitive, MAX_TAGS)?;
            let policies = step.policy_arns.len();
            counted(role, "managed policies", policies, MAX_POLICY_ARNS)?;
            unique(role, step.tags.iter().map(SessionTag::key))?;
            unique(role, step.transitive_tag_keys.iter())?;
        }
        Ok(Self(roles))
    }

    /// The roles, in order.
    #[must_use]
    pub fn roles(&self) -> &[AssumeRole] {
        &self.0
    }

    /// Whether there is nothing to assume.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn unique<'a>(role: &RoleArn, keys: impl Iterator<Item = &'a TagKey>) -> Result<(), ChainError> {
    let mut seen: Vec<String> = Vec::new();
    for key in keys {
        let folded = key.as_str().to_lowercase();
        if seen.contains(&folded) {
            return Err(ChainError::TagTwice {
                role: role.to_string(),
                key: key.as_str().to_owned(),
            });
        }
        seen.push(folded);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleArn {
        format!("arn:aws:iam::123456789012:role/{name}")
            .parse()
            .unwrap()
    }

    #[test]
    fn chains_are_checked_as_a_whole() {
        let with = |change: &dyn Fn(&mut AssumeRole)| {
            let mut step = AssumeRole::new(role("b"));
            change(&mut step);
            RoleChain::new(&role("a"), vec![step])
        };
        assert!(with(&|_| ()).is_ok());
        let tag = |text: &str| text.parse::<SessionTag>().unwrap();
        assert!(matches!(
            with(&|step| step.tags = vec![tag("Cost=1"), tag("cost=2")]),
            Err(ChainError::TagTwice { .. })
        ));
        assert!(matches!(
            with(&|step| step.tags = (0..51).map(|it| tag(&format!("k{it}=v"))).collect()),
            Err(ChainError::TooMany { count: 51, .. })
        ));
        assert!(matches!(
            with(&|step| step.role = "arn:aws-cn:iam::123456789012:role/b".parse().unwrap()),
            Err(ChainError::Partition { .. })
        ));
        let many = (0..9).map(|_| AssumeRole::new(role("b"))).collect();
        assert!(matches!(
            RoleChain::new(&role("a"), many),
            Err(ChainError::TooMany { max: 8, .. })
        ));
    }
}
