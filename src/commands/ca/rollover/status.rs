//! `windlass ca rollover status`

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::authority::{
    self, AuthorityName, GenerationStatus, NextStep, Role, RolloverStatus, rollover_status,
};
use crate::cli::RolloverStatusArgs;
use crate::clock::{in_words, rfc3339};
use crate::commands::{Context, Error};
use crate::limits;
use crate::store::GenerationState;

use super::authority_as_json;

/// Says how far a rollover is.
pub(super) fn status(arguments: &RolloverStatusArgs, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let now = context.clock.now();
    let status = rollover_status(&directory, now)?;
    if arguments.json {
        return context.printer.json(&as_json(&status, &directory, now));
    }
    let mut text: String = status
        .generations
        .iter()
        .map(|one| shown(one, now))
        .collect();
    text.push_str(&format!(
        "bundle         {} of the {} certificates that a trust anchor takes, {} characters{}\n\
         lists in use   {} of the {} that a trust anchor takes\n",
        status.bundle_certificates,
        limits::ROLES_ANYWHERE_ANCHORS,
        status.bundle.chars().count(),
        match status.is_bundle_written {
            true => "",
            false => " (trust-anchor.pem is older; the next issue writes it)",
        },
        status.lists,
        limits::ROLES_ANYWHERE_CRLS
    ));
    text.push_str(&told(&status.next, &directory, now));
    context.printer.data(&text)
}

/// What is to be done next, as lines of text.
pub(super) fn next(directory: &Path, context: &Context) -> Result<String, authority::Error> {
    let now = context.clock.now();
    let status = rollover_status(directory, now)?;
    Ok(told(&status.next, directory, now))
}

fn shown(one: &GenerationStatus, now: DateTime<Utc>) -> String {
    let mut text = format!(
        "generation     {}, {}\n",
        one.row.number,
        one.row.state.as_str()
    );
    let own = [
        ("root", &one.row.root, &one.root),
        ("issuing", &one.row.issuing, &one.issuing),
    ];
    for (what, name, certificate) in own {
        let Some(certificate) = certificate else {
            text.push_str(&format!("  {what:<12} {name}, without a certificate yet\n"));
            continue;
        };
        text.push_str(&format!(
            "  {what:<12} {name}: {}, {}\n  {:<12} SHA-256 {}\n",
            certificate.subject(),
            until(certificate.not_after(), now),
            "",
            certificate.fingerprint()
        ));
    }
    let leaves = match (one.leaves.count, one.leaves.last_end) {
        (1, Some(end)) => format!("1, {}", until(end, now)),
        (count, Some(end)) => format!("{count}, the last {}", until(end, now)),
        _ => "none".to_owned(),
    };
    let counts = !matches!(one.row.state, GenerationState::Requested);
    if counts {
        text.push_str(&format!("  {:<12} {leaves}\n", "in use"));
    }
    if let Some(end) = one.unlisted.last_end {
        text.push_str(&format!(
            "  {:<12} {}{} {}: its list alone tells of that\n",
            "revoked",
            one.unlisted.count,
            if one.unlisted.count > 1 {
                ", the last"
            } else {
                ","
            },
            until(end, now)
        ));
    }
    text
}

fn until(end: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let left = end - now;
    let words = in_words(left);
    match left >= chrono::TimeDelta::zero() {
        true => format!("until {} (in {words})", rfc3339(end)),
        false => format!("until {} ({words} ago)", rfc3339(end)),
    }
}

fn told(next: &NextStep, directory: &Path, now: DateTime<Utc>) -> String {
    let waits = match next {
        NextStep::Retire { safe_from } if *safe_from > now => {
            format!("from {} on: ", rfc3339(*safe_from))
        }
        NextStep::Prepare { end, .. } => {
            format!("some time before {}: ", rfc3339(*end))
        }
        _ => String::new(),
    };
    let mut text = String::new();
    if let Some(before) = first(next, directory) {
        text.push_str(&format!("next           {before}\n"));
    }
    match command(next, directory) {
        Some(command) if text.is_empty() => {
            text.push_str(&format!("next           {waits}{command}\n"));
        }
        Some(command) => text.push_str(&format!("then           {command}\n")),
        None => text.push_str("next           restore the CA from a backup\n"),
    }
    text
}

/// What has to happen elsewhere before.
fn first(next: &NextStep, directory: &Path) -> Option<String> {
    bundle_first(next, directory).or_else(|| signed_first(next, directory))
}

fn bundle_first(next: &NextStep, directory: &Path) -> Option<String> {
    let bundle = directory.join("trust-anchor.pem");
    matches!(next, NextStep::Activate { bundle_first: true }).then(|| {
        format!(
            "give {} to Roles Anywhere ('aws rolesanywhere update-trust-anchor')",
            bundle.display()
        )
    })
}

/// What the machine of the root has to do before.
fn signed_first(next: &NextStep, directory: &Path) -> Option<String> {
    let NextStep::Import { number } = next else {
        return None;
    };
    let issuing = AuthorityName::new(Role::Issuing, *number).directory(directory);
    Some(format!(
        "windlass ca sign-ca --dir ROOT --csr {} --out issuing.pem  (where the root is)",
        issuing.join("request.pem").display()
    ))
}

/// The command to type.
fn command(next: &NextStep, directory: &Path) -> Option<String> {
    let verb = match next {
        NextStep::Prepare { of_root: false, .. } => "prepare",
        NextStep::Prepare { of_root: true, .. } => "prepare --of root",
        NextStep::Activate {
            bundle_first: false,
        } => "activate",
        NextStep::Activate { bundle_first: true } => "activate --bundle-installed",
        NextStep::Retire { .. } => "retire",
        NextStep::Import { .. } => {
            let dir = directory.display();
            return Some(format!(
                "windlass ca install --dir {dir} --cert issuing.pem"
            ));
        }
        NextStep::Nothing => return None,
    };
    Some(format!(
        "windlass ca rollover {verb} --dir {}",
        directory.display()
    ))
}

fn as_json(status: &RolloverStatus, directory: &Path, now: DateTime<Utc>) -> Value {
    let generations: Vec<Value> = status.generations.iter().map(generation_as_json).collect();
    let safe_from = match &status.next {
        NextStep::Retire { safe_from } => Some(rfc3339(*safe_from)),
        _ => None,
    };
    let not_before = match &status.next {
        NextStep::Retire { safe_from } if *safe_from > now => Some(rfc3339(*safe_from)),
        _ => None,
    };
    let not_after = match &status.next {
        NextStep::Prepare { end, .. } => Some(rfc3339(*end)),
        _ => None,
    };
    json!({
        "generations": generations,
        "safeToRetireFrom": safe_from,
        "bundle": {
            "pem": status.bundle,
            "certificateCount": status.bundle_certificates,
            "certificateLimit": limits::ROLES_ANYWHERE_ANCHORS,
            "characters": status.bundle.chars().count(),
            "file": directory.join("trust-anchor.pem"),
            "written": status.is_bundle_written,
        },
        "lists": status.lists,
        "listLimit": limits::ROLES_ANYWHERE_CRLS,
        "next": {
            "first": first(&status.next, directory),
            "command": command(&status.next, directory),
            "notBefore": not_before,
            "notAfter": not_after,
        },
    })
}

fn generation_as_json(one: &GenerationStatus) -> Value {
    let row = &one.row;
    let own = |name: &str, certificate: Option<&crate::pki::Certificate>| match certificate {
        Some(certificate) => authority_as_json(name, certificate),
        None => json!({ "name": name }),
    };
    json!({
        "generation": row.number,
        "state": row.state.as_str(),
        "root": own(&row.root, one.root.as_ref()),
        "issuing": own(&row.issuing, one.issuing.as_ref()),
        "preparedAt": row.prepared_at.map(rfc3339),
        "activatedAt": row.activated_at.map(rfc3339),
        "endedAt": row.retired_at.map(rfc3339),
        "certificatesInUse": one.leaves.count,
        "lastEnd": one.leaves.last_end.map(rfc3339),
        "revokedCertificates": one.unlisted.count,
        "revokedLastEnd": one.unlisted.last_end.map(rfc3339),
    })
}
