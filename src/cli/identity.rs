//! The options that say with which key and certificate a request is signed.

use clap::Args;

use crate::key::{CommandLine, KeySource, SignerInput, Source};

use super::PassphraseArgs;

/// Where certificate and key are. Wherever a SOURCE is asked for it may be a
/// file, `-` for the standard input, `env:NAME`, `fd:N`, `cmd:COMMAND` or
/// `credential:NAME`.
#[derive(Args, Clone, Debug)]
pub struct IdentityArgs {
    /// The certificate: FILE, -, env:NAME, fd:N, cmd:COMMAND or credential:NAME
    ///
    /// PEM, DER or PKCS#12. It may hold the chain too, in any order, and the
    /// key: the certificate that belongs to the key is picked out. A file whose
    /// name begins with such a prefix is written ./env:NAME
    #[arg(
        long,
        value_name = "SOURCE",
        env = "WINDLASS_CERTIFICATE",
        hide_env_values = true
    )]
    pub certificate: KeySource,

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
    pub intermediates: Option<Source>,

    /// Program that signs, instead of --private-key
    ///
    /// It is run without a shell, once for every signature. What is to be signed
    /// comes on its stdin, and it prints the signature in base64 or as it is.
    /// $WINDLASS_SIGNER_ALGORITHM says how to sign (ECDSA_SHA_256,
    /// RSASSA_PKCS1_V1_5_SHA_256 or ML_DSA_SHAKE_256, as in AWS KMS),
    /// $WINDLASS_SIGNER_PUBLIC_KEY with which key (its DER in base64)
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

    /// Accept a private key file that others can read
    ///
    /// Without it a key file may be readable by its owner alone (0600), or if it
    /// is root's by its group too (0640)
    #[arg(long)]
    pub allow_insecure_key_permissions: bool,

    /// Where the passphrase of the private key comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// The passphrase itself, which every user of this machine can read here
    ///
    /// Accepted for compatibility; use --passphrase-from
    #[arg(long, value_name = "PASSPHRASE", group = "passphrase", hide = true)]
    pub pkcs8_password: Option<ArgumentSecret>,
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
