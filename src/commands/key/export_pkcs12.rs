//! `windlass key export-pkcs12`

use serde_json::json;

use crate::cli::{IdentityArgs, KeyArgs, KeyExportPkcs12, UnlockArgs};
use crate::clock::rfc3339;
use crate::commands::identity::{Exportable, exportable};
use crate::commands::{Context, Error, material};
use crate::key::{Cost, FriendlyName, Pkcs12, Pkcs12Scheme, write_pkcs12};
use crate::limits;
use crate::pki::Certificate;
use crate::secret::Secret;
use crate::store::{self, Readers};
use crate::text::printable;

/// Writes a key with its certificates into a PKCS#12 file, and says what is in it.
pub(in crate::commands) fn export_pkcs12(
    arguments: &KeyExportPkcs12,
    context: &Context,
) -> Result<(), Error> {
    let out = context.path(&arguments.out);
    let (old, new) = (&arguments.passphrase, &arguments.new);
    let new = material::new_passphrase_source(new, old, context, "Passphrase of the new file")?;
    // Before anybody is asked for anything.
    if arguments.force {
        store::check_parent(&out)?;
    } else {
        store::check_new(&out)?;
    }
    let exported = exportable(&identity_of(arguments), arguments.root.as_ref(), context)?;
    let leaf = exported.identity.leaf();
    let by_default = || leaf.subject().common_name()?.parse().ok();
    let name: Option<FriendlyName> = arguments.name.clone().or_else(by_default);
    let chain = exported.identity.chain().iter().chain(&exported.root);
    let chain: Vec<&Certificate> = chain.collect();
    let passphrase = new.read(&context.environment)?;
    let ders: Vec<&[u8]> = chain.iter().map(|certificate| certificate.der()).collect();
    let file = write_pkcs12(
        &Pkcs12 {
            key: &exported.pkcs8,
            certificate: leaf.der(),
            chain: &ders,
            name: name.as_ref(),
        },
        &passphrase,
        match arguments.legacy {
            true => Pkcs12Scheme::Legacy,
            false => Pkcs12Scheme::Modern,
        },
        Cost::Normal,
        &out.display().to_string(),
    )?;
    if arguments.force {
        store::write_atomic(&out, &file, Readers::Owner)?;
    } else {
        store::write_new(&out, &file)?;
    }
    warn(&passphrase, context);
    if arguments.json {
        let subjects: Vec<String> = chain.iter().map(|it| it.subject().to_string()).collect();
        return context.printer.json(&json!({
            "file": out,
            "friendlyName": name.as_ref().map(FriendlyName::as_str),
            "subject": leaf.subject().to_string(),
            "serialNumber": leaf.serial().hex(),
            "notAfter": rfc3339(leaf.not_after()),
            "fingerprintSha256": leaf.fingerprint(),
            "chain": subjects,
            "hasRoot": exported.root.is_some(),
            "legacy": arguments.legacy,
        }));
    }
    let text = shown(arguments, &exported, name.as_ref(), &chain);
    context.printer.data(&text)
}

/// The options in the form in which the other verbs have them.
fn identity_of(arguments: &KeyExportPkcs12) -> IdentityArgs {
    IdentityArgs {
        identity: arguments.identity.clone(),
        certificate: arguments.certificate.clone(),
        key: KeyArgs {
            private_key: arguments.private_key.clone(),
            allow_insecure_key_permissions: arguments.allow_insecure_key_permissions,
            ..KeyArgs::default()
        },
        intermediates: arguments.intermediates.clone(),
        unlock: UnlockArgs {
            passphrase: arguments.passphrase.clone(),
            pkcs8_password: None,
        },
    }
}

/// Of a passphrase that is good, but not everywhere.
fn warn(passphrase: &Secret, context: &Context) {
    let Some(text) = passphrase.expose_str() else {
        return;
    };
    if !text.is_ascii() {
        context.printer.warning(
            "the passphrase is not ASCII: Java does not take it, and other programs may encode it in another way",
        );
    }
    if text.chars().count() < limits::MIN_NEW_PASSPHRASE {
        context.printer.warning(
            "the passphrase is short: whoever gets hold of the file can try all of that length",
        );
    }
}

fn shown(
    arguments: &KeyExportPkcs12,
    exported: &Exportable,
    name: Option<&FriendlyName>,
    chain: &[&Certificate],
) -> String {
    let leaf = exported.identity.leaf();
    let mut text = format!(
        "wrote {}\n\
         certificate    {}\n\
         serial number  {}\n\
         valid until    {}\n",
        arguments.out.display(),
        leaf.subject(),
        leaf.serial(),
        rfc3339(leaf.not_after()),
    );
    for certificate in chain {
        text.push_str(&format!("chain          {}\n", certificate.subject()));
    }
    if let Some(name) = name {
        let name = printable(name.as_str(), limits::MAX_SHOWN_NAME);
        text.push_str(&format!("name           {name}\n"));
    }
    text.push_str(if arguments.legacy {
        "encrypted      with 3DES and HMAC-SHA-1, for old programs\n"
    } else {
        "encrypted      with AES-256 and HMAC-SHA-256\n"
    });
    text
}
