//! `windlass ca stats`, `windlass ca report` and `windlass ca export`

use std::path::PathBuf;

use clap::Args;

use super::{CaDirectory, OccasionArgs};

/// Tell the inventory in numbers
///
/// How many certificates there are, in which state, when they end, of which keys
/// and for whom. Keys and requesters are those of the newest 10,000 rows. Whoever
/// may read the CA's directory can run it.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca stats --dir ca
  windlass ca stats --dir ca --json")]
pub struct CaStats {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Write a page that shows the CA and its fleet
///
/// One HTML file that needs nothing else, to be looked at, printed or sent: the
/// CA's own certificates and generations, when the fleet's certificates end, what
/// is due, what is revoked and why, the state of the revocation lists, the policy,
/// the backups and the audit log, and what is unsettled. A certificate is due in
/// the last third of its life, unless there is a later one of the same common
/// name. It holds no keys. Whoever may read the CA's directory can make it.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca report --dir ca --html report.html
  windlass ca report --dir ca --html report.html --title 'Certificates of the data centre'")]
pub struct CaReport {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The file to write, in place of an earlier page, or '-' for stdout
    #[arg(long, value_name = "FILE")]
    pub html: PathBuf,

    /// The title of the page, in place of the CA's name
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,

    /// Print as JSON what was written, and where
    #[arg(long)]
    pub json: bool,
}

/// Write the entire inventory into a file
///
/// Every row, the oldest first: as JSON Lines with the certificates in PEM, or as
/// CSV. No keys are in it. The export stands in the audit log, so it needs to
/// write the CA's directory. Values stand in the CSV as they are in the certificates:
/// a name may begin with = + - @, which a spreadsheet takes for a formula unless its
/// columns are imported as text.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca export --dir ca --jsonl inventory.jsonl --json
  windlass ca export --dir ca --csv - --comment 'for the yearly audit'")]
pub struct CaExport {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Which form, and where to
    #[command(flatten)]
    pub target: ExportTarget,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print as JSON what was written, and where
    #[arg(long)]
    pub json: bool,
}

/// The form of an export.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct ExportTarget {
    /// Write JSON Lines to this file, or to stdout with '-'
    #[arg(long, value_name = "FILE")]
    pub jsonl: Option<PathBuf>,

    /// Write CSV to this file, or to stdout with '-'
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}
