//! What the control plane refuses, and how it says so.

use crate::emulator::caller::Unauthenticated;
use crate::emulator::state::{AliasError, BundleError, Kind};
use crate::store;
use crate::text::printable;

/// Most characters of a value that a message repeats.
const SHOWN: usize = 200;

/// One member of a request that its shape does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation {
    /// The member, as in `tags.1.member.key`.
    pub(super) at: String,
    /// Its value; `None` where it is missing.
    pub(super) value: Option<String>,
    /// Whether the value is not repeated, as that of tags.
    pub(super) is_sensitive: bool,
    /// The constraint in the service's words.
    pub(super) constraint: String,
}

impl Violation {
    fn sentence(&self) -> String {
        let value = match &self.value {
            _ if self.is_sensitive => String::new(),
            None => " null".to_owned(),
            Some(value) => format!(" '{}'", printable(value, SHOWN)),
        };
        format!(
            "Value{value} at '{}' failed to satisfy constraint: {}",
            self.at, self.constraint
        )
    }
}

/// Why an operation of the control plane is refused.
#[derive(Debug)]
pub(super) enum Refused {
    /// The caller may not do this.
    Denied {
        /// Who asks, as an ARN.
        caller: String,
        /// The operation.
        operation: &'static str,
        /// Why, which AWS does not say.
        reason: String,
    },
    /// The state could not be kept.
    Kept(store::Error),
    /// There is no such resource.
    NotFound {
        /// Of which sort.
        kind: Kind,
        /// How it was named.
        identifier: String,
    },
    /// Something about the request as a whole, in a sentence.
    Invalid(String),
    /// There are as many as there may be.
    Quota {
        /// Of what, as `trust anchors in this account and region`.
        what: &'static str,
        /// So many.
        most: usize,
    },
    /// No randomness for an id.
    NoRandomness,
    /// There were too many requests in this second.
    Throttled,
    /// The resource would have more tags than it may.
    TooManyTags {
        /// So many.
        most: usize,
    },
    /// The request has no valid signature.
    Unauthenticated(Unauthenticated),
    /// Members that their shapes do not allow.
    Violations(Vec<Violation>),
}

impl Refused {
    /// A single member with a constraint that the shapes do not know.
    pub(super) fn member(at: &str, value: Option<String>, constraint: impl Into<String>) -> Self {
        Self::Violations(vec![Violation {
            at: at.to_owned(),
            value,
            is_sensitive: false,
            constraint: constraint.into(),
        }])
    }

    /// The HTTP status.
    pub(super) const fn status(&self) -> u16 {
        match self {
            Self::Denied { .. } => 403,
            Self::Kept(_) | Self::NoRandomness => 503,
            Self::NotFound { .. } => 404,
            Self::Invalid(_)
            | Self::Quota { .. }
            | Self::TooManyTags { .. }
            | Self::Violations(_)
            | Self::Unauthenticated(Unauthenticated::Incomplete(_)) => 400,
            Self::Throttled => 429,
            Self::Unauthenticated(_) => 403,
        }
    }

    /// `x-amzn-ErrorType`
    pub(super) const fn error_type(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "AccessDeniedException",
            Self::Kept(_) | Self::NoRandomness => "ServiceUnavailableException",
            Self::NotFound { .. } => "ResourceNotFoundException",
            Self::Invalid(_) | Self::Quota { .. } | Self::Violations(_) => "ValidationException",
            Self::Throttled => "ThrottlingException",
            Self::TooManyTags { .. } => "TooManyTagsException",
            Self::Unauthenticated(failed) => match failed {
                Unauthenticated::Missing => "MissingAuthenticationTokenException",
                Unauthenticated::Incomplete(_) => "IncompleteSignatureException",
                Unauthenticated::Unknown(_) => "UnrecognizedClientException",
                Unauthenticated::Signature(_) => "InvalidSignatureException",
                Unauthenticated::Expired => "ExpiredTokenException",
            },
        }
    }

    /// The sentence in the body. The wording is AWS's own for validation errors
    /// and for signatures, and assumed for all others.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Denied {
                caller, operation, ..
            } => {
                format!("User: {caller} is not authorized to perform: rolesanywhere:{operation}")
            }
            Self::Kept(_) | Self::NoRandomness => "Service is unavailable".to_owned(),
            Self::NotFound { kind, identifier } => {
                let identifier = printable(identifier, SHOWN);
                format!("The {} {identifier} was not found", kind.noun())
            }
            Self::Invalid(message) => message.clone(),
            Self::Quota { what, most } => format!("Limit exceeded: at most {most} {what}"),
            Self::Throttled => "Rate exceeded".to_owned(),
            Self::TooManyTags { most } => format!("A resource has at most {most} tags"),
            Self::Unauthenticated(failed) => failed.message().to_owned(),
            Self::Violations(violations) => {
                let sentences: Vec<String> = violations.iter().map(Violation::sentence).collect();
                let count = sentences.len();
                let errors = if count == 1 { "error" } else { "errors" };
                format!(
                    "{count} validation {errors} detected: {}",
                    sentences.join("; ")
                )
            }
        }
    }

    /// What is behind the answer.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Denied { reason, .. } => reason.clone(),
            Self::Kept(error) => format!("the state file was not written: {error}"),
            Self::NoRandomness => "the operating system gives no randomness".to_owned(),
            Self::Unauthenticated(failed) => failed
                .reason()
                .map_or_else(|| failed.message().to_owned(), str::to_owned),
            _ => self.message(),
        }
    }
}

impl From<store::Error> for Refused {
    fn from(error: store::Error) -> Self {
        Self::Kept(error)
    }
}

impl From<AliasError> for Refused {
    fn from(error: AliasError) -> Self {
        Self::Invalid(format!("Invalid aliasName: {error}"))
    }
}

impl From<BundleError> for Refused {
    fn from(error: BundleError) -> Self {
        Self::Invalid(match error {
            // Live, many times (user reports of CreateTrustAnchor).
            BundleError::NotCa {
                is_basic_constraints: true,
                ..
            } => "Incorrect basic constraints for CA certificate".to_owned(),
            BundleError::NotCa { .. } => "Incorrect key usage for CA certificate".to_owned(),
            BundleError::TooMany(_) | BundleError::Unreadable(_) => {
                format!("Invalid x509CertificateData: {error}")
            }
        })
    }
}
