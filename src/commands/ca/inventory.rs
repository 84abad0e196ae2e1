//! Rows of the inventory as people and programs are told of them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::authority::reason_of;
use crate::clock::rfc3339;
use crate::store::{Record, Revocation, State};

/// The state in a word, with the end of life seen from now. That it is revoked
/// says more than that it has ended.
pub(super) fn status(record: &Record, now: DateTime<Utc>) -> &'static str {
    if let Some(revocation) = record.revocation {
        return match reason_of(revocation).is_final() {
            true => "revoked",
            false => "held",
        };
    }
    match record.state {
        State::Issued if record.not_after < now => "expired",
        // As it is asked for, and counted.
        State::Issued => "valid",
        state => state.as_str(),
    }
}

/// As [`status`], and whether the files are known to have been delivered.
pub(super) fn shown_status(record: &Record, now: DateTime<Utc>) -> &'static str {
    let ended = record.not_after < now || record.revocation.is_some();
    match record.state {
        State::Issued if !ended && record.delivered_at.is_none() => "undelivered",
        _ => status(record, now),
    }
}

/// A row, for programs.
pub(super) fn as_json(record: &Record, now: DateTime<Utc>) -> Value {
    json!({
        "serialNumber": hex::encode(&record.serial),
        "kind": record.kind.as_str(),
        "state": status(record, now),
        "subject": record.subject,
        "commonName": record.common_name,
        "subjectAlternativeNames": record.names,
        "notBefore": rfc3339(record.not_before),
        "notAfter": rfc3339(record.not_after),
        "reservedAt": rfc3339(record.reserved_at),
        "issuedAt": record.issued_at.map(rfc3339),
        "deliveredAt": record.delivered_at.map(rfc3339),
        "profile": record.profile,
        "requester": record.requester,
        "requestId": record.request_id,
        "revocation": record.revocation.map(revocation_as_json),
        "fingerprintSha256": record.fingerprint,
    })
}

/// A revocation, for programs.
pub(super) fn revocation_as_json(revocation: Revocation) -> Value {
    json!({
        "reason": reason_of(revocation).as_str(),
        "revokedAt": rfc3339(revocation.at),
        "invalidSince": revocation.invalid_since.map(rfc3339),
    })
}
