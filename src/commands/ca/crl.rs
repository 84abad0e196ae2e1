//! `windlass ca crl`

use std::path::Path;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::authority::{
    self, Assessment, ListFacts, ListIssuer, ListPlan, ListSigner, ListState, Occasion, Published,
};
use crate::cli::{CaCrl, CrlCommand, CrlMake, CrlStatus, PassphraseArgs};
use crate::clock::{in_words, rfc3339};
use crate::commands::{Context, Error, Outcome};
use crate::limits;

use super::occasion::{actor, occasion};
use super::unlock::unlock;

/// How long a list is good for when nothing is said, in days.
pub(super) const DEFAULT_DAYS: u32 = 10;

/// What an entry with a reason and a serial number of 16 octets takes as PEM, in
/// bytes: 49 octets, of which 48 make a line of 65 characters.
const ENTRY: u64 = 67;

/// What a list is made of.
pub(super) struct Make<'a> {
    pub(super) directory: &'a Path,
    pub(super) issuer: ListIssuer,
    pub(super) days: u32,
    pub(super) out: Option<&'a Path>,
    pub(super) force: bool,
    pub(super) passphrase: &'a PassphraseArgs,
    pub(super) occasion: &'a Occasion<'a>,
}

/// Makes a list, or says what those are worth that there are.
pub(in crate::commands) fn crl(arguments: &CaCrl, context: &Context) -> Result<(), Error> {
    match &arguments.command {
        Some(CrlCommand::Status(arguments)) => status(arguments, context),
        None => publish(&arguments.make, context),
    }
}

fn publish(arguments: &CrlMake, context: &Context) -> Result<(), Error> {
    let directory = arguments.dir.as_deref().ok_or(Error::Missing {
        what: "CA",
        option: "dir",
        profile: None,
    })?;
    let directory = context.path(directory);
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let issuer = arguments.issuer;
    if arguments.if_due {
        let now = context.clock.now();
        if let Some(current) = not_due(&directory, issuer, out.as_deref(), now)? {
            return tell_current(&current, arguments.json, context);
        }
    }
    let actor = actor(context);
    let published = make(
        &Make {
            directory: &directory,
            issuer,
            days: arguments.days,
            out: out.as_deref(),
            force: arguments.force,
            passphrase: &arguments.passphrase,
            occasion: &occasion(&actor, &arguments.occasion, context),
        },
        context,
    )?;
    warn(&published, context);
    if arguments.json {
        return context.printer.json(&as_json(&published, issuer));
    }
    context.printer.data(&shown(&published, issuer))
}

/// Opens the key and makes a list.
pub(super) fn make(wanted: &Make<'_>, context: &Context) -> Result<Published, Error> {
    let directory = wanted.directory;
    let unlock = unlock(directory, wanted.passphrase, context)?;
    let signer = ListSigner::open(directory, wanted.issuer, &unlock)?;
    Ok(signer.publish(&ListPlan {
        days: wanted.days,
        out: wanted.out,
        force: wanted.force,
        occasion: wanted.occasion,
    })?)
}

/// The list, when neither it nor the copy of it needs another.
fn not_due(
    directory: &Path,
    issuer: ListIssuer,
    out: Option<&Path>,
    now: DateTime<Utc>,
) -> Result<Option<Assessment>, Error> {
    let own = authority::assess(directory, issuer, now)?;
    let is_current = |one: &Assessment| one.state == ListState::Current && one.issuer == issuer;
    let copy = match out {
        Some(out) if is_current(&own) => match authority::assess_file(directory, out, now) {
            Ok(copy) => is_current(&copy),
            Err(authority::Error::Store(error)) if error.is_not_found() => false,
            Err(error) => return Err(error.into()),
        },
        _ => true,
    };
    Ok((is_current(&own) && copy).then_some(own))
}

fn tell_current(current: &Assessment, json: bool, context: &Context) -> Result<(), Error> {
    if json {
        let mut value = assessment_as_json(current);
        if let Value::Object(members) = &mut value {
            members.insert("made".to_owned(), Value::Bool(false));
        }
        return context.printer.json(&value);
    }
    let path = current.path.display();
    context
        .printer
        .data(&format!("{path} is not due; nothing was made\n"))
}

/// Warnings about a list that was made.
pub(super) fn warn(published: &Published, context: &Context) {
    let record = &published.record;
    if record.entries == 0 {
        context.printer.warning(
            "the list is empty: it revokes nothing, and Roles Anywhere needs it only in place of an earlier one",
        );
    }
    let size = u64::try_from(record.size).unwrap_or(0);
    if size > limits::ROLES_ANYWHERE_CRL {
        context.printer.warning(&format!(
            "the list has {size} bytes, and Roles Anywhere takes {} at most; certificates with a shorter life leave it sooner",
            limits::ROLES_ANYWHERE_CRL
        ));
    }
    for path in &published.overtaken {
        context.printer.warning(&format!(
            "{} has a later list already, which has everything that is in number {}",
            path.display(),
            record.number
        ));
    }
}

/// What was made, as text.
pub(super) fn shown(published: &Published, issuer: ListIssuer) -> String {
    let record = &published.record;
    let mut text = format!(
        "made the revocation list of the {issuer} CA\n\
         number         {}\n\
         entries        {}\n\
         valid          {} to {}\n\
         size           {}\n",
        record.number,
        record.entries,
        rfc3339(record.this_update),
        rfc3339(record.next_update),
        meter(u64::try_from(record.size).unwrap_or(0)),
    );
    for file in &published.files {
        text.push_str(&format!("file           {}\n", file.display()));
    }
    text
}

/// What was made, for programs.
pub(super) fn as_json(published: &Published, issuer: ListIssuer) -> Value {
    let record = &published.record;
    json!({
        "made": true,
        "issuer": issuer.as_str(),
        "number": record.number,
        "thisUpdate": rfc3339(record.this_update),
        "nextUpdate": rfc3339(record.next_update),
        "entries": record.entries,
        "size": record.size,
        "fingerprintSha256": record.fingerprint,
        "files": published.files,
    })
}

/// Judges what is published.
fn status(arguments: &CrlStatus, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let now = context.clock.now();
    let mut judged = Vec::new();
    if let Some(file) = &arguments.file {
        let file = context.path(file);
        judged.push(authority::assess_file(&directory, &file, now)?);
    } else {
        for issuer in ListIssuer::ALL {
            let one = authority::assess(&directory, issuer, now)?;
            // Most roots never revoke anything and need no list.
            if issuer == ListIssuer::Issuing || one.state != ListState::Absent {
                judged.push(one);
            }
        }
    }
    if arguments.json {
        let rows: Vec<Value> = judged.iter().map(assessment_as_json).collect();
        context.printer.json(&Value::Array(rows))?;
    } else {
        let texts: Vec<String> = judged.iter().map(|one| assessed(one, now)).collect();
        context.printer.data(&texts.join("\n"))?;
    }
    match worst(&judged) {
        Outcome::Done => Ok(()),
        outcome => Err(Error::Verdict(outcome)),
    }
}

/// The exit code of the worst list: one that cannot be used before one that has
/// to be made anew, and that before none.
fn worst(judged: &[Assessment]) -> Outcome {
    let outcomes: Vec<Outcome> = judged.iter().map(|one| outcome_of(&one.state)).collect();
    [Outcome::Unusable, Outcome::Failed, Outcome::Undecided]
        .into_iter()
        .find(|outcome| outcomes.contains(outcome))
        .unwrap_or(Outcome::Done)
}

const fn outcome_of(state: &ListState) -> Outcome {
    match state {
        ListState::Current => Outcome::Done,
        ListState::Due | ListState::OutOfDate => Outcome::Failed,
        ListState::Absent => Outcome::Undecided,
        ListState::Expired | ListState::Unusable { .. } => Outcome::Unusable,
    }
}

fn assessed(one: &Assessment, now: DateTime<Utc>) -> String {
    let whose = match one.issuer {
        ListIssuer::Issuing => "",
        ListIssuer::Root => " --issuer root",
    };
    let make = format!("make one with 'windlass ca crl{whose}'");
    let state = match &one.state {
        ListState::Current => "current".to_owned(),
        ListState::Due => format!("due: half of its life is over; {make}"),
        ListState::OutOfDate if one.facts.is_none() => format!("missing; {make}"),
        ListState::OutOfDate => format!("out of date; {make}"),
        ListState::Absent => "none, and nothing is revoked".to_owned(),
        ListState::Expired => format!("expired; {make}"),
        ListState::Unusable { reason } => format!("unusable: {reason}"),
    };
    let mut text = format!(
        "list           {}\nissuer         {}\nstate          {state}\n",
        one.path.display(),
        one.issuer
    );
    if let Some(facts) = &one.facts {
        text.push_str(&facts_shown(facts, now));
    }
    if let Some(newest) = one.newest {
        text.push_str(&format!("newest signed  {newest}\n"));
    }
    if one.lacking > 0 {
        text.push_str(&format!(
            "lacking        {}  (revoked since, or for another reason)\n",
            one.lacking
        ));
    }
    if one.released > 0 {
        text.push_str(&format!(
            "released       {}  (listed, and not revoked any more)\n",
            one.released
        ));
    }
    text.push_str(&format!(
        "lists in use   {} of the {} that a trust anchor takes\n",
        one.lists,
        limits::ROLES_ANYWHERE_CRLS
    ));
    text
}

fn facts_shown(facts: &ListFacts, now: DateTime<Utc>) -> String {
    let ends = facts.next_update.map_or_else(
        || "it does not say".to_owned(),
        |next| {
            let left = next - now;
            let (before, after) = match left >= chrono::TimeDelta::zero() {
                true => ("in ", ""),
                false => ("", " ago"),
            };
            format!("{} ({before}{}{after})", rfc3339(next), in_words(left))
        },
    );
    let size = u64::try_from(facts.size).unwrap_or(0);
    format!(
        "number         {}\n\
         entries        {}\n\
         made           {} ({} ago)\n\
         next by        {ends}\n\
         size           {}\n",
        facts.number,
        facts.entries,
        rfc3339(facts.this_update),
        in_words(now - facts.this_update),
        meter(size),
    )
}

/// How full the list is, in the eyes of Roles Anywhere.
fn meter(size: u64) -> String {
    let most = limits::ROLES_ANYWHERE_CRL;
    match most.checked_sub(size) {
        Some(left) => format!(
            "{size} of the {most} bytes that Roles Anywhere takes: about {} more entries",
            left / ENTRY
        ),
        None => format!(
            "{size} bytes, {} more than Roles Anywhere takes",
            size - most
        ),
    }
}

fn assessment_as_json(one: &Assessment) -> Value {
    let facts = one.facts.as_ref();
    let size = facts.and_then(|facts| u64::try_from(facts.size).ok());
    json!({
        "file": one.path,
        "issuer": one.issuer.as_str(),
        "state": one.state.as_str(),
        "reason": match &one.state {
            ListState::Unusable { reason } => Some(reason.as_str()),
            _ => None,
        },
        "number": facts.map(|facts| facts.number.as_str()),
        "newestNumber": one.newest,
        "thisUpdate": facts.map(|facts| rfc3339(facts.this_update)),
        "nextUpdate": facts.and_then(|facts| facts.next_update).map(rfc3339),
        "entries": facts.map(|facts| facts.entries),
        "lacking": one.lacking,
        "released": one.released,
        "size": size,
        "sizeLimit": limits::ROLES_ANYWHERE_CRL,
        "moreEntries": size.map(|size| limits::ROLES_ANYWHERE_CRL.saturating_sub(size) / ENTRY),
        "lists": one.lists,
        "listLimit": limits::ROLES_ANYWHERE_CRLS,
    })
}
