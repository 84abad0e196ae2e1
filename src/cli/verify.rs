//! `windlass verify`

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};

use crate::key::Source;
use crate::pki::Policy;

use super::value;

/// Say whether a certificate leads to a trust anchor, and if not, everything that is wrong
///
/// Builds paths from the certificate to one of the trust anchors through the
/// intermediates, in whatever order these are, and judges each by RFC 5280, with
/// what IAM Roles Anywhere asks for on top: signatures, dates, CA flags, key usage,
/// path lengths, name constraints, policies and revocation lists. Nothing is
/// fetched, and AWS is not asked. A file may hold any number of certificates or
/// lists in PEM, or one in DER.
///
/// Every path that was tried is told, the one that came closest first, with what is
/// wrong with each certificate and what to do about it. What does not decode is
/// named and left out.
///
/// The exit codes are its own: 0 valid, 1 not valid, 2 nothing was judged, since the
/// options or a file cannot be used.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass verify --trust-anchor ca/trust-anchor.pem --cert web-1/fullchain.pem
  windlass verify --trust-anchor ca/trust-anchor.pem --intermediates ca/issuing/cert.pem \\
      --policy rfc5280 --json --cert - <web-1/cert.pem")]
pub struct Verify {
    /// Trust anchors: roots, or intermediates that are trusted; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    pub trust_anchor: Vec<PathBuf>,

    /// Certificates that may stand in between; may be repeated
    #[arg(long, value_name = "FILE")]
    pub intermediates: Vec<PathBuf>,

    /// The certificate: FILE, or - for the standard input
    ///
    /// The first of the file is verified; those behind it, as in fullchain.pem, may
    /// stand in between
    #[arg(long, value_name = "FILE")]
    pub cert: Source,

    /// Revocation lists; may be repeated
    ///
    /// With one, each certificate below the trust anchor has to be covered by a list
    /// of its issuer that is in force. Delta and indirect lists, and those of one
    /// distribution point, cover nothing
    #[arg(long, value_name = "FILE")]
    pub crl: Vec<PathBuf>,

    /// The time for which it is judged, as in 2026-11-20T08:00:00Z; by default now
    #[arg(long, value_name = "RFC3339", value_parser = value::instant)]
    pub at: Option<DateTime<Utc>>,

    /// By whose rules
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = PathPolicy::RolesAnywhere)]
    pub policy: PathPolicy,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// By whose rules paths are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PathPolicy {
    /// Those of RFC 5280
    Rfc5280,
    /// Those, and what the guide of IAM Roles Anywhere asks for
    #[value(name = "rolesanywhere")]
    RolesAnywhere,
}

impl From<PathPolicy> for Policy {
    fn from(policy: PathPolicy) -> Self {
        match policy {
            PathPolicy::Rfc5280 => Self::Rfc5280,
            PathPolicy::RolesAnywhere => Self::RolesAnywhere,
        }
    }
}
