//! Whether a row of the inventory is what was signed and logged: an index, a list
//! or a limit that is made from a row is only as good as the row.

use sha2::{Digest, Sha256};

use crate::clock::rfc3339;
use crate::pki::{Certificate, RevocationReason};
use crate::store::{AuditEntry, AuditRecord, Kind, Record, State, Told};

/// The columns of a row that are not what its certificate and the log say. What
/// an entry of an earlier version does not say is not compared.
pub(super) fn judge_row(record: &Record, told: &Told) -> Vec<&'static str> {
    let mut wrong = Vec::new();
    if let Some(der) = &record.der {
        wrong.extend(judge_certificate(record, der));
    }
    if let Some(issue) = &told.issue {
        wrong.extend(judge_issue(record, issue));
    }
    if record.state == State::Abandoned {
        let abandoned = |entry: &AuditRecord| entry.action == AuditEntry::ABANDON;
        if !told.changes.iter().any(abandoned) {
            wrong.push("abandoned_at");
        }
    }
    wrong.extend(judge_revocation(record, told));
    wrong
}

/// Compares what is derived from the certificate with it.
fn judge_certificate(record: &Record, der: &[u8]) -> Vec<&'static str> {
    if record.fingerprint != Some(hex::encode(Sha256::digest(der))) {
        return vec!["der"];
    }
    let Ok(certificate) = Certificate::from_der(der, "the inventory") else {
        return vec!["der"];
    };
    let subject = certificate.subject();
    let kind = match (certificate.is_ca(), certificate.is_self_issued()) {
        (true, true) => Kind::Root,
        (true, false) => Kind::Issuing,
        (false, _) => Kind::Leaf,
    };
    // A root names its own key alone.
    let issuer_key_id = certificate
        .authority_key_identifier()
        .or_else(|| certificate.subject_key_identifier());
    [
        ("serial", record.serial == certificate.serial().magnitude()),
        (
            "kind",
            record.kind == kind || (kind == Kind::Issuing && record.kind == Kind::Cross),
        ),
        (
            "issuer_key_id",
            issuer_key_id == Some(record.issuer_key_id.as_slice()),
        ),
        ("subject", record.subject == subject.to_string()),
        (
            "common_name",
            record.common_name == subject.common_name().unwrap_or_default(),
        ),
        ("names", record.names == certificate.alternative_names()),
        (
            "key_fingerprint",
            record.key_fingerprint == certificate.public_key().fingerprint(),
        ),
        ("not_before", record.not_before == certificate.not_before()),
        ("not_after", record.not_after == certificate.not_after()),
    ]
    .into_iter()
    .filter(|(_, is_same)| !is_same)
    .map(|(column, _)| column)
    .collect()
}

/// Compares what only the log knows with the entry of the issue.
fn judge_issue(record: &Record, issue: &AuditRecord) -> Vec<&'static str> {
    let detail = issue.facts();
    let mut wrong = Vec::new();
    if record.issued_at.is_some_and(|at| at != issue.at) {
        wrong.push("issued_at");
    }
    if record.kind != Kind::Leaf {
        // The CA's own are asked for by who makes them, under no profile.
        let requester = record.requester.as_deref();
        let is_maker = requester.is_none_or(|requester| requester == issue.actor);
        for (column, is_same) in [
            ("requester", is_maker),
            ("profile", record.profile.is_none()),
            ("request_id", record.request_id.is_none()),
        ] {
            if !is_same {
                wrong.push(column);
            }
        }
        return wrong;
    }
    // An entry with the requester says everything: what it lacks was not there.
    let is_complete = detail.get("requester").is_some();
    for (column, name, value) in [
        ("requester", "requester", &record.requester),
        ("profile", "profile", &record.profile),
        ("request_id", "requestId", &record.request_id),
    ] {
        let said = detail[name].as_str();
        if (is_complete || said.is_some()) && said != value.as_deref() {
            wrong.push(column);
        }
    }
    wrong
}

/// Compares a revocation with the last entry about it.
fn judge_revocation(record: &Record, told: &Told) -> Vec<&'static str> {
    let (Some(revocation), Some(entry)) = (record.revocation, told.revocation()) else {
        return Vec::new();
    };
    if entry.action != AuditEntry::REVOKE {
        return Vec::new();
    }
    let detail = entry.facts();
    let reason = RevocationReason::of_code(revocation.reason).map(RevocationReason::as_str);
    // What is known of the certificate is in the entry when nothing else says it.
    let unknown = match record.der {
        Some(_) => None,
        None => Some([
            (
                "issuer_key_id",
                "issuerKeyId",
                hex::encode(&record.issuer_key_id),
            ),
            ("not_after", "notAfter", rfc3339(record.not_after)),
        ]),
    };
    let mut wrong: Vec<&'static str> = unknown
        .into_iter()
        .flatten()
        .filter(|(_, name, value)| detail[name].as_str().is_some_and(|said| said != value))
        .map(|(column, _, _)| column)
        .collect();
    if detail["reason"].as_str() != reason {
        wrong.push("revocation");
    }
    if detail["revokedAt"]
        .as_str()
        .is_some_and(|said| said != rfc3339(revocation.at))
    {
        wrong.push("revoked_at");
    }
    if detail["invalidSince"].as_str() != revocation.invalid_since.map(rfc3339).as_deref() {
        wrong.push("invalid_since");
    }
    wrong
}
