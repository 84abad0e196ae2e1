//! The answers of the service to a CreateSession that it refuses.

/// What AWS answers. The wording is AWS's own where it was seen live.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Any mismatch of the signature, and a wrong clock (live).
    InvalidSignature,
    /// The leaf lacks what a leaf needs (live for keyUsage).
    InsufficientCertificate,
    /// Unknown profile, or another region's; 403, not 404 (live).
    InvalidProfile,
    /// No such operation.
    NotFound,
    /// The certificate is on an imported revocation list (live).
    Revoked,
    /// The role is not one of the profile's (live).
    RoleNotListed,
    /// A session name was sent and the profile does not accept one (live).
    SessionNameNotAllowed,
    /// The trust anchor is not enabled (live).
    TrustAnchorDisabled,
    /// Unknown trust anchor, or another region's (live).
    TrustAnchorNotFound,
    /// AssumeRole was refused (live).
    UnableToAssumeRole {
        /// The role's ARN.
        role_arn: String,
        /// Whether the duration is above the role's maximum, which is the one
        /// cause that AWS names.
        duration: bool,
    },
    /// The certificate does not lead to the trust anchor (live for the chain,
    /// assumed for dates).
    UntrustedCertificate,
    /// A member of the request is missing or malformed (form seen live on
    /// other operations, assumed here).
    Validation {
        /// The member.
        member: &'static str,
        /// Its value, `null` when it is missing.
        value: String,
        /// The constraint in the service's words.
        constraint: String,
    },
}

impl Answer {
    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Validation { .. } => 400,
            _ => 403,
        }
    }

    /// The error type of `x-amzn-ErrorType`.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::NotFound => "ResourceNotFoundException",
            Self::Validation { .. } => "ValidationException",
            _ => "AccessDeniedException",
        }
    }

    /// The sentence in the body.
    #[must_use]
    pub fn message(&self) -> String {
        let fixed = match self {
            Self::InvalidSignature => "Invalid signature",
            Self::InsufficientCertificate => "Untrusted certificate. Insufficient certificate",
            Self::InvalidProfile => "Invalid or empty profile provided.",
            Self::NotFound => "Not found",
            Self::Revoked => "Certificate revoked",
            Self::RoleNotListed => "Requested Role isn't one of those listed in the Profile.",
            Self::SessionNameNotAllowed => "Not authorized to set roleSessionName.",
            Self::TrustAnchorDisabled => "Specified Trust Anchor is disabled.",
            Self::TrustAnchorNotFound => "Specified Trust Anchor wasn't found.",
            Self::UntrustedCertificate => "Untrusted signing certificate",
            Self::UnableToAssumeRole { role_arn, duration } => {
                let suffix = if *duration {
                    " The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
                } else {
                    ""
                };
                return format!("Unable to assume role for {role_arn}{suffix}");
            }
            Self::Validation {
                member,
                value,
                constraint,
            } => {
                let value = if value == "null" {
                    "null".to_owned()
                } else {
                    format!("'{value}'")
                };
                return format!(
                    "1 validation error detected: Value {value} at '{member}' failed to satisfy constraint: {constraint}"
                );
            }
        };
        fixed.to_owned()
    }
}

/// A refusal: the answer, and the reason behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What AWS answers.
    pub answer: Answer,
    /// Which of the causes of that answer it was.
    pub reason: String,
}

impl Refusal {
    /// A refusal with its reason.
    #[must_use]
    pub fn new(answer: Answer, reason: impl Into<String>) -> Self {
        Self {
            answer,
            reason: reason.into(),
        }
    }
}
