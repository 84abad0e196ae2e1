//! `windlass key`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::key::{FriendlyName, KeySource};
use crate::rolesanywhere::TrustAnchorArn;

use super::{CertificateArgs, IdentityArgs, NewPassphraseArgs, PassphraseArgs};

/// Look at private keys and their certificates, and hand them on
#[derive(Args, Debug)]
pub struct Key {
    /// What to do
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// The verbs on keys.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum KeyCommand {
    ExportPkcs12(Box<KeyExportPkcs12>),
    Show(Box<KeyShow>),
}

/// Show a key, its certificate, and what AWS makes of them
///
/// Type and size of the key, the algorithm with which CreateSession is signed,
/// the certificate and chain that are sent, and the source identity, session
/// name and principal tags that Roles Anywhere derives from the certificate with
/// a profile's default attribute mapping, as far as AWS documents it, with a
/// condition for the role's trust policy. Nothing secret is shown, and nothing
/// is sent.
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("place").args(["identity", "certificate", "private_key", "cert_selector"]).required(true).multiple(true)),
    after_long_help = "\
Examples:
  windlass key show --private-key web-1/key.pem
  windlass key show --certificate web-1/fullchain.pem --private-key web-1/key.pem
  windlass key show --certificate web-1/fullchain.pem --private-key web-1/key.pem --json"
)]
pub struct KeyShow {
    /// Certificate and private key
    #[command(flatten)]
    pub identity: IdentityArgs,

    /// ARN of the trust anchor, for the condition; not its alias
    #[arg(long, value_name = "ARN")]
    pub trust_anchor_arn: Option<TrustAnchorArn>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Write a key with its certificates into a PKCS#12 file (.p12, .pfx)
///
/// For Windows, Java and other programs that take no PEM. The file holds the key,
/// its certificate and the intermediates that are given, linked and encrypted
/// under a new passphrase: with AES-256 and HMAC-SHA-256, which OpenSSL reads, Java
/// from 8u301 and Windows from Server 2019 on; with --legacy for what is older. It
/// is read back before it is written, only its owner can read it, and it is there
/// whole or not at all. A key in a token or a TPM cannot be exported.
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("place").args(["identity", "certificate", "private_key", "cert_selector"]).required(true).multiple(true)),
    after_long_help = "\
Examples:
  openssl rand -base64 -out p12-passphrase 24
  windlass key export-pkcs12 --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --out web-1.p12 --new-passphrase-file p12-passphrase
  windlass key export-pkcs12 --certificate web-1/fullchain.pem --private-key web-1/key.pem \\
      --root ca/trust-anchor.pem --name 'web 1' --legacy --out web-1-old.p12 \\
      --new-passphrase-file p12-passphrase"
)]
pub struct KeyExportPkcs12 {
    /// Managed identity: its directory, instead of certificate and key
    ///
    /// It is one that 'windlass rotate' keeps: DIR/current leads to the version in
    /// force, and everything is taken from that version, also while it changes.
    /// Where it cannot be used, the one before it is, with a warning
    #[arg(
        long,
        value_name = "DIR",
        env = "WINDLASS_IDENTITY",
        hide_env_values = true,
        conflicts_with_all = ["certificate", "cert_selector", "private_key", "intermediates"]
    )]
    pub identity: Option<PathBuf>,

    /// Certificate
    #[command(flatten)]
    pub certificate: CertificateArgs,

    /// The private key; by default it is taken from where the certificate is
    ///
    /// A source as for --certificate, with PKCS#8, PKCS#1 or SEC 1 in PEM or
    /// DER, or PKCS#12, also encrypted
    #[arg(
        long,
        value_name = "SOURCE",
        env = "WINDLASS_PRIVATE_KEY",
        hide_env_values = true
    )]
    pub private_key: Option<KeySource>,

    /// Intermediate certificates: a source as for --certificate
    #[arg(
        long,
        value_name = "SOURCE",
        env = "WINDLASS_INTERMEDIATES",
        hide_env_values = true
    )]
    pub intermediates: Option<KeySource>,

    /// Put the root certificate of this source in too; by default none is
    ///
    /// Whoever is to trust a root has to have it from elsewhere; some programs
    /// want it in the file all the same
    #[arg(long, value_name = "SOURCE")]
    pub root: Option<KeySource>,

    /// Accept a private key file that others can read
    ///
    /// Without it a key file may be readable by its owner alone (0600), or if it
    /// is root's by its group too (0640)
    #[arg(long)]
    pub allow_insecure_key_permissions: bool,

    /// The new file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,

    /// Name that programs show for the key [default: the certificate's common name]
    ///
    /// The friendlyName; Java calls it the alias
    #[arg(long, value_name = "NAME")]
    pub name: Option<FriendlyName>,

    /// Encrypt with 3DES and HMAC-SHA-1, for programs from before about 2019
    ///
    /// Windows Server 2012 and 2016, Java 8 before update 301, old macOS. Whoever
    /// gets hold of the file guesses a weak passphrase sooner
    #[arg(long)]
    pub legacy: bool,

    /// Where the passphrase of the private key comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// Where the passphrase of the new file comes from
    #[command(flatten)]
    pub new: NewPassphraseArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
