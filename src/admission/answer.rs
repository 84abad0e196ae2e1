//! The answers of the service to a CreateSession that it refuses.

/// How a message is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Somebody has published it as the real service's answer.
    Live,
    /// Its form was seen elsewhere, and it is taken to be the same here.
    Assumed,
}

/// The messages with which Roles Anywhere refuses. Each word of them that does not
/// change is in [`Message::text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// E1, `Invalid signature`
    InvalidSignature,
    /// E2, `Specified Trust Anchor wasn't found.`
    TrustAnchorNotFound,
    /// E3, `Specified Trust Anchor is disabled.`
    TrustAnchorDisabled,
    /// E4, `Untrusted signing certificate`
    UntrustedCertificate,
    /// E5, `Untrusted certificate. Insufficient certificate`
    InsufficientCertificate,
    /// E6, `Certificate revoked`
    Revoked,
    /// E7, `Invalid or empty profile provided.`
    InvalidProfile,
    /// E8, `Requested Role isn't one of those listed in the Profile.`
    RoleNotListed,
    /// E9, `Not authorized to set roleSessionName.`
    SessionNameNotAllowed,
    /// E10, `Unable to assume role for ROLE`
    UnableToAssumeRole,
    /// E11: E10, and that the duration exceeds the role's maximum
    DurationExceeded,
    /// E12: E10, and which attributes failed to be mapped into session tags
    UnmappedAttributes,
    /// E13, `1 validation error detected: …`
    Validation,
    /// E14, `Incorrect basic constraints for CA certificate`
    BasicConstraints,
}

/// The attributes of a certificate that could not become session tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnmappedAttributes {
    /// Short names of the issuer's attributes.
    pub issuer: Vec<String>,
    /// Short names of the subject's attributes.
    pub subject: Vec<String>,
    /// `DNS/2`: the kind and, as it is taken to be, the place among the alternative
    /// names, from 1.
    pub san: Vec<String>,
}

/// What AWS answers. The wording is AWS's own where it was seen live.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// Any mismatch of the signature, and a wrong clock (live).
    InvalidSignature,
    /// A certificate of a trust anchor is no CA's; when the anchor is created.
    BasicConstraints,
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
    /// AssumeRole was refused, and some attributes of the certificate could not
    /// become session tags (live).
    UnmappedAttributes {
        /// The role's ARN.
        role_arn: String,
        /// Which ones.
        attributes: UnmappedAttributes,
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
            Self::BasicConstraints | Self::Validation { .. } => 400,
            _ => 403,
        }
    }

    /// The error type of `x-amzn-ErrorType`.
    #[must_use]
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::NotFound => "ResourceNotFoundException",
            Self::BasicConstraints | Self::Validation { .. } => "ValidationException",
            _ => "AccessDeniedException",
        }
    }

    /// Which of the known messages it is; `None` for an operation that does not
    /// exist.
    #[must_use]
    pub const fn kind(&self) -> Option<Message> {
        Some(match self {
            Self::BasicConstraints => Message::BasicConstraints,
            Self::InsufficientCertificate => Message::InsufficientCertificate,
            Self::InvalidProfile => Message::InvalidProfile,
            Self::InvalidSignature => Message::InvalidSignature,
            Self::NotFound => return None,
            Self::Revoked => Message::Revoked,
            Self::RoleNotListed => Message::RoleNotListed,
            Self::SessionNameNotAllowed => Message::SessionNameNotAllowed,
            Self::TrustAnchorDisabled => Message::TrustAnchorDisabled,
            Self::TrustAnchorNotFound => Message::TrustAnchorNotFound,
            Self::UnableToAssumeRole { duration: true, .. } => Message::DurationExceeded,
            Self::UnableToAssumeRole { .. } => Message::UnableToAssumeRole,
            Self::UnmappedAttributes { .. } => Message::UnmappedAttributes,
            Self::UntrustedCertificate => Message::UntrustedCertificate,
            Self::Validation { .. } => Message::Validation,
        })
    }

    /// The sentence in the body.
    #[must_use]
    pub fn message(&self) -> String {
        let text = self.kind().map_or("Not found", Message::text);
        match self {
            Self::UnableToAssumeRole { role_arn, .. } => text.replacen("ROLE", role_arn, 1),
            Self::UnmappedAttributes {
                role_arn,
                attributes,
            } => {
                let UnmappedAttributes {
                    issuer,
                    subject,
                    san,
                } = attributes;
                let lists = [issuer, subject, san].map(|names| names.join(", "));
                // The ARN comes last: it could hold what is replaced.
                let with_names = lists.iter().fold(text.to_owned(), |text, names| {
                    text.replacen("NAMES", names, 1)
                });
                with_names.replacen("ROLE", role_arn, 1)
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
                // The other way round a value could hold the words to be replaced.
                text.replacen("CONSTRAINT", constraint, 1)
                    .replacen("MEMBER", member, 1)
                    .replacen("VALUE", &value, 1)
            }
            _ => text.to_owned(),
        }
    }
}

impl Message {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 14] = [
        Self::InvalidSignature,
        Self::TrustAnchorNotFound,
        Self::TrustAnchorDisabled,
        Self::UntrustedCertificate,
        Self::InsufficientCertificate,
        Self::Revoked,
        Self::InvalidProfile,
        Self::RoleNotListed,
        Self::SessionNameNotAllowed,
        Self::UnableToAssumeRole,
        Self::DurationExceeded,
        Self::UnmappedAttributes,
        Self::Validation,
        Self::BasicConstraints,
    ];

    /// Its number, `E1` to `E14`.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::InvalidSignature => "E1",
            Self::TrustAnchorNotFound => "E2",
            Self::TrustAnchorDisabled => "E3",
            Self::UntrustedCertificate => "E4",
            Self::InsufficientCertificate => "E5",
            Self::Revoked => "E6",
            Self::InvalidProfile => "E7",
            Self::RoleNotListed => "E8",
            Self::SessionNameNotAllowed => "E9",
            Self::UnableToAssumeRole => "E10",
            Self::DurationExceeded => "E11",
            Self::UnmappedAttributes => "E12",
            Self::Validation => "E13",
            Self::BasicConstraints => "E14",
        }
    }

    /// The words of it that are always the same; in capitals what changes.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::InvalidSignature => "Invalid signature",
            Self::TrustAnchorNotFound => "Specified Trust Anchor wasn't found.",
            Self::TrustAnchorDisabled => "Specified Trust Anchor is disabled.",
            Self::UntrustedCertificate => "Untrusted signing certificate",
            Self::InsufficientCertificate => "Untrusted certificate. Insufficient certificate",
            Self::Revoked => "Certificate revoked",
            Self::InvalidProfile => "Invalid or empty profile provided.",
            Self::RoleNotListed => "Requested Role isn't one of those listed in the Profile.",
            Self::SessionNameNotAllowed => "Not authorized to set roleSessionName.",
            Self::UnableToAssumeRole => "Unable to assume role for ROLE",
            Self::DurationExceeded => {
                "Unable to assume role for ROLE The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
            }
            Self::UnmappedAttributes => {
                "Unable to assume role for ROLE. Some attributes failed to be mapped into session tags. Issuer: [ NAMES ]; Subject: [ NAMES ]; SAN: [ NAMES ]"
            }
            Self::Validation => {
                "1 validation error detected: Value VALUE at 'MEMBER' failed to satisfy constraint: CONSTRAINT"
            }
            Self::BasicConstraints => "Incorrect basic constraints for CA certificate",
        }
    }

    /// How it is known.
    #[must_use]
    pub const fn evidence(self) -> Evidence {
        match self {
            // Seen live of CreateProfile and of STS.
            Self::Validation => Evidence::Assumed,
            _ => Evidence::Live,
        }
    }

    /// The message that somebody has received, where it is one of these. AWS has
    /// been seen to write E4 with capital letters.
    #[must_use]
    pub fn recognize(received: &str) -> Option<Self> {
        let received = received.trim();
        // What a longer message says counts before the one that it begins with.
        Self::ALL.into_iter().rev().find(|message| match message {
            Self::DurationExceeded => received.contains("exceeds the MaxSessionDuration"),
            Self::UnmappedAttributes => received.contains("failed to be mapped into session tags"),
            Self::UnableToAssumeRole => received.starts_with("Unable to assume role for "),
            Self::Validation => {
                received.contains(" validation error") && received.contains(" detected: ")
            }
            _ => received.eq_ignore_ascii_case(message.text()),
        })
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
