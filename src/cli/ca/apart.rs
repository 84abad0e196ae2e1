//! `windlass ca sign-ca` and `windlass ca install`

use std::path::PathBuf;

use clap::Args;

use crate::cli::{PassphraseArgs, value};
use crate::key::Source;

use super::revoke::fingerprint;
use super::{CaDirectory, OccasionArgs};

/// Certify an issuing CA whose request comes from another machine
///
/// For the machine of a root that is kept apart ('ca init --root-only'); any CA
/// with the key of its root will do. The request (PKCS#10, PEM or DER) must be
/// signed by its own key: EC P-256 or P-384, or RSA with 2048 bits or more. Of it
/// are taken the name, byte for byte, and the key, never extensions: the
/// certificate is that of a CA which issues workloads' certificates and no
/// further CA.
///
/// Whoever can make this machine sign another request has a CA of their own: so
/// the SHA-256 of the key that 'ca init --offline-root' showed is compared, by
/// --key-fingerprint or by a person on the terminal.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca sign-ca --dir vault --csr site/issuing/request.pem --out issuing.pem \\
      --key-fingerprint \"$KEY_SHA256\" --passphrase-file passphrase
  windlass ca sign-ca --dir vault --csr site/issuing/request.pem --out short.pem \\
      --issuing-years 1 --key-fingerprint \"$KEY_SHA256\" --passphrase-file passphrase")]
pub struct CaSignCa {
    /// Which root
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The request: FILE, or - for the standard input
    #[arg(long, value_name = "FILE")]
    pub csr: Source,

    /// The new file for the certificate, with that of the root behind it
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// The SHA-256 of the request's key in hex, as the issuing machine showed it
    ///
    /// Without it the key is shown, and a yes on the terminal is wanted
    #[arg(long, value_name = "HEX", value_parser = fingerprint)]
    pub key_fingerprint: Option<String>,

    /// Life of the issuing certificate in years
    ///
    /// It ends with the root at the latest
    #[arg(long, value_name = "YEARS", default_value_t = 3, value_parser = value::number("a life in years", 1..=50_u32, "3"))]
    pub issuing_years: u32,

    /// Certify it although it does not ask for a CA's certificate
    ///
    /// A request without basicConstraints CA:TRUE is most likely a workload's, whose
    /// owner would become a CA
    #[arg(long)]
    pub force: bool,

    /// Where the passphrase of the root comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Install the certificate that a root elsewhere has granted
///
/// Everything is verified again: that it is for this CA's key and name, that the
/// root has signed it and is one, that both are valid now, and that it can do
/// what an issuing CA has to, and no more (CA:TRUE with path length 0,
/// keyCertSign, cRLSign). Then the CA issues. What does not fit changes nothing.
///
/// The root may be windlass, OpenSSL, AD CS or another CA; a certificate that an
/// intermediate has signed is refused. Its SHA-256 is compared, by
/// --root-fingerprint or by a person on the terminal: whoever's root is installed
/// here, Roles Anywhere will trust.
///
/// To install the same certificate again is no error.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca install --dir site --cert issuing.pem --root-fingerprint \"$ROOT_SHA256\" \\
      --passphrase-file passphrase
  windlass ca install --dir site --cert issuing.pem --root vault/trust-anchor.pem \\
      --root-fingerprint \"$ROOT_SHA256\" --passphrase-file passphrase")]
pub struct CaInstall {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The certificate of the issuing CA (PEM or DER); the root may be behind it
    #[arg(long, value_name = "FILE")]
    pub cert: PathBuf,

    /// The root's certificate, when it is not in the same file
    #[arg(long, value_name = "FILE")]
    pub root: Option<PathBuf>,

    /// The SHA-256 of the root's certificate in hex, as its machine shows it
    ///
    /// Without it the root is shown, and a yes on the terminal is wanted
    #[arg(long, value_name = "HEX", value_parser = fingerprint)]
    pub root_fingerprint: Option<String>,

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
