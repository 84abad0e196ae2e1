//! Subjects, which only sessions change.

use serde_json::{Value, json};

use super::call::Call;
use super::common::{self, time};
use super::refused::Refused;
use crate::emulator::state::{SeenCertificate, SeenProperties, State, Subject};

pub(super) fn get(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    let index = common::find(call, state, &state.subjects, "subjectId")?;
    let subject = state.subjects.get(index);
    let shown = subject.map_or(Value::Null, |subject| {
        let mut shown = summary(state, subject);
        shown["credentials"] = credentials(subject);
        shown["instanceProperties"] = instance_properties(subject);
        shown
    });
    Ok(json!({ "subject": shown }))
}

pub(super) fn list(call: &Call<'_>, state: &State) -> Result<Value, Refused> {
    common::page(call, &state.subjects, "subjects", |subject| {
        summary(state, subject)
    })
}

fn summary(state: &State, subject: &Subject) -> Value {
    let head = &subject.head;
    json!({
        "subjectArn": state.arn_of(subject),
        "subjectId": head.id,
        "enabled": head.enabled,
        "x509Subject": head.name,
        "lastSeenAt": time(subject.last_seen_at),
        "createdAt": time(head.created_at),
        "updatedAt": time(head.updated_at),
    })
}

fn credentials(subject: &Subject) -> Value {
    let one = |seen: &SeenCertificate| {
        json!({
            "seenAt": time(seen.seen_at),
            "serialNumber": seen.serial_number,
            "issuer": seen.issuer,
            "enabled": true,
            "x509CertificateData": seen.certificate,
            "failed": seen.failed,
        })
    };
    subject.credentials.iter().map(one).collect()
}

fn instance_properties(subject: &Subject) -> Value {
    let one = |seen: &SeenProperties| {
        json!({
            "seenAt": time(seen.seen_at),
            "properties": seen.properties,
            "failed": seen.failed,
        })
    };
    subject.instance_properties.iter().map(one).collect()
}
