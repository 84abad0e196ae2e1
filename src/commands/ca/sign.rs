//! `windlass ca sign`

use std::path::Path;

use crate::authority::{self, CommonName, Delivery, IssueRequest, RequestedKey, TagValue};
use crate::cli::{CaSign, NameArgs, PassphraseArgs, TypedPassphrase};
use crate::commands::{Context, Error};
use crate::key::Source;
use crate::limits;
use crate::pki::{CertificateRequest, GeneralName};
use crate::text::printable;

use super::issue::{Order, Target};
use super::outside::check_outside;

/// Issues a certificate for a request and says where its files are.
pub(in crate::commands) fn sign(arguments: &CaSign, context: &Context) -> Result<(), Error> {
    let source = context.source(&arguments.csr);
    refuse_twice(&source, &arguments.passphrase)?;
    // What cannot be written is refused before anybody is asked.
    let is_stdout = arguments.out.as_deref() == Some(Path::new("-"));
    let out = arguments.out.as_deref().map(|out| context.path(out));
    let out = out.filter(|_| !is_stdout);
    if let Some(out) = &out {
        check_outside(out, &context.path(&arguments.ca.dir))?;
    }
    let target = match &out {
        _ if arguments.terms.dry_run => None,
        None => Some(Target {
            delivery: Delivery::Handed,
            path: None,
        }),
        Some(out) => Some(Target {
            delivery: begin(out)?,
            path: Some(out.clone()),
        }),
    };
    let origin = source.to_string();
    let content = source.read(&context.environment, limits::MAX_REQUEST)?;
    let request = CertificateRequest::read(&content.bytes, &origin)?;
    for ignored in request.ignored() {
        context.printer.warning(&format!("{origin}: {ignored}"));
    }
    let said = Said {
        cn: arguments.cn.clone(),
        names: arguments.names.clone(),
        days: arguments.terms.days,
        profile: arguments.terms.profile.clone(),
    };
    Order {
        directory: context.path(&arguments.ca.dir),
        request: wanted(&request, &origin, said)?,
        target,
        ignored: Some(request.ignored().to_vec()),
        passphrase: &arguments.passphrase,
        occasion: &arguments.occasion,
        json: arguments.json,
    }
    .carry_out(context)
}

/// The standard input holds one thing.
pub(super) fn refuse_twice(source: &Source, passphrase: &PassphraseArgs) -> Result<(), Error> {
    let both = *source == Source::Stdin
        && matches!(
            passphrase.source(),
            Some(TypedPassphrase::Source(Source::Stdin))
        );
    if both {
        return Err(Error::ReadTwice {
            origin: "the standard input".to_owned(),
        });
    }
    Ok(())
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

/// What is said beside a request, and overrides it kind by kind.
pub(in crate::commands) struct Said {
    pub(super) cn: Option<CommonName>,
    pub(super) names: NameArgs,
    pub(super) days: Option<u32>,
    pub(super) profile: Option<String>,
}

impl Said {
    /// Names are the request's own.
    pub(in crate::commands) fn nothing_of_names(
        days: Option<u32>,
        profile: Option<String>,
    ) -> Self {
        Self {
            cn: None,
            names: NameArgs {
                san: Vec::new(),
                organization: None,
                ou: Vec::new(),
            },
            days,
            profile,
        }
    }
}

/// The names that are asked for by the request, unless others are said.
pub(in crate::commands) fn wanted(
    request: &CertificateRequest,
    origin: &str,
    said: Said,
) -> Result<IssueRequest, authority::Error> {
    let refused = |what: &str, value: &str, reason: String| authority::Error::RequestedName {
        origin: origin.to_owned(),
        what: format!("the {what} '{}'", printable(value, 200)),
        reason,
    };
    let common_name = match said.cn {
        Some(name) => name,
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
    let organization = match said.names.organization {
        Some(name) => Some(name),
        None => only(request, "O", origin)?
            .map(|value| parse_value("organization", value))
            .transpose()?,
    };
    let mut organizational_units = said.names.ou;
    if organizational_units.is_empty() {
        organizational_units = request
            .subject_values("OU")
            .map(|value| parse_value("organizational unit", value))
            .collect::<Result<_, _>>()?;
    }
    let mut names = said.names.san;
    if names.is_empty() {
        let parse = |name: &String| {
            name.parse::<GeneralName>()
                .map_err(|reason| refused("alternative name", name, reason))
        };
        names = request
            .names()
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()?;
    }
    Ok(IssueRequest {
        common_name,
        organization,
        organizational_units,
        names,
        key: RequestedKey::Given(request.public_key().clone()),
        days: said.days,
        profile: said.profile,
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
