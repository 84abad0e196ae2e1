//! Rows of the inventory as they are written: one after another, never all of
//! them in memory.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::cli::ListFormat;
use crate::clock::rfc3339;
use crate::commands::{Context, Error};
use crate::store::Record;
use crate::text::printable;

use super::inventory::{as_json, shown_status, status};
use crate::authority::reason_of;

/// How much is collected before it is written, in bytes.
const CHUNK: usize = 64 * 1024;

/// After how many rows of a table the columns are made as wide as they were, and
/// the rows are written.
const TABLE_ROWS: usize = 1000;

/// The columns of a long table from the start, with the blanks beside them: room
/// for every serial number that this program draws, every kind and every state.
const LEAST_WIDTHS: [u16; 6] = [34, 9, 13, 22, 0, 0];

const HEADINGS: [&str; 6] = ["SERIAL", "KIND", "STATE", "NOT AFTER", "SUBJECT", "NAMES"];

/// The columns of the CSV form; names are separated by `;`.
pub(super) const COLUMNS: [&str; 18] = [
    "serial",
    "kind",
    "state",
    "common_name",
    "subject",
    "names",
    "not_before",
    "not_after",
    "reserved_at",
    "issued_at",
    "delivered_at",
    "profile",
    "requester",
    "request_id",
    "revoked_at",
    "reason",
    "invalid_since",
    "fingerprint_sha256",
];

/// Takes rows and hands on text.
pub(super) struct Rows<Sink> {
    format: ListFormat,
    now: DateTime<Utc>,
    sink: Sink,
    text: String,
    table: Vec<Vec<String>>,
    widths: Vec<u16>,
    has_heading: bool,
    count: u64,
}

/// Rows that go to stdout.
pub(super) fn printed(
    format: ListFormat,
    context: &Context,
) -> Rows<impl FnMut(&str) -> Result<(), Error>> {
    let now = context.clock.now();
    Rows::new(format, now, |text| context.printer.data(text))
}

impl<Sink: FnMut(&str) -> Result<(), Error>> Rows<Sink> {
    pub(super) fn new(format: ListFormat, now: DateTime<Utc>, sink: Sink) -> Self {
        Self {
            format,
            now,
            sink,
            text: match format {
                ListFormat::Csv => csv_line(COLUMNS),
                ListFormat::Json => "[".to_owned(),
                ListFormat::Jsonl | ListFormat::Table => String::new(),
            },
            table: Vec::new(),
            widths: Vec::new(),
            has_heading: false,
            count: 0,
        }
    }

    /// With other columns than those of the inventory.
    pub(super) fn under(mut self, columns: &[&str]) -> Self {
        if self.format == ListFormat::Csv {
            self.text = csv_line(columns);
        }
        self
    }

    /// Adds a line as it is.
    pub(super) fn add_line(&mut self, line: &str) -> Result<(), Error> {
        self.text.push_str(line);
        self.count += 1;
        self.write(CHUNK)
    }

    /// Adds a row of the inventory.
    pub(super) fn add(&mut self, record: &Record) -> Result<(), Error> {
        match self.format {
            ListFormat::Json | ListFormat::Jsonl => {
                self.add_json(&as_json(record, self.now))?;
            }
            ListFormat::Csv => {
                return self.add_line(&csv_line(csv_fields(record, self.now)));
            }
            ListFormat::Table => {
                self.table.push(table_row(record, self.now));
                self.count += 1;
                if self.table.len() >= TABLE_ROWS {
                    if self.widths.is_empty() {
                        self.widths = LEAST_WIDTHS.to_vec();
                    }
                    self.finish_table();
                }
            }
        }
        self.write(CHUNK)
    }

    /// Adds an object, in a JSON form.
    pub(super) fn add_json(&mut self, value: &Value) -> Result<(), Error> {
        if self.format == ListFormat::Jsonl {
            self.text.push_str(&format!("{value}\n"));
        } else {
            self.text
                .push_str(if self.count == 0 { "\n" } else { ",\n" });
            let shown = format!("{value:#}").replace('\n', "\n  ");
            self.text.push_str("  ");
            self.text.push_str(&shown);
        }
        self.count += 1;
        self.write(CHUNK)
    }

    /// Ends the text; how many rows there were.
    pub(super) fn finish(mut self) -> Result<u64, Error> {
        match self.format {
            ListFormat::Json if self.count == 0 => self.text.push_str("]\n"),
            ListFormat::Json => self.text.push_str("\n]\n"),
            ListFormat::Table if self.count == 0 || !self.table.is_empty() => self.finish_table(),
            ListFormat::Csv | ListFormat::Jsonl | ListFormat::Table => {}
        }
        self.write(1)?;
        Ok(self.count)
    }

    fn write(&mut self, least: usize) -> Result<(), Error> {
        if self.text.len() >= least {
            (self.sink)(&self.text)?;
            self.text.clear();
        }
        Ok(())
    }

    /// Sets the rows that are there, in columns at least as wide as above.
    fn finish_table(&mut self) {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        let is_first = !std::mem::replace(&mut self.has_heading, true);
        if is_first {
            table.set_header(HEADINGS);
        }
        table.add_rows(self.table.drain(..));
        for (index, width) in self.widths.iter().enumerate() {
            if let Some(column) = table.column_mut(index) {
                let least = comfy_table::Width::Fixed(*width);
                column.set_constraint(comfy_table::ColumnConstraint::LowerBoundary(least));
            }
        }
        for line in table.lines() {
            self.text.push_str(line.trim_end());
            self.text.push('\n');
        }
        if is_first {
            // A blank on either side belongs to the column.
            let widths = table.column_max_content_widths();
            let least = self.widths.iter().chain(std::iter::repeat(&0));
            let wide = widths.iter().map(|width| width.saturating_add(2));
            self.widths = wide
                .zip(least)
                .map(|(wide, least)| wide.max(*least))
                .collect();
        }
    }
}

fn table_row(record: &Record, now: DateTime<Utc>) -> Vec<String> {
    vec![
        hex::encode(&record.serial),
        record.kind.as_str().to_owned(),
        shown_status(record, now).to_owned(),
        rfc3339(record.not_after),
        printable(&record.subject, 200),
        printable(&record.names.join(" "), 200),
    ]
}

fn csv_fields(record: &Record, now: DateTime<Utc>) -> [String; 18] {
    let time = |time: Option<DateTime<Utc>>| time.map(rfc3339).unwrap_or_default();
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let revocation = record.revocation;
    let reason = revocation.map(|revocation| reason_of(revocation).as_str().to_owned());
    [
        hex::encode(&record.serial),
        record.kind.as_str().to_owned(),
        status(record, now).to_owned(),
        record.common_name.clone(),
        record.subject.clone(),
        record.names.join(";"),
        rfc3339(record.not_before),
        rfc3339(record.not_after),
        rfc3339(record.reserved_at),
        time(record.issued_at),
        time(record.delivered_at),
        text(&record.profile),
        text(&record.requester),
        text(&record.request_id),
        time(revocation.map(|revocation| revocation.at)),
        reason.unwrap_or_default(),
        time(revocation.and_then(|revocation| revocation.invalid_since)),
        text(&record.fingerprint),
    ]
}

/// One line of CSV. Writing into memory does not fail.
pub(super) fn csv_line(fields: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = writer.write_record(fields).is_ok();
    match writer.into_inner() {
        Ok(line) if written => String::from_utf8_lossy(&line).into_owned(),
        _ => String::new(),
    }
}
