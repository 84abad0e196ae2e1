//! Sessions in AWS's shared credentials file.

use crate::rolesanywhere::SessionCredentials;
use crate::text::printable;

use super::ini::{Change, Document, Edited, Place, ProfileName, Refusal, edit};

/// What temporary key ids begin with (IAM user guide, "IAM identifiers").
const TEMPORARY: &[u8] = b"ASIA";

const KEY_ID: &str = "aws_access_key_id";
const SECRET: &str = "aws_secret_access_key";
const TOKEN: &str = "aws_session_token";

/// What boto 2 wrote: where it stands, botocore takes it and not
/// [`TOKEN`].
const OLD_TOKEN: &str = "aws_security_token";

/// Why a session is not written into a credentials file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsFileError {
    /// What is there is no session's, and may be kept nowhere else.
    #[error(
        "line {line}: the section [{section}] holds the access key {key_id}, which is no temporary one"
    )]
    LongLived {
        /// The line of the key.
        line: usize,
        /// The section.
        section: String,
        /// The key's id, or as much of it as can be shown.
        key_id: String,
    },
    /// The session's credentials are not text.
    #[error("the service sent credentials that are not text")]
    NotText,
    /// The file cannot be edited.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Puts a session into the section of a profile. With `force` any key that is
/// there is replaced, and without only a temporary one.
///
/// # Errors
///
/// [`CredentialsFileError`].
pub fn write_session(
    text: &[u8],
    profile: &ProfileName,
    credentials: &SessionCredentials,
    force: bool,
) -> Result<Edited, CredentialsFileError> {
    if !force {
        check_temporary(text, profile)?;
    }
    let value = |secret: &'static str, text: Option<&str>| {
        let text = text.filter(|text| text.bytes().all(|octet| octet.is_ascii_graphic()));
        text.map(|_| secret).ok_or(CredentialsFileError::NotText)
    };
    let secret = credentials.secret_access_key.expose_str();
    let token = credentials.session_token.expose_str();
    let set = [
        (KEY_ID, Some(credentials.access_key_id.as_str())),
        (SECRET, secret),
        (TOKEN, token),
    ];
    let mut changes = Vec::with_capacity(4);
    for (key, text) in set {
        changes.push(Change {
            key: value(key, text)?,
            value: text,
        });
    }
    changes.push(Change {
        key: OLD_TOKEN,
        value: None,
    });
    Ok(edit(text, Place::Credentials, profile, &changes)?)
}

/// The access key id that stands in the section of a profile: what tells
/// whether somebody else has written there.
#[must_use]
pub fn key_id_of(text: &[u8], profile: &ProfileName) -> Option<String> {
    let document = Document::read(text).ok()?;
    let section = document.section(Place::Credentials, profile).ok()??;
    let value = section.entry(KEY_ID)?.value();
    Some(String::from_utf8_lossy(value).into_owned())
}

/// Whether the section of a profile holds credentials of its own, which SDKs
/// take before those of a `credential_process`; the line of the first.
///
/// # Errors
///
/// [`Refusal`], for a file that cannot be read.
pub fn static_key(text: &[u8], profile: &ProfileName) -> Result<Option<usize>, Refusal> {
    let document = Document::read(text)?;
    let section = document.section(Place::Credentials, profile)?;
    let entry = section.and_then(|section| section.entry(KEY_ID).or_else(|| section.entry(SECRET)));
    Ok(entry.map(|entry| entry.number()))
}

/// What stands in the section of a profile and leads SDKs past its access keys,
/// to other credentials: the key and its line. A role whose source is the profile
/// itself is assumed with those keys (AWS SDKs and Tools reference guide, "Assume
/// role credential provider"; botocore's chain).
///
/// # Errors
///
/// [`Refusal`], for a file that cannot be read.
pub fn passes_by(
    text: &[u8],
    profile: &ProfileName,
) -> Result<Option<(&'static str, usize)>, Refusal> {
    let document = Document::read(text)?;
    let Some(section) = document.section(Place::Credentials, profile)? else {
        return Ok(None);
    };
    let has = |key| section.entry(key).is_some();
    let is_from_another = section
        .entry("source_profile")
        .is_some_and(|entry| entry.value() != profile.as_str().as_bytes());
    let is_elsewhere =
        is_from_another || has("credential_source") || has("web_identity_token_file");
    let found = ["role_arn", "sso_session", "sso_start_url"]
        .into_iter()
        .filter(|key| *key != "role_arn" || is_elsewhere)
        .find_map(|key| Some((key, section.entry(key)?.number())));
    Ok(found)
}

/// Whether a session could be put there: before the service is asked for one.
///
/// # Errors
///
/// [`CredentialsFileError`], as of [`write_session`].
pub fn check_section(
    text: &[u8],
    profile: &ProfileName,
    force: bool,
) -> Result<(), CredentialsFileError> {
    if force {
        Document::read(text)?.section(Place::Credentials, profile)?;
        return Ok(());
    }
    check_temporary(text, profile)
}

fn check_temporary(text: &[u8], profile: &ProfileName) -> Result<(), CredentialsFileError> {
    let document = Document::read(text)?;
    let Some(section) = document.section(Place::Credentials, profile)? else {
        return Ok(());
    };
    let Some(entry) = section.entry(KEY_ID) else {
        return Ok(());
    };
    if entry.value().is_empty() || entry.value().starts_with(TEMPORARY) {
        return Ok(());
    }
    Err(CredentialsFileError::LongLived {
        line: entry.number(),
        section: profile.to_string(),
        key_id: shown(entry.value()),
    })
}

/// An access key id as it can be shown: what does not look like one may be a
/// secret that stands in the wrong place.
fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let looks = (16..=32).contains(&text.len())
        && text
            .bytes()
            .all(|octet| octet.is_ascii_uppercase() || octet.is_ascii_digit());
    if looks {
        text.into_owned()
    } else {
        printable(&text, 4)
    }
}
