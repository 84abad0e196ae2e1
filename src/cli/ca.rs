//! `windlass ca …`

mod apart;
mod audit;
mod backup;
mod batch;
mod check;
mod crl;
mod init;
mod lint;
mod list;
mod overview;
mod passphrase;
mod policy;
mod revoke;
mod rollover;
mod show;
mod sign;

pub use apart::{CaInstall, CaSignCa};
pub use audit::{
    AuditCheckpoint, AuditCommand, AuditExport, AuditList, AuditReconcile, AuditVerify, CaAudit,
    LogOrder,
};
pub use backup::{CaBackup, CaRestore};
pub use batch::BatchArgs;
pub use check::CaCheck;
pub use crl::{CaCrl, CrlCommand, CrlMake, CrlStatus};
pub use init::{CaInit, DeviceArgs};
pub use lint::{CaLint, LintLevel, LintPolicy};
pub use list::{
    CaList, CertificateKind, CertificateStatus, Glob, ListFilter, ListFormat, ListOrder,
};
pub use overview::{CaExport, CaReport, CaStats, ExportTarget};
pub use passphrase::CaPassphrase;
pub use policy::{CaPolicy, CaPolicyCheck, CaPolicyCommand, CaPolicyShow};
pub use revoke::{CaRelease, CaRevoke, WhichCertificate};
pub use rollover::{
    BundleStep, CaRollover, RolloverActivate, RolloverBundle, RolloverCancel, RolloverCommand,
    RolloverPrepare, RolloverRetire, RolloverStatusArgs,
};
pub use show::CaShow;
pub use sign::CaSign;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::authority::{CommonName, TagValue};
use crate::key::KeyType;
use crate::pki::GeneralName;

use super::{PassphraseArgs, value};

/// Run a private certificate authority
///
/// 'init' makes one; what it may issue stands in its policy. 'issue' and 'sign'
/// give certificates to workloads, 'revoke' takes them back, and 'crl' makes the
/// list that tells it to others. 'check' is for monitors, 'audit' for those who
/// ask who did what; 'backup' belongs into cron. Before its certificates end,
/// 'rollover' makes the next ones.
///
/// The directory of the CA is named by --dir or $WINDLASS_CA_DIR in every verb.
#[derive(Args, Debug)]
pub struct Ca {
    /// What to do
    #[command(subcommand)]
    pub command: CaCommand,
}

/// The verbs of `windlass ca`. Each is described where its options are.
#[derive(Debug, Subcommand)]
#[expect(
    missing_docs,
    reason = "a comment here would replace the description in the help"
)]
pub enum CaCommand {
    // In the order of a CA's life, which the help shows.
    Init(Box<CaInit>),
    Policy(CaPolicy),
    Issue(Box<CaIssue>),
    Sign(Box<CaSign>),
    List(Box<CaList>),
    Show(CaShow),
    Revoke(Box<CaRevoke>),
    Release(CaRelease),
    Crl(Box<CaCrl>),
    Check(CaCheck),
    Stats(CaStats),
    Report(CaReport),
    Export(CaExport),
    Audit(CaAudit),
    Lint(CaLint),
    Backup(CaBackup),
    Restore(Box<CaRestore>),
    Passphrase(Box<CaPassphrase>),
    Rollover(CaRollover),
    SignCa(Box<CaSignCa>),
    Install(Box<CaInstall>),
}

/// Which CA is meant.
#[derive(Args, Debug)]
pub struct CaDirectory {
    /// The directory of the CA
    #[arg(
        long,
        value_name = "DIR",
        env = "WINDLASS_CA_DIR",
        hide_env_values = true
    )]
    pub dir: PathBuf,
}

/// What the audit log says of who does something and why.
#[derive(Args, Debug)]
pub struct OccasionArgs {
    /// Why, in your words, for the audit log
    #[arg(long, value_name = "TEXT", value_parser = comment)]
    pub comment: Option<String>,

    /// This host's clock is right, although the CA's last entry says otherwise
    ///
    /// The CA signs nothing when the clock is behind what it has written, or
    /// more than a year ahead of it. Look at the clock first
    #[arg(long)]
    pub accept_clock: bool,
}

/// The names of a certificate besides its common name.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct NameArgs {
    /// A subject alternative name: DNS:, IP:, URI: or email:
    ///
    /// A bare value is taken for what it looks like. May be repeated; Roles
    /// Anywhere makes a session tag of the first DNS name and of the first URI
    /// only
    #[arg(long, value_name = "NAME")]
    pub san: Vec<GeneralName>,

    /// The organization (O) of the subject
    #[arg(long, value_name = "NAME")]
    pub organization: Option<TagValue>,

    /// An organizational unit (OU) of the subject; may be repeated
    #[arg(long, value_name = "NAME")]
    pub ou: Vec<TagValue>,
}

/// For how long and under which rules a certificate is issued.
#[derive(Args, Clone, Debug)]
pub struct TermArgs {
    /// Life in days, 30 unless the profile says another
    ///
    /// The certificate never ends after the CA's own
    #[arg(long, value_name = "DAYS", value_parser = value::number("a life in days", 1..=3650_u32, "30"))]
    pub days: Option<u32>,

    /// The profile of the CA's policy under which it is issued
    ///
    /// Without it the default one of DIR/ca.toml, or the only one; a CA without
    /// that file has none
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,

    /// Show what would be issued, and issue nothing
    ///
    /// Nothing is written, and no passphrase is asked for. With --json what the policy
    /// refuses is told too, all of it, as refusals with their rules
    #[arg(long)]
    pub dry_run: bool,
}

/// Issue a workload certificate with a new key
///
/// Writes key.pem, cert.pem, chain.pem and fullchain.pem into a new directory,
/// which appears whole or not at all and can be entered by its owner only. The
/// serial number is reserved in the inventory before anything is signed, and
/// the certificate is stored there before it is written.
///
/// A batch (--batch) is a CSV file with a heading, or JSON with an object on each
/// line. Of these columns only id is needed: id, cn, san, organization, ou, days,
/// profile, csr, public_key. Several names are separated by ';', or stand in a
/// JSON array; options fill in what a row does not say. A row with a request
/// (csr) or a public_key, both in PEM, gets a certificate for that key, any
/// other a new key; a request's signature is verified, a public key is taken on
/// trust. Each row gets a directory of its id in --out; without --out, for given
/// keys alone, the certificates stand in the lines of --json. Under an id nothing
/// is issued twice: a batch that was cut short is run again, and rows that were
/// done are given again from the inventory. With --renew the same file renews the
/// fleet: what is issued anew for the row ID is listed as ID#2, ID#3 and so on.
///
/// What the policy refuses ends with the exit code 3. A batch ends with the code
/// that all its failed rows have in common, and with 1 where they differ; each
/// line of --json has that of its row.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca issue --dir ca --cn web-1 --out web-1 --passphrase-file passphrase
  windlass ca issue --dir ca --cn db-1 --san db-1.example.com --san IP:10.0.0.7 \\
      --days 7 --out db-1 --passphrase-file passphrase
  windlass ca issue --dir ca --cn web-2 --dry-run
  printf 'id,cn,san\\nweb-3,web-3,web-3.example.com\\nweb-4,web-4,\\n' >hosts.csv
  windlass ca issue --dir ca --batch hosts.csv --out hosts --passphrase-file passphrase
  windlass ca issue --dir ca --batch hosts.csv --out hosts --renew \\
      --passphrase-file passphrase")]
pub struct CaIssue {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// The workload's common name
    ///
    /// It becomes the source identity CN=NAME and the session tag
    /// x509Subject/CN: at most 61 letters, digits, spaces and _ . : / = + - @
    #[arg(long, value_name = "NAME", required_unless_present = "batch")]
    pub cn: Option<CommonName>,

    /// The other names
    #[command(flatten)]
    pub names: NameArgs,

    /// Life and profile
    #[command(flatten)]
    pub terms: TermArgs,

    /// Type of the new key: p256, p384, rsa2048, rsa3072 or rsa4096
    #[arg(long, value_name = "TYPE", default_value_t = KeyType::P256)]
    pub key_type: KeyType,

    /// The new directory for key and certificates
    #[arg(long, value_name = "DIR", required_unless_present_any = ["dry_run", "batch"])]
    pub out: Option<PathBuf>,

    /// For many certificates at once
    #[command(flatten)]
    pub batch: BatchArgs,

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

/// A line of the log has a bounded length and shows what it holds.
fn comment(text: &str) -> Result<String, String> {
    const MOST: usize = 1000;
    let count = text.chars().count();
    if count > MOST {
        return Err(format!(
            "it has {count} characters, at most {MOST} are allowed"
        ));
    }
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err("it must be one line of text, without control characters".to_owned());
    }
    Ok(text.to_owned())
}
