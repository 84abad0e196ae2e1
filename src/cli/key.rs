//! `windlass key`

use clap::{Args, Subcommand};

use crate::rolesanywhere::TrustAnchorArn;

use super::IdentityArgs;

/// Look at private keys and the certificates that belong to them
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
    group(clap::ArgGroup::new("place").args(["certificate", "private_key", "cert_selector"]).required(true).multiple(true)),
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
