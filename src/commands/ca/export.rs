//! `windlass ca export`

use std::path::Path;

use serde_json::{Value, json};

use crate::authority;
use crate::cli::{CaExport, ListFormat};
use crate::commands::ready::check_replaceable;
use crate::commands::{Context, Error};
use crate::pki::{Certificate, encode_pem};
use crate::store::{Inventory, Order, Query, Readers, Record, write_atomic};

use super::inventory::as_json;
use super::occasion::{actor, occasion};
use super::outside::{check_outside, refuse_both};
use super::rows::{COLUMNS, Rows, csv_line};

/// Writes all rows, and says so in the audit log first: what was exported
/// without a trace cannot be.
pub(in crate::commands) fn export(arguments: &CaExport, context: &Context) -> Result<(), Error> {
    let target = &arguments.target;
    let (format, word, file) = match (&target.jsonl, &target.csv) {
        (Some(file), _) => (ListFormat::Jsonl, "jsonl", file),
        (None, Some(file)) => (ListFormat::Csv, "csv", file),
        (None, None) => {
            return Err(Error::Missing {
                what: "form of the export",
                option: "jsonl",
                profile: None,
            });
        }
    };
    let to_stdout = file == Path::new("-");
    match to_stdout {
        true => refuse_both(arguments.json, word)?,
        false => {
            check_outside(&context.path(file), &context.path(&arguments.ca.dir))?;
            check_replaceable(&context.path(file), "an export of windlass", is_export)?;
        }
    }
    let inventory = authority::open_inventory(&context.path(&arguments.ca.dir))?;
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    authority::note_export(&inventory, word, file, &occasion)?;
    if to_stdout {
        return rows(&inventory, format, context, |text| {
            context.printer.data(text)
        })
        .map(drop);
    }
    let mut content = String::new();
    let count = rows(&inventory, format, context, |text| {
        content.push_str(text);
        Ok(())
    })?;
    let file = context.path(file);
    write_atomic(&file, content.as_bytes(), Readers::Owner)?;
    if arguments.json {
        return context.printer.json(&json!({
            "file": file,
            "format": word,
            "rows": count,
            "size": content.len(),
        }));
    }
    context
        .printer
        .data(&format!("wrote {count} rows to {}\n", file.display()))
}

/// Whether it begins as an export does.
fn is_export(content: &[u8]) -> bool {
    let line = content.split(|octet| *octet == b'\n').next();
    let is_row = |line: &[u8]| {
        serde_json::from_slice::<Value>(line)
            .is_ok_and(|row| row.get("serialNumber").is_some() && row.get("state").is_some())
    };
    content.starts_with(csv_line(COLUMNS).as_bytes()) || line.is_some_and(is_row)
}

fn rows(
    inventory: &Inventory,
    format: ListFormat,
    context: &Context,
    sink: impl FnMut(&str) -> Result<(), Error>,
) -> Result<u64, Error> {
    let now = context.clock.now();
    let mut rows = Rows::new(format, now, sink);
    let query = Query {
        order: Order::Oldest,
        now,
        ..Query::default()
    };
    inventory.find(&query, |record| match format {
        ListFormat::Jsonl => rows.add_json(&whole(&record, now)?),
        _ => rows.add(&record),
    })?;
    rows.finish()
}

/// A row with its certificate.
fn whole(record: &Record, now: chrono::DateTime<chrono::Utc>) -> Result<Value, Error> {
    let mut value = as_json(record, now);
    let certificate = match &record.der {
        Some(der) => {
            let certificate = Certificate::from_der(der, "the inventory")?;
            Some(encode_pem([&certificate]))
        }
        None => None,
    };
    if let Value::Object(object) = &mut value {
        object.insert("certificatePem".to_owned(), json!(certificate));
        let issuer = hex::encode(&record.issuer_key_id);
        object.insert("issuerKeyId".to_owned(), issuer.into());
    }
    Ok(value)
}
