//! `windlass ca lint`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::pki::lint::{Level, Policy};

/// Find what is wrong with certificates and revocation lists, whoever made them
///
/// Reads PEM with certificates and revocation lists in any number, or one of
/// them in DER; private keys beside them are passed over. Each finding names
/// what breaks a rule, where the rule is written, and the fix. An error is
/// against the standard, or refused by Roles Anywhere; a warning is a trap; a
/// notice is worth knowing. Signatures are not verified.
///
/// The exit code is 0 without errors and 4 with.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca lint web-1/fullchain.pem
  windlass ca lint --trust-anchor --level warning ca/trust-anchor.pem
  windlass ca lint --json --policy rolesanywhere ca/issuing/cert.pem web-1/cert.pem")]
pub struct CaLint {
    /// Files with certificates or revocation lists
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Whose rules count
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = LintPolicy::All)]
    pub policy: LintPolicy,

    /// From which level on something is a finding
    ///
    /// What is below is neither printed nor counted. With --strict it is notice or
    /// warning
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LintLevel::Notice)]
    pub level: LintLevel,

    /// The files are to become the bundles of trust anchors
    ///
    /// Each then holds one or two certificates of CAs, and nothing else
    #[arg(long)]
    pub trust_anchor: bool,

    /// Fail because of warnings, too
    #[arg(long)]
    pub strict: bool,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Whose rules count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintPolicy {
    /// All
    All,
    /// Those of RFC 5280 and its neighbours
    Rfc5280,
    /// Those of IAM Roles Anywhere
    #[value(name = "rolesanywhere")]
    RolesAnywhere,
}

impl LintPolicy {
    /// Whether rules of this origin count.
    #[must_use]
    pub fn takes(self, policy: Policy) -> bool {
        match self {
            Self::All => true,
            Self::Rfc5280 => policy == Policy::Rfc5280,
            Self::RolesAnywhere => policy == Policy::RolesAnywhere,
        }
    }
}

/// From which level on something is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LintLevel {
    /// All
    Notice,
    /// Warnings and errors
    Warning,
    /// Errors alone
    Error,
}

impl From<LintLevel> for Level {
    fn from(level: LintLevel) -> Self {
        match level {
            LintLevel::Notice => Self::Notice,
            LintLevel::Warning => Self::Warning,
            LintLevel::Error => Self::Error,
        }
    }
}
