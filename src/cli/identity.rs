//! The options that say with which key and certificate a request is signed.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use crate::key::{CommandLine, KeySource, SignerInput, Source};
use crate::pki::CertificateSelector;

use super::{PassphraseArgs, TypedPassphrase};

/// Where the certificate is. Wherever a SOURCE is asked for it may be a file,
/// `-` for the standard input, `env:NAME`, `fd:N`, `cmd:COMMAND` or
/// `credential:NAME`.
#[derive(Args, Clone, Debug, Default)]
pub struct CertificateArgs {
    /// Certificate: FILE, -, env:NAME, fd:N, cmd:COMMAND, credential:NAME, pkcs11:URI
    ///
    /// PEM, DER or PKCS#12. It may hold the chain too, in any order, and the
    /// key: the certificate that belongs to the key is picked out. A file whose
    /// name begins with such a prefix is written ./env:NAME. A certificate in a
    /// token is named by its PKCS#11 URI (RFC 7512)
    #[arg(
        long,
        value_name = "SOURCE",
        env = "WINDLASS_CERTIFICATE",
        hide_env_values = true
    )]
    pub certificate: Option<KeySource>,

    /// Certificate to use: 'Key=x509Subject,Value=CN=NAME ...' or file://PATH
    ///
    /// Keys are x509Subject and x509Issuer (as RFC 2253 writes names) and
    /// x509Serial (hex); a file holds a JSON list of {"Key": ..., "Value": ...}.
    /// It chooses among what --certificate holds; without --certificate, among
    /// the certificates of the token that --pkcs11-lib has
    #[arg(
        long,
        value_name = "SELECTOR",
        env = "WINDLASS_CERT_SELECTOR",
        hide_env_values = true
    )]
    pub cert_selector: Option<SelectorArgument>,

    /// PKCS#11 module: the token's library; by default p11-kit's
    ///
    /// A URI's module-path goes before it, a URI's module-name behind it
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_PKCS11_LIB",
        hide_env_values = true
    )]
    pub pkcs11_lib: Option<PathBuf>,
}

/// Where the private key is, and how it is used.
#[derive(Args, Clone, Debug, Default)]
pub struct KeyArgs {
    /// The private key; by default it is taken from where the certificate is
    ///
    /// A source as for --certificate, with PKCS#8, PKCS#1 or SEC 1 in PEM or
    /// DER, or PKCS#12, also encrypted; a TPM key file (TSS2 PRIVATE KEY); a key
    /// in a token (pkcs11:URI) or in a TPM (handle:0x81000001)
    #[arg(
        long,
        value_name = "SOURCE",
        env = "WINDLASS_PRIVATE_KEY",
        hide_env_values = true
    )]
    pub private_key: Option<KeySource>,

    /// Take the one that ends last when several certificates are selected
    #[arg(long)]
    pub use_latest_expiring_certificate: bool,

    /// Program that signs, instead of --private-key
    ///
    /// It is run without a shell, once for every signature. What is to be signed
    /// comes on its stdin, and it prints the signature in base64 or as it is.
    /// $WINDLASS_SIGNER_ALGORITHM says how to sign (ECDSA_SHA_256,
    /// RSASSA_PKCS1_V1_5_SHA_256 or ML_DSA_SHAKE_256, as in AWS KMS),
    /// $WINDLASS_SIGNER_PUBLIC_KEY with which key (its DER in base64). ECDSA
    /// signatures are DER, or r and s side by side. It has ten seconds. What it
    /// prints is verified before it is used
    #[arg(
        long,
        value_name = "COMMAND",
        env = "WINDLASS_SIGNER_COMMAND",
        hide_env_values = true,
        conflicts_with = "private_key"
    )]
    pub signer_command: Option<CommandLine>,

    /// What the program that signs is given: digest or message
    ///
    /// The SHA-256 of the message, for tools that sign digests, or the message
    /// itself. ML-DSA always gets the message. It stands in
    /// $WINDLASS_SIGNER_INPUT
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "digest",
        env = "WINDLASS_SIGNER_INPUT",
        hide_env_values = true
    )]
    pub signer_input: SignerInput,

    /// Give the PIN again to a key that wants one for every signature
    #[arg(long)]
    pub reuse_pin: bool,

    /// TPM to use: a device or a UNIX socket [default: /dev/tpmrm0, /dev/tpm0]
    ///
    /// A software TPM on a port of this machine is written swtpm:port=2321.
    /// Without the option, $TPM_DEVICE names it
    #[arg(
        long,
        value_name = "PATH",
        env = "WINDLASS_TPM_DEVICE",
        hide_env_values = true
    )]
    pub tpm_device: Option<PathBuf>,

    /// Accept a private key file that others can read
    ///
    /// Without it a key file may be readable by its owner alone (0600), or if it
    /// is root's by its group too (0640)
    #[arg(long)]
    pub allow_insecure_key_permissions: bool,

    /// The TPM key's password itself, which every user of this machine can read
    ///
    /// Accepted for compatibility; use --passphrase-from
    #[arg(long, value_name = "PASSWORD", group = "passphrase")]
    pub tpm_key_password: Option<ArgumentSecret>,

    /// The TPM key has no password
    ///
    /// Where nothing is said the empty one is tried, as long as at most half of
    /// the wrong passwords that the TPM takes are used up: each may count
    #[arg(long, conflicts_with = "passphrase")]
    pub no_tpm_key_password: bool,
}

/// What opens an encrypted file or a token.
#[derive(Args, Clone, Debug, Default)]
pub struct UnlockArgs {
    /// Where the passphrase, PIN or TPM password of the private key comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// The passphrase itself, which every user of this machine can read here
    ///
    /// Accepted for compatibility; use --passphrase-from
    #[arg(long, value_name = "PASSPHRASE", group = "passphrase")]
    pub pkcs8_password: Option<ArgumentSecret>,
}

/// Where certificate and key are.
#[derive(Args, Clone, Debug, Default)]
pub struct IdentityArgs {
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
        conflicts_with_all = ["certificate", "cert_selector", "private_key", "intermediates", "signer_command"]
    )]
    pub identity: Option<PathBuf>,

    /// Certificate
    #[command(flatten)]
    pub certificate: CertificateArgs,

    /// Private key
    #[command(flatten)]
    pub key: KeyArgs,

    /// Intermediate certificates: a source as for --certificate
    #[arg(
        long,
        value_name = "SOURCE",
        env = "WINDLASS_INTERMEDIATES",
        hide_env_values = true
    )]
    pub intermediates: Option<KeySource>,

    /// Passphrase
    #[command(flatten)]
    pub unlock: UnlockArgs,
}

impl IdentityArgs {
    /// The environment variables that hold a key or a passphrase.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        let places = [&self.certificate.certificate, &self.key.private_key];
        let materials = places
            .into_iter()
            .flatten()
            .filter_map(|place| place.material().cloned());
        let passphrase = match self.unlock.passphrase.source() {
            Some(TypedPassphrase::Source(source)) => Some(source),
            _ => None,
        };
        materials
            .chain(passphrase)
            .filter_map(|source| match source {
                Source::Environment(name) => Some(name),
                _ => None,
            })
            .collect()
    }
}

/// A certificate selector as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SelectorArgument {
    /// `file://PATH`: the JSON form in a file.
    File(PathBuf),
    /// The selector itself.
    Inline(CertificateSelector),
}

impl FromStr for SelectorArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().strip_prefix("file://") {
            Some("") => Err("after file:// comes the file's name".to_owned()),
            Some(path) => Ok(Self::File(path.into())),
            None => text.parse().map(Self::Inline),
        }
    }
}

/// A secret that was given as an argument, for compatibility.
#[derive(Clone)]
pub struct ArgumentSecret(std::sync::Arc<crate::secret::Secret>);

impl ArgumentSecret {
    /// The secret.
    #[must_use]
    pub fn secret(&self) -> std::sync::Arc<crate::secret::Secret> {
        self.0.clone()
    }
}

impl From<String> for ArgumentSecret {
    fn from(text: String) -> Self {
        Self(std::sync::Arc::new(text.into()))
    }
}

impl std::fmt::Debug for ArgumentSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
