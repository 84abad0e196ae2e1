//! The documents in which a session leaves, written once when it comes and not
//! for every reader.

use hyper::body::Bytes;
use serde::Serialize;

use crate::clock::rfc3339;
use crate::secret::Secret;

use super::super::Session;

/// One session in every form.
#[derive(Debug)]
pub(super) struct Documents {
    /// What the metadata service gives for a role.
    pub(super) imds: Bytes,
    /// The same with the account.
    pub(super) extended: Bytes,
    /// What the container endpoint gives.
    pub(super) container: Bytes,
}

/// The metadata service's form. Rust's SDK wants `Code` to be `Success`, and
/// dates with `Z`; botocore reads dates with whole seconds only.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Imds<'a> {
    code: &'static str,
    last_updated: String,
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(flatten)]
    credentials: Container<'a>,
}

/// The container endpoint's form: `Token`, not `SessionToken`.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    token: &'a str,
    expiration: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<&'a str>,
}

impl Documents {
    /// Writes them. `None` when the service sent credentials that are not text.
    pub(super) fn of(session: &Session) -> Option<Self> {
        let credentials = &session.credentials;
        let container = Container {
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose_str()?,
            token: credentials.session_token.expose_str()?,
            expiration: rfc3339(credentials.expiration),
            account_id: Some(session.role.account()),
        };
        let imds = |account_id| Imds {
            code: "Success",
            last_updated: rfc3339(session.obtained),
            kind: "AWS-HMAC",
            credentials: Container {
                account_id,
                ..container.clone()
            },
        };
        Some(Self {
            imds: written(&imds(None))?,
            extended: written(&imds(container.account_id))?,
            container: written(&container)?,
        })
    }
}

/// JSON in memory that is wiped when the last reader has let go of it.
fn written(document: &impl Serialize) -> Option<Bytes> {
    struct Wiped(Secret);
    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            self.0.expose()
        }
    }
    // Measured first, so that no growing buffer leaves parts behind.
    let mut length = Length(0);
    serde_json::to_writer(&mut length, document).ok()?;
    let mut json = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut json, document).ok()?;
    Some(Bytes::from_owner(Wiped(Secret::new(json))))
}

/// Counts what is written to it.
struct Length(usize);

impl std::io::Write for Length {
    fn write(&mut self, part: &[u8]) -> std::io::Result<usize> {
        self.0 += part.len();
        Ok(part.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::rolesanywhere::SessionCredentials;

    #[test]
    fn each_form_is_what_its_clients_read() {
        let session = Session {
            credentials: SessionCredentials {
                access_key_id: "ASIAX".to_owned(),
                secret_access_key: Secret::from("s/e+c".to_owned()),
                session_token: Secret::from("t==".to_owned()),
                expiration: DateTime::from_timestamp(1_800_000_000, 999_999_999).unwrap(),
            },
            obtained: DateTime::from_timestamp(1_799_996_400, 1).unwrap(),
            role: "arn:aws:iam::123456789012:role/a/backup".parse().unwrap(),
        };
        let documents = Documents::of(&session).unwrap();
        let common = r#""AccessKeyId":"ASIAX","SecretAccessKey":"s/e+c","Token":"t==","Expiration":"2027-01-15T08:00:00Z""#;
        let head = r#""Code":"Success","LastUpdated":"2027-01-15T07:00:00Z","Type":"AWS-HMAC""#;
        let account = r#""AccountId":"123456789012""#;
        assert_eq!(documents.imds, format!("{{{head},{common}}}"));
        assert_eq!(documents.extended, format!("{{{head},{common},{account}}}"));
        assert_eq!(documents.container, format!("{{{common},{account}}}"));
    }
}
