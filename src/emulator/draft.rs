//! An answer before it is HTTP.

use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

pub(super) const JSON: &str = "application/json";
pub(super) const XML: &str = "text/xml";

/// How `Date` and `Retry-After` are written (RFC 9110, section 5.6.7).
const HTTP_DATE: &str = "%a, %d %b %Y %H:%M:%S GMT";

/// An answer before it is HTTP.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    /// Those that not every answer has, names in lowercase.
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: String,
    pub(super) request_id: String,
    /// The service's own time, which is not the wall clock's when it is fixed.
    pub(super) now: DateTime<Utc>,
}

impl Draft {
    /// All headers but those about the connection and the length.
    pub(super) fn headers(&self) -> Vec<(&'static str, String)> {
        let mut all = vec![
            ("content-type", self.content_type.to_owned()),
            ("date", http_date(self.now)),
            ("x-amzn-requestid", self.request_id.clone()),
        ];
        all.extend(self.headers.iter().cloned());
        all
    }

    pub(super) fn response(&self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body.clone())));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers() {
            if let Ok(value) = HeaderValue::try_from(value) {
                response
                    .headers_mut()
                    .insert(HeaderName::from_static(name), value);
            }
        }
        response
    }

    /// The first line of the answer on the wire, with its end.
    pub(super) fn status_line(&self) -> String {
        let status = StatusCode::from_u16(self.status).unwrap_or_default();
        format!("HTTP/1.1 {status}\r\n")
    }

    /// The answer as it stands on the wire, up to the middle of its body.
    pub(super) fn half(&self) -> Vec<u8> {
        let mut wire = self.status_line();
        for (name, value) in self.headers() {
            wire.push_str(&format!("{name}: {value}\r\n"));
        }
        wire.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        let mut wire = wire.into_bytes();
        wire.extend_from_slice(&self.body.as_bytes()[..self.body.len() / 2]);
        wire
    }
}

/// A time as headers have it.
pub(super) fn http_date(at: DateTime<Utc>) -> String {
    at.format(HTTP_DATE).to_string()
}
