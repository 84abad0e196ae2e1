//! `windlass ca rollover`

mod status;

use std::path::Path;

use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::authority::{self, NextRequest, Preparation, Retired, Role};
use crate::cli::{
    BundleStep, CaRollover, RolloverActivate, RolloverBundle, RolloverCancel, RolloverCommand,
    RolloverPrepare, RolloverRetire,
};
use crate::clock::rfc3339;
use crate::commands::{Context, Error};
use crate::key::Cost;
use crate::pki::Certificate;
use crate::store::{GenerationState, Readers, check_new, write_atomic};

use super::init::{OwnKeyArgs, own_key};
use super::occasion::{actor, occasion};
use super::passphrase::refuse_weak;
use super::unlock::unlock;

/// Does one step of a rollover.
pub(in crate::commands) fn rollover(
    arguments: &CaRollover,
    context: &Context,
) -> Result<(), Error> {
    match &arguments.command {
        RolloverCommand::Prepare(arguments) => prepare(arguments, context),
        RolloverCommand::Status(arguments) => status::status(arguments, context),
        RolloverCommand::Bundle(arguments) => bundle(arguments, context),
        RolloverCommand::Activate(arguments) => activate(arguments, context),
        RolloverCommand::Retire(arguments) => retire(arguments, context),
        RolloverCommand::Cancel(arguments) => cancel(arguments, context),
    }
}

fn prepare(arguments: &RolloverPrepare, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let of_root = arguments.of == Role::Root;
    if arguments.root_key.is_some() && !of_root {
        return Err(Error::Missing {
            what: "root that is replaced",
            option: "of",
            profile: None,
        });
    }
    // Before anybody is asked for a passphrase.
    authority::generations(&directory)?.check_free(&directory)?;
    let unlock = unlock(&directory, &arguments.passphrase, context)?;
    let keys = OwnKeyArgs {
        key_type: arguments.key_type,
        device: &arguments.device,
        unlock: &unlock,
    };
    let issuing_key = own_key(arguments.issuing_key.as_ref(), &keys, context)?;
    let root_key = match of_root {
        true => Some(own_key(arguments.root_key.as_ref(), &keys, context)?),
        false => None,
    };
    let makes_key = arguments.issuing_key.is_none() || of_root && arguments.root_key.is_none();
    if makes_key && let Some(passphrase) = unlock.passphrase()? {
        refuse_weak(&passphrase)?;
    }
    let actor = actor(context);
    if !of_root && authority::is_root_apart(&directory)? {
        let plan = NextRequest {
            key: &issuing_key,
            unlock: &unlock,
            cost: Cost::Normal,
            occasion: &occasion(&actor, &arguments.occasion, context),
        };
        return request(&directory, &plan, arguments.json, context);
    }
    let prepared = authority::prepare(
        &directory,
        &Preparation {
            root_key: root_key.as_ref(),
            issuing_key: &issuing_key,
            root_years: arguments.root_years,
            issuing_years: arguments.issuing_years,
            unlock: &unlock,
            cost: Cost::Normal,
            occasion: &occasion(&actor, &arguments.occasion, context),
        },
        &SystemRandom::new(),
    )?;
    warn_unwritten(prepared.unwritten.as_ref(), &directory, context);
    let generation = &prepared.generation;
    if arguments.json {
        return context.printer.json(&json!({
            "generation": generation.number,
            "state": generation.state.as_str(),
            "root": authority_as_json(&generation.root.name.to_string(), &generation.root.certificate),
            "issuing": authority_as_json(&generation.issuing.name.to_string(), &generation.issuing.certificate),
            "cross": prepared.cross.as_ref().map(certificate_as_json),
            "bundleChanged": prepared.is_bundle_changed,
            "trustAnchorFile": directory.join("trust-anchor.pem"),
        }));
    }
    let mut text = format!("prepared generation {}\n", generation.number);
    for (what, own) in [("root", &generation.root), ("issuing", &generation.issuing)] {
        let until = own.certificate.not_after().format("%Y-%m-%d");
        let subject = own.certificate.subject();
        text.push_str(&format!("{what:<13} {subject}, until {until}\n"));
    }
    for (what, own) in [("root", &generation.root), ("issuing", &generation.issuing)] {
        let is_new = what == "issuing" || prepared.is_bundle_changed;
        if is_new {
            let place = own.name.directory(&directory);
            text.push_str(&format!("{what:<13} {}\n", place.display()));
        }
    }
    text.push_str(&status::next(&directory, context)?);
    context.printer.data(&text)
}

/// Begins a generation whose root is elsewhere, and says what goes there.
fn request(
    directory: &Path,
    plan: &NextRequest<'_>,
    json: bool,
    context: &Context,
) -> Result<(), Error> {
    let requested = authority::request_next(directory, plan)?;
    let request = &requested.request;
    let file = directory.join(&requested.file);
    let fingerprint = request.public_key().fingerprint();
    if json {
        return context.printer.json(&json!({
            "generation": requested.generation,
            "state": GenerationState::Requested.as_str(),
            "requestFile": file,
            "subject": request.subject().to_string(),
            "keyFingerprintSha256": fingerprint,
        }));
    }
    let text = format!(
        "made the key of generation {}, which waits for its certificate\n\
         issuing       {}\n\
         request       {}\n\
         key           SHA-256 {fingerprint}  (compare it where the root is)\n{}",
        requested.generation,
        request.subject(),
        file.display(),
        status::next(directory, context)?,
    );
    context.printer.data(&text)
}

fn activate(arguments: &RolloverActivate, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let unlock = unlock(&directory, &arguments.passphrase, context)?;
    let actor = actor(context);
    let activated = authority::activate(
        &directory,
        arguments.bundle_installed,
        &unlock,
        &occasion(&actor, &arguments.occasion, context),
    )?;
    let generation = &activated.generation;
    if arguments.json {
        return context.printer.json(&json!({
            "generation": generation.number,
            "authority": generation.issuing.name.to_string(),
            "retiring": activated.retiring.as_ref().map(|retiring| retiring.number),
        }));
    }
    let mut text = format!(
        "activated generation {}: {} issues from now on\n",
        generation.number,
        generation.issuing.certificate.subject()
    );
    text.push_str(&status::next(&directory, context)?);
    context.printer.data(&text)
}

fn retire(arguments: &RolloverRetire, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let retired = authority::retire(&directory, arguments.force, &occasion)?;
    warn_unwritten(retired.unwritten.as_ref(), &directory, context);
    if retired.stranded.count > 0 {
        let (count, them) = match retired.stranded.count {
            1 => ("a certificate".to_owned(), "is"),
            count => (format!("{count} certificates"), "are"),
        };
        let what = match retired.is_bundle_changed {
            true => "will not be accepted any more",
            false => "will go on to be accepted, and no list can end that",
        };
        context.printer.warning(&format!(
            "{count} of {} that {them} in use {what}",
            retired.row.issuing
        ));
    }
    if retired.unlisted.count > 0 {
        context.printer.warning(&format!(
            "no list tells any more of {} of {}: unless the issuing CA is revoked, that is undone when the last list ends",
            match retired.unlisted.count {
                1 => "a revoked certificate".to_owned(),
                count => format!("{count} revoked certificates"),
            },
            retired.row.issuing
        ));
    }
    if arguments.json {
        return context.printer.json(&ended_as_json(&retired, &directory));
    }
    let mut text = format!("retired generation {}\n", retired.row.number);
    text.push_str(&over(&retired, &directory));
    if retired.is_bundle_changed {
        let bundle = directory.join("trust-anchor.pem");
        text.push_str(&format!(
            "next           give {} to Roles Anywhere ('aws rolesanywhere update-trust-anchor')\n",
            bundle.display()
        ));
    }
    context.printer.data(&text)
}

fn cancel(arguments: &RolloverCancel, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let cancelled = authority::cancel(&directory, &occasion)?;
    warn_unwritten(cancelled.unwritten.as_ref(), &directory, context);
    if arguments.json {
        return context.printer.json(&ended_as_json(&cancelled, &directory));
    }
    let mut text = format!("cancelled generation {}\n", cancelled.row.number);
    text.push_str(&over(&cancelled, &directory));
    if cancelled.is_bundle_changed {
        let bundle = directory.join("trust-anchor.pem");
        text.push_str(&format!(
            "next           if Roles Anywhere was given the new root, give it {} again\n               \
             ('aws rolesanywhere update-trust-anchor'): the root given up is not in it any more\n",
            bundle.display()
        ));
    }
    context.printer.data(&text)
}

/// Where the keys are of a generation that is over: nothing removes them but the
/// user.
fn over(ended: &Retired, directory: &Path) -> String {
    let mut text = String::new();
    for place in places(ended, directory) {
        text.push_str(&format!(
            "key            {place}  (not used any more; remove it when no backup needs it)\n"
        ));
    }
    for record in &ended.still_certified {
        text.push_str(&format!(
            "certified      a copy of the key is a CA's until its certificate ends, or is revoked:\n\
             \x20              windlass ca revoke --dir {} {} --ca --reason cessationOfOperation\n",
            directory.display(),
            hex::encode(&record.serial)
        ));
    }
    text
}

fn places(ended: &Retired, directory: &Path) -> Vec<String> {
    let root = ended.is_bundle_changed.then_some(&ended.row.root);
    [Some(&ended.row.issuing), root]
        .into_iter()
        .flatten()
        .map(|name| directory.join(name).display().to_string())
        .collect()
}

fn ended_as_json(ended: &Retired, directory: &Path) -> Value {
    json!({
        "generation": ended.row.number,
        "state": ended.row.state.as_str(),
        "strandedCertificates": ended.stranded.count,
        "strandedUntil": ended.stranded.last_end.map(rfc3339),
        "unlistedCertificates": ended.unlisted.count,
        "unlistedUntil": ended.unlisted.last_end.map(rfc3339),
        "bundleChanged": ended.is_bundle_changed,
        "trustAnchorFile": directory.join("trust-anchor.pem"),
        "unusedKeys": places(ended, directory),
        "stillCertified": ended
            .still_certified
            .iter()
            .map(|record| hex::encode(&record.serial))
            .collect::<Vec<_>>(),
    })
}

/// The step is done, and a file does not tell of it yet.
fn warn_unwritten(error: Option<&authority::Error>, directory: &Path, context: &Context) {
    if let Some(error) = error {
        context.printer.warning(&format!(
            "this is done, but {} could not be written: {error}; the next command that uses the CA's key writes it, and 'windlass ca rollover bundle' prints it",
            directory.join("trust-anchor.pem").display()
        ));
    }
}

fn bundle(arguments: &RolloverBundle, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let generations = authority::generations(&directory)?;
    let bundle = match arguments.step {
        BundleStep::Now => generations.bundle(),
        BundleStep::Next => generations.next_bundle(),
    };
    let Some(out) = out else {
        return context.printer.data(&bundle);
    };
    check_new(&out)?;
    write_atomic(&out, bundle.as_bytes(), Readers::Everyone)?;
    context
        .printer
        .data(&format!("wrote the bundle to {}\n", out.display()))
}

fn authority_as_json(name: &str, certificate: &Certificate) -> Value {
    let mut value = certificate_as_json(certificate);
    if let Value::Object(members) = &mut value {
        members.insert("name".to_owned(), name.into());
    }
    value
}

fn certificate_as_json(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().to_string(),
        "serialNumber": certificate.serial().hex(),
        "notBefore": rfc3339(certificate.not_before()),
        "notAfter": rfc3339(certificate.not_after()),
        "fingerprintSha256": certificate.fingerprint(),
    })
}
