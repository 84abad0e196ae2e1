//! What is told of each request: a line that a person reads, and one of JSON.

use std::path::Path;

use serde_json::json;

use crate::clock::{Clock, SystemClock, rfc3339};
use crate::commands::Printer;
use crate::emulator::{Answered, Event};
use crate::store;
use crate::text::printable;

/// One line for each request, with the reason of a refusal, on stderr; and one
/// of JSON in a file, if there is one.
pub(super) fn note(printer: &Printer, event: &Event, counted: bool, file: Option<&Path>) {
    let now = rfc3339(SystemClock.now());
    let line = match event {
        Event::Connection { reason } => format!("connection: {reason}"),
        Event::Held { request, seconds } => format!("{request} held for {seconds} s"),
        Event::Answered(answered) => line(answered, counted),
    };
    printer.record(
        "answered",
        &format!("{now} {line}\n"),
        json!({ "request": line }),
    );
    if let (Event::Answered(answered), Some(file)) = (event, file)
        && let Err(error) = store::append_line(file, &object(answered, &now))
    {
        printer.warning(&format!("a request is missing in the log: {error}"));
    }
}

fn line(answered: &Answered, counted: bool) -> String {
    let mut line = format!("{} {}", answered.request, answered.status);
    if let Some(subject) = &answered.subject {
        line.push_str(&format!(" [{}]", printable(subject, 200)));
    }
    if let Some(message) = &answered.message {
        line.push_str(&format!(" {}", printable(message, 300)));
    }
    if let Some(reason) = &answered.reason {
        line.push_str(&format!("; reason: {}", printable(reason, 1000)));
    }
    let operation = answered.operation;
    let duration = answered.duration.as_millis();
    line.push_str(&match counted {
        true => format!(" ({operation} #{}) {duration} ms", answered.count),
        false => format!(" ({operation}) {duration} ms"),
    });
    line
}

fn object(answered: &Answered, now: &str) -> String {
    let shown = |text: &Option<String>| text.as_ref().map(|text| printable(text, 1000));
    let milliseconds = u64::try_from(answered.duration.as_millis()).unwrap_or(u64::MAX);
    let mut object = json!({
        "time": now,
        "request": answered.request,
        "operation": answered.operation,
        "caller": shown(&answered.subject),
        "status": answered.status,
        "code": answered.code,
        "message": shown(&answered.message),
        "reason": shown(&answered.reason),
        "durationMs": milliseconds,
        "requestId": answered.request_id,
    });
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object.to_string()
}
