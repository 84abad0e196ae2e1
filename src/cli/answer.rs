//! How a check answers a monitor.

use std::ffi::OsStr;
use std::path::PathBuf;

use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};

/// How a check answers.
#[derive(Args, Debug)]
pub struct AnswerArgs {
    /// Form of the answer: nagios, prometheus or json
    #[arg(long, value_name = "FORMAT", default_value = "nagios")]
    pub format: CheckFormat,

    /// Print JSON: --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,

    /// Write the numbers into this file too, for node_exporter
    ///
    /// Its name ends in .prom: node_exporter reads no others. Everybody can read it; it is
    /// replaced as a whole
    #[arg(long, value_name = "FILE", value_parser = PathBufValueParser::new().try_map(prom_file))]
    pub textfile: Option<PathBuf>,

    /// Print nothing on stdout, for cron; with --textfile
    ///
    /// What cannot be written is told on stderr, and the exit code is as without it
    #[arg(long, requires = "textfile")]
    pub quiet: bool,
}

/// How the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// A JSON object
    Json,
    /// A line and more lines, as of a Nagios plugin
    Nagios,
    /// Metrics of Prometheus
    Prometheus,
}

impl AnswerArgs {
    /// The form: that of `--format`, or JSON.
    #[must_use]
    pub const fn form(&self) -> CheckFormat {
        match self.json {
            true => CheckFormat::Json,
            false => self.format,
        }
    }
}

/// A file that node_exporter reads (its textfile collector).
fn prom_file(path: PathBuf) -> Result<PathBuf, &'static str> {
    match path.extension() == Some(OsStr::new("prom")) {
        true => Ok(path),
        false => Err("node_exporter reads files whose names end in .prom, and no others"),
    }
}
