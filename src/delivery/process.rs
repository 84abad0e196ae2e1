//! The output of `credential_process` (AWS SDKs and Tools reference guide,
//! "Process credential provider").

use serde::Serialize;

use crate::clock::rfc3339;
use crate::rolesanywhere::SessionCredentials;
use crate::secret::Secret;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Document<'a> {
    /// The number 1: the string "1" is refused by several SDKs.
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
}

/// Writes the one JSON document that SDKs read, with a final newline. `None`
/// when the service sent credentials that are not text.
#[must_use]
pub fn process_json(credentials: &SessionCredentials) -> Option<Secret> {
    let document = Document {
        version: 1,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose_str()?,
        session_token: credentials.session_token.expose_str()?,
        expiration: rfc3339(credentials.expiration),
    };
    // Room for all of it, so that no growing buffer leaves parts behind.
    let length = document.secret_access_key.len() + document.session_token.len();
    let mut json = Vec::with_capacity(length + 512);
    serde_json::to_writer(&mut json, &document).ok()?;
    json.push(b'\n');
    Some(Secret::new(json))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn writes_what_sdks_expect() {
        let credentials = SessionCredentials {
            access_key_id: "ASIAX".to_owned(),
            secret_access_key: Secret::from("s/e+c".to_owned()),
            session_token: Secret::from("t==".to_owned()),
            expiration: DateTime::from_timestamp(1_800_000_000, 999_999_999).unwrap(),
        };
        assert_eq!(
            process_json(&credentials).unwrap().expose_str().unwrap(),
            "{\"Version\":1,\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"s/e+c\",\
             \"SessionToken\":\"t==\",\"Expiration\":\"2027-01-15T08:00:00Z\"}\n"
        );
    }
}
