//! No answer of AWS: names, connections, TLS, proxies.

use std::path::Path;

use crate::commands::Error as CommandError;
use crate::commands::error::hint_of_exchange;
use crate::limits;
use crate::rolesanywhere::{Error, TlsProblem};
use crate::store::read_bounded;
use crate::text::printable;

use super::super::case::Case;
use super::super::finding::{Finding, Standing};
use super::super::live;

/// The options that decide where requests go and which way.
const WAY: [&str; 5] = ["endpoint", "region", "proxy", "no_proxy", "ca_bundle"];

pub(super) fn check(error: &Error, case: &Case<'_>) -> Finding {
    let (id, standing) = kind(error.root());
    let mut finding = Finding::new(id, standing, error.to_string());
    let endpoint = live::place(case);
    if let Some(endpoint) = &endpoint {
        finding = finding.shows("endpoint", endpoint.to_string());
    }
    finding = finding.shows_all(case.said(&WAY));
    match error.root() {
        Error::Dns { host, .. } => {
            let bare = host
                .rsplit_once(':')
                .map_or(host.as_str(), |(name, _)| name);
            finding
                .shows("/etc/resolv.conf", nameservers())
                .next(format!("getent ahosts {bare}"))
                .next_if(hint_of_exchange(error))
        }
        Error::Connect { .. } | Error::Timeout { .. } => finding
            .next_if(hint_of_exchange(error))
            .next_if(endpoint.map(|endpoint| format!("curl -sv -o /dev/null {endpoint}"))),
        Error::Tls {
            shown: Some(shown),
            problem: TlsProblem::Untrusted,
            ..
        } => finding
            .shows("certificate shown", shown.subject.clone())
            .shows("issued by", shown.issuer.clone())
            .next_if(hint_of_exchange(error)),
        _ => finding.next_if(hint_of_exchange(error)),
    }
}

/// Which part of the way it is, and whether it may pass by itself.
fn kind(error: &Error) -> (&'static str, Standing) {
    match error {
        Error::Dns { .. } => ("dns", Standing::Certain),
        Error::Connect { .. } | Error::Timeout { .. } => ("connection", Standing::Certain),
        Error::Tls { .. } | Error::CaBundle => ("tls", Standing::Certain),
        Error::Proxy { .. } => ("proxy", Standing::Certain),
        Error::NotAws { .. } | Error::NotHttp { .. } => ("network", Standing::Certain),
        Error::Interrupted { .. } | Error::Throttled { .. } | Error::Unavailable { .. } => {
            ("service", Standing::Unknown)
        }
        _ => ("session", Standing::Certain),
    }
}

/// The servers that this host asks for names.
fn nameservers() -> String {
    let text = read_bounded(Path::new("/etc/resolv.conf"), limits::MAX_FILE)
        .map_err(CommandError::from)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let servers: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"))
        .map(str::trim)
        .collect();
    match servers.is_empty() {
        true => "names no server".to_owned(),
        false => printable(&servers.join(", "), 200),
    }
}
