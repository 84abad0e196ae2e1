//! What the options of a session mean.

use crate::cli::SessionArgs;
use crate::commands::{Context, Error, material};
use crate::rolesanywhere::{Endpoint, EndpointError, Region, Target, TlsTrust, TransportSettings};

/// Anchor, profile and role, which must fit together and with the region.
pub(super) fn target(arguments: &SessionArgs) -> Result<Target, Error> {
    let missing = |what, option| Error::Missing { what, option };
    let target = Target::new(
        arguments
            .trust_anchor_arn
            .clone()
            .ok_or_else(|| missing("trust anchor", "trust-anchor-arn"))?,
        arguments
            .profile_arn
            .clone()
            .ok_or_else(|| missing("Roles Anywhere profile", "profile-arn"))?,
        arguments
            .role_arn
            .clone()
            .ok_or_else(|| missing("role", "role-arn"))?,
    )?;
    if let Some(given) = &arguments.region {
        let (bare, _) = bare_region(given);
        let region: Region = bare.parse().map_err(|reason| Error::Region {
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
    Ok(target)
}

/// `us-east-1-fips` and `fips-us-east-1` are old names for the FIPS endpoint;
/// the signature's scope carries the bare region.
fn bare_region(given: &str) -> (&str, bool) {
    let bare = given
        .strip_suffix("-fips")
        .or_else(|| given.strip_prefix("fips-"));
    (bare.unwrap_or(given), bare.is_some())
}

/// Where the request is sent.
pub(super) fn endpoint(
    arguments: &SessionArgs,
    context: &Context,
    region: &Region,
) -> Result<Endpoint, Error> {
    let named = arguments.region.as_deref();
    let fips = arguments.fips
        || named.is_some_and(|region| bare_region(region).1)
        || is_true(context, "AWS_USE_FIPS_ENDPOINT");
    let dual_stack = arguments.dual_stack || is_true(context, "AWS_USE_DUALSTACK_ENDPOINT");
    let variables = ["AWS_ENDPOINT_URL_ROLESANYWHERE", "AWS_ENDPOINT_URL"];
    let given = arguments.endpoint.as_deref().map(|url| (None, url));
    let custom = given.or_else(|| {
        variables.into_iter().find_map(|name| {
            let url = context.environment.get_str(name)?;
            Some((Some(name), url))
        })
    });
    Ok(match custom {
        Some(_) if fips || dual_stack => return Err(EndpointError::Combined.into()),
        Some((None, url)) => Endpoint::custom(url)?,
        Some((Some(name), url)) => Endpoint::custom(url).map_err(|error| Error::Variable {
            name,
            source: Box::new(error.into()),
        })?,
        None => Endpoint::of_region(region, fips, dual_stack)?,
    })
}

/// How it is sent.
pub(super) fn transport(
    arguments: &SessionArgs,
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
