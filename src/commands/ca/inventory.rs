//! `windlass ca list` and `windlass ca show`

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::authority::{self, reason_of};
use crate::cli::{CaList, CaShow};
use crate::clock::{in_words, rfc3339};
use crate::commands::{Context, Error};
use crate::pki::{Certificate, SerialNumber, encode_pem};
use crate::store::{Inventory, Record, Revocation, State};
use crate::text::printable;

/// Lists the inventory.
pub(in crate::commands) fn list(arguments: &CaList, context: &Context) -> Result<(), Error> {
    let records = open(&context.path(&arguments.ca.dir))?.list()?;
    let now = context.clock.now();
    if arguments.json {
        let rows: Vec<Value> = records.iter().map(|record| as_json(record, now)).collect();
        return context.printer.json(&Value::Array(rows));
    }
    let row = |record: &Record| {
        vec![
            hex::encode(&record.serial),
            record.kind.as_str().to_owned(),
            shown_status(record, now).to_owned(),
            rfc3339(record.not_after),
            printable(&record.subject, 200),
            printable(&record.names.join(" "), 200),
        ]
    };
    context.printer.table(
        &["SERIAL", "KIND", "STATE", "NOT AFTER", "SUBJECT", "NAMES"],
        records.iter().map(row),
    )
}

/// Shows one certificate.
pub(in crate::commands) fn show(arguments: &CaShow, context: &Context) -> Result<(), Error> {
    let inventory = open(&context.path(&arguments.ca.dir))?;
    let by_serial = match arguments.which.parse::<SerialNumber>() {
        Ok(serial) => inventory.get(serial.magnitude())?,
        Err(_) => None,
    };
    let record = match by_serial {
        Some(record) => record,
        None => inventory
            .newest_named(&arguments.which)?
            .ok_or_else(|| Error::NotInInventory {
                which: arguments.which.clone(),
            })?,
    };
    let now = context.clock.now();
    let certificate = record
        .der
        .as_deref()
        .map(|der| Certificate::from_der(der, "the inventory"))
        .transpose()?;
    if arguments.pem {
        let certificate = certificate.ok_or_else(|| Error::NotInInventory {
            which: arguments.which.clone(),
        })?;
        return context.printer.data(&encode_pem([&certificate]));
    }
    if arguments.json {
        return context.printer.json(&as_json(&record, now));
    }
    let left = record.not_after - now;
    let ends = if left >= chrono::TimeDelta::zero() {
        format!("in {}", in_words(left))
    } else {
        format!("{} ago", in_words(left))
    };
    let mut text = format!(
        "subject        {}\n\
         serial number  {}\n\
         kind           {}\n\
         state          {}\n\
         valid          {} to {} (ends {ends})\n",
        printable(&record.subject, 400),
        hex::encode(&record.serial),
        record.kind.as_str(),
        shown_status(&record, now),
        rfc3339(record.not_before),
        rfc3339(record.not_after),
    );
    if let Some(revocation) = record.revocation {
        text.push_str(&format!(
            "revoked        {}, {}\n",
            rfc3339(revocation.at),
            reason_of(revocation)
        ));
        if let Some(since) = revocation.invalid_since {
            text.push_str(&format!("invalid since  {}\n", rfc3339(since)));
        }
    }
    for name in &record.names {
        text.push_str(&format!("name           {}\n", printable(name, 400)));
    }
    if let Some(certificate) = certificate {
        text.push_str(&format!(
            "key            {}\nSHA-256        {}\n",
            certificate.public_key().algorithm(),
            certificate.fingerprint()
        ));
    }
    context.printer.data(&text)
}

fn open(directory: &Path) -> Result<Inventory, Error> {
    Ok(authority::open_inventory(directory)?)
}

/// The state in a word, with the end of life seen from now. That it is revoked
/// says more than that it has ended.
fn status(record: &Record, now: DateTime<Utc>) -> &'static str {
    if let Some(revocation) = record.revocation {
        return match reason_of(revocation).is_final() {
            true => "revoked",
            false => "held",
        };
    }
    match record.state {
        State::Issued if record.not_after < now => "expired",
        state => state.as_str(),
    }
}

/// As [`status`], and whether the files are known to have been delivered.
fn shown_status(record: &Record, now: DateTime<Utc>) -> &'static str {
    let ended = record.not_after < now || record.revocation.is_some();
    match record.state {
        State::Issued if !ended && record.delivered_at.is_none() => "undelivered",
        _ => status(record, now),
    }
}

fn as_json(record: &Record, now: DateTime<Utc>) -> Value {
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
        "deliveredAt": record.delivered_at.map(rfc3339),
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
