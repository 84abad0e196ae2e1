//! `windlass ca sign`

use std::path::Path;

use crate::authority::{self, CommonName, Delivery, IssueRequest, RequestedKey, TagValue};
use crate::cli::{CaSign, TypedPassphrase};
use crate::commands::{Context, Error};
use crate::key::Source;
use crate::limits;
use crate::pki::{CertificateRequest, GeneralName};
use crate::text::printable;

use super::issue::{Order, Target};

/// Issues a certificate for a request and says where its files are.
pub(in crate::commands) fn sign(arguments: &CaSign, context: &Context) -> Result<(), Error> {
    let source = context.source(&arguments.csr);
    let passphrase = arguments.passphrase.source();
    if source == Source::Stdin && matches!(passphrase, Some(TypedPassphrase::Source(Source::Stdin)))
    {
        return Err(Error::ReadTwice {
            origin: "the standard input".to_owned(),
        });
    }
    // What cannot be written is refused before anybody is asked.
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let target = match &out {
        Some(out) if !arguments.terms.dry_run => Some(Target {
            delivery: begin(out)?,
            path: out.clone(),
        }),
        _ => None,
    };
    let origin = source.to_string();
    let content = source.read(&context.environment, limits::MAX_REQUEST)?;
    let request = CertificateRequest::read(&content.bytes, &origin)?;
    for ignored in request.ignored() {
        context.printer.warning(&format!("{origin}: {ignored}"));
    }
    Order {
        directory: context.path(&arguments.ca.dir),
        request: wanted(&request, &origin, arguments)?,
        target,
        ignored: Some(request.ignored().to_vec()),
        passphrase: &arguments.passphrase,
        occasion: &arguments.occasion,
        json: arguments.json,
    }
    .carry_out(context)
}

fn begin(out: &Path) -> Result<Delivery, Error> {
    let is_file = out
        .extension()
        .is_some_and(|extension| extension == "pem" || extension == "crt");
    Ok(if is_file {
        Delivery::file(out)?
    } else {
        Delivery::directory(out)?
    })
}

/// The names that are asked for by the request, unless options say others.
fn wanted(
    request: &CertificateRequest,
    origin: &str,
    arguments: &CaSign,
) -> Result<IssueRequest, Error> {
    let refused = |what: &str, value: &str, reason: String| authority::Error::RequestedName {
        origin: origin.to_owned(),
        what: format!("the {what} '{}'", printable(value, 200)),
        reason,
    };
    let common_name = match &arguments.cn {
        Some(name) => name.clone(),
        None => {
            let nothing = || authority::Error::RequestedName {
                origin: origin.to_owned(),
                what: "no common name".to_owned(),
                reason: "its subject has no CN".to_owned(),
            };
            let value = only(request, "CN", origin)?.ok_or_else(nothing)?;
            value
                .parse::<CommonName>()
                .map_err(|reason| refused("common name", value, reason))?
        }
    };
    let parse_value = |what: &str, value: &str| {
        value
            .parse::<TagValue>()
            .map_err(|reason| refused(what, value, reason))
    };
    let organization = match &arguments.names.organization {
        Some(name) => Some(name.clone()),
        None => only(request, "O", origin)?
            .map(|value| parse_value("organization", value))
            .transpose()?,
    };
    let organizational_units = if arguments.names.ou.is_empty() {
        request
            .subject_values("OU")
            .map(|value| parse_value("organizational unit", value))
            .collect::<Result<_, _>>()?
    } else {
        arguments.names.ou.clone()
    };
    let names = if arguments.names.san.is_empty() {
        request
            .names()
            .iter()
            .map(|name| {
                name.parse::<GeneralName>()
                    .map_err(|reason| refused("alternative name", name, reason))
            })
            .collect::<Result<_, _>>()?
    } else {
        arguments.names.san.clone()
    };
    Ok(IssueRequest {
        common_name,
        organization,
        organizational_units,
        names,
        key: RequestedKey::Given(request.public_key().clone()),
        days: arguments.terms.days,
        profile: arguments.terms.profile.clone(),
        request_id: None,
    })
}

/// The value of an attribute that a certificate has once.
fn only<'a>(
    request: &'a CertificateRequest,
    name: &'a str,
    origin: &str,
) -> Result<Option<&'a str>, authority::Error> {
    let values: Vec<&str> = request.subject_values(name).collect();
    match values.as_slice() {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        several => Err(authority::Error::RequestedName {
            origin: origin.to_owned(),
            what: format!("several {name}"),
            reason: format!(
                "its subject has {}: {}",
                several.len(),
                printable(&several.join(", "), 200)
            ),
        }),
    }
}
