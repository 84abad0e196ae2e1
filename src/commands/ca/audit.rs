//! `windlass ca audit`

use std::path::Path;

use serde_json::{Value, json};

use crate::authority::{
    self, Authority, KeptCheckpoint, LogFault, LogWitness, Occasion, Reconciled, Reconciliation,
};
use crate::cli::{
    AuditCheckpoint, AuditCommand, AuditExport, AuditList, AuditReconcile, AuditVerify, CaAudit,
    Glob, ListFormat, LogOrder,
};
use crate::clock::rfc3339;
use crate::commands::{Context, Error, Outcome};
use crate::limits;
use crate::store::{self, AuditRecord, Inventory, LineFile, Readers, Record};
use crate::text::printable;

use super::occasion::{actor, occasion};
use super::outside::{check_outside, refuse_both};
use super::rows::{Rows, csv_line};
use super::unlock::unlock;

/// Does what is wanted with the log.
pub(in crate::commands) fn audit(arguments: &CaAudit, context: &Context) -> Result<(), Error> {
    match &arguments.command {
        AuditCommand::Checkpoint(arguments) => checkpoint(arguments, context),
        AuditCommand::Export(arguments) => export(arguments, context),
        AuditCommand::List(arguments) => list(arguments, context),
        AuditCommand::Reconcile(arguments) => reconcile(arguments, context),
        AuditCommand::Verify(arguments) => verify(arguments, context),
    }
}

fn open(directory: &Path, context: &Context) -> Result<Inventory, Error> {
    Ok(authority::open_inventory(&context.path(directory))?)
}

fn checkpoint(arguments: &AuditCheckpoint, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let out = context.path(&arguments.out);
    check_outside(&out, &directory)?;
    // Before anybody is asked for a passphrase.
    if out.symlink_metadata().is_ok() {
        return Err(store::Error::Exists { path: out }.into());
    }
    store::check_parent(&out)?;
    let unlock = unlock(&directory, &arguments.passphrase, context)?;
    let authority = Authority::open(&directory, &unlock)?;
    let actor = actor(context);
    let kept = authority.checkpoint(&occasion(&actor, &arguments.occasion, context))?;
    let content = format!("{:#}\n", json!(kept));
    store::write_atomic(&out, content.as_bytes(), Readers::Owner)?;
    if arguments.json {
        return context.printer.json(&json!({
            "file": out,
            "sequence": kept.sequence(),
            "at": kept.at(),
        }));
    }
    context.printer.data(&format!(
        "signed the audit log up to entry {}, at {}\n\
         checkpoint  {}  (keep it on another machine)\n",
        kept.sequence(),
        kept.at(),
        out.display()
    ))
}

fn export(arguments: &AuditExport, context: &Context) -> Result<(), Error> {
    let to_stdout = arguments.out.as_os_str() == "-";
    if to_stdout {
        refuse_both(arguments.json, "out")?;
    }
    let inventory = open(&arguments.ca.dir, context)?;
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    if to_stdout {
        authority::log_export(&inventory, "stdout", &occasion)?;
        return inventory.read_log(i64::MIN, |record| {
            context.printer.data(&format!("{}\n", as_json(&record)))?;
            Ok(true)
        });
    }
    let out = context.path(&arguments.out);
    check_outside(&out, &context.path(&arguments.ca.dir))?;
    let mut file = LineFile::begin(&out)?;
    authority::log_export(&inventory, &out.display().to_string(), &occasion)?;
    let mut count = 0_u64;
    inventory.read_log(i64::MIN, |record| -> Result<bool, Error> {
        file.add(&as_json(&record).to_string())?;
        count += 1;
        Ok(true)
    })?;
    file.publish()?;
    if arguments.json {
        let written = json!({ "file": out, "format": "jsonl", "logEntries": count });
        return context.printer.json(&written);
    }
    context
        .printer
        .data(&format!("wrote {count} entries to {}\n", out.display()))
}

fn list(arguments: &AuditList, context: &Context) -> Result<(), Error> {
    let inventory = authority::read_inventory(&context.path(&arguments.ca.dir))?;
    let now = context.clock.now();
    let since = arguments.since.map(|moment| moment.seen_from(now));
    let before = arguments.before.map(|moment| moment.seen_from(now));
    let serial = arguments.serial.as_ref().map(|serial| serial.magnitude());
    let fits = |record: &AuditRecord| {
        since.is_none_or(|since| record.at >= since)
            && before.is_none_or(|before| record.at < before)
            && (arguments.action.is_empty() || arguments.action.contains(&record.action))
            && arguments
                .actor
                .as_ref()
                .is_none_or(|actor| is_meant(actor, &record.actor))
            && serial.is_none_or(|serial| record.serial.as_deref() == Some(serial))
    };
    let format = match arguments.json {
        true => ListFormat::Json,
        false => arguments.format,
    };
    let mut table = Vec::new();
    let mut rows = Rows::new(format, now, |text| context.printer.data(text)).under(&COLUMNS);
    let mut count = 0;
    let receive = |record: AuditRecord| -> Result<bool, Error> {
        if fits(&record) {
            match format {
                ListFormat::Csv => rows.add_line(&csv_line(as_fields(&record)))?,
                ListFormat::Json | ListFormat::Jsonl => rows.add_json(&as_json(&record))?,
                ListFormat::Table => table.push(as_row(&record)),
            }
            count += 1;
        }
        Ok(arguments.limit.is_none_or(|limit| count < limit))
    };
    match arguments.sort {
        LogOrder::Oldest => inventory.read_log(i64::MIN, receive)?,
        LogOrder::Newest => inventory.read_log_back(receive)?,
    }
    match format {
        ListFormat::Table => context.printer.table(
            &[
                "ENTRY", "TIME", "ACTOR", "ACTION", "SERIAL", "RULE", "COMMENT",
            ],
            table,
        )?,
        _ => drop(rows.finish()?),
    }
    if arguments.limit == Some(count) {
        let first = format!("the first {count} entries in this order, as --limit says");
        context.printer.note(&first);
    }
    Ok(())
}

/// The columns of the CSV form.
const COLUMNS: [&str; 9] = [
    "entry", "time", "actor", "action", "serial", "comment", "detail", "hash", "rules",
];

fn is_meant(wanted: &Glob, actor: &str) -> bool {
    match wanted {
        Glob::Begins(text) => actor.starts_with(text),
        Glob::Ends(text) => actor.ends_with(text),
        Glob::Exact(text) => actor == text,
    }
}

fn as_fields(record: &AuditRecord) -> [String; 9] {
    [
        record.sequence.to_string(),
        rfc3339(record.at),
        record.actor.clone(),
        record.action.clone(),
        record.serial.as_ref().map(hex::encode).unwrap_or_default(),
        record.comment.clone().unwrap_or_default(),
        record.detail.clone(),
        hex::encode(record.hash),
        rules_of(record).join(";"),
    ]
}

fn as_row(record: &AuditRecord) -> Vec<String> {
    vec![
        record.sequence.to_string(),
        rfc3339(record.at),
        printable(&record.actor, 100),
        printable(&record.action, 30),
        record.serial.as_ref().map(hex::encode).unwrap_or_default(),
        printable(&rules_of(record).join(", "), 200),
        printable(record.comment.as_deref().unwrap_or_default(), 200),
    ]
}

/// The rules that refused, where the entry is that of a refusal.
fn rules_of(record: &AuditRecord) -> Vec<String> {
    let detail: Value = serde_json::from_str(&record.detail).unwrap_or_default();
    let rules = match &detail["rules"] {
        Value::Array(rules) => rules.as_slice(),
        // Earlier entries have one.
        _ => std::slice::from_ref(&detail["rule"]),
    };
    let texts = rules.iter().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn as_json(record: &AuditRecord) -> Value {
    json!({
        "sequence": record.sequence,
        "at": rfc3339(record.at),
        "actor": record.actor,
        "action": record.action,
        "serialNumber": record.serial.as_ref().map(hex::encode),
        // What is damaged is shown as it stands there.
        "detail": serde_json::from_str::<Value>(&record.detail)
            .unwrap_or_else(|_| Value::from(record.detail.clone())),
        "comment": record.comment,
        "hash": hex::encode(record.hash),
    })
}

fn reconcile(arguments: &AuditReconcile, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let inventory = authority::open_inventory(&directory)?;
    let actor = actor(context);
    let occasion: Occasion<'_> = occasion(&actor, &arguments.occasion, context);
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let plan = Reconciliation {
        directory: &directory,
        older_than: arguments.older_than,
        out: out.as_deref(),
        occasion: &occasion,
    };
    let done = authority::reconcile(&inventory, &plan)?;
    if !arguments.json {
        let text = reconciled(&done, out.as_deref());
        return context.printer.data(&context.printer.typeable(&text));
    }
    let rows = |records: &[Record]| -> Vec<Value> {
        records
            .iter()
            .map(|record| {
                json!({
                    "serialNumber": hex::encode(&record.serial),
                    "subject": record.subject,
                    "reservedAt": rfc3339(record.reserved_at),
                    "requester": record.requester,
                    "requestId": record.request_id,
                })
            })
            .collect()
    };
    context.printer.json(&json!({
        "settled": rows(&done.settled),
        "waiting": rows(&done.waiting),
        "delivered": rows(&done.delivered),
        "deliverable": rows(&done.deliverable),
        "undelivered": rows(&done.undelivered),
        "removed": done.removed,
    }))
}

/// What was found and settled, as text.
fn reconciled(done: &Reconciled, out: Option<&Path>) -> String {
    let mut text = String::new();
    let mut say = |records: &[Record], what: &dyn Fn(&Record) -> String| {
        for record in records {
            let serial = hex::encode(&record.serial);
            let subject = printable(&record.subject, 400);
            let reserved = rfc3339(record.reserved_at);
            let what = what(record);
            text.push_str(&format!(
                "{serial}  {subject}\n    reserved at {reserved}: {what}\n"
            ));
        }
    };
    let row = |record: &Record| printable(record.request_id.as_deref().unwrap_or_default(), 200);
    say(&done.settled, &|_| {
        "settled, nothing was issued under this number".to_owned()
    });
    say(&done.waiting, &|_| {
        "may still be at work; run this again in ten minutes".to_owned()
    });
    say(&done.delivered, &|record| {
        format!(
            "delivered, its files are there (row {} of a batch)",
            row(record)
        )
    });
    say(&done.deliverable, &|record| {
        format!(
            "its key is kept there (row {} of a batch): run the batch again, which delivers it",
            row(record)
        )
    });
    say(
        &done.undelivered,
        &|record| match (&record.request_id, out) {
            (None, _) => format!(
                "issued, but perhaps not delivered: get it with 'windlass ca show {0} --pem' if its \
                 key is there, else revoke it with 'windlass ca revoke {0} --reason superseded'",
                hex::encode(&record.serial)
            ),
            (Some(_), None) => format!(
                "issued for row {} of a batch, but perhaps not delivered: name the directory of the \
             batch with --out, or run the batch again, which delivers what it can",
                row(record)
            ),
            (Some(_), Some(out)) => format!(
                "issued for row {} of a batch, and not in {}: run the batch again if the row names \
             its key; the key that windlass made for it is lost otherwise: revoke it with \
             'windlass ca revoke {} --reason superseded'",
                row(record),
                out.display(),
                hex::encode(&record.serial)
            ),
        },
    );
    for path in &done.removed {
        text.push_str(&format!("removed the unfinished {}\n", path.display()));
    }
    if text.is_empty() {
        text.push_str("there is nothing to settle\n");
    }
    text
}

fn verify(arguments: &AuditVerify, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let inventory = authority::read_inventory(&directory)?;
    let kept = arguments
        .checkpoint
        .as_deref()
        .map(|path| {
            let path = context.path(path);
            let content = store::read_bounded(&path, limits::MAX_FILE)?;
            KeptCheckpoint::read(&content)
                .map_err(|reason| Error::from(authority::Error::CheckpointFile { path, reason }))
        })
        .transpose()?;
    let witness = LogWitness {
        kept: kept.as_ref(),
        root: arguments.root_fingerprint.as_deref(),
    };
    let report = authority::verify_log(&directory, &inventory, witness)?;
    inventory.check_unwritten()?;
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    let head = hex::encode(report.head);
    let fits = !report
        .faults
        .iter()
        .any(|fault| matches!(fault, LogFault::Checkpoint { kept: true, .. }));
    if arguments.json {
        context.printer.json(&json!({
            "intact": faults.is_empty(),
            "logEntries": report.entries,
            "logHead": head,
            "rootFingerprintSha256": report.root,
            "checkpoints": report.checkpoints,
            "checkpointGiven": report.kept.as_ref().map(|(sequence, at)| json!({
                "sequence": sequence,
                "at": at,
                "fits": fits,
            })),
            "faults": faults,
        }))?;
    } else if faults.is_empty() {
        let mut text = format!(
            "the audit log is intact\n\
             entries      {}\n\
             checkpoints  {}\n\
             head         {head}\n\
             root         {}  (SHA-256; compare it with what you know from elsewhere)\n",
            report.entries, report.checkpoints, report.root
        );
        if let Some((sequence, at)) = &report.kept {
            text.push_str(&format!(
                "given        the checkpoint of entry {sequence}, of {at}: signed by this CA, \
                 and the log still says the same up to there\n"
            ));
        }
        context.printer.data(&text)?;
    } else {
        let mut text = "the audit log is NOT intact\n".to_owned();
        for fault in &faults {
            text.push_str(&format!("  {fault}\n"));
        }
        context.printer.data(&text)?;
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::Verdict(Outcome::Unusable)),
    }
}
