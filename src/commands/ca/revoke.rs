//! `windlass ca revoke` and `windlass ca release`

use std::path::Path;

use serde_json::{Value, json};

use crate::authority::{self, AuthorityName, Generations, Revoked, Selection, reason_of};
use crate::cli::{CaRelease, CaRevoke};
use crate::clock::rfc3339;
use crate::commands::{Context, Error};
use crate::store::Kind;
use crate::text::printable;

use super::crl::{self, DEFAULT_DAYS};
use super::inventory::revocation_as_json;
use super::occasion::{actor, occasion};

/// Revokes, says so, and makes the list when that was asked for.
pub(in crate::commands) fn revoke(arguments: &CaRevoke, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let selection = arguments.certificate.selection(arguments.all);
    let selection = selection.ok_or(NOT_NAMED)?;
    let selection = match arguments.authority {
        true => Selection::Authority(Box::new(selection)),
        false => selection,
    };
    let inventory = authority::open_inventory(&directory)?;
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let reason = arguments.reason;
    let invalid_since = arguments.invalid_since;
    let done = authority::revoke(&inventory, &selection, reason, invalid_since, &occasion)?;
    for one in done.iter().filter(|one| !one.changed) {
        let kept = one.record.revocation.map(reason_of);
        if let Some(kept) = kept.filter(|kept| *kept != reason) {
            context.printer.warning(&format!(
                "{} stays revoked as {kept}: {reason} would say less",
                hex::encode(&one.record.serial)
            ));
        }
    }
    let generations = authority::generations(&directory)?;
    let issuers = issuers_of(&done, &generations);
    let is_authority = |one: &Revoked| one.changed && one.record.kind == Kind::Issuing;
    if done.iter().any(is_authority) {
        context.printer.warning(
            "the issuing CA is revoked: it issues nothing any more, and with the root's list in Roles Anywhere every certificate that it has issued is refused",
        );
    }
    let mut text: String = done.iter().map(shown).collect();
    if !arguments.crl || issuers.is_empty() {
        text.push_str(&next_step(&directory, &issuers));
    }
    if !arguments.json {
        context.printer.data(&context.printer.typeable(&text))?;
    }
    // What was revoked is told even if no list can be made.
    let due = issuers.into_iter().filter(|_| arguments.crl);
    let (lists, failure) = crl::make(
        &crl::Make {
            directory: &directory,
            days: DEFAULT_DAYS,
            force: false,
            passphrase: &arguments.passphrase,
            occasion: &occasion,
        },
        due.map(|issuer| (issuer, None)).collect(),
        context,
    );
    if arguments.json {
        lists.iter().for_each(|list| crl::warn(list, context));
        let lists = crl::together(lists.iter().map(crl::as_json).collect());
        context.printer.json(&as_json(&done, lists))?;
    } else if !lists.is_empty() {
        crl::tell(&[], &lists, false, context)?;
    }
    if failure.is_some() {
        context.printer.warning(
            "what is told above is revoked, and stays so; only the list that tells it to others was not made: 'windlass ca crl' makes it",
        );
    }
    failure.map_or(Ok(()), Err)
}

/// Takes a hold back and says so.
pub(in crate::commands) fn release(arguments: &CaRelease, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let selection = arguments.certificate.selection(arguments.all);
    let selection = selection.ok_or(NOT_NAMED)?;
    let inventory = authority::open_inventory(&directory)?;
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let done = authority::release(&inventory, &selection, &occasion)?;
    if arguments.json {
        return context.printer.json(&as_json(&done, Value::Null));
    }
    let mut text = String::new();
    for one in &done {
        let did = if one.changed {
            "released"
        } else {
            "not on hold:"
        };
        text.push_str(&format!(
            "{did} {}\nserial number  {}\n",
            printable(&one.record.subject, 400),
            hex::encode(&one.record.serial)
        ));
    }
    if done.iter().any(|one| one.changed) {
        let generations = authority::generations(&directory)?;
        text.push_str(&next_step(&directory, &issuers_of(&done, &generations)));
    }
    context.printer.data(&context.printer.typeable(&text))
}

/// The option parser has seen that one of the three is given.
const NOT_NAMED: Error = Error::Missing {
    what: "certificate",
    option: "cn",
    profile: None,
};

/// Whose lists have to tell of it: a retired one's has not.
fn issuers_of(done: &[Revoked], generations: &Generations) -> Vec<AuthorityName> {
    let mut issuers = Vec::new();
    for one in done {
        if let Some(issuer) = generations.by_key(&one.record.issuer_key_id)
            && !issuers.contains(&issuer.name)
        {
            issuers.push(issuer.name);
        }
    }
    issuers
}

fn shown(one: &Revoked) -> String {
    let record = &one.record;
    let did = match (one.changed, one.before) {
        (true, None) => "revoked",
        (true, Some(_)) => "changed the revocation of",
        (false, _) => "revoked already:",
    };
    let mut text = format!(
        "{did} {}\nserial number  {}\n",
        printable(&record.subject, 400),
        hex::encode(&record.serial)
    );
    if let Some(revocation) = record.revocation {
        text.push_str(&format!(
            "reason         {}\nsince          {}\n",
            reason_of(revocation),
            rfc3339(revocation.at)
        ));
        if let Some(since) = revocation.invalid_since {
            text.push_str(&format!("invalid since  {}\n", rfc3339(since)));
        }
    }
    text
}

fn next_step(directory: &Path, issuers: &[AuthorityName]) -> String {
    let dir = directory.display();
    let mut options: Vec<String> = issuers.iter().map(|one| crl::option_for(*one)).collect();
    options.dedup();
    if options.is_empty() {
        return "next           its issuer is retired, and no list tells of it: where the root stays,\n               \
                revoke the issuing CA, 'windlass ca revoke SERIAL --ca' ('windlass ca list --kind issuing')\n"
            .to_owned();
    }
    options
        .iter()
        .map(|whose| format!("next           windlass ca crl --dir {dir}{whose}  (tells others)\n"))
        .collect()
}

fn as_json(done: &[Revoked], list: Value) -> Value {
    let rows: Vec<Value> = done
        .iter()
        .map(|one| {
            json!({
                "serialNumber": hex::encode(&one.record.serial),
                "subject": one.record.subject,
                "changed": one.changed,
                "revocation": one.record.revocation.map(revocation_as_json),
                "revocationBefore": one.before.map(revocation_as_json),
            })
        })
        .collect();
    json!({ "certificates": rows, "crl": list })
}
