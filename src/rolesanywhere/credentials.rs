//! Temporary credentials.

use chrono::{DateTime, Utc};

use crate::secret::Secret;

/// The credentials of one session. `Debug` shows neither secret nor token.
#[derive(Debug)]
pub struct SessionCredentials {
    /// The access key id (`ASIA…`); it identifies the session and is no secret.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: Secret,
    /// The session token, of any length.
    pub session_token: Secret,
    /// When they end.
    pub expiration: DateTime<Utc>,
    /// `arn:…:assumed-role/ROLE/SESSION`, when the service said it.
    pub assumed_role_arn: Option<String>,
    /// The Roles Anywhere subject that the certificate maps to, when said.
    pub subject_arn: Option<String>,
}
