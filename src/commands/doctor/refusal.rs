//! What the answer of AWS means, or that there was none.

mod clock;
mod commands;
mod network;
mod sentence;

use crate::commands::Error;
use crate::pki::Identity;
use crate::rolesanywhere;
use crate::text::with_causes;

use super::case::Case;
use super::finding::{Finding, Standing};
use super::live::Live;
use super::offline::Offline;

pub(super) use self::commands::Commands;
pub(super) use self::sentence::Sentence;

/// What it says of the causes, the likeliest first.
pub(super) fn explain(
    live: &Live,
    case: &Case<'_>,
    identity: Option<&Identity>,
    offline: &Offline,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = clock::check(live, case).into_iter().collect();
    match live {
        Live::NotAsked => {}
        Live::Unplanned(error) => findings.extend(unplanned(error)),
        Live::Reached(way) => findings.extend(reached(way, case)),
        Live::Invalid(error, way) => {
            let is_clock = findings.iter().any(|finding| finding.standing.is_wrong());
            findings.extend(reached(way, case));
            // By AWS's time a rule judges it.
            if is_clock {
                findings.push(invalid(error, case));
            }
        }
        Live::Granted(granted) => findings.push(granted_to(granted, case)),
        Live::Failed(error) => findings.extend(failed(error, case, identity, offline)),
    }
    findings
}

/// Options that do not go together; what the ARNs themselves have is told of them.
fn unplanned(error: &Error) -> Option<Finding> {
    match error {
        Error::Missing { .. } | Error::Target(_) | Error::RegionMismatch { .. } => None,
        error => Some(
            Finding::new("options", Standing::Certain, with_causes(error)).next_if(error.hint()),
        ),
    }
}

fn reached(way: &super::live::Way, case: &Case<'_>) -> Option<Finding> {
    match way {
        Ok(_) => {
            let what = "the endpoint of Roles Anywhere answers; no session was asked for";
            Some(Finding::new("network", Standing::Well, what))
        }
        Err(Error::Exchange(error)) => Some(network::check(error, case)),
        Err(error) => Some(
            Finding::new("network", Standing::Certain, with_causes(error)).next_if(error.hint()),
        ),
    }
}

/// A certificate that this host finds not valid by a clock that is wrong: windlass
/// does not ask with it.
fn invalid(error: &crate::pki::Error, case: &Case<'_>) -> Finding {
    let here = crate::clock::rfc3339(case.context.clock.now());
    Finding::new("validity", Standing::Possible, error.to_string())
        .shows("this host's time", here)
        .next("set the clock, and look again")
}

fn granted_to(granted: &rolesanywhere::Granted, case: &Case<'_>) -> Finding {
    let until = crate::clock::rfc3339(granted.credentials.expiration);
    let what = format!(
        "Roles Anywhere grants the session, until {until}; it was asked for to see that, and is forgotten"
    );
    let request = granted.request_id.clone();
    Finding::new("session", Standing::Well, what)
        .shows_all(case.said(&["role_arn"]))
        .shows_all(request.map(|id| ("request id".to_owned(), id)))
}

fn failed(
    error: &Error,
    case: &Case<'_>,
    identity: Option<&Identity>,
    offline: &Offline,
) -> Vec<Finding> {
    let Error::Exchange(exchange) = error else {
        let finding = Finding::new("session", Standing::Certain, with_causes(error));
        return vec![finding.next_if(error.hint())];
    };
    match exchange {
        rolesanywhere::Error::Chained { hop, role, .. } => {
            let what = format!(
                "the session is granted, and STS refuses role {hop} of the chain, {role}: {}",
                exchange.root()
            );
            let finding = Finding::new("role-chain", Standing::Certain, what);
            vec![
                finding
                    .shows_all(case.said(&["assume_role", "external_id"]))
                    .next_if(error.hint()),
            ]
        }
        exchange => match exchange.root() {
            rolesanywhere::Error::Denied { message, .. } => {
                let sentence = Sentence::read(message);
                match sentence.message() {
                    // A rule says which cause it is.
                    Some(message) if offline.explains(message) => Vec::new(),
                    Some(message) if offline.excludes(message) && has_files(case) => {
                        vec![outdated(case, message)]
                    }
                    _ => sentence::causes(&sentence, case, identity),
                }
            }
            _ => vec![network::check(exchange, case)],
        },
    }
}

fn has_files(case: &Case<'_>) -> bool {
    let asked = case.asked;
    asked.trust_anchor_file.is_some()
        || asked.profile_file.is_some()
        || asked.role_file.is_some()
        || asked.trust_policy_file.is_some()
}

/// By the files AWS would not have said this.
fn outdated(case: &Case<'_>, message: crate::admission::Message) -> Finding {
    let what =
        "by the files that were given AWS would not refuse so: what it has now is something else";
    let commands = Commands(case.session);
    Finding::new("files-of-aws", Standing::Likely, what)
        .shows_all(case.files(message))
        .next(format!(
            "fetch them again: {}; {}; {}",
            commands.anchor("get-trust-anchor"),
            commands.profile("get-profile"),
            commands.role("get-role")
        ))
}
