//! `windlass ca issue --batch`

use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::authority::{
    self, Authority, Batch, BatchRow, RequestedKey, RowOutcome, lock_batches, spread,
};
use crate::cli::CaIssue;
use crate::commands::error::authority::hint_authority;
use crate::commands::error::batch::{BatchFailed, outcome_of_row};
use crate::commands::{Context, Error};
use crate::key::Source;
use crate::limits;
use crate::pki::encode_pem;

use super::batch_file::{self, Written};
use super::issue::{as_json, open, refusals_as_json};
use super::occasion::{actor, occasion};
use super::outside::check_outside;
use super::sign::refuse_twice;

/// Most rows of which is said on stderr what is wrong with them.
const MOST_TOLD: usize = 20;

/// A row of the file, and what has become of it.
struct Row {
    written: Written,
    outcome: RowOutcome,
}

/// Issues a certificate for each row of a file.
pub(super) fn issue(arguments: &CaIssue, file: &Source, context: &Context) -> Result<(), Error> {
    if let Some(out) = &arguments.out {
        check_outside(&context.path(out), &context.path(&arguments.ca.dir))?;
    }
    let source = context.source(file);
    refuse_twice(&source, &arguments.passphrase)?;
    let origin = source.to_string();
    let content = source.read(&context.environment, limits::MAX_BATCH)?;
    let written =
        batch_file::read(&content.bytes).map_err(|(line, reason)| authority::Error::BatchFile {
            origin,
            line,
            reason,
        })?;
    let jobs = jobs(arguments);
    let checked = spread(&written, jobs, |row| row.check(arguments));
    let is_dry = arguments.terms.dry_run;
    let needs_files = checked
        .iter()
        .flatten()
        .any(|row| matches!(row.request.key, RequestedKey::New(_)));
    if (needs_files || !arguments.json) && arguments.out.is_none() && !is_dry {
        return Err(authority::Error::BatchWithoutDirectory.into());
    }
    // Rows that are malformed never come near the CA; unless the others go on
    // without them, those do not either.
    let (mut rows, mut places, mut sound) = (Vec::new(), Vec::new(), Vec::new());
    for (place, (written, row)) in written.into_iter().zip(checked).enumerate() {
        let outcome = match row {
            Ok(row) => {
                places.push(place);
                sound.push(row);
                RowOutcome::Untouched
            }
            Err(error) => RowOutcome::Failed(error),
        };
        rows.push(Row { written, outcome });
    }
    if sound.len() == rows.len() || arguments.batch.keep_going || is_dry {
        let outcomes = if is_dry {
            foresee(arguments, &sound, context)?
        } else {
            carry_out(arguments, &sound, jobs, context)?
        };
        for (place, outcome) in places.into_iter().zip(outcomes) {
            if let Some(row) = rows.get_mut(place) {
                row.outcome = outcome;
            }
        }
    }
    report(arguments, &rows, context)
}

fn jobs(arguments: &CaIssue) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let jobs = arguments.batch.jobs.map(usize::from);
    jobs.unwrap_or_else(cores).min(limits::MAX_BATCH_JOBS)
}

/// What would become of each row.
fn foresee(
    arguments: &CaIssue,
    rows: &[BatchRow],
    context: &Context,
) -> Result<Vec<RowOutcome>, Error> {
    let authority = Authority::open_to_look(&context.path(&arguments.ca.dir))?;
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let batch = Batch {
        rows,
        keep_going: arguments.batch.keep_going,
        jobs: 1,
        renew: arguments.batch.renewal(),
        out: out.as_deref(),
        progress: &|_| {},
    };
    Ok(authority.check_batch(&batch, &occasion)?)
}

fn carry_out(
    arguments: &CaIssue,
    rows: &[BatchRow],
    jobs: usize,
    context: &Context,
) -> Result<Vec<RowOutcome>, Error> {
    let directory = context.path(&arguments.ca.dir);
    let authority = open(&directory, &arguments.passphrase, context)?;
    let lock = lock_batches(&directory)?;
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let bar = progress_bar(rows.len());
    let batch = Batch {
        rows,
        keep_going: arguments.batch.keep_going,
        jobs,
        renew: arguments.batch.renewal(),
        out: out.as_deref(),
        progress: &|count| bar.inc(count),
    };
    let outcomes = authority.issue_batch(&batch, &lock, &occasion, &SystemRandom::new());
    bar.finish_and_clear();
    Ok(outcomes?)
}

/// It shows itself on a terminal only.
fn progress_bar(rows: usize) -> ProgressBar {
    let length = u64::try_from(rows).unwrap_or(0);
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    let form = "{bar:40} {pos} of {len}, {eta} left";
    match ProgressStyle::with_template(form) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// Says what has become of the rows; a failure of one is a failure.
fn report(arguments: &CaIssue, rows: &[Row], context: &Context) -> Result<(), Error> {
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let is_dry = arguments.terms.dry_run;
    let mut told = 0;
    let mut hints = std::collections::BTreeSet::new();
    let (mut issued, mut again, mut failed) = (0_usize, 0_usize, 0_usize);
    for row in rows {
        match &row.outcome {
            RowOutcome::Issued(_) => issued += 1,
            RowOutcome::Again(_) => again += 1,
            RowOutcome::Untouched => {}
            RowOutcome::Failed(error) => {
                failed += 1;
                if told < MOST_TOLD {
                    let (line, id) = (row.written.line, row.written.id());
                    let id = crate::text::printable(id, 130);
                    // What many rows have in common is said once.
                    let is_of_id = matches!(
                        error,
                        authority::Error::BatchKeyLost { .. }
                            | authority::Error::RequestDiffers { .. }
                            | authority::Error::RequestRevoked { .. }
                    );
                    let hint = is_of_id.then(|| hint_authority(error)).flatten();
                    let hint = hint.filter(|hint| hints.insert(hint.clone()));
                    let hint = hint.map_or_else(String::new, |hint| format!("; {hint}"));
                    context
                        .printer
                        .warning(&format!("line {line} ({id}): {error}{hint}"));
                }
                told += 1;
            }
        }
    }
    if told > MOST_TOLD {
        let more = told - MOST_TOLD;
        context
            .printer
            .warning(&format!("and {more} rows more; --json names them all"));
    }
    if arguments.json {
        let mut lines = String::new();
        for row in rows {
            let line = as_line(row, out.as_deref(), is_dry);
            lines.push_str(&format!("{line}\n"));
        }
        context.printer.data(&lines)?;
    } else if is_dry {
        let allowed = rows.len() - failed;
        let before = match again {
            0 => String::new(),
            count => format!(", {count} of them were issued before"),
        };
        context.printer.data(&format!(
            "{allowed} of {} rows can be issued{before}; nothing was issued\n",
            rows.len()
        ))?;
    } else {
        context.printer.data(&format!(
            "issued {issued} certificates, gave {again} again, failed {failed} of {} rows\n",
            rows.len()
        ))?;
    }
    let failures = rows.iter().filter_map(|row| match &row.outcome {
        RowOutcome::Failed(error) => Some(error),
        _ => None,
    });
    match BatchFailed::of(failures, rows.len(), !arguments.batch.keep_going) {
        Some(failed) => Err(failed.into()),
        None => Ok(()),
    }
}

/// A row's line of the summary.
fn as_line(row: &Row, out: Option<&Path>, is_dry: bool) -> Value {
    let (outcome, certificate, error) = match &row.outcome {
        RowOutcome::Issued(certificate) => ("issued", Some(certificate), None),
        RowOutcome::Again(certificate) => ("again", Some(certificate), None),
        RowOutcome::Failed(error) => ("failed", None, Some(error)),
        RowOutcome::Untouched if is_dry => ("allowed", None, None),
        RowOutcome::Untouched => ("untouched", None, None),
    };
    let mut line = certificate.map_or_else(|| json!({}), as_json);
    line["id"] = row.written.id().into();
    line["line"] = row.written.line.into();
    line["outcome"] = outcome.into();
    if let Some(error) = error {
        line["error"] = error.to_string().into();
        let outcome = outcome_of_row(error);
        line["failure"] = outcome.name().into();
        line["code"] = outcome.code().into();
        if let authority::Error::Refused(refusals) = error {
            line["rule"] = refusals.first().rule.as_str().into();
            line["refusals"] = refusals_as_json(refusals);
        }
    }
    match (certificate, out) {
        (Some(_), Some(out)) => line["directory"] = json!(out.join(row.written.id())),
        (Some(certificate), None) => line["certificatePem"] = encode_pem([certificate]).into(),
        (None, _) => {}
    }
    line
}
