//! `windlass ca init`

use std::path::PathBuf;

use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::authority::{self, Bootstrap, DeviceKey, DeviceOptions, Occasion, OwnKey, Unlock};
use crate::cli::{CaInit, DeviceArgs};
use crate::clock::rfc3339;
use crate::commands::{Context, Error, material};
use crate::key::{Cost, KeySource, KeyType};
use crate::pki::Certificate;
use crate::secret::Secret;
use crate::store::Staging;

use super::occasion::actor;
use super::passphrase::refuse_weak;
use super::unlock::unlock;

/// Makes a new CA and says where its parts are.
pub(in crate::commands) fn init(arguments: &CaInit, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    // First, so that an occupied directory is refused before anybody is asked.
    let staging = Staging::begin(&directory)?;
    if arguments.root_only || arguments.offline_root {
        return super::apart::init(arguments, staging, &directory, context);
    }
    let needs_passphrase = arguments.root_key.is_none() || arguments.issuing_key.is_none();
    let passphrase = match needs_passphrase {
        true => Some(new_passphrase(arguments, context)?),
        false => None,
    };
    let keys = OwnKeyArgs {
        key_type: arguments.key_type,
        device: &arguments.device,
        unlock: &unlock(&arguments.ca.dir, &arguments.passphrase, context)?,
    };
    let root_key = own_key(arguments.root_key.as_ref(), &keys, context)?;
    let issuing_key = own_key(arguments.issuing_key.as_ref(), &keys, context)?;
    let plan = Bootstrap {
        name: &arguments.name,
        root_key: &root_key,
        issuing_key: &issuing_key,
        root_years: arguments.root_years,
        issuing_years: arguments.issuing_years,
        passphrase: passphrase.as_ref(),
        cost: Cost::Normal,
        occasion: &Occasion {
            actor: &actor(context),
            comment: None,
            at: context.clock.now(),
            accept_clock: false,
        },
    };
    let (root, issuing) = authority::create(staging, &plan, &SystemRandom::new())?;
    let dir = directory.display();
    let anchor = directory.join("trust-anchor.pem");
    if arguments.json {
        return context.printer.json(&json!({
            "directory": directory,
            "trustAnchorFile": anchor,
            "root": shown(&root),
            "issuing": shown(&issuing),
        }));
    }
    context.printer.data(&format!(
        "made a certificate authority in {dir}\n\
         root          {}, until {}\n\
         issuing       {}, until {}\n\
         trust anchor  {}  (give this to Roles Anywhere)\n\
         keep the passphrase and a backup of {dir} apart from each other\n",
        root.subject(),
        root.not_after().format("%Y-%m-%d"),
        issuing.subject(),
        issuing.not_after().format("%Y-%m-%d"),
        anchor.display(),
    ))
}

/// A certificate of the CA, for programs.
pub(super) fn shown(certificate: &Certificate) -> Value {
    json!({
        "subject": certificate.subject().to_string(),
        "serialNumber": certificate.serial().hex(),
        "notBefore": rfc3339(certificate.not_before()),
        "notAfter": rfc3339(certificate.not_after()),
        "fingerprintSha256": certificate.fingerprint(),
    })
}

/// The passphrase for the keys that are made.
pub(super) fn new_passphrase(arguments: &CaInit, context: &Context) -> Result<Secret, Error> {
    let passphrase = material::passphrase_or_ask(
        &arguments.passphrase,
        context,
        "Passphrase for the keys of the new CA",
        true,
    )?;
    refuse_weak(&passphrase)?;
    Ok(passphrase)
}

/// What is said about the keys of an authority that is made.
pub(super) struct OwnKeyArgs<'a> {
    pub(super) key_type: KeyType,
    pub(super) device: &'a DeviceArgs,
    pub(super) unlock: &'a Unlock<'a>,
}

/// The key of an authority: one that is in a device, or a new one.
pub(super) fn own_key(
    named: Option<&KeySource>,
    arguments: &OwnKeyArgs<'_>,
    context: &Context,
) -> Result<OwnKey, Error> {
    let Some(source) = named else {
        return Ok(OwnKey::New(arguments.key_type));
    };
    let source = match source {
        KeySource::Material(place) => KeySource::Material(context.source(place)),
        other => other.clone(),
    };
    let tpm = arguments.device.tpm_device.clone().or_else(|| {
        let named = context.environment.get("TPM_DEVICE");
        named.map(PathBuf::from)
    });
    // What is written down holds wherever the CA is used from.
    let lasting = |path: &PathBuf| -> Option<PathBuf> {
        let is_path = path.to_str().is_none_or(|text| !text.contains(':'));
        match is_path {
            true => std::path::absolute(context.path(path)).ok(),
            false => Some(path.clone()),
        }
    };
    let options = DeviceOptions {
        pkcs11_module: match source {
            KeySource::Token(_) => arguments.device.pkcs11_lib.as_ref().and_then(lasting),
            _ => None,
        },
        reuse_pin: arguments.device.reuse_pin,
        tpm_device: match source {
            KeySource::Token(_) => None,
            _ => tpm.as_ref().and_then(lasting),
        },
    };
    Ok(OwnKey::Device(Box::new(DeviceKey::open(
        &source,
        &options,
        arguments.unlock,
    )?)))
}
