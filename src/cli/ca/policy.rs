//! `windlass ca policy …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::CaDirectory;

/// Look at what the CA may issue
#[derive(Args, Debug)]
pub struct CaPolicy {
    /// What to do
    #[command(subcommand)]
    pub command: CaPolicyCommand,
}

/// The verbs of `windlass ca policy`. Each is described where its options are.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum CaPolicyCommand {
    Check(CaPolicyCheck),
    Show(CaPolicyShow),
}

/// Check a policy file
///
/// The policy stands in DIR/ca.toml and has a table for each profile:
///
///   default = "web"
///
///   [profiles.web]
///   cn.allow = ["web-*"]               * stands for any run of characters; o, ou alike
///   cn.unicode = true                  names with rules may have letters beyond ASCII
///   dns.allow = [".example.com"]       every name below it; without a dot, that name
///   dns.deny = ["admin.example.com"]
///   dns.wildcards = false              refuses names with *
///   ip.allow = ["10.0.0.0/8"]
///   uri.allow = ["spiffe://example.com/web"]
///   email.allow = []                   hosts of addresses: "example.com", or below it
///   keys.allow = ["p256", "rsa3072"]   also p384, p521, rsa, rsa2048, rsa4096,
///                                      ml-dsa-44, ml-dsa-65, ml-dsa-87
///   days = 7                           when none are asked for
///   max_days = 30
///   backdate = 300                     in seconds
///   per_day = 100                      certificates per requester in 24 hours
///   valid = 500                        certificates per requester valid at once
///
/// What is denied is denied whatever is allowed. A list of what is allowed allows
/// nothing else, and an empty one nothing of its kind; where there is none,
/// everything is allowed. Denied texts are compared without regard to case, denied
/// addresses also within IPv6 (mapped, NAT64, 6to4), and denied URIs at every port.
/// With rules for URIs, those of spiffe: must be SPIFFE IDs, and others have no user,
/// no // or ; in their path, and nothing that is decoded in two ways. A rule for
/// email is about the host behind the @ alone: who is before it is not judged. A
/// requester is the user who runs windlass, as the audit log names them.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    group = clap::ArgGroup::new("which").args(["dir", "file"]).required(true).multiple(true),
    after_long_help = "\
Examples:
  windlass ca policy check --dir ca
  printf '[profiles.web]\\ncn.allow = [\"web-*\"]\\n' >new.toml
  windlass ca policy check --file new.toml"
)]
pub struct CaPolicyCheck {
    /// The directory of the CA
    #[arg(
        long,
        value_name = "DIR",
        env = "WINDLASS_CA_DIR",
        hide_env_values = true
    )]
    pub dir: Option<PathBuf>,

    /// Another file than DIR/ca.toml
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Show the policy that is in force, with what its file does not say
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca policy show --dir ca
  windlass ca policy show --dir ca --json")]
pub struct CaPolicyShow {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
