//! From a request to what goes back, bad days included.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};

use crate::limits;
use crate::random;
use crate::text::printable;

use super::adverse::Adversity;
use super::draft::{Draft, JSON, XML};
use super::faults::{Fault, SpoiltWire};
use super::query::QueryRefusal;
use super::request::Received;
use super::router::Destination;
use super::server::{Answered, Event, Service};
use super::sts::NAMESPACE;
use super::world::uuid;

/// How a connection is broken off.
pub(super) enum BreakOff {
    /// Behind these bytes.
    Behind(Vec<u8>),
    /// Reset at once.
    Reset,
}

/// One request on one day.
struct Case<'a> {
    received: &'a Received,
    service: &'a Service,
    fault: &'a Fault,
    now: DateTime<Utc>,
    request_id: String,
}

/// What the log learns.
struct Told {
    /// The error's code.
    code: Option<&'static str>,
    operation: &'static str,
    subject: Option<String>,
    message: Option<String>,
    reason: Option<String>,
}

/// Answers a request, or says how the connection is broken off, and tells the
/// log.
pub(super) async fn respond(
    request: Request<Incoming>,
    service: &Service,
) -> Result<Response<Full<Bytes>>, BreakOff> {
    let shown = format!(
        "{} {}",
        request.method(),
        printable(request.uri().path(), 80)
    );
    let request_id = request_id();
    let begun = Instant::now();
    let Some(received) = receive(request).await else {
        let reason = "the body is too large, too slow or incomplete";
        (service.log)(Event::Connection {
            reason: format!("{shown}: {reason}"),
        });
        let draft = Draft {
            status: 413,
            content_type: JSON,
            headers: Vec::new(),
            body: serde_json::json!({ "message": reason }).to_string(),
            request_id,
            now: service.clock.now(),
        };
        return Ok(draft.response());
    };
    let mut fault = service.faults.next().unwrap_or_else(|reason| {
        (service.log)(Event::Connection { reason });
        Fault::default()
    });
    let mut mood = service.adversity.as_ref().map(Adversity::next);
    // What was asked for comes first.
    if let Some(mood) = mood.as_mut().filter(|_| fault == Fault::default()) {
        fault = mood.fault();
    }
    if fault.slow > Duration::ZERO {
        (service.log)(Event::Held {
            request: shown.clone(),
            seconds: fault.slow.as_secs_f64(),
        });
        tokio::time::sleep(fault.slow).await;
    }
    let case = Case {
        received: &received,
        service,
        fault: &fault,
        now: service.clock.now() + fault.skew,
        request_id: request_id.clone(),
    };
    let destination = Destination::of(&received);
    let (draft, told) = match destination {
        Destination::Control => control(case),
        Destination::Sessions => sessions(case),
        Destination::Iam | Destination::Sts => query(case, destination),
    };
    let (draft, told) = spoil(draft, told, fault.wire(), destination.speaks_xml());
    let answer = match fault.wire() {
        Some(SpoiltWire::Reset) => Err(BreakOff::Reset),
        Some(SpoiltWire::Truncated) => Err(BreakOff::Behind(draft.half())),
        Some(SpoiltWire::Html | SpoiltWire::Status(..)) | None => Ok(draft.response()),
    };
    let answer = match (answer, mood) {
        (Ok(_), Some(mood)) => match mood.vary(draft.clone()) {
            (draft, None) => Ok(draft.response()),
            (_, Some(wire)) => Err(BreakOff::Behind(wire)),
        },
        (answer, _) => answer,
    };
    (service.log)(Event::Answered(Answered {
        request: shown,
        status: draft.status,
        subject: told.subject,
        message: told.message,
        reason: told.reason,
        operation: told.operation,
        count: service.count(told.operation),
        code: told.code,
        request_id,
        duration: begun.elapsed(),
    }));
    answer
}

fn sessions(case: Case<'_>) -> (Draft, Told) {
    let world = &case.service.world;
    let outcome = world.answer_spoilt(case.received, case.now, case.fault.session());
    let mut headers = Vec::new();
    if let Some(error_type) = outcome.error_type {
        headers.push(("x-amzn-errortype", error_type.to_owned()));
    }
    headers.extend(outcome.reason.as_deref().map(reason_header));
    let told = Told {
        code: outcome.error_type,
        operation: "CreateSession",
        subject: outcome.subject,
        message: outcome.reason.is_some().then(|| {
            outcome.body["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        }),
        reason: outcome.reason,
    };
    let draft = Draft {
        status: outcome.status,
        content_type: JSON,
        headers,
        body: outcome.body.to_string(),
        request_id: case.request_id,
        now: case.now,
    };
    (draft, told)
}

fn control(case: Case<'_>) -> (Draft, Told) {
    let world = &case.service.world;
    let outcome = world.answer_control(case.received, case.now, case.fault.session());
    let mut headers = Vec::new();
    if let Some(error_type) = outcome.error_type {
        headers.push(("x-amzn-errortype", error_type.to_owned()));
    }
    headers.extend(outcome.reason.as_deref().map(reason_header));
    let message = outcome.body["message"].as_str().map(str::to_owned);
    let told = Told {
        code: outcome.error_type,
        operation: outcome.operation,
        subject: outcome.caller,
        message: message.filter(|_| outcome.reason.is_some()),
        reason: outcome.reason,
    };
    let draft = Draft {
        status: outcome.status,
        content_type: JSON,
        headers,
        body: outcome.body.to_string(),
        request_id: case.request_id,
        now: case.now,
    };
    (draft, told)
}

fn query(case: Case<'_>, destination: Destination) -> (Draft, Told) {
    let world = &case.service.world;
    let spoilt = case.fault.session();
    let outcome = match destination {
        Destination::Iam => world.answer_iam(case.received, case.now, spoilt, &case.request_id),
        _ => world.answer_sts(case.received, case.now, spoilt, &case.request_id),
    };
    let (message, reason) = outcome.refused.unzip();
    let draft = Draft {
        status: outcome.status,
        content_type: XML,
        headers: reason.as_deref().map(reason_header).into_iter().collect(),
        body: outcome.body,
        request_id: case.request_id,
        now: case.now,
    };
    let told = Told {
        code: outcome.code,
        operation: outcome.operation,
        subject: outcome.caller,
        message,
        reason,
    };
    (draft, told)
}

/// Puts something else in the answer's place where the fault says so.
fn spoil(draft: Draft, told: Told, spoilt: Option<SpoiltWire>, is_xml: bool) -> (Draft, Told) {
    let because = |reason: &str, told: Told| Told {
        reason: Some(reason.to_owned()),
        ..told
    };
    match spoilt {
        Some(SpoiltWire::Status(status, retry_after)) => {
            let (code, message) = match status {
                429 => ("ThrottlingException", "Rate exceeded"),
                503 => ("ServiceUnavailableException", "Service is unavailable"),
                _ => ("InternalFailure", "An internal error has occurred"),
            };
            let mut headers: Vec<_> = retry_after
                .map(|seconds| ("retry-after", seconds.to_string()))
                .into_iter()
                .collect();
            let body = if is_xml {
                QueryRefusal::new(status, code, message).body(NAMESPACE, &draft.request_id)
            } else {
                headers.push(("x-amzn-errortype", code.to_owned()));
                serde_json::json!({ "message": message }).to_string()
            };
            let draft = Draft {
                status,
                headers,
                body,
                ..draft
            };
            let told = Told {
                code: Some(code),
                ..because("a fault", told)
            };
            (draft, told)
        }
        Some(SpoiltWire::Html) => {
            let draft = Draft {
                status: 200,
                content_type: "text/html",
                headers: Vec::new(),
                body:
                    "<!DOCTYPE html><html><head><title>Sign in</title></head><body></body></html>"
                        .to_owned(),
                ..draft
            };
            (draft, because("a fault: a page in place of data", told))
        }
        Some(SpoiltWire::Reset) => (draft, because("a fault: reset", told)),
        Some(SpoiltWire::Truncated) => (draft, because("a fault: half of the answer", told)),
        None => (draft, told),
    }
}

/// The reason that AWS does not give, as a header.
fn reason_header(reason: &str) -> (&'static str, String) {
    let visible = reason
        .chars()
        .take(limits::MAX_EMULATED_REASON)
        .map(|character| {
            if character.is_ascii() && !character.is_ascii_control() {
                character
            } else {
                '?'
            }
        })
        .collect();
    ("x-windlass-reason", visible)
}

/// Without randomness it is always the same, which nothing here minds.
fn request_id() -> String {
    uuid(random::octets::<16>().unwrap_or_default())
}

/// Takes the request apart; `None` when its body is over the limit, late or
/// broken.
async fn receive(request: Request<Incoming>) -> Option<Received> {
    let (head, body) = request.into_parts();
    let collecting = Limited::new(body, limits::MAX_REQUEST_BODY).collect();
    let body = tokio::time::timeout(limits::SERVER_READ_DEADLINE, collecting)
        .await
        .ok()?
        .ok()?
        .to_bytes();
    Some(Received {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
    })
}
