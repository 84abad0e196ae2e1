//! `windlass ca show`

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::authority::{read_inventory, reason_of};
use crate::cli::CaShow;
use crate::clock::{in_words, rfc3339};
use crate::commands::{Context, Error};
use crate::pki::{Certificate, SerialNumber, encode_pem};
use crate::store::{AuditEntry, AuditRecord, Inventory, Record};
use crate::text::printable;

use super::inventory::{as_json, shown_status};

/// How many others of the same name are named.
const MOST_OTHERS: usize = 10;

/// What is shown of one row.
struct Shown {
    record: Record,
    certificate: Option<Certificate>,
    history: Vec<AuditRecord>,
    /// Others of the same name, when that was asked for.
    others: Vec<Record>,
    now: DateTime<Utc>,
}

/// Shows one certificate.
pub(in crate::commands) fn show(arguments: &CaShow, context: &Context) -> Result<(), Error> {
    let inventory = read_inventory(&context.path(&arguments.ca.dir))?;
    let missing = || Error::NotInInventory {
        which: arguments.which.clone(),
    };
    let (record, others) = look_for(&inventory, &arguments.which)?.ok_or_else(missing)?;
    let certificate = record
        .der
        .as_deref()
        .map(|der| Certificate::from_der(der, "the inventory"))
        .transpose()?;
    if arguments.pem {
        let certificate = certificate.ok_or_else(missing)?;
        return context.printer.data(&encode_pem([&certificate]));
    }
    let history = inventory.log_of(&record.serial)?;
    inventory.check_unwritten()?;
    let shown = Shown {
        record,
        certificate,
        history,
        others,
        now: context.clock.now(),
    };
    match arguments.json {
        true => context.printer.json(&shown.as_json()),
        false => context.printer.data(&shown.as_text()),
    }
}

/// The row that is meant, and others of its name when it was named so.
fn look_for(inventory: &Inventory, which: &str) -> Result<Option<(Record, Vec<Record>)>, Error> {
    if let Ok(serial) = which.parse::<SerialNumber>()
        && let Some(record) = inventory.get(serial.magnitude())?
    {
        return Ok(Some((record, Vec::new())));
    }
    let digits = which.replace(':', "").to_ascii_lowercase();
    if digits.len() == 64
        && let Some(record) = inventory.by_fingerprint(&digits)?
    {
        return Ok(Some((record, Vec::new())));
    }
    if let Some(newest) = inventory.newest_named(which)? {
        let mut others = inventory.named(which)?;
        others.retain(|other| other.serial != newest.serial);
        return Ok(Some((newest, others)));
    }
    let requested = inventory.newest_of_request(which)?;
    Ok(requested.map(|record| (record, Vec::new())))
}

impl Shown {
    fn as_json(&self) -> Value {
        let mut value = as_json(&self.record, self.now);
        let certificate = self.certificate.as_ref();
        let more = json!({
            "secondsLeft": (self.record.not_after - self.now).num_seconds(),
            "issuer": certificate.map(|one| one.issuer().to_string()),
            "issuerKeyId": hex::encode(&self.record.issuer_key_id),
            "keyAlgorithm": certificate.map(|one| one.public_key().algorithm().to_string()),
            "keyFingerprintSha256": self.record.key_fingerprint,
            "issuedBy": self.issued_by(),
            "certificatePem": certificate.map(|one| encode_pem([one])),
            "history": self.history.iter().map(history_as_json).collect::<Vec<_>>(),
            "otherSerialNumbers": self.others.iter().map(|other| hex::encode(&other.serial)).collect::<Vec<_>>(),
        });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
            value.extend(more);
        }
        value
    }

    fn issued_by(&self) -> Option<&str> {
        let mut history = self.history.iter();
        let issued = history.find(|entry| entry.action == AuditEntry::ISSUE)?;
        Some(&issued.actor)
    }

    fn as_text(&self) -> String {
        let record = &self.record;
        let left = record.not_after - self.now;
        let ends = match left >= chrono::TimeDelta::zero() {
            true => format!("in {}", in_words(left)),
            false => format!("{} ago", in_words(left)),
        };
        let mut lines = vec![
            ("subject", printable(&record.subject, 400)),
            ("serial number", hex::encode(&record.serial)),
            ("kind", record.kind.as_str().to_owned()),
            ("state", shown_status(record, self.now).to_owned()),
            (
                "valid",
                format!(
                    "{} to {} (ends {ends})",
                    rfc3339(record.not_before),
                    rfc3339(record.not_after)
                ),
            ),
        ];
        if let Some(revocation) = record.revocation {
            let reason = reason_of(revocation);
            lines.push(("revoked", format!("{}, {reason}", rfc3339(revocation.at))));
            if let Some(since) = revocation.invalid_since {
                lines.push(("invalid since", rfc3339(since)));
            }
        }
        let names = record.names.iter();
        lines.extend(names.map(|name| ("name", printable(name, 400))));
        if let Some(certificate) = &self.certificate {
            let key = certificate.public_key().algorithm().to_string();
            let issuer = certificate.issuer().to_string();
            lines.push(("key", key));
            lines.push(("SHA-256", certificate.fingerprint()));
            lines.push(("issuer", printable(&issuer, 400)));
        }
        let origin = [
            ("requested by", &record.requester),
            ("request", &record.request_id),
            ("profile", &record.profile),
        ];
        for (label, value) in origin {
            if let Some(value) = value {
                lines.push((label, printable(value, 400)));
            }
        }
        let history = self.history.iter();
        lines.extend(history.map(|entry| ("history", history_as_text(entry))));
        let others = self.others.iter().take(MOST_OTHERS);
        lines.extend(others.map(|other| ("same name", self.other_as_text(other))));
        if self.others.len() > MOST_OTHERS {
            let more = self.others.len() - MOST_OTHERS;
            lines.push((
                "same name",
                format!("and {more} more: windlass ca list --cn"),
            ));
        }
        let lines = lines.iter();
        lines
            .map(|(label, value)| format!("{label:<14} {value}\n"))
            .collect()
    }

    fn other_as_text(&self, other: &Record) -> String {
        format!(
            "{} ({}, until {})",
            hex::encode(&other.serial),
            shown_status(other, self.now),
            rfc3339(other.not_after)
        )
    }
}

fn history_as_text(entry: &AuditRecord) -> String {
    let (at, actor) = (rfc3339(entry.at), printable(&entry.actor, 200));
    let comment = entry.comment.as_deref().map(|text| printable(text, 1000));
    let comment = comment.map(|text| format!(": {text}")).unwrap_or_default();
    format!("{at} {} by {actor}{comment}", printable(&entry.action, 40))
}

fn history_as_json(entry: &AuditRecord) -> Value {
    json!({
        "sequence": entry.sequence,
        "at": rfc3339(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "comment": entry.comment,
        "detail": serde_json::from_str::<Value>(&entry.detail).ok(),
    })
}
