//! Why an account cannot exist.

use crate::admission::policy::PolicyError;
use crate::rolesanywhere::Region;

/// Why such an account cannot exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// An ARN of another account.
    #[error("{arn} is not in the account {account}")]
    Account {
        /// The ARN.
        arn: String,
        /// The emulated account.
        account: String,
    },
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
    #[error("{origin} holds {count} certificates, a trust anchor takes 2")]
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
    /// A file describes an account in another place than the options.
    #[error("the account that is described is {account} in {region}, the options name another")]
    Elsewhere {
        /// The region that is described.
        region: Region,
        /// The account that is described.
        account: String,
    },
    /// An external id of a role that cannot be assumed.
    #[error("'{given}' is not the ARN of a role that can be assumed, a = and its external id")]
    ExternalIdUnknown {
        /// What was given.
        given: String,
    },
    /// No key pair for an administrator could be made.
    #[error("the operating system gives no randomness")]
    NoRandomness,
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
