//! `windlass ca list`

use chrono::TimeDelta;
use clap::{Args, ValueEnum};

use crate::cli::value::{self, Moment};

use super::CaDirectory;

/// The state of a certificate, as people ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CertificateStatus {
    /// In force: issued, not revoked, not ended
    #[value(alias = "issued")]
    Valid,
    /// Ended, without having been revoked
    Expired,
    /// Finally revoked
    Revoked,
    /// On hold
    Held,
    /// A serial number under which no certificate was handed out
    Reserved,
    /// In force, but its files were not written, or not noted as written
    Undelivered,
    /// A reservation of which it is settled that nothing was issued
    Abandoned,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CertificateKind {
    /// A workload's
    Leaf,
    /// An issuing CA's
    Issuing,
    /// A root's
    Root,
    /// That of a root's key by the root before it
    Cross,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListOrder {
    /// What ends first comes first
    End,
    /// The newest first
    Issued,
    /// By common name
    Name,
}

/// The form of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Columns, for people
    #[default]
    Table,
    /// Comma-separated values with a heading (RFC 4180), as they are: names may begin
    /// with = + - @, which a spreadsheet takes for a formula unless it imports text
    Csv,
    /// One JSON array
    Json,
    /// A JSON object on each line
    Jsonl,
}

/// A text with a '*' at one end, at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Glob {
    /// `TEXT*`
    Begins(String),
    /// `*TEXT`
    Ends(String),
    /// `TEXT`
    Exact(String),
}

/// Which certificates are wanted.
#[derive(Args, Clone, Debug)]
pub struct ListFilter {
    /// Whose common name or DNS name this is
    ///
    /// A '*' at the end or at the beginning stands for anything; with one at the
    /// beginning all names are looked through
    #[arg(long, value_name = "NAME", value_parser = glob)]
    pub host: Option<Glob>,

    /// Whose common name this is; '*' as with --host
    #[arg(long, value_name = "NAME", value_parser = glob)]
    pub cn: Option<Glob>,

    /// Who has this subject alternative name; '*' as with --host
    ///
    /// With DNS:, IP:, URI: or email: before it of that kind only
    #[arg(long, value_name = "NAME", value_parser = glob)]
    pub san: Option<Glob>,

    /// Whose serial number begins so, in hex
    #[arg(long, value_name = "HEX", value_parser = serial_prefix)]
    pub serial: Option<String>,

    /// Whose SHA-256 begins so, in hex
    #[arg(long, value_name = "HEX", value_parser = fingerprint_prefix)]
    pub fingerprint: Option<String>,

    /// What was issued for this request
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,

    /// What this user asked for, as the audit log names them
    #[arg(long, value_name = "USER")]
    pub requester: Option<String>,

    /// What was issued under this profile of the policy
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// What is in one of these states; several are separated by commas
    #[arg(long, value_name = "STATE", value_delimiter = ',')]
    pub status: Vec<CertificateStatus>,

    /// What ends within this time, as in 30d, and is not revoked
    #[arg(long, value_name = "TIME", value_parser = value::period)]
    pub expiring: Option<TimeDelta>,

    /// What was issued since then: a time, or 7d for seven days ago
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub issued_since: Option<Moment>,

    /// What was issued before then
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub issued_before: Option<Moment>,

    /// Certificates of this kind
    #[arg(long, value_name = "KIND")]
    pub kind: Option<CertificateKind>,
}

/// List what the CA has issued
///
/// The newest first. 'reserved' is a serial number under which no certificate
/// was ever handed out; 'undelivered' a certificate that was signed and stored,
/// but whose files were not written or not noted as written.
///
/// Of several options all must hold. Nothing is cut off without --limit, in any
/// form; rows are written as they are read. Whoever may read the CA's directory
/// can list it, and writes nothing there.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca list --dir ca
  windlass ca list --dir ca --expiring 30d
  windlass ca list --dir ca --host 'web-*' --status valid,held --sort name
  windlass ca list --dir ca --issued-since 7d --format csv
  windlass ca list --dir ca --json")]
pub struct CaList {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Which certificates
    #[command(flatten)]
    pub filter: ListFilter,

    /// The order: newest first, with --expiring what ends first
    #[arg(long, value_name = "ORDER")]
    pub sort: Option<ListOrder>,

    /// At most so many
    #[arg(long, value_name = "N", value_parser = value::number("a number of rows", 1..=u64::MAX, "100"))]
    pub limit: Option<u64>,

    /// The form
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub format: ListFormat,

    /// Print JSON: --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// Reads a name with a '*' at one end, at most.
pub(super) fn glob(text: &str) -> Result<Glob, String> {
    let read = match (text.strip_prefix('*'), text.strip_suffix('*')) {
        // All names, and a wildcard name as it stands in a certificate.
        (Some(""), _) => Glob::Begins(String::new()),
        (Some(end), None) => Glob::Ends(end.to_owned()),
        (None, Some(begin)) => Glob::Begins(begin.to_owned()),
        (None, None) if !text.is_empty() => Glob::Exact(text.to_owned()),
        _ => return Err(NO_GLOB.to_owned()),
    };
    let (Glob::Begins(rest) | Glob::Ends(rest) | Glob::Exact(rest)) = &read;
    match rest.contains('*') {
        true => Err(NO_GLOB.to_owned()),
        false => Ok(read),
    }
}

const NO_GLOB: &str = "a name is expected, with one '*' at an end at most, as in web-*";

/// The hex digits of a serial number's beginning.
fn serial_prefix(text: &str) -> Result<String, String> {
    let digits = hex_digits(text, 40)?;
    // As numbers are kept: without leading zeros.
    let trimmed = digits.trim_start_matches("00");
    Ok(trimmed.to_owned())
}

fn fingerprint_prefix(text: &str) -> Result<String, String> {
    hex_digits(text, 64)
}

fn hex_digits(text: &str, most: usize) -> Result<String, String> {
    let digits: String = text
        .trim_start_matches("0x")
        .chars()
        .filter(|character| *character != ':')
        .map(|character| character.to_ascii_lowercase())
        .collect();
    let is_hex = digits.chars().all(|digit| digit.is_ascii_hexdigit());
    if digits.is_empty() || digits.len() > most || !is_hex {
        return Err(format!(
            "1 to {most} hex digits are expected, with or without colons"
        ));
    }
    Ok(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_at_an_end() {
        assert_eq!(glob("web"), Ok(Glob::Exact("web".to_owned())));
        assert_eq!(glob("web-*"), Ok(Glob::Begins("web-".to_owned())));
        assert_eq!(
            glob("*.example.com"),
            Ok(Glob::Ends(".example.com".to_owned()))
        );
        assert_eq!(glob("*"), Ok(Glob::Begins(String::new())));
        for wrong in ["", "a*b", "*a*", "**"] {
            assert!(glob(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_read_as_others_print_them() {
        assert_eq!(serial_prefix("00:2A:1"), Ok("2a1".to_owned()));
        assert_eq!(serial_prefix("0x2a"), Ok("2a".to_owned()));
        for wrong in ["", "x", &"a".repeat(41)] {
            assert!(serial_prefix(wrong).is_err(), "{wrong}");
        }
    }
}
