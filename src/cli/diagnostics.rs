//! `windlass read-certificate-data` and `windlass sign-string`

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::key::Hash;

use super::{CertificateArgs, KeyArgs, UnlockArgs};

/// Print what aws_signing_helper prints of a certificate
///
/// For a certificate in a file one line of JSON: the key's type, the certificate
/// in base64, its serial number in decimal and the signature algorithms. For a
/// selector or a token a list of what matches. 'windlass key show' says more.
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("place").args(["identity", "certificate", "cert_selector"]).required(true).multiple(true)),
    after_long_help = "\
Examples:
  windlass read-certificate-data --certificate web-1/cert.pem
  windlass read-certificate-data --certificate web-1/fullchain.pem \\
      --cert-selector 'Key=x509Subject,Value=CN=web-1'"
)]
pub struct ReadCertificateData {
    /// Managed identity: its directory, instead of a certificate
    ///
    /// It is one that 'windlass rotate' keeps: DIR/current leads to the version in
    /// force, and everything is taken from that version, also while it changes.
    /// Where it cannot be used, the one before it is, with a warning
    #[arg(
        long,
        value_name = "DIR",
        env = "WINDLASS_IDENTITY",
        hide_env_values = true,
        conflicts_with_all = ["certificate", "cert_selector"]
    )]
    pub identity: Option<PathBuf>,

    /// Certificate
    #[command(flatten)]
    pub certificate: CertificateArgs,

    /// Passphrase
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// Same as --verbose
    #[arg(long)]
    pub debug: bool,
}

/// Sign a fixed text, to see whether a private key works
///
/// The text is 'AWS Roles Anywhere Credential Helper Signing Test', the digit 1,
/// and the SHA-256 of 'IAM RA' and the public key (an EC key's uncompressed
/// point, an RSA key's PKCS#1 form, an ML-DSA key's encoding), as
/// aws_signing_helper signs it.
#[derive(Args, Debug)]
#[command(
    group(clap::ArgGroup::new("place").args(["identity", "certificate", "private_key", "cert_selector"]).required(true).multiple(true)),
    after_long_help = "\
Examples:
  windlass sign-string --private-key web-1/key.pem
  windlass sign-string --private-key web-1/key.pem --digest SHA384 --format text"
)]
pub struct SignString {
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
        conflicts_with_all = ["certificate", "cert_selector", "private_key", "signer_command"]
    )]
    pub identity: Option<PathBuf>,

    /// Certificate that says which key is meant
    #[command(flatten)]
    pub certificate: CertificateArgs,

    /// Private key
    #[command(flatten)]
    pub key: KeyArgs,

    /// Passphrase
    #[command(flatten)]
    pub unlock: UnlockArgs,

    /// Hash to sign with: SHA256, SHA384 or SHA512
    ///
    /// Roles Anywhere itself takes SHA256 only. ML-DSA keys sign the text itself
    #[arg(long, value_name = "HASH", default_value = "SHA256")]
    pub digest: Digest,

    /// Form of the signature: json (hex in quotes), text (hex) or bin
    #[arg(long, value_name = "FORM", default_value = "json")]
    pub format: SignatureFormat,

    /// Same as --verbose
    #[arg(long)]
    pub debug: bool,
}

/// A hash as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(pub Hash);

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "SHA256" => Ok(Self(Hash::Sha256)),
            "SHA384" => Ok(Self(Hash::Sha384)),
            "SHA512" => Ok(Self(Hash::Sha512)),
            _ => Err("known are SHA256, SHA384 and SHA512".to_owned()),
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Hash::Sha256 => "SHA256",
            Hash::Sha384 => "SHA384",
            Hash::Sha512 => "SHA512",
        })
    }
}

/// How a signature is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureFormat {
    /// The bytes themselves.
    Bin,
    /// Hex in quotes.
    Json,
    /// Hex.
    Text,
}

impl FromStr for SignatureFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_ascii_lowercase().as_str() {
            "bin" => Ok(Self::Bin),
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            _ => Err("known are json, text and bin".to_owned()),
        }
    }
}

impl std::fmt::Display for SignatureFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Bin => "bin",
            Self::Json => "json",
            Self::Text => "text",
        })
    }
}
