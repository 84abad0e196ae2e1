//! `windlass ca crl`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::authority::AuthorityName;
use crate::cli::value;

use super::{CaDirectory, OccasionArgs, PassphraseArgs};

/// Make the revocation list
///
/// It is written to DIR/crl/issuing.pem (after a rollover issuing-2.pem, and so
/// on), and to the file that --out names. Its
/// number is higher than that of every list before it, also when the clock was
/// set back, and it is recorded before anybody can see it. A list is never
/// replaced by one that knows less: what is in the way must be a list of the same
/// authority that the inventory knows of.
///
/// A list is good until its nextUpdate; make the next one when half of that time
/// is over, as with --if-due from cron. A certificate stays listed until one list
/// was made after its end.
///
/// Import it with 'aws rolesanywhere import-crl', and each later one with
/// 'update-crl'. Roles Anywhere takes 300,000 bytes and two lists for a trust
/// anchor: one of each authority.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_long_help = "\
Examples:
  windlass ca crl --dir ca --passphrase-file passphrase
  windlass ca crl --dir ca --days 30 --out revoked.pem --passphrase-file passphrase
  windlass ca crl --dir ca --if-due --passphrase-file passphrase
  windlass ca crl --dir ca --issuer root --passphrase-file passphrase"
)]
pub struct CaCrl {
    /// What else to do
    #[command(subcommand)]
    pub command: Option<CrlCommand>,

    /// What to make
    #[command(flatten)]
    pub make: CrlMake,
}

/// How a list is made.
#[derive(Args, Debug)]
pub struct CrlMake {
    /// The directory of the CA
    // Not the group of the other verbs: what a verb below needs it asks for
    // itself.
    #[arg(
        long,
        value_name = "DIR",
        required = true,
        env = "WINDLASS_CA_DIR",
        hide_env_values = true
    )]
    pub dir: Option<PathBuf>,

    /// Whose list: issuing, root, or a later one as issuing-2
    ///
    /// An issuing CA's says which workloads are revoked, a root's which issuing
    /// CAs. Without the option the issuing CA's list is made, and during a
    /// rollover also that of the one before
    #[arg(long, value_name = "ISSUER")]
    pub issuer: Option<AuthorityName>,

    /// How long the list is good for, in days
    ///
    /// Whoever cannot get the next one by then accepts nothing, or everything:
    /// the default outlasts a long weekend
    #[arg(long, value_name = "DAYS", default_value_t = 10, value_parser = value::number("a life in days", 1..=3650_u32, "10"))]
    pub days: u32,

    /// Write the list to this file too, for everybody to read
    ///
    /// The list of an issuing CA that a rollover has replaced goes beside it, with
    /// that one's name before the suffix: revoked.pem, revoked.issuing.pem
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Replace files that are ahead of the inventory, or not this CA's lists
    #[arg(long)]
    pub force: bool,

    /// Do nothing while the list says what the inventory does and is not half over
    ///
    /// Needs no passphrase then
    #[arg(long)]
    pub if_due: bool,

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

/// The verbs below `windlass ca crl`.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum CrlCommand {
    Status(CrlStatus),
}

/// Say what the published revocation lists are worth
///
/// Needs no key. The exit code is that of the worst list: 0 when it is fine, 1
/// when another has to be made (half of its life is over, or the inventory says
/// otherwise), 4 when it has expired or cannot be used, 6 when there is none and
/// nothing is revoked.
///
/// The root's list is looked at when there is one, or when it would have to
/// revoke an issuing CA.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca crl status --dir ca
  windlass ca crl status --dir ca --file revoked.pem --json")]
pub struct CrlStatus {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The list to look at, in place of those in the CA's directory
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
