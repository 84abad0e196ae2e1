//! `windlass ca rollover`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::authority::Role;
use crate::cli::{PassphraseArgs, value};
use crate::key::{KeySource, KeyType};

use super::init::ca_key_type;
use super::{CaDirectory, DeviceArgs, OccasionArgs};

/// Replace the issuing CA, or the root with it, while everything goes on
///
/// A CA has generations: a root and an issuing CA each. 'prepare' makes the next
/// one beside the one that issues. With a new root, DIR/trust-anchor.pem then holds
/// both, and Roles Anywhere is given that file. 'activate' lets the new one issue;
/// what the one before has issued stays accepted. When the last of it has ended,
/// 'retire' ends it. 'status' says at every moment what to do next.
///
/// Roles Anywhere takes two certificates in a trust anchor's bundle, and two
/// revocation lists, so that there is one rollover at a time. The certificate of a
/// new issuing CA comes with every workload's (fullchain.pem); nothing has to be
/// installed for it.
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct CaRollover {
    /// What to do
    #[command(subcommand)]
    pub command: RolloverCommand,
}

/// The steps of a rollover, in their order.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum RolloverCommand {
    Prepare(Box<RolloverPrepare>),
    Status(RolloverStatusArgs),
    Bundle(RolloverBundle),
    Activate(RolloverActivate),
    Retire(RolloverRetire),
    Cancel(RolloverCancel),
}

/// Make the keys and certificates of the next generation
///
/// Nothing that is in use changes. The new issuing CA is in DIR/issuing-2 (then
/// issuing-3, and so on), a new root in DIR/root-2; new keys are encrypted with the
/// CA's passphrase. A new root is also certified by the one before it
/// (DIR/root-2/cross.pem), for verifiers that know only that.
///
/// Where the root is kept apart, the key is made here, and a request that the root
/// grants, the present one or another: 'windlass ca sign-ca' there, and 'windlass
/// ca install' here, which completes the generation.
///
/// A run that was cut short has prepared everything or nothing, and is repeated.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca rollover prepare --dir ca-rsa --passphrase-file passphrase
  windlass ca rollover prepare --dir ca --of root --passphrase-file passphrase")]
pub struct RolloverPrepare {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// What is replaced: issuing, or root with an issuing CA below it
    #[arg(long, value_name = "WHAT", default_value_t = Role::Issuing)]
    pub of: Role,

    /// Type of the keys that are made: p256, p384, rsa3072 or rsa4096
    #[arg(long, value_name = "TYPE", default_value_t = KeyType::P256, value_parser = ca_key_type)]
    pub key_type: KeyType,

    /// The key of the new issuing CA, in a device: pkcs11:URI, handle:0xHHHHHHHH or FILE
    ///
    /// As 'windlass ca init' takes it
    #[arg(long, value_name = "KEY")]
    pub issuing_key: Option<KeySource>,

    /// The key of the new root, in a device: as --issuing-key, for --of root
    #[arg(long, value_name = "KEY")]
    pub root_key: Option<KeySource>,

    /// The device
    #[command(flatten)]
    pub device: DeviceArgs,

    /// Life of a new root certificate in years
    #[arg(long, value_name = "YEARS", default_value_t = 10, value_parser = value::number("a life in years", 1..=50_u32, "10"))]
    pub root_years: u32,

    /// Life of the new issuing certificate in years
    ///
    /// It ends with its root at the latest
    #[arg(long, value_name = "YEARS", default_value_t = 3, value_parser = value::number("a life in years", 1..=50_u32, "3"))]
    pub issuing_years: u32,

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

/// Say how far a rollover is, and what to do next
///
/// Needs no key and writes nothing. A certificate counts as in use until five
/// minutes after its end, since clocks differ, and while it is on hold.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca rollover status --dir ca
  windlass ca rollover status --dir ca --json")]
pub struct RolloverStatusArgs {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Print the bundle that Roles Anywhere has to be given at this step
///
/// It is what DIR/trust-anchor.pem holds: the roots of all generations that are in
/// use or prepared, the oldest first. Activating does not change it.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca rollover bundle --dir ca
  windlass ca rollover bundle --dir ca --step next --out trust-anchor.pem")]
pub struct RolloverBundle {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The bundle of now, or of after the next step
    #[arg(long, value_name = "STEP", default_value = "now")]
    pub step: BundleStep,

    /// Write it to this new file, for everybody to read, and not to stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// At which step of a rollover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BundleStep {
    /// As it is
    Now,
    /// After the next step: without the root that is retiring
    Next,
}

/// Let the prepared generation issue from now on
///
/// The one before it is retiring from then on: it issues nothing, and what it has
/// issued is accepted, with its revocation list, until 'windlass ca rollover
/// retire'. There is no way back. The new key is opened and signs the audit log,
/// so that one that is of no use is noticed now.
///
/// A new root has to be at Roles Anywhere before: with --bundle-installed you say
/// that it is, and the audit log keeps that.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass ca rollover activate --dir ca-rsa --passphrase-file passphrase")]
pub struct RolloverActivate {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Roles Anywhere has the bundle with the new root
    #[arg(long)]
    pub bundle_installed: bool,

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

/// End the generation that was replaced
///
/// Refused while a certificate that it has issued is in use. Then its revocation
/// list is not made any more, and its root leaves the bundle, which Roles Anywhere
/// is given once more. Where the root stays, it is also refused until the revoked
/// certificates have ended, or 'windlass ca revoke --ca' has revoked the issuing CA:
/// nothing but its list keeps them from being accepted. Its key stays in its
/// directory until you remove it. Needs no passphrase.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass ca rollover retire --dir ca-rsa")]
pub struct RolloverRetire {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Retire it although certificates are in use, or only its list tells of some
    #[arg(long)]
    pub force: bool,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Give up the generation that is prepared
///
/// One that has begun to issue cannot be given up. Keys and certificates stay in
/// their directories until you remove them; its number is not used again. A new root
/// leaves trust-anchor.pem, which Roles Anywhere is given again if it has that root
/// already. Needs no passphrase.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass ca rollover cancel --dir ca")]
pub struct RolloverCancel {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}
