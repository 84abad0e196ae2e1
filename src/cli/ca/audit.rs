//! `windlass ca audit`

use std::path::PathBuf;

use chrono::TimeDelta;
use clap::{Args, Subcommand, ValueEnum};

use crate::authority::Action;
use crate::pki::SerialNumber;

use super::super::value::{self, Moment};
use super::{CaDirectory, Glob, ListFormat, OccasionArgs, PassphraseArgs};

/// Read, verify and settle the audit log
///
/// The inventory holds an entry for everything that was done with the CA, with
/// who did it and why, in the transaction of what it tells. The hash of each
/// covers everything before, and the CA's key signs it from time to time.
#[derive(Args, Debug)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct CaAudit {
    /// What to do
    #[command(subcommand)]
    pub command: AuditCommand,
}

/// What can be done with the log.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum AuditCommand {
    Checkpoint(AuditCheckpoint),
    Export(AuditExport),
    List(AuditList),
    #[command(long_flag = "reconcile")]
    Reconcile(AuditReconcile),
    Verify(AuditVerify),
}

/// Sign the log as it is now, into a file to keep elsewhere
///
/// Whoever has the file can tell later with 'ca audit verify --checkpoint FILE'
/// that nothing was changed or cut off since, even by somebody who has the
/// database. The CA signs the log for itself too, once a day or every 1000
/// entries, whenever its key is in use.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass ca audit checkpoint --dir ca --out log-1.json --passphrase-file passphrase")]
pub struct AuditCheckpoint {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The file that is written
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

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

/// Write the log into a file, an entry a line
///
/// The file is JSON Lines; each line has the hash of its entry. That it was
/// exported is an entry of its own.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass ca audit export --dir ca --out log.jsonl")]
pub struct AuditExport {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The new file, or - for stdout
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// List the entries of the log, the oldest first
///
/// Of a refusal the table names the rules that refused.
///
/// Of several options all must hold. Entries are written as they are read; whoever
/// may read the CA's directory can list them, and writes nothing there.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca audit list --dir ca
  windlass ca audit list --dir ca --sort newest --limit 20
  windlass ca audit list --dir ca --since 7d --action issue --format jsonl
  windlass ca audit list --dir ca --actor 'root@*' --before 2030-01-01T00:00:00Z --json")]
pub struct AuditList {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Only entries since then: a time, or how long ago
    ///
    /// As in 2026-11-20T08:00:00Z, or 7d
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub since: Option<Moment>,

    /// Only entries before then
    #[arg(long, value_name = "TIME", value_parser = value::moment)]
    pub before: Option<Moment>,

    /// Only what was done by them, as the log names them
    ///
    /// A '*' at the end or at the beginning stands for anything
    #[arg(long, value_name = "USER", value_parser = super::list::glob)]
    pub actor: Option<Glob>,

    /// Only entries of this action, as issue or revoke; may be repeated
    #[arg(long, value_name = "ACTION", value_parser = action)]
    pub action: Vec<String>,

    /// Only entries about this serial number
    #[arg(long, value_name = "SERIAL")]
    pub serial: Option<SerialNumber>,

    /// The order
    #[arg(long, value_name = "ORDER", default_value = "oldest")]
    pub sort: LogOrder,

    /// At most so many, in this order
    #[arg(long, value_name = "N", value_parser = value::number("a number of entries", 1..=u64::MAX, "100"))]
    pub limit: Option<u64>,

    /// The form
    #[arg(long, value_name = "FORM", default_value = "table")]
    pub format: ListFormat,

    /// Print JSON: --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

/// The order of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogOrder {
    /// The oldest entry first
    Oldest,
    /// The newest entry first
    Newest,
}

/// Explain and settle what a crash has left
///
/// A serial number that was reserved, and under which no certificate was stored,
/// was never handed out: a certificate is stored before it is delivered. Such
/// reservations are settled once they are old enough; a process that was only
/// slow then fails, and hands out nothing. Certificates that were stored and
/// perhaps not delivered are listed with what to do about them, and unfinished
/// directories beside the CA's are removed.
///
/// With --out the directories of a batch's rows are looked at: what is there is
/// noted as delivered, and of the other rows it is said whether their keys are
/// kept there, so that the same batch delivers them.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca audit reconcile --dir ca
  windlass ca audit reconcile --dir ca --older-than 1h --json
  windlass ca audit reconcile --dir ca --out hosts")]
pub struct AuditReconcile {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Settle only reservations that are older than this
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = value::period)]
    pub older_than: TimeDelta,

    /// The directory into which batches were delivered (ca issue --batch --out)
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Check that the log is what was written
///
/// The chain is computed again. Every row of a certificate is compared with the
/// certificate and with the entries about it, and so are revocations, revocation
/// lists and the policy. The signatures of the CA's key are checked with keys
/// that lead to the root in the CA's directory; it signs the log once a day or
/// every 1000 entries when it is used, and that it has not is a fault too. The
/// exit code is 0 when all is intact, and 4 when not.
///
/// What was written since the key last signed the log could be made up anew by
/// whoever can write the inventory, and an older state of the whole directory is
/// intact in itself: that is told by a checkpoint that was kept elsewhere. Whether
/// the root is the right one is told by --root-fingerprint.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca audit verify --dir ca
  windlass ca audit verify --dir ca --checkpoint log-1.json --json")]
pub struct AuditVerify {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// A file that 'ca audit checkpoint' has made
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,

    /// The SHA-256 that the root certificate has to have, with or without colons
    #[arg(long, value_name = "HEX", value_parser = super::revoke::fingerprint)]
    pub root_fingerprint: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A word of the log.
fn action(text: &str) -> Result<String, String> {
    let known: Vec<&str> = Action::ALL.iter().map(|action| action.as_str()).collect();
    match known.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("the log's actions are {}", known.join(", "))),
    }
}
