//! `windlass ca backup` and `windlass ca restore`

use std::path::PathBuf;

use serde_json::json;

use crate::authority::{self, RestorePlan};
use crate::cli::{CaBackup, CaRestore};
use crate::commands::{Context, Error};
use crate::text::printable;

use super::occasion::{actor, occasion};
use super::outside::check_outside;

/// How many names a line has.
const MOST_NAMED: usize = 10;

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
    for (name, error) in &report.unusable_keys {
        context.printer.warning(&format!(
            "the {name} key is of no use, here and in the backup: {error}"
        ));
    }
    if !report.left_out.is_empty() {
        let shown: Vec<String> = report
            .left_out
            .iter()
            .take(MOST_NAMED)
            .map(|name| printable(name, 80))
            .collect();
        let more = match report.left_out.len().checked_sub(MOST_NAMED) {
            None | Some(0) => String::new(),
            Some(more) => format!(" and {more} more"),
        };
        context.printer.warning(&format!(
            "not in the backup, for it is no file of the CA: {}{more}",
            shown.join(", ")
        ));
    }
    if arguments.json {
        return context.printer.json(&json!({
            "file": out,
            "size": report.size,
            "files": report.files,
            "leftOut": report.left_out,
            "unusableKeys": report
                .unusable_keys
                .iter()
                .map(|(name, _)| name.to_string())
                .collect::<Vec<_>>(),
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
    for file in &restored.unaccounted {
        context.printer.warning(&format!(
            "the audit log does not say that this file is the CA's, look at it before the CA is used: {file}"
        ));
    }
    if arguments.json {
        return context.printer.json(&json!({
            "directory": directory,
            "madeAt": restored.made_at,
            "logEntries": restored.log_entries,
            "addedCertificates": restored.added,
            "adoptedRevocations": restored.revoked,
            "unknownCertificates": restored.unknown,
            "unaccountedFiles": restored.unaccounted,
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
    let shown = arguments.ca.dir.display();
    text.push_str(&format!(
        "what else was issued or revoked after that time is unknown to it; run one CA only: \
         put the old directory away\n\
         next: windlass ca audit verify --dir {shown} --checkpoint FILE\n      \
         windlass ca crl --dir {shown}\n"
    ));
    context.printer.data(&text)
}
