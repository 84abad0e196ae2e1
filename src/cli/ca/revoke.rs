//! `windlass ca revoke` and `windlass ca release`

use chrono::{DateTime, Utc};
use clap::Args;

use crate::authority::Selection;
use crate::cli::value;
use crate::pki::RevocationReason;

use super::{CaDirectory, OccasionArgs, PassphraseArgs};

/// Which certificate is meant.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct WhichCertificate {
    /// The serial number in hex, the SHA-256, or the common name
    ///
    /// As 'windlass ca show' takes it; a common name as with --cn
    #[arg(value_name = "WHICH")]
    which: Option<String>,

    /// The common name
    ///
    /// Of the certificates that have not ended, in any case if none is written
    /// just so. When several are meant they are listed, and nothing is done without
    /// --all
    #[arg(long, value_name = "NAME")]
    cn: Option<String>,

    /// The SHA-256 of the certificate in hex, with or without colons
    #[arg(long, value_name = "HEX", value_parser = fingerprint)]
    fingerprint: Option<String>,
}

impl WhichCertificate {
    /// Which certificates are meant; `all` of those with the common name.
    #[must_use]
    pub fn selection(&self, all: bool) -> Option<Selection> {
        if let Some(which) = &self.which {
            let which = which.clone();
            return Some(Selection::Any { which, all });
        }
        if let Some(fingerprint) = &self.fingerprint {
            return Some(Selection::Fingerprint(fingerprint.clone()));
        }
        let name = self.cn.clone()?;
        Some(Selection::CommonName { name, all })
    }
}

/// Revoke a certificate
///
/// It needs no key: the revocation is durable in the inventory when the command
/// ends, and 'windlass ca crl' makes the list that tells it to others (--crl does
/// so at once). Roles Anywhere knows of it when that list was imported; sessions
/// that were obtained before last until their own end.
///
/// To revoke again is no error and changes nothing, but that a hold may become
/// final, that keyCompromise may be added to another reason, and that
/// --invalid-since may become earlier. A serial number that is only reserved can
/// be revoked too.
///
/// Reasons, as RFC 5280 names them: unspecified, keyCompromise, cACompromise,
/// affiliationChanged, superseded, cessationOfOperation, certificateHold,
/// privilegeWithdrawn, aACompromise; in any case, also with dashes. Only a
/// certificateHold can be taken back, with 'windlass ca release'. A key that was
/// compromised is never certified again.
///
/// The certificate of the issuing CA is revoked only with --ca and by its serial
/// number or fingerprint: from then on it issues nothing, and when the root's list
/// is imported every certificate that it has issued is refused.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Examples:
  windlass ca revoke --dir ca --cn db-1 --reason certificateHold --comment 'odd log-ins'
  windlass ca revoke --dir ca --cn web-1 --reason key-compromise \\
      --invalid-since 2026-01-01T00:00:00Z --crl --passphrase-file passphrase")]
pub struct CaRevoke {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Which certificate
    #[command(flatten)]
    pub certificate: WhichCertificate,

    /// With a common name: all certificates of it that have not ended
    #[arg(long, requires = "cn")]
    pub all: bool,

    /// The issuing CA's own certificate is meant, and what it has issued with it
    #[arg(long = "ca", conflicts_with = "cn")]
    pub authority: bool,

    /// Why, as one of the reasons of RFC 5280
    #[arg(long, value_name = "REASON")]
    pub reason: RevocationReason,

    /// Since when the key is known or suspected to be in other hands, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = value::instant)]
    pub invalid_since: Option<DateTime<Utc>>,

    /// Make the revocation list at once
    #[arg(long)]
    pub crl: bool,

    /// With --crl: where the passphrase of the CA comes from
    #[command(flatten)]
    pub passphrase: PassphraseArgs,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Take a hold back
///
/// For a certificate that was revoked as certificateHold; it is in force again
/// with the next revocation list. That there is no hold is no error; any other
/// revocation is final.
#[derive(Args, Debug)]
#[command(after_long_help = "\
Example:
  windlass ca release --dir ca --cn db-1 --comment 'it was the new backup job'")]
pub struct CaRelease {
    /// Which CA
    #[command(flatten)]
    pub ca: CaDirectory,

    /// Which certificate
    #[command(flatten)]
    pub certificate: WhichCertificate,

    /// With a common name: all certificates of it that are on hold
    #[arg(long, requires = "cn")]
    pub all: bool,

    /// For the audit log
    #[command(flatten)]
    pub occasion: OccasionArgs,

    /// Print the result as JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads a SHA-256 as OpenSSL and browsers print it.
pub(super) fn fingerprint(text: &str) -> Result<String, String> {
    let digits: String = text
        .chars()
        .filter(|character| *character != ':')
        .map(|character| character.to_ascii_lowercase())
        .collect();
    match hex::decode(&digits) {
        Ok(octets) if octets.len() == 32 => Ok(digits),
        _ => Err("not a SHA-256: 64 hex digits".to_owned()),
    }
}
