//! `windlass ca passphrase`

use clap::Args;

use crate::authority::AuthorityName;
use crate::cli::{NewPassphraseArgs, PassphraseArgs};

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

    /// Where the new passphrase comes from
    #[command(flatten)]
    pub new: NewPassphraseArgs,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
