//! Answers as values, built whole before anything is sent.

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

/// An answer whose body is in memory.
pub(super) type Answer = Response<Full<Bytes>>;

/// An answer with this body.
pub(super) fn with(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    // Whatever stands between must not keep credentials or a state.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A text without a final newline, as the metadata service writes its own.
pub(super) fn text(body: impl Into<Bytes>) -> Answer {
    with(StatusCode::OK, "text/plain", body.into())
}

/// A JSON document.
pub(super) fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    with(status, "application/json", body.into())
}

/// A refusal or failure, with a name for programs and a sentence for people.
/// The container endpoint's clients read `code` and `message`.
pub(super) fn problem(status: StatusCode, code: &str, message: &str) -> Answer {
    json(
        status,
        json!({ "code": code, "message": message }).to_string(),
    )
}

/// The method is not one of those that the path knows.
pub(super) fn method_not_allowed(allowed: &'static str) -> Answer {
    let mut answer = problem(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        &format!("only {allowed} can be used here"),
    );
    set(&mut answer, ALLOW, HeaderValue::from_static(allowed));
    answer
}

/// Nothing is at the path.
pub(super) fn not_found() -> Answer {
    problem(StatusCode::NOT_FOUND, "NotFound", "nothing is here")
}

/// There is no session to give.
pub(super) fn unavailable(reason: &str) -> Answer {
    problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "CredentialsUnavailable",
        reason,
    )
}

/// Sets a header.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: HeaderValue) {
    answer.headers_mut().insert(name, value);
}
