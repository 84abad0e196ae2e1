//! `windlass ca crl`

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::authority::{
    self, Assessment, AuthorityName, Generations, ListFacts, ListPlan, ListSigner, ListState,
    Occasion, Published, Role,
};
use crate::cli::{CaCrl, CrlCommand, CrlMake, CrlStatus, PassphraseArgs};
use crate::clock::{in_words, rfc3339};
use crate::commands::{Context, Error, Outcome};
use crate::limits;

use super::issue::warn_of_end;
use super::occasion::{actor, occasion};
use super::outside::check_outside;
use super::unlock::unlock;

/// How long a list is good for when nothing is said, in days.
pub(super) const DEFAULT_DAYS: u32 = 10;

/// What an entry with a reason and a serial number of 16 octets takes as PEM, in
/// bytes: 49 octets, of which 48 make a line of 65 characters.
const ENTRY: u64 = 67;

/// What lists are made of.
pub(super) struct Make<'a> {
    pub(super) directory: &'a Path,
    pub(super) days: u32,
    pub(super) force: bool,
    pub(super) passphrase: &'a PassphraseArgs,
    pub(super) occasion: &'a Occasion<'a>,
}

/// A list that was made, and whose it is.
pub(super) struct Made {
    issuer: AuthorityName,
    published: Published,
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
    let all: Vec<AuthorityName> = match arguments.issuer {
        Some(issuer) => vec![issuer],
        None => {
            let generations = authority::generations(&directory)?;
            generations.active(&directory)?;
            generations.listing().iter().map(|one| one.name).collect()
        }
    };
    let (mut due, mut current) = (Vec::new(), Vec::new());
    for issuer in all.iter().copied() {
        let file = file_for(issuer, &all, out.as_deref());
        if let Some(file) = &file
            && !is_same(file, &directory.join(issuer.list_file()))
        {
            check_outside(file, &directory)?;
        }
        let found = match arguments.if_due {
            true => not_due(&directory, issuer, file.as_deref(), context.clock.now())?,
            false => None,
        };
        match found {
            Some(found) => current.push(found),
            None => due.push((issuer, file)),
        }
    }
    let actor = actor(context);
    let (made, failure) = make(
        &Make {
            directory: &directory,
            days: arguments.days,
            force: arguments.force,
            passphrase: &arguments.passphrase,
            occasion: &occasion(&actor, &arguments.occasion, context),
        },
        due,
        context,
    );
    tell(&current, &made, arguments.json, context)?;
    failure.map_or(Ok(()), Err)
}

/// Opens the keys and makes the lists that are due. Of several, those that were
/// made before one failed are there.
pub(super) fn make(
    wanted: &Make<'_>,
    due: Vec<(AuthorityName, Option<PathBuf>)>,
    context: &Context,
) -> (Vec<Made>, Option<Error>) {
    let unlock = match unlock(wanted.directory, wanted.passphrase, context) {
        Ok(unlock) => unlock,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut made = Vec::new();
    for (issuer, out) in due {
        let plan = ListPlan {
            days: wanted.days,
            out: out.as_deref(),
            force: wanted.force,
            occasion: wanted.occasion,
        };
        let signer = ListSigner::open(wanted.directory, issuer, &unlock);
        if let Ok(signer) = &signer
            && made.is_empty()
        {
            warn_of_end(signer.ending(context.clock.now()), context);
        }
        match signer.and_then(|signer| signer.publish(&plan)) {
            Ok(published) => made.push(Made { issuer, published }),
            Err(error) => return (made, Some(error.into())),
        }
    }
    (made, None)
}

/// Where a list goes besides the CA's directory: that of the first to the file
/// that was named, that of another beside it.
fn file_for(issuer: AuthorityName, all: &[AuthorityName], out: Option<&Path>) -> Option<PathBuf> {
    let out = out?;
    if all.first() == Some(&issuer) {
        return Some(out.to_owned());
    }
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".{issuer}"));
    if let Some(suffix) = out.extension() {
        name.push(".");
        name.push(suffix);
    }
    Some(out.with_file_name(name))
}

/// Whether both lead to the one file, which is there.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = one.canonicalize().ok();
    real.is_some() && real == other.canonicalize().ok()
}

/// The list, when neither it nor the copy of it needs another.
fn not_due(
    directory: &Path,
    issuer: AuthorityName,
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

/// Tells what was made and what was not due, in the order in which it was wanted
/// from each.
pub(super) fn tell(
    current: &[Assessment],
    made: &[Made],
    json: bool,
    context: &Context,
) -> Result<(), Error> {
    for one in made {
        warn(one, context);
    }
    if json {
        let not_made = current.iter().map(|one| {
            let mut value = assessment_as_json(one);
            if let Value::Object(members) = &mut value {
                members.insert("made".to_owned(), Value::Bool(false));
            }
            value
        });
        let lists: Vec<Value> = made.iter().map(as_json).chain(not_made).collect();
        return match lists.is_empty() {
            true => Ok(()),
            false => context.printer.json(&together(lists)),
        };
    }
    let made = made.iter().map(shown);
    let not_made = current
        .iter()
        .map(|one| format!("{} is not due; nothing was made\n", one.path.display()));
    let texts: Vec<String> = made.chain(not_made).collect();
    match texts.is_empty() {
        true => Ok(()),
        false => context.printer.data(&texts.join("\n")),
    }
}

/// The first list, with the others in it: most CAs have one.
pub(super) fn together(mut lists: Vec<Value>) -> Value {
    let others = lists.split_off(lists.len().min(1));
    let mut first = lists.pop().unwrap_or_default();
    if let Value::Object(members) = &mut first {
        members.insert("others".to_owned(), Value::Array(others));
    }
    first
}

/// Warnings about a list that was made.
pub(super) fn warn(made: &Made, context: &Context) {
    let published = &made.published;
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
pub(super) fn shown(made: &Made) -> String {
    let Made { issuer, published } = made;
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
pub(super) fn as_json(made: &Made) -> Value {
    let Made { issuer, published } = made;
    let record = &published.record;
    json!({
        "made": true,
        "authority": issuer.to_string(),
        "number": record.number.to_string(),
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
    let judged = match &arguments.file {
        Some(file) => vec![authority::assess_file(
            &directory,
            &context.path(file),
            now,
        )?],
        None => {
            let generations = authority::generations(&directory)?;
            if generations.authorities().is_empty() {
                generations.active(&directory)?;
            }
            assess_all(&directory, &generations, now)?
        }
    };
    if arguments.json {
        let rows: Vec<Value> = judged.iter().map(assessment_as_json).collect();
        context.printer.json(&Value::Array(rows))?;
    } else {
        let texts: Vec<String> = judged.iter().map(|one| assessed(one, now)).collect();
        let text = context.printer.typeable(&texts.join("\n"));
        context.printer.data(&text)?;
    }
    match worst(&judged) {
        Outcome::Done => Ok(()),
        outcome => Err(Error::Verdict(outcome)),
    }
}

/// Judges the lists of all authorities that have some, or should.
pub(super) fn assess_all(
    directory: &Path,
    generations: &Generations,
    now: DateTime<Utc>,
) -> Result<Vec<Assessment>, Error> {
    let mut judged = Vec::new();
    let issuing = generations.listing().into_iter();
    for issuer in issuing.chain(generations.roots()).map(|one| one.name) {
        let one = authority::assess(directory, issuer, now)?;
        // Most roots never revoke anything and need no list.
        let is_asked = issuer.role() == Role::Issuing || generations.alone.is_some();
        if is_asked || one.state != ListState::Absent {
            judged.push(one);
        }
    }
    Ok(judged)
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

/// How a list of its own is asked for: that of an issuing CA is made anyway.
pub(super) fn option_for(issuer: AuthorityName) -> String {
    match issuer.role() {
        Role::Issuing => String::new(),
        Role::Root => format!(" --issuer {issuer}"),
    }
}

fn assessed(one: &Assessment, now: DateTime<Utc>) -> String {
    let whose = option_for(one.issuer);
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
        "files": [one.path],
        "authority": one.issuer.to_string(),
        "state": one.state.as_str(),
        "problem": match &one.state {
            ListState::Unusable { reason } => Some(reason.as_str()),
            _ => None,
        },
        "number": facts.map(|facts| facts.number.as_str()),
        "newestNumber": one.newest.map(|number| number.to_string()),
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
