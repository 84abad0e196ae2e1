//! `windlass ca show`

use clap::Args;

use super::CaDirectory;

/// Show one certificate of the inventory
///
/// With who asked for it and what the audit log says of it. A common name shows
/// the newest certificate of that name, and names the others.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca show --dir ca web-1
  windlass ca show --dir ca web-1 --pem
  windlass ca show --dir ca web-1 --json")]
pub struct CaShow {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The serial number or SHA-256 in hex, the common name, or the request's id
    #[arg(value_name = "SERIAL|SHA-256|NAME|ID")]
    pub which: String,

    /// Print JSON
    #[arg(long, conflicts_with = "pem")]
    pub json: bool,

    /// Print the certificate as PEM
    #[arg(long)]
    pub pem: bool,
}
