//! `windlass ca init` with the root on a machine of its own.

use std::path::Path;

use ring::rand::SystemRandom;
use serde_json::json;

use crate::authority::{self, Founding, Occasion, OwnKey};
use crate::cli::CaInit;
use crate::commands::{Context, Error};
use crate::key::Cost;
use crate::store::Staging;

use super::init::{OwnKeyArgs, new_passphrase, own_key, shown};
use super::occasion::actor;
use super::unlock::unlock;

/// Makes a root alone, or an issuing CA that waits for its certificate.
pub(super) fn init(
    arguments: &CaInit,
    staging: Staging,
    directory: &Path,
    context: &Context,
) -> Result<(), Error> {
    let named = match arguments.root_only {
        true => arguments.root_key.as_ref(),
        false => arguments.issuing_key.as_ref(),
    };
    let passphrase = match named {
        None => Some(new_passphrase(arguments, context)?),
        Some(_) => None,
    };
    let keys = OwnKeyArgs {
        key_type: arguments.key_type,
        device: &arguments.device,
        unlock: &unlock(&arguments.ca.dir, &arguments.passphrase, context)?,
    };
    let key = own_key(named, &keys, context)?;
    let founding = Founding {
        name: &arguments.name,
        passphrase: passphrase.as_ref(),
        cost: Cost::Normal,
        occasion: &Occasion {
            actor: &actor(context),
            comment: None,
            at: context.clock.now(),
            accept_clock: false,
        },
    };
    let order = Order {
        arguments,
        directory,
        context,
    };
    match arguments.root_only {
        true => order.root(staging, founding, &key),
        false => order.requesting(staging, founding, &key),
    }
}

struct Order<'a> {
    arguments: &'a CaInit,
    directory: &'a Path,
    context: &'a Context,
}

impl Order<'_> {
    fn root(&self, staging: Staging, founding: Founding<'_>, key: &OwnKey) -> Result<(), Error> {
        let years = self.arguments.root_years;
        let random = SystemRandom::new();
        let root = authority::create_root(staging, founding, key, years, &random)?;
        let anchor = self.directory.join("trust-anchor.pem");
        if self.arguments.json {
            return self.context.printer.json(&json!({
                "directory": self.directory,
                "trustAnchorFile": anchor,
                "root": shown(&root),
            }));
        }
        let dir = self.directory.display();
        self.context.printer.data(&format!(
            "made a root in {dir}, without an issuing CA\n\
             root          {}, until {}\n\
             certificate   {}, SHA-256 {}\n\
             next          windlass ca sign-ca --dir {dir} --csr request.pem --out issuing.pem\n\
             keep the passphrase and a backup of {dir} apart from each other\n",
            root.subject(),
            root.not_after().format("%Y-%m-%d"),
            anchor.display(),
            root.fingerprint(),
        ))
    }

    fn requesting(
        &self,
        staging: Staging,
        founding: Founding<'_>,
        key: &OwnKey,
    ) -> Result<(), Error> {
        let random = SystemRandom::new();
        let request = authority::create_requesting(staging, founding, key, &random)?;
        let file = self.directory.join("issuing/request.pem");
        let fingerprint = request.public_key().fingerprint();
        if self.arguments.json {
            return self.context.printer.json(&json!({
                "directory": self.directory,
                "requestFile": file,
                "subject": request.subject().to_string(),
                "keyFingerprintSha256": fingerprint,
            }));
        }
        let dir = self.directory.display();
        self.context.printer.data(&format!(
            "made the key of an issuing CA in {dir}, which waits for its certificate\n\
             issuing       {}\n\
             request       {}\n\
             key           SHA-256 {fingerprint}  (compare it where the root is)\n\
             at the root   windlass ca sign-ca --dir ROOT --csr request.pem --out issuing.pem\n\
             then here     windlass ca install --dir {dir} --cert issuing.pem\n\
             keep the passphrase and a backup of {dir} apart from each other\n",
            request.subject(),
            file.display(),
        ))
    }
}
