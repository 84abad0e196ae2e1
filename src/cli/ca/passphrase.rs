//! `windlass ca passphrase`

use std::path::PathBuf;

use clap::Args;

use crate::authority::AuthorityName;
use crate::cli::{PassphraseArgs, TypedPassphrase};
use crate::key::Source;

use super::{CaDirectory, OccasionArgs};

/// Change the passphrase of a CA's keys
///
/// All keys, or the one that --key names, are decrypted in memory, encrypted
/// anew with a fresh salt, opened again, and only then take the place of the old
/// files. When the old passphrase is wrong, nothing changes. A run that was cut
/// short is repeated: a key that has the new passphrase already stays as it is.
/// Copies and backups that were made before still open with the old one. A key in
/// a token or a TPM has a PIN of its own, which its own tools change.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  openssl rand -base64 -out new 24
  windlass ca passphrase --dir ca --passphrase-file passphrase --new-passphrase-file new
  windlass ca passphrase --dir ca --passphrase-file new --new-passphrase-file passphrase \\
      --comment 'back again'")]
pub struct CaPassphrase {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The key: issuing, root, or a later one as issuing-2; without it all in use
    #[arg(long, value_name = "KEY")]
    pub key: Option<AuthorityName>,

    /// Where the old passphrase comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// New passphrase: FILE, -, env:NAME, fd:N, cmd:COMMAND, credential:NAME or tty
    ///
    /// Read there as --passphrase-from reads the old one. Without this option and
    /// --new-passphrase-file it is asked for on the terminal, twice
    #[arg(long, value_name = "SOURCE", group = "new_passphrase")]
    pub new_passphrase_from: Option<TypedPassphrase>,

    /// Read the new passphrase from this file
    #[arg(long, value_name = "FILE", group = "new_passphrase")]
    pub new_passphrase_file: Option<PathBuf>,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

impl CaPassphrase {
    /// Where the new passphrase is, when an option says so.
    #[must_use]
    pub fn new_source(&self) -> Option<TypedPassphrase> {
        let from_file = |path: &PathBuf| TypedPassphrase::Source(Source::File(path.clone()));
        let from = self.new_passphrase_from.clone();
        from.or_else(|| self.new_passphrase_file.as_ref().map(from_file))
    }
}
