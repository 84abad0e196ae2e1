//! `windlass ca sign-ca`

use ring::rand::SystemRandom;
use serde_json::json;

use crate::authority::{CaRequest, Delivery, RootSigner};
use crate::cli::CaSignCa;
use crate::clock::rfc3339;
use crate::commands::{Context, Error};
use crate::limits;
use crate::pki::CertificateRequest;

use super::confirm::Confirm;
use super::issue;
use super::occasion::{actor, occasion};
use super::sign::refuse_twice;
use super::unlock::unlock;

/// Certifies an issuing CA and says where its certificate is.
pub(in crate::commands) fn sign_ca(arguments: &CaSignCa, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let out = context.path(&arguments.out);
    let source = context.source(&arguments.csr);
    refuse_twice(&source, &arguments.passphrase)?;
    // What cannot be written is refused before anybody is asked.
    let delivery = Delivery::file(&out)?;
    let origin = source.to_string();
    let content = source.read(&context.environment, limits::MAX_REQUEST)?;
    let request = CertificateRequest::read(&content.bytes, &origin)?;
    let wanted = CaRequest {
        request: &request,
        origin: &origin,
        years: arguments.issuing_years,
        force: arguments.force,
    };
    wanted.check()?;
    let fingerprint = request.public_key().fingerprint();
    Confirm {
        what: &format!("the key in {origin}"),
        found: &fingerprint,
        option: "key-fingerprint",
        given: arguments.key_fingerprint.as_deref(),
        shown: &format!(
            "request        {origin}\n\
             for            {}\n\
             key            {}, SHA-256 {fingerprint}\n",
            request.subject(),
            request.public_key().algorithm(),
        ),
    }
    .ask(context)?;
    let signer = RootSigner::open(
        &directory,
        &unlock(&directory, &arguments.passphrase, context)?,
    )?;
    let actor = actor(context);
    let certified = signer.certify(
        &wanted,
        delivery,
        &occasion(&actor, &arguments.occasion, context),
        &SystemRandom::new(),
    )?;
    let certificate = &certified.certificate;
    if certified.clamped {
        context.printer.warning(&format!(
            "the certificate ends with its root, on {}, not after the years that were asked for",
            rfc3339(certificate.not_after()),
        ));
    }
    if let Some(error) = &certified.unrecorded {
        context.printer.warning(&format!(
            "the inventory lists the certificate, but could not note its delivery: {error}"
        ));
    }
    let root = signer.certificate();
    if arguments.json {
        let mut shown = issue::as_json(certificate);
        shown["keyFingerprintSha256"] = json!(fingerprint);
        shown["fullchainFile"] = json!(out);
        shown["rootSubject"] = json!(root.subject().to_string());
        shown["rootFingerprintSha256"] = json!(root.fingerprint());
        return context.printer.json(&shown);
    }
    context.printer.data(&format!(
        "certified the issuing CA {}\n\
         serial number  {}\n\
         valid          {} to {}\n\
         with root      {}\n\
         root           {}, SHA-256 {}\n\
         next, there    windlass ca install --dir DIR --cert {}\n",
        certificate.subject(),
        certificate.serial(),
        rfc3339(certificate.not_before()),
        rfc3339(certificate.not_after()),
        out.display(),
        root.subject(),
        root.fingerprint(),
        out.display(),
    ))
}
