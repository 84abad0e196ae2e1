//! `windlass ca init`

use std::path::PathBuf;

use clap::Args;

use crate::authority::CaName;
use crate::cli::{PassphraseArgs, value};
use crate::key::{KeySource, KeyType};

use super::CaDirectory;

/// Make a new CA: an encrypted root and issuing key, and their certificates
///
/// The directory must not exist or be empty; it appears whole or not at all.
/// Give DIR/trust-anchor.pem to Roles Anywhere as the certificate bundle of a
/// trust anchor. Both keys are encrypted with the passphrase (PKCS#8, scrypt,
/// AES-256), which is asked for on the terminal when no option says where it
/// is.
///
/// A key may also be in a token or a TPM already (--issuing-key, --root-key): DIR
/// then has a file device.json that says where, beside its certificate. The
/// passphrase options then give its PIN or password, now and whenever the CA
/// signs; pin-source= in a URI goes before them, so that a new key and one in a
/// token have each their own. A PIN is never kept.
///
/// The root may be kept apart, on a machine without a network: --root-only makes
/// a root there, --offline-root an issuing CA here that waits for its
/// certificate, with a request in DIR/issuing/request.pem. 'windlass ca sign-ca'
/// grants it, or another CA does, and 'windlass ca install' completes the CA.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca init --dir ca --name 'Example Corp' --passphrase-file passphrase
  windlass ca init --dir ca-rsa --name 'Example Corp' --key-type rsa3072 \\
      --passphrase-file passphrase
  windlass ca init --root-only --dir vault --name 'Example Corp' \\
      --passphrase-file passphrase
  windlass ca init --offline-root --dir site --name 'Example Corp' \\
      --passphrase-file passphrase")]
pub struct CaInit {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The organisation that runs the CA
    ///
    /// It becomes the O of the CA's certificates and the beginning of their CN:
    /// at most 50 letters, digits, spaces and _ . : / = + - @
    #[arg(long, value_name = "NAME")]
    pub name: CaName,

    /// Make a root alone, which certifies issuing CAs with 'ca sign-ca'
    #[arg(long, conflicts_with_all = ["offline_root", "issuing_key", "issuing_years"])]
    pub root_only: bool,

    /// Make an issuing CA alone, and the request for its certificate
    ///
    /// Which root grants it, and for how long, is decided elsewhere
    #[arg(long, conflicts_with_all = ["root_key", "root_years", "issuing_years"])]
    pub offline_root: bool,

    /// Type of the keys that are made: p256, p384, rsa3072 or rsa4096
    #[arg(long, value_name = "TYPE", default_value_t = KeyType::P256, value_parser = ca_key_type)]
    pub key_type: KeyType,

    /// The key of the issuing CA, in a device: pkcs11:URI, handle:0xHHHHHHHH or FILE
    ///
    /// It must be there already: EC P-256 or P-384, or RSA with 2048 bits or
    /// more (a TPM signs with SHA-256, so no P-384). A FILE is a key file of a TPM
    /// (TSS2 PRIVATE KEY), which is copied
    #[arg(long, value_name = "KEY")]
    pub issuing_key: Option<KeySource>,

    /// The key of the root, in a device: as --issuing-key
    #[arg(long, value_name = "KEY")]
    pub root_key: Option<KeySource>,

    /// The device
    #[command(flatten)]
    pub device: DeviceArgs,

    /// Life of the root certificate in years
    #[arg(long, value_name = "YEARS", default_value_t = 10, value_parser = value::number("a life in years", 1..=50_u32, "10"))]
    pub root_years: u32,

    /// Life of the issuing certificate in years
    ///
    /// It ends with the root at the latest
    #[arg(long, value_name = "YEARS", default_value_t = 3, value_parser = value::number("a life in years", 1..=50_u32, "3"))]
    pub issuing_years: u32,

    /// Where the passphrase comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// How the device of a CA's key is reached. It is kept in the CA's directory.
#[derive(Args, Clone, Debug, Default)]
pub struct DeviceArgs {
    /// PKCS#11 module: the token's library; by default p11-kit's
    ///
    /// It is kept in the CA's directory, for whenever the CA signs
    #[arg(
        long,
        value_name = "FILE",
        env = "WINDLASS_PKCS11_LIB",
        hide_env_values = true
    )]
    pub pkcs11_lib: Option<PathBuf>,

    /// Give the PIN again to a key that wants one for every signature
    #[arg(long)]
    pub reuse_pin: bool,

    /// TPM to use: a device or a UNIX socket [default: /dev/tpmrm0, /dev/tpm0]
    ///
    /// A software TPM on a port of this machine is written swtpm:port=2321.
    /// Without the option, $TPM_DEVICE names it. It is kept in the CA's directory
    #[arg(
        long,
        value_name = "PATH",
        env = "WINDLASS_TPM_DEVICE",
        hide_env_values = true
    )]
    pub tpm_device: Option<PathBuf>,
}

/// RSA with 2048 bits is for workloads: a CA's key lives too long for it.
pub(super) fn ca_key_type(text: &str) -> Result<KeyType, String> {
    match text.parse()? {
        KeyType::Rsa2048 => Err("a CA key needs rsa3072 or rsa4096, or an EC type".to_owned()),
        fits => Ok(fits),
    }
}
