//! `GET /metrics` in the text format of Prometheus (its documentation,
//! "Exposition formats", version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use hyper::StatusCode;

use super::answer::{self, Answer};
use super::site::Site;

/// The requests that were answered, by what was asked for and by status. What
/// is asked for comes from a fixed list, so a client cannot make it grow.
#[derive(Debug, Default)]
pub(super) struct Requests(Mutex<BTreeMap<(&'static str, u16), u64>>);

impl Requests {
    /// Counts one.
    pub(super) fn count(&self, endpoint: &'static str, status: StatusCode) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((endpoint, status.as_u16())).or_default() += 1;
    }

    fn snapshot(&self) -> BTreeMap<(&'static str, u16), u64> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.clone()
    }
}

/// Writes everything that is counted and measured.
pub(super) fn get(site: &Site, now: DateTime<Utc>) -> Answer {
    let mut page = Page::default();
    page.head(
        "windlass_build_info",
        "gauge",
        "The version, in a label; the value is always 1.",
    );
    page.line(
        "windlass_build_info",
        &[("version", env!("CARGO_PKG_VERSION"))],
        1,
    );
    page.head(
        "windlass_http_requests_total",
        "counter",
        "Requests answered, by endpoint and status.",
    );
    for ((endpoint, status), count) in site.requests.snapshot() {
        let labels = [("endpoint", endpoint), ("status", &status.to_string())];
        page.line("windlass_http_requests_total", &labels, count);
    }
    profiles(&mut page, site, now);
    answer::with(
        StatusCode::OK,
        "text/plain; version=0.0.4; charset=utf-8",
        page.0.into(),
    )
}

fn profiles(page: &mut Page, site: &Site, now: DateTime<Utc>) {
    let states: Vec<_> = site
        .profiles()
        .iter()
        .map(|profile| (profile.name.as_str(), profile.latest()))
        .collect();
    let mut each = |name: &str, kind: &str, help: &str, value: &dyn Fn(usize) -> Option<i128>| {
        page.head(name, kind, help);
        for (index, (profile, _)) in states.iter().enumerate() {
            if let Some(value) = value(index) {
                page.line(name, &[("profile", profile)], value);
            }
        }
    };
    let view = |index: usize| states.get(index).map(|(_, state)| &state.view);
    each(
        "windlass_refreshes_total",
        "counter",
        "Sessions that were granted.",
        &|index| Some(view(index)?.tally.granted.into()),
    );
    each(
        "windlass_refresh_failures_total",
        "counter",
        "Tries to get a session that failed.",
        &|index| Some(view(index)?.tally.failed.into()),
    );
    each(
        "windlass_session_expiration_timestamp_seconds",
        "gauge",
        "When the session ends, in seconds since 1970.",
        &|index| {
            let session = view(index)?.session.as_ref()?;
            Some(session.credentials.expiration.timestamp().into())
        },
    );
    each(
        "windlass_session_remaining_seconds",
        "gauge",
        "Seconds until the session ends; 0 when there is none.",
        &|index| {
            let session = view(index)?.session.as_ref();
            let left = session.map(|session| session.credentials.expiration - now);
            Some(left.map_or(0, |left| left.num_seconds().max(0)).into())
        },
    );
}

/// What has been written so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
            .collect();
        let labels = if labels.is_empty() {
            String::new()
        } else {
            format!("{{{}}}", labels.join(","))
        };
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }
}

/// A label's value, as the format wants it.
fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut page = Page::default();
        page.line("x", &[("profile", "a\"b\\c\nd")], 3);
        assert_eq!(page.0, "x{profile=\"a\\\"b\\\\c\\nd\"} 3\n");
    }
}
