//! `windlass ca backup` and `windlass ca restore`

use std::path::PathBuf;

use serde_json::json;

use crate::authority::{self, RestorePlan};
use crate::cli::{CaBackup, CaRestore};
use crate::commands::{Context, Error};

use super::occasion::{actor, occasion};
use super::outside::check_outside;

/// Makes a backup.
pub(in crate::commands) fn backup(arguments: &CaBackup, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let out = context.path(&arguments.out);
    check_outside(&out, &directory)?;
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let report = authority::backup(&directory, &out, &occasion)?;
    if let Some(error) = &report.unrecorded {
        context.printer.warning(&format!(
            "the backup is whole, but the audit log could not note it: {error}"
        ));
    }
    if arguments.json {
        return context.printer.json(&json!({
            "backup": out,
            "size": report.size,
            "files": report.files,
            "logEntries": report.log_entries,
            "logHead": report.log_head,
        }));
    }
    context.printer.data(&format!(
        "backed up {} files and {} entries of the audit log, and read them back\n\
         backup  {}  ({} bytes; keep it apart from the passphrase)\n",
        report.files.len(),
        report.log_entries,
        out.display(),
        report.size
    ))
}

/// Restores a backup.
pub(in crate::commands) fn restore(arguments: &CaRestore, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let paths = |typed: &[PathBuf]| -> Vec<PathBuf> {
        typed.iter().map(|path| context.path(path)).collect()
    };
    let (lists, also) = (paths(&arguments.crl), paths(&arguments.also));
    let actor = actor(context);
    let restored = authority::restore(&RestorePlan {
        archive: &context.path(&arguments.file),
        directory: &directory,
        lists: &lists,
        also: &also,
        accept_older: arguments.accept_older,
        occasion: &occasion(&actor, &arguments.occasion, context),
    })?;
    if arguments.json {
        return context.printer.json(&json!({
            "directory": directory,
            "madeAt": restored.made_at,
            "logEntries": restored.log_entries,
            "addedCertificates": restored.added,
            "adoptedRevocations": restored.revoked,
            "unknownCertificates": restored.unknown,
        }));
    }
    let mut text = format!(
        "restored the CA of {} in {}\n",
        restored.made_at,
        directory.display()
    );
    for (count, what) in [
        (restored.added, "certificates were added"),
        (restored.revoked, "revocations were taken from the lists"),
        (
            restored.unknown,
            "of them are of certificates of which nothing else is known",
        ),
    ] {
        if count > 0 {
            text.push_str(&format!("{count} {what}\n"));
        }
    }
    text.push_str(
        "what else was issued or revoked after that time is unknown to it; run one CA only: \
         put the old directory away\n",
    );
    context.printer.data(&text)
}
