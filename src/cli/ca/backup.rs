//! `windlass ca backup` and `windlass ca restore`

use std::path::PathBuf;

use clap::Args;

use super::{CaDirectory, OccasionArgs};

/// Back up the whole CA into one file, while it works
///
/// The file is a tar archive with a manifest of hashes. It holds the inventory as
/// it is at one moment, the certificates, the revocation lists and the encrypted
/// keys; a key in a token or a TPM cannot be copied, only what names it. The
/// backup is read back and checked before it gets its name, and can be read by
/// its owner only. Keep it apart from the passphrase.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass ca backup --dir ca --out ca-backup.tar")]
pub struct CaBackup {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The new file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Restore a CA from a backup
///
/// Everything in the backup is checked first, and the directory appears whole or
/// not at all. Certificates that were issued after the backup was made are
/// unknown to it: give their files with --also where you have them. Give the
/// newest revocation lists that were published with --crl, so that an old backup
/// is noticed.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca restore ca-backup.tar --dir ca-restored
  windlass ca restore ca-backup.tar --dir ca-restored-too --crl ca/crl/issuing.pem \\
      --also web-1/cert.pem --accept-older")]
pub struct CaRestore {
    /// The file that 'ca backup' has made
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// The directory for the CA, new or empty
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The newest revocation list that was published; may be repeated
    ///
    /// A backup that knows less is refused. With --accept-older the list's number
    /// and its revocations are taken over, so that the next one goes on from
    /// there
    #[arg(long, value_name = "FILE")]
    pub crl: Vec<PathBuf>,

    /// Certificates that were issued after the backup; may be repeated
    #[arg(long, value_name = "FILE")]
    pub also: Vec<PathBuf>,

    /// Restore a backup that is older than a list of --crl
    #[arg(long)]
    pub accept_older: bool,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
