//! `windlass ca passphrase`

use serde_json::{Value, json};

use crate::authority::{AuthorityName, NewPassphrase, Reencrypted, change_passphrase};
use crate::cli::CaPassphrase;
use crate::commands::{Context, Error, material};
use crate::key::Cost;
use crate::limits;
use crate::secret::Secret;

use super::occasion::{actor, occasion};
use super::unlock::unlock;

/// Encrypts the keys of a CA under another passphrase, and says which.
pub(in crate::commands) fn passphrase(
    arguments: &CaPassphrase,
    context: &Context,
) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let (old, new) = (&arguments.passphrase, &arguments.new);
    let new = material::new_passphrase_source(new, old, context, "New passphrase")?;
    let old = unlock(&directory, &arguments.passphrase, context)?;
    // In the order in which people expect to be asked.
    old.ask()?;
    let new = material::new_passphrase(&new, context)?;
    refuse_weak(&new)?;
    let actor = actor(context);
    let done = change_passphrase(
        &directory,
        arguments.key,
        &old,
        NewPassphrase {
            secret: &new,
            cost: Cost::Normal,
        },
        &occasion(&actor, &arguments.occasion, context),
    )?;
    if arguments.json {
        let row = |(name, outcome): &(AuthorityName, Reencrypted)| json!({ "authority": name.to_string(), "state": word(*outcome) });
        let rows: Vec<Value> = done.iter().map(row).collect();
        return context.printer.json(&json!({ "authorities": rows }));
    }
    let mut text = String::new();
    for (issuer, outcome) in &done {
        text.push_str(&match outcome {
            Reencrypted::Already => format!("the {issuer} key has the new passphrase already\n"),
            Reencrypted::Changed => format!("changed the passphrase of the {issuer} key\n"),
            Reencrypted::InDevice => {
                format!("the {issuer} key is in a device, which has a PIN of its own\n")
            }
        });
    }
    if done
        .iter()
        .any(|(_, outcome)| *outcome == Reencrypted::Changed)
    {
        text.push_str("copies that were made before still open with the old one\n");
    }
    context.printer.data(&text)
}

const fn word(outcome: Reencrypted) -> &'static str {
    match outcome {
        Reencrypted::Already => "already",
        Reencrypted::Changed => "changed",
        Reencrypted::InDevice => "in-device",
    }
}

/// Refuses a new passphrase that could be guessed by trying all.
pub(super) fn refuse_weak(passphrase: &Secret) -> Result<(), Error> {
    let count = passphrase
        .expose_str()
        .map_or_else(|| passphrase.expose().len(), |text| text.chars().count());
    if count < limits::MIN_NEW_PASSPHRASE {
        return Err(Error::WeakPassphrase {
            count,
            min: limits::MIN_NEW_PASSPHRASE,
        });
    }
    Ok(())
}
