//! The rows of a batch: CSV, or an object in JSON on each line.

use std::collections::HashMap;

use serde::Deserialize;

use crate::authority::{self, BatchRow, IssueRequest, RequestedKey, RowId, TagValue};
use crate::cli::{CaIssue, NameArgs};
use crate::key::PublicKey;
use crate::limits;
use crate::pki::CertificateRequest;
use crate::text::printable;

use super::sign::{Said, wanted};

/// What a row says, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    id: String,
    #[serde(default)]
    cn: Option<String>,
    #[serde(default)]
    san: Several,
    #[serde(default)]
    organization: Option<String>,
    #[serde(default)]
    ou: Several,
    #[serde(default)]
    days: Option<u32>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    csr: Option<String>,
    #[serde(default)]
    public_key: Option<String>,
    /// Where it stands, from 1.
    #[serde(skip)]
    pub(super) line: u64,
}

/// An array, or a text with semicolons.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Several {
    Array(Vec<String>),
    Text(String),
}

impl Default for Several {
    fn default() -> Self {
        Self::Array(Vec::new())
    }
}

impl Several {
    fn values(&self) -> Vec<&str> {
        let values: Vec<&str> = match self {
            Self::Array(values) => values.iter().map(String::as_str).collect(),
            Self::Text(text) => text.split(';').collect(),
        };
        let trimmed = values.into_iter().map(str::trim);
        trimmed.filter(|value| !value.is_empty()).collect()
    }
}

/// What is wrong with a file or a row, and on which line, from 1.
pub(super) type Wrong = (u64, String);

/// Reads all rows. A file that cannot be read as a whole has no rows at all.
pub(super) fn read(content: &[u8]) -> Result<Vec<Written>, Wrong> {
    let begin = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let rows = if begin.trim_ascii().is_empty() {
        return Err((1, "the file is empty".to_owned()));
    } else if begin.trim_ascii_start().starts_with(b"[") {
        let reason =
            "it is a JSON array, where an object on each line is expected ('jq -c .[]' makes them)";
        return Err((1, reason.to_owned()));
    } else if begin.trim_ascii_start().starts_with(b"{") {
        read_json(begin)?
    } else {
        read_csv(begin)?
    };
    if rows.is_empty() {
        return Err((1, "the batch has no rows".to_owned()));
    }
    let mut lines = HashMap::new();
    for row in &rows {
        if let Some(first) = lines.insert(row.id.as_str(), row.line) {
            let id = printable(&row.id, 130);
            return Err((
                row.line,
                format!("the id '{id}' stands on line {first} already"),
            ));
        }
    }
    Ok(rows)
}

fn too_many(line: u64) -> Wrong {
    let most = limits::MAX_BATCH_ROWS;
    (
        line,
        format!("the batch has more than {most} rows; give it in parts"),
    )
}

fn read_json(content: &[u8]) -> Result<Vec<Written>, Wrong> {
    let mut rows = Vec::new();
    for (line, text) in (1..).zip(content.split(|octet| *octet == b'\n')) {
        if text.trim_ascii().is_empty() {
            continue;
        }
        if rows.len() == limits::MAX_BATCH_ROWS {
            return Err(too_many(line));
        }
        let row: Written =
            serde_json::from_slice(text).map_err(|error| (line, json_fault(&error)))?;
        rows.push(Written { line, ..row });
    }
    Ok(rows)
}

/// What is wrong with a line of JSON. The parser counts lines in what it was
/// given, which is one line.
fn json_fault(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let text = error.to_string();
    let said = text.split(" at line ").next().unwrap_or_default();
    let said = printable(said, 300);
    match error.classify() {
        Category::Eof => "the object does not end on its line".to_owned(),
        Category::Syntax => format!("not JSON from column {} on: {said}", error.column()),
        Category::Data | Category::Io => said,
    }
}

/// The line, from 1, of a quote that is opened and never closed.
fn open_quote(content: &[u8]) -> Option<u64> {
    let (mut line, mut opened) = (1, None);
    for octet in content {
        match octet {
            b'\n' => line += 1,
            b'"' if opened.is_some() => opened = None,
            b'"' => opened = Some(line),
            _ => {}
        }
    }
    opened
}

/// What is wrong with a heading.
fn unknown_heading(heading: &str) -> String {
    let shown = printable(heading, 100);
    let is_joined = |separator: char| {
        let mut parts = heading.split(separator);
        parts.clone().count() > 1 && parts.any(|part| COLUMNS.contains(&part.trim()))
    };
    if let Some(separator) = [';', '\t', '|'].into_iter().find(|one| is_joined(*one)) {
        let name = match separator {
            '\t' => "tabs".to_owned(),
            other => format!("'{other}'"),
        };
        return format!("its columns are separated by {name}, where ',' is expected");
    }
    let lower = heading.to_lowercase();
    let near = COLUMNS
        .iter()
        .map(|column| (strsim::damerau_levenshtein(column, &lower), column))
        .min();
    match near {
        Some((distance, column)) if distance <= 2 && distance < column.len() => {
            format!("'{shown}' is no column; did you mean '{column}'?")
        }
        _ => format!("'{shown}' is no column; known are {}", COLUMNS.join(", ")),
    }
}

/// The columns of a CSV file.
const COLUMNS: [&str; 9] = [
    "id",
    "cn",
    "san",
    "organization",
    "ou",
    "days",
    "profile",
    "csr",
    "public_key",
];

fn read_csv(content: &[u8]) -> Result<Vec<Written>, Wrong> {
    if let Some(line) = open_quote(content) {
        return Err((line, "a quote is opened here and never closed".to_owned()));
    }
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_reader(content);
    let malformed = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        (line, printable(&error.to_string(), 300))
    };
    let headings = reader.headers().map_err(malformed)?.clone();
    for (place, heading) in headings.iter().enumerate() {
        if !COLUMNS.contains(&heading) {
            return Err((1, unknown_heading(heading)));
        }
        if headings.iter().take(place).any(|other| other == heading) {
            return Err((1, format!("the column '{heading}' is there twice")));
        }
    }
    if !headings.iter().any(|heading| heading == "id") {
        return Err((1, "there is no column 'id'".to_owned()));
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(malformed)?;
        let line = record.position().map_or(0, csv::Position::line);
        if rows.len() == limits::MAX_BATCH_ROWS {
            return Err(too_many(line));
        }
        let mut row = Written {
            line,
            ..Written::default()
        };
        for (heading, value) in headings.iter().zip(&record) {
            if !value.is_empty() {
                fill(&mut row, heading, value).map_err(|reason| (line, reason))?;
            }
        }
        rows.push(row);
    }
    Ok(rows)
}

fn fill(row: &mut Written, heading: &str, value: &str) -> Result<(), String> {
    let text = || Some(value.to_owned());
    match heading {
        "id" => row.id = value.to_owned(),
        "cn" => row.cn = text(),
        "san" => row.san = Several::Text(value.to_owned()),
        "organization" => row.organization = text(),
        "ou" => row.ou = Several::Text(value.to_owned()),
        "days" => {
            let days = value.parse().ok();
            row.days = Some(days.ok_or_else(|| format!("'{value}' is no number of days"))?);
        }
        "profile" => row.profile = text(),
        "csr" => row.csr = text(),
        _ => row.public_key = text(),
    }
    Ok(())
}

impl Written {
    /// The name of the row, as it is written.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Checks everything that does not depend on a CA, the signature of a
    /// request included.
    pub(super) fn check(&self, options: &CaIssue) -> Result<BatchRow, authority::Error> {
        let wrong = |reason: String| authority::Error::BatchRow { reason };
        let id: RowId = self.id.parse().map_err(wrong)?;
        let in_column = |column: &str, value: &str, reason: String| {
            wrong(format!("{column} '{}': {reason}", printable(value, 200)))
        };
        let tag = |column: &str, value: &str| -> Result<TagValue, authority::Error> {
            value
                .parse()
                .map_err(|reason| in_column(column, value, reason))
        };
        let cn = self.cn.as_deref().map(|value| {
            value
                .parse()
                .map_err(|reason| in_column("cn", value, reason))
        });
        let san = self.san.values().into_iter().map(|value| {
            value
                .parse()
                .map_err(|reason| in_column("san", value, reason))
        });
        let san = san.collect::<Result<Vec<_>, _>>()?;
        if san.len() > limits::MAX_NAMES {
            let (count, most) = (san.len(), limits::MAX_NAMES);
            return Err(wrong(format!(
                "it has {count} names, at most {most} are taken"
            )));
        }
        let mut ou = self.ou.values().into_iter().map(|value| tag("ou", value));
        let ou = ou.by_ref().collect::<Result<Vec<_>, _>>()?;
        let organization = self.organization.as_deref();
        let organization = organization.map(|value| tag("organization", value));
        if let Some(days) = self.days.filter(|days| !(1..=3650).contains(days)) {
            return Err(wrong(format!("days is {days}, not 1 to 3650")));
        }
        let said = Said {
            cn: cn.transpose()?,
            names: NameArgs {
                san,
                organization: organization
                    .transpose()?
                    .or_else(|| options.names.organization.clone()),
                ou: if ou.is_empty() {
                    options.names.ou.clone()
                } else {
                    ou
                },
            },
            days: self.days.or(options.terms.days),
            profile: self
                .profile
                .clone()
                .or_else(|| options.terms.profile.clone()),
        };
        let mut request = self.request(said, options)?;
        request.request_id = Some(id.as_str().to_owned());
        Ok(BatchRow { id, request })
    }

    fn request(&self, said: Said, options: &CaIssue) -> Result<IssueRequest, authority::Error> {
        let wrong = |reason: &str| authority::Error::BatchRow {
            reason: reason.to_owned(),
        };
        let key = match (&self.csr, &self.public_key) {
            (Some(_), Some(_)) => return Err(wrong("it has a csr and a public_key")),
            (Some(csr), None) => {
                let request = CertificateRequest::read(csr.as_bytes(), "csr")?;
                return wanted(&request, "csr", said);
            }
            (None, Some(key)) => RequestedKey::Given(
                public_key(key).ok_or_else(|| wrong("its public_key is no PUBLIC KEY in PEM"))?,
            ),
            (None, None) => RequestedKey::New(options.key_type),
        };
        Ok(IssueRequest {
            common_name: said.cn.ok_or_else(|| wrong("it has no cn"))?,
            organization: said.names.organization,
            organizational_units: said.names.ou,
            names: said.names.san,
            key,
            days: said.days,
            profile: said.profile,
            request_id: None,
        })
    }
}

fn public_key(text: &str) -> Option<PublicKey> {
    let block = pem::parse(text).ok()?;
    if block.tag() != "PUBLIC KEY" {
        return None;
    }
    PublicKey::from_spki(block.contents())
}
