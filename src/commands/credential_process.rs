//! `windlass credential-process`

use crate::cli::CredentialProcess;
use crate::delivery::process_json;
use crate::limits;
use crate::rolesanywhere::{
    self, CreateSession, Endpoint, EndpointError, Exchange, Region, Target, TlsTrust, Transport,
    TransportSettings, create_session,
};

use super::{Context, Error, identity, material};

/// Below this many seconds botocore finds every session due for refresh and
/// runs the command again for each request.
const SHORT_SESSION: u32 = 1200;

/// What the options mean.
struct SessionPlan {
    request: CreateSession,
    endpoint: Endpoint,
}

/// Obtains credentials and prints them as one JSON document.
pub(super) fn run(arguments: &CredentialProcess, context: &Context) -> Result<(), Error> {
    let plan = plan(arguments, context)?;
    let identity = identity::load(&arguments.identity, context)?;
    // Before the key is used and a connection is opened.
    identity.check_validity(context.clock.now())?;
    if arguments.session_duration.seconds() < SHORT_SESSION {
        context.printer.warning(&format!(
            "the AWS CLI and boto3 fetch a session of less than {SHORT_SESSION} s anew at every use"
        ));
    }
    let transport = Transport::new(&transport_settings(arguments, context, &plan.endpoint)?)?;
    context.printer.note(&format!(
        "asking {} for a session as {}",
        plan.endpoint,
        plan.request.target.role()
    ));
    let credentials = create_session(
        Exchange {
            endpoint: &plan.endpoint,
            transport: &transport,
            until: Some(context.started + limits::TOTAL_DEADLINE),
        },
        &plan.request,
        &identity,
        context.clock.as_ref(),
    )?;
    let document = process_json(&credentials).ok_or_else(|| rolesanywhere::Error::BadResponse {
        host: plan.endpoint.authority(),
        status: 201,
        reason: "its credentials are not text".to_owned(),
    })?;
    context.printer.bytes(document.expose())
}

fn plan(arguments: &CredentialProcess, context: &Context) -> Result<SessionPlan, Error> {
    let target = Target::new(
        arguments.trust_anchor_arn.clone(),
        arguments.profile_arn.clone(),
        arguments.role_arn.clone(),
    )?;
    let mut fips = arguments.fips || is_true(context, "AWS_USE_FIPS_ENDPOINT");
    let dual_stack = arguments.dual_stack || is_true(context, "AWS_USE_DUALSTACK_ENDPOINT");
    if let Some(given) = &arguments.region {
        // `us-east-1-fips` and `fips-us-east-1` are old names for the FIPS
        // endpoint; the signature's scope carries the bare region.
        let bare = given
            .strip_suffix("-fips")
            .or_else(|| given.strip_prefix("fips-"));
        fips |= bare.is_some();
        let region: Region = bare
            .unwrap_or(given)
            .parse()
            .map_err(|reason| Error::Region {
                value: given.clone(),
                reason,
            })?;
        if &region != target.region() {
            return Err(Error::RegionMismatch {
                trust_anchor: target.region().clone(),
                given: region,
            });
        }
    }
    let variables = ["AWS_ENDPOINT_URL_ROLESANYWHERE", "AWS_ENDPOINT_URL"];
    let given = arguments.endpoint.as_deref().map(|url| (None, url));
    let custom = given.or_else(|| {
        variables.into_iter().find_map(|name| {
            let url = context.environment.get_str(name)?;
            Some((Some(name), url))
        })
    });
    let endpoint = match custom {
        Some(_) if fips || dual_stack => return Err(EndpointError::Combined.into()),
        Some((None, url)) => Endpoint::custom(url)?,
        Some((Some(name), url)) => Endpoint::custom(url).map_err(|error| Error::Variable {
            name,
            source: Box::new(error.into()),
        })?,
        None => Endpoint::of_region(target.region(), fips, dual_stack)?,
    };
    Ok(SessionPlan {
        request: CreateSession {
            target,
            duration: arguments.session_duration,
            session_name: arguments.role_session_name.clone(),
        },
        endpoint,
    })
}

fn transport_settings(
    arguments: &CredentialProcess,
    context: &Context,
    endpoint: &Endpoint,
) -> Result<TransportSettings, Error> {
    let trust = if arguments.no_verify_ssl {
        context.printer.warning(
            "--no-verify-ssl: the server's certificate is not checked, whoever is in between can take the credentials",
        );
        TlsTrust::DangerousAnything
    } else {
        TlsTrust::Roots {
            additional: material::tls_roots(arguments.ca_bundle.as_deref(), context)?,
        }
    };
    let variable = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|name| context.environment.get_str(name))
            .map(str::to_owned)
    };
    Ok(TransportSettings {
        trust,
        // As in Go and curl, loopback is never reached through a proxy.
        proxy: variable(["HTTPS_PROXY", "https_proxy"]).filter(|_| !endpoint.is_loopback()),
        no_proxy: variable(["NO_PROXY", "no_proxy"]),
        ..TransportSettings::default()
    })
}

/// AWS SDKs take `true` in any case for their switches.
fn is_true(context: &Context, name: &str) -> bool {
    context
        .environment
        .get_str(name)
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
