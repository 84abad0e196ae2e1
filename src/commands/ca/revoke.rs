//! `windlass ca revoke` and `windlass ca release`

use std::path::Path;

use serde_json::{Value, json};

use crate::authority::{self, ListIssuer, Published, Revoked, Selection, reason_of};
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
    let by_root = done.iter().any(|one| one.record.kind == Kind::Issuing);
    let issuer = match by_root {
        true => ListIssuer::Root,
        false => ListIssuer::Issuing,
    };
    if by_root && done.iter().any(|one| one.changed) {
        context.printer.warning(
            "the issuing CA is revoked: it issues nothing any more, and with the root's list in Roles Anywhere every certificate that it has issued is refused",
        );
    }
    let mut text: String = done.iter().map(shown).collect();
    if !arguments.crl {
        text.push_str(&next_step(&directory, issuer));
    }
    if !arguments.json {
        context.printer.data(&text)?;
    }
    // What was revoked is told even if no list can be made.
    let made = match arguments.crl {
        true => Some(crl::make(
            &crl::Make {
                directory: &directory,
                issuer,
                days: DEFAULT_DAYS,
                out: None,
                force: false,
                passphrase: &arguments.passphrase,
                occasion: &occasion,
            },
            context,
        )),
        false => None,
    };
    if arguments.json {
        let list = match &made {
            Some(Ok(published)) => crl::as_json(published, issuer),
            _ => Value::Null,
        };
        context.printer.json(&as_json(&done, list))?;
    }
    if matches!(made, Some(Err(_))) {
        context.printer.warning(
            "what is told above is revoked, and stays so; only the list that tells it to others was not made: 'windlass ca crl' makes it",
        );
    }
    match made.transpose()? {
        Some(published) => tell(&published, issuer, arguments.json, context),
        None => Ok(()),
    }
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
        text.push_str(&next_step(&directory, ListIssuer::Issuing));
    }
    context.printer.data(&text)
}

/// The option parser has seen that one of the three is given.
const NOT_NAMED: Error = Error::Missing {
    what: "certificate",
    option: "cn",
    profile: None,
};

fn tell(
    published: &Published,
    issuer: ListIssuer,
    json: bool,
    context: &Context,
) -> Result<(), Error> {
    crl::warn(published, context);
    match json {
        true => Ok(()),
        false => context.printer.data(&crl::shown(published, issuer)),
    }
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

fn next_step(directory: &Path, issuer: ListIssuer) -> String {
    let whose = match issuer {
        ListIssuer::Issuing => "",
        ListIssuer::Root => " --issuer root",
    };
    let dir = directory.display();
    format!("next           windlass ca crl --dir {dir}{whose}  (tells others)\n")
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
