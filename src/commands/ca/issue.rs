//! `windlass ca issue`

use ring::rand::SystemRandom;
use serde_json::json;

use crate::authority::{Authority, IssueRequest};
use crate::cli::CaIssue;
use crate::clock::rfc3339;
use crate::commands::{Context, Error, material};
use crate::store::Staging;

use super::occasion::{actor, occasion};

/// Issues a certificate and says where its files are.
pub(in crate::commands) fn issue(arguments: &CaIssue, context: &Context) -> Result<(), Error> {
    let directory = context.path(&arguments.ca.dir);
    let out = context.path(&arguments.out);
    // First, so that an occupied directory is refused before anybody is asked.
    let staging = Staging::begin(&out)?;
    let authority = Authority::open(&directory, || {
        material::passphrase_or_ask(
            &arguments.passphrase,
            context,
            &format!("Passphrase of the CA in {}", directory.display()),
            false,
        )
        .map(Some)
    })?;
    let request = IssueRequest {
        common_name: arguments.cn.clone(),
        organization: arguments.organization.clone(),
        organizational_units: arguments.ou.clone(),
        names: arguments.san.clone(),
        key_type: arguments.key_type,
        days: arguments.days,
    };
    let actor = actor(context);
    let occasion = occasion(&actor, &arguments.occasion, context);
    let issued = authority.issue(&request, staging, &occasion, &SystemRandom::new())?;
    let certificate = &issued.certificate;
    if issued.clamped {
        context.printer.warning(&format!(
            "the certificate ends with its CA, on {}, not after {} days",
            rfc3339(certificate.not_after()),
            arguments.days
        ));
    }
    if let Some(error) = &issued.unrecorded {
        context.printer.warning(&format!(
            "the inventory lists the certificate, but could not note its delivery: {error}"
        ));
    }
    let file = |name: &str| out.join(name);
    if arguments.json {
        return context.printer.json(&json!({
            "subject": certificate.subject().to_string(),
            "subjectAlternativeNames": certificate.alternative_names(),
            "serialNumber": certificate.serial().hex(),
            "notBefore": rfc3339(certificate.not_before()),
            "notAfter": rfc3339(certificate.not_after()),
            "fingerprintSha256": certificate.fingerprint(),
            "privateKey": file("key.pem"),
            "certificate": file("cert.pem"),
            "chain": file("chain.pem"),
            "fullchain": file("fullchain.pem"),
        }));
    }
    context.printer.data(&format!(
        "issued a certificate to {}\n\
         serial number  {}\n\
         valid          {} to {}\n\
         private key    {}\n\
         certificate    {}\n\
         with chain     {}\n",
        certificate.subject(),
        certificate.serial(),
        rfc3339(certificate.not_before()),
        rfc3339(certificate.not_after()),
        file("key.pem").display(),
        file("cert.pem").display(),
        file("fullchain.pem").display(),
    ))
}
