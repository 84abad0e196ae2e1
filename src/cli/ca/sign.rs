//! `windlass ca sign`

use std::path::PathBuf;

use clap::Args;

use crate::authority::CommonName;
use crate::cli::PassphraseArgs;
use crate::key::Source;

use super::{CaDirectory, NameArgs, OccasionArgs, TermArgs};

/// Issue a workload certificate for a request (CSR), whose key stays where it is
///
/// The request (PKCS#10, PEM or DER) must be signed by its own key: EC P-256,
/// P-384 or P-521, RSA or ML-DSA, with a hash of the SHA-2 family. Of it are
/// taken the key and the names (CN, O, OU and subject alternative names), which
/// pass the same rules as those of 'ca issue'; options override them kind by
/// kind. Extensions are never taken; what is asked for besides is told.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout app.key \\
      -subj /CN=app-1 -out app.csr
  windlass ca sign --dir ca --csr app.csr --out app-1 --passphrase-file passphrase
  windlass ca sign --dir ca --csr - --out - --passphrase-file passphrase <app.csr
  windlass ca sign --dir ca --csr app.csr --cn app-2 --san app-2.example.com --dry-run")]
pub struct CaSign {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The request: FILE, or - for the standard input
    #[arg(long, value_name = "FILE")]
    pub csr: Source,

    /// The workload's common name, instead of the request's
    ///
    /// It becomes the source identity CN=NAME and the session tag
    /// x509Subject/CN: at most 61 letters, digits, spaces and _ . : / = + - @
    #[arg(long, value_name = "NAME")]
    pub cn: Option<CommonName>,

    /// The other names, instead of the request's
    #[command(flatten)]
    pub names: NameArgs,

    /// Life and profile
    #[command(flatten)]
    pub terms: TermArgs,

    /// The new directory for the certificates, a new file, or - for stdout
    ///
    /// A directory gets cert.pem, chain.pem and fullchain.pem. What ends in .pem
    /// or .crt is a file, for the certificate with its chain; so is what is printed
    #[arg(long, value_name = "DIR|FILE", required_unless_present = "dry_run")]
    pub out: Option<PathBuf>,

    /// Where the passphrase of the CA comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
