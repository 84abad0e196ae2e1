//! Credentials as environment variables, and in the forms in which shells and
//! service managers read those.

use std::str::FromStr;

use crate::clock::rfc3339;
use crate::rolesanywhere::Region;
use crate::secret::Secret;

use super::Session;

/// What a session is as environment variables (AWS SDKs and Tools reference
/// guide, "Environment variables"). The expiration is for `aws configure`; SDKs
/// do not read it.
const NAMES: [&str; 4] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
];

/// The variables that name a region: that of most SDKs, and that of botocore and
/// older ones (AWS SDKs and Tools reference guide, "AWS Region").
pub const REGION_NAMES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// Variables that would go before those of a session, or stand against them: a
/// profile (the JavaScript SDK then leaves the variables alone) and an old name
/// of the token.
pub const CONTRARY: [&str; 3] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN"];

/// A form in which variables are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `NAME=value`, as `docker run --env-file` and dotenv libraries read it.
    Dotenv,
    /// The fish shell.
    Fish,
    /// One JSON object.
    Json,
    /// PowerShell.
    Powershell,
    /// Any POSIX shell.
    Sh,
    /// `EnvironmentFile=` of a systemd unit (systemd.exec(5)).
    Systemd,
}

impl Form {
    /// All of them, by their names.
    pub const ALL: [Self; 6] = [
        Self::Dotenv,
        Self::Fish,
        Self::Json,
        Self::Powershell,
        Self::Sh,
        Self::Systemd,
    ];

    /// What it is called on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dotenv => "dotenv",
            Self::Fish => "fish",
            Self::Json => "json",
            Self::Powershell => "powershell",
            Self::Sh => "sh",
            Self::Systemd => "systemd",
        }
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|form| form.name() == text)
            .ok_or_else(|| format!("known are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// A value cannot be written in this form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} has characters that this form cannot carry")]
pub struct Unwritable {
    /// The variable.
    pub name: &'static str,
}

/// A session's variables with their values.
///
/// # Errors
///
/// [`Unwritable`] for a value that is not text, or has an end of line or a NUL
/// in it.
pub fn variables(session: &Session) -> Result<Vec<(&'static str, Secret)>, Unwritable> {
    let credentials = &session.credentials;
    let values = [
        Secret::from(credentials.access_key_id.clone()),
        credentials.secret_access_key.copy(),
        credentials.session_token.copy(),
        Secret::from(rfc3339(credentials.expiration)),
    ];
    let named: Vec<(&'static str, Secret)> = NAMES.into_iter().zip(values).collect();
    for (name, value) in &named {
        let is_text = value
            .expose_str()
            .is_some_and(|text| !text.contains(char::is_control));
        if !is_text {
            return Err(Unwritable { name });
        }
    }
    Ok(named)
}

/// Writes the variables for a reader of this form, and those of a region behind
/// them.
///
/// # Errors
///
/// [`Unwritable`].
pub fn write_variables(
    session: &Session,
    region: &[(&'static str, Region)],
    form: Form,
) -> Result<Secret, Unwritable> {
    let mut variables = variables(session)?;
    let region = region.iter();
    variables.extend(region.map(|(name, region)| (*name, Secret::from(region.to_string()))));
    // Room for all of it, so that no growing buffer leaves parts behind.
    let length: usize = variables
        .iter()
        .map(|(_, value)| value.expose().len())
        .sum();
    let mut text = String::with_capacity(2 * length + 1024);
    if form == Form::Json {
        let object: std::collections::BTreeMap<&str, &str> = variables
            .iter()
            .filter_map(|(name, value)| Some((*name, value.expose_str()?)))
            .collect();
        let mut json = text.into_bytes();
        serde_json::to_writer_pretty(&mut json, &object)
            .map_err(|_| Unwritable { name: NAMES[0] })?;
        json.push(b'\n');
        return Ok(Secret::new(json));
    }
    for (name, value) in &variables {
        let value = value.expose_str().ok_or(Unwritable { name })?;
        let (before, after) = match form {
            Form::Fish => (format!("set -gx {name} '"), "'"),
            Form::Powershell => (format!("$env:{name} = '"), "'"),
            Form::Sh => (format!("export {name}='"), "'"),
            Form::Dotenv | Form::Systemd | Form::Json => (format!("{name}="), ""),
        };
        text.push_str(&before);
        for character in value.chars() {
            push(&mut text, character, form).ok_or(Unwritable { name })?;
        }
        text.push_str(after);
        text.push('\n');
    }
    Ok(Secret::from(text))
}

/// One character of a value, quoted as the form wants it; `None` where there is
/// no way that every reader understands.
fn push(text: &mut String, character: char, form: Form) -> Option<()> {
    match (form, character) {
        (Form::Fish, '\'' | '\\') => text.extend(['\\', character]),
        (Form::Powershell, '\'') => text.push_str("''"),
        (Form::Sh, '\'') => text.push_str("'\\''"),
        // Readers disagree on quotes, so only what needs none is written: all
        // that base64 and dates have.
        (Form::Dotenv | Form::Systemd, other)
            if !other.is_ascii_alphanumeric() && !"+/=_.:-".contains(other) =>
        {
            return None;
        }
        (_, other) => text.push(other),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rolesanywhere::SessionCredentials;
    use chrono::DateTime;

    fn session(token: &str) -> Session {
        let obtained = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Session {
            credentials: SessionCredentials {
                access_key_id: "ASIAX".to_owned(),
                secret_access_key: Secret::from("s/e+c".to_owned()),
                session_token: Secret::from(token.to_owned()),
                expiration: obtained,
            },
            obtained,
            role: "arn:aws:iam::123456789012:role/x".parse().unwrap(),
        }
    }

    #[test]
    fn quotes_are_those_of_the_reader() {
        let token = |form| {
            let written = write_variables(&session("a'b\\c=="), &[], form).unwrap();
            let text = written.expose_str().unwrap();
            text.lines().nth(2).unwrap().to_owned()
        };
        assert_eq!(token(Form::Sh), r"export AWS_SESSION_TOKEN='a'\''b\c=='");
        assert_eq!(token(Form::Fish), r"set -gx AWS_SESSION_TOKEN 'a\'b\\c=='");
        assert_eq!(
            token(Form::Powershell),
            r"$env:AWS_SESSION_TOKEN = 'a''b\c=='"
        );
    }

    #[test]
    fn what_readers_would_understand_differently_is_refused() {
        let name = "AWS_SESSION_TOKEN";
        for form in [Form::Dotenv, Form::Systemd] {
            for token in ["a'b", "a b", "a#b", "a$b", "a\"b", "a\\b"] {
                let written = write_variables(&session(token), &[], form);
                assert_eq!(written.unwrap_err(), Unwritable { name }, "{token}");
            }
        }
        for form in [Form::Sh, Form::Json, Form::Fish, Form::Powershell] {
            let written = write_variables(&session("a\nb"), &[], form);
            assert_eq!(written.unwrap_err(), Unwritable { name });
        }
    }
}
