//! `windlass ca init`

use ring::rand::SystemRandom;
use serde_json::json;

use crate::authority::{self, Bootstrap, Occasion};
use crate::cli::CaInit;
use crate::clock::rfc3339;
use crate::commands::{Context, Error, material};
use crate::key::Cost;
use crate::limits;
use crate::store::Staging;

use super::occasion::actor;

/// Makes a new CA and says where its parts are.
pub(in crate::commands) fn init(arguments: &CaInit, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    // First, so that an occupied directory is refused before anybody is asked.
    let staging = Staging::begin(&directory)?;
    let passphrase = material::passphrase_or_ask(
        &arguments.passphrase,
        context,
        "Passphrase for the keys of the new CA",
        true,
    )?;
    let count = passphrase
        .expose_str()
        .map_or_else(|| passphrase.expose().len(), |text| text.chars().count());
    if count < limits::MIN_NEW_PASSPHRASE {
        return Err(Error::WeakPassphrase {
            count,
            min: limits::MIN_NEW_PASSPHRASE,
        });
    }
    let plan = Bootstrap {
        name: &arguments.name,
        key_type: arguments.key_type,
        root_years: arguments.root_years,
        issuing_years: arguments.issuing_years,
        passphrase: &passphrase,
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
        let shown = |certificate: &crate::pki::Certificate| {
            json!({
                "subject": certificate.subject().to_string(),
                "serialNumber": certificate.serial().hex(),
                "notBefore": rfc3339(certificate.not_before()),
                "notAfter": rfc3339(certificate.not_after()),
                "fingerprintSha256": certificate.fingerprint(),
            })
        };
        return context.printer.json(&json!({
            "directory": directory,
            "trustAnchor": anchor,
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
