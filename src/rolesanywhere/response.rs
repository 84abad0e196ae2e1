//! Reading the answer to CreateSession, and what every answer has.

use std::time::Duration;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde::Deserialize;

use crate::secret::Secret;
use crate::text::printable;

use super::{Error, SessionCredentials};

/// Longest part of a foreign text that an error repeats, in characters.
const SHOWN: usize = 300;

/// Longest reason of an emulator that is shown, in characters: two ARNs of a trust
/// policy's condition and what they are about.
const SHOWN_REASON: usize = 1000;

/// An HTTP answer as it came.
pub struct Reply {
    /// Who was asked: host and port.
    pub host: String,
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `x-amzn-ErrorType`.
    pub error_type: Option<String>,
    /// `x-amzn-RequestId`.
    pub request_id: Option<String>,
    /// `x-windlass-reason`, which only the emulator sends.
    pub emulator_reason: Option<String>,
    /// `Date`.
    pub date: Option<DateTime<Utc>>,
    /// `Retry-After`.
    pub retry_after: Option<RetryAfter>,
    /// The body; it may hold credentials.
    pub body: Secret,
}

/// Credentials as they stand in an answer, not yet judged.
pub(super) struct Found {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Secret,
    pub(super) expiration: String,
}

/// When the service wants to be asked again (RFC 9110 section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so long.
    Delay(Duration),
    /// At that time, by the service's clock.
    Date(DateTime<Utc>),
}

impl RetryAfter {
    /// Reads the header's value; `None` when it is neither seconds nor a date.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let value = value.trim();
        if !value.is_empty() && value.bytes().all(|octet| octet.is_ascii_digit()) {
            // More seconds than fit are more than anybody waits.
            let seconds = value.parse().unwrap_or(u32::MAX);
            return Some(Self::Delay(Duration::from_secs(u64::from(seconds))));
        }
        http_date(value).map(Self::Date)
    }
}

/// RFC 9110 section 5.6.7, the one form that is still generated. A date that no
/// clock shows is none: a request could not be dated by it either.
pub(super) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text)
        .ok()
        .map(|date| date.with_timezone(&Utc))
        .filter(|date| (2000..=9999).contains(&date.year()))
}

impl Reply {
    /// Reads the credentials. `now` is the time by which expiry is judged;
    /// `ahead` is how far this host's clock is ahead of the answer's `Date`.
    ///
    /// # Errors
    ///
    /// The typed error for whatever else the answer is.
    pub fn credentials(
        &self,
        now: DateTime<Utc>,
        ahead: Option<TimeDelta>,
    ) -> Result<SessionCredentials, Error> {
        if (200..300).contains(&self.status) {
            self.success(now)
        } else {
            let body = ErrorBody::read(self.body.expose());
            Err(self.failure(body, ahead))
        }
    }

    /// How long the service asks to be left alone. A date counts from the
    /// answer's own, so that this host's clock has no part in it.
    pub(super) fn wait_at_least(&self, now: DateTime<Utc>) -> Option<Duration> {
        match self.retry_after? {
            RetryAfter::Delay(delay) => Some(delay),
            RetryAfter::Date(date) => (date - self.date.unwrap_or(now)).to_std().ok(),
        }
    }

    fn success(&self, now: DateTime<Utc>) -> Result<SessionCredentials, Error> {
        let bad = |reason: &str| self.unusable(reason);
        if self.looks_like_html() {
            return Err(self.not_aws());
        }
        // The parser's own message may quote the body, which holds secrets.
        let answer: Answer =
            serde_json::from_slice(self.body.expose()).map_err(|error| match error.classify() {
                serde_json::error::Category::Eof if self.body.expose().is_empty() => {
                    bad("its body is empty")
                }
                serde_json::error::Category::Eof => self.cut_short("its JSON ends too early"),
                serde_json::error::Category::Data => bad("its JSON lacks the credentials"),
                _ => bad("its body is not JSON"),
            })?;
        let set = answer
            .credential_set
            .into_iter()
            .next()
            .ok_or_else(|| bad("its credential set is empty"))?;
        let found = set.credentials;
        let found = Found {
            access_key_id: found.access_key_id,
            secret_access_key: found.secret_access_key.into(),
            session_token: found.session_token.into(),
            expiration: found.expiration,
        };
        self.checked(found, now)
    }

    /// What every set of credentials must be: complete, and good for a while.
    pub(super) fn checked(
        &self,
        found: Found,
        now: DateTime<Utc>,
    ) -> Result<SessionCredentials, Error> {
        let bad = |reason: &str| self.unusable(reason);
        if found.access_key_id.is_empty()
            || found.secret_access_key.expose().is_empty()
            || found.session_token.expose().is_empty()
        {
            return Err(bad("a part of its credentials is empty"));
        }
        let expiration = DateTime::parse_from_rfc3339(&found.expiration)
            .map_err(|_| bad("the expiration of its credentials is not a date"))?
            .with_timezone(&Utc);
        if expiration.year() > 9999 {
            return Err(bad(
                "the expiration of its credentials is beyond the year 9999",
            ));
        }
        if expiration <= now {
            return Err(bad(&format!(
                "its credentials have expired already, on {}",
                crate::clock::rfc3339(expiration)
            )));
        }
        Ok(SessionCredentials {
            access_key_id: found.access_key_id,
            secret_access_key: found.secret_access_key,
            session_token: found.session_token,
            expiration,
        })
    }

    /// An answer of success that cannot be used.
    pub(super) fn unusable(&self, reason: &str) -> Error {
        Error::BadResponse {
            host: self.host.clone(),
            status: self.status,
            reason: reason.to_owned(),
        }
    }

    /// An answer whose end is missing.
    pub(super) fn cut_short(&self, reason: &str) -> Error {
        Error::Interrupted {
            host: self.host.clone(),
            reason: reason.to_owned(),
        }
    }

    /// The typed error for an answer that is no success.
    pub(super) fn failure(&self, body: ErrorBody, ahead: Option<TimeDelta>) -> Error {
        let error_type = self
            .error_type
            .clone()
            .or(body.type_name)
            .map(|name| plain_type(&name));
        let message = body.message.map(|message| printable(&message, SHOWN));
        let (status, host) = (self.status, self.host.clone());
        let request_id = self.shown_request_id();
        let throttled = status == 429 || error_type.as_deref().is_some_and(is_throttling);
        // The service has given up waiting for the rest of the request.
        let timed_out = status == 408
            || error_type
                .as_deref()
                .is_some_and(|name| name.starts_with("RequestTimeout"));
        match (error_type, message) {
            (_, message) if throttled => Error::Throttled {
                status,
                message: message.unwrap_or_else(|| self.kind_of_content()),
                request_id,
            },
            (error_type, message) if status >= 500 || timed_out => Error::Unavailable {
                host,
                status,
                message: match (error_type, message) {
                    (Some(error_type), Some(message)) => format!("{error_type}: {message}"),
                    (Some(words), None) | (None, Some(words)) => words,
                    (None, None) => self.kind_of_content(),
                },
                request_id,
            },
            // AWS names a type or at least a request id; a sentence alone may
            // be a proxy's, unless it is one that is known.
            (None, message)
                if request_id.is_none() && !message.as_deref().is_some_and(is_known_sentence) =>
            {
                self.not_aws()
            }
            (error_type, message) => Error::Denied {
                status,
                error_type: error_type.unwrap_or_else(|| "(no error type)".to_owned()),
                message: message.unwrap_or_else(|| "(no message)".to_owned()),
                request_id,
                emulator_reason: self
                    .emulator_reason
                    .as_ref()
                    .map(|reason| printable(reason, SHOWN_REASON)),
                clock_ahead: ahead,
            },
        }
    }

    /// The request's id, as it can be shown.
    pub(super) fn shown_request_id(&self) -> Option<String> {
        self.request_id.as_deref().map(|id| printable(id, 80))
    }

    /// An answer of something else.
    pub(super) fn not_aws(&self) -> Error {
        Error::NotAws {
            host: self.host.clone(),
            status: self.status,
            content: self.kind_of_content(),
        }
    }

    /// Whether a page came where data was wanted.
    fn looks_like_html(&self) -> bool {
        let start = self.body.expose().trim_ascii_start();
        let declared = self
            .content_type
            .as_deref()
            .is_some_and(|kind| kind.starts_with("text/html"));
        declared || start.starts_with(b"<")
    }

    fn kind_of_content(&self) -> String {
        let body = self.body.expose();
        if body.is_empty() {
            return "an empty body".to_owned();
        }
        if !self.looks_like_html() {
            let kind = self.content_type.as_deref().unwrap_or("no content type");
            return format!("{} bytes of {}", body.len(), printable(kind, 60));
        }
        let page = String::from_utf8_lossy(body);
        let title = page
            .find("<title>")
            .and_then(|start| page.get(start + 7..))
            .and_then(|rest| rest.split('<').next())
            .map(str::trim)
            .filter(|title| !title.is_empty());
        match title {
            Some(title) => format!("an HTML page titled '{}'", printable(title, 80)),
            None => "an HTML page".to_owned(),
        }
    }
}

/// How far this host's clock may be off before a refusal is blamed on it. The
/// service's window is not published; SigV4's usual figure is five minutes, and
/// the answer took some of them.
pub const SUSPICIOUS_SKEW: TimeDelta = TimeDelta::minutes(4);

/// The beginnings of the sentences with which the service was seen to refuse a
/// session.
fn is_known_sentence(message: &str) -> bool {
    const KNOWN: [&str; 10] = [
        "Certificate revoked",
        "Invalid or empty profile",
        "Invalid signature",
        "Not authorized to set roleSessionName",
        "Requested Role",
        "Specified Trust Anchor",
        "Unable to assume role",
        "Untrusted certificate",
        "Untrusted signing certificate",
        "1 validation error",
    ];
    let lower = message.to_ascii_lowercase();
    KNOWN
        .iter()
        .any(|known| lower.starts_with(&known.to_ascii_lowercase()))
}

/// The names with which AWS services ask to slow down (botocore's
/// `_THROTTLED_ERROR_CODES`).
fn is_throttling(name: &str) -> bool {
    name.contains("Throttl")
        || name.contains("TooManyRequests")
        || matches!(
            name,
            "BandwidthLimitExceeded"
                | "LimitExceededException"
                | "PriorRequestNotComplete"
                | "ProvisionedThroughputExceededException"
                | "RequestLimitExceeded"
                | "SlowDown"
        )
}

/// `AccessDeniedException:http://…` and `aws.x#AccessDeniedException` name the
/// type between their marks (restJson1).
fn plain_type(name: &str) -> String {
    let name = name.split(':').next().unwrap_or_default();
    let name = name.rsplit('#').next().unwrap_or_default();
    printable(name, 80)
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "credentialSet")]
    credential_set: Vec<CredentialSet>,
}

#[derive(Deserialize)]
struct CredentialSet {
    credentials: Credentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

/// The members of an error body that are text, under any of their names.
#[derive(Default)]
pub(super) struct ErrorBody {
    /// The error's type or code.
    pub(super) type_name: Option<String>,
    /// The sentence.
    pub(super) message: Option<String>,
}

impl ErrorBody {
    fn read(body: &[u8]) -> Self {
        let Ok(serde_json::Value::Object(members)) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let text = |names: &[&str]| {
            names
                .iter()
                .find_map(|name| members.get(*name)?.as_str())
                .map(str::to_owned)
        };
        Self {
            type_name: text(&["__type", "code", "Code"]),
            message: text(&["message", "Message"]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(
            RetryAfter::read(" 120 "),
            Some(RetryAfter::Delay(Duration::from_secs(120)))
        );
        assert_eq!(
            RetryAfter::read("99999999999999999999999"),
            Some(RetryAfter::Delay(Duration::from_secs(u64::from(u32::MAX))))
        );
        let date = DateTime::parse_from_rfc3339("2027-01-15T08:00:00Z").unwrap();
        assert_eq!(
            RetryAfter::read("Fri, 15 Jan 2027 08:00:00 GMT"),
            Some(RetryAfter::Date(date.with_timezone(&Utc)))
        );
        for bad in ["", "-1", "1.5", "soon", "Sat, 31 Dec 262142 23:59:59 GMT"] {
            assert_eq!(RetryAfter::read(bad), None, "{bad}");
        }
    }
}
