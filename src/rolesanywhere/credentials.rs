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
}

impl SessionCredentials {
    /// Another copy, for one more reader. It is no `Clone`, so that copies can
    /// be found by name.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.copy(),
            session_token: self.session_token.copy(),
            expiration: self.expiration,
        }
    }
}
