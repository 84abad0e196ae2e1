//! `windlass ca check`

use chrono::TimeDelta;
use clap::Args;

use super::super::{AnswerArgs, value};
use super::CaDirectory;

/// Tell a monitor how the CA is
///
/// Looks at the ends of the CA's certificates, its revocation lists, certificates
/// that end, or have ended, without a successor of the same common name, the places
/// of the keys, unsettled reservations, the clock, the age of the last backup and the modes of the files. It needs no
/// key.
///
/// The exit codes are those of a Nagios plugin, and not of the table of windlass:
/// 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN. The first line says what is worst, with
/// the numbers behind a |; a line for each thing follows.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca check --dir ca --backup-age 7d
  windlass ca check --dir ca --deep --json
  windlass ca check --dir ca --textfile windlass-ca.prom")]
pub struct CaCheck {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// How long before the end of a CA's certificate there is a warning
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = value::period)]
    pub warn: TimeDelta,

    /// How long before the end of a CA's certificate it is critical, --warn at most
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = value::period)]
    pub critical: TimeDelta,

    /// How much of a workload's certificate is left when there is a warning
    ///
    /// In hundredths of its life, and 90 days at most; unless there is a later one
    /// of the same common name. Hosts should have renewed by then
    #[arg(long, value_name = "PERCENT", default_value_t = 20, value_parser = value::number("a share of a life", 1..=100_u8, "20"))]
    pub leaf_warn: u8,

    /// How much of a workload's certificate is left when it is critical
    ///
    /// --leaf-warn at most
    #[arg(long, value_name = "PERCENT", default_value_t = 10, value_parser = value::number("a share of a life", 1..=100_u8, "10"))]
    pub leaf_critical: u8,

    /// For how long certificates are told that have ended without a successor
    ///
    /// Of a host that is gone, the certificate is best revoked as
    /// cessationOfOperation: then it is not told
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = value::period)]
    pub ended: TimeDelta,

    /// From how many such certificates on it is critical
    ///
    /// When no certificate at all is valid any more, one is enough
    #[arg(long, value_name = "NUMBER", default_value_t = 10, value_parser = value::number("a number of certificates", 1..=1_000_000_u32, "10"))]
    pub ended_critical: u32,

    /// How old the last backup may be; the double is critical
    #[arg(long, value_name = "TIME", default_value = "2d", value_parser = value::period)]
    pub backup_age: TimeDelta,

    /// Read all of the inventory and of the audit log too
    #[arg(long)]
    pub deep: bool,

    /// Answer
    #[command(flatten)]
    pub answer: AnswerArgs,
}
