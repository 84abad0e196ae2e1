//! How an identity is shown.

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::host::{Done, Failure, Owed, Reason, Report, Standing, Urgency, Word};

use super::came_to::Look;

/// How it stands, as JSON.
pub(in crate::commands) fn standing_json(path: &Path, standing: &Standing) -> Value {
    let certificate = standing.certificate.as_ref();
    let due = standing.due.as_ref();
    let time = |at: Option<DateTime<Utc>>| at.map(rfc3339);
    let state = &standing.state;
    json!({
        "identity": path,
        "version": standing.version.map(|version| version.to_string()),
        "subject": certificate.map(|found| found.subject().to_string()),
        "subjectAlternativeNames": certificate.map(|found| found.alternative_names()),
        "serialNumber": certificate.map(|found| found.serial().hex()),
        "notBefore": time(certificate.map(|found| found.not_before())),
        "notAfter": time(certificate.map(|found| found.not_after())),
        "ends": time(due.map(|due| due.ends())),
        "due": time(due.map(|due| due.at)),
        "urgency": due.map(|_| standing.urgency.name()),
        "issuerSays": standing.word.name(),
        "reason": standing.reason.map(|reason| reason.to_string()),
        "nextTry": time(standing.next_try),
        "windowOpens": time(standing.opens),
        "step": state.next.as_ref().map(|next| next.step.name()),
        "failures": state.failures.map_or(0, |failures| failures.count),
        "lastFailure": state.last_failure,
        "refusal": state.refusal,
        "lastSuccess": time(state.last_success),
        "hooksOwed": state.owed.count(),
    })
}

/// How it stands, and what a run would put right, as JSON.
pub(super) fn looked_json(look: &Look) -> Value {
    let mut shown = standing_json(&look.directory, &look.standing);
    if let Ok(amiss) = &look.amiss {
        let too_open = amiss.too_open.iter().map(|one| &one.path);
        shown["fixedFiles"] = json!(amiss.fixed);
        shown["fixedFilesCutShort"] = json!(amiss.is_cut_short);
        shown["tooOpen"] = json!(too_open.collect::<Vec<_>>());
    }
    shown["differs"] = json!(look.differs);
    shown
}

/// The same for people.
pub(super) fn looked_text(look: &Look) -> String {
    let mut text = standing_text(&look.directory, &look.standing);
    for differs in &look.differs {
        text.push_str(&format!("differs        {differs}\n"));
    }
    match &look.standing.state.owed {
        Owed::Nothing => {}
        Owed::All => text.push_str("would run      the hooks after the change\n"),
        Owed::Failed(failed) => {
            for hook in failed {
                let why = hook.failure.as_deref().unwrap_or("it failed");
                text.push_str(&format!("would run again  {}: {why}\n", hook.program));
            }
        }
    }
    let Ok(amiss) = &look.amiss else {
        return text;
    };
    for path in &amiss.fixed {
        let path = path.display();
        text.push_str(&format!("would replace  {path}\n"));
    }
    if amiss.is_cut_short {
        text.push_str("would complete the replacement of the files at fixed paths\n");
    }
    for one in &amiss.too_open {
        let (path, mode, narrowed) = (one.path.display(), one.mode, one.narrowed);
        text.push_str(&format!(
            "would chmod    {path} from {mode:04o} to {narrowed:04o}\n"
        ));
    }
    text
}

/// What a run has come to, as JSON.
pub(super) fn report_json(path: &Path, report: &Report) -> Value {
    let mut shown = standing_json(path, &report.standing);
    let (result, reason) = match &report.done {
        Done::Nothing => ("notDue", None),
        Done::Held => ("held", None),
        Done::Renewed { reason, before } => {
            shown["oldSerialNumber"] = json!(before.map(|serial| serial.hex()));
            ("renewed", Some(reason))
        }
        Done::Failed(_) => ("failed", None),
    };
    shown["result"] = json!(result);
    if let Some(reason) = reason {
        shown["reason"] = json!(reason.to_string());
    }
    shown
}

/// What a run has come to, for people: nothing where there was nothing to do.
pub(super) fn report_text(path: &Path, report: &Report) -> String {
    let standing = &report.standing;
    match (&report.done, &standing.certificate) {
        (Done::Renewed { reason, .. }, Some(certificate)) => format!(
            "{}\n\
             certificate    {}, serial number {}\n\
             valid          until {}\n\
             {}",
            match reason {
                Reason::First => format!("obtained the first certificate of {}", path.display()),
                reason => format!("renewed {}: {reason}", path.display()),
            },
            certificate.subject(),
            certificate.serial(),
            rfc3339(certificate.not_after()),
            next_line(standing),
        ),
        _ => String::new(),
    }
}

/// What is to be told of a run that a change window holds up for long.
pub(super) fn held_text(path: &Path, report: &Report) -> Option<String> {
    let standing = &report.standing;
    let is_held = matches!(report.done, Done::Held)
        && standing.next_try.is_none()
        && standing.word != Word::OnHold;
    let due = standing.due?;
    if !is_held || standing.urgency < Urgency::Overdue {
        return None;
    }
    let opens = match standing.opens {
        Some(opens) if opens < due.ends() => {
            format!("the next change window opens on {}", rfc3339(opens))
        }
        Some(_) | None => "no change window opens before".to_owned(),
    };
    Some(format!(
        "the identity in {} is overdue, and its certificate ends on {}; {opens}; --force renews it now",
        path.display(),
        rfc3339(due.ends()),
    ))
}

/// How it stands, for people.
fn standing_text(path: &Path, standing: &Standing) -> String {
    let mut text = format!("identity       {}\n", path.display());
    if let (Some(version), Some(certificate)) = (standing.version, &standing.certificate) {
        text.push_str(&format!(
            "certificate    {}, serial number {}, {version}\n\
             valid          until {}\n",
            certificate.subject(),
            certificate.serial(),
            rfc3339(certificate.not_after()),
        ));
    }
    let state = &standing.state;
    let said = |failure: &Failure| {
        let (at, step) = (rfc3339(failure.at), failure.step.attempt());
        format!("{at}, {step}: {}\n", failure.message)
    };
    if let Some(failure) = &state.last_failure {
        text.push_str(&format!("last failure   {}", said(failure)));
    }
    if state.refusal != state.last_failure
        && let Some(refusal) = &state.refusal
    {
        text.push_str(&format!("refused        {}", said(refusal)));
    }
    if standing.word == Word::OnHold {
        text.push_str(
            "on hold        as the issuer has it; not renewed until that is taken back\n",
        );
    }
    match standing.reason {
        Some(reason) if standing.is_to_be_renewed() => {
            text.push_str(&format!("would renew it: {reason}\n"));
        }
        Some(reason) => {
            text.push_str(&format!("is due: {reason}\n{}", next_line(standing)));
        }
        None => text.push_str(&next_line(standing)),
    }
    text
}

/// When it is looked at for renewal, and what it waits for.
fn next_line(standing: &Standing) -> String {
    let line = |words: &str, at: DateTime<Utc>| format!("{words:<14} {}\n", rfc3339(at));
    let mut text = match standing.due {
        Some(due) if standing.urgency == Urgency::Healthy => line("due", due.at),
        Some(due) if standing.is_closed || standing.next_try.is_some() => {
            line("due since", due.at.min(standing.at))
        }
        _ => String::new(),
    };
    if let Some(next) = standing.next_try {
        text.push_str(&line("tried again", next));
    }
    if let Some(opens) = standing.opens {
        text.push_str(&line("window opens", opens));
    }
    text
}
